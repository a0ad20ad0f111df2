"""The drain: one thread per destination carries the outbox to the receiver, at least once, in order per person.

A delivery is on disk as under way before its first byte is on the wire. Outcomes are written some at a time, for a
durable write costs as much as the exchange itself; what was not yet written when the process dies is of unknown
outcome and goes out again under the same key (bridge.md 1.3, 5.3; decision 0010). Must not import reader, kiosk or ui.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from hisbridge import outbox
from hisbridge.connectors.contract import Connector, Known, Outcome, Receipt, Sending
from hisbridge.errors import DeliveryError, DestinationSetup, DestinationUnreachable, PersonAmbiguous
from hisbridge.outbox import Claimed, Deferred, Ended, Released, Settled, State
from hisbridge.outbox_desk import Depth
from hisbridge.records import PatientRecord
from wire.codec import Record, from_json
from wire.database import DatabaseUnavailable
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

RENDER_TRIES = 3  # a record that cannot be rendered this often is dead; it blocks nobody
DEADLY = 1 + RENDER_TRIES  # suspicion of a record during whose rendering so many processes died
LONGEST_DOUBLING = 32  # beyond it 2**n only grows past any cap
BATCH = 50  # deliveries taken at once
SETTLE_SECONDS = 0.25  # longest an outcome waits in memory for its write

REJECTED = "delivery.rejected"
TRY_LATER = "delivery.try_later"
MISCONFIGURED = "delivery.misconfigured"
UNRENDERABLE = "delivery.unrenderable"
NOT_TOLD = "not told"  # receipt of a record whose event this receiver is not told of


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
    paused: bool = False
    waiting: int = 0
    held: int = 0
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


@dataclass(frozen=True)
class Pace:
    """How fast: seconds between two messages, and the clock (monotonic seconds) that outcomes wait by."""

    min_interval_seconds: float = 0.0
    monotonic: Callable[[], float] = time.monotonic


class Courier:
    """Carries one destination's deliveries. `step` does what is due; `run` does so until stopped."""

    def __init__(
        self,
        name: str,
        connector_name: str,
        connector: Connector,
        open_connection: Callable[[], sqlite3.Connection],
        backoff: Backoff,
        now: Callable[[], datetime],
        pace: Pace | None = None,
    ) -> None:
        self.name = name
        self._connector_name = connector_name
        self._connector = connector
        self._open_connection = open_connection
        self._backoff = backoff
        self._now = now
        self._pace = pace or Pace()
        self._connection: sqlite3.Connection | None = None
        self._unsettled: list[Settled] = []  # outcomes that are known but not yet on disk
        self._settle_by = 0.0
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

    def resume(self) -> None:
        """Somebody changed what made the receiver refuse everything: try again."""
        if self._condition is Condition.STOPPED:
            self._condition, self._problem = Condition.IDLE, None
        self._woken.set()

    def stop(self) -> None:
        """End `run` after the attempt that is under way."""
        self._stopping.set()
        self._woken.set()

    def health(self, owed: Depth, paused: bool = False) -> DestinationHealth:
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
            paused=paused,
            waiting=owed.waiting,
            held=owed.held,
            oldest_created_at=owed.oldest_created_at,
            rejected=owed.rejected,
            dead=owed.dead,
        )

    def step(self) -> float | None:
        """Attempt what is due, some at a time. Returns seconds to pause before the next, None when nothing is due.

        Raises sqlite3.Error or DatabaseUnavailable; then nothing is lost, and the next call goes on from there.
        """
        if self._connection is None:
            self._connection = self._open_connection()
            self._settle(self._connection)
            self._take_back(self._connection)
        connection = self._connection
        self._settle(connection)
        if self._given_up():
            return None
        horizon = self._backoff.longest_seconds
        claimed = outbox.claim(connection, self.name, self._now(), limit=BATCH, horizon_seconds=horizon)
        if not claimed:
            return None
        pause = 0.0
        for position, delivery in enumerate(claimed):
            pause = self._attempted(connection, delivery)
            if pause > 0 or self._given_up() or self._stopping.is_set():
                # Whoever made the receiver fail may be alone in it: the others were not tried.
                self._unsettled += [Released(left.delivery_id) for left in claimed[position + 1 :]]
                break
            if self._unsettled and self._pace.monotonic() >= self._settle_by:
                self._settle(connection)
            if self._pace.min_interval_seconds:
                self._stopping.wait(self._pace.min_interval_seconds)
        self._settle(connection)
        return pause

    def _given_up(self) -> bool:
        return self._condition is Condition.STOPPED

    def _attempted(self, connection: sqlite3.Connection, delivery: Claimed) -> float:
        """One attempt, its outcome noted; seconds to pause after it."""
        if delivery.suspicion >= DEADLY:
            log.error("%s: delivery %d ended the process while it was rendered", self.name, delivery.delivery_id)
            return self._noted(Ended(delivery.delivery_id, State.DEAD, self._now(), UNRENDERABLE))
        try:
            record = from_json(delivery.payload, PatientRecord)
            known = Known(delivery.known) if delivery.known else self._identified(connection, delivery, record)
            message = self._rendered(connection, delivery, record, known)
        except DestinationUnreachable as error:
            return self._deferred(delivery, error.code, str(error), record_pause=0.0)
        except DeliveryError as error:
            return self._deferred(delivery, error.code, str(error))
        except DestinationSetup as error:
            return self._misconfigured(delivery, str(error))
        except PersonAmbiguous as error:
            log.warning("%s: delivery %d needs a person (%s)", self.name, delivery.delivery_id, error.code)
            return self._noted(Ended(delivery.delivery_id, State.REJECTED, self._now(), error.code))
        except (sqlite3.Error, DatabaseUnavailable):
            raise
        except Exception as error:
            return self._unrenderable(delivery, error)
        if message is None:
            return self._noted(Ended(delivery.delivery_id, State.ACKNOWLEDGED, self._now(), receipt=NOT_TOLD))
        return self._sent(delivery, message)

    def _identified(self, connection: sqlite3.Connection, delivery: Claimed, record: PatientRecord) -> Known:
        known = self._connector.identify(record)
        if known.record_number:
            outbox.keep_known(connection, delivery.delivery_id, known.record_number)
        return known

    def _rendered(
        self, connection: sqlite3.Connection, delivery: Claimed, record: PatientRecord, known: Known
    ) -> bytes | None:
        if not delivery.suspicion:
            return self._connector.render(record, known)
        outbox.suspect(connection, delivery.delivery_id, delivery.suspicion + 1)
        message = self._connector.render(record, known)
        outbox.suspect(connection, delivery.delivery_id, delivery.suspicion)
        return message

    def _unrenderable(self, delivery: Claimed, error: Exception) -> float:
        """Whatever a record does to the renderer is that record's own trouble. Its text may be personal."""
        failures = delivery.render_failures + 1
        log.error(  # a traceback could show the record
            "%s: delivery %d cannot be rendered (%s), failure %d",
            self.name,
            delivery.delivery_id,
            error.code if isinstance(error, TiepDonError) else type(error).__name__,
            failures,
        )
        when = self._now()
        if failures >= RENDER_TRIES:
            return self._noted(Ended(delivery.delivery_id, State.DEAD, when, UNRENDERABLE))
        after = when + timedelta(seconds=self._backoff.pause(failures))
        return self._noted(Deferred(delivery.delivery_id, UNRENDERABLE, after, failures))

    def _sent(self, delivery: Claimed, message: bytes) -> float:
        try:
            receipt = self._connector.send(message, Sending(delivery.idempotency_key, delivery.attempts + 1))
        except DestinationUnreachable as error:
            # No record is to blame: only the destination pauses, and everything goes out as soon as it is back.
            return self._deferred(delivery, error.code, str(error), record_pause=0.0)
        except DeliveryError as error:
            return self._deferred(delivery, error.code, str(error))
        except DestinationSetup as error:
            return self._misconfigured(delivery, str(error))
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
                self._last_acknowledged = when
                ended = Ended(number, State.ACKNOWLEDGED, when, receipt=receipt.text, answer=receipt.answer)
            case Outcome.REJECTED:
                log.warning("%s: delivery %d rejected (%s)", self.name, number, receipt.text)
                ended = Ended(number, State.REJECTED, when, REJECTED, receipt.text)
            case Outcome.TRY_LATER:
                return self._deferred(delivery, TRY_LATER, receipt.text)
            case Outcome.MISCONFIGURED:
                return self._misconfigured(delivery, receipt.text)
        if self._condition is Condition.FAILING:
            log.warning("%s: delivering again", self.name)
        self._condition, self._problem, self._failures = Condition.WORKING, None, 0
        return self._noted(ended)

    def _misconfigured(self, delivery: Claimed, why: str) -> float:
        self._condition, self._problem = Condition.STOPPED, MISCONFIGURED
        self._connector.close()
        log.error("%s: stopped, no record will pass before a setting is changed (%s)", self.name, why)
        return self._noted(Deferred(delivery.delivery_id, MISCONFIGURED, self._now()))

    def _deferred(self, delivery: Claimed, code: str, why: str, record_pause: float | None = None) -> float:
        """The delivery waits by its own count, the destination by its own: one bad record starves nobody."""
        if self._condition is not Condition.FAILING or self._problem != code:
            # Once when trouble starts or changes, not once per attempt.
            log.warning("%s: delivery %d waits (%s)", self.name, delivery.delivery_id, why)
        self._failures += 1
        self._condition, self._problem = Condition.FAILING, code
        own = self._backoff.pause(delivery.attempts + 1) if record_pause is None else record_pause
        self._noted(Deferred(delivery.delivery_id, code, self._now() + timedelta(seconds=own)))
        return self._backoff.pause(self._failures)

    def _noted(self, outcome: Settled) -> float:
        """To be written with the next ones, soon; no reason to pause."""
        if not self._unsettled:
            self._settle_by = self._pace.monotonic() + SETTLE_SECONDS
        self._unsettled.append(outcome)
        return 0.0

    def _settle(self, connection: sqlite3.Connection) -> None:
        """Write the outcomes there are; kept until the database takes them."""
        if self._unsettled:
            outbox.settle(connection, self._unsettled)
            self._unsettled = []

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
