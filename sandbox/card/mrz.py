"""The machine-readable zone of citizen cards and of other documents, and what BAC and PACE take from it.

ICAO Doc 9303-3 (what all share), -4 (TD3), -5 (TD1), -6 (TD2) and card.md 3.1.
"""

import unicodedata
from dataclasses import dataclass

LINE = 30
TD2_LINE, TD3_LINE = 36, 44
NO_EXPIRY = "991231"
_WEIGHTS = (7, 3, 1)


@dataclass(frozen=True)
class Zone:
    """The lines, and document number, birth and expiry with their check digits."""

    lines: tuple[str, ...]
    information: str

    def text(self) -> str:
        """All characters, as DG1 holds them."""
        return "".join(self.lines)


@dataclass(frozen=True)
class Entries:
    """What a document of any country prints in its zone.

    `code` is the kind of document (`P`, `I`), `state` and `nationality` are three-letter codes; dates are ISO at the
    precision known; `sex` is `male`, `female` or anything else for neither; `optional` the data a state adds.
    """

    code: str
    state: str
    number: str
    full_name: str
    nationality: str
    birth_date: str
    sex: str
    expiry_date: str
    optional: str = ""


def check_digit(text: str) -> str:
    """Weights 7, 3, 1; letters count from 10, the filler nothing (9303-3, 4.9)."""
    return str(sum(_value(character) * _WEIGHTS[index % 3] for index, character in enumerate(text)) % 10)


def zone(personal_id: str, full_name: str, birth_date: str, sex: str, expiry_date: str) -> Zone:
    """The zone of a citizen card.

    `birth_date`: ISO date at the precision known; unknown parts become fillers (9303-3, 4.8).
    `expiry_date`: ISO date or `none`. `sex`: `male` or `female`.
    """
    entries = Entries(
        code="ID",
        state="VNM",
        number=personal_id[-9:],
        full_name=full_name,
        nationality="VNM",
        birth_date=birth_date,
        sex=sex,
        expiry_date=expiry_date,
        optional=f"{personal_id}<<{check_digit(personal_id + '<<')}",
    )
    return td1(entries)


def td1(entries: Entries) -> Zone:
    """Three lines of 30. A number over nine characters goes on in the optional data (9303-5, 4.2.4)."""
    number, optional = entries.number, entries.optional
    shown = number.ljust(9, "<") + check_digit(number.ljust(9, "<"))
    if len(number) > 9:
        shown, optional = number[:9] + "<", number[9:] + check_digit(number) + "<" + optional
    first = f"{entries.code:<<2}{entries.state:<<3}{shown}{optional:<<15}"
    middle = _dates(entries) + f"{entries.nationality:<<3}" + "<" * 11
    middle += check_digit(first[5:] + middle[:7] + middle[8:15] + middle[18:29])
    return Zone((first, middle, name_line(entries.full_name)), _information(entries))


def td2(entries: Entries) -> Zone:
    """Two lines of 36 (9303-6, 4.2.2)."""
    optional = f"{entries.optional:<<7}"
    second = _second_line(entries) + optional
    second += check_digit(second[:10] + second[13:20] + second[21:35])
    return Zone((_first_line(entries, TD2_LINE), second), _information(entries))


def td3(entries: Entries) -> Zone:
    """Two lines of 44, a passport's (9303-4, 4.2.2)."""
    optional = f"{entries.optional:<<14}"
    second = _second_line(entries) + optional + check_digit(optional)
    second += check_digit(second[:10] + second[13:20] + second[21:43])
    return Zone((_first_line(entries, TD3_LINE), second), _information(entries))


def short_date(iso: str) -> str:
    """`YYMMDD`, with fillers for what is not known."""
    year, month, day = (*iso.split("-"), "<<", "<<")[:3]
    return year[-2:] + month + day


def name_line(full_name: str, length: int = LINE) -> str:
    """First word, two fillers, the other words; cut at the line's length."""
    words = latin(full_name).split()
    return "<<".join(("<".join(words[:1]), "<".join(words[1:]))).ljust(length, "<")[:length]


def latin(text: str) -> str:
    """Vietnamese and minority-language letters as A to Z; apostrophes vanish, hyphens divide (9303-3, 4.6)."""
    plain = unicodedata.normalize("NFD", text.replace("Đ", "D").replace("đ", "d").replace("-", " ")).upper()
    return "".join(character for character in plain if character == " " or "A" <= character <= "Z")


def _first_line(entries: Entries, length: int) -> str:
    return f"{entries.code:<<2}{entries.state:<<3}{name_line(entries.full_name, length - 5)}"


def _second_line(entries: Entries) -> str:
    number = entries.number.ljust(9, "<")
    return number + check_digit(number) + f"{entries.nationality:<<3}" + _dates(entries)


def _dates(entries: Entries) -> str:
    """Birth date, sex, expiry date, the dates with their check digits."""
    birth, expiry = short_date(entries.birth_date), _expiry(entries.expiry_date)
    letter = {"male": "M", "female": "F"}.get(entries.sex, "<")
    return birth + check_digit(birth) + letter + expiry + check_digit(expiry)


def _information(entries: Entries) -> str:
    number, dates = entries.number.ljust(9, "<"), _dates(entries)
    return number + check_digit(number) + dates[:7] + dates[8:]


def _expiry(iso: str) -> str:
    return NO_EXPIRY if iso == "none" else short_date(iso)


def _value(character: str) -> int:
    return 0 if character == "<" else int(character, 36)
