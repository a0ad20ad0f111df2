"""The bridge's own contract: PatientRecord in, Coverage and Citizen out. Versioned, published as JSON Schema."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from wire.codec import Record

# How long texts may be: the longest that QĐ 4750 has room for, or more (services.md 3.2, 3.3).
Code = Annotated[str, Meta(max_length=64)]
Name = Annotated[str, Meta(max_length=255)]
LongText = Annotated[str, Meta(max_length=1024)]

PersonalId = Annotated[
    str, Meta(pattern=r"^[0-9]{12}\Z", description="personal ID number, 12 digits", examples=["001303900017"])
]
PartialDate = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?\Z",
        description="ISO 8601 date at the precision known",
        examples=["2003-02-14", "1955"],
    ),
]
FullDate = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", description="ISO 8601 date", examples=["2026-11-21"])
]
ExpiryDate = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2}|none)\Z",
        description="ISO 8601 date, or `none` for a card without expiry",
        examples=["2028-02-14", "none"],
    ),
]
Moment = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})\Z",
        description="RFC 3339 moment with its offset",
        examples=["2026-11-21T07:45:00+07:00"],
    ),
]
FacilityCode = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Z]{0,5}\Z",
        description="facility code (MA_CSKCB), 5 characters; empty when not known",
        examples=["01028"],
    ),
]


CardNumber = Annotated[
    str,
    Meta(
        pattern=r"^([A-Z]{2}[1-5][0-9]{12}|[0-9]{10})\Z",
        description="health insurance card: 15 characters, or the 10 digits of the social security number",
        examples=["GD4000000000000", "0000000000"],
    ),
]
PreviousId = Annotated[str, Meta(pattern=r"^[0-9]{9}\Z", description="earlier ID number (CMND), 9 digits")]


class Act(StrEnum):
    """What the counter is expected to do with an insurance answer (services.md 1.4, last column)."""

    NONE = "none"
    USE_NEW_CARD = "use_new_card"  # a new card was issued: tell the person; `card_number` is in force on the day
    INSPECT_PAPERS = "inspect_papers"  # a forces' card: look at card and ID, type the validity from the card
    ASK_OTHER_NUMBER = "ask_other_number"  # nothing known of this number: the card's own number may find it
    ASK_RENEWED_CARD = "ask_renewed_card"  # no cover: another or renewed card, else the person pays
    COMPARE_PERSON = "compare_person"  # the insurer holds another name, birth date or sex
    TEMPORARY_CARD = "temporary_card"  # a child without a card
    CALL_ADMINISTRATOR = "call_administrator"  # ours to mend; the patient is not to blame
    WAIT = "wait"  # not answered yet: the person goes on, the bridge goes on asking
    DECIDE = "decide"  # a code nobody documented


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


class Entitlement(Record, frozen=True, kw_only=True):
    """Hints drawn from an insurance answer. Every one is a proposal: the hospital decides, at the end of the visit
    (services.md 2.7)."""

    benefit_level: Annotated[
        Code | None, Meta(description="benefit digit of the card (its third character)", examples=["4"])
    ] = None
    benefit_percent: Annotated[int | None, Meta(description="share paid within scope, per cent", examples=[80])] = None
    route: Annotated[
        Literal["registered", "primary_level", "referred", "appointment", "emergency", "officer_decides"],
        Meta(description="why this facility is the right one, as far as is known at reception"),
    ] = "officer_decides"
    object_code: Annotated[
        Code | None, Meta(description="proposed reason code (MA_DOITUONG_KCB)", examples=["1.1"])
    ] = None
    five_years_reached: Annotated[
        bool | None, Meta(description="whether five continuous years are reached on the day of the visit")
    ] = None
    expires_in_days: Annotated[
        int | None, Meta(description="days until the card's last day, where 30 or fewer are left")
    ] = None


class Coverage(Record, frozen=True, kw_only=True):
    """The insurance answer (BHYT). `result_code` is the portal's own (`maKetQua`), `reason` ours when there is none."""

    verdict: Annotated[Verdict, Meta(description="what the answer means for reception")]
    result_code: Annotated[
        Code | None, Meta(description="the portal's own code (maKetQua), where it answered", examples=["000"])
    ] = None
    reason: Annotated[
        Code | None,
        Meta(
            description="code of ours that says why, where the portal's code alone does not",
            examples=["coverage.expired"],
        ),
    ] = None
    act: Annotated[Act, Meta(description="what the counter is expected to do")] = Act.NONE
    found_by: Annotated[
        Literal["personal_id", "social_security_number", "card_number", "previous_id"] | None,
        Meta(description="kind of the number that found the card"),
    ] = None
    card_number: Annotated[
        Code | None,
        Meta(
            description="health insurance card number (BHYT) in force on the day of the visit",
            examples=["GD4000000000000"],
        ),
    ] = None
    social_security_number: Annotated[
        Code | None, Meta(description="social security number (BHXH), 10 digits", examples=["0000000000"])
    ] = None
    valid_from: Annotated[FullDate | None, Meta(description="first day of that card")] = None
    valid_to: Annotated[FullDate | None, Meta(description="last day of that card")] = None
    registered_facility: Annotated[
        Code | None, Meta(description="code of the facility registered for first contact (maDKBD)", examples=["01028"])
    ] = None
    living_area: Annotated[Code | None, Meta(description="living-area code K1, K2 or K3 (maKV)")] = None
    five_year_date: Annotated[
        FullDate | None, Meta(description="day on which five continuous years of insurance are reached (ngayDu5Nam)")
    ] = None
    other_card_number: Annotated[
        Code | None,
        Meta(description="the person's other card, where an old and a new one are known", examples=["GD4000000000001"]),
    ] = None
    other_valid_from: Annotated[FullDate | None, Meta(description="first day of the other card, where told")] = None
    other_valid_to: Annotated[FullDate | None, Meta(description="last day of the other card, where told")] = None
    other_registered_facility: Annotated[
        Code | None, Meta(description="facility registered for first contact on the other card", examples=["01028"])
    ] = None
    copayment_free_from: Annotated[
        FullDate | None,
        Meta(description="first day without co-payment, from the certificate the person holds (NGAY_MIEN_CCT)"),
    ] = None
    recheck_before_discharge: Annotated[
        bool,
        Meta(
            description="ask again before discharge: the visit may span both cards, whose numbers, facilities and days"
            " the claim then joins by `;`"
        ),
    ] = False
    entitlement: Annotated[Entitlement | None, Meta(description="proposals drawn from the answer")] = None
    asked_at: Annotated[Moment | None, Meta(description="when the portal was asked")] = None
    asked_by: Annotated[Code | None, Meta(description="kiosk that asked")] = None


class Officer(Record, frozen=True, kw_only=True):
    """Who asks, as registered with the insurance portal (`hoTenCb`, `cccdCb`)."""

    full_name: Annotated[str, Meta(min_length=1, max_length=200)]
    personal_id: PersonalId


class CoverageQuestion(Record, frozen=True, kw_only=True):
    """What the kiosk or the counter asks the bridge: whose cover, on which day of visit.

    At least one of the numbers is there; a child may have no card and an old insurance card no ID number.
    """

    personal_id: PersonalId | None = None
    insurance_number: Annotated[
        CardNumber | None, Meta(description="number of an insurance card that was held up or typed")
    ] = None
    previous_id: Annotated[PreviousId | None, Meta(description="earlier ID number the card mentions")] = None
    full_name: Annotated[
        str | None, Meta(description="name as on the card, Vietnamese with diacritics", examples=["Nguyễn Văn Thử"])
    ] = None
    birth_date: Annotated[PartialDate | None, Meta(description="date of birth at the precision known")] = None
    sex: Annotated[Literal["male", "female", "unknown"] | None, Meta(description="sex as on the card")] = None
    visit_date: Annotated[FullDate, Meta(description="day of the visit: cover must hold on it")]
    circumstance: Annotated[
        Literal["none", "emergency", "transfer", "appointment"],
        Meta(description="what is known of why the person comes to this facility"),
    ] = "none"
    officer: Annotated[
        Officer | None, Meta(description="the officer who asks; None: the one the settings name for the kiosk")
    ] = None


class Register(StrEnum):
    """What the population register's answer means for reception (services.md 4.4)."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    MISMATCH = "mismatch"  # the register knows the number and holds another name or birth date
    UNVERIFIED = "unverified"  # no answer
    CONFIGURATION_ERROR = "configuration_error"


class CitizenQuestion(Record, frozen=True, kw_only=True):
    """Who is sought in the population register; it matches only where number, name and birth date agree."""

    personal_id: PersonalId | None = None
    previous_id: PreviousId | None = None
    full_name: Annotated[str, Meta(min_length=1, max_length=200)]
    birth_date: PartialDate
    sex: Annotated[Literal["male", "female", "unknown"] | None, Meta(description="sex as on the card")] = None
    residence: Annotated[str | None, Meta(description="place of residence as the card's text")] = None
    officer: Officer | None = None


class RegisteredAddress(Record, frozen=True, kw_only=True):
    """An address as the register holds it: codes, and its free part."""

    province_code: str | None = None
    district_code: Annotated[str | None, Meta(description="empty or obsolete since 1 July 2025")] = None
    ward_code: str | None = None
    detail: str | None = None
    country: str | None = None


class Difference(Record, frozen=True, kw_only=True):
    """One field in which card and register do not agree; nothing is merged silently."""

    field: Annotated[str, Meta(examples=["full_name"])]
    card: str | None
    register: str | None


class Citizen(Record, frozen=True, kw_only=True):
    """The population record; only what reception needs (no religion, no parents, services.md 7.1)."""

    verdict: Register
    reason: Annotated[str | None, Meta(description="code of ours that says why")] = None
    personal_id: PersonalId | None = None
    previous_id: str | None = None
    full_name: str | None = None
    birth_date: PartialDate | None = None
    sex: Literal["male", "female", "unknown"] | None = None
    ethnicity_code: Annotated[str | None, Meta(description="MA_DANTOC, two digits", examples=["01"])] = None
    nationality: str | None = None
    residence: Annotated[RegisteredAddress | None, Meta(description="ThuongTru: permanent residence")] = None
    current_address: Annotated[RegisteredAddress | None, Meta(description="NoiOHienTai: where the person lives")] = None
    place_of_origin: RegisteredAddress | None = None
    differences: tuple[Difference, ...] = ()
    source: Annotated[str | None, Meta(description="which register answered, over which transport")] = None
    asked_at: Moment | None = None


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
    """Administrative data of the person; only the personal ID number is always known.

    Codes are the bridge's own reading of the texts beside them, left out where it is not certain.
    """

    personal_id: Annotated[PersonalId, Meta(description="the key of the person")]
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
    merge: Annotated[Merge | None, Meta(description="with `merged` alone: the two record numbers")] = None
    site: Site
    patient: Patient
    visit: Arrival
    evidence: Proof
    coverage: Annotated[Coverage | None, Meta(description="the insurance answer, when one was sought")] = None
    synthetic: Annotated[bool, Meta(description="sandbox data: no real person")] = False


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
