"""The courier and its database: what is on disk when, what a failing one costs, and how a crowd is claimed."""

import logging
import time
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from hisbridge import outbox, outbox_desk
from hisbridge.connectors.contract import Outcome, Receipt
from hisbridge.desk_records import Depth
from hisbridge.outbox import State
from hisbridge.pacing import BATCH
from hisbridge.records import HospitalAnswer
from hisbridge.standing import Condition
from tests.hisbridge.carrying import Carrying, Scripted, carrying, running
from tests.hisbridge.making import MOMENT, database, eventually, listed
from wire import sqlite
from wire.database import DatabaseUnavailable, open_database


class _Fuse:
    """Blows once, at the n-th statement."""

    def __init__(self, statements: int, word: str) -> None:
        self.left, self.word = statements, word

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise sqlite.OperationalError(self.word)


class _Fused:
    """A connection that fails as a full or locked disk does when its fuse blows."""

    def __init__(self, real: sqlite.Connection, fuse: _Fuse) -> None:
        self._real, self._fuse = real, fuse

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def execute(self, statement: str, values: object = ()) -> sqlite.Cursor:
        if statement != "ROLLBACK":
            self._fuse.burn()
        return self._real.execute(statement, values)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["database or disk is full", "database is locked"])
def test_a_database_that_fails_at_any_statement_loses_nothing_and_changes_no_order(tmp_path: Path, word: str) -> None:
    for failing in count(1):
        connector, fuse = Scripted(), _Fuse(failing, word)
        (folder := tmp_path / str(failing)).mkdir()
        with carrying(folder, connector) as c:
            c.owe("v1", "v2")
            c.owe("v3", "v4", person="000000000001")
            c.opened = lambda c=c, fuse=fuse: _Fused(open_database(c.path), fuse)  # type: ignore[misc]
            for _ in range(20):
                try:
                    if c.courier.step() is None:
                        break
                except (sqlite.Error, DatabaseUnavailable) as error:
                    c.courier._database_failed(error)
            assert {one.state for one in listed(c.db)} == {State.ACKNOWLEDGED}, failing
            firsts = list(dict.fromkeys(connector.sent))
            assert [visit for visit in firsts if visit != "v2"] == ["v1", "v3", "v4"]
            if fuse.left > 0:  # everything went by before it blew
                assert failing > 10
                return


def test_trouble_of_the_database_is_said_once_and_its_end_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with carrying(tmp_path, Scripted()) as c:
        c.owe("v1")
        real, tries = c.opened, count(1)

        def away() -> sqlite.Connection:
            if next(tries) < 5:
                raise DatabaseUnavailable(why="disk I/O error")
            return real()

        c.opened = away
        with running(c, poll_seconds=0.01):
            eventually(lambda: c.state("v1") is State.ACKNOWLEDGED)
    lines = [entry.getMessage() for entry in caplog.records if entry.name == "hisbridge.delivery"]
    assert lines == [
        "his: database.unavailable (database.unavailable why=disk I/O error)",
        "his: the database takes what it is given again",
    ]


def test_a_full_disk_is_shown_where_technicians_look_until_it_is_over(tmp_path: Path) -> None:
    with carrying(tmp_path, Scripted()) as c:
        c.owe("v1")
        full = True
        real = c.opened

        def opened() -> sqlite.Connection:
            if full:
                raise DatabaseUnavailable(why="database or disk is full")
            return real()

        c.opened = opened
        with running(c, poll_seconds=0.01):
            shown = eventually(lambda: c.courier.health(Depth()) if c.condition() is Condition.FAILING else None)
            assert (shown.problem, shown.problem_detail) == (DatabaseUnavailable.code, "why=database or disk is full")
            full = False
            eventually(lambda: c.state("v1") is State.ACKNOWLEDGED)
            eventually(lambda: c.condition() is Condition.WORKING)


def test_what_a_receiver_tells_is_on_disk_before_the_next_message_leaves(tmp_path: Path) -> None:
    seen: list[int] = []

    def telling(visit: str) -> Receipt:
        with closing(open_database(c.path)) as other:
            seen.append(len(outbox_desk.answers(other)))
        return Receipt(Outcome.ACKNOWLEDGED, "201", HospitalAnswer(queue_number="7"))

    with carrying(tmp_path, Scripted(telling)) as c:
        c.owe("v0", "v1", "v2")
        c.drain()
    assert seen == [0, 1, 2]


def test_a_receipt_that_no_database_takes_is_made_fit_for_one(tmp_path: Path) -> None:
    answer = HospitalAnswer(queue_number="7\udcff", room="x" * 100_000)
    told = Receipt(Outcome.ACKNOWLEDGED, "201 \udcff" + "y" * 100_000, answer)
    with carrying(tmp_path, Scripted(lambda visit: told)) as c:  # noqa: ARG005
        c.owe("v1")
        c.drain()
        assert c.state("v1") is State.ACKNOWLEDGED
        assert len(c.told("v1").receipt or "") <= 500
        (kept,) = outbox_desk.answers(c.db)
        assert kept.answer.queue_number == "7"


def test_a_pause_survives_a_restart_and_resume_ends_it(tmp_path: Path) -> None:
    path = database(tmp_path)
    first = Carrying(path, Scripted())
    first.owe("v1")
    outbox_desk.pause(first.db, "his", MOMENT)
    first.drain()
    first.db.close()
    second = Carrying(path, Scripted())
    second.drain()
    assert second.state("v1") is State.QUEUED
    outbox_desk.resume(second.db, "his")
    second.drain()
    assert second.state("v1") is State.ACKNOWLEDGED
    second.db.close()


def test_with_a_hundred_thousand_waiting_the_next_fifty_are_found_at_once(tmp_path: Path) -> None:
    with carrying(tmp_path, Scripted()) as c:
        _crowd(c.db, 100_000, persons=10_000)
        outbox.settle(
            c.db, [outbox.Deferred(number, "x", c.clock() + timedelta(seconds=60)) for number in range(1, 5_000)]
        )
        taken: list[int] = []
        seconds = []
        for _ in range(5):
            begun = time.thread_time()
            claimed = outbox.claim(c.db, "his", c.clock(), BATCH, 300)
            seconds.append(time.thread_time() - begun)
            taken += [one.delivery_id for one in claimed]
        assert len(set(taken)) == 5 * BATCH
        assert min(seconds) < 0.1, seconds


def _crowd(db: sqlite.Connection, size: int, persons: int) -> None:
    db.execute(
        """
        WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
        INSERT INTO deliveries (record_id, destination, idempotency_key, person_key, payload, state, attempts,
                                render_failures, next_attempt_at, created_at)
        SELECT 'v' || n, 'his', 'k' || n, 'p' || (n % ?), '{}', 'queued', 0, 0, 0.0, '2026-11-21T00:45:00.000Z'
        FROM number
        """,
        (size, persons),
    )
