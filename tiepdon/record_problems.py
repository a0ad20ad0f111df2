"""What keeps a text from being a PatientRecord: every wrong field by its path, never a value, for it may be personal.

The verdict on each field is the decoder's own (`wire.codec.from_json`), as the bridge's; besides, what no single field
shows: days that no calendar has, an event without what belongs to it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from hisbridge.records import Event, PatientRecord
from wire.codec import from_json, from_plain, to_plain
from wire.errors import MalformedMessage

MOST = 100  # problems of one record that are told
MERGE = "belongs to the event `merged`, and to no other"
ARRIVAL = "the arrival is revision 0"
NO_DAY = "no such day or moment"
BESIDES = frozenset({MERGE, ARRIVAL, NO_DAY})  # what the schema does not say
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?(T[0-9:.]+(Z|[+-][0-9:]+))?\Z")
SHOWN = 60  # characters of a field's name that is not known


@dataclass(frozen=True)
class Problem:
    """One wrong field: its path from `$`, and why it is wrong."""

    where: str
    why: str


def split(data: bytes) -> list[tuple[int, bytes]]:
    """The records of an input with the number of their line: each line one, where the first is whole by itself."""
    lines = [(number, line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    if not lines or not _is_json(lines[0][1]):
        return [(1, data)]
    return lines


def problems(data: bytes) -> list[Problem]:
    """Everything that is wrong with one record, at most MOST; empty for one that every receiver can be told."""
    try:
        record = from_json(data, PatientRecord)
    except MalformedMessage as error:
        first = _problem(error)
    else:
        return [*_event(record), *_days(to_plain(record), "$")][:MOST]
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        return [first]
    found = []
    for problem in _within(plain, PatientRecord, "$"):
        found.append(problem)
        if len(found) == MOST:
            break
    return found or [first]


def _event(record: PatientRecord) -> Iterator[Problem]:
    if (record.event is Event.MERGED) != (record.merge is not None):
        yield Problem("$.merge", MERGE)
    if record.event is Event.ARRIVED and record.revision:
        yield Problem("$.revision", ARRIVAL)


def _days(value: Any, where: str) -> Iterator[Problem]:
    """Days and moments that look like one and are none."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _days(one, f"{where}.{name}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _days(one, f"{where}[{number}]")
    elif isinstance(value, str) and (found := _DAY.match(value)) is not None:
        try:
            datetime.fromisoformat(found[0] if found[1] else f"{found[0]}-01")
        except ValueError:
            yield Problem(where, NO_DAY)


def _within(value: Any, kind: Any, where: str) -> Iterator[Problem]:
    """What is wrong at and below `where`."""
    try:
        from_plain(value, kind)
    except MalformedMessage as error:
        told = _problem(error, where)
    else:
        return
    below = list(_below(value, _bare(kind), where))
    yield from below or [told]


def _below(value: Any, kind: Any, where: str) -> Iterator[Problem]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for name, field in fields.items():
            if name in value:
                yield from _within(value[name], field.type, f"{where}.{name}")
            elif field.required:
                yield Problem(f"{where}.{name}", "missing")
        for name in value.keys() - fields.keys():
            yield Problem(where, f"unknown field {ascii(name)[:SHOWN]}")
    elif get_origin(kind) is tuple and isinstance(value, list):
        for number, one in enumerate(value):
            yield from _within(one, get_args(kind)[0], f"{where}[{number}]")
    elif get_origin(kind) is dict and isinstance(value, dict):
        for name, one in value.items():
            yield from _within(one, get_args(kind)[1], f"{where}[{ascii(name)[:SHOWN]}]")


def _bare(kind: Any) -> Any:
    """The type itself, without its limits and without `None`."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, UnionType):
            kind = next(one for one in get_args(kind) if one is not NoneType)
        else:
            return kind


def _problem(error: MalformedMessage, where: str | None = None) -> Problem:
    told = str(error.data.get("where") or "$")
    return Problem(where or told, str(error.data.get("why")))


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
