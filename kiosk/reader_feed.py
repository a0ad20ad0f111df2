"""The reader process as the check-in sees it: its events in the machine's words, followed while the kiosk runs.

Knows the reader's socket only (`docs/architecture.md`, reader). Must not import Flask, a device library or a connector.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from msgspec import field

from kiosk.events import (
    DevicesChanged,
    Event,
    IdentityRead,
    MrzFailed,
    PayloadRead,
    PayloadRefused,
    PhaseReached,
    PresenceChanged,
    ReadingFailed,
    ReadingFinished,
)
from kiosk.states import Devices
from reader.chip.transport import Presence
from reader.reading import Reading
from wire.codec import Record, from_json
from wire.errors import MalformedMessage, TiepDonError

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


class EventSource(Protocol):
    """Something whose event stream can be followed; in the product a `wire.client.Client`."""

    def events(self, path: str) -> Iterator[tuple[str, bytes]]:
        """(name, JSON data) of each event until the other side ends the stream."""
        ...


class _Phase(Record, frozen=True, kw_only=True):
    presentation: str
    phase: int
    progress: int


class _Read(Record, frozen=True, kw_only=True):
    presentation: str
    reading: Reading


class _Failed(Record, frozen=True, kw_only=True):
    presentation: str
    code: str
    retriable: bool = False
    data: dict[str, Any] = field(default_factory=dict)


class _Payload(Record, frozen=True, kw_only=True):
    reading: Reading
    presentation: str = ""


class _Refused(Record, frozen=True, kw_only=True):
    code: str


class _MrzFailed(Record, frozen=True, kw_only=True):
    presentation: str
    code: str


class _Devices(Record, frozen=True, kw_only=True):
    scanner: bool
    keyboard: bool
    camera: bool


def event_of(name: str, data: bytes) -> Event | None:
    """One event of the reader's stream in the machine's words; None for a name this version does not know.

    Raises MalformedMessage.
    """
    match name:
        case "presence":
            presence = from_json(data, Presence)
            ready = presence.service and presence.reader is not None
            return PresenceChanged(ready, ready and presence.card, None if ready else presence.problem)
        case "phase":
            phase = from_json(data, _Phase)
            return PhaseReached(phase.presentation, phase.phase, phase.progress)
        case "identity":
            identity = from_json(data, _Read)
            return IdentityRead(identity.presentation, identity.reading)
        case "reading":
            finished = from_json(data, _Read)
            return ReadingFinished(finished.presentation, finished.reading)
        case "failed":
            failed = from_json(data, _Failed)
            return ReadingFailed(failed.presentation, failed.code)
        case "payload":
            payload = from_json(data, _Payload)
            return PayloadRead(payload.reading, payload.presentation)
        case "payload_refused":
            return PayloadRefused(from_json(data, _Refused).code)
        case "mrz_failed":
            ended = from_json(data, _MrzFailed)
            return MrzFailed(ended.presentation, ended.code)
        case "devices":
            devices = from_json(data, _Devices)
            return DevicesChanged(Devices(devices.scanner, devices.keyboard, devices.camera))
        case _:
            return None


def follow(
    reader: EventSource, dispatch: Callable[[Event], None], lost: Callable[[], None], stopped: threading.Event
) -> None:
    """Hand every event of the reader to `dispatch` until `stopped`; call `lost` each time the stream ends.

    Connects again for ever, with growing pauses; an event that cannot be understood is passed over.
    """
    pause = FIRST_PAUSE_SECONDS
    while not stopped.is_set():
        try:
            for name, data in reader.events("/v1/events"):
                if stopped.is_set():
                    return
                pause = FIRST_PAUSE_SECONDS
                _hand_over(name, data, dispatch)
        except TiepDonError as error:
            log.debug("reader stream: %s", error.code)
        if stopped.is_set():
            return
        lost()
        stopped.wait(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _hand_over(name: str, data: bytes, dispatch: Callable[[Event], None]) -> None:
    try:
        event = event_of(name, data)
    except MalformedMessage as error:
        log.warning("reader event %s passed over: %s", name, error)
        return
    if event is not None:
        dispatch(event)
