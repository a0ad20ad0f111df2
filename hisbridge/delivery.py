"""The drain: one thread per destination carries the outbox to the receiver, at least once, in order per person.

A delivery is on disk as under way before its first byte is on the wire. Outcomes are written some at a time, for a
durable write costs as much as the exchange itself; what was not yet written when the process dies is of unknown
outcome and goes out again under the same key (bridge.md 1.3, 5.3; decision 0010). Must not import reader, kiosk or ui.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from hisbridge import outbox
from hisbridge.connectors.contract import Connector, Known, Outcome, Receipt, Sending
from hisbridge.desk_records import Depth, Pause
from hisbridge.enrichment import read_lists
from hisbridge.errors import DeliveryError, DestinationSetup, DestinationUnreachable, PersonAmbiguous
from hisbridge.outbox import Claimed, Deferred, Ended, Settled, State
from hisbridge.pacing import Backoff, Pace, Silences
from hisbridge.preparing import Preparing
from hisbridge.records import PatientRecord
from hisbridge.rendering_mark import RenderingMark
from hisbridge.settling import Settling
from hisbridge.standing import DestinationHealth, Standing
from hisbridge.told import bounded
from wire import sqlite
from wire.database import DatabaseUnavailable, require_in_place
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

T = TypeVar("T")

RENDER_TRIES = 3  # a record that cannot be rendered, or kills the process, this often is dead; it blocks nobody
BATCH_SECONDS = 1.0  # about how long a batch may last: what is taken no technician can hold
MAX_RECEIPT = 500  # characters
LONGEST_ALONE = 3600.0  # seconds for which a receiver is left alone at most, whatever it asks for

REJECTED = "delivery.rejected"
TRY_LATER = "delivery.try_later"
MISCONFIGURED = "delivery.misconfigured"
UNRENDERABLE = "delivery.unrenderable"
NOT_TOLD = "not told"  # receipt of a record whose event this receiver is not told of


@dataclass(frozen=True)
class Trouble:
    """Why an attempt settled nothing: the error's code, words for the log, and the receiver's own words if it said any.
    `doubtful` and `alone_seconds` (Receipt.retry_after_seconds) as in a Receipt."""

    code: str
    why: str
    receipt: str | None = None
    doubtful: bool | None = None
    alone_seconds: float = 0.0


class Courier:
    """Carries one destination's deliveries. `step` does what is due; `run` does so until stopped."""

    def __init__(
        self,
        name: str,
        connector_name: str,
        connector: Connector,
        open_connection: Callable[[], sqlite.Connection],
        backoff: Backoff,
        now: Callable[[], datetime],
        pace: Pace | None = None,
        mark: RenderingMark | None = None,
        left_out: Callable[[PatientRecord], tuple[str, ...]] | None = None,
    ) -> None:
        self.name = name
        self._connector_name = connector_name
        self._connector = connector
        self._open_connection = open_connection
        self._backoff = backoff
        self._now = now
        self._pace = pace or Pace()
        self._mark = mark or RenderingMark(None)
        self._left_out = left_out or (lambda _: ())
        self._preparing = Preparing(connector.render)
        self._last_known: Known | None = None  # of the last person whom the receiver could be asked about
        self._standing = Standing(name)
        self._connection: sqlite.Connection | None = None
        self._database_well = True
        self._settling = Settling(self._pace.monotonic)
        self._not_before = 0.0  # monotonic: the next message may go
        self._batch = self._pace.batch
        self._refused: int | None = None  # the delivery that met the receiver's trouble since its last good word
        self._silences = Silences()
        self._disappointed = False  # the receiver was reached and gave no good word since
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._yielding = threading.Event()

    def run(self, poll_seconds: float) -> None:
        """Deliver until `stop`; survives every error of database, record and receiver."""
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                pause = self.step()
                self._database_is_well()
            except Exception as error:
                self._database_failed(error)
                pause = poll_seconds
            # `wake` cuts a pause short too: a new record is a good moment to see whether the receiver is back.
            self._woken.wait(poll_seconds if pause is None else pause)
        with suppress(Exception):
            self._connector.close()
        self._drop_connection()
        self._preparing.close()
        self._mark.close()

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._woken.set()

    def resume(self) -> None:
        """Somebody changed what made the receiver refuse everything, or ended a pause: try again."""
        self._standing.resume()
        self._not_before = 0.0
        self._woken.set()

    def let_go(self) -> None:
        """Somebody paused this destination: give back what was taken and not yet tried."""
        self._yielding.set()

    def stop(self) -> None:
        """End `run` after the attempt that is under way."""
        self._stopping.set()
        self._woken.set()

    def health(self, owed: Depth, pause: Pause | None = None) -> DestinationHealth:
        """How it is going, with what the outbox holds for this destination."""
        return self._standing.health(self._connector_name, self._connector.stale_answers, owed, pause)

    def step(self) -> float | None:
        """Attempt what is due, some at a time. Returns seconds to pause before the next, None when nothing is due.

        Raises sqlite.Error or DatabaseUnavailable; then nothing is lost, and the next call goes on from there.
        """
        if self._connection is None:
            self._connection = self._open_connection()
            self._settling.write(self._connection)
            self._take_back(self._connection)
        connection = self._connection
        require_in_place(connection)
        self._settling.write(connection)
        if self._standing.stopped:
            return None
        if (early := self._not_before - self._pace.monotonic()) > 0:
            return early
        self._yielding.clear()
        # A few records that no receiver survives would else be due again before anybody behind them had a turn.
        wanted = (self.name, self._now(), self._batch, self._backoff.longest_seconds)
        claimed = outbox.claim(connection, *wanted, untried_first=self._disappointed)
        if not claimed:
            return None
        read_lists()  # before any record is marked: a process killed while it reads them would blame that record
        # Another one than the last that met the receiver's trouble: it shows whose trouble it is.
        claimed.sort(key=lambda one: one.delivery_id == self._refused)
        pause = self._carried(connection, claimed)
        self._settling.write(connection)
        return pause

    def _carried(self, connection: sqlite.Connection, claimed: Sequence[Claimed]) -> float:
        """Attempt these as long as it goes well, and give back the rest; seconds to pause."""
        over = self._pace.monotonic() + BATCH_SECONDS
        pause, tried = 0.0, 0
        for place, delivery in enumerate(claimed, start=1):
            if tried and max(self._not_before, self._pace.monotonic()) >= over:
                break
            self._stopping.wait(max(0.0, self._not_before - self._pace.monotonic()))
            if tried and (self._stopping.is_set() or self._yielding.is_set()):
                break
            begun = self._pace.monotonic()
            pause, tried = self._attempted(connection, delivery, claimed[place : place + 1]), tried + 1
            ended = self._pace.monotonic()
            self._not_before = max(self._not_before, ended + self._pace.min_interval_seconds)
            if pause > 0 or self._standing.stopped:
                break
            if self._settling.due(ended, ended - begun):
                self._settling.write(connection)
        self._mark.clear()
        # Whoever made the receiver fail may be alone in it: the others were not tried.
        self._settling.give_back(left.delivery_id for left in claimed[tried:])
        self._batch = min(self._pace.batch, 2 * self._batch) if tried == len(claimed) else max(2, tried)
        return pause

    def _attempted(self, connection: sqlite.Connection, delivery: Claimed, following: Sequence[Claimed]) -> float:
        """One attempt, its outcome noted; seconds to pause after it. `following`: the next one, if any."""
        if delivery.suspicion >= RENDER_TRIES:
            log.error("%s: delivery %d ended the process while it was rendered", self.name, delivery.delivery_id)
            return self._noted(Ended(delivery.delivery_id, State.DEAD, self._now(), UNRENDERABLE))
        try:
            record = self._marked(delivery, lambda: self._preparing.record(delivery))
        except Exception as error:
            return self._unrenderable(delivery, error)
        begun = False
        try:
            known = self._known(connection, delivery, record)
            try:
                message = self._marked(delivery, lambda: self._preparing.message(record, known))
            except Exception as error:
                return self._unrenderable(delivery, error)
            if message is None:
                left, number = self._left_out(record), delivery.delivery_id
                return self._noted(Ended(number, State.ACKNOWLEDGED, self._now(), receipt=NOT_TOLD, open_work=left))
            begun = True
            self._prepare(following)
            sending = Sending(delivery.idempotency_key, delivery.attempts + 1, delivery.doubtful)
            receipt = self._connector.send(message, sending)
            return self._judged(delivery, replace(receipt, open_work=(*receipt.open_work, *self._left_out(record))))
        except (sqlite.Error, DatabaseUnavailable):
            raise
        except DestinationUnreachable as error:
            # No record is to blame: only the destination pauses, and everything goes out as soon as it is back.
            return self._deferred(delivery, _trouble(error, begun), record_pause=0.0)
        except DeliveryError as error:
            tries = delivery.receiver_tries + self._silences.alone(delivery.delivery_id)
            return self._tried(delivery, _trouble(error, begun), tries)
        except DestinationSetup as error:
            return self._misconfigured(delivery, Trouble(error.code, str(error)))
        except PersonAmbiguous as error:
            log.warning("%s: delivery %d needs a person (%s)", self.name, delivery.delivery_id, error.code)
            return self._answered(Ended(delivery.delivery_id, State.REJECTED, self._now(), error.code))
        except Exception as error:
            # A fault of the connector itself: unknown outcome as any other, and the thread must live. Its text may be
            # personal.
            with suppress(Exception):
                self._connector.close()
            return self._in_trouble(delivery, Trouble(DeliveryError.code, type(error).__name__, doubtful=begun or None))

    def _known(self, connection: sqlite.Connection, delivery: Claimed, record: PatientRecord) -> Known:
        """What the receiver told before; asked for once, and on disk before anything is made of it."""
        if delivery.known is not None:
            return delivery.known
        known = self._last_known = self._connector.identify(record)
        if record.revision or record.local_id is not None:
            told = outbox.told_before(connection, self.name, delivery.record_id, record.revision)
            known = replace(known, visit_number=told.visit_number)
            if record.local_id is not None and told.record_number is not None:
                # They stay whom the receiver has made of them, whoever else it finds under the number known since.
                if known.record_number not in (None, told.record_number):
                    raise PersonAmbiguous(why="known_already")
                known = replace(known, record_number=told.record_number, none_told=False)
        if known != Known():
            outbox.keep_known(connection, delivery.delivery_id, known)
        return known

    def _marked(self, delivery: Claimed, work: Callable[[], T]) -> T:
        """Whatever a record does to the process while it is worked on is that record's own."""
        self._mark.set(delivery.delivery_id)
        try:
            return work()
        finally:
            self._mark.clear()

    def _prepare(self, following: Sequence[Claimed]) -> None:
        """Make the next one ready while this one is out, under its own mark; once suspected it is no longer."""
        for delivery in following:
            if not delivery.suspicion:
                self._mark.set(delivery.delivery_id)
                # Who was told nothing of the last person is likely not asked about the next.
                nothing = Known() if self._last_known == Known() else None
                self._preparing.begin(delivery, delivery.known or nothing)

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

    def _judged(self, delivery: Claimed, receipt: Receipt) -> float:
        when, number = self._now(), delivery.delivery_id
        text = receipt.text[:MAX_RECEIPT].encode("utf-8", "replace").decode()
        match receipt.outcome:
            case Outcome.ACKNOWLEDGED:
                self._standing.last_acknowledged = when
                answer, left = bounded(receipt.answer), receipt.open_work
                return self._answered(Ended(number, State.ACKNOWLEDGED, when, None, text, answer, left, doubtful=False))
            case Outcome.REJECTED:
                log.warning("%s: delivery %d rejected (%s)", self.name, number, text)
                answer = bounded(receipt.answer)
                return self._answered(
                    Ended(number, State.REJECTED, when, REJECTED, text, answer, doubtful=receipt.doubtful)
                )
            case Outcome.TRY_LATER:
                alone = receipt.retry_after_seconds
                return self._in_trouble(delivery, Trouble(TRY_LATER, text, text, receipt.doubtful, alone))
            case Outcome.MISCONFIGURED:
                return self._misconfigured(delivery, Trouble(MISCONFIGURED, text, text, receipt.doubtful))

    def _answered(self, ended: Ended) -> float:
        self._standing.answered()
        self._silences.answered()
        self._refused, self._disappointed = None, False
        return self._noted(ended)

    def _misconfigured(self, delivery: Claimed, trouble: Trouble) -> float:
        self._standing.stop(trouble.code, trouble.why)
        with suppress(Exception):
            self._connector.close()
        return self._noted(_queued(delivery, trouble, self._now()))

    def _in_trouble(self, delivery: Claimed, trouble: Trouble) -> float:
        """The receiver's own trouble with a record. Where it met another one just before, the trouble is not this
        record's: a receiver that is down for maintenance kills nobody's record. Else it counts, and has an end."""
        counts = self._refused in (None, delivery.delivery_id)
        self._refused = delivery.delivery_id
        return self._tried(delivery, trouble, delivery.receiver_tries + counts)

    def _tried(self, delivery: Claimed, trouble: Trouble, tries: int) -> float:
        """Again later, or given up after so many tries in which others fared better."""
        if tries < self._pace.receiver_tries:
            return self._deferred(delivery, trouble, tries=tries)
        number = delivery.delivery_id
        log.error("%s: delivery %d given up after %d tries (%s)", self.name, number, tries, trouble.why)
        self._noted(Ended(number, State.DEAD, self._now(), trouble.code, trouble.receipt, doubtful=trouble.doubtful))
        return self._failed(delivery, trouble)

    def _deferred(
        self, delivery: Claimed, trouble: Trouble, record_pause: float | None = None, tries: int | None = None
    ) -> float:
        """The delivery waits by its own count, the destination by its own: one bad record starves nobody."""
        self._disappointed = record_pause is None
        own = self._backoff.pause(delivery.attempts + 1) if record_pause is None else record_pause
        self._noted(_queued(delivery, trouble, self._now() + timedelta(seconds=own), tries))
        return self._failed(delivery, trouble)

    def _failed(self, delivery: Claimed, trouble: Trouble) -> float:
        """Seconds to pause: our own, or as long as the receiver wants to be left alone, within bounds."""
        self._standing.failed(delivery.delivery_id, trouble.code, trouble.why)
        alone = min(trouble.alone_seconds, LONGEST_ALONE) if trouble.alone_seconds > 0 else 0.0
        self._not_before = max(self._not_before, self._pace.monotonic() + alone)
        return max(alone, self._backoff.pause(self._standing.failures))

    def _noted(self, outcome: Settled) -> float:
        """No reason to pause."""
        self._settling.note(outcome)
        return 0.0

    def _take_back(self, connection: sqlite.Connection) -> None:
        """Attempts begun by a process that died, or on a database that failed under us: they go out again."""
        if count := outbox.reset_sending(connection, self.name, self._mark.culprit()):
            log.info("%s: %d attempts of unknown outcome go out again", self.name, count)

    def _database_failed(self, error: Exception) -> None:
        """Said once, however long it lasts."""
        why = str(error) if isinstance(error, sqlite.Error | TiepDonError) else type(error).__name__
        if self._database_well:
            log.error("%s: %s (%s)", self.name, DatabaseUnavailable.code, why)
        self._database_well = False
        self._standing.database_failed(DatabaseUnavailable.code, why)
        # The connection may be what is broken; a new one begins by settling and taking back what hangs.
        self._drop_connection()

    def _database_is_well(self) -> None:
        if not self._database_well:
            log.warning("%s: the database takes what it is given again", self.name)
            self._standing.database_is_well(DatabaseUnavailable.code)
        self._database_well = True

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with suppress(sqlite.Error):
                self._connection.close()
        self._connection = None


def _trouble(error: DeliveryError, begun: bool) -> Trouble:
    """`begun`: the message was handed to the connector; before that nothing of it can have arrived."""
    doubtful = True if begun and error.doubtful else None
    return Trouble(error.code, str(error), None, doubtful, error.retry_after_seconds)


def _queued(delivery: Claimed, trouble: Trouble, after: datetime, tries: int | None = None) -> Deferred:
    return Deferred(delivery.delivery_id, trouble.code, after, 0, tries, trouble.receipt, trouble.doubtful)
