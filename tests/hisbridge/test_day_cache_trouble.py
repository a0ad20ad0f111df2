"""The day's cache over a database that is damaged, held, another key's or not there: answers cost a moment at most."""

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from hisbridge.sealing import Sealer
from tests.hisbridge.day_caching import KEY, OTHER_KEY, Bench, bench
from tests.hisbridge.insurer import question, unanswered
from tests.hisbridge.making import coverage
from wire import sqlite
from wire.database import DatabaseUnavailable, open_database, transaction

__all__ = ["bench"]


def test_what_another_key_sealed_is_removed_at_the_start(bench: Bench) -> None:
    bench.cache(OTHER_KEY).ask(question())
    cache = bench.cache(KEY)
    cache.ask(question(personal_id="001303900018"))
    assert len(bench.rows()) == 1
    cache.ask(question())
    assert bench.asked() == 3


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE coverage_answers SET sealed = substr(sealed, 1, 20)",
        "UPDATE coverage_answers SET sealed = x''",
        "UPDATE coverage_answers SET sealed = CAST(sealed || x'00' AS BLOB)",
        "UPDATE coverage_answers SET sealed = CAST(x'02' || substr(sealed, 2) AS BLOB)",
        "UPDATE coverage_answers SET day = '2026-11-20'",
        "UPDATE coverage_answers SET day = '2026-11-22'",
    ],
)
def test_a_damaged_row_is_absent_and_goes(bench: Bench, damage: str) -> None:
    bench.insurer.answers.append(unanswered())
    cache = bench.cache()
    cache.ask(question())
    bench.change(damage)
    assert cache.ask(question()) == unanswered()
    assert bench.rows() == []


def test_a_row_put_under_another_persons_name_is_not_that_persons_answer(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    (mine,) = bench.rows()
    bench.insurer.answers.append(unanswered())
    cache.ask(question(personal_id="001303900018"))
    bench.insurer.answers[0] = coverage(card_number="GD4000000000018")
    cache.ask(question(personal_id="001303900018"))
    other = next(row for row in bench.rows() if row["key"] != mine["key"])
    bench.change("UPDATE coverage_answers SET sealed = ? WHERE key = ?", mine["sealed"], other["key"])
    bench.insurer.answers[0] = unanswered()
    assert cache.ask(question(personal_id="001303900018")) == unanswered()


def test_an_answer_of_another_version_is_absent(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    (row,) = bench.rows()
    sealed = Sealer(KEY).seal(b'{"verdict":"valid","of_the_future":1}', f"{row['key']} {row['day']}")
    bench.change("UPDATE coverage_answers SET sealed = ?", sealed)
    assert cache.ask(question()) == coverage()
    assert bench.asked() == 2


def broken() -> sqlite.Connection:
    raise DatabaseUnavailable(why="no such file")


def without_tables() -> sqlite.Connection:
    return sqlite.connect(":memory:", isolation_level=None, check_same_thread=False)


@pytest.mark.parametrize("opens", [broken, without_tables])
def test_without_a_database_every_question_is_asked_and_the_log_says_so_once(
    bench: Bench, opens: Callable[[], sqlite.Connection], caplog: pytest.LogCaptureFixture
) -> None:
    cache = bench.cache(opens=opens)
    with caplog.at_level(logging.INFO):
        assert [cache.ask(question()) for _ in range(3)] == [coverage()] * 3
    assert bench.asked() == 3
    assert len([one for one in caplog.records if "are not kept" in one.message]) == 1


def test_a_connection_that_breaks_is_opened_anew(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    bench.opened[-1].close()
    assert [cache.ask(question()), cache.ask(question())] == [coverage()] * 2
    assert bench.asked() == 1
    assert len(bench.opened) == 2


def test_a_database_held_by_a_writer_costs_a_moment_and_no_answer(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    with closing(open_database(bench.path)) as other, transaction(other):
        begun = datetime.now(UTC)
        assert cache.ask(question(personal_id="001303900018")) == coverage()
        assert cache.ask(question()) == coverage()
        assert datetime.now(UTC) - begun < timedelta(seconds=2)
    assert bench.asked() == 2
    assert cache.ask(question(personal_id="001303900018")) == coverage()
    assert len(bench.rows()) == 2


def test_a_file_that_became_rubbish_costs_nothing_but_the_kept_answers(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    cache.close()
    bench.path.write_bytes(b"rubbish" * 1000)
    assert cache.ask(question()) == coverage()


def test_kept_answers_that_are_replaced_leave_nothing_readable_behind(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    (row,) = bench.rows()
    bench.clock.advance(86_400)
    cache.forget_past_days()
    cache.close()
    assert bytes(row["sealed"]) not in bench.path.read_bytes()
