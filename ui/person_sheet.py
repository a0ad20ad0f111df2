"""A person's copy as a sheet to read, print and sign for, in Vietnamese: one HTML file with nothing from elsewhere, or
part of a page of the desk.

Everything on it may come from a card or from somebody's keyboard: the template escapes all of it. Must not import
Flask.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kiosk.person_copy import Copy
from ui.words import Words

LANGUAGE = "vi"
PARTS = ("patient", "guardian", "visit", "coverage")
VIET_NAM = timezone(timedelta(hours=7))  # one time zone, all year (Decision 134/2002/QĐ-TTg)
_DAY = re.compile(r"[0-9]{4}(-[0-9]{2}){1,2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")


def sheet(copy: Copy) -> str:
    """The sheet as one HTML document."""
    return _drawn("people/person_sheet.html", copy)


def part_of_page(copy: Copy) -> Markup:
    """What stands on the sheet, for a page that brings its own style."""
    return Markup(_drawn("people/person_sheet_body.html", copy))  # noqa: S704 - escaped by the template


def _drawn(template: str, copy: Copy) -> str:
    words = Words(LANGUAGE)
    pages = Environment(
        loader=PackageLoader("ui"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return pages.get_template(template).render(
        copy=copy,
        t=words.get,
        at=_at,
        act=lambda name: words.get(key) if (key := f"person.act.{name}") in words else name,
        records=[list(_lines(record, words)) for record in copy.records],
        wards=[(_at(one["at"]), list(_lines({"guardian": one["guardian"]}, words))) for one in copy.as_guardian],
        corrections=[
            (
                _at(one["at"]),
                _label(one["field"], words),
                _told(one["field"], one["before"], words),
                _told(one["field"], one["after"], words),
                one["reason"],
            )
            for one in copy.corrections
        ],
        answers=[(_at(one["at"]), one["destination"], _shown(one["answer"])) for one in copy.answers],
    )


def _lines(record: Mapping[str, Any], words: Words) -> Iterator[tuple[str, str]]:
    """What the record says of the person and their visit; how it was proven and sent stands in copy.json."""
    for part in PARTS:
        for name, value in (record.get(part) or {}).items():
            if value not in (None, "", [], ()) and not isinstance(value, Mapping):
                own = f"{part}." if part == "guardian" else ""
                yield _label(f"{own}{name}", words), _told(name, value, words)


def _label(name: str, words: Words) -> str:
    """The field in words, where there are any; its name in the record otherwise."""
    spellings = (f"person.field.{name}", f"card.field.{name}", f"lookup.field.{name}")
    return next((words.get(key) for key in spellings if key in words), name)


def _told(name: str, value: Any, words: Words) -> str:
    """As people write it: sex and answers in words, a day as day/month/year."""
    for key in (f"card.value.{name}.{value}", f"lookup.{name}.{value}", f"person.value.{name}.{value}"):
        if key in words:
            return words.get(key)
    text = _shown(value)
    if _DAY.fullmatch(text):
        return "/".join(reversed(text.split("-")))
    return _at(text) if _MOMENT.match(text) else text


def _at(text: str) -> str:
    """A moment as people write it, at the place it was noted for."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(VIET_NAM):%d/%m/%Y %H:%M}"
    except (ValueError, OverflowError):
        return text


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_shown(below)}" for name, below in value.items() if below not in (None, "", []))
    if isinstance(value, list | tuple):
        return ", ".join(_shown(one) for one in value)
    return str(value)
