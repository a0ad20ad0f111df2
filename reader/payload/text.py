"""Undoes what scanners and decoders do to a payload's text, and refuses what cannot be undone safely.

Every repair is reported as a warning code, so that nobody takes mended text for untouched text (card.md 1.5).
Pure; knows no card, only text.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple

from reader.payload import further, mojibake
from reader.payload.errors import PayloadDamaged, PayloadEmpty, PayloadTooLong
from reader.payload.letters import APOSTROPHES, has_foreign_letters, is_latin, is_of_old_code_page, is_printable
from reader.payload.syllables import is_misspelt

MAX_LENGTH = 4096  # bytes; the largest QR code holds 2,953 bytes (ISO/IEC 18004, version 40-L)
MAX_NAME_LENGTH = 200  # characters; twice the longest that anybody was seen to have

# What a scanner may put around a payload: line ends, TAB or EOT as suffix, STX and ETX as frame, a GS left over.
_FRAME = "".join(map(chr, range(0x01, 0x21))) + "\x7f"
# ISO/IEC 15424: `]`, a letter for the symbology, a modifier; then, from scanners that tell encodings, ECI 26 (UTF-8).
_AIM_PREFIX = re.compile(r"\][A-Za-z][0-9A-Za-z](?:\\000026)?")
_WHITE = re.compile(r"[ \t\r\n\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_NAME_MARKS = frozenset(" .-\u2010\u2011\u2013" + APOSTROPHES)
_SEPARATOR = re.compile("[|;\t\r\n]")
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


class Mended(NamedTuple):
    """Text and the codes of the repairs it needed."""

    text: str
    warnings: tuple[str, ...]


def mend(payload: str | bytes) -> Mended:
    """Decode strictly and undo known damage.

    Raises PayloadTooLong, PayloadDamaged (neither UTF-8 nor UTF-16 that says so; another card behind the padding),
    PayloadEmpty.
    """
    warnings: list[str] = []
    text = _decode(payload, warnings)
    for code, repair in _REPAIRS:
        mended = repair(text)
        if mended != text:
            warnings.append(code)
        text = mended
    if not text:
        raise PayloadEmpty
    return Mended(text, unique(warnings))


def tidy(text: str) -> str:
    """One space between words, none around them."""
    return _WHITE.sub(" ", text).strip(" ")


def refuse_damage(text: str) -> None:
    """Raise PayloadDamaged where letters cannot be what was printed: other scripts, controls, lost characters."""
    if not is_printable(text):
        raise PayloadDamaged
    if any(unicodedata.category(sign) == "Cc" and sign not in "\t\r\n" for sign in set(text)):
        raise PayloadDamaged


def refuse_damaged_name(name: str, residence: str = "") -> None:
    """Raise PayloadDamaged where a name in Latin letters cannot be one of Vietnam: marks piled up on a letter, letters
    that no people there writes, those that an old Vietnamese code page leaves, or words of name and address that are
    spelt as none is."""
    if is_of_old_code_page(name) or has_foreign_letters(residence) or is_misspelt(name, residence):
        raise PayloadDamaged


def is_name(text: str) -> bool:
    """Whether this can be a person's name: Latin letters with any marks, and the few signs that stand in names."""
    return (
        0 < len(text) <= MAX_NAME_LENGTH
        and (text[0].isalpha() or (text[0] in APOSTROPHES and text[1:2].isalpha()))
        and all(sign in _NAME_MARKS or is_latin(sign) for sign in text)
    )


def is_ascii_words(text: str) -> bool:
    """Whether there are letters and none of them carries a mark: Vietnamese that went through an ASCII channel."""
    return text.isascii() and any(sign.isalpha() for sign in text)


def as_text(payload: bytes) -> str:
    """A device's bytes as the text that sources hand on; what is not UTF-8 stays visible, and `mend` refuses it."""
    return payload.decode("utf-8", "surrogateescape")


def unique(codes: Iterable[str]) -> tuple[str, ...]:
    """The codes in their order, each once."""
    return tuple(dict.fromkeys(codes))


def _decode(payload: str | bytes, warnings: list[str]) -> str:
    if len(payload) > MAX_LENGTH:
        raise PayloadTooLong(limit=MAX_LENGTH)
    try:
        # Sources hand on bytes that are no UTF-8 as lone surrogates (`as_text`).
        raw = payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else payload
        if len(raw) > MAX_LENGTH:
            raise PayloadTooLong(limit=MAX_LENGTH)
        if raw.startswith(_UTF16_BOMS):
            warnings.append("repaired.utf16")
            text = raw.decode("utf-16")
            _refuse_another(*_at_padding(text))
            return text
        # Signs of one byte each, so that whatever the padding holds can be looked at.
        front, behind = _at_padding(raw.decode("latin-1"))
        _refuse_another(front, behind)
        return raw[: len(raw) - len(behind)].decode()
    except UnicodeError:
        raise PayloadDamaged from None


def _at_padding(text: str) -> tuple[str, str]:
    """Up to the first NUL behind the payload, and the rest: what a decoder leaves there may be anything (card.md
    1.4)."""
    front = len(text) - len(text.lstrip("\0"))
    end = text.find("\0", front) + 1 or len(text)
    return text[:end], text[end:]


def _refuse_another(front: str, behind: str) -> None:
    """Raise PayloadDamaged where the padding is another card; or anything but padding, behind a first field alone: a
    number with a NUL inside would be cut to one of another kind."""
    around = _FRAME + "\0"
    if behind.strip(around) and not _SEPARATOR.search(front.strip(around)):
        raise PayloadDamaged
    if any(further.another_card(front, piece.lstrip(_FRAME)) for piece in behind.split("\0")):
        raise PayloadDamaged


def _cut_at_nul(text: str) -> str:
    """What stands before the padding (card.md 1.4); NULs in front are a serial line being opened."""
    return text.lstrip("\0").partition("\0")[0]


def _without_bom(text: str) -> str:
    return text.lstrip("\ufeff")


def _without_aim_prefix(text: str) -> str:
    prefix = _AIM_PREFIX.match(text)
    return text[prefix.end() :] if prefix else text


def _without_frame(text: str) -> str:
    return text.strip(_FRAME)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


_Repairs = tuple[tuple[str, Callable[[str], str]], ...]

# Before the letters are put right, where a program set a mark before what it had misread, and after: misread itself.
_AROUND: _Repairs = (
    ("repaired.frame", _without_frame),
    ("repaired.bom", _without_bom),
    ("repaired.aim_prefix", _without_aim_prefix),
    ("repaired.bom", _without_bom),  # the two prefixes come in either order
    ("repaired.frame", _without_frame),
)
_REPAIRS: _Repairs = (
    ("repaired.nul", _cut_at_nul),
    *_AROUND,
    ("repaired.mojibake", mojibake.undo),
    *_AROUND,
    ("repaired.nfd", _composed),
)
