"""`/statistics`: the figures of a day, a week or a month, to look at, to print and to take along, for supervisors and
technicians.

Only closed days, only what may be told of them (`kiosk.statistics_report`).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue

from config.settings import Settings
from kiosk.accounts import Role
from kiosk.clock import Clock, at_site
from kiosk.connection import SharedConnection
from kiosk.statistics_report import counted_span, kiosks, report
from ui.desk.access import allow, signed
from ui.desk.pages import StaffPages
from ui.statistics import files
from ui.statistics.tables import day_text, naming, sheets
from ui.words import Words

SPANS = ("day", "week", "month")
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Asked:
    """Which days, of which kiosk (empty: all)."""

    span: str
    day: date
    kiosk: str = ""

    @property
    def first(self) -> date:
        """The first of the days."""
        if self.span == "week":
            return self.day - timedelta(days=self.day.weekday())
        return self.day.replace(day=1) if self.span == "month" else self.day

    @property
    def last(self) -> date:
        """The last of them."""
        if self.span == "week":
            return self.first + timedelta(days=6)
        if self.span == "month":
            return (self.first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        return self.day

    def query(self, **changed: str) -> str:
        """As it stands in an address."""
        told = {"span": self.span, "day": self.day.isoformat(), "kiosk": self.kiosk} | changed
        return urlencode({name: value for name, value in told.items() if value})


def blueprint(app: Flask, settings: Settings, shared: SharedConnection, clock: Clock, build: str) -> Blueprint:
    """The routes, on a connection of their own. `build` names the version of the assets."""
    pages = allow(Blueprint("statistics", __name__, url_prefix="/statistics"), Role.SUPERVISOR, Role.TECHNICIAN)
    staff = StaffPages(app, settings, "statistics", build)

    def yesterday() -> date:
        return at_site(clock.now(), settings.site.utc_offset_minutes).date() - timedelta(days=1)

    @pages.get("")
    def page() -> ResponseReturnValue:
        said = staff.said()
        with shared.using() as connection:
            span = counted_span(connection)
            asked = _asked(span[1] if span else yesterday())
            found = report(connection, asked.first, asked.last, asked.kiosk)
            known = kiosks(connection, asked.first, asked.last)
        return staff.render(
            "page",
            said,
            signed=signed(),
            asked=asked,
            title=_title(asked, said),
            sheets=sheets(found, naming(settings, said)),
            days=found.days,
            total=sum(one.count or 0 for one in found.by_day),
            kiosks=known if len(known) > 1 or asked.kiosk else (),
            earlier=asked.query(day=(asked.first - timedelta(days=1)).isoformat()),
            later=asked.query(day=(asked.last + timedelta(days=1)).isoformat()) if asked.last < yesterday() else "",
            least=settings.statistics.least,
            made=f"{at_site(clock.now(), settings.site.utc_offset_minutes):%d/%m/%Y %H:%M}",
        )

    @pages.get("/export.<kind>")
    def export(kind: str) -> ResponseReturnValue:
        if kind not in TYPES:
            return "", 404
        said = staff.said()
        asked = _asked(yesterday())
        with shared.using() as connection:
            found = report(connection, asked.first, asked.last, asked.kiosk)
        heading = (
            said.get("statistics.title"),
            settings.site.facility_name,
            _title(asked, said) + (f", {asked.kiosk}" if asked.kiosk else ""),
            said.get("statistics.rule", least=settings.statistics.least),
        )
        make = files.csv_file if kind == "csv" else files.xlsx_file
        answer = Response(make(sheets(found, naming(settings, said)), heading), content_type=TYPES[kind])
        name = f"tiepdon-{asked.first:%Y%m%d}-{asked.last:%Y%m%d}.{kind}"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    return pages


def _asked(latest: date) -> Asked:
    """What the address asks for; the latest day where it does not tell or is no day."""
    told = request.args
    try:
        day = date.fromisoformat(told.get("day", "")[:10])
    except ValueError:
        day = latest
    day = min(max(day, date(2000, 1, 1)), date(2200, 1, 1))
    span = told.get("span", "day")
    return Asked(span if span in SPANS else "day", day, told.get("kiosk", "")[:100])


def _title(asked: Asked, words: Words) -> str:
    if asked.span == "month":
        return words.get("statistics.month_of", month=f"{asked.day:%m/%Y}")
    first, last = day_text(asked.first, words), day_text(asked.last, words)
    return first if asked.span == "day" else f"{first} – {last}"
