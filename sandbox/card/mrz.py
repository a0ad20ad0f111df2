"""The machine-readable zone of a TD1 card, and what PACE takes from it (ICAO Doc 9303-3 and -5, card.md 3.1)."""

import unicodedata
from dataclasses import dataclass

LINE = 30
NO_EXPIRY = "991231"
_WEIGHTS = (7, 3, 1)


@dataclass(frozen=True)
class Zone:
    """Three lines of 30 characters, and document number, birth and expiry with their check digits."""

    lines: tuple[str, str, str]
    information: str

    def text(self) -> str:
        """All 90 characters, as DG1 holds them."""
        return "".join(self.lines)


def check_digit(text: str) -> str:
    """Weights 7, 3, 1; letters count from 10, the filler nothing (9303-3, 4.9)."""
    return str(sum(_value(character) * _WEIGHTS[index % 3] for index, character in enumerate(text)) % 10)


def zone(personal_id: str, full_name: str, birth_date: str, sex: str, expiry_date: str) -> Zone:
    """The zone of a citizen card.

    `birth_date`: ISO date at the precision known; unknown parts become fillers (9303-3, 4.8).
    `expiry_date`: ISO date or `none`. `sex`: `male` or `female`.
    """
    number = personal_id[-9:]
    optional = f"{personal_id}<<"
    birth = short_date(birth_date)
    expiry = NO_EXPIRY if expiry_date == "none" else short_date(expiry_date)
    first = f"IDVNM{number}{check_digit(number)}{optional}{check_digit(optional)}"
    dated = birth + check_digit(birth), expiry + check_digit(expiry)
    letter = {"male": "M", "female": "F"}.get(sex, "<")
    composite = check_digit(first[5:] + dated[0] + dated[1] + "<" * 11)
    second = f"{dated[0]}{letter}{dated[1]}VNM{'<' * 11}{composite}"
    information = number + check_digit(number) + dated[0] + dated[1]
    return Zone((first, second, name_line(full_name)), information)


def short_date(iso: str) -> str:
    """`YYMMDD`, with fillers for what is not known."""
    year, month, day = (*iso.split("-"), "<<", "<<")[:3]
    return year[-2:] + month + day


def name_line(full_name: str) -> str:
    """First word, two fillers, the other words; cut at 30 characters."""
    words = latin(full_name).split()
    return "<<".join(("<".join(words[:1]), "<".join(words[1:]))).ljust(LINE, "<")[:LINE]


def latin(text: str) -> str:
    """Vietnamese and minority-language letters as A to Z; apostrophes vanish, hyphens divide (9303-3, 4.6)."""
    plain = unicodedata.normalize("NFD", text.replace("Đ", "D").replace("đ", "d").replace("-", " ")).upper()
    return "".join(character for character in plain if character == " " or "A" <= character <= "Z")


def _value(character: str) -> int:
    return 0 if character == "<" else int(character, 36)
