"""FHIR R4's data types, made from a record's texts (https://hl7.org/fhir/R4/datatypes.html).

Every value comes from outside and may hold anything: texts are NFC-normalised and lose what FHIR's `string` forbids,
impossible dates shrink to the part that is possible, and what is left empty is left out. Pure.
"""

import re
import unicodedata
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from hisbridge.identity import NAMESPACE

Json = dict[str, Any]

MAX_OFFSET = timedelta(hours=14)  # of a FHIR dateTime
# A conditional request names its own identifier; these would end it (FHIR R4, 3.1.1.5.1 escaping search parameters).
_ESCAPED = re.compile(r"[\\|,$]")
# string: no control character but tab and line ends (FHIR R4, 2.24.0.1); the surrogates are no characters at all.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Nor other white space (its pattern is `[ \r\n\t\S]+`), which texts copied from pages are full of.
_BLANK = re.compile(r"[^\S \t\r\n]")
_LINE_ENDS = str.maketrans("\x85\u2028\u2029", "\n\n\n")
_PARTIAL_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?\Z")
ID = re.compile(r"[A-Za-z0-9.-]{1,64}\Z")


def text(value: str | None) -> str | None:
    """A `string`: trimmed, NFC, without control characters or rare blanks; None where nothing is left."""
    if value is None or (value.isascii() and value.isprintable()):
        return (value or "").strip() or None
    plain = unicodedata.normalize("NFC", value).translate(_LINE_ENDS)
    return _BLANK.sub(" ", _FORBIDDEN.sub("", plain)).strip() or None


def code(value: str | None) -> str | None:
    """A `code`: a text without line breaks and with single spaces only."""
    return " ".join((text(value) or "").split()) or None


def partial_date(value: str | None) -> str | None:
    """A `date` at the precision known; the impossible part is left out."""
    found = _PARTIAL_DATE.match(value or "")
    if found is None or found[1] == "0000":
        return None
    year, month, day = found[1], found[2], found[3]
    if month is None or not "01" <= month <= "12":
        return year
    if day is None:
        return f"{year}-{month}"
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return f"{year}-{month}"


def instant(value: str | None) -> str | None:
    """An `instant`, which is a `dateTime` too, in the record's own offset; None where it cannot be one."""
    try:
        moment = datetime.fromisoformat((value or "").strip())
        offset = moment.utcoffset()
        if offset is None:
            return None
        if abs(offset) > MAX_OFFSET or offset.seconds % 60:
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat()


def pruned(**elements: Any) -> Json:
    """The elements that have a value: FHIR knows neither null nor empty objects and lists."""
    return {name: value for name, value in elements.items() if value not in (None, "", [], {})}


def identifier(system: str | None, value: str | None, *, kind: str | None = None, use: str | None = None) -> Json:
    """An Identifier; `kind`: its type in HL7 v2 table 0203. Empty without a value."""
    told = text(value)
    if told is None:
        return {}
    types = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": kind}]} if kind else None
    return pruned(use=use, type=types, system=system, value=told)


def coding(system: str, value: str, display: str | None = None) -> Json:
    """A Coding."""
    return pruned(system=system, code=value, display=display)


def token(system: str, value: str) -> str:
    """`identifier=system|value` of a search, escaped and percent-encoded."""
    return "identifier=" + quote(f"{_escaped(system)}|{_escaped(value)}", safe="")


def tag(system: str, value: str) -> str:
    """`_tag=system|value` of a search."""
    return "_tag=" + quote(f"{_escaped(system)}|{_escaped(value)}", safe="")


def full_url(destination: str, visit_id: str, revision: int, what: str) -> str:
    """The name of one resource inside one bundle: a UUIDv5, the same for every resend."""
    name = "\n".join((destination, visit_id, str(revision), what)).encode("utf-8", "replace").decode()
    return uuid.uuid5(NAMESPACE, name).urn


def entry(url: str, resource: Mapping[str, Any], method: str, address: str, if_none_exist: str | None = None) -> Json:
    """One entry of a transaction."""
    request = pruned(method=method, url=address, ifNoneExist=if_none_exist)
    return {"fullUrl": url, "resource": dict(resource), "request": request}


def _escaped(value: str) -> str:
    return _ESCAPED.sub(lambda found: f"\\{found[0]}", value)
