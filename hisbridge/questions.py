"""What is asked of the insurer and the population register, and what they answer: Coverage and Citizen."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from hisbridge.values import CardNumber, Code, FullDate, Moment, PartialDate, PersonalId, PreviousId
from wire.codec import Record


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
