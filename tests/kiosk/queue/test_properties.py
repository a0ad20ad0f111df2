"""Random acts by several counters at once: nobody is lost, called by two, or not put back exactly by an undo."""

import contextlib
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from config.settings import Settings
from kiosk.queue.errors import NothingToUndo, NotPossible
from kiosk.queue.model import Priority, Standing
from kiosk.states import Choice
from tests.kiosk.people import by_chip, covered, uninsured
from tests.kiosk.queue.hall import COUNTERS, Hall, hospital
from tests.kiosk.world import HandClock

CODES = [counter.code for counter in COUNTERS]
ACTS: list[tuple[Any, ...]] = [
    *[(what,) for what in ("call", "recall", "begin", "hold", "return_to_queue", "miss", "finish")],
    *[("transfer", *to) for to in (("KB",), ("XN", "4"), ("RECEPTION",))],
    *[("prioritise", priority, True, "") for priority in (Priority.EMERGENCY, Priority.NONE)],
]
AT_COUNTER = {"called", "served"}
EVERY_TICKET = "SELECT * FROM tickets ORDER BY rowid"

Rows = dict[str, dict[str, Any]]


@cache
def empty_database() -> bytes:
    with TemporaryDirectory() as folder:
        hospital(Path(folder))
        return Path(folder, "tiepdon.db").read_bytes()


class Queues(RuleBasedStateMachine):
    """The model is what stood there before each act of each counter, and whose turn it was."""

    tickets = Bundle("tickets")

    @initialize()
    def open(self) -> None:
        self.folder = Path(mkdtemp())
        (self.folder / "tiepdon.db").write_bytes(empty_database())
        site: Settings = hospital(self.folder)
        self.clock = HandClock()
        self.hall = Hall(site, self.clock, durable=False)
        self.other_kiosk = Hall(hospital(self.folder, prefix="B"), self.clock, durable=False)
        self.done: dict[str, list[tuple[Rows, Rows]]] = {code: [] for code in CODES}
        self.issued = 0
        for service in ("KB", "XN", "KB", "KB"):
            self.arrive(service, Priority.NONE, service == "XN", False)

    @rule(
        target=tickets,
        service=st.sampled_from(["KB", "XN"]),
        priority=st.sampled_from([Priority.NONE, Priority.NONE, Priority.MERIT]),
        complete=st.booleans(),
        second_kiosk=st.booleans(),
    )
    def arrive(self, service: str, priority: Priority, complete: bool, second_kiosk: bool) -> str:
        kiosk = self.other_kiosk if second_kiosk else self.hall
        self.issued += 1
        reading = by_chip(birth_date="1980-05-05")
        coverage = covered() if complete else uninsured()
        issued = kiosk.store.check_in(f"visit-{self.issued}", reading, coverage, Choice(service, priority))
        return issued.ticket.ticket_id

    @rule(code=st.sampled_from(CODES))
    def next(self, code: str) -> None:
        expected = self.first_in_line(code)
        before = self.hall.sees(code).current
        called: list[str | None] = []
        self.act(code, lambda: called.append(self.hall.next(code, came=False)))
        if before is not None:
            came = before.place.standing is Standing.SERVED
            assert (self.hall.row(before.ticket_id)["standing"] == "done") <= came  # nobody is done who never came
            # Whoever did not come is called again at once only where nobody else is, or none as urgent.
            if not came and (expected == {None} or before.place.urgent):
                expected = expected | {before.ticket_id}
        # Two kiosks may give the same place in the same second.
        assert not called or called[0] in expected

    @rule(
        code=st.sampled_from(CODES),
        ticket=tickets,
        what=st.sampled_from(ACTS),
    )
    def do(self, code: str, ticket: str, what: tuple[Any, ...]) -> None:
        self.act(code, lambda: self.hall.do(what[0], ticket, *what[1:], counter=code))

    @rule(code=st.sampled_from(CODES), what=st.sampled_from(ACTS))
    def serve(self, code: str, what: tuple[Any, ...]) -> None:
        """An act on whom the counter has, and on the next where it has nobody: it succeeds more often than not."""
        if self.hall.sees(code).current is None:
            self.next(code)
        current = self.hall.sees(code).current
        if current is not None:
            self.act(code, lambda: self.hall.do(what[0], current.ticket_id, *what[1:], counter=code))

    @precondition(lambda self: any(self.done.values()))
    @rule(data=st.data())
    def undo_something(self, data: st.DataObject) -> None:
        self.undo(data.draw(st.sampled_from([code for code in CODES if self.done[code]])))

    def undo(self, code: str) -> None:
        now = self.rows()
        before, after = self.done[code][-1] if self.done[code] else ({}, {})
        try:
            self.hall.undo(code)
        except NothingToUndo:
            # Either nothing was done, or somebody has acted on it since.
            assert not self.done[code] or any(now[ticket] != row for ticket, row in after.items())
            return
        assert self.rows() == {**now, **before}
        self.done[code].pop()

    @rule(seconds=st.integers(0, 3))
    def wait(self, seconds: int) -> None:
        self.clock.jump(seconds=seconds)

    @rule(ticket=tickets)
    def take_back(self, ticket: str) -> None:
        self.hall.store.cancel(str(self.hall.row(ticket)["visit_id"]), "nurse-1", "")
        assert self.hall.row(ticket)["standing"] == "cancelled"

    @invariant()
    def nobody_is_lost_and_no_counter_has_two(self) -> None:
        if not hasattr(self, "hall"):
            return
        rows = self.rows().values()
        assert len(rows) == self.issued == len({row["number"] for row in rows})
        at_counters = [row["counter"] for row in rows if row["standing"] in AT_COUNTER]
        assert len(at_counters) == len(set(at_counters))
        assert all((row["counter"] is not None) == (row["standing"] in AT_COUNTER | {"held"}) for row in rows)
        assert all(row["urgent"] == (row["priority"] == "emergency") for row in rows)

    def teardown(self) -> None:
        if not hasattr(self, "hall"):
            return
        # The day ends: who was put aside is called once more, and the counters call until nobody waits.
        for ticket, row in self.rows().items():
            if row["standing"] in ("held", "missed"):
                self.hall.do("call", ticket, counter="3")
                self.hall.do("begin", ticket, counter="3")
        while [code for code in CODES if self.hall.next(code)]:
            pass
        assert {row["standing"] for row in self.rows().values()} <= {"done", "cancelled"}
        self.hall.close()
        self.other_kiosk.close()
        shutil.rmtree(self.folder)

    def act(self, code: str, press: Any) -> None:
        before = self.rows()
        with contextlib.suppress(NotPossible):
            press()
            moved = self.moved_last()
            after = self.rows()
            # What was only noted (a transfer to where one waits already) is an act too, and undone as one.
            if moved:
                self.done[code].append(({one: before[one] for one in moved}, {one: after[one] for one in moved}))
            assert {one for one, row in after.items() if row != before[one]} <= set(moved)

    def moved_last(self) -> list[str]:
        """Whom the press just now moved: every press has a name of its own."""
        name = self.hall.last_press
        return [row["ticket_id"] for row in self.hall.rows("SELECT ticket_id FROM moves WHERE act = ?", name)]

    def first_in_line(self, code: str) -> set[str | None]:
        """Whose turn it is, told by hand."""
        queues = next(counter.queues for counter in COUNTERS if counter.code == code)
        turns = {
            one: (-row["urgent"], row["sort_at"], queues.index(row["queue"]), row["sequence"])
            for one, row in self.rows().items()
            if row["standing"] == "waiting" and row["queue"] in queues and row["wanted"] in (None, code)
        }
        return {one for one, turn in turns.items() if turn == min(turns.values())} or {None}

    def rows(self) -> Rows:
        return {row["id"]: dict(row) for row in self.hall.rows(EVERY_TICKET)}


Queues.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestQueues = Queues.TestCase
