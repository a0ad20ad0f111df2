"""`/sessions`: everybody sees where they are signed in and ends it; supervisors likewise for all."""

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue

from config.settings import Settings
from kiosk.accounts import Role
from kiosk.sessions import Sessions
from ui.desk.access import allow, signed
from ui.desk.pages import StaffPages
from ui.people import views
from wire.errors import TiepDonError


class NoSuchSession(TiepDonError):
    """The session has ended by itself, or is somebody else's."""

    code = "session.unknown"


def blueprint(app: Flask, settings: Settings, sessions: Sessions, build: str) -> Blueprint:
    """The routes, for everybody with an account. `build` names the version of the assets."""
    pages = allow(Blueprint("sessions", __name__, url_prefix="/sessions"), *Role)
    staff = StaffPages(app, settings, "people", build)

    def whose() -> str:
        return "" if signed().role is Role.SUPERVISOR else signed().account

    def render(done: bool = False, problem: TiepDonError | None = None, part: bool = False) -> str:
        who, said, offset = signed(), staff.said(), settings.site.utc_offset_minutes
        return staff.render(
            "open" if part else "sessions",
            said,
            signed=who,
            rows=views.session_rows(sessions.open(whose()), who.session, offset),
            done=done,
            problem=said.error(problem.code) if problem is not None else None,
        )

    @pages.errorhandler(NoSuchSession)
    def refused(problem: TiepDonError) -> ResponseReturnValue:
        return render(problem=problem, part=True), 422

    @pages.get("")
    def listed() -> ResponseReturnValue:
        return render()

    @pages.post("/<session>/end")
    def end(session: str) -> ResponseReturnValue:
        if not sessions.end(session, signed().account, whose()):
            raise NoSuchSession
        return render(done=True, part=True)

    return pages
