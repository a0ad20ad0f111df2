"""The worker that asks open questions again: it outlives trouble, rests, wakes, tidies, and ends when told."""

import logging
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from hisbridge import pending
from hisbridge.pending import State
from tests.hisbridge.insurer import question, unanswered
from tests.hisbridge.making import MOMENT, coverage, eventually
from tests.hisbridge.open_questions import bench, running
from tests.support.waiting import BUSY_SECONDS
from wire import sqlite
from wire.database import DatabaseUnavailable, open_database, transaction


def test_the_worker_outlives_a_database_that_is_not_there(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.note("v1")
        failures = iter([True, True])

        def opens() -> sqlite.Connection:
            if next(failures, False):
                raise DatabaseUnavailable(why="no such file")
            return open_database(b.path)

        with running(b.new_worker(opens=opens)):
            eventually(lambda: b.state() is State.ANSWERED)


def test_a_pause_ends_at_once_when_woken_or_stopped(tmp_path: Path) -> None:
    with bench(tmp_path, unanswered()) as b:
        b.note("v1")
        worker = b.new_worker()
        begun = time.monotonic()
        with running(worker):
            eventually(lambda: b.row()["attempts"] == 1)
            worker.wake()
            eventually(lambda: b.row()["attempts"] == 2)
        assert time.monotonic() - begun < BUSY_SECONDS  # the pauses are of 30 and 60 seconds


def test_a_question_noted_while_the_worker_rests_is_asked_when_it_is_woken(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        worker = b.new_worker()
        with running(worker, poll_seconds=300.0):
            b.note("v1")
            worker.wake()
            eventually(lambda: b.state() is State.ANSWERED)


def test_a_burst_from_many_threads_is_asked_one_at_a_time(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        worker = b.new_worker()

        def burst(first: int) -> None:
            with closing(open_database(b.path)) as connection:
                for number in range(first, first + 15):
                    with transaction(connection):
                        asked = question(personal_id=f"{number:012}")
                        pending.note_open_question(connection, f"v{number}", asked, None, MOMENT)
                    worker.wake()

        with running(worker):
            threads = [threading.Thread(target=burst, args=(first,)) for first in (0, 15, 30, 45)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            eventually(lambda: len(pending.late_answers(b.db)) == 60)
        assert b.insurer.most_at_once == 1
        assert len(b.insurer.questions) == 60
        assert [late.seq for late in pending.late_answers(b.db)] == list(range(1, 61))


def test_the_tidying_goes_on_through_pauses_and_survives_its_own_failures(tmp_path: Path) -> None:
    rounds: list[int] = []

    def tidy() -> None:
        rounds.append(1)
        if len(rounds) == 1:
            raise RuntimeError

    with bench(tmp_path, unanswered()) as b:
        b.note("v1")
        with running(b.new_worker(each_round=tidy)):
            eventually(lambda: len(rounds) > 3)
        assert b.row()["attempts"] == 1


def test_trouble_is_told_once_and_tells_nothing_of_anybody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with bench(tmp_path, unanswered()) as b:
        b.note("v1")
        with caplog.at_level(logging.DEBUG):
            for _ in range(5):
                b.worker.step()
            b.insurer.answers[0] = coverage()
            b.worker.step()
        assert len([one for one in caplog.records if "stay open" in one.message]) == 1
        for told in ("001303900017", "Nguyễn", "2003", "GD4"):
            assert told not in caplog.text
    shown = repr(pending.Claimed("v1", "001303900017", 1)) + repr(pending.LateAnswer("v1", coverage(), "", 1))
    assert "001303900017" not in shown
    assert "GD4" not in shown
