"""DG1: the machine-readable zone (ICAO Doc 9303-3 to -6; Vietnamese use of TD1: card.md 3.1), also as printed text.

Reads the three standard sizes of every state. On the Vietnamese card the optional data holds the whole twelve-digit
number with a check digit of its own, so the "long document number" rule of other states is not applied there.
Must not know other files.
"""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from reader import tlv
from reader.errors import CardBroken
from reader.reading import Document, Sex, Size

WHERE = "dg1"
VIETNAM = "VNM"
NO_EXPIRY_MRZ = "991231"
LINES = {90: (Size.TD1, 30), 72: (Size.TD2, 36), 88: (Size.TD3, 44)}

_VALUES = {c: n for n, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
_LONGEST_TEXT = 200  # characters of a zone as somebody typed or pasted it, with spaces and line breaks


@dataclass(frozen=True)
class Mrz:
    """The zone's fields as printed (fillers removed), dates as `YYMMDD`; `faults` names check digits that fail.

    `information`: document number, birth and expiry, each with its check digit as printed: what the access keys are
    made of (Doc 9303-11, 4.3.2; 24 characters, more with a long document number).
    """

    size: Size
    lines: tuple[str, ...]
    type: str
    issuing_state: str
    document_number: str
    optional: str
    birth: str
    sex: Sex
    expiry: str
    nationality: str
    full_name: str
    information: str
    faults: tuple[str, ...]

    @property
    def document(self) -> Document:
        """Which document this is."""
        return Document(
            type=self.type,
            issuing_state=self.issuing_state,
            number=self.document_number,
            nationality=self.nationality,
            size=self.size,
        )

    @property
    def personal_id(self) -> str | None:
        """The twelve-digit number, where a Vietnamese document's optional data begins with one (card.md 3.1).

        Other states print numbers of their own there: a Thai passport thirteen digits.
        """
        number, beyond = self.optional[:12], self.optional[12:]
        if self.issuing_state != VIETNAM or len(number) != 12 or not number.isdigit() or beyond[:1].isdigit():
            return None
        return number

    @property
    def expiry_date(self) -> str | None:
        """ISO date, `none` for 991231 (card.md 3.2), None when it is no date."""
        if self.expiry == NO_EXPIRY_MRZ:
            return "none"
        return _iso(2000, self.expiry)

    def birth_date(self, today: date) -> str | None:
        """ISO date at the precision given, never after `today`; the century comes from the number (card.md 2)."""
        year = self.birth[:2]
        if not year.isdigit():
            return None
        century = self._century(year, today)
        if self.birth[2:] == "<<<<":
            return f"{century + int(year)}"
        if self.birth[4:] == "<<" and self.birth[2:4].isdigit() and 1 <= int(self.birth[2:4]) <= 12:
            return f"{century + int(year)}-{self.birth[2:4]}"
        return _iso(century, self.birth)

    def _century(self, year: str, today: date) -> int:
        number = self.personal_id
        if number is not None and number[4:6] == year:
            century = 1900 + 100 * (int(number[3]) // 2)
            if self._is_past(century, today):
                return century
        # Two digits say no century, so the holder is as young as can be.
        return 2000 if self._is_past(2000, today) else 1900

    def _is_past(self, century: int, today: date) -> bool:
        born = _iso(century, self.birth)
        return born <= today.isoformat() if born is not None else century + int(self.birth[:2]) <= today.year


class _Number(NamedTuple):
    """A document number, its check digit, and the optional data that it leaves."""

    text: str
    digit: str
    optional: str


def parse(data: bytes) -> Mrz:
    """Parse the whole file. Raises CardBroken when it is no data group 1 or holds no machine-readable zone."""
    raw = tlv.read_one(tlv.read_one(data, 0x61, WHERE), 0x5F1F, WHERE)
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        raise CardBroken(where=WHERE) from None
    return parse_zone(text)


def parse_text(text: str) -> Mrz:
    """A zone as a scanner sends it or a person types it, in lines or not, in any case. Raises CardBroken."""
    if len(text) > _LONGEST_TEXT or not text.isascii():
        raise CardBroken(where="dg1.length" if text.isascii() else "dg1.characters")
    return parse_zone("".join(text.split()).upper())


def parse_zone(text: str) -> Mrz:
    """Parse the characters of a zone, lines joined. Raises CardBroken."""
    if len(text) not in LINES:
        raise CardBroken(where="dg1.length")
    if not set(text) <= _VALUES.keys():
        raise CardBroken(where="dg1.characters")
    size, width = LINES[len(text)]
    lines = tuple(text[at : at + width] for at in range(0, len(text), width))
    return _td1(lines) if size is Size.TD1 else _two_lines(size, lines)


def check_digit(text: str) -> str:
    """Weights 7, 3, 1, modulo 10 (Doc 9303-3, 4.9)."""
    return str(sum(_VALUES[c] * (7, 3, 1)[n % 3] for n, c in enumerate(text)) % 10)


def _td1(lines: tuple[str, ...]) -> Mrz:
    """Three lines of 30 characters (Doc 9303-5, 4.2.2)."""
    first, second, third = lines
    state = _plain(first[2:5])
    number = _number(first[5:14], first[14], first[15:30], state)
    composite = first[5:30] + second[:7] + second[8:15] + second[18:29]
    spans = [(composite, second[29], "composite")]
    if state == VIETNAM:
        spans.append((first[15:29], first[29], "optional"))
        number = number._replace(optional=first[15:29])
    return _mrz(
        size=Size.TD1,
        lines=lines,
        state=state,
        number=number,
        birth=second[:7],
        sex=second[7],
        expiry=second[8:15],
        nationality=second[15:18],
        holder=third,
        spans=spans,
    )


def _two_lines(size: Size, lines: tuple[str, ...]) -> Mrz:
    """TD2 and TD3: the same fields, another width (Doc 9303-6, 4.2.2 and 9303-4, 4.2.2)."""
    first, second = lines
    state = _plain(first[2:5])
    composite = second[:10] + second[13:20] + second[21:-1]
    spans = [(composite, second[-1], "composite")]
    if size is Size.TD3:
        # A passport's number never runs on; its optional data has a check digit of its own (Doc 9303-4, 4.2.2).
        optional, digit = second[28:42], second[42]
        number = _Number(second[:9], second[9], optional)
        if optional.strip("<") or digit != "<":
            spans.append((optional, digit, "optional"))
    else:
        number = _number(second[:9], second[9], second[28:35], state)
    return _mrz(
        size=size,
        lines=lines,
        state=state,
        number=number,
        birth=second[13:20],
        sex=second[20],
        expiry=second[21:28],
        nationality=second[10:13],
        holder=first[5:],
        spans=spans,
    )


def _number(nine: str, digit: str, optional: str, state: str) -> _Number:
    """A filler for the check digit says that the number runs on in the optional data (Doc 9303-5, 4.2.2.1, note j).

    The rest of the number and then its check digit stand there, up to the next filler.
    """
    rest, _, left = optional.partition("<")
    if digit != "<" or "<" in nine or state == VIETNAM or len(rest) < 2:
        return _Number(nine, digit, optional)
    return _Number(nine + rest[:-1], rest[-1], left)


def _mrz(
    *,
    size: Size,
    lines: tuple[str, ...],
    state: str,
    number: _Number,
    birth: str,
    sex: str,
    expiry: str,
    nationality: str,
    holder: str,
    spans: list[tuple[str, str, str]],
) -> Mrz:
    """The fields; `birth` and `expiry` come with their check digits, `spans` are text, check digit and name."""
    checked = [
        (number.text, number.digit, "document_number"),
        (birth[:6], birth[6], "birth"),
        (expiry[:6], expiry[6], "expiry"),
        *spans,
    ]
    return Mrz(
        size=size,
        lines=lines,
        type=_plain(lines[0][:2]),
        issuing_state=state,
        document_number=_plain(number.text),
        optional=number.optional.rstrip("<"),
        birth=birth[:6],
        sex={"M": Sex.MALE, "F": Sex.FEMALE}.get(sex, Sex.UNKNOWN),
        expiry=expiry[:6],
        nationality=_plain(nationality),
        # Family name first, as the card prints it: the Vietnamese order (card.md 3.1).
        full_name=" ".join(part for part in holder.split("<") if part),
        information=number.text + number.digit + birth + expiry,
        faults=tuple(name for text, digit, name in checked if check_digit(text) != digit),
    )


def _plain(field: str) -> str:
    return field.rstrip("<")


def _iso(century: int, digits: str) -> str | None:
    if not digits.isdigit():
        return None
    try:
        return date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:])).isoformat()
    except ValueError:
        return None
