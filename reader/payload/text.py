"""Undoes what scanners and decoders do to a payload's text, and refuses what cannot be undone safely.

Every repair is reported as a warning code, so that nobody takes mended text for untouched text (card.md 1.5).
Pure; knows no card, only text.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple

from reader.payload.errors import PayloadDamaged, PayloadEmpty, PayloadTooLong

MAX_LENGTH = 4096  # bytes; the largest QR code holds 2,953 bytes (ISO/IEC 18004, version 40-L)
MAX_NAME_LENGTH = 200  # characters; twice the longest that anybody was seen to have

# What a scanner may put around a payload: line ends, TAB or EOT as suffix, STX and ETX as frame, a GS left over.
_FRAME = "".join(map(chr, range(0x01, 0x21))) + "\x7f"
_AIM_QR_PREFIX = re.compile(r"\]Q[0-6]")  # ISO/IEC 15424: symbology identifier of QR Code
_WHITE = re.compile(r"[ \t\r\n\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_APOSTROPHES = "'’‘ʼ`´"
_NAME_MARKS = frozenset(" .-\u2010\u2011\u2013" + _APOSTROPHES)


class Mended(NamedTuple):
    """Text and the codes of the repairs it needed."""

    text: str
    warnings: tuple[str, ...]


def mend(payload: str | bytes) -> Mended:
    """Decode strictly and undo known damage.

    Raises PayloadTooLong, PayloadDamaged (not UTF-8), PayloadEmpty.
    """
    text = _decode(payload)
    warnings: list[str] = []
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
    """Raise PayloadDamaged where letters cannot be what was printed: other scripts, controls, lost characters.

    Cards are printed in Latin letters, also for ethnic minorities; a CJK letter or `áº` inside is a decoder's doing.
    """
    if _MOJIBAKE_LEFT.search(text):
        raise PayloadDamaged
    if not text.isascii() and any(_is_foreign(sign) for sign in set(text)):
        raise PayloadDamaged
    if any(unicodedata.category(sign) == "Cc" and sign not in "\t\r\n" for sign in set(text)):
        raise PayloadDamaged


def is_name(text: str) -> bool:
    """Whether this can be a person's name: Latin letters with any marks, and the few signs that stand in names."""
    return (
        0 < len(text) <= MAX_NAME_LENGTH
        and (text[0].isalpha() or (text[0] in _APOSTROPHES and text[1:2].isalpha()))
        and all(sign in _NAME_MARKS or _is_latin(sign) for sign in text)
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


def _decode(payload: str | bytes) -> str:
    if len(payload) > MAX_LENGTH:
        raise PayloadTooLong(limit=MAX_LENGTH)
    try:
        raw = payload.encode() if isinstance(payload, str) else payload
        text = raw.decode()
    except UnicodeError:  # bytes that are not UTF-8, or a string with lone surrogates
        raise PayloadDamaged from None
    if len(raw) > MAX_LENGTH:
        raise PayloadTooLong(limit=MAX_LENGTH)
    return text


def _letters_to_bytes(codec: str) -> dict[int, int]:
    """For `str.translate`: each letter of a single-byte code page to the code point that equals its byte."""
    table = {}
    for byte in range(0x80, 0x100):
        try:
            letter = bytes([byte]).decode(codec)
        except UnicodeDecodeError:
            continue  # unassigned: such bytes come through as C1 controls, which stand for themselves
        table[ord(letter)] = byte
    return table


# Windows-1252 covers Latin-1 too; Windows-1258 is the code page of a Vietnamese Windows.
_CODE_PAGES = tuple(_letters_to_bytes(codec) for codec in ("cp1252", "cp1258"))


def _undo_mojibake(text: str) -> str:
    """UTF-8 that was read in a single-byte code page. Only text that is strict UTF-8 as a whole is changed."""
    for _ in range(2):  # some chains do it twice
        mended = _undo_once(text)
        if mended == text:
            break
        text = mended
    return text


def _undo_once(text: str) -> str:
    if text.isascii():
        return text
    for table in _CODE_PAGES:
        try:
            return text.translate(table).encode("latin-1").decode()
        except UnicodeError:
            continue
    return text


# What is left of three-byte (á + º or ») and two-byte (Ã Ä Å Æ + any) UTF-8 when a part was lost on the way.
_MOJIBAKE_LEFT = re.compile("á[º»]|[ĂÄÅÆ][\u0080-\u00bf‚ƒ„…†‡ˆ‰‹‘’“”•–—˜™›]|Ã[\u0080-\u00bf]")


def _cut_at_nul(text: str) -> str:
    """What stands before the padding (card.md 1.4); NULs in front are a serial line being opened."""
    return text.lstrip("\0").partition("\0")[0]


def _without_bom(text: str) -> str:
    return text.lstrip("\ufeff")


def _without_aim_prefix(text: str) -> str:
    return _AIM_QR_PREFIX.sub("", text, count=1) if text.startswith("]") else text


def _without_frame(text: str) -> str:
    return text.strip(_FRAME)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


_REPAIRS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("repaired.mojibake", _undo_mojibake),
    ("repaired.nul", _cut_at_nul),
    ("repaired.frame", _without_frame),
    ("repaired.bom", _without_bom),
    ("repaired.aim_prefix", _without_aim_prefix),
    ("repaired.bom", _without_bom),  # the two prefixes come in either order
    ("repaired.frame", _without_frame),
    ("repaired.nfd", _composed),
)


def _is_latin(sign: str) -> bool:
    return "\u0300" <= sign <= "\u036f" or (sign.isalpha() and unicodedata.name(sign, "").startswith("LATIN "))


def _is_foreign(sign: str) -> bool:
    category = unicodedata.category(sign)
    if category[0] in "LM":
        return not _is_latin(sign) and sign not in _APOSTROPHES
    return sign == "\ufffd" or category in {"Cf", "Co", "Cn", "Cs", "Zl", "Zp"} or (category == "Nd" and sign > "9")
