"""The state of this machine as a page: the doctor's last report, and a button that asks for another.

The desk may not see the devices; whoever may (a unit of its own, or `tiepdon run`) makes the report and puts it into
the folder of the run (`wire.findings`). Must not look at any part itself.
"""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from flask import Blueprint, Flask, request
from flask.typing import ResponseReturnValue

from config.settings import Settings
from kiosk.accounts import Role
from ui.desk.access import allow
from ui.desk.pages import StaffPages
from ui.technician.doctor_views import report_of
from ui.technician.views import why_of
from wire.errors import TiepDonError
from wire.findings import REPORT, ask_for_report, asked_at, read_report

LONGEST_SECONDS = 30.0  # a report takes ten; the unit that makes it has to be started first


def blueprint(
    app: Flask,
    settings: Settings,
    build: str,
    now: Callable[[], datetime],
    seconds: Callable[[], float] = time.time,
) -> Blueprint:
    """The routes. `build` names the version of the assets; `seconds`: since the epoch, by the clock of the files."""
    pages = Blueprint("doctor", __name__, url_prefix="/technician/doctor")
    staff = StaffPages(app, settings, "technician", build)
    run, offset = Path(settings.paths.run), settings.site.utc_offset_minutes

    def render(template: str, **context: object) -> str:
        return staff.render(template, staff.said(), **context)

    def state() -> dict[str, object]:
        """The last report, and whether another is on its way."""
        said, asked = staff.said(), asked_at(run)
        waits = asked is not None and seconds() - asked < LONGEST_SECONDS
        told: dict[str, object] = {"looking": waits, "late": asked is not None and not waits}
        try:
            report = read_report(run / REPORT)
        except TiepDonError as error:
            return {**told, "report": None, "problem": why_of(error.code, said)}
        return {**told, "report": report_of(report, now(), offset, said), "problem": None}

    @pages.get("")
    def page() -> ResponseReturnValue:
        return render("doctor", **state())

    @pages.get("/report")
    def part() -> ResponseReturnValue:
        return render("doctor_report", **state())

    @pages.post("/look")
    def look() -> ResponseReturnValue:
        request.max_content_length = 1024
        try:
            ask_for_report(run)
        except OSError:
            return render("problem", told=why_of("doctor.not_allowed", staff.said())), 503
        return render("doctor_report", **state())

    return allow(pages, Role.TECHNICIAN, Role.SUPERVISOR)
