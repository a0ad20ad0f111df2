"""Recognises a payload that went through a Vietnamese input method, or was typed in the keys of one.

A scanner that plays keyboard types into whatever the machine has set up. Telex turns letters into marks (`nguyeenx` is
`nguyễn`), VNI digits behind letters (`nguye64n`); the Vietnamese keyboard layout has letters where digits are. What
comes out can be read in several ways, so nothing is guessed: the payload is refused whole, also where its number looks
untouched, because the name beside it would be a wrong one that looks like a name. Pure.

True names and addresses must never be taken for such text. One word tells little: `Coor` is a Cơ Tu name and Telex for
`Cổ`, `Lee Soo` a Korean one, `To5` an address in a hurry. So words are weighed together, and a word that only ever
appears without its marks (`Nguyen`, `Phuong`) says that marks were lost, not typed.
"""

import re
import unicodedata
from collections.abc import Sequence

_ONSET = r"(?:ngh|nh|ng|gh|gi|kh|ph|th|tr|ch|qu|[bcdghklmnpqrstvx])?"
_CODA = r"(?:ch|ng|nh|[ckmnpt])?"
# Telex: marks of vowels doubled or with `w`, the tone behind the vowel or the word, or all keys behind the word.
_TELEX = re.compile(rf"(d?){_ONSET}([aeiouyw]{{1,5}})(?:([sfrxj])([aeiouyw]{{0,2}}))?{_CODA}([aeow]?)([sfrxj]?)")
# The vowels of Vietnamese syllables, bare and as Telex writes them: `owe` and `iew` are English.
_VOWELS = re.compile(
    "[aeiouy]|a[iouy]|eo|i[aeu]|o[aei]|u[aeioy]|ye|oa[iyo]|oeo|ua[iy]|uy[aeu]|ieu|yeu|uoi|uou"
    "|aa[uy]?|aw|eeu?|oo[iw]?|ow[i]?|uw[aiu]?|[iy]eeu?|uyee|oaw|uee|uooi?|uaay?|uow[iu]?|uwow[iu]?"
)
_VNI = re.compile(r"d?9?[a-z]+[0-9][a-z0-9]*")
_VNI_MARKS = re.compile(r"(?=[6-9]{0,2}[1-5]?[6-9]{0,2}\Z)[1-9]{1,3}")
_SYLLABLE = re.compile(rf"{_ONSET}[aeiouy]{{1,3}}{_CODA}")
# Vietnamese only with marks: iê, yê, uô, ươ.
_MARKS_LOST = re.compile(rf"{_ONSET}(?:u?ye|ie|uo)(?:ch|ng|nh|[cmnpt]|u|i)")
_WORDS = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_SEX = re.compile(r"nu(?:w|x|wx|xw|7|4|74|47)", re.IGNORECASE)  # `Nữ` in the keys of either

_LEAST = 3  # words that weigh anything: two are chance (`Danh Lewis`, `Sky View`)
_SURE = 3.0  # weight of all words together
_SHARE = 0.4  # of the words that can be syllables at all
# What the Vietnamese layout has on its row of digits, letters and marks apart.
_DIGIT_ROW = frozenset("đaeo\u0302\u0306\u0300\u0301\u0303\u0309\u0323")
_HEX = re.compile("[0-9a-f]{8,}")


def wrote_name(name: str) -> bool:
    """Whether a name shows the keys of an input method: digits inside its syllables, or Telex in most of its words."""
    words = _words(name)
    return any(_vni_weight(word) for word in words) or _weighs(words)


def wrote_all(name: str, sex: str, residence: str) -> bool:
    """Whether name, printed sex and residence together do. Text with any letter beyond ASCII was not typed in keys."""
    if not f"{name}{sex}{residence}".isascii():
        return False
    return bool(_SEX.fullmatch(sex)) or _weighs(_words(f"{name} {residence}"))


def wrote_digits(field: str) -> bool:
    """Whether a field that holds digits alone, or hexadecimal ones, came out as letters with marks."""
    if field.isascii() or len(field) < len("yyyy"):
        return False
    apart = unicodedata.normalize("NFD", field.lower())
    if set(apart) <= _DIGIT_ROW | set("0123456789"):
        return True
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign)).replace("đ", "d")
    return bool(_HEX.fullmatch(bare)) or bool(re.fullmatch(r"[a-z]{2}[0-9]{10,13}", bare))


def _weighs(words: Sequence[str]) -> bool:
    """Whether the words weigh enough together, and enough of them weigh anything."""
    if any(_MARKS_LOST.fullmatch(word) for word in words):
        return False
    weights = [weight for word in words if (weight := _telex_weight(word) or _vni_weight(word))]
    plain = sum(1 for word in words if _SYLLABLE.fullmatch(word) and not _telex_weight(word))
    return len(weights) >= _LEAST and sum(weights) >= _SURE and len(weights) >= _SHARE * (len(weights) + plain)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(text) if text.isascii() and len(word) > 1]


def _telex_weight(word: str) -> float:
    """Half for a doubled vowel alone, which many languages have; one for a tone or a `w`; two for both kinds."""
    if not (match := _TELEX.fullmatch(word)):
        return 0
    crossed, vowels, first, rest, behind, last = match.groups()
    vowels += rest or ""
    if not _VOWELS.fullmatch(vowels) or (first and last) or (behind and behind != "w" and behind not in vowels):
        return 0
    toned = bool(first or last)
    doubled = any(pair in vowels for pair in ("aa", "ee", "oo")) or bool(crossed and word.startswith("dd"))
    hooked = "w" in vowels or behind == "w"
    marked = doubled or hooked or bool(behind)
    if toned and marked:
        return 2
    return 1 if toned or hooked else 0.5 if doubled else 0


def _vni_weight(word: str) -> float:
    """Two for a syllable with the digits of its marks inside or several behind; `To5` and `KP4` are addresses."""
    digits = re.sub("[a-z]", "", word)
    bare = re.sub("[0-9]", "", word)
    if not _VNI.fullmatch(word) or len(bare) < 2 or not _SYLLABLE.fullmatch(bare) or not _VNI_MARKS.fullmatch(digits):
        return 0
    return 2 if len(digits) > 1 or not word[-1].isdigit() else 0
