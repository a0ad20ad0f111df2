"""The bridge process: the outbox's couriers and the answers on RUN/bridge.sock (docs/architecture.md, "bridge").

Composes; decides nothing itself. Whatever the outside world or the database does, the socket keeps answering.
"""

import logging
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config.settings import Settings, database_path, socket_path
from hisbridge import assembly, connectors, outbox_desk, pending
from hisbridge.answers import Answering, Busy, Failed, TooLate
from hisbridge.asking_again import AskingAgain
from hisbridge.connectivity import Breaker, LineHealth
from hisbridge.delivery import Backoff, Courier, DestinationHealth, Pace
from hisbridge.errors import PortalTimeout
from hisbridge.http import silence
from hisbridge.lookups.contract import PopulationLookup
from hisbridge.lookups.coverage import CoverageLookup
from hisbridge.lookups.insurance_portal import DISABLED, Clocks
from hisbridge.lookups.portal_answer import unanswered
from hisbridge.outbox import State
from hisbridge.outbox_desk import Delivery, Depth, Selection
from hisbridge.records import Act, Citizen, CitizenQuestion, Coverage, CoverageQuestion, Register, Verdict
from hisbridge.schema import MIGRATIONS
from wire.codec import Record, from_json
from wire.database import DatabaseUnavailable, open_database, require
from wire.errors import MalformedMessage, TiepDonError
from wire.server import Request, Response, Routes, json_response, serving

log = logging.getLogger(__name__)

BUSY = "portal.busy"
POPULATION_BUSY = "population.busy"
POPULATION_TIMEOUT = "population.timeout"
QUESTIONS_AT_ONCE = 64  # a morning's rush of twenty counters; a hanging portal holds no more threads than this
LONGEST_DEADLINE_MS = 60_000
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


class DeliveryList(Record, frozen=True, kw_only=True):
    """The answer of `/v1/deliveries`, newest first."""

    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True)
class Surroundings:
    """What the process takes from outside: clocks, chance."""

    clocks: Clocks = field(default_factory=Clocks)
    draw: Callable[[], float] = field(default_factory=lambda: random.SystemRandom().random)


def open_outbox(path: Path) -> sqlite3.Connection:
    """The database, if it is there and fits this version. Raises DatabaseUnavailable, DatabaseOutdated."""
    if not path.exists():
        raise DatabaseUnavailable(why="no such file")
    connection = open_database(path)
    try:
        require(connection, MIGRATIONS)
    except BaseException:
        connection.close()
        raise
    return connection


def serve(settings: Settings, stop: threading.Event, surroundings: Surroundings | None = None) -> None:
    """Be the bridge until `stop` is set.

    Raises DatabaseUnavailable or DatabaseOutdated when the database does not fit, OSError when the socket is taken.
    """
    with running(settings, surroundings):
        stop.wait()


@contextmanager
def running(settings: Settings, surroundings: Surroundings | None = None) -> Iterator[Path]:
    """The bridge while the context lasts; yields its socket. Raises as `serve` does."""
    around = surroundings or Surroundings()
    silence()
    path = database_path(settings)
    open_outbox(path).close()
    couriers = [_courier(settings, number, around) for number in range(len(settings.destinations))]
    outside = assembly.Around(around.clocks, around.draw)
    source = assembly.insurance_source(settings, outside)
    register = assembly.register(settings, outside)
    insurance = assembly.kept_for_the_day(settings, source, lambda: open_outbox(path), outside)
    again = _asking_again(settings, insurance, outside)
    bridge = Bridge(settings, couriers, insurance, register.lookup, (source.line, register.line), again)
    # The socket first: it is what keeps a second bridge from sending the same outbox.
    with serving(socket_path(settings, "bridge"), bridge.routes()) as address:
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
        for thread in threads:
            thread.start()
        log.info("bridge ready: %d destinations, portal %s", len(couriers), _switched(settings.portal.enabled))
        try:
            yield Path(str(address))
        finally:
            again.stop()
            for courier in couriers:
                courier.stop()
            for thread in threads:
                thread.join(STOP_SECONDS)
            insurance.close()


class Bridge:
    """The calls of the socket."""

    def __init__(
        self,
        settings: Settings,
        couriers: list[Courier],
        insurance: CoverageLookup,
        register: PopulationLookup,
        lines: tuple[Breaker, ...],
        again: AskingAgain,
    ) -> None:
        self._settings = settings
        self._couriers = couriers
        self._insurance = insurance
        self._register = register
        self._lines = lines
        self._again = again
        self._answering: Answering[Coverage] = Answering(QUESTIONS_AT_ONCE)
        self._answering_register: Answering[Citizen] = Answering(QUESTIONS_AT_ONCE)
        self._last: Coverage | None = None

    def routes(self) -> Routes:
        """Method and path to handler."""
        return {
            ("POST", "/v1/coverage"): self._coverage,
            ("POST", "/v1/coverage/fresh"): self._fresh_coverage,
            ("POST", "/v1/citizen"): self._citizen,
            ("POST", "/v1/wake"): self._wake,
            ("GET", "/v1/deliveries"): self._deliveries,
            ("GET", "/v1/health"): self._health,
        }

    def _coverage(self, request: Request) -> Response:
        return self._covered(request, self._insurance.ask)

    def _fresh_coverage(self, request: Request) -> Response:
        return self._covered(request, self._insurance.ask_fresh)

    def _covered(self, request: Request, ask: Callable[[CoverageQuestion], Coverage]) -> Response:
        question = from_json(request.body, CoverageQuestion)
        try:
            answer = self._answering.ask(lambda: ask(question), self._seconds(request))
        except (Busy, TooLate, Failed) as outcome:
            reason = {Busy: BUSY, TooLate: PortalTimeout.code}.get(type(outcome), TiepDonError.code)
            answer = unanswered(Verdict.UNVERIFIED, reason, self._insurance.asked(), act=Act.WAIT)
        self._last = answer
        return json_response(answer)

    def _citizen(self, request: Request) -> Response:
        question = from_json(request.body, CitizenQuestion)
        try:
            answer = self._answering_register.ask(lambda: self._register.ask(question), self._seconds(request))
        except (Busy, TooLate, Failed) as outcome:
            reason = {Busy: POPULATION_BUSY, TooLate: POPULATION_TIMEOUT}.get(type(outcome), TiepDonError.code)
            answer = Citizen(verdict=Register.UNVERIFIED, reason=reason, asked_at=self._insurance.asked().at)
        return json_response(answer)

    def _seconds(self, request: Request) -> float:
        usual = int(self._settings.portal.timeout_seconds * 1000)
        return _number(request, "deadline_ms", usual, 1, LONGEST_DEADLINE_MS) / 1000

    def _wake(self, _request: Request) -> Response:
        self._again.wake()
        for courier in self._couriers:
            courier.wake()
        return json_response({"woken": len(self._couriers)})

    def _deliveries(self, request: Request) -> Response:
        wanted = request.query.get("state") or None
        if wanted is not None and wanted not in tuple(State):
            raise MalformedMessage(why="no such state", where="query.state")
        limit = _number(request, "limit", 100, 0, outbox_desk.MAX_LISTED)
        with _reading(database_path(self._settings)) as connection:
            found = outbox_desk.list_deliveries(connection, Selection(states=(State(wanted),) if wanted else ()), limit)
        return json_response(DeliveryList(deliveries=tuple(found)))

    def _health(self, _request: Request) -> Response:
        problem, owed, paused, open_questions = None, {}, {}, None
        try:
            with _reading(database_path(self._settings)) as connection:
                owed, paused = outbox_desk.depth(connection), outbox_desk.pauses(connection)
                open_questions = pending.open_count(connection)
        except TiepDonError as error:
            problem = error.code
        last = self._last
        return json_response(
            BridgeHealth(
                database=problem,
                destinations=tuple(
                    courier.health(owed.get(courier.name, Depth()), courier.name in paused)
                    for courier in self._couriers
                ),
                portal=PortalHealth(
                    enabled=self._settings.portal.enabled,
                    last_reason=last.reason if last else (None if self._settings.portal.enabled else DISABLED),
                    last_answered_at=last.asked_at if last else None,
                ),
                lines=tuple(line.health() for line in self._lines),
                open_questions=open_questions,
            )
        )


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection for one request; SQLite's own errors become DatabaseUnavailable."""
    try:
        with closing(open_outbox(path)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise DatabaseUnavailable(why=str(error)) from None


def _courier(settings: Settings, number: int, around: Surroundings) -> Courier:
    destination = settings.destinations[number]
    backoff = Backoff(settings.bridge.retry_first_seconds, settings.bridge.retry_max_seconds, around.draw)
    return Courier(
        name=destination.name,
        connector_name=destination.connector,
        connector=connectors.make(destination),
        open_connection=lambda: open_outbox(database_path(settings)),
        backoff=backoff,
        now=around.clocks.now,
        pace=Pace(destination.min_interval_seconds),
    )


def _asking_again(settings: Settings, insurance: CoverageLookup, around: assembly.Around) -> AskingAgain:
    lookups = settings.lookups
    return AskingAgain(
        insurance,
        lambda: open_outbox(database_path(settings)),
        Backoff(lookups.ask_again_seconds, lookups.ask_again_most_seconds, around.draw),
        assembly.site_time(settings, around.clocks),
        keep_days=lookups.keep_late_days,
        each_round=insurance.forget_past_days,
    )


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query.get(name, "")
    if not text:
        return min(max(default, least), most)
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise MalformedMessage(why="not a whole number", where=f"query.{name}")
    return min(max(int(text), least), most)


def _switched(on: bool) -> str:
    return "on" if on else "off"
