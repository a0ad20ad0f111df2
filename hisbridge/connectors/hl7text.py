"""HL7 v2 text: escaping, dates, moments, data types put together. Pure.

Every value comes from outside and may hold anything: each is NFC-normalised, delimiters and control characters are
escaped (HL7 v2.5, 2.7), impossible dates shrink to the part that is possible. Fields without a value stay empty,
which leaves the receiver's value untouched; a value that would read as HL7's "delete this" is escaped too.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

# Delimiters and the escape itself; C0 and C1 controls, which frame or split messages.
_SPECIAL = re.compile(r"[|^&~\\\x00-\x1f\x7f-\x9f]")
# Unicode's own line ends become a plain one: receivers decode the hex of one byte, few that of several.
_LINE_ENDS = str.maketrans("\x85\u2028\u2029", "\n\n\n")
_DELIMITERS = {"|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\\": "\\E\\"}
_DELETE = '""'  # HL7 v2.5, 2.5.3: two quotation marks as a whole field tell the receiver to delete its value
_PARTIAL_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


@dataclass(frozen=True)
class Segment:
    """A segment's name and its fields by HL7's own numbers (PID-5 is `fields[5]`), encoded."""

    name: str
    fields: dict[int, str]


def encode(segments: list[Segment]) -> bytes:
    """The whole message, UTF-8, each segment ended by CR."""
    return "".join(f"{_line(segment)}\r" for segment in segments).encode("utf-8", "replace")


def text(value: str | None) -> str:
    """A value as field text: trimmed, NFC, escaped."""
    if value is None:
        return ""
    plain = unicodedata.normalize("NFC", value.strip()).translate(_LINE_ENDS)
    if plain == _DELETE:
        return "\\X2222\\"
    return _SPECIAL.sub(_escape, plain)


def components(*parts: str) -> str:
    """Parts joined by `^`, without the empty ones at the end."""
    return "^".join(parts).rstrip("^")


def authority(setting: str, separator: str) -> str:
    """HD from a setting: a plain name, or `name&universal id&type`; `separator` is `&` within a component."""
    return separator.join(text(part) for part in setting.split("&"))


def day(value: str | None) -> str:
    """DT or TS at the precision known (`YYYY`, `YYYYMM`, `YYYYMMDD`); what cannot be a date is left out."""
    found = _PARTIAL_DATE.match(value or "")
    if found is None or found[1] == "0000":
        return ""
    year, month, of_month = found[1], found[2], found[3]
    if month is None or not "01" <= month <= "12":
        return year
    if of_month is None:
        return year + month
    try:
        date(int(year), int(month), int(of_month))
    except ValueError:
        return year + month
    return year + month + of_month


def moment(value: str) -> str:
    """TS with its offset, to the second; only the day where the rest cannot be a time."""
    try:
        when = datetime.fromisoformat(value.strip())
    except ValueError:
        return day(value)
    offset = when.utcoffset()
    zone = "" if offset is None else _offset(offset)
    return f"{day(value)}{when.hour:02d}{when.minute:02d}{when.second:02d}{zone}"


def _offset(offset: timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return _DELIMITERS.get(character) or f"\\X{character.encode().hex().upper()}\\"


def _line(segment: Segment) -> str:
    fields = segment.fields
    last = max((number for number, value in fields.items() if value), default=0)
    if segment.name == "MSH":
        # MSH-1 is the separator itself and MSH-2 the other delimiters, unescaped.
        return "MSH|^~\\&|" + "|".join(fields.get(number, "") for number in range(3, last + 1))
    return f"{segment.name}|" + "|".join(fields.get(number, "") for number in range(1, last + 1))
