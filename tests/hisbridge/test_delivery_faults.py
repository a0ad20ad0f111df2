"""The courier in every kind of trouble: what it costs, whom it costs, and that it ends."""

import logging
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import count, pairwise
from pathlib import Path

import pytest

from hisbridge import outbox, outbox_desk
from hisbridge.connectors.contract import Outcome, Receipt
from hisbridge.delivery import BATCH, RECEIVER_TRIES, Pace
from hisbridge.errors import DestinationUnreachable, NoAnswer
from hisbridge.outbox import State
from hisbridge.outbox_desk import Depth, Selection
from hisbridge.records import HospitalAnswer
from hisbridge.standing import Condition
from tests.hisbridge.carrying import LATER, OK, Carrying, Scripted, carrying
from tests.hisbridge.making import MOMENT, database, eventually, listed
from wire.database import DatabaseUnavailable, open_database

DAY = 86_400


def test_a_record_that_is_the_receivers_only_trouble_is_given_up_and_blocks_nobody(tmp_path: Path) -> None:
    with carrying(tmp_path, Scripted(lambda visit: LATER if visit == "bad" else OK)) as c:
        c.owe("bad")
        for number in range(RECEIVER_TRIES):
            assert c.state("bad") is State.QUEUED
            c.owe(f"v{number}", person=f"{number + 100:012}")
            c.drain()
            assert c.state(f"v{number}") is State.ACKNOWLEDGED
            c.clock.advance(300)
        assert (c.state("bad"), c.told("bad").last_error) == (State.DEAD, "delivery.try_later")
        c.owe("later", person="000000000001")
        c.drain()
        assert c.state("later") is State.ACKNOWLEDGED


def test_a_record_alone_with_a_troubled_receiver_is_given_up_too(tmp_path: Path) -> None:
    with carrying(tmp_path, Scripted(lambda visit: LATER), Pace(receiver_tries=8)) as c:  # noqa: ARG005
        c.owe("v1")
        for _ in range(8):
            assert c.state("v1") is State.QUEUED
            c.courier.step()
            c.clock.advance(300)
        assert (c.state("v1"), c.told("v1").attempts) == (State.DEAD, 8)
        assert outbox_desk.retry(c.db, Selection(states=(State.DEAD,))) == 1
        c.courier.step()
        assert c.state("v1") is State.QUEUED  # counted anew


def test_a_receiver_that_is_down_for_a_night_kills_nobodys_record(tmp_path: Path) -> None:
    down = True
    connector = Scripted(lambda visit: LATER if down else OK)  # noqa: ARG005
    with carrying(tmp_path, connector, Pace(receiver_tries=8)) as c:
        c.owe(*[f"v{number}" for number in range(10)])
        for _ in range(200):
            c.courier.step()
            c.clock.advance(300)
        assert {one.state for one in listed(c.db)} == {State.QUEUED}
        down = False
        c.clock.advance(300)
        c.drain()
        assert {one.state for one in listed(c.db)} == {State.ACKNOWLEDGED}


@pytest.mark.parametrize("error", [NoAnswer(why="timed out"), DestinationUnreachable(why="refused")])
def test_trouble_of_the_network_is_borne_for_ever(tmp_path: Path, error: Exception) -> None:
    def away(visit: str) -> Receipt:
        raise error

    with carrying(tmp_path, Scripted(away)) as c:
        c.owe("v1")
        for _ in range(3 * RECEIVER_TRIES):
            c.courier.step()
            c.clock.advance(300)
        assert (c.state("v1"), c.told("v1").attempts) == (State.QUEUED, 3 * RECEIVER_TRIES)


def test_a_connector_whose_sending_fails_on_one_record_loses_the_others_no_time(tmp_path: Path) -> None:
    def faulty(visit: str) -> Receipt:
        if visit == "bad":
            raise RuntimeError("Nguyễn")
        return OK

    with carrying(tmp_path, Scripted(faulty), Pace(receiver_tries=3)) as c:
        c.owe("bad", "v1", "v2")
        c.drain()
        assert (c.state("v1"), c.state("v2")) == (State.ACKNOWLEDGED, State.ACKNOWLEDGED)
        for _ in range(3):
            c.clock.advance(300)
            c.drain()
        assert (c.state("bad"), c.told("bad").last_error) == (State.DEAD, "delivery.failed")


@pytest.mark.parametrize("death", ["os._exit(9)", "os.kill(os.getpid(), signal.SIGSEGV)"])
def test_a_record_that_kills_the_process_dies_at_its_third_victim(tmp_path: Path, death: str) -> None:
    with carrying(tmp_path, Scripted()) as c:
        c.owe("v1", "v2", "bad", "v3")
        c.owe("v4", person="000000000003")  # the same person's next visit
        victims = 0
        while _child(c.path, death) != 0:
            victims += 1
            assert victims <= 3
        assert victims == 3
        assert (c.state("bad"), c.told("bad").last_error) == (State.DEAD, "delivery.unrenderable")
        assert {c.state(visit) for visit in ("v1", "v2", "v3", "v4")} == {State.ACKNOWLEDGED}


_CHILD = """
import os, signal, sys
from pathlib import Path
from tests.hisbridge.carrying import Carrying, Scripted

class Deadly(Scripted):
    def render(self, made, known):
        if made.visit.visit_id == "bad":
            {death}
        return super().render(made, known)

carrying = Carrying(Path(sys.argv[1]), Deadly())
carrying.drain()
"""


def _child(path: Path, death: str) -> int:
    code = _CHILD.format(death=death)
    return subprocess.run([sys.executable, "-c", code, str(path)], cwd=Path(__file__).parents[2]).returncode


def test_who_was_only_under_way_when_a_process_died_is_not_suspected(tmp_path: Path) -> None:
    with carrying(tmp_path, Scripted()) as c:
        c.owe("v1", "v2")
        for _ in range(5):
            outbox.claim(c.db, "his", MOMENT, 10, 300)  # and the process is killed, or the power fails
            assert outbox.reset_sending(c.db, "his") == 2
        c.drain()
        assert {c.state("v1"), c.state("v2")} == {State.ACKNOWLEDGED}


class _Fuse:
    """Blows once, at the n-th statement."""

    def __init__(self, statements: int, word: str) -> None:
        self.left, self.word = statements, word

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise sqlite3.OperationalError(self.word)


class _Fused:
    """A connection that fails as a full or locked disk does when its fuse blows."""

    def __init__(self, real: sqlite3.Connection, fuse: _Fuse) -> None:
        self._real, self._fuse = real, fuse

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def execute(self, statement: str, values: object = ()) -> sqlite3.Cursor:
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
                except (sqlite3.Error, DatabaseUnavailable) as error:
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

        def away() -> sqlite3.Connection:
            if next(tries) < 5:
                raise DatabaseUnavailable(why="disk I/O error")
            return real()

        c.opened = away
        with _running(c, poll_seconds=0.01):
            eventually(lambda: c.state("v1") is State.ACKNOWLEDGED)
    lines = [entry.getMessage() for entry in caplog.records if entry.name == "hisbridge.delivery"]
    assert lines == [
        "his: database.unavailable (database.unavailable why=disk I/O error)",
        "his: the database takes what it is given again",
    ]


def test_trouble_that_changes_its_face_is_still_one_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    turns = iter([NoAnswer(why="a"), DestinationUnreachable(why="b"), NoAnswer(why="c"), None])

    def answer(visit: str) -> Receipt:
        if (error := next(turns)) is not None:
            raise error
        return OK

    with carrying(tmp_path, Scripted(answer)) as c:
        c.owe("v1")
        for _ in range(4):
            c.courier.step()
            c.clock.advance(300)
        assert c.state("v1") is State.ACKNOWLEDGED
    assert len([entry for entry in caplog.records if entry.name.startswith("hisbridge")]) == 2


@contextmanager
def _running(*carryings: Carrying, poll_seconds: float = 0.05) -> Iterator[None]:
    threads = [threading.Thread(target=c.courier.run, args=(poll_seconds,)) for c in carryings]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for c in carryings:
            c.courier.stop()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()


def test_a_slow_or_dead_destination_slows_no_other(tmp_path: Path) -> None:
    hanging = threading.Event()

    def slow(visit: str) -> Receipt:
        hanging.wait(20)
        return OK

    def dead(visit: str) -> Receipt:
        raise DestinationUnreachable(why="refused")

    path = database(tmp_path)
    names = {"slow": slow, "dead": dead, "quick": lambda visit: OK}  # noqa: ARG005
    carryings = {name: Carrying(path, Scripted(answer), name=name) for name, answer in names.items()}
    try:
        for c in carryings.values():
            c.owe(*[f"{c.name}{number}" for number in range(300)])
        with _running(*carryings.values()):
            begun = time.monotonic()
            eventually(lambda: outbox_desk.depth(carryings["quick"].db)["quick"].acknowledged == 300)
            assert time.monotonic() - begun < 10
            owed = outbox_desk.depth(carryings["quick"].db)
            assert (owed["slow"].waiting, owed["dead"].waiting) == (300, 300)
            hanging.set()
    finally:
        for c in carryings.values():
            c.db.close()


@pytest.mark.parametrize("how", ["stop", "let_go"])
def test_ending_in_the_middle_of_a_batch_gives_back_the_rest_untried(tmp_path: Path, how: str) -> None:
    def third(visit: str) -> Receipt:
        if visit == "v2":
            getattr(c.courier, how)()
        return OK

    connector = Scripted(third)
    with carrying(tmp_path, connector) as c:
        c.owe(*[f"v{number}" for number in range(6)])
        c.courier.step()
        assert connector.sent == ["v0", "v1", "v2"]
        told = [c.told(f"v{number}") for number in range(6)]
        assert [one.state for one in told] == [State.ACKNOWLEDGED] * 3 + [State.QUEUED] * 3
        assert [one.attempts for one in told] == [1, 1, 1, 0, 0, 0]


def test_a_slow_receiver_is_given_few_at_a_time_so_that_the_rest_can_be_held(tmp_path: Path) -> None:
    moments = [0.0]

    def slow(visit: str) -> Receipt:
        moments[0] += 3.0
        return OK

    connector = Scripted(slow)
    with carrying(tmp_path, connector, Pace(monotonic=lambda: moments[0])) as c:
        c.owe(*[f"v{number}" for number in range(6)])
        c.courier.step()
        assert connector.sent == ["v0"]
        assert outbox_desk.hold(c.db, Selection(destination="his")) == 5
        c.drain()
        assert connector.sent == ["v0"]


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


def test_the_gap_between_two_messages_is_kept_whoever_wakes_the_courier(tmp_path: Path) -> None:
    moments: list[float] = []

    def noting(visit: str) -> Receipt:
        moments.append(time.monotonic())
        return OK

    with carrying(tmp_path, Scripted(noting), Pace(min_interval_seconds=0.05)) as c:
        c.owe(*[f"v{number}" for number in range(8)])
        with _running(c):
            eventually(lambda: (c.courier.wake(), len(moments) == 8)[1])
    assert min(later - earlier for earlier, later in pairwise(moments)) >= 0.05


def test_a_long_gap_holds_nothing_in_hand(tmp_path: Path) -> None:
    with carrying(tmp_path, Scripted(), Pace(min_interval_seconds=3600)) as c:
        c.owe("v0", "v1", "v2")
        assert c.courier.step() == 0.0
        assert 3590 < (c.courier.step() or 0) <= 3600
        assert [c.state(f"v{number}") for number in range(3)] == [State.ACKNOWLEDGED, State.QUEUED, State.QUEUED]


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_jumps_a_day_delays_nothing_and_hurries_nothing_twice(tmp_path: Path, jump: int) -> None:
    answers = iter([LATER, LATER, OK])
    connector = Scripted(lambda visit: next(answers))  # noqa: ARG005
    with carrying(tmp_path, connector) as c:
        c.owe("v1")
        assert c.courier.step() == 1.0
        c.clock.advance(jump)
        assert c.courier.step() == 2.0
        assert c.courier.step() is None  # the record's own pause, by the new clock
        c.clock.advance(2)
        c.courier.step()
        assert c.state("v1") is State.ACKNOWLEDGED
        assert connector.attempts == [1, 2, 3]


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


def test_a_destination_that_stopped_itself_goes_on_when_somebody_says_so(tmp_path: Path) -> None:
    answers = iter([Receipt(Outcome.MISCONFIGURED, "AR 200"), OK, OK])
    with carrying(tmp_path, Scripted(lambda visit: next(answers))) as c:  # noqa: ARG005
        c.owe("v1", "v2")
        c.drain()
        c.clock.advance(DAY)
        c.courier.wake()
        c.drain()
        assert (c.condition(), c.courier.health(Depth()).problem) == (Condition.STOPPED, "delivery.misconfigured")
        c.courier.resume()
        c.drain()
        assert {c.state("v1"), c.state("v2")} == {State.ACKNOWLEDGED}
        assert c.condition() is Condition.WORKING


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


def _crowd(db: sqlite3.Connection, size: int, persons: int) -> None:
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
