"""The one line of JSON that every `tiepdon scan` command prints for a code, and the words that explain it.

A code's text goes to standard output because that is what was asked for; it goes nowhere else.
"""

import io
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import BinaryIO

from reader.payload.parse import PayloadResult, parse_payload
from wire.codec import to_json, to_plain

FIELDS = """\
  "kind"       what the payload is:
                 citizen_card      the QR code of a citizen card (2021 or 2024)
                 insurance_card    the QR code of a health insurance card
                 mrz               a machine-readable zone whose check digits are right
                 personal_id       twelve digits alone: a personal ID number
                 previous_id       nine digits alone: the number of an old identity card
                 insurance_number  ten digits, or two letters and thirteen digits, alone
                 unknown           none of these, or damaged: see "reason"
  "holder"     who it belongs to, as far as it says, or null
  "insurance"  the insurance card, or null
  "document"   the document of a machine-readable zone, or null
  "tail"       fields of a card whose meaning is not known, as they stand; no meaning is given to them
  "warnings"   what was repaired, what is odd, what could not be looked at: codes
  "reason"     why nothing can be used: a code, or null

Damage done by scanners is undone where that is safe and named in "warnings"; what cannot be used is "unknown", never
half a holder. Nothing is stored. Whatever came by eye, camera or file is data entry, never proof of identity."""


def today() -> date:
    """The day, which settles the century of a machine-readable zone's birth date; for that no zone of time matters."""
    return datetime.now(UTC).date()


def standard_input() -> BinaryIO:
    """Standard input; nothing where whoever started us gave none (`<&-`, which some service managers do)."""
    return io.BytesIO() if sys.stdin is None else sys.stdin.buffer


def text_line(payload: bytes, on: date) -> bytes:
    """The line for a payload that came as text; `on` is today."""
    return to_json(parse_payload(payload, on)) + b"\n"


def code_line(source: dict[str, str], text: str, on: date, warnings: Sequence[str] = ()) -> bytes:
    """The line for a code that was seen (`reader.optical.pictures.Found.text`); `source` says where, `on` is today."""
    result = to_plain(parse_payload(text, on))
    result["warnings"] = [*result["warnings"], *warnings]
    return to_json({**source, "text": _shown(text), **result}) + b"\n"


def no_code_line(source: dict[str, str], reason: str, warnings: Sequence[str] = ()) -> bytes:
    """The line for a place that shows no code, and why."""
    result = to_plain(PayloadResult(kind="unknown", warnings=tuple(warnings), reason=reason))
    return to_json({**source, "text": None, **result}) + b"\n"


def _shown(text: str) -> str:
    """The text as encoded. Of bytes that are not UTF-8 JSON can hold no letters: then each stands as the letter that
    ISO 8859-1 has for it, which is what a code means by default (ISO/IEC 18004, 7.3.5), and none is lost."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text
