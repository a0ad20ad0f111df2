"""Names and numbers as they may stand on a screen in a waiting room: a person recognises herself, a bystander learns
little.

The text comes from a card and is hostile: markup is escaped by the templates, everything else that could break a line
or turn its direction is taken out here. Must not import Flask.
"""

import unicodedata

DOTS = "••••"
MAX_WORDS = 5  # a Vietnamese name has two to five words
MAX_LETTERS = 12  # of the one word that is shown in full
MAX_MARKS = 3  # combining marks on one letter; minority languages stack two
MAX_RAW = 1000  # characters looked at
COENG = "\u17d2"  # Khmer: the next consonant stands under this one


def mask_name(full_name: str | None) -> str:
    """`Trần Thị Mai` becomes `T. T. Mai`: initials, and the last word, by which Vietnamese people are called.

    A name of one word keeps its first letter only. Empty when there is nothing to show.
    """
    words = plain(full_name or "").split()
    if not words:
        return ""
    if len(words) == 1:
        return _first_letter(words[0]) + DOTS
    initials = [_first_letter(word) + "." for word in words[: min(len(words), MAX_WORDS) - 1]]
    return " ".join([*initials, _shorten(words[-1])])


def mask_number(number: str | None) -> str:
    """`001303900017` becomes `••••0017`.

    Only the last four digits: with the year of birth beside them the first digits would give away nearly the whole
    number, and with it the key that opens the chip.
    """
    digits = "".join(letter for letter in plain(number or "") if letter in "0123456789")
    return DOTS + digits[-4:] if len(digits) >= 8 else ""


def birth_year(birth_date: str | None) -> str:
    """The year of an ISO 8601 date at any precision; empty when not known."""
    year = (birth_date or "")[:4]
    return year if len(year) == 4 and year.isascii() and year.isdigit() else ""


def plain(text: str) -> str:
    """Text in NFC without control, direction, private and unassigned characters and without towers of marks."""
    kept: list[str] = []
    marks = 0
    for letter in unicodedata.normalize("NFC", text[:MAX_RAW]):
        category = unicodedata.category(letter)
        if category.startswith("Z") or letter in "\t\n\r":
            kept.append(" ")
            marks = 0
        elif category.startswith("C"):
            continue
        elif category.startswith("M"):
            marks += 1
            if marks <= MAX_MARKS and kept and kept[-1] != " ":
                kept.append(letter)
        else:
            kept.append(letter)
            marks = 0
    return " ".join("".join(kept).split())


def _letters(word: str) -> list[str]:
    """The word cut into letters, each with its combining marks and what stands under it."""
    letters: list[str] = []
    for character in word:
        if letters and (unicodedata.category(character).startswith("M") or letters[-1].endswith(COENG)):
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _first_letter(word: str) -> str:
    return _letters(word)[0]


def _shorten(word: str) -> str:
    letters = _letters(word)
    return word if len(letters) <= MAX_LETTERS else "".join(letters[:MAX_LETTERS]) + "…"
