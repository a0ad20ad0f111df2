"""Undoes UTF-8 that was read in another encoding, where that can be done for certain, and nowhere else.

Two kinds of maker. A program that takes a scanner's bytes for its own code page mangles the whole text, some chains
twice. zbar in text mode tries Shift-JIS, Latin-1 and Big5 before UTF-8, for each segment of bytes in a code anew, so a
code that mixes segments of digits and of bytes comes half right (vision.md 3); ends of segments lie beside digits.

A text is undone only when all of it encodes back exactly, is strict UTF-8 then, and is written in the letters of
Vietnam's peoples; and only when no other encoding gives another such text. What is left damaged here is refused by
whoever reads it. Pure.
"""

import re
from collections.abc import Callable, Iterator

from reader.payload import code_pages
from reader.payload.errors import PayloadDamaged
from reader.payload.letters import is_printable, is_vietnamese

_MOST_CHAINED = 3
_BOM = "\ufeff"
_LOST_IN_WINDOWS = "・"
_DIGITS = re.compile("([0-9]+)")
# `Ã£` is `ã` in Latin-1 and a dot below in Mac Roman, on whatever letter stands before.
_MARK_ON_CONSONANT = re.compile("[b-df-hj-np-tv-xz][\u0300\u0301\u0302\u0306\u0309\u031b\u0323]", re.IGNORECASE)

_ToBytes = Callable[[str], bytes]
"""The bytes that somebody read as this text; raises UnicodeError when nobody could."""


def undo(text: str) -> str:
    """The text as it was before; as it stands when nothing can be undone. Raises PayloadDamaged where there are several
    ways to do so."""
    if text.isascii():
        return text
    for encodings in (_LIKELY, _RARE):
        found = set(_unchained(text, encodings, _MOST_CHAINED))
        if len(found) > 1:
            raise PayloadDamaged
        if found:
            return found.pop()
    return _undo_between_digits(text)


def _unchained(text: str, encodings: tuple[_ToBytes, ...], rounds: int) -> Iterator[str]:
    """What the text can have been, through so many wrong readings one after the other at most."""
    for before in {before for before in _readings(text, encodings) if before != text}:
        if _is_right(before):
            yield before
        elif rounds > 1:
            yield from _unchained(before, encodings, rounds - 1)


def _undo_between_digits(text: str) -> str:
    """Each part between digits by itself. In zbar's encodings no digit is ever half of a letter."""
    parts = _DIGITS.split(text)
    for at, part in enumerate(parts):
        found = {before for before in _readings(part, _OF_ZBAR) if _is_right(before)}
        if is_printable(part):
            found.add(part)
        if len(found) != 1:
            return text
        parts[at] = found.pop()
    return "".join(parts)


def _readings(text: str, encodings: tuple[_ToBytes, ...]) -> Iterator[str]:
    for to_bytes in encodings:
        try:
            yield to_bytes(text).decode()
        except UnicodeError:
            continue


def _is_right(text: str) -> bool:
    return is_vietnamese(text.replace(_BOM, "")) and not _MARK_ON_CONSONANT.search(text)


def _single_byte(codec: str) -> _ToBytes:
    """A code page of 256 letters. Bytes that it does not assign come through as C1 controls, and no others do."""
    return _page("".join(bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in range(0x80, 0x100)))


def _page(upper: str) -> _ToBytes:
    """ASCII and these 128 letters; one that stands there twice cannot be undone."""
    page = "".join(map(chr, range(0x80))) + upper
    letters = {letter: bytes([byte]) for byte, letter in enumerate(page) if page.count(letter) == 1}

    def to_bytes(text: str) -> bytes:
        try:
            return b"".join(letters[sign] for sign in text)
        except KeyError:
            raise UnicodeError from None

    return to_bytes


def _multi_byte(codec: str, further: dict[str, bytes] | None = None) -> _ToBytes:
    """An encoding of ASCII and East Asian letters; `further` are letters that Python's own table does not have."""
    known = {"\x80": b"\x80", "\xa0": b"\xa0"} | (further or {})  # single bytes that pass through unassigned

    def one(sign: str) -> bytes:
        if sign.isascii():
            return sign.encode()
        raw = known.get(sign) or sign.encode(codec)
        # Shift-JIS has the yen where ASCII has the backslash: two letters for one byte. Windows writes the middle dot
        # for what it cannot read, so that says only that something is lost.
        if raw[0] < 0x80 or sign == _LOST_IN_WINDOWS:
            raise UnicodeError
        return raw

    return lambda text: b"".join(map(one, text))


def _private_big5() -> dict[str, bytes]:
    """Rows C6A1 to C8FE of Big5, which have no letters of their own: to the private use area in row order, as glibc
    and Windows do. `ơ` and `ư` are there, being C6A1 and C6B0 in UTF-8."""
    trails = [*range(0x40, 0x7F), *range(0xA1, 0xFF)]
    codes = [bytes([lead, trail]) for lead in (0xC6, 0xC7, 0xC8) for trail in trails]
    return {chr(0xF672 + at): code for at, code in enumerate(codes)}


# Shift-JIS twice: the standard's table and that of Windows differ in a few signs. GB18030 contains GBK and GB2312, code
# page 949 contains EUC-KR, Big5 of Hong Kong the rows that Big5 leaves free.
_SHIFT_JIS = (_multi_byte("shift_jis"), _multi_byte("cp932"))
_BIG5 = _multi_byte("big5", _private_big5())
_OF_ZBAR = (*_SHIFT_JIS, _BIG5, _single_byte("latin-1"))
_LIKELY = (
    *map(_single_byte, ("latin-1", "cp1252", "cp1258", "cp437", "mac_roman")),  # 1258 is that of a Vietnamese Windows
    *_SHIFT_JIS,
    _BIG5,
    *map(_multi_byte, ("cp950", "big5hkscs", "gb18030", "euc_jp", "cp949")),
    *map(_page, (code_pages.VISCII, code_pages.TCVN, code_pages.abc())),
)
# Each of these has its `Š` and `ž` in places of its own, which makes some pairs of them ambiguous with the likely ones.
_RARE = tuple(map(_single_byte, ("cp1250", "cp1254", "iso8859_2", "iso8859_15")))
