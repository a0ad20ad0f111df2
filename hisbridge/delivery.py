"""The drain: one thread per destination carries the outbox to the receiver, at least once, in order per person.

An attempt is on disk before its first byte is on the wire; its outcome is on disk before the next one begins. What
stays unknown goes out again under the same key (bridge.md 1.3, 5.3). Must not import reader, kiosk or ui.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from hisbridge import outbox
from hisbridge.connectors.contract import Connector, Outcome, Receipt
from hisbridge.errors import DeliveryError, DestinationUnreachable
from hisbridge.outbox import Claimed
from hisbridge.records import PatientRecord
from wire.codec import Record, from_json
from wire.database import DatabaseUnavailable

log = logging.getLogger(__name__)

RENDER_TRIES = 3  # a record that cannot be rendered this often is dead; it blocks nobody
LONGEST_DOUBLING = 32  # beyond it 2**n only grows past any cap

REJECTED = "delivery.rejected"
TRY_LATER = "delivery.try_later"
MISCONFIGURED = "delivery.misconfigured"
UNRENDERABLE = "delivery.unrenderable"


class Condition(StrEnum):
    """How a destination is doing."""

    IDLE = "idle"  # nothing tried yet
    WORKING = "working"
    FAILING = "failing"  # the last attempt got no answer or a "later"; the next one is planned
    STOPPED = "stopped"  # the receiver says the set-up is wrong; needs a changed setting and a restart


class DestinationHealth(Record, frozen=True, kw_only=True):
    """One destination as `/v1/health` shows it."""

    name: str
    connector: str
    condition: Condition
    problem: str | None
    failures_in_a_row: int
    stale_answers: int
    last_acknowledged_at: str | None
    waiting: int = 0
    oldest_created_at: str | None = None
    rejected: int = 0
    dead: int = 0


@dataclass(frozen=True)
class Backoff:
    """Exponential back-off with full jitter: `draw` gives a number in [0, 1)."""

    first_seconds: float
    longest_seconds: float
    draw: Callable[[], float]

    def pause(self, failures: int) -> float:
        """Seconds to wait after this many failures in a row."""
        ceiling = self.first_seconds * 2.0 ** min(max(failures - 1, 0), LONGEST_DOUBLING)
        return self.draw() * min(ceiling, self.longest_seconds)


Settle = Callable[[sqlite3.Connection], None]


class Courier:
    """Carries one destination's deliveries. `step` does one; `run` does them until stopped."""

    def __init__(
        self,
        name: str,
        connector_name: str,
        connector: Connector,
        open_connection: Callable[[], sqlite3.Connection],
        backoff: Backoff,
        now: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._connector_name = connector_name
        self._connector = connector
        self._open_connection = open_connection
        self._backoff = backoff
        self._now = now
        self._connection: sqlite3.Connection | None = None
        self._unsettled: Settle | None = None  # an outcome that is known but not yet on disk
        self._condition = Condition.IDLE
        self._problem: str | None = None
        self._failures = 0
        self._last_acknowledged: datetime | None = None
        self._woken = threading.Event()
        self._stopping = threading.Event()

    def run(self, poll_seconds: float) -> None:
        """Deliver until `stop`; survives every error of database, record and receiver."""
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                pause = self.step()
            except (sqlite3.Error, DatabaseUnavailable) as error:
                self._database_failed(error)
                pause = poll_seconds
            # `wake` cuts a pause short too: a new record is a good moment to see whether the receiver is back.
            self._woken.wait(poll_seconds if pause is None else pause)
        self._connector.close()
        self._drop_connection()

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._woken.set()

    def stop(self) -> None:
        """End `run` after the attempt that is under way."""
        self._stopping.set()
        self._woken.set()

    def health(self, owed: outbox.Depth) -> DestinationHealth:
        """How it is going, with what the outbox holds for this destination."""
        last = self._last_acknowledged
        return DestinationHealth(
            name=self.name,
            connector=self._connector_name,
            condition=self._condition,
            problem=self._problem,
            failures_in_a_row=self._failures,
            stale_answers=self._connector.stale_answers,
            last_acknowledged_at=last.astimezone(UTC).isoformat(timespec="seconds") if last else None,
            waiting=owed.waiting,
            oldest_created_at=owed.oldest_created_at,
            rejected=owed.rejected,
            dead=owed.dead,
        )

    def step(self) -> float | None:
        """Make one attempt. Returns seconds to pause before the next one, None when nothing is to be done now.

        Raises sqlite3.Error or DatabaseUnavailable; then nothing is lost, and the next call goes on from there.
        """
        if self._connection is None:
            self._connection = self._open_connection()
            self._settle(self._connection)
            self._take_back(self._connection)
        connection = self._connection
        self._settle(connection)
        if self._condition is Condition.STOPPED:
            return None
        horizon = self._backoff.longest_seconds
        claimed = outbox.claim(connection, self.name, self._now(), limit=1, horizon_seconds=horizon)
        if not claimed:
            return None
        delivery = claimed[0]
        message = self._rendered(delivery)
        pause = 0.0 if message is None else self._sent(delivery, message)
        self._settle(connection)
        return pause

    def _rendered(self, delivery: Claimed) -> bytes | None:
        try:
            return self._connector.render(from_json(delivery.payload, PatientRecord))
        except Exception as error:
            # Whatever a record does to the renderer is that record's own trouble. The text may be personal.
            failures = delivery.render_failures + 1
            log.error(  # a traceback could show the record
                "%s: delivery %d cannot be rendered (%s), failure %d",
                self.name,
                delivery.delivery_id,
                type(error).__name__,
                failures,
            )
            when = self._now()
            if failures >= RENDER_TRIES:
                self._unsettled = lambda db: outbox.kill(db, delivery.delivery_id, UNRENDERABLE, when)
            else:
                after = when + timedelta(seconds=self._backoff.pause(failures))
                self._unsettled = lambda db: outbox.defer(db, delivery.delivery_id, UNRENDERABLE, after, failures)
            return None

    def _sent(self, delivery: Claimed, message: bytes) -> float:
        try:
            receipt = self._connector.send(message, delivery.idempotency_key)
        except DestinationUnreachable as error:
            # No record is to blame: only the destination pauses, and everything goes out as soon as it is back.
            return self._deferred(delivery, error.code, str(error), record_pause=0.0)
        except DeliveryError as error:
            return self._deferred(delivery, error.code, str(error))
        except Exception as error:
            # A fault of the connector itself: unknown outcome as any other, and the thread must live.
            self._connector.close()
            return self._deferred(delivery, DeliveryError.code, type(error).__name__)
        return self._judged(delivery, receipt)

    def _judged(self, delivery: Claimed, receipt: Receipt) -> float:
        when = self._now()
        number = delivery.delivery_id
        match receipt.outcome:
            case Outcome.ACKNOWLEDGED:
                self._unsettled = lambda db: outbox.acknowledge(db, number, receipt.text, when)
                self._last_acknowledged = when
            case Outcome.REJECTED:
                self._unsettled = lambda db: outbox.reject(db, number, REJECTED, receipt.text, when)
                log.warning("%s: delivery %d rejected (%s)", self.name, number, receipt.text)
            case Outcome.TRY_LATER:
                return self._deferred(delivery, TRY_LATER, receipt.text)
            case Outcome.MISCONFIGURED:
                self._unsettled = lambda db: outbox.defer(db, number, MISCONFIGURED, when)
                self._condition, self._problem = Condition.STOPPED, MISCONFIGURED
                self._connector.close()
                log.error("%s: stopped, the receiver refuses this kind of message (%s)", self.name, receipt.text)
                return 0.0
        if self._condition is Condition.FAILING:
            log.warning("%s: delivering again", self.name)
        self._condition, self._problem, self._failures = Condition.WORKING, None, 0
        return 0.0

    def _deferred(self, delivery: Claimed, code: str, why: str, record_pause: float | None = None) -> float:
        """The delivery waits by its own count, the destination by its own: one bad record starves nobody."""
        if self._condition is not Condition.FAILING or self._problem != code:
            # Once when trouble starts or changes, not once per attempt.
            log.warning("%s: delivery %d waits (%s)", self.name, delivery.delivery_id, why)
        self._failures += 1
        self._condition, self._problem = Condition.FAILING, code
        own = self._backoff.pause(delivery.attempts) if record_pause is None else record_pause
        after = self._now() + timedelta(seconds=own)
        self._unsettled = lambda db: outbox.defer(db, delivery.delivery_id, code, after)
        return self._backoff.pause(self._failures)

    def _settle(self, connection: sqlite3.Connection) -> None:
        """Write the outcome of the last attempt; kept until the database takes it."""
        if self._unsettled is not None:
            self._unsettled(connection)
            self._unsettled = None

    def _take_back(self, connection: sqlite3.Connection) -> None:
        """Attempts begun by a process that died, or on a database that failed under us: they go out again."""
        if count := outbox.reset_sending(connection, self.name):
            log.info("%s: %d attempts of unknown outcome go out again", self.name, count)

    def _database_failed(self, error: Exception) -> None:
        log.error("%s: %s (%s)", self.name, DatabaseUnavailable.code, error)
        # The connection may be what is broken; a new one begins by settling and taking back what hangs.
        self._drop_connection()

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
