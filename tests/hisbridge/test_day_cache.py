"""The day's answers: asked once, sealed, told with the moment at which they were asked; never an error to who asks."""

import logging
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from hisbridge.questions import Act, Coverage, CoverageQuestion, Officer, Verdict
from tests.hisbridge.day_caching import Bench, bench
from tests.hisbridge.insurer import ASKED, question, unanswered
from tests.hisbridge.making import coverage
from wire.codec import from_json
from wire.database import open_database, transaction

__all__ = ["bench"]


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
