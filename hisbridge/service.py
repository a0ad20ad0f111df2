"""The bridge process: the outbox's couriers and the answers on RUN/bridge.sock (docs/architecture.md, "bridge").

Composes; decides nothing itself. Whatever the outside world or the database does, the socket keeps answering.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from config.destinations import LocalAgentDestination
from config.settings import Settings, database_file, database_path, socket_path
from hisbridge import assembly, connectors, outbox_desk, pending
from hisbridge.answers import Answering, Busy, Failed, TooLate
from hisbridge.asking_again import AskingAgain
from hisbridge.carrier import Carrier
from hisbridge.connectivity import Breaker, LineHealth
from hisbridge.connectors.gaps import left_out
from hisbridge.delivery import Courier
from hisbridge.desk import Desk, open_outbox
from hisbridge.desk_calls import DeskCalls, whole_number
from hisbridge.desk_records import Depth
from hisbridge.errors import LookupOffline, PortalTimeout
from hisbridge.heartbeat import Body, Heart, seconds_since
from hisbridge.help_relay import HelpRelay
from hisbridge.http import silence
from hisbridge.lookup_tally import LookupTally
from hisbridge.lookups.contract import PopulationLookup
from hisbridge.lookups.coverage import CoverageLookup
from hisbridge.lookups.insurance_portal import DISABLED, Clocks
from hisbridge.lookups.openness import is_answer
from hisbridge.lookups.portal_answer import unanswered
from hisbridge.pacing import BATCH, CAREFUL_BATCH, Backoff, Pace
from hisbridge.questions import Act, Citizen, CitizenQuestion, Coverage, CoverageQuestion, Register, Verdict
from hisbridge.rendering_mark import RenderingMark
from hisbridge.standing import Condition, DestinationHealth
from wire import sqlite
from wire.client import Client
from wire.codec import Record, from_json
from wire.database import DatabaseFile, DatabaseUnavailable
from wire.errors import TiepDonError
from wire.findings import REPORT
from wire.health import Health, health_of
from wire.health_routes import LIVE, health_routes
from wire.meter import Amount, Meter, level
from wire.server import Request, Response, Routes, json_response, serving
from wire.systemd import Attendance, Manager, answers

log = logging.getLogger(__name__)

BUSY = "portal.busy"
POPULATION_BUSY = "population.busy"
POPULATION_TIMEOUT = "population.timeout"
QUESTIONS_AT_ONCE = 64  # a morning's rush of twenty counters; a hanging portal holds no more threads than this
LONGEST_DEADLINE_MS = 60_000
LOOKUPS = "tiepdon_lookups_total"
LOOKUP_SECONDS = "tiepdon_lookup_duration_seconds"
ATTEMPTS = "tiepdon_delivery_attempts_total"
STOP_SECONDS = 3.0  # how long a courier may finish its attempt when the process ends


class PortalHealth(Record, frozen=True, kw_only=True):
    """The insurance portal as `/v1/health` shows it: the last verdict's kind, never a person."""

    enabled: bool
    last_reason: str | None = None
    last_answered_at: str | None = None


class BridgeHealth(Record, frozen=True, kw_only=True):
    """The answer of `/v1/health`. `database` is None when well, else the error's code."""

    database: str | None
    destinations: tuple[DestinationHealth, ...]
    portal: PortalHealth
    lines: tuple[LineHealth, ...] = ()
    open_questions: int | None = None
    unserved: tuple[str, ...] = ()  # destinations that are owed something and stand in the settings no more


@dataclass(frozen=True)
class Surroundings:
    """What the process takes from outside: clocks, chance, and the words of pages it serves itself, by language."""

    clocks: Clocks = field(default_factory=Clocks)
    draw: Callable[[], float] = field(default_factory=lambda: random.SystemRandom().random)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    manager: Manager = field(default_factory=Manager)  # who started the process, and may hold its socket


def serve(settings: Settings, stop: threading.Event, surroundings: Surroundings | None = None) -> None:
    """Be the bridge until `stop` is set.

    Raises DatabaseUnavailable or DatabaseOutdated when the database does not fit, OSError when the socket is taken.
    """
    around = surroundings or Surroundings()
    with running(settings, around) as address:
        Attendance(around.manager, partial(answers, address, LIVE), time.monotonic).until(stop)


@contextmanager
def running(settings: Settings, surroundings: Surroundings | None = None) -> Iterator[Path]:
    """The bridge while the context lasts; yields its socket. Raises as `serve` does."""
    around = surroundings or Surroundings()
    silence()
    database = database_file(settings)
    open_outbox(database).close()
    couriers = [_carrier(settings, number, around) for number in range(len(settings.destinations))]
    outside = assembly.Around(around.clocks, around.draw)
    source = assembly.insurance_source(settings, outside)
    register = assembly.register(settings, outside)
    insurance = assembly.kept_for_the_day(settings, source, lambda: open_outbox(database), outside)
    again = _asking_again(settings, insurance, outside)
    bridge = Bridge(
        settings, couriers, insurance, register.lookup, (source.line, register.line), again, around.clocks.now
    )
    heart = _heart(settings, bridge, around) if settings.heartbeat.url else None
    # The socket first: it is what keeps a second bridge from sending the same outbox.
    place = around.manager.sockets.get("bridge", socket_path(settings, "bridge"))
    with serving(place, bridge.routes()) as address:
        threads = [
            threading.Thread(
                target=courier.run, args=(settings.bridge.poll_seconds,), name=f"courier-{courier.name}", daemon=True
            )
            for courier in couriers
        ]
        if settings.portal.enabled or settings.his_proxy.enabled:
            threads.append(
                threading.Thread(target=again.run, args=(settings.bridge.poll_seconds,), name="asking", daemon=True)
            )
        if heart is not None:
            threads.append(threading.Thread(target=heart.run, name="heartbeat", daemon=True))
        for thread in threads:
            thread.start()
        bridge.lookups.begin()
        log.info("bridge ready: %d destinations, portal %s", len(couriers), _switched(settings.portal.enabled))
        try:
            yield Path(str(address))
        finally:
            again.stop()
            if heart is not None:
                heart.stop()
            for courier in couriers:
                courier.stop()
            for thread in threads:
                thread.join(STOP_SECONDS)
            insurance.close()
            bridge.lookups.end()


class Bridge:
    """The calls of the socket."""

    def __init__(
        self,
        settings: Settings,
        couriers: list[Carrier],
        insurance: CoverageLookup,
        register: PopulationLookup,
        lines: tuple[Breaker, ...],
        again: AskingAgain,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._couriers = couriers
        self._desk = DeskCalls(Desk(settings, lambda: open_outbox(database_file(settings)), now), couriers)
        self._help = HelpRelay(settings)
        self._insurance = insurance
        self._register = register
        self._lines = lines
        self._again = again
        self._answering: Answering[Coverage] = Answering(QUESTIONS_AT_ONCE)
        self._answering_register: Answering[Citizen] = Answering(QUESTIONS_AT_ONCE)
        self._last: Coverage | None = None
        self.now = now
        self.meter = Meter()
        self.lookups = LookupTally(settings, now, lines)
        self.heart: Heart | None = None

    def routes(self) -> Routes:
        """Method and path to handler."""
        return {
            ("POST", "/v1/coverage"): self._coverage,
            ("POST", "/v1/coverage/fresh"): self._fresh_coverage,
            ("POST", "/v1/citizen"): self._citizen,
            ("POST", "/v1/wake"): self._wake,
            ("GET", "/v1/health"): self._health,
            **self._desk.routes(),
            **self._help.routes(),
            **health_routes(self.readiness, self.meter, self._levels),
        }

    def _coverage(self, request: Request) -> Response:
        return self._covered(request, self._insurance.ask)

    def _fresh_coverage(self, request: Request) -> Response:
        return self._covered(request, self._insurance.ask_fresh)

    def _covered(self, request: Request, ask: Callable[[CoverageQuestion], Coverage]) -> Response:
        question, begun = from_json(request.body, CoverageQuestion), time.monotonic()
        try:
            answer = self._answering.ask(lambda: ask(question), self._seconds(request))
        except (Busy, TooLate, Failed) as outcome:
            reason = {Busy: BUSY, TooLate: PortalTimeout.code}.get(type(outcome), TiepDonError.code)
            answer = unanswered(Verdict.UNVERIFIED, reason, self._insurance.asked(), act=Act.WAIT)
        self._last = answer
        self._counted("insurance", answer.reason or answer.verdict.value, begun)
        self.lookups.count("insurance", is_answer(answer), answer.reason)
        return json_response(answer)

    def _citizen(self, request: Request) -> Response:
        question, begun = from_json(request.body, CitizenQuestion), time.monotonic()
        try:
            answer = self._answering_register.ask(lambda: self._register.ask(question), self._seconds(request))
        except (Busy, TooLate, Failed) as outcome:
            reason = {Busy: POPULATION_BUSY, TooLate: POPULATION_TIMEOUT}.get(type(outcome), TiepDonError.code)
            answer = Citizen(verdict=Register.UNVERIFIED, reason=reason, asked_at=self._insurance.asked().at)
        self._counted("population", answer.reason or answer.verdict.value, begun)
        self.lookups.count("population", answer.verdict is not Register.UNVERIFIED, answer.reason)
        return json_response(answer)

    def _counted(self, system: str, outcome: str, begun: float) -> None:
        self.meter.count(LOOKUPS, system, outcome)
        self.meter.spread(LOOKUP_SECONDS, time.monotonic() - begun, system)

    def _seconds(self, request: Request) -> float:
        usual = int(self._settings.portal.timeout_seconds * 1000)
        return whole_number(request, "deadline_ms", usual, 1, LONGEST_DEADLINE_MS) / 1000

    def _wake(self, _request: Request) -> Response:
        self._again.wake()
        for courier in self._couriers:
            courier.wake()
        return json_response({"woken": len(self._couriers)})

    def _health(self, _request: Request) -> Response:
        return json_response(self.health())

    def health(self) -> BridgeHealth:
        """All that is known of destinations, outside systems and the outbox."""
        problem, owed, paused, open_questions = None, {}, {}, None
        try:
            with _reading(database_file(self._settings)) as connection:
                owed, paused = outbox_desk.depth(connection), outbox_desk.pauses(connection)
                open_questions = pending.open_count(connection)
        except TiepDonError as error:
            problem = error.code
        last, served = self._last, {courier.name for courier in self._couriers}
        return BridgeHealth(
            database=problem,
            destinations=tuple(
                courier.health(owed.get(courier.name, Depth()), paused.get(courier.name)) for courier in self._couriers
            ),
            portal=PortalHealth(
                enabled=self._settings.portal.enabled,
                last_reason=last.reason if last else (None if self._settings.portal.enabled else DISABLED),
                last_answered_at=last.asked_at if last else None,
            ),
            lines=tuple(line.health() for line in self._lines),
            open_questions=open_questions,
            unserved=tuple(sorted(name for name, depth in owed.items() if name not in served and _owes(depth))),
        )

    def readiness(self) -> Health:
        """Ready is a bridge that can read the outbox; a receiver or a system in trouble is told and waited for."""
        return _readiness(self.health())

    def outlook(self) -> tuple[Health, tuple[DestinationHealth, ...]]:
        """What the sign of life tells of the bridge."""
        health = self.health()
        return _readiness(health), health.destinations

    def _levels(self) -> list[Amount]:
        told = _levels(self.health(), self.now())
        return told if self.heart is None else [*told, *self.heart.levels()]


def _readiness(health: BridgeHealth) -> Health:
    failing = (Condition.FAILING, Condition.STOPPED)
    destinations = {
        f"destination.{one.name}": one.problem if one.condition in failing else None for one in health.destinations
    }
    lines = {f"line.{one.name}": None if one.online else LookupOffline.code for one in health.lines}
    return health_of({"database": health.database}, {**destinations, **lines})


def _levels(health: BridgeHealth, now: datetime) -> list[Amount]:
    told = [level("tiepdon_lookup_line_up", float(one.online), one.name) for one in health.lines]
    if health.open_questions is not None:
        told.append(level("tiepdon_open_questions", health.open_questions))
    for one in health.destinations:
        states = {
            "waiting": one.waiting,
            "held": one.held,
            "acknowledged": one.acknowledged,
            "rejected": one.rejected,
            "dead": one.dead,
            "open_work": one.open_work,
        }
        told += [level("tiepdon_deliveries", count, one.name, state) for state, count in states.items()]
        told += [level(ATTEMPTS, count, one.name, outcome) for outcome, count in one.attempts.items()]
        age = None if one.oldest_created_at is None else seconds_since(one.oldest_created_at, now)
        told.append(level("tiepdon_delivery_oldest_age_seconds", age or 0, one.name))
        told.append(level("tiepdon_destination_paused", float(one.paused), one.name))
        told.append(
            level("tiepdon_destination_up", float(one.condition in (Condition.IDLE, Condition.WORKING)), one.name)
        )
    return told


def _heart(settings: Settings, bridge: Bridge, around: Surroundings) -> Heart:
    body = Body(
        version=version("tiepdon"),
        facility_code=settings.site.facility_code,
        kiosk_id=settings.site.kiosk_id,
        bridge=bridge.outlook,
        kiosk=Client(socket_path(settings, "kiosk")),
        doctor_file=Path(settings.paths.run) / REPORT,
        now=around.clocks.now,
    )
    bridge.heart = Heart(settings.heartbeat, body, bridge.meter, around.draw)
    return bridge.heart


def _owes(depth: Depth) -> bool:
    return bool(depth.waiting or depth.held or depth.rejected or depth.dead)


@contextmanager
def _reading(database: DatabaseFile) -> Iterator[sqlite.Connection]:
    """A connection for one request; SQLite's own errors become DatabaseUnavailable."""
    try:
        with closing(open_outbox(database)) as connection:
            yield connection
    except sqlite.Error as error:
        raise DatabaseUnavailable(why=str(error)) from None


def _carrier(settings: Settings, number: int, around: Surroundings) -> Carrier:
    destination = settings.destinations[number]
    if isinstance(destination, LocalAgentDestination):
        from hisbridge.agent.listener import LocalAgent  # with asyncio and WebSockets: only where one listens

        def opened() -> sqlite.Connection:
            return open_outbox(database_file(settings))

        return LocalAgent(destination, opened, around.clocks.now, settings.site.synthetic, around.words)
    backoff = Backoff(settings.bridge.retry_first_seconds, settings.bridge.retry_max_seconds, around.draw)
    return Courier(
        name=destination.name,
        connector_name=destination.connector,
        connector=connectors.make(destination),
        open_connection=lambda: open_outbox(database_file(settings)),
        backoff=backoff,
        now=around.clocks.now,
        pace=Pace(
            destination.min_interval_seconds,
            receiver_tries=settings.bridge.receiver_tries,
            batch=CAREFUL_BATCH if getattr(destination, "when_unknown", "") == "staff" else BATCH,
        ),
        mark=RenderingMark(database_path(settings).with_name(f"rendering-{destination.name}")),
        left_out=partial(left_out, destination=destination),
    )


def _asking_again(settings: Settings, insurance: CoverageLookup, around: assembly.Around) -> AskingAgain:
    lookups = settings.lookups
    return AskingAgain(
        insurance,
        lambda: open_outbox(database_file(settings)),
        Backoff(lookups.ask_again_seconds, lookups.ask_again_most_seconds, around.draw),
        assembly.site_time(settings, around.clocks),
        keep_days=lookups.keep_late_days,
        each_round=insurance.forget_past_days,
    )


def _switched(on: bool) -> str:
    return "on" if on else "off"
