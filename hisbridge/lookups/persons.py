"""Do two descriptions mean the same person? Names, birth dates, sexes as Vietnamese registers really hold them. Pure.

What only differs in writing (case, Unicode form, where in the syllable the tone mark stands) is the same; a letter or
a tone that differs, d and đ among them, is another name.
"""

import re
import unicodedata
from datetime import date
from typing import Literal

_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")  # grave, acute, tilde, hook above, dot below
_TWINS = str.maketrans(
    {"\u00f0": "đ", "’": "'", "ʼ": "'", "‘": "'", "`": "'"}
)  # eth typed for đ, apostrophes of H'Mông
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))  # soft hyphen, zero widths, byte-order mark
# The second place of a tone mark in syllables that end in these vowels: hòa and hoà, thúy and thuý.
_OPEN_VOWELS = re.compile(r"(?<![qQ])([oO][aeAE]|[uU][yY])$")
_ISO = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_PORTAL_DATE = re.compile(r"(?:(?:([0-9]{1,2})/)?([0-9]{1,2})/)?([0-9]{4})")
_EIGHT_DIGITS = re.compile(r"([0-9]{2})([0-9]{2})((?:18|19|20|21)[0-9]{2})")  # year-first would have month 18 to 21
_YEAR_FIRST = re.compile(r"((?:18|19|20|21)[0-9]{2})([0-9]{2})([0-9]{2})")  # as in the claim files, services.md 3.1
# Midnight, here or untold where, and the last second of a day: the date before it is meant. At any other offset, or
# hour, it could be the next day's.
_CLOCK = re.compile(r"[T ](?:0?0:00(:00(\.0+)?)?(?:Z|\+07:?00)?|23:59(:59(\.[0-9]+)?)?(?:\+07:?00)?)$")
_SEXES: dict[str, Literal["male", "female"]] = {
    **dict.fromkeys(("nam", "male", "m", "1"), "male"),
    **dict.fromkeys(("nữ", "nu", "female", "f", "2"), "female"),
}

PartialDay = tuple[int, ...]  # (year), (year, month) or (year, month, day)


def tidy(name: str) -> str:
    """A name as it is sent: NFC, single spaces, nothing unseen, accents kept (services.md 1.3)."""
    return " ".join(unicodedata.normalize("NFC", name.translate(_UNSEEN)).split())


def same_name(one: str, other: str) -> bool:
    """Equal but for case, spacing, Unicode form and where in the syllable the tone mark stands."""
    return _skeleton(one) == _skeleton(other)


def other_accent_placement(name: str) -> str:
    """The name with tone marks where the other school of spelling puts them (òa or oà); itself when there is none.

    Registers keep to one school: a name that mixes them becomes all òa.
    """
    plain = tidy(name)
    words = [_placements(word) for word in plain.split()]
    traditional = " ".join(first for first, _ in words)
    return traditional if traditional != plain else " ".join(second for _, second in words)


def iso_day(text: str) -> PartialDay | None:
    """`YYYY`, `YYYY-MM` or `YYYY-MM-DD` as numbers."""
    found = _ISO.fullmatch(text.strip())
    return tuple(int(part) for part in found.groups() if part) if found else None


def portal_day(text: str) -> PartialDay | None:
    """The portal's `dd/MM/yyyy`, `MM/yyyy` or `yyyy` as (year, month, day) as far as known, and a day that exists.

    `ddMMyyyy`, `yyyyMMdd` and `yyyy-MM-dd` are understood too (services.md 1.3 shows two forms itself), the first or
    last moment of the day after the date, and zeros for what is not known. None for anything else.
    """
    plain = _CLOCK.sub("", text.strip())
    found = _PORTAL_DATE.fullmatch(plain) or _EIGHT_DIGITS.fullmatch(plain)
    if found is not None:
        day, month, year = found.groups()
        parts = tuple(int(part) for part in (year, month, day) if part)
    elif (found := _YEAR_FIRST.fullmatch(plain)) is not None:
        parts = tuple(int(part) for part in found.groups())
    else:
        parts = iso_day(plain) or ()
    return _real(_known(parts))


def same_day(one: PartialDay, other: PartialDay) -> bool:
    """Equal as far as both are known: a register that holds only the year contradicts nobody born that year."""
    known = min(len(one), len(other))
    return one[:known] == other[:known]


def portal_sex(text: str) -> Literal["male", "female"] | None:
    """`Nam` or `Nữ`, also in English and as the data standard's 1 and 2 (services.md 6.5); None for anything else."""
    return _SEXES.get(tidy(text).casefold())


def surely_under(years: int, birth: PartialDay, on: date) -> bool:
    """Whether somebody born then is younger than `years` on that day, however much of the birth date is missing."""
    year, month, day = (*birth, 1, 1)[:3]  # the oldest they can be
    return (on.year - year, on.month, on.day) < (years, month, day) and year <= on.year


def _known(parts: PartialDay) -> PartialDay:
    """Without what zeros stand for."""
    return parts[: parts.index(0)] if 0 in parts else parts


def _real(parts: PartialDay) -> PartialDay | None:
    if not parts:
        return None
    try:
        date(*(*parts, 1, 1)[:3])
    except ValueError:
        return None
    return parts


def _skeleton(name: str) -> list[str]:
    return [_tone_last(word) for word in tidy(name).casefold().translate(_TWINS).split()]


def _tone_last(word: str) -> str:
    letters = unicodedata.normalize("NFD", word)
    base = "".join(letter for letter in letters if letter not in _TONES)
    return base + "".join(letter for letter in letters if letter in _TONES)


def _placements(word: str) -> tuple[str, str]:
    """The word as either school spells it (òa, oà); twice itself where both agree."""
    letters = unicodedata.normalize("NFD", word)
    tone = "".join(letter for letter in letters if letter in _TONES)
    base = unicodedata.normalize("NFC", "".join(letter for letter in letters if letter not in _TONES))
    if len(tone) != 1 or not _OPEN_VOWELS.search(base):
        return word, word
    first = unicodedata.normalize("NFC", base[:-1] + tone + base[-1])
    second = unicodedata.normalize("NFC", base + tone)
    return first, second
