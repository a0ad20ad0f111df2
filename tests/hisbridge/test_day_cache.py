"""The day's answers: asked once, sealed, told with the moment at which they were asked; never an error to who asks."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hisbridge.lookups.day_cache import DayCache
from hisbridge.lookups.kept_answers import KeptAnswers
from hisbridge.questions import Act, Coverage, CoverageQuestion, Officer, Verdict
from hisbridge.sealing import Sealer
from hisbridge.site_time import SiteTime
from tests.hisbridge.insurer import ASKED, Insurer, question, unanswered
from tests.hisbridge.making import FakeClock, coverage, database, eventually
from wire.codec import from_json
from wire.database import DatabaseUnavailable, open_database, transaction

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))


@dataclass
class Bench:
    """A day's cache over a stand-in insurer and a real file, at a site seven hours ahead of UTC."""

    folder: Path
    insurer: Insurer
    clock: FakeClock = field(default_factory=FakeClock)
    seconds: Callable[[], float] | None = None
    opened: list[sqlite3.Connection] = field(default_factory=list)
    caches: list[DayCache] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path = database(self.folder)

    def cache(self, key: bytes = KEY, most: int = 5000, told_by: str = "portal", opens: Any = None) -> DayCache:
        seals = Sealer(key)
        time = SiteTime(420, self.clock) if self.seconds is None else SiteTime(420, self.clock, self.seconds)
        made = DayCache(self.insurer, KeptAnswers(opens or self._open, seals, most), seals.name, time, told_by, 10.0)
        self.caches.append(made)
        return made

    def asked(self) -> int:
        return len(self.insurer.questions)

    def rows(self) -> list[sqlite3.Row]:
        with closing(open_database(self.path)) as connection:
            return connection.execute("SELECT * FROM coverage_answers ORDER BY rowid").fetchall()

    def change(self, statement: str, *values: Any) -> None:
        with closing(open_database(self.path)) as connection:
            connection.execute(statement, values)

    def _open(self) -> sqlite3.Connection:
        self.opened.append(open_database(self.path))
        return self.opened[-1]


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    made = Bench(tmp_path, Insurer())
    yield made
    for cache in made.caches:
        cache.close()


def together(work: Callable[[], Any], threads: int) -> list[Any]:
    """What so many threads get that begin at the same moment."""
    results: list[Any] = []
    gate = threading.Barrier(threads)

    def one() -> None:
        gate.wait()
        results.append(work())

    running = [threading.Thread(target=one) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(30)
    return results


def test_the_second_question_of_the_day_gets_the_first_ones_answer(bench: Bench) -> None:
    cache = bench.cache()
    first = cache.ask(question())
    bench.clock.advance(3600)
    again = cache.ask(question())
    assert again == first == coverage()
    assert again.asked_at == "2026-11-21T07:44:59+07:00"
    assert bench.asked() == 1


def test_what_the_insurer_is_asked_is_the_question_as_it_came(bench: Bench) -> None:
    bench.cache().ask(question(full_name="  Nguyễn  Thị Hoài Thử"), 2.5)
    assert bench.insurer.questions == [question(full_name="  Nguyễn  Thị Hoài Thử")]
    assert bench.insurer.seconds[0] == pytest.approx(2.5, abs=0.5)


@pytest.mark.parametrize(
    "difference",
    [
        {"personal_id": "001303900018"},
        {"personal_id": None, "insurance_number": "GD4000000000017"},
        {"insurance_number": "GD4000000000017"},
        {"previous_id": "012345678"},
        {"full_name": "Nguyễn Thị Hoài Thứ"},
        {"full_name": None},
        {"birth_date": "2003"},
        {"birth_date": None},
        {"sex": "male"},
        {"sex": None},
        {"visit_date": "2026-11-22"},
        {"circumstance": "emergency"},
    ],
)
def test_another_question_is_asked_for_itself(bench: Bench, difference: dict[str, Any]) -> None:
    cache = bench.cache()
    cache.ask(question())
    cache.ask(question(**difference))
    assert bench.asked() == 2


def test_who_asks_and_how_the_name_is_typed_make_no_other_question(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    cache.ask(question(officer=Officer(full_name="Trần Thị Mẫu", personal_id="001303900099")))
    cache.ask(question(full_name="  Nguye\u0302\u0303n Thị  Hoài Thử "))
    assert bench.asked() == 1


def test_another_sources_answers_are_not_taken_for_this_ones(bench: Bench) -> None:
    bench.cache(told_by="https://training.example").ask(question())
    bench.cache(told_by="https://real.example").ask(question())
    assert bench.asked() == 2


@pytest.mark.parametrize(
    "answer",
    [
        coverage(),
        coverage(verdict=Verdict.VALID_NEW_CARD, result_code="003", act=Act.USE_NEW_CARD),
        Coverage(verdict=Verdict.NOT_INSURED, result_code="010", act=Act.ASK_RENEWED_CARD),
        Coverage(verdict=Verdict.MANUAL_CHECK, result_code="001", act=Act.INSPECT_PAPERS),
        Coverage(verdict=Verdict.MISMATCH, result_code="060", act=Act.COMPARE_PERSON),
        Coverage(verdict=Verdict.CHILD_TEMPORARY, result_code="130", act=Act.TEMPORARY_CARD),
    ],
)
def test_a_decided_answer_is_kept(bench: Bench, answer: Coverage) -> None:
    bench.insurer.answers[0] = answer
    cache = bench.cache()
    assert [cache.ask(question()), cache.ask(question())] == [answer, answer]
    assert bench.asked() == 1


@pytest.mark.parametrize(
    "answer",
    [
        unanswered(),
        unanswered("portal.disabled", act=Act.NONE),
        Coverage(verdict=Verdict.UNVERIFIED, result_code="050", act=Act.ASK_OTHER_NUMBER),
        Coverage(verdict=Verdict.UNVERIFIED, result_code="101", act=Act.WAIT),
        Coverage(verdict=Verdict.CONFIGURATION_ERROR, result_code="054", act=Act.CALL_ADMINISTRATOR),
        Coverage(verdict=Verdict.MANUAL_CHECK, result_code="999", act=Act.DECIDE),
        Coverage(verdict=Verdict.MANUAL_CHECK, result_code="999", reason="portal.unknown_code"),
    ],
)
def test_what_may_be_otherwise_in_a_moment_is_asked_again(bench: Bench, answer: Coverage) -> None:
    bench.insurer.answers[0] = answer
    cache = bench.cache()
    assert [cache.ask(question()), cache.ask(question())] == [answer, answer]
    assert bench.asked() == 2
    assert bench.rows() == []


def test_nothing_of_the_person_stands_in_the_file(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question(previous_id="012345678"))
    (row,) = bench.rows()
    assert row["day"] == "2026-11-21"
    cache.close()
    written = b"".join(path.read_bytes() for path in bench.path.parent.iterdir())
    for told in ("001303900017", "Nguyễn", "2003-02-14", "012345678", "GD4000000000017", "0000000017", "valid"):
        assert told.encode() not in written, told


def test_the_answers_end_with_the_sites_own_day(bench: Bench) -> None:
    bench.clock.moment = datetime(2026, 11, 21, 16, 59, 59, tzinfo=UTC)  # one second before midnight at the site
    cache = bench.cache()
    cache.ask(question())
    cache.ask(question(personal_id="001303900018"))
    bench.clock.advance(1)
    cache.ask(question())
    assert bench.asked() == 3
    assert [row["day"] for row in bench.rows()] == ["2026-11-22"]


def test_yesterdays_answer_is_not_told_while_it_cannot_be_removed(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    bench.clock.advance(86_400)
    bench.insurer.answers[0] = unanswered()
    with closing(open_database(bench.path)) as other, transaction(other):
        assert cache.ask(question()) == unanswered()
    cache.forget_past_days()
    assert bench.rows() == []


def test_past_days_are_forgotten_while_nobody_asks(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    bench.clock.advance(86_400)
    cache.forget_past_days()
    assert bench.rows() == []


def test_an_answer_that_came_after_midnight_is_not_kept_for_the_new_day(bench: Bench) -> None:
    bench.insurer.while_asking = lambda: bench.clock.advance(86_400)
    cache = bench.cache()
    assert cache.ask(question()) == coverage()
    assert bench.rows() == []


def test_a_clock_set_back_by_a_day_finds_nothing_of_the_morrow(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    bench.clock.advance(-86_400)
    cache.ask(question())
    assert bench.asked() == 2


def test_with_a_key_file_the_answers_outlive_the_process(bench: Bench) -> None:
    bench.cache().ask(question())
    assert bench.cache().ask(question()) == coverage()
    assert bench.asked() == 1


def test_a_file_that_others_could_read_is_its_owners_alone_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.path.chmod(0o664)
    cache = bench.cache()
    assert cache.ask(question()) == coverage()
    files = [file for file in bench.path.parent.iterdir() if file.name.startswith(bench.path.name)]
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert "could be read by others" in caplog.text


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


def test_no_more_than_so_many_are_kept_and_the_oldest_go(bench: Bench) -> None:
    cache = bench.cache(most=3)
    for number in range(5):
        cache.ask(question(personal_id=f"{number:012}"))
    assert len(bench.rows()) == 3
    for number in (4, 3, 2):
        cache.ask(question(personal_id=f"{number:012}"))
    assert bench.asked() == 5


def test_an_answer_far_too_long_is_told_and_not_kept(bench: Bench) -> None:
    bench.insurer.answers[0] = coverage(registered_facility="1" * 100_000)
    assert bench.cache().ask(question()).registered_facility == "1" * 100_000
    assert bench.rows() == []


def test_asked_fresh_the_insurer_is_asked_and_the_new_answer_takes_the_olds_place(bench: Bench) -> None:
    cache = bench.cache()
    bench.insurer.answers[0] = Coverage(verdict=Verdict.NOT_INSURED, result_code="010")
    cache.ask(question())
    bench.insurer.answers[0] = coverage()
    assert cache.ask(question()).verdict is Verdict.NOT_INSURED
    assert cache.ask_fresh(question(), 3.0).verdict is Verdict.VALID
    assert cache.ask(question()).verdict is Verdict.VALID
    assert bench.asked() == 2


def test_a_fresh_question_without_an_answer_takes_nothing_away(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    bench.insurer.answers[0] = unanswered()
    assert cache.ask_fresh(question()) == unanswered()
    assert cache.ask(question()) == coverage()


def test_a_fresh_answer_that_cannot_be_kept_ends_the_old_one(bench: Bench) -> None:
    cache = bench.cache()
    cache.ask(question())
    nothing_known = Coverage(verdict=Verdict.UNVERIFIED, result_code="050", act=Act.ASK_OTHER_NUMBER)
    bench.insurer.answers[0] = nothing_known
    assert cache.ask_fresh(question()) == nothing_known
    assert bench.rows() == []


def test_many_at_once_are_one_question(bench: Bench) -> None:
    cache = bench.cache()
    bench.insurer.open.clear()
    threading.Timer(0.1, bench.insurer.open.set).start()
    answers = together(lambda: cache.ask(question(), 20.0), 40)
    assert answers == [coverage()] * 40
    assert bench.asked() == 1


def test_many_persons_at_once_do_not_wait_for_each_other(bench: Bench) -> None:
    cache = bench.cache()
    gate = threading.Barrier(16)
    bench.insurer.while_asking = lambda: gate.wait(20)  # opens only when all are on their way
    numbers = iter(range(16))
    answers = together(lambda: cache.ask(question(personal_id=f"{next(numbers):012}"), 20.0), 16)
    assert answers == [coverage()] * 16
    assert len(bench.rows()) == 16


def test_many_at_once_share_a_failure_and_the_next_asks_anew(bench: Bench) -> None:
    cache = bench.cache()
    bench.insurer.answers[0] = unanswered("portal.unreachable")
    on_their_way = threading.Event()
    bench.insurer.while_asking = lambda: eventually(on_their_way.is_set) and None
    threading.Timer(0.2, on_their_way.set).start()
    answers = together(lambda: cache.ask(question(), 20.0), 20)
    assert answers == [unanswered("portal.unreachable")] * 20
    assert bench.asked() == 1
    bench.insurer.answers[0] = coverage()
    assert cache.ask(question()) == coverage()


def test_who_waits_for_another_waits_no_longer_than_allowed(bench: Bench) -> None:
    cache = bench.cache()
    bench.insurer.open.clear()
    first = threading.Thread(target=lambda: cache.ask(question(), 20.0))
    first.start()
    eventually(lambda: bench.asked() == 1)
    late = cache.ask(question(), 0.05)
    bench.insurer.open.set()
    first.join()
    assert (late.verdict, late.reason, late.act) == (Verdict.UNVERIFIED, "portal.timeout", Act.WAIT)
    assert (late.asked_at, late.asked_by) == (ASKED.at, ASKED.by)
    assert cache.ask(question()) == coverage()
    assert bench.asked() == 1


def test_who_has_more_time_than_the_one_who_asked_in_vain_asks_again(bench: Bench) -> None:
    cache = bench.cache()
    bench.insurer.open.clear()
    hasty: list[Coverage] = []
    first = threading.Thread(target=lambda: hasty.append(cache.ask(question(), 0.3)))
    first.start()
    eventually(lambda: bench.asked() == 1)
    threading.Timer(0.6, bench.insurer.open.set).start()
    assert cache.ask(question(), 20.0) == coverage()
    first.join()
    assert [one.verdict for one in hasty] == [Verdict.UNVERIFIED]
    assert bench.asked() == 2


def test_without_time_nobody_is_asked_but_what_is_known_is_told(bench: Bench) -> None:
    cache = bench.cache()
    assert cache.ask(question(), 0.0).verdict is Verdict.UNVERIFIED
    assert bench.asked() == 0
    cache.ask(question())
    assert cache.ask(question(), 0.0) == coverage()


def test_a_source_that_breaks_its_word_harms_only_who_asked_it(bench: Bench) -> None:
    cache = bench.cache()
    bench.insurer.answers.appendleft(RuntimeError("boom"))
    failures: list[Exception] = []
    bench.insurer.open.clear()

    def unlucky() -> None:
        try:
            cache.ask(question(), 20.0)
        except RuntimeError as error:
            failures.append(error)

    first = threading.Thread(target=unlucky)
    first.start()
    eventually(lambda: bench.asked() == 1)
    threading.Timer(0.1, bench.insurer.open.set).start()
    assert cache.ask(question(), 20.0) == coverage()
    first.join()
    assert len(failures) == 1


def test_a_fresh_question_is_not_answered_by_an_older_one_on_its_way_nor_overwritten_by_it(bench: Bench) -> None:
    cache = bench.cache()
    old, new = Coverage(verdict=Verdict.NOT_INSURED, result_code="010"), coverage()
    bench.insurer.answers.clear()
    bench.insurer.answers.extend([old, new])
    bench.insurer.open.clear()
    slow: list[Coverage] = []
    first = threading.Thread(target=lambda: slow.append(cache.ask(question(), 20.0)))
    first.start()
    eventually(lambda: bench.asked() == 1)
    held, bench.insurer.open = bench.insurer.open, threading.Event()
    bench.insurer.open.set()
    assert cache.ask_fresh(question(), 20.0) == new
    held.set()
    first.join()
    assert slow == [old]
    assert cache.ask(question()) == new
    assert bench.asked() == 2


def test_fresh_questions_at_once_are_one(bench: Bench) -> None:
    cache = bench.cache()
    bench.insurer.open.clear()
    threading.Timer(0.2, bench.insurer.open.set).start()
    assert together(lambda: cache.ask_fresh(question(), 20.0), 8) == [coverage()] * 8
    assert bench.asked() == 1


def broken() -> sqlite3.Connection:
    raise DatabaseUnavailable(why="no such file")


def without_tables() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


@pytest.mark.parametrize("opens", [broken, without_tables])
def test_without_a_database_every_question_is_asked_and_the_log_says_so_once(
    bench: Bench, opens: Callable[[], sqlite3.Connection], caplog: pytest.LogCaptureFixture
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


def test_nothing_is_logged_about_anybody(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        cache = bench.cache()
        cache.ask(question())
        bench.change("UPDATE coverage_answers SET sealed = x'00'")
        cache.ask(question())
        bench.change("DROP TABLE coverage_answers")
        cache.ask(question())
    for told in ("001303900017", "Nguyễn", "2003", "GD4"):
        assert told not in caplog.text


def test_probe_and_signature_are_the_sources_own(bench: Bench) -> None:
    cache = bench.cache()
    cache.probe(1.0)
    assert (bench.insurer.probed, cache.asked()) == (1, ASKED)


def test_a_question_goes_through_as_its_record(bench: Bench) -> None:
    told = from_json(b'{"visit_date":"2026-11-21","insurance_number":"0000000017"}', CoverageQuestion)
    cache = bench.cache()
    assert [cache.ask(told), cache.ask(told)] == [coverage()] * 2
    assert bench.asked() == 1
