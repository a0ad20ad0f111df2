"""Reading: what a device saw, and how strongly it is proven. Must not import any device library."""

from datetime import datetime
from enum import StrEnum

from wire.codec import Record


def moment(now: datetime) -> str:
    """A moment as records tell it: UTC, RFC 3339, milliseconds. `now` is in UTC."""
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Sex(StrEnum):
    """Sex as printed on the card (`Nam`, `Nữ`); `unknown` when something else stands there."""

    MALE = "male"
    FEMALE = "female"
    UNKNOWN = "unknown"


class Source(StrEnum):
    """Which device path a reading came from. Only `chip` can be proof; the others are data entry."""

    CHIP = "chip"
    CARD_QR = "card_qr"
    PHONE_QR = "phone_qr"
    INSURANCE_QR = "insurance_qr"
    MRZ = "mrz"
    TYPED = "typed"


class Outcome(StrEnum):
    """Result of one check of the chip."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_DONE = "not_done"


class Check(Record, frozen=True, kw_only=True):
    """One check: its result, a stable reason code when it did not pass, the protocol where there are several.

    `algorithm` is the protocol's whole name, for technicians (`PACE-ECDH-GM-AES-CBC-CMAC-128`).
    """

    result: Outcome = Outcome.NOT_DONE
    reason: str | None = None
    protocol: str | None = None
    algorithm: str | None = None


class Checks(Record, frozen=True, kw_only=True):
    """Every check of ICAO Doc 9303-11 the reader knows, each reported on its own.

    `access`: PACE or BAC. `hashes`, `signature`, `chain`: passive authentication. `agreement`: the data groups, and
    what is printed on the card where that is known too (QR, MRZ), tell the same story.
    """

    access: Check = Check()
    hashes: Check = Check()
    signature: Check = Check()
    chain: Check = Check()
    chip_authentication: Check = Check()
    active_authentication: Check = Check()
    agreement: Check = Check()


class Size(StrEnum):
    """Sizes of machine-readable documents (ICAO Doc 9303-3, 4.1): card, larger card, passport."""

    TD1 = "TD1"
    TD2 = "TD2"
    TD3 = "TD3"


class Document(Record, frozen=True, kw_only=True):
    """Which document it is, by the machine-readable zone (ICAO Doc 9303-3, 4.2), fillers removed.

    `type`: `ID`, `P`, ... `issuing_state` and `nationality`: codes of up to three letters (`VNM`, `D`). `number` is the
    document's own: on the Vietnamese card the last nine digits of the personal ID number (card.md 3.1).
    """

    type: str
    issuing_state: str
    number: str
    nationality: str
    size: Size


class Evidence(Record, frozen=True, kw_only=True):
    """How a reading came about: its source and, for a chip, each check. `read_at` is UTC, RFC 3339."""

    source: Source
    read_at: str
    checks: Checks | None = None


class Holder(Record, frozen=True, kw_only=True):
    """Who the card belongs to. Whatever the card does not say is None.

    `personal_id` is the twelve-digit number; only Vietnamese documents have one, so a passport's holder may have none.
    `birth_date` is ISO 8601 at the precision known: `YYYY-MM-DD`, `YYYY-MM` or `YYYY`.
    `expiry_date` is an ISO date or the word `none` for a card without expiry.
    """

    personal_id: str | None
    full_name: str | None = None
    birth_date: str | None = None
    sex: Sex | None = None
    residence: str | None = None
    issue_date: str | None = None
    expiry_date: str | None = None
    previous_id: str | None = None
    ethnicity: str | None = None
    nationality: str | None = None
    place_of_origin: str | None = None


class InsuranceCard(Record, frozen=True, kw_only=True):
    """What an insurance card's QR says (BHYT). Field names follow the insurance portal's meaning, in English."""

    card_number: str
    full_name: str | None = None
    birth_date: str | None = None
    sex: Sex | None = None
    address: str | None = None
    registered_facility: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    issue_date: str | None = None
    five_year_date: str | None = None


class Reading(Record, frozen=True, kw_only=True):
    """One reading of one presentation. `warnings` are codes of repairs and oddities, never values.

    `document` is there once a machine-readable zone was read: always in a chip's whole reading.
    """

    reading_id: str
    holder: Holder
    evidence: Evidence
    document: Document | None = None
    insurance: InsuranceCard | None = None
    warnings: tuple[str, ...] = ()
