"""Vietnamese letters made comparable: where an accent stands, y or i, k or c, no accents at all. Knows no place."""

import re
import unicodedata
from collections.abc import Iterable

_MARKS = re.compile("[\u0300\u0301\u0303\u0309\u0323]")
_ALIKE = str.maketrans("\u2019\u2018\u2013\u2014\u00d0\u00f0\u0189\u0256", "''--\u0110\u0111\u0110\u0111")
_ALIKES = re.compile(f"[{''.join(map(chr, _ALIKE))}]")
_NO_LETTER = re.compile(r"[\W_]+")
_NO_LETTER_IN_LINE = re.compile(r"[^\w\n]+|_")


def _plain(letter: str) -> str:
    base = unicodedata.normalize("NFD", letter)[0]
    return "d" if base == "đ" else base


_LETTERS = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđčñĭŏŭ"
_FOLD = str.maketrans({letter: _plain(letter) for letter in _LETTERS})


def compose(text: str) -> str:
    """NFC, and one kind of apostrophe, hyphen and đ (old fonts and wrong code pages leave look-alikes of it)."""
    text = unicodedata.normalize("NFC", text)
    return text.translate(_ALIKE) if _ALIKES.search(text) else text


def folded_key(text: str) -> str:
    """Letters and digits alone, small, without accents, y as i, k as c: 'Đắk Lắk' and 'DAC LAC' are 'daclac'."""
    return _NO_LETTER.sub("", _wavering(compose(text).lower().translate(_FOLD)))


def folded_keys(texts: Iterable[str]) -> list[str]:
    """`folded_key` of many names at once, none with a line break: much faster than one after the other."""
    page = compose("\n".join(texts)).lower().translate(_FOLD)
    return _NO_LETTER_IN_LINE.sub("", _wavering(page)).split("\n")


def _wavering(text: str) -> str:
    """Spellings waver between y and i (Mỹ, Mĩ) and, in names of the highlands, k and c (Đắk, Đắc); kh is not ch.

    To be done while words are apart: Đăk Hà has no kh.
    """
    text = text.replace("y", "i")
    return text.replace("kh", "\0").replace("k", "c").replace("\0", "kh") if "k" in text else text


def accent_key(text: str) -> str:
    """As `folded_key` but with its accents, each word's tone behind the word: 'Hoà' and 'Hòa' are the same."""
    return "".join(map(_toned, _NO_LETTER.sub(" ", compose(text).lower()).split()))


def _toned(word: str) -> str:
    apart = unicodedata.normalize("NFD", word)
    tones = "".join(_MARKS.findall(apart))
    return _wavering(unicodedata.normalize("NFC", _MARKS.sub("", apart))) + tones


def has_accents(text: str) -> bool:
    """Whether the text bears any Vietnamese accent; one without says nothing about them."""
    return any(ord(letter) > 0x7F and letter.isalpha() for letter in text)
