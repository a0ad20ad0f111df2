"""The bridge's own contract: PatientRecord in, Coverage out. Versioned, published as JSON Schema."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from wire.codec import Record

PersonalId = Annotated[
    str, Meta(pattern=r"^[0-9]{12}$", description="personal ID number, 12 digits", examples=["001303900017"])
]
PartialDate = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$",
        description="ISO 8601 date at the precision known",
        examples=["2003-02-14", "1955"],
    ),
]
FullDate = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="ISO 8601 date", examples=["2026-11-21"])
]
ExpiryDate = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2}|none)$",
        description="ISO 8601 date, or `none` for a card without expiry",
        examples=["2028-02-14", "none"],
    ),
]
Moment = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$",
        description="RFC 3339 moment with its offset",
        examples=["2026-11-21T07:45:00+07:00"],
    ),
]
FacilityCode = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Z]{0,5}$",
        description="facility code (MA_CSKCB), 5 characters; empty when not known",
        examples=["01028"],
    ),
]


class Verdict(StrEnum):
    """What the insurance answer means for reception (services.md 1.4)."""

    VALID = "valid"
    VALID_NEW_CARD = "valid_new_card"
    MANUAL_CHECK = "manual_check"
    NOT_INSURED = "not_insured"
    MISMATCH = "mismatch"
    CHILD_TEMPORARY = "child_temporary"
    UNVERIFIED = "unverified"
    CONFIGURATION_ERROR = "configuration_error"


class Coverage(Record, frozen=True, kw_only=True):
    """The insurance answer (BHYT). `result_code` is the portal's own (`maKetQua`), `reason` ours when there is none."""

    verdict: Verdict
    result_code: str | None = None
    reason: str | None = None
    card_number: str | None = None
    social_security_number: str | None = None
    valid_from: FullDate | None = None
    valid_to: FullDate | None = None
    registered_facility: str | None = None
    living_area: str | None = None
    five_year_date: FullDate | None = None
    asked_at: Moment | None = None
    asked_by: str | None = None


class CoverageQuestion(Record, frozen=True, kw_only=True):
    """What the kiosk asks the bridge: whose cover, on which day of visit."""

    personal_id: PersonalId
    full_name: str | None = None
    birth_date: PartialDate | None = None
    sex: Literal["male", "female", "unknown"] | None = None
    visit_date: FullDate


class Site(Record, frozen=True, kw_only=True):
    """Where the check-in happened."""

    facility_code: FacilityCode
    facility_name: str
    kiosk_id: str


class Patient(Record, frozen=True, kw_only=True):
    """Administrative data of the person; only the personal ID number is always known."""

    personal_id: PersonalId
    full_name: str | None = None
    birth_date: PartialDate | None = None
    sex: Literal["male", "female", "unknown"] | None = None
    residence: str | None = None
    place_of_origin: str | None = None
    nationality: str | None = None
    ethnicity: str | None = None
    previous_id: str | None = None
    issue_date: FullDate | None = None
    expiry_date: ExpiryDate | None = None
    phone: str | None = None


class Arrival(Record, frozen=True, kw_only=True):
    """The visit as reception knows it."""

    visit_id: Annotated[
        str, Meta(min_length=1, max_length=64, description="unique for ever; root of every idempotency key")
    ]
    arrived_at: Moment
    service_code: str
    service_name: str
    ticket_number: str


class ProofCheck(Record, frozen=True, kw_only=True):
    """One check of the chip, as the reader reported it."""

    result: Literal["passed", "failed", "not_done"]
    reason: str | None = None
    protocol: str | None = None


class Proof(Record, frozen=True, kw_only=True):
    """How strongly the identity is proven: the source and, for a chip, each check by name."""

    source: Literal["chip", "card_qr", "phone_qr", "insurance_qr", "mrz", "typed"]
    read_at: Moment
    checks: dict[str, ProofCheck] = msgspec.field(default_factory=dict)


class PatientRecord(Record, frozen=True, kw_only=True):
    """What is handed over, one per visit. `synthetic` marks sandbox data; receivers must never mix it with care."""

    version: Literal["tiepdon.patient_record/1"] = "tiepdon.patient_record/1"
    site: Site
    patient: Patient
    visit: Arrival
    evidence: Proof
    coverage: Coverage | None = None
    synthetic: bool = False
