"""The table that moves, fixes or leaves out single HL7 fields: which names are possible in which version.

Read when the settings load, so that an impossible name is an error of the settings file and not of a patient's record.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Version = Literal["2.3.1", "2.5", "2.5.1"]

# How many fields each segment that we send has: HL7 v2.3.1, and v2.5 and v2.5.1, chapters 2, 3, 5 and 6.
_LENGTHS: Mapping[str, tuple[int, int]] = {
    "MSH": (20, 21),
    "EVN": (6, 7),
    "PID": (30, 39),
    "PD1": (12, 21),
    "NK1": (37, 39),
    "PV1": (52, 52),
    "PV2": (37, 49),
    "IN1": (49, 53),
    "MRG": (7, 7),
    "QPD": (0, 8),
    "RCP": (0, 7),
}
_LAST = 199  # of a segment of the receiver's own (Z..)
# The frame of the exchange: delimiters, time, kind, our name of the message, version, which answers are asked for.
_OURS = {1, 2, 7, 9, 10, 12, 15, 16}
_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})-([1-9][0-9]{0,2})(?:\.([1-9][0-9]?))?")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class Place:
    """A field (`component` None) or one component of it: `PID-13`, `PID-13.12`."""

    segment: str
    field: int
    component: int | None = None

    @property
    def local(self) -> bool:
        """Whether it is in a segment of the receiver's own (HL7 v2.5, 2.11)."""
        return self.segment.startswith("Z")


@dataclass(frozen=True)
class Rule:
    """What becomes of one place: moved to `to`, always `text`, or neither: left out."""

    at: Place
    to: Place | None = None
    text: str | None = None


def rules(fields: Mapping[str, str], version: Version) -> tuple[Rule, ...]:
    """The table read. Raises ValueError that names the entry and says why it cannot be."""
    read = tuple(_rule(name, value, version) for name, value in fields.items())
    targets = [rule.to for rule in read if rule.to is not None] + [rule.at for rule in read if rule.text]
    twice = next((place for number, place in enumerate(targets) if place in targets[:number]), None)
    if twice is not None:
        raise ValueError(f"fields: two entries write to {shown(twice)}")
    return read


def shown(place: Place) -> str:
    """The place's name."""
    name = f"{place.segment}-{place.field}"
    return name if place.component is None else f"{name}.{place.component}"


def _rule(name: str, value: str, version: Version) -> Rule:
    at = _place(name, version)
    if value.startswith("="):
        return Rule(at, text=_fixed(name, at, value[1:]))
    if not value:
        return Rule(at)
    to = _place(value, version, asked=f"{name} = {value!r}")
    if at.component is None and to.component is not None:
        raise ValueError(f"fields: {name} is a whole field and cannot move into one component ({value})")
    if at == to:
        raise ValueError(f"fields: {name} moves to itself")
    return Rule(at, to=to)


def _fixed(name: str, at: Place, text: str) -> str:
    forbidden = "|" if at.component is None else "|^~"
    if _UNPRINTABLE.search(text) or any(mark in text for mark in forbidden):
        raise ValueError(f"fields: the text of {name} holds a separator or a control character")
    if not text:
        raise ValueError(f"fields: {name} has no text after `=`; an empty value leaves the field out")
    return text


def _place(name: str, version: Version, asked: str = "") -> Place:
    found = _PLACE.fullmatch(name)
    if found is None:
        raise ValueError(
            f"fields: {asked or name} is no field name such as PID-13 or PID-13.12, no =text, and not empty"
        )
    place = Place(found[1], int(found[2]), int(found[3]) if found[3] else None)
    last = _LAST if place.local else _LENGTHS.get(place.segment, (0, 0))[version != "2.3.1"]
    if not last:
        known = " ".join(segment for segment, lengths in _LENGTHS.items() if lengths[version != "2.3.1"])
        raise ValueError(f"fields: no message in version {version} has the segment of {name} (there are {known}, Z..)")
    if place.field > last:
        raise ValueError(f"fields: {name}: in version {version} {place.segment} ends with {place.segment}-{last}")
    # MSH-9.3 may be left out for receivers that know two components.
    if place.segment == "MSH" and place.field in _OURS and (place.field, place.component) != (9, 3):
        raise ValueError(f"fields: {name} belongs to the exchange itself and stays as it is")
    return place
