"""What the pretend hospital system understands of an HL7 v2 message, by a parser of its own (not the bridge's)."""

import contextlib
import re
from typing import Any

_ESCAPE = re.compile(r"\\([^\\]*)\\")
_DELIMITERS = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\"}


def parse_message(frame: bytes) -> dict[str, Any]:
    """The fields a receiver needs of an ADT message or a query. Never raises; what is not there is empty."""
    text = frame.decode("utf-8", "replace")
    lines = [line for line in re.split(r"[\r\n]+", text) if line]
    segments = {line[:3]: line.split("|") for line in reversed(lines)}
    header = segments.get("MSH", [])
    header = [*header[:1], "|", *header[1:]]  # MSH-1 is the separator itself
    patient, visit, insurance = (segments.get(name, []) for name in ("PID", "PV1", "IN1"))
    insurances = [line.split("|") for line in lines if line.startswith("IN1")]
    identifiers = [_identifier(repetition) for repetition in _field(patient, 3).split("~") if repetition]
    family, given, middle = (_part(_field(patient, 5), number) for number in (1, 2, 3))
    return {
        "control_id": _unescape(_field(header, 10)),
        "type": _field(header, 9),
        "event": _part(_field(header, 9), 2),
        "version": _field(header, 12),
        "processing": _field(header, 11),
        "sender": _unescape(_field(header, 3)),
        "accept_wanted": _field(header, 15),
        "application_wanted": _field(header, 16),
        "name": " ".join(part for part in (family, middle, given) if part),
        "family": family,
        "middle": middle,
        "given": given,
        "birth_date": _field(patient, 7),
        "sex": _field(patient, 8),
        "residence": _part(_field(patient, 11), 1),
        "phone": _part(_field(patient, 13), 12) or _part(_field(patient, 13), 1),
        "identifiers": identifiers,
        "personal_id": next((one["id"] for one in identifiers if one["type"] == "NI"), ""),
        "record_number": next((one["id"] for one in identifiers if one["type"] == "MR"), ""),
        "given_up": _part(_field(segments.get("MRG", []), 1), 1),
        "insurance_number": _unescape(_field(insurance, 36)),
        "insurance_valid_from": _field(insurance, 12),
        "insurance_valid_to": _field(insurance, 13),
        "insurance_status": _unescape(_field(insurance, 45)),
        "insurance_numbers": [_unescape(_field(one, 36)) for one in insurances],
        "visit_id": _part(_field(visit, 19), 1),
        "ticket_number": _part(_field(visit, 50), 1),
        "service_code": _part(_field(visit, 3), 1),
        "service_name": _part(_field(visit, 3), 9),
        "arrived_at": _field(visit, 44),
        "query_tag": _unescape(_field(segments.get("QPD", []), 2)),
        "query": _parameters(_field(segments.get("QPD", []), 3)),
        "text": text.replace("\r", "\n"),
    }


def _parameters(field: str) -> dict[str, str]:
    """QPD-3: `@PID.3.1^value`, repeated."""
    return {_part(one, 1): _part(one, 2) for one in field.split("~") if one}


def _identifier(repetition: str) -> dict[str, str]:
    return {"id": _part(repetition, 1), "authority": _part(repetition, 4), "type": _part(repetition, 5)}


def _field(fields: list[str], number: int) -> str:
    return fields[number] if len(fields) > number else ""


def _part(field: str, number: int) -> str:
    parts = field.split("^")
    return _unescape(parts[number - 1]) if len(parts) >= number else ""


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(found: re.Match[str]) -> str:
    told = found[1]
    if told in _DELIMITERS:
        return _DELIMITERS[told]
    with contextlib.suppress(ValueError):
        if told.startswith("X"):
            return bytes.fromhex(told[1:]).decode("utf-8", "replace")
    return ""
