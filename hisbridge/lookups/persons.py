"""Do two descriptions mean the same person? Names and birth dates as Vietnamese registers really hold them. Pure."""

import re
import unicodedata

_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")  # grave, acute, tilde, hook above, dot below
_TWINS = str.maketrans(
    {"\u00f0": "đ", "’": "'", "ʼ": "'", "‘": "'", "`": "'"}
)  # eth typed for đ, apostrophes of H'Mông
# The second place of a tone mark in syllables that end in these vowels: hòa and hoà, thúy and thuý.
_OPEN_VOWELS = re.compile(r"(?<![qQ])([oO][aeAE]|[uU][yY])$")
_ISO = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_PORTAL_DATE = re.compile(r"(?:(?:([0-9]{1,2})/)?([0-9]{1,2})/)?([0-9]{4})")

PartialDay = tuple[int, ...]  # (year), (year, month) or (year, month, day)


def tidy(name: str) -> str:
    """A name as it is sent: NFC, single spaces, accents kept (services.md 1.3)."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def same_name(one: str, other: str) -> bool:
    """Equal but for case, spacing, Unicode form and where in the syllable the tone mark stands."""
    return _skeleton(one) == _skeleton(other)


def other_accent_placement(name: str) -> str:
    """The name with tone marks where the other school of spelling puts them (òa or oà); itself when there is none."""
    return " ".join(_moved(word) for word in tidy(name).split())


def iso_day(text: str) -> PartialDay | None:
    """`YYYY`, `YYYY-MM` or `YYYY-MM-DD` as numbers."""
    found = _ISO.fullmatch(text.strip())
    return tuple(int(part) for part in found.groups() if part) if found else None


def portal_day(text: str) -> PartialDay | None:
    """The portal's `dd/MM/yyyy`, `MM/yyyy` or `yyyy` as (year, month, day) as far as known."""
    found = _PORTAL_DATE.fullmatch(text.strip())
    if found is None:
        return None
    day, month, year = found.groups()
    return tuple(int(part) for part in (year, month, day) if part)


def same_day(one: PartialDay, other: PartialDay) -> bool:
    """Equal as far as both are known: a register that holds only the year contradicts nobody born that year."""
    known = min(len(one), len(other))
    return one[:known] == other[:known]


def _skeleton(name: str) -> list[str]:
    return [_tone_last(word) for word in tidy(name).casefold().translate(_TWINS).split()]


def _tone_last(word: str) -> str:
    letters = unicodedata.normalize("NFD", word)
    base = "".join(letter for letter in letters if letter not in _TONES)
    return base + "".join(letter for letter in letters if letter in _TONES)


def _moved(word: str) -> str:
    letters = unicodedata.normalize("NFD", word)
    tone = "".join(letter for letter in letters if letter in _TONES)
    base = unicodedata.normalize("NFC", "".join(letter for letter in letters if letter not in _TONES))
    if len(tone) != 1 or not _OPEN_VOWELS.search(base):
        return word
    first = unicodedata.normalize("NFC", base[:-1] + tone + base[-1])
    second = unicodedata.normalize("NFC", base + tone)
    return second if word == first else first
