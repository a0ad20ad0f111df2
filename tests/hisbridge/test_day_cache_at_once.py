"""Many who ask the day's cache at once: one question, and each waits no longer than its own time."""

import threading

from hisbridge.questions import Act, Coverage, Verdict
from tests.hisbridge.day_caching import Bench, bench, together
from tests.hisbridge.insurer import ASKED, question, unanswered
from tests.hisbridge.making import coverage, eventually

__all__ = ["bench"]


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
    looks: list[float] = []  # at a clock that stands still: two by each, the second just before it joins the others

    def look() -> float:
        looks.append(0.0)
        return 0.0

    bench.seconds = look
    cache = bench.cache()
    bench.insurer.answers[0] = unanswered("portal.unreachable")
    bench.insurer.while_asking = lambda: eventually(lambda: len(looks) >= 40) and None
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
