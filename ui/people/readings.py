"""`/people/readings`: supervisors see who opened whose record, at the counter or by the API, and when.

A visit is named by its ticket alone: whoever may see the person opens the record, and is written down for it.
Must not import Flask.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kiosk.visit_views import Reading, VisitViews
from ui.people.views import at_text
from ui.words import Words

MOST_SHOWN = 100


@dataclass(frozen=True)
class Wanted:
    """Which readings are asked for; `before`: older than this one."""

    by: str = ""
    number: str = ""
    day: str = ""
    before: int | None = None


@dataclass(frozen=True)
class ReadingRow:
    """One line of who saw whose record."""

    at: str
    by: str
    page: str
    number: str
    day: str


def wanted(told: Mapping[str, str], today: date) -> Wanted:
    """What was asked for; what is no day is today, what is no number stands for all."""
    day, before = told.get("day", ""), told.get("before", "")
    try:
        day = date.fromisoformat(day).isoformat()
    except ValueError:
        day = today.isoformat()
    return Wanted(
        told.get("by", "").strip().lower()[:100],
        told.get("number", "").strip().upper()[:16],
        day,
        int(before) if before.isascii() and before.isdigit() and len(before) <= 15 else None,
    )


def found(views: VisitViews, asked: Wanted) -> tuple[Sequence[Reading], int | None]:
    """The readings of one page, and behind which one the next page begins, where there is one."""
    readings = views.newest(MOST_SHOWN + 1, asked.before, asked.by, asked.number, asked.day)
    shown = readings[:MOST_SHOWN]
    return shown, shown[-1].reading if len(readings) > MOST_SHOWN else None


def reading_rows(readings: Sequence[Reading], offset: int, words: Words) -> tuple[ReadingRow, ...]:
    """The lines, newest first."""
    return tuple(
        ReadingRow(at_text(one.at, offset), one.by, _page(one.page, words), one.number, _day(one.day))
        for one in readings
    )


def _page(page: str, words: Words) -> str:
    key = f"people.readings.page.{page}"
    return words.get(key) if key in words else page


def _day(day: str) -> str:
    return f"{date.fromisoformat(day):%d/%m/%Y}" if day else ""
