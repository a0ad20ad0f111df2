"""What the reader process knows and tells: presence, chip readings and payloads of scanner and camera, as events.

The API stands in docs/architecture.md, the process around it in `reader.process`. Must not import pyscard (it is given
a Slot) and never logs what it reads.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from config.settings import ReaderSettings
from reader.chip.judgement import today
from reader.chip.session import read_card
from reader.chip.supervision import Supervised
from reader.chip.task import CardRead, Listener, Surroundings, Wanted
from reader.chip.transport import Presence, Slot
from reader.errors import Busy, Cancelled, CardRemoved, NoCard, NoReader, NotAllowed, ReaderError, ServiceDown
from reader.held import Held
from reader.payload import parse_payload
from reader.payload.errors import CameraMissing, ScannerMissing
from reader.phases import PROGRESS, Phase
from reader.portraits import PortraitMemory, digest_of
from reader.presented import Identity, presented
from reader.reading import Outcome, Reading, moment
from reader.requests import CancelRequest, LookRequest, OpenRequest, Seeing
from reader.search import Lines, LineSearch
from wire.codec import from_json
from wire.health import Health, health_of
from wire.health_routes import health_routes
from wire.meter import Amount, Meter, level
from wire.request_id import carried
from wire.server import Request, Response, Routes, event_stream, json_response
from wire.stream import Event, Topic, encode_event

log = logging.getLogger(__name__)

RESTART_SECONDS = 2.0  # pause before a failed source is started again
HANDOVER_SECONDS = 3.0  # how long a new reading waits for a cancelled one to let the card go
LOOK_SECONDS = 0.5  # how soon a device that came or went is told
HUNG_SECONDS = 10.0  # a round of looking at the devices never takes so long
READINGS = "tiepdon_chip_readings_total"
READING_SECONDS = "tiepdon_chip_reading_duration_seconds"
CODES = "tiepdon_codes_total"
DEVICE_UP = "tiepdon_reader_device_up"
NOTHING_YET = Presence(service=False, reader=None, card=False, problem=ServiceDown.code)


class PayloadSource(Protocol):
    """A device that gives texts: scanner, camera. `name` is its key in the health answer.

    It may have `trusts_letters` (see `presented`) and `sees_codes`, whether a code can be held up to it; both are true
    where it has none. One that tells a code in view once may have `again()`, after which it tells it once more.
    """

    name: str

    def run(self, on_text: Callable[[str], None], stop: threading.Event) -> None:
        """Give every text to `on_text` until `stop` is set."""
        ...

    def health(self) -> dict[str, Any]:
        """What is true of the device now."""
        ...


@dataclass
class _Job:
    """One chip reading under way."""

    presentation: str
    supervised: Supervised[CardRead] = field(default_factory=Supervised)
    told: threading.Event = field(default_factory=threading.Event)  # its reading; only the portrait is under way
    ended: threading.Event = field(default_factory=threading.Event)


class ReaderService:
    """State of the reader process; every method may be called from any thread."""

    def __init__(
        self,
        slot: Slot,
        settings: ReaderSettings,
        sources: Sequence[PayloadSource],
        surroundings: Surroundings,
        lines: Lines | None = None,
    ) -> None:
        self._slot = slot
        self._settings = settings
        self._sources = sources
        self._world = surroundings
        self._topic = Topic()
        self._lock = threading.Lock()
        self._presence = NOTHING_YET
        self._job: _Job | None = None
        self._held = Held()
        self._seeing = Seeing()
        self._search = (
            LineSearch(lines, settings.mrz_seconds, self._lines_read, self._lines_failed) if lines is not None else None
        )
        self._portraits = PortraitMemory(surroundings.clock)
        self._looked = surroundings.clock()
        self._meter = Meter()

    def routes(self) -> Routes:
        """The HTTP interface."""
        return {
            ("GET", "/v1/events"): self._events,
            ("GET", "/v1/health"): self._health,
            ("POST", "/v1/chip/open"): self._open,
            ("POST", "/v1/chip/cancel"): self._cancel,
            ("POST", "/v1/codes/again"): self._tell_again,
            ("POST", "/v1/mrz/look"): self._look,
            ("POST", "/v1/mrz/stop"): self._stop_looking,
            **health_routes(self._readiness, self._meter, self._levels),
        }

    def watch(self, stop: threading.Event) -> None:
        """Follow the slot until it ends or `stop` is set; publishes every change."""
        for presence in self._slot.watch():
            if stop.is_set():
                return
            with self._lock:
                self._presence = presence
                job = self._job
                self._topic.publish(Event(name="presence", data=presence))
            if job is not None and not presence.card:
                job.supervised.stop(CardRemoved() if presence.service else ServiceDown())

    def mind_the_devices(self, stop: threading.Event) -> None:
        """Publish each change of which devices can see a code, until `stop`."""
        while True:
            self._look_at_devices()
            self._looked = self._world.clock()
            if stop.wait(LOOK_SECONDS):
                return

    def minding(self) -> bool:
        """Does `mind_the_devices` still make its rounds? False as well where a lock is never given back."""
        return self._world.clock() - self._looked < HUNG_SECONDS

    def listen(self, source: PayloadSource, stop: threading.Event) -> None:
        """Run one payload source until `stop`; a failed one is started again."""
        trusts_letters = getattr(source, "trusts_letters", True)
        while not stop.is_set():
            try:
                source.run(partial(self.payload_seen, trusts_letters=trusts_letters), stop)
            except Exception as error:
                # The message may hold what was scanned; the kind of error does not.
                log.error("payload source %s failed: %s", source.name, type(error).__name__)
            stop.wait(RESTART_SECONDS)

    def payload_seen(self, text: str, trusts_letters: bool = True) -> None:
        """A source gave a text: publish what it means, once while it is being held up to any of them."""
        result = parse_payload(text, today(self._world.utc_now()))
        meant = presented(result, self._identity, trusts_letters)
        if not self._held.is_new(result, text, meant, self._world.clock()):
            return
        if isinstance(meant, Reading):
            self._meter.count(CODES, meant.evidence.source.value)
            self._topic.publish(Event(name="payload", data={"reading": meant}))
        else:
            self._meter.count(CODES, meant)
            self._topic.publish(Event(name="payload_refused", data={"code": meant}))

    def close(self) -> None:
        """Stop what runs and end every event stream."""
        with self._lock:
            job = self._job
        if job is not None:
            job.supervised.stop(Cancelled())
            job.ended.wait(HANDOVER_SECONDS)
        if self._search is not None:
            self._search.close()
        self._topic.close()

    def _events(self, request: Request) -> Response:  # noqa: ARG002
        with self._lock:  # both are published under the same lock, so none is lost or told twice
            later = self._topic.follow(Event(name="presence", data=self._presence))
            return event_stream(_second(later, Event(name="devices", data=self._seeing)))

    def _health(self, request: Request) -> Response:  # noqa: ARG002
        devices: dict[str, Any] = {"scanner": {"configured": False}, "camera": {"configured": False}}
        devices |= {source.name: source.health() for source in self._sources}
        return json_response({"presence": self._presence, **devices})

    def _readiness(self) -> Health:
        """Ready once the reader's first word is known; what is missing then is told, and no restart would bring it."""
        presence = self._presence
        opened = {source.name: source.health() for source in self._sources}
        devices = {
            name: None
            if one.get("state") == "open"
            else CameraMissing.code
            if "camera" in name
            else ScannerMissing.code
            for name, one in opened.items()
        }
        starting = presence.problem if presence is NOTHING_YET else None
        return health_of({"presence": starting}, {"card_reader": presence.problem, **devices})

    def _levels(self) -> list[Amount]:
        presence = self._presence
        up = {"card_reader": presence.reader is not None, "service": presence.service}
        up |= {source.name: source.health().get("state") == "open" for source in self._sources}
        return [level(DEVICE_UP, float(is_up), name) for name, is_up in up.items()]

    def _open(self, request: Request) -> Response:
        wanted = from_json(request.body, OpenRequest)
        self._let_cancelled_end()
        job = _Job(wanted.presentation)
        with self._lock:
            if self._job is not None:
                raise Busy()
            _require_card(self._presence)
            self._job = job
        threading.Thread(target=carried(self._read), args=(job, wanted), name="chip", daemon=True).start()
        return json_response({"accepted": True})

    def _cancel(self, request: Request) -> Response:
        wanted = from_json(request.body, CancelRequest)
        with self._lock:
            job = self._job
        if job is not None and job.presentation == wanted.presentation:
            job.supervised.stop(Cancelled())
        return json_response({"accepted": True})

    # Codes and lines.

    def _identity(self) -> Identity:
        return Identity(self._world.new_id(), moment(self._world.utc_now()))

    def _look_at_devices(self) -> Seeing:
        """Which devices can see a code now; tells of a change, and ends a look for lines that no camera can make."""
        names = {source.name for source in self._sources if _can_see(source)}
        seeing = Seeing(
            scanner="scanner" in names,
            keyboard="keyboard" in names,
            camera=not names.isdisjoint(("camera", "second_camera")),
        )
        with self._lock:
            if seeing != self._seeing:
                self._seeing = seeing
                self._topic.publish(Event(name="devices", data=seeing))
        if self._search is not None and not seeing.camera:
            self._search.fail(CameraMissing.code)
        return seeing

    def _tell_again(self, request: Request) -> Response:  # noqa: ARG002
        self._held.forget()  # before the cameras: what they hand on is not to be held for seen
        for source in self._sources:
            if (again := getattr(source, "again", None)) is not None:
                again()
        return json_response({"accepted": True})

    def _look(self, request: Request) -> Response:
        wanted = from_json(request.body, LookRequest)
        if self._search is None or not self._look_at_devices().camera:
            raise CameraMissing()
        self._search.begin(wanted.presentation)
        return json_response({"accepted": True})

    def _stop_looking(self, request: Request) -> Response:
        wanted = from_json(request.body, CancelRequest)
        if self._search is not None:
            self._search.stop(wanted.presentation)
        return json_response({"accepted": True})

    def _lines_read(self, presentation: str, lines: tuple[str, ...]) -> None:
        zone = parse_payload("\n".join(lines), today(self._world.utc_now()))
        meant = presented(zone, self._identity)
        if isinstance(meant, Reading):
            self._topic.publish(Event(name="payload", data={"reading": meant, "presentation": presentation}))
        else:
            self._lines_failed(presentation, meant)

    def _lines_failed(self, presentation: str, code: str) -> None:
        self._topic.publish(Event(name="mrz_failed", data={"presentation": presentation, "code": code}))

    # The chip.

    def _let_cancelled_end(self) -> None:
        """The person before is done or gave up, and the next is quick: a reading that nobody waits for any more, or
        that lacks the portrait only, is no reason to say busy."""
        with self._lock:
            job = self._job
        if job is None:
            return
        if job.told.is_set():
            job.supervised.stop(Cancelled())
        if job.supervised.stopped:
            job.ended.wait(HANDOVER_SECONDS)

    def _read(self, job: _Job, request: OpenRequest) -> None:
        def phase(reached: Phase) -> None:
            self._tell(job, "phase", phase=int(reached), progress=PROGRESS[reached])

        def proven(reading: Reading) -> None:
            self._tell(job, "reading", reading=reading)
            job.told.set()

        listener = Listener(
            phase=phase,
            identity=lambda reading: self._tell(job, "identity", reading=reading),
            proven=proven,
            check=job.supervised.check,
        )
        wanted = Wanted(
            portrait=self._settings.portrait, printed=request.printed, has_portrait=self._portraits.__contains__
        )
        seconds, begun = self._settings.timeout_seconds, self._world.clock()
        end: tuple[str, Mapping[str, Any]] | None
        try:
            result = job.supervised.run(
                lambda: read_card(self._slot, request.keys(), self._world, seconds, wanted, listener), seconds
            )
        except Exception as error:
            end = ("portrait" if job.told.is_set() else "failed", _told(error))
            self._counted("read" if job.told.is_set() else str(end[1]["code"]), begun)
        else:
            self._counted("read", begun)
            end = self._keep_portrait(result) if self._settings.portrait else None
        with self._lock:
            self._job = None  # before it is told: whoever hears it may open again at once
        job.ended.set()
        if end is not None:
            self._tell(job, end[0], **end[1])

    def _counted(self, outcome: str, begun: float) -> None:
        self._meter.count(READINGS, outcome)
        self._meter.spread(READING_SECONDS, self._world.clock() - begun, "read" if outcome == "read" else "failed")

    def _keep_portrait(self, result: CardRead) -> tuple[str, Mapping[str, Any]]:
        digest = digest_of(result)
        checks = result.reading.evidence.checks
        # Unsigned, it could be anybody's face put beside a genuine signature.
        if result.portraits and checks is not None and checks.hashes.result is Outcome.PASSED:
            self._portraits.keep(digest, result.portraits)
        return "portrait", {"available": digest in self._portraits}

    def _tell(self, job: _Job, name: str, **data: Any) -> None:
        if job.ended.is_set() and name not in ("failed", "portrait"):
            return  # a hung reading that was given up and woke again
        self._topic.publish(Event(name=name, data={"presentation": job.presentation, **data}))


def _can_see(source: PayloadSource) -> bool:
    return getattr(source, "sees_codes", True) and source.health().get("state") == "open"


def _second(stream: Iterator[bytes], event: Event) -> Iterator[bytes]:
    """The stream with one more event behind its first."""
    yield next(stream)
    yield encode_event(event)
    yield from stream


def _require_card(presence: Presence) -> None:
    if not presence.service:
        raise NotAllowed() if presence.problem == NotAllowed.code else ServiceDown()
    if presence.reader is None:
        raise NoReader()
    if not presence.card:
        raise NoCard()


def _told(error: Exception) -> Mapping[str, Any]:
    """An error as the event tells it; an unforeseen one only by its kind."""
    if not isinstance(error, ReaderError):
        log.error("chip reading failed: %s", type(error).__name__)
        error = ReaderError(kind=type(error).__name__)
    log.info("chip reading ended: %s", error)
    return {"code": error.code, "retriable": error.retriable, "data": error.data}
