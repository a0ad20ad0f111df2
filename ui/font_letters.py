"""Which letters a TrueType font can draw, from its tables: the check of a content pack asks it, no page needs it.

A font of a pack comes from outside the house: everything in it is bounded and nothing is followed out of the file.
Reads cmap subtable formats 4 and 12 (OpenType 1.9), which every font of a living script has. Must not import Flask.
"""

import struct
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

FOLDER = Path(__file__).parent / "static" / "fonts"
UNDRAWN = frozenset("\u200b\u200c\u200d\xa0 ")  # the browser draws nothing for these, whatever the font
TRUETYPE = (b"\0\1\0\0", b"true")
NEEDED = frozenset({b"cmap", b"head", b"hhea", b"hmtx", b"maxp", b"loca", b"glyf"})
HEAD_MAGIC = 0x5F0F3CF5  # OpenType 1.9, head
MOST_TABLES = 64
MOST_MAPPED = 300_000  # code points looked at in one map; Unicode has half as many letters
UNICODE = ((0, 3), (0, 4), (0, 6), (3, 1), (3, 10))  # platform and encoding of maps that browsers read

Tables = Mapping[bytes, bytes]


def letters_of(font: Path) -> frozenset[int]:
    """Every code point in the font's map. Raises OSError; ValueError where it is no such font."""
    return letters_in(font.read_bytes())


def letters_in(font: bytes) -> frozenset[int]:
    """Every code point that one of the font's glyphs is for. Raises ValueError where it is no font to be trusted."""
    try:
        tables = _tables(font)
        if struct.unpack_from(">I", tables[b"head"], 12)[0] != HEAD_MAGIC:
            raise ValueError("not a font: head")
        (glyphs,) = struct.unpack_from(">H", tables[b"maxp"], 4)
        _check_places(tables, glyphs)
        return frozenset(code for code, glyph in _mapped(tables[b"cmap"]) if 0 < glyph < glyphs)
    except (struct.error, IndexError):
        raise ValueError("not a font: a table is too short") from None


def undrawable(text: str, *fonts: frozenset[int]) -> str:
    """The letters of a text, each with its marks, that none of these fonts draws whole: as stored, or as the browser
    may take them apart. Marks of one font are not put on the letters of another."""
    missing = []
    for letter in dict.fromkeys(_clusters(unicodedata.normalize("NFC", text))):
        signs = [sign for sign in letter if sign not in UNDRAWN]
        if not any(_draws(font, signs) for font in fonts):
            missing.append(letter)
    return "".join(missing)


def _draws(font: frozenset[int], signs: list[str]) -> bool:
    return all(
        ord(sign) in font or all(ord(part) in font for part in unicodedata.normalize("NFD", sign)) for sign in signs
    )


def _clusters(text: str) -> Iterator[str]:
    cluster = ""
    for sign in text:
        if cluster and unicodedata.category(sign)[0] != "M":
            yield cluster
            cluster = ""
        cluster += sign
    if cluster:
        yield cluster


def _tables(data: bytes) -> Tables:
    """The tables by name, each within the file and none over another."""
    if data[:4] not in TRUETYPE:
        raise ValueError("not a font: TrueType alone is taken")
    (count,) = struct.unpack_from(">H", data, 4)
    if not 0 < count <= MOST_TABLES:
        raise ValueError("not a font: tables")
    places = [struct.unpack_from(">4sIII", data, 12 + 16 * number) for number in range(count)]
    end = 12 + 16 * count
    for _, _, offset, length in sorted(places, key=lambda place: place[2]):
        if offset < end or offset + length > len(data):
            raise ValueError("not a font: a table lies out of its place")
        end = offset + length
    tables = {tag: data[offset : offset + length] for tag, _, offset, length in places}
    if len(tables) != count or not tables.keys() >= NEEDED:
        raise ValueError("not a font: a table is missing or there twice, or its outlines are not TrueType's")
    return tables


def _check_places(tables: Tables, glyphs: int) -> None:
    """The outlines of the glyphs lie one behind the other within their table."""
    (long,) = struct.unpack_from(">h", tables[b"head"], 50)
    form, unit = (">{}I", 1) if long else (">{}H", 2)
    places = struct.unpack_from(form.format(glyphs + 1), tables[b"loca"])
    if any(after < before for before, after in pairwise(places)):
        raise ValueError("not a font: outlines out of order")
    if places[-1] * unit > len(tables[b"glyf"]):
        raise ValueError("not a font: outlines beyond their table")


def _mapped(cmap: bytes) -> Iterator[tuple[int, int]]:
    """Code point and glyph, over all maps of Unicode. Raises ValueError where there is none, or more than anybody
    needs."""
    (count,) = struct.unpack_from(">H", cmap, 2)
    heads = [struct.unpack_from(">HHI", cmap, 4 + 8 * number) for number in range(min(count, MOST_TABLES))]
    places = {offset for platform, encoding, offset in heads if (platform, encoding) in UNICODE}
    if not places:
        raise ValueError("not a font: no character map")
    left = MOST_MAPPED
    for place in sorted(places):
        (form,) = struct.unpack_from(">H", cmap, place)
        read = {4: _segments, 12: _groups}.get(form)
        for mapped in read(cmap, place) if read else ():
            left -= 1
            if left < 0:
                raise ValueError("not a font: its character map has no end")
            if mapped is not None:
                yield mapped


# Both give None where they looked at something that is no letter, so that this is counted too.


def _groups(data: bytes, start: int) -> Iterator[tuple[int, int] | None]:
    (groups,) = struct.unpack_from(">I", data, start + 12)
    for group in range(groups):
        first, last, glyph = struct.unpack_from(">III", data, start + 16 + 12 * group)
        yield None
        for code in range(first, min(last, 0x10FFFF) + 1):
            yield code, glyph + code - first


def _segments(data: bytes, start: int) -> Iterator[tuple[int, int] | None]:
    (double,) = struct.unpack_from(">H", data, start + 6)
    ends, starts = start + 14, start + 16 + double
    deltas, offsets = starts + double, starts + 2 * double
    for at in range(0, double, 2):
        (last,), (first,) = struct.unpack_from(">H", data, ends + at), struct.unpack_from(">H", data, starts + at)
        (delta,), (offset,) = struct.unpack_from(">H", data, deltas + at), struct.unpack_from(">H", data, offsets + at)
        yield None
        for code in range(first, min(last, 0xFFFE) + 1):
            if offset == 0:
                glyph = (code + delta) & 0xFFFF
            else:
                (glyph,) = struct.unpack_from(">H", data, offsets + at + offset + 2 * (code - first))
                glyph = (glyph + delta) & 0xFFFF if glyph else 0
            yield code, glyph
