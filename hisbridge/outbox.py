"""The outbox: what is still owed to whom. Prepared SQL on the shared database; knows no connector and no network.

`enqueue` runs inside the kiosk's own transaction (visit, ticket and deliveries are committed together); everything
else belongs to the bridge. A row leaves `queued` and `sending` only on the receiver's own word, or as `dead`. What
technicians see and do is in `hisbridge/outbox_desk.py`.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from hisbridge.identity import idempotency_key, person_key
from hisbridge.records import HospitalAnswer, Known, PatientRecord
from hisbridge.told import bounded
from wire import sqlite
from wire.codec import from_json, to_json
from wire.database import transaction
from wire.errors import MalformedMessage


class State(StrEnum):
    """Where a delivery stands. `sending` means: taken for an attempt whose outcome is not known."""

    QUEUED = "queued"
    SENDING = "sending"
    HELD = "held"  # by a technician
    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    DEAD = "dead"
    CANCELLED = "cancelled"  # given up by a technician


WAITING = (State.QUEUED, State.SENDING, State.HELD)


@dataclass(frozen=True)
class Claimed:
    """A delivery taken for sending, on disk as `sending`. `attempts` counts those before this one.

    `suspicion` counts the processes that died while they rendered it, `receiver_tries` the attempts that failed by a
    trouble of the receiver which other records did not meet. `known`: None where nobody was asked yet. `doubtful`: what
    became of an earlier attempt is not known, it may have been carried out.
    """

    delivery_id: int
    record_id: str
    idempotency_key: str
    payload: str
    attempts: int
    render_failures: int
    suspicion: int
    receiver_tries: int
    known: Known | None
    doubtful: bool


@dataclass(frozen=True)
class Ended:
    """The last attempt settled the delivery. `answer`: what the receiver told back of the visit; `open_work` and
    `doubtful`: as of hisbridge.connectors.contract.Receipt."""

    delivery_id: int
    state: State
    at: datetime
    error: str | None = None
    receipt: str | None = None
    answer: HospitalAnswer | None = None
    open_work: tuple[str, ...] = ()
    doubtful: bool | None = None


@dataclass(frozen=True)
class Deferred:
    """Back to the queue, not before `next_attempt`: the outcome is not known, or the receiver asked to come again.

    `receiver_tries` and `doubtful`: as in Claimed, told anew; None leaves them as they are.
    """

    delivery_id: int
    error: str
    next_attempt: datetime
    render_failures: int = 0
    receiver_tries: int | None = None
    receipt: str | None = None
    doubtful: bool | None = None


@dataclass(frozen=True)
class Released:
    """Back to the queue as it was: no attempt was made."""

    delivery_id: int


Settled = Ended | Deferred | Released

_ENQUEUE = """
INSERT INTO deliveries (record_id, revision, event, destination, idempotency_key, person_key, payload, state, attempts,
                        render_failures, next_attempt_at, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', 0, 0, 0.0, ?)
"""

# Head of line per person: a record waits while an earlier one of the same person is not finished or any of the person
# is under way, and a later record of a visit while an earlier one of it ended badly. A next attempt further away than
# the longest back-off was written before the clock was set back; it is due.
_MAY_GO = """
SELECT id FROM deliveries AS mine
WHERE destination = :destination AND state = 'queued' AND id <= :until
  AND (next_attempt_at <= :now OR next_attempt_at > :now + :horizon)
  AND person_key NOT IN (SELECT person_key FROM deliveries WHERE destination = :destination AND state = 'sending')
  AND NOT EXISTS (
    SELECT 1 FROM deliveries AS ahead
    WHERE ahead.destination = mine.destination AND ahead.person_key = mine.person_key
      AND ahead.state = 'queued' AND ahead.id < mine.id)
  AND NOT EXISTS (
    SELECT 1 FROM deliveries AS ahead
    WHERE ahead.destination = mine.destination AND ahead.person_key = mine.person_key
      AND ahead.state = 'held' AND ahead.id < mine.id)
  AND NOT EXISTS (
    SELECT 1 FROM deliveries AS earlier
    WHERE earlier.destination = mine.destination AND earlier.record_id = mine.record_id
      AND earlier.revision < mine.revision AND earlier.state IN ('rejected', 'dead'))
"""
_CLAIM = f"{_MAY_GO} ORDER BY id LIMIT :limit"

# Those that never failed: they show whether the receiver has trouble with everybody.
_CLAIM_UNTRIED = f"{_MAY_GO} AND attempts = 0 ORDER BY id LIMIT :limit"

# The front of the queue, and whether anything in it has been deferred.
_FRONT = """
SELECT max(id) AS until, max(next_attempt_at) AS latest
FROM (SELECT id, next_attempt_at FROM deliveries WHERE destination = ? AND state = 'queued' ORDER BY id LIMIT ?)
"""
FRONT = 500  # deliveries
EVERYTHING = 2**63 - 1  # above every id

_PAUSED = "SELECT 1 FROM destination_switches WHERE destination = ?"

_TAKE = """
UPDATE deliveries SET state = 'sending' WHERE id = ? AND state = 'queued'
RETURNING id, record_id, idempotency_key, payload, attempts, render_failures, suspicion, receiver_tries,
          known, known_visit, doubtful
"""

_END = """
UPDATE deliveries
SET state = ?, finished_at = ?, last_error = ?, receipt = ?, answer = ?, open_work = ?, doubtful = ifnull(?, doubtful),
    attempts = attempts + 1
WHERE id = ? RETURNING record_id, destination, revision
"""

# Where an earlier record of a visit arrives after a later one (somebody sent it again), the later one follows once
# more: the latest has to hold at the end.
_FOLLOW = """
UPDATE deliveries SET state = 'queued', next_attempt_at = 0.0
WHERE destination = ? AND record_id = ? AND revision > ? AND state = 'acknowledged'
"""

# What was open in an earlier record of a visit nobody has to complete any more.
_SUPERSEDE = """
UPDATE deliveries SET open_work = NULL
WHERE destination = ? AND record_id = ? AND revision < ? AND open_work IS NOT NULL
"""

_DEFER = """
UPDATE deliveries SET state = 'queued', next_attempt_at = ?, last_error = ?, receipt = ?, render_failures = ?,
                      receiver_tries = ifnull(?, receiver_tries), doubtful = ifnull(?, doubtful),
                      attempts = attempts + 1
WHERE id = ?
"""

_RELEASE = "UPDATE deliveries SET state = 'queued' WHERE id = ? AND state = 'sending'"

_ANSWERED = "INSERT INTO hospital_answers (visit_id, destination, answered_at, answer) VALUES (?, ?, ?, ?)"

_RESET = """
UPDATE deliveries SET state = 'queued', next_attempt_at = 0.0, attempts = attempts + 1, doubtful = 1,
                      suspicion = suspicion + (id = ?)
WHERE destination = ? AND state = 'sending'
"""

_KNOWN = "UPDATE deliveries SET known = ?, known_visit = ? WHERE id = ?"

_TOLD_BEFORE = """
SELECT answer FROM deliveries
WHERE destination = ? AND record_id = ? AND revision <= ? AND answer IS NOT NULL ORDER BY revision DESC
"""


def enqueue(connection: sqlite.Connection, record: PatientRecord, destinations: Sequence[str], now: datetime) -> None:
    """Owe this record to each destination. Inserts only: the caller begins and commits the transaction.

    A person's records keep their order; whoever came without a number is a person by their visit, also afterwards.
    Raises sqlite.IntegrityError when this revision of the visit is already owed to a destination.
    """
    if not destinations:
        return
    payload = to_json(record).decode()
    person = person_key(record.local_id or record.patient.personal_id or "")
    visit, revision = record.visit.visit_id, record.revision
    created = moment(now)
    connection.executemany(
        _ENQUEUE,
        [
            (visit, revision, record.event, name, idempotency_key(name, visit, revision), person, payload, created)
            for name in destinations
        ],
    )


def enqueue_row(
    connection: sqlite.Connection, destination: str, record_id: str, person: str, payload: str, now: datetime
) -> None:
    """Owe a destination what is no visit's record (hisbridge.arrivals.CounterNumber). `person`: whose order it keeps.

    Inserts only, as `enqueue`.
    """
    key = idempotency_key(destination, record_id)
    row = (record_id, 0, "arrived", destination, key, person_key(person), payload, moment(now))
    connection.execute(_ENQUEUE, row)


def claim(
    connection: sqlite.Connection,
    destination: str,
    now: datetime,
    limit: int,
    horizon_seconds: float,
    *,
    untried_first: bool = False,
) -> list[Claimed]:
    """Take the next deliveries that are due, oldest first, at most one per person; none of a paused destination.

    `horizon_seconds` is the longest back-off in use. `untried_first`: those that were never attempted, where there are
    any. Raises wire.database.DatabaseUnavailable.
    """
    wanted = {"destination": destination, "now": now.timestamp(), "horizon": horizon_seconds, "limit": limit}
    # Few besides this destination's own courier change what is due, so an idle look needs no write lock.
    untried = connection.execute(_CLAIM_UNTRIED, {**wanted, "until": EVERYTHING}).fetchall() if untried_first else []
    due = untried or _due(connection, wanted)
    if not due or connection.execute(_PAUSED, (destination,)).fetchone():
        return []
    with transaction(connection):
        rows = [connection.execute(_TAKE, (row["id"],)).fetchone() for row in due]
    return [_claimed(row) for row in rows if row is not None]


def settle(connection: sqlite.Connection, outcomes: Iterable[Settled]) -> None:
    """Write what became of claimed deliveries, all of them or none. Raises wire.database.DatabaseUnavailable."""
    with transaction(connection):
        for outcome in outcomes:
            match outcome:
                case Ended():
                    _end(connection, outcome)
                case Deferred(number, error, after, failures, tries, receipt, doubtful):
                    values = (after.timestamp(), error, receipt, failures, tries, doubtful, number)
                    connection.execute(_DEFER, values)
                case Released(number):
                    connection.execute(_RELEASE, (number,))


def keep_known(connection: sqlite.Connection, delivery_id: int, known: Known) -> None:
    """What the receiver told before the message was made, so that a resend is the same message."""
    number = "" if known.none_told else known.record_number
    _write(connection, _KNOWN, (number, known.visit_number, delivery_id))


def kept_known(row: sqlite.Row) -> Known | None:
    """What `keep_known` wrote; None where nothing was kept."""
    number, visit = row["known"], row["known_visit"]
    return None if (number, visit) == (None, None) else Known(number or None, visit, none_told=number == "")


def told_before(connection: sqlite.Connection, destination: str, record_id: str, revision: int) -> Known:
    """The person's and the visit's numbers at the receiver, by its latest answers to this record or an earlier one."""
    person = visit = None
    for (answer,) in connection.execute(_TOLD_BEFORE, (destination, record_id, revision)):
        with suppress(MalformedMessage):  # a damaged answer must not keep the record from going out
            told = from_json(answer, HospitalAnswer)
            person, visit = person or told.record_number, visit or told.visit_number
    return Known(person, visit)


def reset_sending(connection: sqlite.Connection, destination: str, culprit: int | None = None) -> int:
    """After a restart: attempts with unknown outcome go back to the queue in doubt, under their old key. How many.

    `culprit`: the delivery that was being rendered when the process died.
    """
    return _write(connection, _RESET, (culprit or 0, destination))


def moment(when: datetime) -> str:
    """A moment as the outbox keeps it: UTC, RFC 3339, milliseconds."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _due(connection: sqlite.Connection, wanted: dict[str, object]) -> list[sqlite.Row]:
    """What may be taken now. Where thousands of one person wait, the front of the queue tells it without a look at all
    of them; once something in it was deferred it is no longer enough, or who stands behind it would starve."""
    front = connection.execute(_FRONT, (wanted["destination"], FRONT)).fetchone()
    if front["until"] is None:
        return []
    due = connection.execute(_CLAIM, {**wanted, "until": front["until"]}).fetchall() if front["latest"] == 0 else []
    return due or connection.execute(_CLAIM, {**wanted, "until": EVERYTHING}).fetchall()


def _end(connection: sqlite.Connection, ended: Ended) -> None:
    answer = bounded(ended.answer)
    told = None if answer is None else to_json(answer).decode()
    at = moment(ended.at)
    left = " ".join(ended.open_work) or None
    values = (ended.state, at, ended.error, ended.receipt, told, left, ended.doubtful, ended.delivery_id)
    row = connection.execute(_END, values).fetchone()
    if row is None:
        return
    if ended.state is State.ACKNOWLEDGED:
        visit = (row["destination"], row["record_id"], row["revision"])
        connection.execute(_FOLLOW, visit)
        connection.execute(_SUPERSEDE, visit)
    if told is not None:
        connection.execute(_ANSWERED, (row["record_id"], row["destination"], at, told))


def _claimed(row: sqlite.Row) -> Claimed:
    return Claimed(
        delivery_id=row["id"],
        record_id=row["record_id"],
        idempotency_key=row["idempotency_key"],
        payload=row["payload"],
        attempts=row["attempts"],
        render_failures=row["render_failures"],
        suspicion=row["suspicion"],
        receiver_tries=row["receiver_tries"],
        known=kept_known(row),
        doubtful=bool(row["doubtful"]),
    )


def _write(connection: sqlite.Connection, statement: str, values: tuple[object, ...]) -> int:
    with transaction(connection):
        return connection.execute(statement, values).rowcount
