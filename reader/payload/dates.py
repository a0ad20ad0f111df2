"""Dates as the cards write them, to ISO 8601 at the precision that stands there, checked against the calendar.

Pure; knows no clock, so nothing here judges whether a date lies in the future.
"""

import datetime
import re

# The century digit of the personal ID number reaches from 1900 to 2399 (card.md 2); no card can hold another year.
FIRST_YEAR = 1900
LAST_YEAR = 2399

_COMPACT = re.compile(r"(?:([0-9]{2})?([0-9]{2}))?([0-9]{4})")
_SLASHED = re.compile(r"(?:(?:([0-9]{1,2})/)?([0-9]{1,2})/)?([0-9]{4})")


def from_compact(text: str) -> str | None:
    """`ddmmyyyy`, `mmyyyy` or `yyyy` (card.md 1.1) as ISO; None when it is not a date."""
    return _iso(_COMPACT.fullmatch(text))


def from_slashed(text: str) -> str | None:
    """`dd/mm/yyyy`, `mm/yyyy` or `yyyy`, day and month with one or two digits (card.md 1.4), as ISO; else None."""
    return _iso(_SLASHED.fullmatch(text))


def to_compact(iso: str) -> str:
    """The inverse of `from_compact` for an ISO date of any of its three precisions."""
    return "".join(reversed(iso.split("-")))


def to_slashed(iso: str) -> str:
    """The inverse of `from_slashed` for an ISO date of any of its three precisions."""
    return "/".join(reversed(iso.split("-")))


def is_full(iso: str) -> bool:
    """Whether the date names a day."""
    return len(iso) == len("YYYY-MM-DD")


def before(one: str, other: str) -> bool:
    """Whether one ISO date surely lies before the other, at the precision that both have."""
    common = min(len(one), len(other))
    return one[:common] < other[:common]


def _iso(match: re.Match[str] | None) -> str | None:
    if match is None:
        return None
    day, month, year = match.groups()
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        return None
    try:
        datetime.date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return "-".join(part.zfill(2) for part in (year, month, day) if part is not None)
