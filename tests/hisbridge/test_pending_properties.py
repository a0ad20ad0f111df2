"""The life of open questions, whatever happens: answers, failures, kills, clocks that jump, a counter that knows."""

import contextlib
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hisbridge import pending
from hisbridge.asking_again import AskingAgain
from hisbridge.pacing import Backoff
from hisbridge.questions import Act, Coverage, Verdict
from hisbridge.site_time import SiteTime
from tests.hisbridge.insurer import Insurer, question, unanswered
from tests.hisbridge.making import FakeClock, coverage, database
from wire import sqlite
from wire.database import DatabaseUnavailable, open_database, transaction

MOST = 4  # attempts
VISITS = 4
OUTCOMES: dict[str, Coverage | Exception] = {
    "covered": coverage(),
    "nothing known": Coverage(verdict=Verdict.UNVERIFIED, result_code="050", act=Act.ASK_OTHER_NUMBER),
    "line down": unanswered(),
    "trouble": Coverage(verdict=Verdict.UNVERIFIED, result_code="101", act=Act.WAIT),
    "wrong set-up": Coverage(verdict=Verdict.CONFIGURATION_ERROR, reason="portal.bad_account"),
    "broken": RuntimeError(),
}

DEAD_BEFORE_WRITING = """
CREATE TRIGGER dead BEFORE UPDATE OF reason ON open_questions BEGIN SELECT raise(ABORT, 'dead'); END
"""

visits = st.integers(0, VISITS - 1)
happenings = st.one_of(
    st.tuples(st.just("note"), visits, st.sampled_from(["2026-11-20", "2026-11-21", "2026-11-22"])),
    st.tuples(st.just("step"), st.sampled_from(sorted(OUTCOMES))),
    st.tuples(st.just("killed while asking")),
    st.tuples(st.just("killed before writing"), st.sampled_from(sorted(OUTCOMES))),
    st.tuples(st.just("counter"), visits),
    st.tuples(st.just("clock"), st.sampled_from([1, 29, 31, 600, 1801, 40_000, 90_000, -31, -1801, -90_000])),
)


class World:
    """The table, a worker that may die, and what was seen of it so far."""

    def __init__(self, path: Path, db: sqlite.Connection, draw: float) -> None:
        self.path, self.db = path, db
        self.backoff = Backoff(30.0, 1800.0, lambda: draw)
        self.clock, self.insurer = FakeClock(), Insurer()
        self.seen: list[pending.LateAnswer] = []
        self.ended: dict[str, tuple[Any, ...]] = {}
        for table in ("open_questions", "late_answer_numbers"):
            db.execute(f"DELETE FROM {table}")  # noqa: S608
        self.born()

    def born(self) -> None:
        self.worker = AskingAgain(self.insurer, lambda: quick(self.path), self.backoff, SiteTime(420, self.clock), MOST)

    def dies(self) -> None:
        """What is in memory goes, what is on disk stays."""
        self.worker._unsettled = None
        self.worker.stop()
        self.worker.run(0.0)
        self.born()

    def happens(self, what: str, *about: Any) -> None:
        match what:
            case "note":
                with transaction(self.db):
                    asked = question(personal_id=f"{about[0]:012}", visit_date=about[1])
                    pending.note_open_question(self.db, f"v{about[0]}", asked, None, self.clock())
            case "step":
                self.steps(about[0])
            case "killed while asking":
                if visit := pending.due(self.db, self.clock(), 1800.0):
                    pending.begin_attempt(self.db, visit, self.clock() + timedelta(seconds=30))
                self.dies()
            case "killed before writing":
                self.db.execute(DEAD_BEFORE_WRITING)
                with contextlib.suppress(sqlite.Error, DatabaseUnavailable):
                    self.insurer.answers[0] = OUTCOMES[about[0]]
                    self.worker.step()
                self.db.execute("DROP TRIGGER dead")
                self.dies()
            case "counter":
                pending.answer(self.db, f"v{about[0]}", coverage(), self.clock())
            case "clock":
                self.clock.advance(about[0])

    def steps(self, outcome: str) -> None:
        self.insurer.answers[0] = OUTCOMES[outcome]
        pause = self.worker.step()
        assert pause is None or 0.0 <= pause <= 1800.0
        today = SiteTime(420, self.clock).today()
        for row in self.rows():
            if row["state"] == "open":
                assert row["visit_day"] >= today
                now = self.clock().timestamp()
                assert pause is not None or now < row["next_attempt_at"] <= now + 1800.0

    def rows(self) -> list[sqlite.Row]:
        return self.db.execute("SELECT * FROM open_questions ORDER BY visit_id").fetchall()

    def holds(self) -> None:
        for row in self.rows():
            is_open = row["state"] == "open"
            assert (row["question"] is not None) == is_open
            assert row["attempts"] <= MOST + 1  # the last is begun only to be given up
            answered = [row["seq"] is not None, row["coverage"] is not None, row["answered_at"] is not None]
            assert answered == [row["state"] == "answered"] * 3
            if not is_open:
                assert self.ended.setdefault(row["visit_id"], tuple(row)) == tuple(row)
        late = pending.late_answers(self.db)
        assert late[: len(self.seen)] == self.seen
        assert [one.seq for one in late] == sorted({one.seq for one in late})
        self.seen = late
        asked = [one.personal_id for one in self.insurer.questions]
        assert all(asked.count(number) <= MOST for number in set(asked))
        assert self.insurer.most_at_once <= 1

    def comes_to_rest(self) -> None:
        """The source is well from now on: nothing stays open."""
        for _ in range(VISITS * 2 + 2):
            self.steps("covered")
            self.holds()
            if pending.open_count(self.db) == 0:
                return
            if pending.due(self.db, self.clock(), 1800.0) is None:
                self.clock.advance(1800)
        raise AssertionError("a question stays open for ever")


def quick(path: Path) -> sqlite.Connection:
    connection = open_database(path)
    connection.execute("PRAGMA synchronous=OFF")  # nobody pulls the plug of this machine
    return connection


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return database(tmp_path_factory.mktemp("pending"))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(happenings, max_size=25), draw=st.sampled_from([0.0, 0.3, 1.0]))
def test_every_question_ends_once_and_nothing_of_it_stays(path: Path, story: list[Any], draw: float) -> None:
    with closing(quick(path)) as db:
        world = World(path, db, draw)
        try:
            for what in story:
                world.happens(*what)
                world.holds()
            world.comes_to_rest()
        finally:
            world.dies()
