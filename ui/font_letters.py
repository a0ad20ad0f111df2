"""Which letters a font file can draw, from its character map: the check of a content pack asks it, no page needs it.

Reads subtable formats 4 and 12 (OpenType 1.9, cmap), which every Noto font has. Must not import Flask.
"""

import struct
import unicodedata
from pathlib import Path

FOLDER = Path(__file__).parent / "static" / "fonts"
UNDRAWN = frozenset("\u200b\u200c\u200d\xa0 ")  # the browser draws nothing for these, whatever the font


def letters_of(font: Path) -> frozenset[int]:
    """Every code point in the font's map. Raises OSError; ValueError where it is no such font."""
    data = font.read_bytes()
    try:
        return frozenset(_letters(data))
    except (struct.error, IndexError):
        raise ValueError("not a font") from None


def undrawable(text: str, letters: frozenset[int]) -> str:
    """The letters of a text (as stored, and as the browser may take them apart) that a font has no glyph for."""
    missing = []
    for sign in dict.fromkeys(unicodedata.normalize("NFC", text)):
        apart = unicodedata.normalize("NFD", sign)
        if sign not in UNDRAWN and ord(sign) not in letters and not all(ord(part) in letters for part in apart):
            missing.append(sign)
    return "".join(missing)


def _letters(data: bytes) -> set[int]:
    (tables,) = struct.unpack_from(">H", data, 4)
    for place in range(12, 12 + 16 * tables, 16):
        tag, _, offset, _ = struct.unpack_from(">4sIII", data, place)
        if tag == b"cmap":
            return _cmap(data, offset)
    raise ValueError("no character map")


def _cmap(data: bytes, start: int) -> set[int]:
    found: set[int] = set()
    (subtables,) = struct.unpack_from(">H", data, start + 2)
    for number in range(subtables):
        _, _, offset = struct.unpack_from(">HHI", data, start + 4 + 8 * number)
        (form,) = struct.unpack_from(">H", data, start + offset)
        if form == 4:
            found |= _segments(data, start + offset)
        elif form == 12:
            (groups,) = struct.unpack_from(">I", data, start + offset + 12)
            for group in range(groups):
                first, last, _ = struct.unpack_from(">III", data, start + offset + 16 + 12 * group)
                found.update(range(first, min(last, 0x10FFFF) + 1))
    return found


def _segments(data: bytes, start: int) -> set[int]:
    (double,) = struct.unpack_from(">H", data, start + 6)
    ends, starts = start + 14, start + 16 + double
    deltas, offsets = starts + double, starts + 2 * double
    found: set[int] = set()
    for at in range(0, double, 2):
        (last,), (first,) = struct.unpack_from(">H", data, ends + at), struct.unpack_from(">H", data, starts + at)
        (delta,), (offset,) = struct.unpack_from(">H", data, deltas + at), struct.unpack_from(">H", data, offsets + at)
        for code in range(first, last + 1):
            if offset == 0:
                glyph = (code + delta) & 0xFFFF
            else:
                (glyph,) = struct.unpack_from(">H", data, offsets + at + offset + 2 * (code - first))
            if glyph and code != 0xFFFF:
                found.add(code)
    return found
