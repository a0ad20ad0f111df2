"""Whether names and addresses are spelt as Vietnamese is, or in letters that only look like it.

A code page of Vietnam read as another one gives Vietnamese letters in the wrong places (`Phòảng`, `Huyđn`), which no
table of letters can tell from right ones. The syllable can: it has one tone, a vowel of a short list, and an end that
goes with both. Other languages of Vietnam are written with the same letters and by other rules, but hardly ever with
a tone, so words without one are never judged; and a single odd word, which may be a slip of whoever typed the card,
counts only where its letters cannot stand beside each other in any of these languages. Pure.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")
_STOP_TONES = frozenset("\u0301\u0323")  # acute and dot below: the only ones before c, ch, p, t
_LETTERS = re.compile(r"[^\W\d_]+")

# A vowel that ends the syllable; then those that a consonant follows, each group with its consonants.
_OPEN = (
    "a|ai|ao|au|ay|âu|ây|e|ea|eo|eu|ê|êu|i|ia|iu|io|iê|iêu|o|oa|oai|oao|oay|oe|oeo|oi|ô|ôi|ơ|ơi|u|ua|uai|uao|uay|uây|uê"
    "|uêu|ui|uơ|uôi|uy|uya|uyu|ư|ưa|ưi|ưu|ươi|ươu|ưoi|ưou|y|ya|yêu"
)
_CLOSED = (
    "(?:a|oa|ua)(?:ch|nh|ng|[ckmnpt])|(?:ă|oă|uă|â|uâ|e|oe|ue|iê|yê|uyê|o|oo|ô|u|uô|ư|ươ|ưo)(?:ng|[ckmnpt])"
    "|(?:ê|uê)(?:ch|nh|[ckmnpt])|(?:i|y|ui|uy)(?:ch|nh|[ckmnpt])|(?:ơ|uơ)(?:[ckmnpt])|ia(?:ng|[ckmnpt])"
)
_SYLLABLE = re.compile(rf"(?:gi|qu|[bcdđghjklmnpqrstvwxz]{{0,4}})(?:{_OPEN}|{_CLOSED})h?")
_STOPPED = re.compile(r"[^\W\d_]*(?:c|ch|p|t)")

_VOWELS = re.compile("[aeiouyăâêôơư\u0300\u0301\u0303\u0309\u0323]+")

_CROSSED_AT_END = re.compile("[^\\W\\d_]đ(?:[^\\W\\d_aeiouyhjlrăâêôơưà-ỹ]|$)")

_TONED_TWICE = re.compile(
    "[\\u0300\\u0301\\u0303\\u0309\\u0323][\\u0302\\u0306\\u031b]*[\\u0300\\u0301\\u0303\\u0309\\u0323]"
)

_LEAST = 2  # words spelt as none is


def is_misspelt(name: str, residence: str = "") -> bool:
    """Whether letters of a name and its address (NFC) are not those that were printed."""
    if _TONED_TWICE.search(unicodedata.normalize("NFD", f"{name} {residence}")):
        return True
    if any(map(_impossible, _words(name))) or any(map(_has_two_tones, _words(residence))):
        return True
    of_name = list(_judged(name))
    of_both = [*of_name, *_judged(residence)]
    wrong = of_both.count(False)
    return (not of_name or not all(of_name)) and wrong >= _LEAST and 2 * wrong >= len(of_both)


def _words(text: str) -> list[str]:
    apart = "".join(
        f" {sign}" if before.islower() and ("A" <= sign <= "Z" or sign == "Đ") else sign
        for before, sign in _pairs(" " + text)
    )
    return _LETTERS.findall(apart)  # `ThịMẫu`: the blank was forgotten


def _impossible(word: str) -> bool:
    """Whether a marked capital follows a small letter, two tones stand on vowels in a row, or `đ` ends a syllable."""
    if any(sign.isupper() and not sign.isascii() and sign != "Đ" and before.islower() for before, sign in _pairs(word)):
        return True
    if _CROSSED_AT_END.search(word.lower()):
        return True
    return _has_two_tones(word)


def _has_two_tones(word: str) -> bool:
    return any(sum(sign in _TONES for sign in run) > 1 for run in _VOWELS.findall(_apart(word)))


def _judged(text: str) -> Iterator[bool]:
    """For each word with a tone, whether it is spelt as a syllable."""
    for word in _words(text):
        apart = _apart(word)
        tones = [sign for sign in apart if sign in _TONES]
        if tones:
            bare = "".join(sign for sign in apart if sign not in _TONES)
            stopped = _STOPPED.fullmatch(bare) and tones[0] not in _STOP_TONES
            yield len(tones) == 1 and not stopped and _SYLLABLE.fullmatch(bare) is not None


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    return pairwise(text)


def _apart(word: str) -> str:
    """Small letters with their shapes composed and their tones behind them."""
    parts = []
    for sign in word.lower():
        marks = unicodedata.normalize("NFD", sign)
        shape = unicodedata.normalize("NFC", "".join(mark for mark in marks if mark not in _TONES))
        parts.append(shape + "".join(mark for mark in marks if mark in _TONES))
    return "".join(parts)
