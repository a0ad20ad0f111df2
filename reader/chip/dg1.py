"""DG1: the machine-readable zone (ICAO Doc 9303-3 to -6; Vietnamese use of TD1: card.md 3.1).

Reads the three standard sizes. On the Vietnamese card the optional data holds the whole twelve-digit number, so the
"long document number" rule of other states is not applied. Must not know other files.
"""

from dataclasses import dataclass
from datetime import date

from reader.chip import tlv
from reader.errors import CardBroken
from reader.reading import Sex

WHERE = "dg1"
_VALUES = {c: n for n, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
NO_EXPIRY_MRZ = "991231"


@dataclass(frozen=True)
class Mrz:
    """The zone's fields as printed (fillers removed), dates as `YYMMDD`; `faults` names check digits that fail."""

    issuing_state: str
    document_number: str
    optional: str
    birth: str
    sex: Sex
    expiry: str
    nationality: str
    full_name: str
    faults: tuple[str, ...]

    @property
    def personal_id(self) -> str | None:
        """The twelve-digit number, where a Vietnamese document's optional data begins with one (card.md 3.1).

        Other states print numbers of their own there: a Thai passport thirteen digits.
        """
        number, beyond = self.optional[:12], self.optional[12:]
        if self.issuing_state != "VNM" or len(number) != 12 or not number.isdigit() or beyond[:1].isdigit():
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
            if century + int(year) <= today.year:
                return century
        return 2000 if 2000 + int(year) <= today.year else 1900


def parse(data: bytes) -> Mrz:
    """Parse the whole file. Raises CardBroken when it is no data group 1 or holds no machine-readable zone."""
    raw = tlv.read_one(tlv.read_one(data, 0x61, WHERE), 0x5F1F, WHERE)
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        raise CardBroken(where=WHERE) from None
    return parse_zone(text)


def parse_zone(text: str) -> Mrz:
    """Parse the characters of a zone, lines joined. Raises CardBroken."""
    if not set(text) <= set(_VALUES):
        raise CardBroken(where="dg1.characters")
    if len(text) == 90:
        return _td1(text)
    if len(text) == 72:
        return _two_lines(text, 36)
    if len(text) == 88:
        return _two_lines(text, 44)
    raise CardBroken(where="dg1.length")


def check_digit(text: str) -> str:
    """Weights 7, 3, 1, modulo 10 (Doc 9303-3, 4.9)."""
    return str(sum(_VALUES[c] * (7, 3, 1)[n % 3] for n, c in enumerate(text)) % 10)


def _td1(text: str) -> Mrz:
    first, second, third = text[:30], text[30:60], text[60:]
    optional = first[15:30]
    spans = [
        ("document_number", first[5:14], first[14]),
        ("birth", second[:6], second[6]),
        ("expiry", second[8:14], second[14]),
        ("composite", first[5:30] + second[:7] + second[8:15] + second[18:29], second[29]),
    ]
    if first[2:5] == "VNM":
        spans.append(("optional", optional[:14], optional[14]))
        optional = optional[:14]
    return Mrz(
        issuing_state=first[2:5].rstrip("<"),
        document_number=first[5:14].rstrip("<"),
        optional=optional.rstrip("<"),
        birth=second[:6],
        sex=_sex(second[7]),
        expiry=second[8:14],
        nationality=second[15:18].rstrip("<"),
        full_name=_name(third),
        faults=_faults(spans),
    )


def _two_lines(text: str, width: int) -> Mrz:
    """TD2 and TD3: the same fields, another width (Doc 9303-4, 4.2.2 and 9303-6, 4.2.2)."""
    first, second = text[:width], text[width:]
    optional = second[28:42] if width == 44 else second[28:35]
    composite = second[:10] + second[13:20] + second[21 : width - 1]
    spans = [
        ("document_number", second[:9], second[9]),
        ("birth", second[13:19], second[19]),
        ("expiry", second[21:27], second[27]),
        ("composite", composite, second[width - 1]),
    ]
    if width == 44 and (optional.strip("<") or second[42] != "<"):
        spans.append(("optional", optional, second[42]))
    return Mrz(
        issuing_state=first[2:5].rstrip("<"),
        document_number=second[:9].rstrip("<"),
        optional=optional.rstrip("<"),
        birth=second[13:19],
        sex=_sex(second[20]),
        expiry=second[21:27],
        nationality=second[10:13].rstrip("<"),
        full_name=_name(first[5:]),
        faults=_faults(spans),
    )


def _faults(spans: list[tuple[str, str, str]]) -> tuple[str, ...]:
    return tuple(name for name, text, digit in spans if check_digit(text) != digit)


def _name(field: str) -> str:
    """Family name first, as the card prints it: the Vietnamese order (card.md 3.1)."""
    return " ".join(part for part in field.split("<") if part)


def _sex(letter: str) -> Sex:
    return {"M": Sex.MALE, "F": Sex.FEMALE}.get(letter, Sex.UNKNOWN)


def _iso(century: int, digits: str) -> str | None:
    if not digits.isdigit():
        return None
    try:
        return date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:])).isoformat()
    except ValueError:
        return None
