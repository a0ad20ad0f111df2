"""The outbox under every order of events: nobody's records overtake each other, nothing owed is lost."""

import tempfile
from collections import defaultdict
from datetime import timedelta
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hisbridge import outbox, outbox_desk
from hisbridge.desk_records import DeskAct, Selection
from hisbridge.outbox import Deferred, Ended, Released, State
from hisbridge.records import Event, HospitalAnswer
from tests.hisbridge.making import MOMENT, database, patient, record
from wire import sqlite
from wire.database import open_database, transaction

PERSONS = [f"{number:012}" for number in range(2)]
DESTINATIONS = ("his", "lab")
HORIZON = 300.0
DAY = 86_400
UNFINISHED = (State.QUEUED, State.SENDING, State.HELD)


@cache
def empty() -> sqlite.Connection:
    """A migrated database in memory, to be copied."""
    with tempfile.TemporaryDirectory() as folder:
        made = open_database(database(Path(folder)))
        kept = sqlite.connect(":memory:", check_same_thread=False)
        made.backup(kept)
        made.close()
    return kept


class Outbox(RuleBasedStateMachine):
    """One bridge, two destinations, three persons, a technician, and a process that dies whenever it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.db = sqlite.connect(":memory:", isolation_level=None)
        empty().backup(self.db)
        self.db.row_factory = sqlite.Row
        self.now = MOMENT
        self.visits: list[tuple[str, str, int]] = []  # visit, person, latest revision
        self.taken: dict[str, list[int]] = {name: [] for name in DESTINATIONS}
        self.arrived: defaultdict[tuple[str, str], list[int]] = defaultdict(list)  # revisions, in order of arrival

    def teardown(self) -> None:
        """Whatever happened: once everything is let go, everything arrives, and the latest of each visit holds."""
        for name in DESTINATIONS:
            self.crash(name)
            outbox_desk.resume(self.db, name)
        everything = Selection(states=tuple(State))
        outbox_desk.release(self.db, everything)
        outbox_desk.retry(self.db, everything)
        for _ in range(200):
            for name in DESTINATIONS:
                for one in self.claim(name, 10):
                    self.acknowledge(name, one, None)
        rows = self.db.execute(
            "SELECT destination, record_id, revision, state, idempotency_key FROM deliveries"
        ).fetchall()
        assert {row["state"] for row in rows} <= {State.ACKNOWLEDGED}
        assert len(rows) == len(DESTINATIONS) * sum(latest + 1 for _, _, latest in self.visits)
        assert len({row["idempotency_key"] for row in rows}) == len(rows)
        for visit, _, latest in self.visits:
            for name in DESTINATIONS:
                assert self.arrived[name, visit][-1] == latest
                assert set(self.arrived[name, visit]) == set(range(latest + 1))
        self.db.close()

    @initialize()
    def begin(self) -> None:
        self.arrive(PERSONS[0])

    @rule(person=st.sampled_from(PERSONS))
    def arrive(self, person: str) -> None:
        visit = f"v{len(self.visits)}"
        self.visits.append((visit, person, 0))
        self._enqueue(visit, person, 0)

    @rule(data=st.data())
    def change(self, data: st.DataObject) -> None:
        position = data.draw(st.integers(0, len(self.visits) - 1))
        visit, person, latest = self.visits[position]
        self.visits[position] = (visit, person, latest + 1)
        self._enqueue(visit, person, latest + 1)

    @rule(name=st.sampled_from(DESTINATIONS), limit=st.integers(1, 5))
    def take(self, name: str, limit: int) -> None:
        self.claim(name, limit)

    @rule(name=st.sampled_from(DESTINATIONS), end=st.sampled_from(["ack", "told", "reject", "die", "defer", "back"]))
    def settle_one(self, name: str, end: str) -> None:
        if not self.taken[name]:
            return
        number = self.taken[name][0]
        match end:
            case "ack":
                self.acknowledge(name, number, None)
                return
            case "told":
                self.acknowledge(name, number, HospitalAnswer(queue_number="7"))
                return
            case "reject":
                outcome: outbox.Settled = Ended(number, State.REJECTED, self.now, "delivery.rejected")
            case "die":
                outcome = Ended(number, State.DEAD, self.now, "delivery.unrenderable")
            case "defer":
                outcome = Deferred(number, "delivery.no_answer", self.now + timedelta(seconds=HORIZON / 2))
            case _:
                outcome = Released(number)
        outbox.settle(self.db, [outcome])
        self.taken[name].remove(number)

    @rule(name=st.sampled_from(DESTINATIONS), end=st.sampled_from(["ack", "reject", "die"]))
    def carry(self, name: str, end: str) -> None:
        self.claim(name, 5)
        while self.taken[name]:
            self.settle_one(name, end)

    @rule(name=st.sampled_from(DESTINATIONS))
    def crash(self, name: str) -> None:
        assert outbox.reset_sending(self.db, name) == len(self.taken[name])
        self.taken[name] = []

    @rule(seconds=st.sampled_from([1, 200, DAY, -DAY]))
    def clock(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(act=st.sampled_from(list(DeskAct)), data=st.data())
    @precondition(lambda self: self.visits)
    def desk(self, act: DeskAct, data: st.DataObject) -> None:
        count = len(DESTINATIONS) * len(self.visits)
        some = st.lists(st.integers(1, count), min_size=1, max_size=3).map(lambda numbers: Selection(numbers=numbers))
        chosen = data.draw(some | st.sampled_from(DESTINATIONS).map(lambda name: Selection(destination=name)))
        would = outbox_desk.count(self.db, act, chosen)
        assert outbox_desk.perform(self.db, act, chosen, self.now) == would

    @rule(name=st.sampled_from(DESTINATIONS), paused=st.booleans())
    def switch(self, name: str, paused: bool) -> None:
        if paused:
            outbox_desk.pause(self.db, name, self.now)
            assert self.claim(name, 5) == []
        else:
            outbox_desk.resume(self.db, name)

    @invariant()
    def what_is_under_way_is_what_was_taken(self) -> None:
        rows = self.db.execute("SELECT id FROM deliveries WHERE state = 'sending' ORDER BY id")
        assert [row["id"] for row in rows] == sorted(number for taken in self.taken.values() for number in taken)

    @invariant()
    def never_two_of_one_person_under_way(self) -> None:
        rows = self.db.execute(
            "SELECT count(*) FROM deliveries WHERE state = 'sending' GROUP BY destination, person_key"
        ).fetchall()
        assert all(row[0] == 1 for row in rows)

    def claim(self, name: str, limit: int) -> list[int]:
        claimed = [one.delivery_id for one in outbox.claim(self.db, name, self.now, limit, HORIZON)]
        assert len(claimed) <= limit
        for number in claimed:
            self._is_next(number)
        self.taken[name] += claimed
        return claimed

    def acknowledge(self, name: str, number: int, answer: HospitalAnswer | None) -> None:
        row = self._row(number)
        self.arrived[name, row["record_id"]].append(row["revision"])
        outbox.settle(self.db, [Ended(number, State.ACKNOWLEDGED, self.now, receipt="AA", answer=answer)])
        self.taken[name].remove(number)

    def _is_next(self, number: int) -> None:
        mine = self._row(number)
        ahead = self.db.execute(
            "SELECT state, record_id, revision FROM deliveries WHERE destination = ? AND person_key = ? AND id < ?",
            (mine["destination"], mine["person_key"], number),
        ).fetchall()
        assert not [row for row in ahead if row["state"] in UNFINISHED]
        earlier = [row for row in ahead if row["record_id"] == mine["record_id"]]
        assert not [row for row in earlier if row["state"] in (State.REJECTED, State.DEAD)]

    def _row(self, number: int) -> sqlite.Row:
        row: sqlite.Row = self.db.execute("SELECT * FROM deliveries WHERE id = ?", (number,)).fetchone()
        return row

    def _enqueue(self, visit: str, person: str, revision: int) -> None:
        event = Event.UPDATED if revision else Event.ARRIVED
        made = record(visit, patient=patient(personal_id=person), revision=revision, event=event)
        with transaction(self.db):
            outbox.enqueue(self.db, made, DESTINATIONS, self.now)


Outbox.TestCase.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_the_outbox_under_every_order_of_events = Outbox.TestCase
