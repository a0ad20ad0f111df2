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

    verdict: Annotated[Verdict, Meta(description="what the answer means for reception")]
    result_code: Annotated[
        str | None, Meta(description="the portal's own code (maKetQua), where it answered", examples=["000"])
    ] = None
    reason: Annotated[
        str | None,
        Meta(
            description="code of ours that says why, where the portal's code alone does not",
            examples=["coverage.expired"],
        ),
    ] = None
    card_number: Annotated[
        str | None,
        Meta(
            description="health insurance card number (BHYT) in force on the day of the visit",
            examples=["GD4000000000000"],
        ),
    ] = None
    social_security_number: Annotated[
        str | None, Meta(description="social security number (BHXH), 10 digits", examples=["0000000000"])
    ] = None
    valid_from: Annotated[FullDate | None, Meta(description="first day of that card")] = None
    valid_to: Annotated[FullDate | None, Meta(description="last day of that card")] = None
    registered_facility: Annotated[
        str | None, Meta(description="code of the facility registered for first contact (maDKBD)", examples=["01028"])
    ] = None
    living_area: Annotated[str | None, Meta(description="living-area code K1, K2 or K3 (maKV)")] = None
    five_year_date: Annotated[
        FullDate | None, Meta(description="day on which five continuous years of insurance are reached (ngayDu5Nam)")
    ] = None
    asked_at: Annotated[Moment | None, Meta(description="when the portal was asked")] = None
    asked_by: Annotated[str | None, Meta(description="kiosk that asked")] = None


class CoverageQuestion(Record, frozen=True, kw_only=True):
    """What the kiosk asks the bridge: whose cover, on which day of visit."""

    personal_id: PersonalId
    full_name: Annotated[
        str | None, Meta(description="name as on the card, Vietnamese with diacritics", examples=["Nguyễn Văn Thử"])
    ] = None
    birth_date: Annotated[PartialDate | None, Meta(description="date of birth at the precision known")] = None
    sex: Annotated[Literal["male", "female", "unknown"] | None, Meta(description="sex as on the card")] = None
    visit_date: Annotated[FullDate, Meta(description="day of the visit: cover must hold on it")]


class Site(Record, frozen=True, kw_only=True):
    """Where the check-in happened."""

    facility_code: Annotated[FacilityCode, Meta(description="the facility that checks the person in")]
    facility_name: Annotated[str, Meta(description="its name", examples=["Bệnh viện Mẫu"])]
    kiosk_id: Annotated[str, Meta(description="which kiosk of the facility", examples=["kiosk-1"])]


class Patient(Record, frozen=True, kw_only=True):
    """Administrative data of the person; only the personal ID number is always known."""

    personal_id: Annotated[PersonalId, Meta(description="the key of the person")]
    full_name: Annotated[
        str | None,
        Meta(
            description="whole name in Vietnamese order (family, middle, given), with diacritics",
            examples=["Nguyễn Văn Thử"],
        ),
    ] = None
    birth_date: Annotated[PartialDate | None, Meta(description="date of birth at the precision known")] = None
    sex: Annotated[
        Literal["male", "female", "unknown"] | None,
        Meta(description="sex as on the card; unknown when the card says something else"),
    ] = None
    residence: Annotated[
        str | None,
        Meta(description="place of residence as the card's text", examples=["1 Phố Mẫu, Phường Mẫu, Hà Nội"]),
    ] = None
    place_of_origin: Annotated[str | None, Meta(description="place of origin as the card's text")] = None
    nationality: Annotated[str | None, Meta(description="nationality as the card's text", examples=["Việt Nam"])] = None
    ethnicity: Annotated[str | None, Meta(description="ethnic group as the card's text", examples=["Kinh"])] = None
    previous_id: Annotated[str | None, Meta(description="earlier ID number (9 digits) the card mentions")] = None
    issue_date: Annotated[FullDate | None, Meta(description="day the card was issued")] = None
    expiry_date: Annotated[ExpiryDate | None, Meta(description="last day of the card, or `none`")] = None
    phone: Annotated[
        str | None, Meta(description="telephone number the person gave, with its leading zero", examples=["0000000000"])
    ] = None


class Arrival(Record, frozen=True, kw_only=True):
    """The visit as reception knows it."""

    visit_id: Annotated[
        str, Meta(min_length=1, max_length=64, description="unique for ever; root of every idempotency key")
    ]
    arrived_at: Annotated[Moment, Meta(description="when the person checked in, in the site's time")]
    service_code: Annotated[str, Meta(description="the service checked in for", examples=["KB"])]
    service_name: Annotated[str, Meta(description="its Vietnamese name", examples=["Khám bệnh"])]
    ticket_number: Annotated[str, Meta(description="the number the person holds", examples=["0001"])]


class ProofCheck(Record, frozen=True, kw_only=True):
    """One check of the chip, as the reader reported it."""

    result: Annotated[Literal["passed", "failed", "not_done"], Meta(description="how it ended")]
    reason: Annotated[str | None, Meta(description="code that says why it did not pass")] = None
    protocol: Annotated[str | None, Meta(description="which protocol, where there are several", examples=["PACE"])] = (
        None
    )


class Proof(Record, frozen=True, kw_only=True):
    """How strongly the identity is proven: the source and, for a chip, each check by name."""

    source: Annotated[
        Literal["chip", "card_qr", "phone_qr", "insurance_qr", "mrz", "typed"],
        Meta(description="where the data came from; only `chip` can be proof"),
    ]
    read_at: Annotated[Moment, Meta(description="when it was read")]
    checks: Annotated[dict[str, ProofCheck], Meta(description="for a chip: each check by its name")] = msgspec.field(
        default_factory=dict
    )


class PatientRecord(Record, frozen=True, kw_only=True):
    """What is handed over, one per visit. `synthetic` marks sandbox data; receivers must never mix it with care."""

    version: Annotated[Literal["tiepdon.patient_record/1"], Meta(description="this contract's name and version")] = (
        "tiepdon.patient_record/1"
    )
    site: Site
    patient: Patient
    visit: Arrival
    evidence: Proof
    coverage: Annotated[Coverage | None, Meta(description="the insurance answer, when one was sought")] = None
    synthetic: Annotated[bool, Meta(description="sandbox data: no real person")] = False
