"""Questions left open: asked again until they are known, one at a time, and erased as soon as they are not open."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from hisbridge import pending
from hisbridge.lookups.openness import is_answer, is_open, is_worth_keeping
from hisbridge.pacing import Backoff
from hisbridge.pending import State
from hisbridge.questions import Act, Coverage, Verdict
from tests.hisbridge.insurer import question, unanswered
from tests.hisbridge.making import MOMENT, coverage
from tests.hisbridge.open_questions import bench
from wire import sqlite
from wire.database import DatabaseUnavailable

TROUBLE = Coverage(verdict=Verdict.UNVERIFIED, result_code="101", act=Act.WAIT)  # answered, and yet not


@pytest.mark.parametrize(
    ("told", "open_", "answer", "kept"),
    [
        (unanswered("portal.timeout"), True, False, False),
        (Coverage(verdict=Verdict.UNVERIFIED, reason="checkin.deadline"), True, False, False),
        (unanswered("lookup.offline"), True, False, False),
        (TROUBLE, True, False, False),
        (unanswered("portal.disabled", act=Act.NONE), False, False, False),
        (unanswered("portal.name_needed", act=Act.NONE), False, False, False),
        (Coverage(verdict=Verdict.UNVERIFIED, result_code="050"), False, True, False),
        (Coverage(verdict=Verdict.UNVERIFIED, act=Act.ASK_OTHER_NUMBER), False, True, False),
        (Coverage(verdict=Verdict.CONFIGURATION_ERROR, reason="portal.setup"), False, False, False),
        (Coverage(verdict=Verdict.MANUAL_CHECK, act=Act.DECIDE), False, True, False),
        (Coverage(verdict=Verdict.MANUAL_CHECK, act=Act.INSPECT_PAPERS, result_code="001"), False, True, True),
        (Coverage(verdict=Verdict.MANUAL_CHECK, reason="coverage.card_incomplete"), False, True, False),
        (Coverage(verdict=Verdict.MANUAL_CHECK, reason="coverage.contradictory"), False, True, False),
        (Coverage(verdict=Verdict.MISMATCH), False, True, True),
        (coverage(), False, True, True),
    ],
)
def test_what_an_answer_is_good_for(told: Coverage, open_: bool, answer: bool, kept: bool) -> None:
    assert (is_open(told), is_answer(told), is_worth_keeping(told)) == (open_, answer, kept)


def test_an_open_question_is_asked_again_and_its_answer_is_told(tmp_path: Path) -> None:
    with bench(tmp_path, coverage()) as b:
        b.note("v1")
        assert pending.open_count(b.db) == 1
        assert b.worker.step() == 0.0
        (late,) = pending.late_answers(b.db)
        assert (late.visit_id, late.coverage, late.seq) == ("v1", coverage(), 1)
        assert late.answered_at == "2026-11-21T00:45:00.000Z"
        assert b.insurer.questions == [question()]
        assert pending.open_count(b.db) == 0
        assert b.worker.step() is None


def test_noting_belongs_to_the_callers_transaction(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.db.execute("BEGIN")
        pending.note_open_question(b.db, "v1", question(), None, MOMENT)
        b.db.execute("ROLLBACK")
        assert pending.open_count(b.db) == 0


def test_a_visit_noted_twice_is_asked_once(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.note("v1", "v1")
        b.worker.step()
        b.note("v1")
        assert (b.state(), b.worker.step()) == (State.ANSWERED, None)


def test_the_question_is_erased_when_it_is_answered_and_the_file_holds_nothing_of_it(tmp_path: Path) -> None:
    with bench(tmp_path, Coverage(verdict=Verdict.NOT_INSURED, result_code="010")) as b:
        b.note("v1", "v2", previous_id="012345678")
        b.worker.step()
        pending.give_up(b.db, "v2")
        assert (b.row("v1")["question"], b.row("v2")["question"]) == (None, None)
    assert not b.path.with_name(b.path.name + "-wal").exists()
    content = b.path.read_bytes()
    for told in ("001303900017", "Nguyễn", "2003-02-14", "012345678"):
        assert told.encode() not in content, told


def test_without_an_answer_the_pauses_double_up_to_the_longest(tmp_path: Path) -> None:
    with bench(tmp_path, unanswered()) as b:
        b.note("v1")
        pauses = [b.worker.step() for _ in range(9)]
        assert pauses == [30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1800.0, 1800.0, 1800.0]
        assert (b.row()["attempts"], b.row()["reason"]) == (9, "portal.timeout")


def test_a_question_the_insurer_cannot_answer_waits_by_its_own_count(tmp_path: Path) -> None:
    with bench(tmp_path, TROUBLE) as b:
        b.note("v1")
        assert b.worker.step() == 30.0
        assert b.row()["next_attempt_at"] == MOMENT.timestamp() + 30
        assert b.worker.step() is None
        b.clock.advance(30)
        b.worker.step()
        assert b.row()["next_attempt_at"] == MOMENT.timestamp() + 30 + 60


def test_the_pause_is_drawn_anew_each_time(tmp_path: Path) -> None:
    draws = iter([0.0, 0.5, 0.0, 0.1])  # of each pair the first is the question's own pause
    with bench(tmp_path, unanswered()) as b:
        b.note("v1")
        worker = b.new_worker(backoff=Backoff(30.0, 1800.0, lambda: next(draws)))
        assert [worker.step(), worker.step()] == [15.0, 6.0]
        worker.stop()
        worker.run(0.01)


def test_when_the_source_is_back_all_are_asked_one_after_the_other(tmp_path: Path) -> None:
    with bench(tmp_path, *[unanswered()] * 4, coverage()) as b:
        b.note(*(f"v{number}" for number in range(8)))
        assert [b.worker.step() for _ in range(4)] == [30.0, 60.0, 120.0, 240.0]
        assert [b.worker.step() for _ in range(9)] == [0.0] * 8 + [None]
        assert pending.open_count(b.db) == 0
        assert b.insurer.most_at_once == 1


def test_one_question_nobody_can_answer_holds_up_no_other(tmp_path: Path) -> None:
    with bench(tmp_path, unanswered("portal.garbled_answer"), coverage()) as b:
        b.note("poison")
        b.worker.step()
        b.insurer.answers.appendleft(coverage())
        b.note("v1")
        b.worker.step()
        assert (b.state("v1"), b.state("poison")) == (State.ANSWERED, State.OPEN)


def test_a_set_up_that_is_wrong_is_no_answer(tmp_path: Path) -> None:
    with bench(tmp_path, Coverage(verdict=Verdict.CONFIGURATION_ERROR, reason="portal.bad_account"), coverage()) as b:
        b.note("v1")
        assert b.worker.step() == 30.0
        assert (b.state(), b.row()["reason"]) == (State.OPEN, "portal.bad_account")
        b.worker.step()
        assert b.state() is State.ANSWERED


def test_nothing_known_of_this_number_is_an_answer(tmp_path: Path) -> None:
    nothing = Coverage(verdict=Verdict.UNVERIFIED, result_code="050", act=Act.ASK_OTHER_NUMBER)
    with bench(tmp_path, nothing) as b:
        b.note("v1")
        b.worker.step()
        assert [late.coverage for late in pending.late_answers(b.db)] == [nothing]


def test_when_the_day_of_the_visit_is_over_at_the_site_it_is_given_up(tmp_path: Path) -> None:
    with bench(tmp_path, unanswered()) as b:
        b.note("v1")
        b.note("v2", visit_date="2026-11-22")
        b.clock.moment = MOMENT.replace(hour=16, minute=59)  # 23:59 at the site
        b.worker.step()
        assert b.state("v1") is State.OPEN
        b.clock.advance(60)
        b.worker.step()
        assert (b.state("v1"), b.state("v2")) == (State.GIVEN_UP, State.OPEN)
        assert (b.row("v1")["question"], b.row("v1")["reason"]) == (None, "portal.timeout")
        assert pending.late_answers(b.db) == []


def test_after_so_many_attempts_it_is_given_up(tmp_path: Path) -> None:
    with bench(tmp_path, unanswered()) as b:
        b.note("v1")
        worker = b.new_worker(most=3)
        for _ in range(5):
            worker.step()
        worker.stop()
        worker.run(0.01)
        assert (b.state(), len(b.insurer.questions), b.row()["question"]) == (State.GIVEN_UP, 3, None)


def test_a_question_that_kills_whoever_asks_it_ends_too_and_waits_between(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.note("v1")
        for attempt in range(3):
            assert pending.due(b.db, b.clock(), 1800) == "v1"
            pending.begin_attempt(b.db, "v1", b.clock() + timedelta(seconds=30))  # and dies
            assert pending.due(b.db, b.clock(), 1800) is None, attempt
            b.clock.advance(30)
        worker = b.new_worker(most=3)
        worker.step()
        worker.stop()
        worker.run(0.01)
        assert (b.state(), b.insurer.questions) == (State.GIVEN_UP, [])


def test_a_question_that_cannot_be_read_is_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with bench(tmp_path) as b:
        b.note("v1", "v2", "v3")
        b.db.execute("UPDATE open_questions SET question = '{\"full_name\":\"Nguyễn\"' WHERE visit_id = 'v1'")
        b.db.execute("UPDATE open_questions SET question = NULL WHERE visit_id = 'v2'")
        with caplog.at_level(logging.DEBUG):
            assert [b.worker.step() for _ in range(4)] == [0.0, 0.0, 0.0, None]
        assert [b.state(visit) for visit in ("v1", "v2", "v3")] == [State.GIVEN_UP, State.GIVEN_UP, State.ANSWERED]
        assert b.row("v1")["reason"] == "wire.malformed"
        assert "Nguyễn" not in caplog.text


def test_a_look_up_that_breaks_its_word_costs_an_attempt(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with bench(tmp_path, RuntimeError("Nguyễn"), coverage()) as b:
        b.note("v1")
        with caplog.at_level(logging.DEBUG):
            assert b.worker.step() == 30.0
        assert (b.row()["reason"], "Nguyễn" in caplog.text) == ("internal", False)
        b.clock.advance(30)
        b.worker.step()
        assert b.state() is State.ANSWERED


def test_a_clock_set_back_holds_nothing_up(tmp_path: Path) -> None:
    with bench(tmp_path, TROUBLE, coverage()) as b:
        b.clock.advance(4 * 3600)
        b.note("v1")
        b.worker.step()
        b.clock.moment = MOMENT
        b.worker.step()
        assert b.state() is State.ANSWERED


def test_numbers_grow_also_when_the_clock_goes_back_and_when_rows_were_purged(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.note("v1", "v2")
        b.worker.step()
        b.clock.advance(-3600)
        b.worker.step()
        assert [(late.visit_id, late.seq) for late in pending.late_answers(b.db)] == [("v1", 1), ("v2", 2)]
        b.db.execute("DELETE FROM open_questions")
        b.note("v3")
        b.worker.step()
        assert [late.seq for late in pending.late_answers(b.db, 2)] == [3]
        b.db.execute("DELETE FROM late_answer_numbers")
        b.note("v4")
        b.worker.step()
        assert [late.visit_id for late in pending.late_answers(b.db, 3)] == ["v4"]


def test_who_follows_with_the_last_number_misses_none_and_sees_none_twice(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.note(*(f"v{number}" for number in range(7)))
        for _ in range(7):
            b.worker.step()
        seen: list[int] = []
        while found := pending.late_answers(b.db, seen[-1] if seen else 0, limit=3):
            seen += [late.seq for late in found]
        assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_a_damaged_answer_hides_no_other(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.note("v1", "v2")
        b.worker.step()
        b.worker.step()
        b.db.execute("UPDATE open_questions SET coverage = '{' WHERE visit_id = 'v1'")
        assert [late.visit_id for late in pending.late_answers(b.db)] == ["v2"]


def test_the_counters_own_answer_ends_the_asking_and_a_later_one_changes_nothing(tmp_path: Path) -> None:
    with bench(tmp_path, coverage(card_number="GD4000000000018")) as b:
        b.note("v1")
        b.insurer.while_asking = lambda: pending.answer(b.db, "v1", coverage(), MOMENT) and None
        b.worker.step()
        (late,) = pending.late_answers(b.db)
        assert (late.coverage.card_number, late.seq) == ("GD4000000000017", 1)
        assert pending.answer(b.db, "v1", coverage(), MOMENT) is None
        assert pending.answer(b.db, "unknown", coverage(), MOMENT) is None


def test_an_answer_the_database_did_not_take_is_not_asked_for_again(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.note("v1")
        b.db.execute(
            "CREATE TRIGGER full BEFORE UPDATE OF coverage ON open_questions BEGIN SELECT raise(FAIL, 'x'); END"
        )
        with pytest.raises((sqlite.Error, DatabaseUnavailable)):
            b.worker.step()
        b.db.execute("DROP TRIGGER full")
        assert b.worker.step() is None
        assert (b.state(), len(b.insurer.questions)) == (State.ANSWERED, 1)
