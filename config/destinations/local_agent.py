"""The record for the browser page or the window that a clerk already has open (bridge.md 3.1, 3.3)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.destinations.base import Destination, Seconds
from wire.codec import Record

Field = Literal[
    "personal_id",
    "full_name",
    "birth_date",
    "birth_year",
    "sex",
    "residence",
    "place_of_origin",
    "nationality",
    "ethnicity",
    "previous_id",
    "issue_date",
    "expiry_date",
    "phone",
    "guardian_name",
    "guardian_personal_id",
    "guardian_phone",
    "insurance_number",
    "insurance_from",
    "insurance_to",
    "registered_facility",
    "ticket_number",
    "service_name",
    "text",
]
Origin = Annotated[str, Meta(pattern=r"^https?://[0-9a-z.:\[\]-]+\Z", max_length=300)]
HostName = Annotated[str, Meta(pattern=r"^[0-9a-z.-]+\Z|^\[[0-9a-f:]+\]\Z", max_length=253)]
Network = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?\Z")]
Tabs = Annotated[int, Meta(ge=0, le=50)]


class TypedField(Record, frozen=True, kw_only=True):
    """One field of a screen: what is typed, how it is written, and how many times Tab is pressed after it."""

    field: Field
    text: Annotated[str, Meta(max_length=200)] = ""  # with field = "text": these words
    dates: Literal["dd/MM/yyyy", "ddMMyyyy", "yyyy-MM-dd", "yyyy"] = "dd/MM/yyyy"
    letters: Literal["as_is", "upper", "upper_ascii", "ascii"] = "as_is"
    sexes: dict[Literal["male", "female", "unknown"], str] = msgspec.field(
        default_factory=lambda: {"male": "Nam", "female": "Nữ"}
    )
    tabs: Tabs = 1


class Screen(Record, frozen=True, kw_only=True):
    """One screen of a system that accepts nothing but typing. The cursor stands in its first field."""

    fields: Annotated[tuple[TypedField, ...], Meta(min_length=1, max_length=60)]
    delay_ms: Annotated[int, Meta(ge=0, le=1000)] = 12  # between two keys
    window: Annotated[str, Meta(max_length=200)] = ""  # part of the window's title; typed into no other, if given


class LocalAgentDestination(Destination, frozen=True, kw_only=True, tag="local_agent"):
    """Offers each record on a local address until a paired page takes it.

    `hn212` and `cameraip` speak as a card reader's own service does, without pairing: only pages in `origins` and
    machines in `clients` are answered.
    """

    listen: Annotated[str, Meta(pattern=r"^[0-9.]+:[0-9]{1,5}\Z|^\[[0-9a-fA-F:]+\]:[0-9]{1,5}\Z")] = "127.0.0.1:8000"
    lan: bool = False  # allow `listen` to be another address than this machine's own
    hosts: tuple[HostName, ...] = ()  # further names by which it may be called
    origins: tuple[Origin, ...] = ()  # pages that may ask, exactly as the browser sends them
    clients: tuple[Network, ...] = ()  # addresses or networks besides this machine that may connect
    feed: Literal["tiepdon", "hn212", "cameraip"] = "tiepdon"  # whose field names and events
    offer: Literal["click", "at_once"] = "click"  # a record is offered when staff choose it, or when its turn comes
    offer_seconds: Seconds = 60.0  # how long a record is offered
    wait_hours: Annotated[float, Meta(gt=0, le=720)] = 12.0  # a record that nobody took by then has failed
    pairing_seconds: Seconds = 300.0  # how long a pairing code can be used
    screens: dict[Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}\Z")], Screen] = msgspec.field(default_factory=dict)
