"""The insurance look-up as a whole: the day's answers, the source behind them, the hints for the counter on top."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hisbridge.lookups.coverage import CoverageLookup, coverage_lookup
from hisbridge.questions import Coverage, CoverageQuestion, Entitlement, Verdict
from hisbridge.site_time import SiteTime
from tests.hisbridge.insurer import ASKED, Insurer, question, unanswered
from tests.hisbridge.making import FakeClock, coverage, database
from wire.database import open_database
from wire.keys import KeyExposed, KeyMissing, KeyUnusable

HINTS = Entitlement(benefit_level="4", benefit_percent=80)

Making = Callable[..., CoverageLookup]


@pytest.fixture
def making(tmp_path: Path) -> Iterator[Making]:
    """Makes look-ups over one database, each as a process of its own would."""
    path = database(tmp_path)
    made: list[CoverageLookup] = []

    def make(
        insurer: Insurer, key_file: str = "", hints: Callable[..., Entitlement | None] | None = None
    ) -> CoverageLookup:
        time = SiteTime(420, FakeClock())
        rule = hints or (lambda _answer, _question: HINTS)
        made.append(coverage_lookup(insurer, rule, lambda: open_database(path), time, key_file, "portal", 10.0))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_an_answer_with_a_card_gets_hints_fresh_or_kept(making: Making) -> None:
    insurer = Insurer()
    lookup = making(insurer)
    told = [lookup.ask(question()), lookup.ask(question()), lookup.ask_fresh(question())]
    assert [one.entitlement for one in told] == [HINTS] * 3
    assert told[0] == coverage(entitlement=HINTS)
    assert len(insurer.questions) == 2


@pytest.mark.parametrize(
    "answer", [Coverage(verdict=Verdict.MISMATCH, result_code="060"), Coverage(verdict=Verdict.NOT_INSURED)]
)
def test_a_no_of_the_insurer_gets_hints_too(making: Making, answer: Coverage) -> None:
    assert making(Insurer(answer)).ask(question()).entitlement == HINTS


def test_what_was_not_answered_gets_none(making: Making) -> None:
    assert making(Insurer(unanswered())).ask(question()) == unanswered()


def test_hints_are_drawn_anew_from_answer_and_question(making: Making) -> None:
    seen: list[tuple[Coverage, CoverageQuestion]] = []

    def rule(answer: Coverage, asked: CoverageQuestion) -> Entitlement | None:
        seen.append((answer, asked))
        return Entitlement(route="emergency") if len(seen) > 1 else None

    lookup = making(Insurer(), hints=rule)
    assert lookup.ask(question()).entitlement is None
    assert lookup.ask(question()).entitlement == Entitlement(route="emergency")
    assert seen == [(coverage(), question())] * 2


def test_a_rule_that_fails_costs_the_hints_and_not_the_answer(making: Making, caplog: pytest.LogCaptureFixture) -> None:
    def rule(answer: Coverage, asked: CoverageQuestion) -> Entitlement:
        raise ValueError(f"{answer.card_number} {asked.full_name}")

    with caplog.at_level(logging.DEBUG):
        assert making(Insurer(), hints=rule).ask(question()) == coverage()
    assert "ValueError" in caplog.text
    assert "GD4" not in caplog.text
    assert "Nguyễn" not in caplog.text


def test_without_a_key_file_the_answers_end_with_the_process(making: Making) -> None:
    insurer = Insurer()
    making(insurer).ask(question())
    making(insurer).ask(question())
    assert len(insurer.questions) == 2


def test_with_a_key_file_they_do_not(making: Making, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(bytes(range(32)).hex() + "\n", "ascii")
    key.chmod(0o600)
    insurer = Insurer()
    making(insurer, str(key)).ask(question())
    making(insurer, str(key)).ask(question())
    assert len(insurer.questions) == 1


def test_a_key_file_that_is_missing_or_no_key_is_told_at_the_start(making: Making, tmp_path: Path) -> None:
    with pytest.raises(KeyMissing):
        making(Insurer(), str(tmp_path / "none"))
    (tmp_path / "short").write_text("abc", "ascii")
    with pytest.raises(KeyExposed):
        making(Insurer(), str(tmp_path / "short"))
    (tmp_path / "short").chmod(0o600)
    with pytest.raises(KeyUnusable):
        making(Insurer(), str(tmp_path / "short"))


def test_deadline_probe_and_signature_reach_the_source(making: Making) -> None:
    insurer = Insurer()
    lookup = making(insurer)
    lookup.ask(question(), 2.0)
    lookup.probe(3.0)
    assert insurer.seconds == [pytest.approx(2.0, abs=0.5), 3.0]
    assert lookup.asked() == ASKED
