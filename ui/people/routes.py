"""`/people`: supervisors keep the accounts. Nobody's PIN passes here: its owner chooses it with a link that works once.

Every act is noted with who did it, in the act's own transaction (kiosk/accounts.py).
"""

from urllib.parse import urlencode

from flask import Blueprint, Flask, request
from flask.typing import ResponseReturnValue

from config.settings import Settings
from kiosk.accounts import (
    CODE_SECONDS,
    Accounts,
    AccountUnusable,
    LastSupervisor,
    NameTaken,
    NoSuchAccount,
    Role,
    clean_name,
)
from kiosk.clock import Clock, at_site
from kiosk.visit_views import VisitViews
from ui.desk.access import allow, signed
from ui.desk.pages import StaffPages
from ui.errors import UnknownAction
from ui.people import readings, views
from ui.people.handed import Outcome, picture_of
from wire.errors import TiepDonError

MOST_SHOWN = 100  # acts
CHOOSE = "secret"


class OwnAccount(TiepDonError):
    """Nobody takes from themself what lets them in: another supervisor does."""

    code = "account.own"


def blueprint(
    app: Flask, settings: Settings, accounts: Accounts, seen: VisitViews, clock: Clock, build: str
) -> Blueprint:
    """The routes. `build` names the version of the assets."""
    pages = allow(Blueprint("people", __name__, url_prefix="/people"), Role.SUPERVISOR)
    staff = StaffPages(app, settings, "people", build)

    def render(outcome: Outcome | None = None, problem: TiepDonError | None = None, part: bool = False) -> str:
        who, said, offset = signed(), staff.said(), settings.site.utc_offset_minutes
        return staff.render(
            "accounts" if part else "people",
            said,
            signed=who,
            rows=views.account_rows(accounts.all(), who.account, said),
            acts=views.account_acts(accounts.acts(MOST_SHOWN), offset, said),
            roles=views.roles(said),
            outcome=outcome,
            problem=said.error(problem.code) if problem is not None else None,
            field=str(problem.data.get("field", "")) if problem is not None else "",
            typed=dict(request.form) if problem is not None and request.endpoint == "people.add" else {},
            hours=CODE_SECONDS // 3600,
        )

    def handed(done: str, name: str, code: str) -> Outcome:
        link = f"{request.url_root}{CHOOSE}#{code}"  # behind the #, where no server and no log sees it
        return Outcome(done=done, about=name, code=code, link=link, picture=picture_of(link))

    def not_own(name: str) -> None:
        if name == signed().account:
            raise OwnAccount

    @pages.errorhandler(OwnAccount)
    @pages.errorhandler(AccountUnusable)
    @pages.errorhandler(NameTaken)
    @pages.errorhandler(NoSuchAccount)
    @pages.errorhandler(LastSupervisor)
    def refused(problem: TiepDonError) -> ResponseReturnValue:
        return render(problem=problem, part=True), 422

    @pages.get("")
    def people() -> ResponseReturnValue:
        return render()

    @pages.get("/readings")
    def read() -> ResponseReturnValue:
        said, offset = staff.said(), settings.site.utc_offset_minutes
        asked = readings.wanted(request.args, at_site(clock.now(), offset).date())
        found, last = readings.found(seen, asked)
        older = {"by": asked.by, "number": asked.number, "day": asked.day, "before": last}
        return staff.render(
            "readings",
            said,
            signed=signed(),
            asked=asked,
            rows=readings.reading_rows(found, offset, said),
            older=urlencode(older) if last is not None else "",
        )

    @pages.post("/add")
    def add() -> ResponseReturnValue:
        form = request.form
        name = clean_name(form.get("name", ""))
        officer = "".join(form.get("officer_id", "").split())
        code = accounts.add(name, form.get("full_name", ""), role_of(form), officer, signed().account)
        return render(handed("added", name, code), part=True)

    @pages.post("/<name>/change")
    def change(name: str) -> ResponseReturnValue:
        form, before, role = request.form, accounts.one(name), role_of(request.form)
        if role is not before.role:
            not_own(name)
        # The number is not shown whole, so an empty field leaves it as it is.
        officer = "".join(form.get("officer_id", "").split()) or before.officer_id
        if form.get("no_officer_id"):
            officer = ""
        accounts.change(name, form.get("full_name", ""), role, officer, signed().account)
        return render(Outcome(done="changed", about=name), part=True)

    @pages.post("/<name>/reset")
    def reset(name: str) -> ResponseReturnValue:
        not_own(name)
        return render(handed("reset", name, accounts.reset(name, signed().account)), part=True)

    @pages.post("/<name>/disable")
    def disable(name: str) -> ResponseReturnValue:
        not_own(name)
        accounts.disable(name, signed().account)
        return render(Outcome(done="disabled", about=name), part=True)

    @pages.post("/<name>/enable")
    def enable(name: str) -> ResponseReturnValue:
        accounts.enable(name, signed().account)
        return render(Outcome(done="enabled", about=name), part=True)

    return pages


def role_of(form: "dict[str, str]") -> Role:
    """The role that was chosen. Raises UnknownAction."""
    try:
        return Role(form.get("role", ""))
    except ValueError:
        raise UnknownAction(why="no such role") from None
