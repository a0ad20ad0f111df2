"""What is handed over, and what comes back: PatientRecord and HospitalAnswer. Versioned, published as JSON Schema."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hisbridge.questions import Coverage
from hisbridge.values import (
    Code,
    ExpiryDate,
    FacilityCode,
    FullDate,
    LongText,
    Moment,
    Name,
    PartialDate,
    PersonalId,
)
from wire.codec import Record


class Site(Record, frozen=True, kw_only=True):
    """Where the check-in happened."""

    facility_code: Annotated[FacilityCode, Meta(description="the facility that checks the person in")]
    facility_name: Annotated[Name, Meta(description="its name", examples=["Bệnh viện Mẫu"])]
    kiosk_id: Annotated[Code, Meta(description="which kiosk of the facility", examples=["kiosk-1"])]


WardCode = Annotated[str, Meta(pattern=r"^[0-9]{5}\Z")]


class AddressCodes(Record, frozen=True, kw_only=True):
    """The places of an address by the codes in force since 1 July 2025 (services.md 6), drawn from its text."""

    province_code: Annotated[str, Meta(pattern=r"^[0-9]{2}\Z", description="MATINH_CU_TRU", examples=["01"])]
    ward_code: Annotated[
        WardCode | None, Meta(description="MAXA_CU_TRU, five digits; null where the ward was split or is not certain")
    ] = None
    ward_candidates: Annotated[
        tuple[WardCode, ...],
        Meta(max_length=100, description="the wards it may be, where a former ward was split: somebody has to choose"),
    ] = ()
    detail: Annotated[LongText | None, Meta(description="what stands before the ward: house, street, hamlet")] = None


class Patient(Record, frozen=True, kw_only=True):
    """Administrative data of the person, known by one of two numbers: `personal_id`, or `local_id`.

    Codes are the bridge's own reading of the texts beside them, left out where it is not certain.
    """

    personal_id: Annotated[
        PersonalId | None,
        Meta(
            description="the key of the person, 12 digits; null for a newborn, or somebody without papers, whose number"
            " is not known yet: whoever files people by it alone would make two of them one"
        ),
    ] = None
    local_id: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9A-Za-z._-]{1,64}\Z")] | None,
        Meta(
            description="our own name of somebody who checked in without a number: unique for ever, theirs alone, and"
            " kept when the number becomes known; null for all others"
        ),
    ] = None
    full_name: Annotated[
        Name | None,
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
        LongText | None,
        Meta(description="place of residence as the card's text", examples=["1 Phố Mẫu, Phường Mẫu, Hà Nội"]),
    ] = None
    place_of_origin: Annotated[LongText | None, Meta(description="place of origin as the card's text")] = None
    nationality: Annotated[Name | None, Meta(description="nationality as the card's text", examples=["Việt Nam"])] = (
        None
    )
    ethnicity: Annotated[Name | None, Meta(description="ethnic group as the card's text", examples=["Kinh"])] = None
    residence_codes: Annotated[AddressCodes | None, Meta(description="the place of residence by codes")] = None
    current_address: Annotated[
        LongText | None,
        Meta(description="where the person lives now (DIA_CHI), where it was told and is not the card's residence"),
    ] = None
    current_address_codes: Annotated[AddressCodes | None, Meta(description="that address by codes")] = None
    nationality_code: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{3}\Z")] | None,
        Meta(description="MA_QUOCTICH, three digits", examples=["000"]),
    ] = None
    ethnicity_code: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{2}\Z")] | None, Meta(description="MA_DANTOC, two digits", examples=["01"])
    ] = None
    occupation_code: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{5}\Z")] | None,
        Meta(description="MA_NGHE_NGHIEP, five digits, where the person told it", examples=["00000"]),
    ] = None
    blood_group: Annotated[
        Annotated[str, Meta(pattern=r"^(A|B|AB|O)[+-]?\Z")] | None,
        Meta(description="NHOM_MAU, where the person told it", examples=["O+"]),
    ] = None
    previous_id: Annotated[Code | None, Meta(description="earlier ID number (9 digits) the card mentions")] = None
    issue_date: Annotated[FullDate | None, Meta(description="day the card was issued")] = None
    expiry_date: Annotated[ExpiryDate | None, Meta(description="last day of the card, or `none`")] = None
    phone: Annotated[
        Code | None,
        Meta(description="telephone number the person gave, with its leading zero", examples=["0000000000"]),
    ] = None


class Guardian(Record, frozen=True, kw_only=True):
    """Who came with a child: whom to turn to, never the patient's own identity (services.md 2.4)."""

    full_name: Annotated[Name, Meta(description="as `patient.full_name`", examples=["Trần Thị Mẫu"])]
    relation: Annotated[
        Literal["mother", "father", "grandparent", "guardian", "other"], Meta(description="what they are to the child")
    ]
    personal_id: Annotated[PersonalId | None, Meta(description="the guardian's own number, not the child's")] = None
    phone: Annotated[Code | None, Meta(description="as `patient.phone`", examples=["0000000000"])] = None


class Arrival(Record, frozen=True, kw_only=True):
    """The visit as reception knows it."""

    visit_id: Annotated[
        str, Meta(min_length=1, max_length=64, description="unique for ever; root of every idempotency key")
    ]
    arrived_at: Annotated[Moment, Meta(description="when the person checked in, in the site's time")]
    service_code: Annotated[Code, Meta(description="the service checked in for", examples=["KB"])]
    service_name: Annotated[Name, Meta(description="its Vietnamese name", examples=["Khám bệnh"])]
    ticket_number: Annotated[Code, Meta(description="the number the person holds", examples=["0001"])]
    reason: Annotated[LongText | None, Meta(description="why the person comes, in words (LY_DO_VV)")] = None
    visit_type: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{2}\Z")] | None,
        Meta(description="kind of care (MA_LOAI_KCB), two digits", examples=["01"]),
    ] = None
    object_code: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?\Z")] | None,
        Meta(
            description="reason code (MA_DOITUONG_KCB) that staff settled on; a proposal is in coverage.entitlement",
            examples=["1.1"],
        ),
    ] = None
    accident_code: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{1,2}\Z")] | None,
        Meta(description="kind of accident (MA_TAI_NAN), where the person comes for one", examples=["1"]),
    ] = None
    referring_facility: Annotated[Code | None, Meta(description="facility that sent the person (MA_NOI_DI)")] = None
    referral_number: Annotated[
        Code | None, Meta(description="number of the transfer or appointment slip (GIAY_CHUYEN_TUYEN)")
    ] = None
    appointment_id: Annotated[Code | None, Meta(description="the receiver's own name of the appointment")] = None
    priority: Annotated[
        Literal["pregnant", "severe_disability", "merit"] | None,
        Meta(description="why the person goes first, as they said themselves at the kiosk; staff confirm it"),
    ] = None


class ProofCheck(Record, frozen=True, kw_only=True):
    """One check of the chip, as the reader reported it."""

    result: Annotated[Literal["passed", "failed", "not_done"], Meta(description="how it ended")]
    reason: Annotated[Code | None, Meta(description="code that says why it did not pass")] = None
    protocol: Annotated[Code | None, Meta(description="which protocol, where there are several", examples=["PACE"])] = (
        None
    )
    algorithm: Annotated[
        Name | None, Meta(description="its whole name", examples=["PACE-ECDH-GM-AES-CBC-CMAC-128"])
    ] = None


class Proof(Record, frozen=True, kw_only=True):
    """How strongly the identity is proven: the source and, for a chip, each check by name."""

    source: Annotated[
        Literal["chip", "card_qr", "phone_qr", "insurance_qr", "mrz", "typed"],
        Meta(description="where the data came from; only `chip` can be proof"),
    ]
    read_at: Annotated[Moment, Meta(description="when it was read")]
    checks: Annotated[dict[Code, ProofCheck], Meta(max_length=50, description="for a chip: each check by its name")] = (
        msgspec.field(default_factory=dict)
    )


class Event(StrEnum):
    """What happened to the visit."""

    ARRIVED = "arrived"  # the person checked in
    UPDATED = "updated"  # the same visit, known better: a late insurance answer, a correction by staff
    CANCELLED = "cancelled"  # the check-in was a mistake and is taken back
    MERGED = "merged"  # staff confirmed that the receiver holds this person twice


class Merge(Record, frozen=True, kw_only=True):
    """Two record numbers of one person at the receiver, as a member of staff confirmed."""

    kept: Annotated[str, Meta(min_length=1, max_length=64, description="the record number that stays")]
    given_up: Annotated[str, Meta(min_length=1, max_length=64, description="the record number that goes into it")]
    confirmed_by: Annotated[str, Meta(min_length=1, max_length=200, description="who confirmed it")]


class PatientRecord(Record, frozen=True, kw_only=True):
    """What is handed over: a visit as it is known now, and what happened to it.

    `synthetic` marks sandbox data; receivers must never mix it with care.
    """

    version: Annotated[Literal["tiepdon.patient_record/1"], Meta(description="this contract's name and version")] = (
        "tiepdon.patient_record/1"
    )
    event: Annotated[Event, Meta(description="what happened to the visit")] = Event.ARRIVED
    revision: Annotated[
        int, Meta(ge=0, le=9999, description="counts the records of one visit; the highest holds, 0 is the arrival")
    ] = 0
    recorded_at: Annotated[
        Moment | None, Meta(description="when this revision was made, in the site's time; null in older records")
    ] = None
    merge: Annotated[Merge | None, Meta(description="with `merged` alone: the two record numbers")] = None
    site: Site
    patient: Patient
    visit: Arrival
    evidence: Proof
    coverage: Annotated[Coverage | None, Meta(description="the insurance answer, when one was sought")] = None
    guardian: Annotated[Guardian | None, Meta(description="who came with a child, where staff typed it in")] = None
    synthetic: Annotated[bool, Meta(description="sandbox data: no real person")] = False

    @property
    def local_id(self) -> str | None:
        """Our own name of somebody without a number, or whose number became known later; None: they had one."""
        return self.patient.local_id or (None if self.patient.personal_id else self.visit.visit_id)


MAX_TOLD = 200  # characters
MAX_FEES = 100
Told = Annotated[str, Meta(max_length=MAX_TOLD)]  # what a receiver may tell in one field


class FeeLine(Record, frozen=True, kw_only=True):
    """One line of what the visit costs, as the receiver told it."""

    name: Told
    amount: Annotated[Told | None, Meta(description="decimal number in Vietnamese dong", examples=["38700"])] = None
    insured: Annotated[bool | None, Meta(description="whether the insurance pays")] = None


class HospitalAnswer(Record, frozen=True, kw_only=True):
    """What a receiver told back about the visit: for the ticket when it comes in time, for the counter when late."""

    record_number: Annotated[Told | None, Meta(description="the person's number there (MA_BN)")] = None
    visit_number: Annotated[Told | None, Meta(description="the visit's number there (MA_LK)")] = None
    queue_number: Annotated[Told | None, Meta(description="the number in its queue")] = None
    room: Annotated[Told | None, Meta(description="where to go")] = None
    fees: Annotated[tuple[FeeLine, ...], Meta(max_length=MAX_FEES)] = ()


@dataclass(frozen=True)
class Known:
    """What the receiver told before the message was made; kept with the delivery, so that a resend is the same message.

    `record_number`: the person's number there; `none_told`: it was asked, and knows no such person or told no number.
    `visit_number`: the visit's number there, from its answer to an earlier record of the visit.
    """

    record_number: str | None = None
    visit_number: str | None = None
    none_told: bool = False
