"""Registration interfaces over REST with a token and without an idempotency key (bridge.md 3.1)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.destinations.base import HttpDestination
from config.destinations.webhook import Sex

# A path below the base address; `{record_number}`, `{booking_id}` and `{order_id}` are filled in.
Path = Annotated[str, Meta(pattern=r"^(/[^\s#]{0,500})?\Z")]
# A name of theirs; a dot puts the value into an object within. Empty: not sent, not read.
Name = Annotated[str, Meta(pattern=r"^([^\s.]{1,64}(\.[^\s.]{1,64}){0,3})?\Z")]
DateForm = Literal["dd/MM/yyyy", "yyyy-MM-dd", "yyyyMMdd", "MM/dd/yyyy"]
PathName = Literal["token", "search", "save", "booking", "cancel", "find_booking"]
LoginName = Literal["username", "password", "token"]
PersonName = Literal[
    "record_number",
    "personal_id",
    "previous_id",
    "full_name",
    "family_and_middle",
    "given_name",
    "sex",
    "birth_date",
    "phone",
    "residence",
    "province_code",
    "ward_code",
    "nationality_code",
    "ethnicity_code",
    "occupation_code",
    "card_number",
    "issue_date",
    "guardian_name",
    "guardian_relation",
    "guardian_personal_id",
    "guardian_phone",
]
BookingName = Literal[
    "record_number",
    "order_id",
    "visit_date",
    "visit_time",
    "ticket_number",
    "service_code",
    "service_name",
    "reason",
    "visit_type",
    "object_code",
    "referral_number",
    "referring_facility",
    "card_number",
    "card_valid_to",
    "card_status",
    "registered_facility",
]
AnswerName = Literal["record_number", "booking_id", "queue_number", "room"]


class RestDestination(HttpDestination, frozen=True, kw_only=True, tag="rest"):
    """A hospital system's own registration interface. `preset` is a published one; the rest adapts it, name by name."""

    preset: Literal["dhg_hospital"] = "dhg_hospital"
    username: str = ""  # empty: no token is asked for
    password_file: str = ""
    paths: dict[PathName, Path] = msgspec.field(default_factory=dict)
    login: dict[LoginName, Name] = msgspec.field(default_factory=dict)
    fields: dict[PersonName, Name] = msgspec.field(default_factory=dict)  # our name = theirs
    values: dict[str, str] = msgspec.field(default_factory=dict)  # further fields with a fixed text: theirs = text
    search_values: dict[str, str] = msgspec.field(default_factory=dict)  # likewise, of a search
    booking_fields: dict[BookingName, Name] = msgspec.field(default_factory=dict)
    booking_values: dict[str, str] = msgspec.field(default_factory=dict)
    services: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)  # by service code: as booking_values
    answers: dict[AnswerName, Name] = msgspec.field(default_factory=dict)
    sex_codes: dict[Sex, str] = msgspec.field(default_factory=lambda: {"male": "1", "female": "0", "unknown": ""})
    date_format: DateForm = "dd/MM/yyyy"
    read_date_format: DateForm | None = None  # of its answers, where they differ
    update_known: bool = False  # on arrival, lay the card's data over a record that is there
    booking: bool = True  # also register the visit, which gives the queue number
    when_unknown: Literal["staff", "resend"] = "staff"  # a booking was sent and its outcome cannot be found out
