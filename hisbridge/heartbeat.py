"""The sign of life: a small JSON that goes out every few minutes, for a site that nobody can reach from outside.

It says how the kiosk, its screen and the outbox are, never who was there. It has a thread and a connection of its own,
so that a receiver that is slow, hangs or lies holds up nothing; whatever it answers beyond a status is not read.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import msgspec

from config.care import HeartbeatSettings
from hisbridge.connectors.http_caller import secret
from hisbridge.errors import DestinationSetup, PortalError
from hisbridge.http import Answer, Poster, Question
from hisbridge.lookups.patience import wanted_pause
from hisbridge.pacing import Backoff
from hisbridge.standing import DestinationHealth
from hisbridge.trust import trust
from wire.client import Client
from wire.codec import Record, to_json
from wire.errors import TiepDonError
from wire.findings import WORST_FIRST, Status, read_report
from wire.health import Health
from wire.meter import Amount, Meter, level

log = logging.getLogger(__name__)

FORMAT = 1
SENT = "tiepdon_heartbeats_total"
SENT_AT = "tiepdon_heartbeat_sent_timestamp_seconds"
CLOCK_OFFSET = "tiepdon_heartbeat_clock_offset_seconds"
MAX_ANSWER = 4096  # bytes; a receiver has nothing to tell
FIRST_RETRY_SECONDS = 20.0
LONGEST_RETRY_SECONDS = 3600.0  # for which a receiver is left alone at most, whatever it asks for
ASK_SECONDS = 0.5  # the kiosk is on this machine
MOST_CODES = 50


class HeartbeatRefused(TiepDonError):
    """The receiver of the sign of life does not take it (`status`: its HTTP status)."""

    code = "heartbeat.refused"
    retriable = True


class Outbox(Record, frozen=True, kw_only=True):
    """What is owed to all destinations together; `oldest_seconds`: how long the oldest has waited."""

    waiting: int
    held: int
    rejected: int
    dead: int
    oldest_seconds: int | None


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """`screen` of the kiosk's `/health`; what a newer one tells besides is passed over."""

    seen_seconds: float | None = None
    visible: bool = False


class Doctor(Record, frozen=True, kw_only=True):
    """The doctor's last report: its worst finding, the codes of what is not well, and how old it is."""

    worst: str
    codes: tuple[str, ...]
    age_seconds: int | None


class Beat(Record, frozen=True, kw_only=True):
    """One sign of life. `sent_at` is this machine's clock, UTC; `clock_offset_seconds`: by how much the receiver's own
    clock was ahead at its last answer, None where it told none."""

    format: int = FORMAT
    version: str
    facility_code: str
    kiosk_id: str
    sent_at: str
    clock_offset_seconds: float | None
    uptime_seconds: int
    status: str
    parts: dict[str, str | None]
    screen: Screen | None
    outbox: Outbox
    doctor: Doctor | None


@dataclass
class Sent:
    """How the beats went, for the figures. Written by the heart's thread, read by others."""

    at: float | None = None  # seconds since the epoch: the last that was taken
    problem: str | None = None
    failures: int = 0
    clock_offset: float | None = None


@dataclass(frozen=True)
class Body:
    """Where what is told comes from: each asked anew for every beat, none may raise."""

    version: str
    facility_code: str
    kiosk_id: str
    bridge: Callable[[], tuple[Health, Iterable[DestinationHealth]]]
    kiosk: Client
    doctor_file: Path
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    begun: float = field(default_factory=time.monotonic)

    def beat(self, clock_offset: float | None) -> Beat:
        """What stands now."""
        (bridge, destinations), (kiosk, screen), now = self.bridge(), self._kiosk(), self.now()
        parts = {f"kiosk.{name}": code for name, code in kiosk.items()}
        parts |= {f"bridge.{name}": code for name, code in bridge.parts.items()}
        return Beat(
            version=self.version,
            facility_code=self.facility_code,
            kiosk_id=self.kiosk_id,
            sent_at=now.astimezone(UTC).isoformat(timespec="seconds"),
            clock_offset_seconds=clock_offset,
            uptime_seconds=int(self.monotonic() - self.begun),
            status="well" if not any(parts.values()) else "trouble",
            parts=parts,
            screen=screen,
            outbox=outbox_of(destinations, now),
            doctor=doctor_of(self.doctor_file, now),
        )

    def _kiosk(self) -> tuple[dict[str, str | None], Screen | None]:
        try:
            told = self.kiosk.get("/health", _Told, timeout=ASK_SECONDS)
        except TiepDonError as error:
            return {"process": error.code}, None
        return dict(told.parts), told.screen


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    screen: Screen
    parts: dict[str, str | None] = {}


class Heart:
    """Beats until stopped."""

    def __init__(self, settings: HeartbeatSettings, body: Body, meter: Meter, draw: Callable[[], float]) -> None:
        """`draw`: chance, in [0, 1). Raises PortalCaFile."""
        self._settings = settings
        self._body = body
        self._meter = meter
        self._draw = draw
        self._backoff = Backoff(FIRST_RETRY_SECONDS, float(settings.seconds), draw)
        self._poster = Poster(MAX_ANSWER, trust(settings.ca_file))
        self._stopping = threading.Event()
        self.sent = Sent()

    def run(self) -> None:
        """One beat after the other; survives whatever becomes of one."""
        # Not all kiosks of a province at once, when the light comes back.
        pause = self._draw() * min(FIRST_RETRY_SECONDS, self._settings.seconds)
        while not self._stopping.wait(pause):
            try:
                pause = self.beat()
            except Exception as error:
                log.error("heartbeat: %s", type(error).__name__)
                pause = float(self._settings.seconds)

    def stop(self) -> None:
        """End `run`; a beat under way fails."""
        self._stopping.set()
        self._poster.close()

    def beat(self) -> float:
        """Send one now; returns seconds until the next. Raises nothing that the receiver makes."""
        try:
            answer = self._send()
        except (PortalError, DestinationSetup) as error:
            return self._failed(error, 0.0)
        self._compare_clocks(answer)
        if not 200 <= answer.status < 300:
            alone = wanted_pause(answer, self._body.now) if answer.status in (429, 503) else 0.0
            return self._failed(HeartbeatRefused(status=answer.status), min(alone, LONGEST_RETRY_SECONDS))
        if self.sent.problem is not None:
            log.warning("heartbeat: taken again after %d failures", self.sent.failures)
        self._meter.count(SENT, "taken")
        self.sent.at, self.sent.problem, self.sent.failures = self._body.now().timestamp(), None, 0
        return self._settings.seconds * (0.95 + 0.1 * self._draw())

    def levels(self) -> list[Amount]:
        """For the figures."""
        told = [] if self.sent.at is None else [level(SENT_AT, self.sent.at)]
        offset = self.sent.clock_offset
        return told if offset is None else [*told, level(CLOCK_OFFSET, offset)]

    def _send(self) -> Answer:
        headers = {"authorization": f"Bearer {self._token()}"} if self._settings.token_file else {}
        question = Question(
            url=self._settings.url,
            body=to_json(self._body.beat(self.sent.clock_offset)),
            content_type="application/json",
            query={},
            headers=headers,
        )
        return self._poster(question, time.monotonic() + self._settings.timeout_seconds)

    def _token(self) -> str:
        token = secret(self._settings.token_file, "heartbeat.token_file").decode("ascii", "replace").strip()
        if not token.isascii() or not token.isprintable() or " " in token:
            raise DestinationSetup(key="heartbeat.token_file", why="not_a_token")
        return token

    def _failed(self, error: TiepDonError, alone: float) -> float:
        if self.sent.problem != error.code:
            log.warning("heartbeat: %s", error)
        self.sent.problem, self.sent.failures = error.code, self.sent.failures + 1
        self._meter.count(SENT, error.code)
        # Never more often than a little sooner, never much later: a site that is silent for long is taken for dead.
        return max(alone, FIRST_RETRY_SECONDS / 2 + self._backoff.pause(self.sent.failures))

    def _compare_clocks(self, answer: Answer) -> None:
        try:
            theirs = parsedate_to_datetime(answer.date)
        except (ValueError, OverflowError, TypeError, IndexError):  # whatever its clock is, it is not ours to fail by
            return
        if theirs.tzinfo is not None:
            self.sent.clock_offset = round((theirs - self._body.now()).total_seconds(), 0)


def outbox_of(destinations: Iterable[DestinationHealth], now: datetime) -> Outbox:
    """All destinations together."""
    every = tuple(destinations)
    oldest = min((one.oldest_created_at for one in every if one.oldest_created_at is not None), default=None)
    return Outbox(
        waiting=sum(one.waiting for one in every),
        held=sum(one.held for one in every),
        rejected=sum(one.rejected for one in every),
        dead=sum(one.dead for one in every),
        oldest_seconds=None if oldest is None else seconds_since(oldest, now),
    )


def seconds_since(moment: str, now: datetime) -> int | None:
    """Whole seconds since a moment of ours, none before it; None where it is no moment."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return max(0, int((now - then).total_seconds())) if then.tzinfo is not None else None


def doctor_of(file: Path, now: datetime) -> Doctor | None:
    """The doctor's last report, as far as it can be read: codes alone go out."""
    try:
        report = read_report(file)
    except TiepDonError:
        return None
    found = {finding.status for finding in report.findings}
    bad = {one.code for one in report.findings if one.code and one.status in (Status.FAIL, Status.WARN)}
    return Doctor(
        worst=next((status for status in WORST_FIRST if status in found), Status.OK).value,
        codes=tuple(sorted(bad)[:MOST_CODES]),
        age_seconds=seconds_since(report.made_at, now),
    )
