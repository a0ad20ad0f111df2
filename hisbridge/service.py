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
from hisbridge import connectors, outbox
from hisbridge.answers import Answering, Busy, Failed, TooLate
from hisbridge.delivery import Backoff, Courier, DestinationHealth
from hisbridge.errors import PortalTimeout
from hisbridge.http import poster, silence
from hisbridge.lookups.insurance_portal import DISABLED, MAX_ANSWER, Clocks, InsurancePortal
from hisbridge.lookups.portal_answer import unanswered
from hisbridge.outbox import Delivery, Depth, State
from hisbridge.records import Coverage, CoverageQuestion, Verdict
from hisbridge.schema import MIGRATIONS
from wire.codec import Record, from_json
from wire.database import DatabaseUnavailable, open_database, require
from wire.errors import MalformedMessage, TiepDonError
from wire.server import Request, Response, Routes, json_response, serving

log = logging.getLogger(__name__)

BUSY = "portal.busy"
QUESTIONS_AT_ONCE = 8  # at a second each far above one kiosk's need; a hanging portal holds no more threads than this
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


def insurance_portal(settings: Settings, clocks: Clocks | None = None) -> InsurancePortal:
    """The portal as the settings describe it, also for a diagnosis outside the process."""
    return InsurancePortal(settings.portal, settings.site, poster(MAX_ANSWER), clocks)


@contextmanager
def running(settings: Settings, surroundings: Surroundings | None = None) -> Iterator[Path]:
    """The bridge while the context lasts; yields its socket. Raises as `serve` does."""
    around = surroundings or Surroundings()
    silence()
    path = database_path(settings)
    open_outbox(path).close()
    couriers = [_courier(settings, number, around) for number in range(len(settings.destinations))]
    portal = insurance_portal(settings, around.clocks)
    bridge = Bridge(settings, couriers, portal)
    # The socket first: it is what keeps a second bridge from sending the same outbox.
    with serving(socket_path(settings, "bridge"), bridge.routes()) as address:
        threads = [
            threading.Thread(
                target=courier.run, args=(settings.bridge.poll_seconds,), name=f"courier-{courier.name}", daemon=True
            )
            for courier in couriers
        ]
        for thread in threads:
            thread.start()
        log.info("bridge ready: %d destinations, portal %s", len(couriers), _switched(settings.portal.enabled))
        try:
            yield Path(str(address))
        finally:
            for courier in couriers:
                courier.stop()
            for thread in threads:
                thread.join(STOP_SECONDS)


class Bridge:
    """The calls of the socket."""

    def __init__(self, settings: Settings, couriers: list[Courier], portal: InsurancePortal) -> None:
        self._settings = settings
        self._couriers = couriers
        self._portal = portal
        self._answering: Answering[Coverage] = Answering(QUESTIONS_AT_ONCE)
        self._last: Coverage | None = None

    def routes(self) -> Routes:
        """Method and path to handler."""
        return {
            ("POST", "/v1/coverage"): self._coverage,
            ("POST", "/v1/wake"): self._wake,
            ("GET", "/v1/deliveries"): self._deliveries,
            ("GET", "/v1/health"): self._health,
        }

    def _coverage(self, request: Request) -> Response:
        question = from_json(request.body, CoverageQuestion)
        default_ms = self._settings.portal.timeout_seconds * 1000
        deadline_ms = _number(request, "deadline_ms", int(default_ms), 1, LONGEST_DEADLINE_MS)
        answer = self._covered(question, deadline_ms / 1000)
        self._last = answer
        return json_response(answer)

    def _covered(self, question: CoverageQuestion, seconds: float) -> Coverage:
        try:
            return self._answering.ask(lambda: self._portal.ask(question), seconds)
        except Busy:
            reason = BUSY
        except TooLate:
            reason = PortalTimeout.code
        except Failed:
            reason = TiepDonError.code
        return unanswered(Verdict.UNVERIFIED, reason, self._portal.asked())

    def _wake(self, _request: Request) -> Response:
        for courier in self._couriers:
            courier.wake()
        return json_response({"woken": len(self._couriers)})

    def _deliveries(self, request: Request) -> Response:
        wanted = request.query.get("state") or None
        if wanted is not None and wanted not in tuple(State):
            raise MalformedMessage(why="no such state", where="query.state")
        limit = _number(request, "limit", 100, 0, outbox.MAX_LISTED)
        with _reading(database_path(self._settings)) as connection:
            found = outbox.list_deliveries(connection, State(wanted) if wanted else None, limit)
        return json_response(DeliveryList(deliveries=tuple(found)))

    def _health(self, _request: Request) -> Response:
        problem, owed = None, {}
        try:
            with _reading(database_path(self._settings)) as connection:
                owed = outbox.depth(connection)
        except TiepDonError as error:
            problem = error.code
        last = self._last
        return json_response(
            BridgeHealth(
                database=problem,
                destinations=tuple(courier.health(owed.get(courier.name, Depth())) for courier in self._couriers),
                portal=PortalHealth(
                    enabled=self._settings.portal.enabled,
                    last_reason=last.reason if last else (None if self._settings.portal.enabled else DISABLED),
                    last_answered_at=last.asked_at if last else None,
                ),
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
