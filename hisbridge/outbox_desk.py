"""What technicians and pages see of the outbox, and what they may do to it. Knows no connector and no network.

Nothing here edits a record. Every act names deliveries that stand in a state in which it means something; others are
left alone and not counted. An act on many is done some at a time, so that a check-in never waits for it; within a
transaction of the caller's it is done at once.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from hisbridge.desk_records import Delivery, Depth, DeskAct, Pause, Selection, Told
from hisbridge.errors import UnknownDelivery
from hisbridge.outbox import WAITING, State, kept_known, moment
from hisbridge.records import HospitalAnswer, Known
from wire import sqlite
from wire.codec import from_json
from wire.database import transaction
from wire.errors import MalformedMessage

log = logging.getLogger(__name__)

MAX_LISTED = 1000
MAX_NUMBERS = 10_000  # named at once; SQLite binds 32,766 values
SOME = 1000  # deliveries changed in one transaction: some tens of milliseconds
BREATH_SECONDS = 0.005


_COLUMNS = """id, record_id, revision, event, destination, idempotency_key, state, attempts, created_at,
       next_attempt_at, finished_at, last_error, receipt, open_work"""

# Counted in the index alone, without touching the records; then one row is looked up for its age.
_DEPTH = """
SELECT destination, state, how_many, (SELECT created_at FROM deliveries WHERE id = first) AS oldest
FROM (SELECT destination, state, count(*) AS how_many, min(id) AS first FROM deliveries GROUP BY destination, state)
"""

_OPEN_WORK = """
SELECT destination, count(*) AS how_many FROM deliveries
WHERE open_work IS NOT NULL AND state = 'acknowledged' GROUP BY destination
"""

_ANSWERS = """
SELECT seq, visit_id, destination, answered_at, answer FROM hospital_answers WHERE seq > ? ORDER BY seq LIMIT ?
"""

_AGAIN = """
UPDATE deliveries
SET state = 'queued', next_attempt_at = 0.0, render_failures = 0, suspicion = 0, receiver_tries = 0"""
_CHANGE = {
    DeskAct.RETRY: _AGAIN,
    DeskAct.REPLAY: _AGAIN,
    DeskAct.HOLD: "UPDATE deliveries SET state = 'held'",
    DeskAct.RELEASE: _AGAIN,
    DeskAct.CANCEL: "UPDATE deliveries SET state = 'cancelled'",
    DeskAct.COMPLETE: "UPDATE deliveries SET open_work = NULL",
}

# In which states a delivery may stand for each act.
ALLOWED: Mapping[DeskAct, tuple[State, ...]] = {
    DeskAct.RETRY: (State.QUEUED, State.REJECTED, State.DEAD, State.CANCELLED),
    DeskAct.REPLAY: (State.ACKNOWLEDGED,),
    DeskAct.HOLD: (State.QUEUED,),
    DeskAct.RELEASE: (State.HELD,),
    DeskAct.CANCEL: (State.HELD, State.REJECTED, State.DEAD),
    DeskAct.COMPLETE: (State.ACKNOWLEDGED,),
}

Each = Callable[[int], None]  # is told how many were changed just now


def list_deliveries(connection: sqlite.Connection, selection: Selection, limit: int = 100) -> list[Delivery]:
    """Deliveries, newest first, at most MAX_LISTED."""
    where, values = _where(selection)
    query = f"SELECT {_COLUMNS} FROM deliveries WHERE {where} ORDER BY id DESC LIMIT :limit"  # noqa: S608 - our words
    rows = connection.execute(query, {**values, "limit": max(0, min(limit, MAX_LISTED))})
    return [_delivery(row) for row in rows]


def payload_of(connection: sqlite.Connection, delivery_id: int) -> tuple[Delivery, str, Known]:
    """One delivery with its record as JSON, and what the receiver told before. Raises UnknownDelivery."""
    query = f"SELECT {_COLUMNS}, payload, known, known_visit FROM deliveries WHERE id = ?"  # noqa: S608 - our words
    row = connection.execute(query, (delivery_id,)).fetchone()
    if row is None:
        raise UnknownDelivery()
    return _delivery(row), row["payload"], kept_known(row) or Known()


def is_dangerous(connection: sqlite.Connection, delivery_id: int) -> bool:
    """Whether a process died while it rendered this delivery: nobody renders it just to look at it."""
    query = "SELECT 1 FROM deliveries WHERE id = ? AND suspicion > 0 AND state <> 'acknowledged'"
    return connection.execute(query, (delivery_id,)).fetchone() is not None


def depth(connection: sqlite.Connection) -> dict[str, Depth]:
    """What each destination is owed, by destination; one that was never owed anything is not in it."""
    counted: dict[str, dict[str, sqlite.Row]] = {}
    for row in connection.execute(_DEPTH):
        counted.setdefault(row["destination"], {})[row["state"]] = row
    left = {row["destination"]: row["how_many"] for row in connection.execute(_OPEN_WORK)}
    return {name: _depth(states, left.get(name, 0)) for name, states in counted.items()}


def retry(connection: sqlite.Connection, selection: Selection) -> int:
    """Let what ended badly or waits for its next attempt go out now, under the same keys. Returns how many."""
    return perform(connection, DeskAct.RETRY, selection, datetime.now(UTC))


def replay(connection: sqlite.Connection, selection: Selection) -> int:
    """Send again what was acknowledged, under the same keys: a receiver that lost it, or was restored. How many."""
    return perform(connection, DeskAct.REPLAY, selection, datetime.now(UTC))


def hold(connection: sqlite.Connection, selection: Selection) -> int:
    """Keep back what waits, and with it all later records of the same persons. Returns how many."""
    return perform(connection, DeskAct.HOLD, selection, datetime.now(UTC))


def release(connection: sqlite.Connection, selection: Selection) -> int:
    """Let what was held go out. Returns how many."""
    return perform(connection, DeskAct.RELEASE, selection, datetime.now(UTC))


def complete(connection: sqlite.Connection, selection: Selection) -> int:
    """Somebody has completed by hand what was open in these: they are told no more. Returns how many."""
    return perform(connection, DeskAct.COMPLETE, selection, datetime.now(UTC))


def cancel(connection: sqlite.Connection, selection: Selection, now: datetime) -> int:
    """Give up what is held or ended badly: it was entered by hand. Its person's later records go on. How many."""
    return perform(connection, DeskAct.CANCEL, selection, now)


def perform(
    connection: sqlite.Connection,
    act: DeskAct,
    selection: Selection,
    now: datetime,
    each: Each | None = None,
    breathe: Callable[[float], None] = time.sleep,
) -> int:
    """The act by its name. Returns how many deliveries it changed; `each` is told of some at a time, in the
    transaction that changes them. `breathe` lets so many seconds pass between two transactions."""
    ended = f", finished_at = '{moment(now)}'" if act is DeskAct.CANCEL else ""
    return _changed(connection, _CHANGE[act] + ended, _chosen(connection, act, selection), ALLOWED[act], each, breathe)


def count(connection: sqlite.Connection, act: DeskAct, selection: Selection) -> int:
    """How many deliveries the act would change now; changes nothing and keeps nobody waiting."""
    return len(_chosen(connection, act, selection))


def pause(connection: sqlite.Connection, destination: str, now: datetime, why: str = "") -> None:
    """Send nothing more to this destination until `resume`; survives a restart."""
    with _joined(connection):
        connection.execute(
            "INSERT OR REPLACE INTO destination_switches VALUES (?, ?, ?)", (destination, moment(now), why)
        )


def resume(connection: sqlite.Connection, destination: str) -> bool:
    """Go on. Whether it had been paused."""
    with _joined(connection):
        done = connection.execute("DELETE FROM destination_switches WHERE destination = ?", (destination,))
    return done.rowcount > 0


def pauses(connection: sqlite.Connection) -> dict[str, Pause]:
    """The paused destinations, by name."""
    rows = connection.execute("SELECT destination, paused_at, why FROM destination_switches")
    return {row["destination"]: Pause(**dict(row)) for row in rows}


def answers(connection: sqlite.Connection, since_seq: int = 0, limit: int = 100) -> list[Told]:
    """What receivers told back, numbered above `since_seq`, in the order in which it came, at most MAX_LISTED.

    A damaged row is left out: it must not hide the next ones.
    """
    rows = connection.execute(_ANSWERS, (since_seq, max(0, min(limit, MAX_LISTED))))
    return [told for row in rows if (told := _told(row)) is not None]


def answer_to(connection: sqlite.Connection, delivery_id: int) -> HospitalAnswer | None:
    """What the receiver told when it acknowledged this delivery; None where nothing, or nothing readable."""
    row = connection.execute("SELECT answer FROM deliveries WHERE id = ?", (delivery_id,)).fetchone()
    return None if row is None else _answer(row["answer"])


def _told(row: sqlite.Row) -> Told | None:
    if (answer := _answer(row["answer"])) is None:
        log.error("answer %d cannot be read", row["seq"])
        return None
    return Told(**{**dict(row), "answer": answer})


def _answer(text: str | None) -> HospitalAnswer | None:
    try:
        return from_json(text, HospitalAnswer) if text is not None else None
    except MalformedMessage:
        return None


def _chosen(connection: sqlite.Connection, act: DeskAct, selection: Selection) -> list[int]:
    """The numbers of the deliveries that are meant and may be changed, in order."""
    states = [state for state in ALLOWED[act] if not selection.states or state in selection.states]
    if not states:
        return []
    if act is DeskAct.COMPLETE:
        selection = replace(selection, open_work=True)
    where, values = _where(selection, states)
    query = f"SELECT id FROM deliveries WHERE {where} ORDER BY id"  # noqa: S608 - our words
    return [row["id"] for row in connection.execute(query, values)]


def _changed(
    connection: sqlite.Connection,
    change: str,
    numbers: Sequence[int],
    allowed: Sequence[State],
    each: Each | None,
    breathe: Callable[[float], None],
) -> int:
    states = ", ".join(f"'{state}'" for state in allowed)
    statement = f"{change} WHERE id IN (SELECT value FROM json_each(?)) AND state IN ({states})"  # noqa: S608 - our words
    changed = 0
    for start in range(0, len(numbers), SOME):
        if start and not connection.in_transaction:
            breathe(BREATH_SECONDS)  # SQLite's lock is not fair: who waits needs a moment to get it
        with _joined(connection):
            some = connection.execute(statement, (json.dumps(numbers[start : start + SOME]),)).rowcount
            if some and each is not None:
                each(some)
        changed += some
    return changed


@contextmanager
def _joined(connection: sqlite.Connection) -> Iterator[None]:
    """The caller's transaction, or one of our own."""
    if connection.in_transaction:
        yield
    else:
        with transaction(connection):
            yield


def _where(selection: Selection, states: Sequence[State] | None = None) -> tuple[str, dict[str, object]]:
    """The condition and its values; words of ours only, every value is bound."""
    parts = ["1"]
    values: dict[str, object] = {}

    def among(column: str, wanted: Sequence[object]) -> None:
        names = [f"{column}_{number}" for number in range(len(wanted))]
        values.update(zip(names, wanted, strict=True))
        parts.append(f"{column} IN ({', '.join(':' + name for name in names)})")

    if selection.numbers:
        among("id", selection.numbers)
    bounds = {
        "destination = :destination": ("destination", selection.destination),
        "created_at >= :since": ("since", selection.since and moment(selection.since)),
        "created_at < :until": ("until", selection.until and moment(selection.until)),
        "person_key = :person": ("person", selection.person_key),
        "record_id = :record": ("record", selection.record_id),
        "id < :before": ("before", selection.before),
    }
    for condition, (name, value) in bounds.items():
        if value is not None:
            parts.append(condition)
            values[name] = value
    if selection.open_work:
        parts.append("open_work IS NOT NULL")
        states = states or selection.states or (State.ACKNOWLEDGED,)
    if chosen := selection.states if states is None else states:
        among("state", chosen)
    few = bool(chosen) and set(chosen) <= {State.REJECTED, State.DEAD}
    if selection.destination is None and (few or selection.person_key or selection.record_id):
        # The indexes by state, by person and by visit begin with the destination.
        parts.append("destination IN (SELECT DISTINCT destination FROM deliveries)")
    return " AND ".join(parts), values


def _depth(states: dict[str, sqlite.Row], open_work: int) -> Depth:
    def count(state: State) -> int:
        return states[state]["how_many"] if state in states else 0

    waiting = [state for state in WAITING if state in states]
    return Depth(
        waiting=count(State.QUEUED) + count(State.SENDING),
        held=count(State.HELD),
        oldest_created_at=min((states[state]["oldest"] for state in waiting), default=None),
        acknowledged=count(State.ACKNOWLEDGED),
        rejected=count(State.REJECTED),
        dead=count(State.DEAD),
        open_work=open_work,
    )


def _delivery(row: sqlite.Row) -> Delivery:
    waits = row["state"] == State.QUEUED and row["next_attempt_at"] > 0
    return Delivery(
        delivery_id=row["id"],
        record_id=row["record_id"],
        revision=row["revision"],
        event=row["event"],
        destination=row["destination"],
        idempotency_key=row["idempotency_key"],
        state=State(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_attempt_at=moment(datetime.fromtimestamp(row["next_attempt_at"], UTC)) if waits else None,
        finished_at=row["finished_at"],
        last_error=row["last_error"],
        receipt=row["receipt"],
        open_work=tuple((row["open_work"] or "").split()),
    )
