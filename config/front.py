"""The front of the house in the settings: what is offered, who calls whom where, what the kiosk looks and sounds like.

`config/default.toml` documents every field.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from msgspec import Meta, field

from config.destinations.base import Seconds
from wire.codec import Record

NO_BOARD = "enter"  # the page where a board is enrolled stands at its address
RECEPTION = "RECEPTION"  # the queue of the reception counters; a service's code is never as long

Label = Annotated[str, Meta(min_length=1, max_length=255)]
Code = Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,8}\Z")]
CounterCode = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,8}\Z")]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}\Z")]
Minutes = Annotated[int, Meta(ge=0, le=600)]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z")]


class ServiceSettings(Record, frozen=True, kw_only=True):
    """One thing people come for. `names`, `places`: by further languages. `number_prefix`: behind the kiosk's own."""

    code: Code
    name_vi: Label
    name_en: Label
    names: dict[Language, Label] = field(default_factory=dict)
    place_vi: Annotated[str, Meta(max_length=255)] = ""
    place_en: Annotated[str, Meta(max_length=255)] = ""
    places: dict[Language, Label] = field(default_factory=dict)
    number_prefix: Annotated[str, Meta(pattern=r"^[A-Z]{0,2}\Z")] = ""
    first_number: Annotated[int, Meta(ge=0, le=9999)] = 1
    last_number: Annotated[int, Meta(ge=1, le=9999)] = 9999
    minutes: Annotated[int, Meta(ge=1, le=240)] = 6
    offered: bool = True
    identity: bool = True
    circumstance: Literal["none", "emergency", "transfer", "appointment"] = "none"


class DisplaySettings(Record, frozen=True, kw_only=True):
    """The panel and how it is looked at."""

    distance_cm: Annotated[int, Meta(ge=30, le=150)] = 60
    theme: Literal["normal", "contrast"] = "normal"
    size: Literal["normal", "large"] = "normal"
    hand: Literal["right", "left"] = "right"
    languages: Annotated[tuple[Language, ...], Meta(min_length=1)] = ("vi", "en")
    packs_folder: str = ""


class VoiceSettings(Record, frozen=True, kw_only=True):
    """Spoken prompts; volumes in per cent, another one between two times of day (the site's own)."""

    enabled: bool = True
    volume: Annotated[int, Meta(ge=0, le=100)] = 80
    quiet_volume: Annotated[int, Meta(ge=0, le=100)] = 40
    quiet_from: TimeOfDay = "21:00"
    quiet_to: TimeOfDay = "06:00"


class ConsentSettings(Record, frozen=True, kw_only=True):
    """A consent that is asked for before anything is handed over; `version` is kept with each answer."""

    enabled: bool = False
    version: Annotated[str, Meta(max_length=32)] = ""
    text_vi: Annotated[str, Meta(max_length=600)] = ""
    text_en: Annotated[str, Meta(max_length=600)] = ""
    texts: dict[Language, Annotated[str, Meta(max_length=600)]] = field(default_factory=dict)


class PrinterSettings(Record, frozen=True, kw_only=True):
    """The ticket printer, ESC/POS or an office printer through CUPS."""

    kind: Literal["none", "usb", "network", "serial", "file", "cups"] = "none"
    address: Annotated[str, Meta(max_length=255)] = ""
    paper_mm: Literal[58, 80] = 80
    timeout_seconds: Seconds = 10
    cut: bool = True


Device = Literal["card_reader", "scanner", "camera", "printer"]


class CounterPlace(Record, frozen=True, kw_only=True):
    """A counter or a room that calls people. `queues`: services' codes and RECEPTION; of people who came in the same
    moment the queue named first goes first."""

    code: CounterCode
    name_vi: Label
    name_en: Label
    names: dict[Language, Label] = field(default_factory=dict)
    queues: Annotated[tuple[str, ...], Meta(min_length=1)]


class BoardSettings(Record, frozen=True, kw_only=True):
    """A calling board in a hall. No `counters`: all of them. `titles`: by further languages. `next_up`: how many of
    those who are called next it shows."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}\Z")]
    title_vi: Annotated[str, Meta(max_length=255)] = ""
    title_en: Annotated[str, Meta(max_length=255)] = ""
    titles: dict[Language, Label] = field(default_factory=dict)
    counters: tuple[CounterCode, ...] = ()
    names: Literal["none", "masked"] = "none"
    rows: Annotated[int, Meta(ge=1, le=12)] = 6
    next_up: Annotated[int, Meta(ge=0, le=12)] = 0
    languages: Annotated[tuple[Language, ...], Meta(min_length=1)] = ("vi",)
    volume: Annotated[int, Meta(ge=0, le=100)] = 80
    spoken_times: Annotated[int, Meta(ge=0, le=3)] = 2


class QueueSettings(Record, frozen=True, kw_only=True):
    """How people are called. `head_start_minutes`: by kiosk.queue.model.Priority."""

    counters: tuple[CounterPlace, ...] = ()
    boards: tuple[BoardSettings, ...] = ()
    head_start_minutes: dict[
        Literal["under_six", "pregnant", "severe_disability", "aged", "merit"], Annotated[int, Meta(ge=0, le=600)]
    ]
    calls_until_missed: Annotated[int, Meta(ge=1, le=9)]
    requeue_behind: Annotated[int, Meta(ge=1, le=50)]
    requeue_times: Annotated[int, Meta(ge=0, le=9)]
    undo_seconds: Seconds


class OidcSettings(Record, frozen=True, kw_only=True):
    """Sign-in through the province's own identity provider (OpenID Connect, authorisation code with PKCE)."""

    enabled: bool = False
    issuer: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    ca_file: str = ""
    name_claim: str = "preferred_username"


class StaffSettings(Record, frozen=True, kw_only=True):
    """The staff's own address: sign-in, counter, board, message desk, API. Empty `listen`: there is none."""

    listen: Annotated[str, Meta(pattern=r"^([0-9A-Za-z.:\[\]-]+:[0-9]{1,5})?\Z")] = ""
    certificate_file: str = ""
    key_file: str = ""
    idle_lock_seconds: Seconds = 300
    session_hours: Annotated[int, Meta(ge=1, le=24)] = 10
    oidc: OidcSettings = OidcSettings()


def front_problems(services: Sequence[ServiceSettings], queue: QueueSettings) -> Iterator[tuple[str, str]]:
    """What no single field can tell, as (key, why): the catalogue, the counters and the boards name each other."""
    codes = [service.code for service in services]
    for number, service in enumerate(services):
        if codes.count(service.code) > 1:
            yield f"kiosk.services[{number}].code", "code used twice"
        if service.last_number < service.first_number:
            yield f"kiosk.services[{number}].last_number", "smaller than first_number"
    if not any(service.offered for service in services):
        yield "kiosk.services", "none is offered"
    yield from _overlaps(services)
    yield from _uncalled(services, queue)
    places = [counter.code for counter in queue.counters]
    for number, counter in enumerate(queue.counters):
        if places.count(counter.code) > 1:
            yield f"queue.counters[{number}].code", "code used twice"
        if len(set(counter.queues)) < len(counter.queues):
            yield f"queue.counters[{number}].queues", "queue named twice"
        for unknown in sorted(set(counter.queues) - {*codes, RECEPTION}):
            yield f"queue.counters[{number}].queues", f"no such service: {unknown}"
    names = [board.name for board in queue.boards]
    for number, board in enumerate(queue.boards):
        if names.count(board.name) > 1:
            yield f"queue.boards[{number}].name", "name used twice"
        if board.name == NO_BOARD:
            yield f"queue.boards[{number}].name", f"{NO_BOARD}: there a board is given its code"
        for unknown in sorted(set(board.counters) - set(places)):
            yield f"queue.boards[{number}].counters", f"no such counter: {unknown}"


def consent_problems(consent: ConsentSettings, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What a consent lacks that is asked for in these languages, as (key, why). Without a version nobody would be
    asked, and nobody agrees to a text in a foreign language. Content packs fall back to Vietnamese."""
    if not consent.enabled:
        return
    if not consent.version.strip():
        yield "kiosk.consent.version", "needed when kiosk.consent.enabled = true"
    if not consent.text_vi.strip() and any(language != "en" for language in languages):
        yield "kiosk.consent.text_vi", "needed when kiosk.consent.enabled = true"
    if not consent.text_en.strip() and "en" in languages:
        yield "kiosk.consent.text_en", "needed when kiosk.consent.enabled = true and English is offered"


def staff_problems(staff: StaffSettings) -> Iterator[tuple[str, str]]:
    """What no single field of the staff's address can tell, as (key, why)."""
    host, _, port = staff.listen.rpartition(":")
    if staff.listen and not 1 <= int(port) <= 65535:
        yield "staff.listen", "no such port (1 to 65535)"
    if staff.listen and not staff.certificate_file and not is_this_machine(host):
        yield "staff.certificate_file", "needed where staff.listen is reached from other machines"
    if bool(staff.certificate_file) != bool(staff.key_file):
        yield (
            ("staff.key_file" if staff.certificate_file else "staff.certificate_file"),
            "certificate and key belong together",
        )
    if staff.idle_lock_seconds > staff.session_hours * 3600:
        yield "staff.idle_lock_seconds", "longer than a session"


def is_this_machine(host: str) -> bool:
    """Whether a host of `listen` is reached from this machine alone; a name other than `localhost` is not trusted."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _uncalled(services: Sequence[ServiceSettings], queue: QueueSettings) -> Iterator[tuple[str, str]]:
    """Where there are counters, each service is called by one, or its people begin and end at reception."""
    called = {name for counter in queue.counters for name in counter.queues}
    if queue.counters and RECEPTION not in called:
        for number, service in enumerate(services):
            if service.code not in called:
                yield f"kiosk.services[{number}].code", "no counter calls from it, and none from RECEPTION"


def _overlaps(services: Sequence[ServiceSettings]) -> Iterator[tuple[str, str]]:
    """Services may share a whole range of numbers, never a part of one."""
    seen: list[tuple[str, int, int]] = []
    for number, service in enumerate(services):
        prefix, first, last = service.number_prefix, service.first_number, service.last_number
        for other, begin, end in seen:
            if other == prefix and first <= end and begin <= last and (begin, end) != (first, last):
                yield f"kiosk.services[{number}].first_number", "overlaps the numbers of another service"
                break
        seen.append((prefix, first, last))
