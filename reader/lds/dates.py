"""Dates as cards print them, to ISO 8601 at the precision known. Must not guess: what is no date stays absent."""

import re
import unicodedata
from datetime import date

NO_EXPIRY = "none"
_PARTS = re.compile(r"^(?:(?:(\d{1,2}|--|__|xx)[/.-])?(\d{1,2}|--|__|xx)[/.-])?(\d{4})$")
_ISO = re.compile(r"^(\d{4})[/.-](\d{1,2})(?:[/.-](\d{1,2}))?$")


def fold(text: str) -> str:
    """Lower case without diacritics, single spaces: for comparing Vietnamese words however they were typed."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return " ".join(bare.casefold().replace("đ", "d").split())


def partial_date(text: str) -> str | None:
    """`dd/mm/yyyy`, `mm/yyyy`, `yyyy` (also without separators, also ISO) as ISO at that precision.

    A day or month written as 00, --, __ or xx is unknown. None when it is no date of the calendar.
    """
    text = text.strip().casefold()
    if not text.isascii():
        return None
    if text.isdigit() and len(text) in (6, 8):
        texts = [f"{text[:-6]}/{text[-6:-4]}/{text[-4:]}".lstrip("/")]
        if len(text) == 8:
            texts.append(f"{text[:4]}-{text[4:6]}-{text[6:]}")
        return next((found for found in map(partial_date, texts) if found), None)
    if match := _ISO.match(text):
        return _iso(match[1], match[2], match[3])
    if match := _PARTS.match(text):
        return _iso(match[3], match[2], match[1])
    return None


def lds_date(raw: bytes) -> str | None:
    """`CCYYMMDD` of DG11 and DG12, eight characters or four bytes BCD (ICAO Doc 9303-10, 4.7.11 and 4.7.12), as ISO.

    A month or day of zeros or fillers is unknown. None when it is no date of the calendar.
    """
    if len(raw) == 4:
        digits = raw.hex()
    elif len(raw) == 8 and raw.isascii():
        digits = raw.decode("ascii").replace("<", "0")
    else:
        return None
    return _iso(digits[:4], digits[4:6], digits[6:]) if digits.isdigit() else None


def precision(one: str, other: str) -> tuple[str, str]:
    """Two ISO dates, both cut to the parts that both know."""
    common = min(len(one), len(other))
    return one[:common], other[:common]


def expiry_date(text: str) -> str | None:
    """An expiry as ISO date, `none` for a card that never expires, None when it is neither.

    The words are matched without case and diacritics: no two reports write them alike (card.md 5.2).
    """
    words = fold(text)
    if any(phrase in words for phrase in ("khong thoi han", "vo thoi han", "khong xac dinh thoi han")):
        return NO_EXPIRY
    found = partial_date(text)
    if found is not None and found.startswith("9999"):
        return NO_EXPIRY
    return found if found is not None and len(found) == 10 else None


def _iso(year: str, month: str | None, day: str | None) -> str | None:
    number = int(year)
    if not 1800 <= number <= 9999:
        return None
    if not _known(month):
        return None if _known(day) else year
    if not 1 <= int(month or 0) <= 12:
        return None
    if not _known(day):
        return f"{year}-{int(month or 0):02d}"
    try:
        return date(number, int(month or 0), int(day or 0)).isoformat()
    except ValueError:
        return None


def _known(part: str | None) -> bool:
    return part is not None and part.isdigit() and int(part) != 0
