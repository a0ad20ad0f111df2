"""What a synthetic person is: the card, what the insurer holds, what the population register holds. Records only."""

from typing import Literal

from wire.codec import Record

FACILITY = "99999"
OTHER_FACILITY = "99998"

Sex = Literal["male", "female"]
NumberKind = Literal["personal_id", "social_security_number", "card_number", "previous_id"]


class NewCard(Record, frozen=True, kw_only=True):
    """The card the insurer issued in place of the old one. Dates are ISO."""

    card_number: str
    valid_from: str
    valid_to: str
    registered_facility: str = FACILITY


class Insurance(Record, frozen=True, kw_only=True):
    """What the insurance portal answers (services.md 1.3 and 1.4). Dates are ISO, or days from today as `+12`.

    `result_code` is its `maKetQua`; name, birth date and sex are the insurer's own, which may differ from the card's.
    `found_by` is which of the numbers it holds find the person (services.md 2.2), the ID number only where linked.
    """

    result_code: str
    full_name: str | None = None
    birth_date: str | None = None
    card_number: str | None = None
    social_security_number: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    registered_facility: str | None = None
    living_area: str | None = None
    five_year_date: str | None = None
    new_card: NewCard | None = None
    sex: Sex | None = None
    found_by: tuple[NumberKind, ...] = ("personal_id", "social_security_number", "card_number")


class Place(Record, frozen=True, kw_only=True):
    """An address as the population register holds it: codes since 1 July 2025, and its free part (services.md 4.4)."""

    province: str = ""
    ward: str = ""
    detail: str = ""


class Registered(Record, frozen=True, kw_only=True):
    """What the population register holds where that is not what the card says. None: as on the card."""

    known: bool = True
    full_name: str | None = None
    birth_date: str | None = None
    sex: Sex | None = None
    residence: Place | None = None
    current_address: Place | None = None


class Person(Record, frozen=True, kw_only=True):
    """One person and their card.

    `birth_date` is ISO at the precision known; `expiry_date` ISO or `none`; `generation` the year of the card's model.
    `about_vi` and `about_en` say what this person is there to show.
    """

    key: str
    personal_id: str
    full_name: str
    birth_date: str
    sex: Sex
    residence: str
    place_of_origin: str
    issue_date: str
    expiry_date: str
    generation: Literal[2021, 2024]
    insurance: Insurance
    about_vi: str
    about_en: str
    ethnicity: str = "Kinh"
    religion: str = "Không"
    nationality: str = "Việt Nam"
    features: str = "Nốt ruồi C:1cm dưới sau đuôi mắt trái"
    father: str = ""
    mother: str = ""
    spouse: str | None = None
    previous_id: str | None = None
    serial: str = "0123456789ABCDEF"
    portrait: bool = True
    qr_birth_date: str | None = None  # when the printed code knows less than the chip
    register: Registered = Registered()

    @property
    def can(self) -> str:
        """Card access number: the last six digits of the ID number (card.md 4)."""
        return self.personal_id[-6:]


def qr_text(person: Person) -> str:
    """The text of the card's QR code: 7 fields on the 2021 card, 11 on the 2024 card (card.md 1.1, 1.2)."""
    fields = [
        person.personal_id,
        person.previous_id or "",
        person.full_name,
        _digits(person.qr_birth_date or person.birth_date),
        {"male": "Nam", "female": "Nữ"}[person.sex],
        person.residence,
        _digits(person.issue_date),
    ]
    return "|".join(fields + [""] * 4 if person.generation == 2024 else fields)


def _digits(iso: str) -> str:
    """`ddmmyyyy`, `mmyyyy` or `yyyy`."""
    return "".join(reversed(iso.split("-")))


def insured(number: int, group: str = "GD4", **differences: object) -> Insurance:
    """A valid card of the synthetic series: group letters and benefit digit, province 00, the ten-digit number."""
    ten = f"{number:010}"
    usual = {
        "result_code": "000",
        "card_number": f"{group}00{ten}",
        "social_security_number": ten,
        "valid_from": "2020-01-01",
        "valid_to": "2049-12-31",
        "registered_facility": FACILITY,
        "five_year_date": "2025-01-01",
    }
    return Insurance(**{**usual, **differences})  # type: ignore[arg-type]  # keyword names are checked at run time
