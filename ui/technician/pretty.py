"""A message laid out to be read: by its kind, without changing a letter of it. Pure.

XML is laid out by its angle brackets alone and never parsed: nothing in it is followed or resolved.
"""

import csv
import io
import re
from dataclasses import dataclass
from enum import StrEnum

import msgspec

LONGEST_LAID_OUT = 512 * 1024  # characters; a longer message is shown as it is
MOST_ROWS = 500


class Kind(StrEnum):
    """How a message is laid out."""

    HL7 = "hl7"
    TABLE = "table"
    TEXT = "text"


@dataclass(frozen=True, repr=False)
class Field:
    """One field of a segment: its name as the standard counts (`PID-3`), what stands in it."""

    name: str
    number: int
    text: str


@dataclass(frozen=True, repr=False)
class Segment:
    """One segment of an HL7 v2 message; `separator` stands before each field."""

    name: str
    separator: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, repr=False)
class Laid:
    """A message laid out; which part is filled depends on `kind`."""

    kind: Kind
    text: str = ""
    segments: tuple[Segment, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def lay_out(content_type: str, body: str) -> Laid:
    """The message by its media type; one that is not what it says it is stays as it is."""
    kind = content_type.partition(";")[0].strip().lower()
    if len(body) <= LONGEST_LAID_OUT:
        if "hl7-v2" in kind or body.startswith("MSH|"):
            return Laid(Kind.HL7, segments=_segments(body))
        if kind.endswith("/csv"):
            return Laid(Kind.TABLE, rows=_rows(body))
        if "json" in kind:
            return Laid(Kind.TEXT, _json(body))
        if "xml" in kind:
            return Laid(Kind.TEXT, _xml(body))
    return Laid(Kind.TEXT, body)


def _segments(body: str) -> tuple[Segment, ...]:
    """One for each line. In headers the separator itself is the first field (HL7 v2.5, 2.15.9.1)."""
    lines = [line for line in re.split(r"[\r\n]+", body) if line]
    separator = lines[0][3:4] if lines and lines[0][:3] in _HEADERS else "|"
    return tuple(_segment(line, separator or "|") for line in lines)


_HEADERS = ("MSH", "BHS", "FHS")


def _segment(line: str, separator: str) -> Segment:
    name, *texts = line.split(separator)
    first = 2 if name in _HEADERS else 1
    fields = (Field(f"{name}-{number}", number, text) for number, text in enumerate(texts, first))
    return Segment(name, separator, tuple(fields))


def _json(body: str) -> str:
    try:
        return msgspec.json.format(body.encode(), indent=2).decode()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return body


def _xml(body: str) -> str:
    """Each element on a line of its own, an element with text alone on one line."""
    lines: list[str] = []
    depth = 0
    opened = False  # the last line is an opening tag, perhaps with its text
    for piece in re.findall(r"<[^<>]*>|[^<>]+|[<>]", body):
        text = piece.strip()
        if not text:
            continue
        if text.startswith("</"):
            depth = max(depth - 1, 0)
            if opened:
                lines[-1] += text
            else:
                lines.append("  " * depth + text)
            opened = False
        elif text.startswith("<") and len(text) > 1:
            lines.append("  " * depth + text)
            opened = not (text.endswith("/>") or text.startswith(("<?", "<!")))
            depth += opened
        elif opened:
            lines[-1] += text
        else:
            lines.append("  " * depth + text)
    return "\n".join(lines)


def _rows(body: str) -> tuple[tuple[str, ...], ...]:
    head = body.partition("\n")[0]
    delimiter = max((";", ",", "\t"), key=head.count)
    try:
        rows = csv.reader(io.StringIO(body.lstrip("\ufeff"), newline=""), delimiter=delimiter)
        return tuple(tuple(row) for _, row in zip(range(MOST_ROWS), rows, strict=False) if row)
    except csv.Error:
        return ((body,),)
