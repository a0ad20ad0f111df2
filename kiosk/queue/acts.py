"""What the staff do with the queue: call, recall, begin, hold, return, transfer, miss, finish, undo.

Each act is one transaction, written down with the place each ticket had, and done once however often it is sent: twenty
counters may press at the same moment, and a page that heard no answer presses again.
Must not import Flask, a device library or a connector.
"""

from collections.abc import Callable
from dataclasses import replace

from config.front import RECEPTION
from kiosk.clock import Clock, at_site
from kiosk.queue import rows
from kiosk.queue.errors import (
    ActedMeanwhile,
    NoSuchCounter,
    NoSuchQueue,
    NoSuchTicket,
    NothingToUndo,
    NotPossible,
)
from kiosk.queue.model import Act, Entry, MoveKind, Place, Priority, PriorityBy, Standing
from kiosk.queue.priority import sort_at
from kiosk.queue.rules import Rules
from kiosk.queue.visits import waiting_in
from wire import sqlite
from wire.codec import from_json
from wire.database import transaction

AT_A_COUNTER = (Standing.CALLED, Standing.SERVED)
ASIDE = (Standing.HELD, Standing.MISSED)

_DONE_BEFORE = "SELECT 1 FROM moves WHERE act = ? LIMIT 1"
_LAST_ACT = """
SELECT act FROM moves WHERE day = ? AND counter = ? AND kind != 'undo' AND undone = 0 AND at >= ?
ORDER BY id DESC LIMIT 1
"""
_MOVES_OF = "SELECT id, ticket_id, kind, before, since FROM moves WHERE act = ? ORDER BY id DESC"
_LATER = "SELECT 1 FROM moves WHERE ticket_id = ? AND id > ? AND act != ? AND undone = 0 AND kind != 'undo' LIMIT 1"
_UNDONE = "UPDATE moves SET undone = 1 WHERE act = ?"
_LAST_DAY = "SELECT max(day) FROM tickets"


class Acts:
    """The acts on one connection. Raises DatabaseUnavailable, NoSuchCounter, NoSuchTicket, NotPossible as they say, and
    ActedMeanwhile.

    Whom one counter calls or serves no other touches; who waits, is held or missed may be taken by any.
    Not for several threads at once: whoever shares it holds a lock.
    """

    def __init__(self, connection: sqlite.Connection, rules: Rules, clock: Clock) -> None:
        self._connection = connection
        self._rules = rules
        self._clock = clock

    def call_next(self, act: Act) -> Entry | None:
        """Call the next; None when nobody waits. Whom the counter serves is done; whom it called and did not begin
        with never came, and is missed.
        """

        def work() -> None:
            self._let_go(act)
            queues = self._rules.counters[act.counter].queues
            for entry in rows.waiting(self._connection, self.day(), queues, act.counter, 1):
                self._call(act, entry)

        self._once(act, work)
        called = [move["ticket_id"] for move in self._moves(act.name) if move["kind"] == MoveKind.CALL]
        return self._found(called[0]) if called else None

    def call(self, act: Act, ticket_id: str, reason: str = "") -> Entry:
        """Call this one, out of order, from waiting, held or missed; whom the counter has leaves as by `call_next`."""

        def work() -> None:
            chosen = self._standing(act, ticket_id, Standing.WAITING, *ASIDE)
            self._let_go(act)
            self._call(act, chosen, reason)

        self._once(act, work)
        return self._found(ticket_id)

    def recall(self, act: Act, ticket_id: str) -> Entry:
        """Call once more whom this counter called already."""
        return self._step(
            act, MoveKind.RECALL, ticket_id, (Standing.CALLED,), lambda place: replace(place, calls=place.calls + 1)
        )

    def begin(self, act: Act, ticket_id: str) -> Entry:
        """The person is at the counter."""
        return self._step(
            act, MoveKind.BEGIN, ticket_id, (Standing.CALLED,), lambda place: replace(place, standing=Standing.SERVED)
        )

    def hold(self, act: Act, ticket_id: str, reason: str = "") -> Entry:
        """Put aside: fetches a paper, comes back to this counter."""
        return self._step(
            act, MoveKind.HOLD, ticket_id, AT_A_COUNTER, lambda place: replace(place, standing=Standing.HELD), reason
        )

    def return_to_queue(self, act: Act, ticket_id: str, reason: str = "") -> Entry:
        """Let somebody wait again, where they were: called by mistake, or back from hold and busy."""
        return self._step(act, MoveKind.RETURN, ticket_id, (*AT_A_COUNTER, *ASIDE), _waiting_again, reason)

    def transfer(self, act: Act, ticket_id: str, queue: str, counter: str | None = None, reason: str = "") -> Entry:
        """Let somebody wait in another queue, or for one counter alone; they keep the moment of their arrival.

        Raises NoSuchCounter, and NoSuchQueue where nobody (or not that counter) calls from it.
        """
        counters = self._rules.counters
        if counter is not None and counter not in counters:
            raise NoSuchCounter(counter=counter)
        callers = counters.values() if counter is None else (counters[counter],)
        if not any(queue in one.queues for one in callers):
            raise NoSuchQueue(queue=queue)
        anywhere = (Standing.WAITING, Standing.DONE, *AT_A_COUNTER, *ASIDE)
        return self._step(
            act, MoveKind.TRANSFER, ticket_id, anywhere, lambda place: _sent(place, queue, counter), reason
        )

    def miss(self, act: Act, ticket_id: str) -> Entry:
        """Nobody came. They wait again behind some others, as often as the site says; then the number is given up."""

        self._once(act, lambda: self._miss(act, self._standing(act, ticket_id, Standing.CALLED)))
        return self._found(ticket_id)

    def finish(self, act: Act, ticket_id: str) -> Entry:
        """Done here. Who came for a service that other counters call goes on from reception to wait for it."""
        self._once(act, lambda: self._finish(act, self._standing(act, ticket_id, *AT_A_COUNTER)))
        return self._found(ticket_id)

    def prioritise(self, act: Act, ticket_id: str, priority: Priority, confirmed: bool, reason: str) -> Entry:
        """Staff confirm, change or refuse a priority; the reason is kept."""

        def work() -> None:
            entry = self._standing(act, ticket_id, Standing.WAITING, *AT_A_COUNTER, *ASIDE)
            place, moment = entry.place, sort_at(entry.issued, priority, self._rules.head_start_minutes)
            changed = replace(
                place,
                priority=priority,
                priority_by=place.priority_by if priority is place.priority else PriorityBy.STAFF,
                confirmed=confirmed,
                sort_at=place.sort_at if place.missed else moment,  # who waits again behind others goes on doing so
            )
            self._move(act, MoveKind.PRIORITY, entry, changed, reason)

        self._once(act, work)
        return self._found(ticket_id)

    def undo(self, act: Act) -> list[Entry]:
        """Take back what this counter did last, and pressed again what it did before: every ticket stands as before.

        Raises NothingToUndo.
        """

        def work() -> None:
            oldest = self._seconds() - int(self._rules.undo_seconds)
            last = self._connection.execute(_LAST_ACT, (self.day(), act.counter, oldest)).fetchone()
            if last is None:
                raise NothingToUndo
            moves = self._moves(last["act"])
            for move in moves:
                if self._connection.execute(_LATER, (move["ticket_id"], move["id"], last["act"])).fetchone():
                    raise NothingToUndo
            for move in moves:
                now, before = self._found(move["ticket_id"]), from_json(move["before"], Place)
                rows.note(self._connection, act, MoveKind.UNDO, now, self._seconds())
                # What follows reception changes with the service too, which is no act of the queue.
                onward = before.onward if move["kind"] == MoveKind.TRANSFER else now.place.onward
                rows.put(self._connection, now.ticket_id, replace(before, onward=onward), move["since"])
            self._connection.execute(_UNDONE, (last["act"],))

        self._once(act, work)
        touched = dict.fromkeys(move["ticket_id"] for move in self._moves(act.name))
        return [self._found(ticket_id) for ticket_id in touched]

    def absent(self, act: Act) -> list[tuple[Entry, MoveKind]]:
        """Who did not come, by this act: each waits again (REQUEUE) or is given up (MISS)."""
        told = [(move["ticket_id"], MoveKind(move["kind"])) for move in self._moves(act.name)]
        return [(self._found(ticket), kind) for ticket, kind in told if kind in (MoveKind.MISS, MoveKind.REQUEUE)]

    def day(self) -> str:
        """The day whose tickets are called; like the numbers' it never goes back."""
        ((last,),) = self._connection.execute(_LAST_DAY).fetchall()
        today = at_site(self._clock.now(), self._rules.utc_offset_minutes).date().isoformat()
        return max(today, last or "")

    def _once(self, act: Act, work: Callable[[], None]) -> None:
        if act.counter not in self._rules.counters:
            raise NoSuchCounter(counter=act.counter)
        with transaction(self._connection):
            if self._connection.execute(_DONE_BEFORE, (act.name,)).fetchone() is not None:
                return
            if act.seen is not None and act.seen != rows.last_move(self._connection, self.day(), act.counter):
                raise ActedMeanwhile
            work()

    def _step(
        self,
        act: Act,
        kind: MoveKind,
        ticket_id: str,
        standings: tuple[Standing, ...],
        change: Callable[[Place], Place],
        reason: str = "",
    ) -> Entry:
        def work() -> None:
            entry = self._standing(act, ticket_id, *standings)
            self._move(act, kind, entry, change(entry.place), reason)

        self._once(act, work)
        return self._found(ticket_id)

    # Inside a transaction.

    def _call(self, act: Act, entry: Entry, reason: str = "") -> None:
        place = replace(entry.place, standing=Standing.CALLED, counter=act.counter, calls=entry.place.calls + 1)
        self._move(act, MoveKind.CALL, entry, place, reason)

    def _let_go(self, act: Act) -> None:
        current = rows.current(self._connection, self.day(), act.counter)
        if current is not None:
            (self._miss if current.place.standing is Standing.CALLED else self._finish)(act, current)

    def _miss(self, act: Act, entry: Entry) -> None:
        place = entry.place
        if place.missed >= self._rules.requeue_times:
            self._move(act, MoveKind.MISS, entry, replace(place, standing=Standing.MISSED, counter=None))
            return
        again = replace(_waiting_again(place), missed=place.missed + 1, sort_at=self._behind(act, place))
        self._move(act, MoveKind.REQUEUE, entry, again)

    def _finish(self, act: Act, entry: Entry) -> None:
        place = replace(entry.place, standing=Standing.DONE, counter=None, wanted=None)
        if onward := self._rules.follows(entry.place, act.counter):
            place = waiting_in(entry.place, onward)
        self._move(act, MoveKind.FINISH, entry, place)

    def _move(self, act: Act, kind: MoveKind, entry: Entry, place: Place, reason: str = "") -> None:
        rows.move(self._connection, act, kind, entry, place, self._seconds(), reason)

    def _behind(self, act: Act, place: Place) -> int:
        """The moment that puts somebody behind the next few whom this counter calls, of whichever of its queues."""
        queues = dict.fromkeys((place.queue, *self._rules.counters[act.counter].queues))
        others = rows.waiting(self._connection, self.day(), tuple(queues), act.counter, self._rules.requeue_behind)
        latest = max((other.place.sort_at for other in others if other.place.urgent == place.urgent), default=0)
        return max(latest + 1, place.sort_at)

    def _standing(self, act: Act, ticket_id: str, *standings: Standing) -> Entry:
        entry = self._found(ticket_id)
        place = entry.place
        elsewhere = place.counter != act.counter and place.counter in self._rules.counters
        if place.standing not in standings or (place.standing in AT_A_COUNTER and elsewhere):
            raise NotPossible(standing=place.standing.value)
        return entry

    def _found(self, ticket_id: str) -> Entry:
        entry = rows.one(self._connection, ticket_id)
        if entry is None or entry.day != self.day():
            raise NoSuchTicket
        return entry

    def _moves(self, name: str) -> list[sqlite.Row]:
        """The moves of an act, the last first."""
        return self._connection.execute(_MOVES_OF, (name,)).fetchall()

    def _seconds(self) -> int:
        return int(self._clock.now().timestamp())


def _sent(place: Place, queue: str, counter: str | None) -> Place:
    """Waiting where they were sent. From a service that is not done with them to reception: afterwards back there."""
    waits = waiting_in(place, queue, counter)
    if queue != RECEPTION or place.queue == RECEPTION:
        return waits
    return replace(waits, onward="" if place.standing is Standing.DONE else place.queue)


def _waiting_again(place: Place) -> Place:
    return replace(place, standing=Standing.WAITING, counter=None, calls=0)
