"""HL7 v2 answers taken apart, tolerantly: any delimiters, any line ends, anything missing is empty. Pure."""

import re
from dataclasses import dataclass
from functools import cached_property

from hisbridge.errors import GarbledAnswer

_ESCAPE = re.compile(r"\\([FSTRE]|X(?:[0-9A-Fa-f]{2})+)\\")


@dataclass(frozen=True)
class Delimiters:
    """MSH-1 and MSH-2."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str


@dataclass(frozen=True)
class Identifier:
    """One repetition of a CX field: number, namespace of the assigning authority, type (table 0203)."""

    number: str
    authority: str
    kind: str


@dataclass(frozen=True)
class Line:
    """One segment; fields by HL7's own numbers, trimmed, empty where there is none."""

    parts: tuple[str, ...]
    marks: Delimiters

    def field(self, number: int) -> str:
        """The field as it was sent."""
        return self.parts[number].strip() if len(self.parts) > number else ""

    def component(self, field: int, number: int) -> str:
        """A component of the field's first repetition, unescaped."""
        return self._part(self.field(field).split(self.marks.repetition)[0], number)

    def identifiers(self, field: int = 3) -> list[Identifier]:
        """The repetitions of a CX field."""
        return [
            Identifier(self._part(one, 1), self._part(one, 4, first=True), self._part(one, 5))
            for one in self.field(field).split(self.marks.repetition)
        ]

    def _part(self, repetition: str, number: int, *, first: bool = False) -> str:
        parts = repetition.split(self.marks.component)
        part = parts[number - 1] if len(parts) >= number else ""
        return self._unescaped(part.split(self.marks.subcomponent)[0] if first else part).strip()

    def _unescaped(self, part: str) -> str:
        marks = self.marks
        if marks.escape not in part:
            return part
        plain = {
            "F": marks.field,
            "S": marks.component,
            "T": marks.subcomponent,
            "R": marks.repetition,
            "E": marks.escape,
        }
        if marks.escape != "\\":
            part = part.replace("\\", "\\E\\").replace(marks.escape, "\\")
        return _ESCAPE.sub(lambda found: plain.get(found[1]) or _hex(found[1][1:]), part)


_NONE = Line((), Delimiters("|", "^", "~", "\\", "&"))


@dataclass(frozen=True)
class Reading:
    """A whole message."""

    lines: tuple[Line, ...]

    def all(self, name: str) -> list[Line]:
        """The segments of this name, in order."""
        return self._by_name.get(name, [])

    def first(self, name: str) -> Line:
        """The first segment of this name; an empty one where there is none."""
        return next(iter(self.all(name)), _NONE)

    @cached_property
    def _by_name(self) -> dict[str, list[Line]]:
        named: dict[str, list[Line]] = {}
        for line in self.lines:
            named.setdefault(line.parts[0][:3], []).append(line)
        return named


def read(message: bytes) -> Reading:
    """Take a message apart; segments may end with CR, LF or both. Raises GarbledAnswer when it begins with no MSH."""
    segments = [segment for segment in re.split(r"[\r\n]+", message.decode("utf-8", "replace")) if segment]
    if not segments or not segments[0].startswith("MSH") or len(segments[0]) < 5:
        raise GarbledAnswer(why="no MSH segment")
    marks = _delimiters(segments[0])
    header, *others = segments
    first = Line(("MSH", marks.field, *header.split(marks.field)[1:]), marks)
    return Reading((first, *(Line(tuple(one.split(marks.field)), marks) for one in others)))


def _delimiters(header: str) -> Delimiters:
    told = header[4:].split(header[3])[0]
    usual = "^~\\&"
    told = (told + usual[len(told) :])[:4]
    return Delimiters(header[3], *told)


def _hex(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-8", "replace")
