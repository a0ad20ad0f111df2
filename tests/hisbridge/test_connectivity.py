"""A system that fails is not waited for, is tried now and then, and is trusted again after clean calls."""

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import load
from hisbridge.connectivity import CLEAN_NEEDED, HISTORY, Admission, Breaker, Line, Outcome, Rules, admit, settle
from hisbridge.errors import (
    LookupOffline,
    PortalCertificate,
    PortalError,
    PortalNotConfigured,
    PortalTimeout,
    PortalUnreachable,
)
from hisbridge.http import Answer, Post, Question
from hisbridge.lookups.patience import Pacing, guarded, patient, rules, steadfast, trouble
from wire.codec import to_plain

RULES = Rules(open_after_errors=2, slow_seconds=5.0, retry_seconds=15.0)
GOOD, BAD = Outcome(0.1), Outcome(0.1, "portal.unreachable")
ASKED = Question("https://portal.invalid/", b"{}", "application/json", {})
FINE = Answer(200, b'{"maKetQua":"000"}', "application/json")
LOGIN = Answer(200, b"<!DOCTYPE html><html>", "text/html")


class Time:
    """A clock that goes when told to, or when somebody pauses."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.paused: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.now += seconds


class Scripted:
    """A Post that gives what it was told to, in turn, each after so many seconds."""

    def __init__(self, time: Time, *turns: Answer | Exception | type[PortalError], takes: float = 0.1) -> None:
        self._time, self._turns, self._takes = time, list(turns), takes
        self.asked = 0

    def __call__(self, _question: Question, _deadline: float) -> Answer:
        self.asked += 1
        self._time.now += self._takes
        turn = self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]
        if isinstance(turn, Answer):
            return turn
        raise turn


def after(outcomes: list[Outcome], now: float = 0.0) -> Line:
    """A line after these calls, one after the other; those that are refused do not happen."""
    line = Line()
    for outcome in outcomes:
        line, admission = admit(line, now)
        if admission is not None:
            line = settle(line, RULES, admission, outcome, now)
    return line


def pacing(time: Time, draw: float = 1.0) -> Pacing:
    return Pacing(lambda: draw, time, time.pause)


def call(post: Post, time: Time, seconds: float = 10.0) -> str:
    """`fine`, or the code of what came."""
    try:
        answer = post(ASKED, time() + seconds)
    except PortalError as error:
        return error.code
    return trouble(answer) or "fine"


def test_two_errors_of_the_last_five_and_nobody_waits_any_more() -> None:
    assert not after([BAD]).offline
    assert after([BAD, BAD]).offline
    assert after([BAD, GOOD, GOOD, GOOD, BAD]).offline


def test_an_error_that_is_older_than_the_last_five_is_forgotten() -> None:
    assert not after([BAD, *[GOOD] * HISTORY, BAD]).offline


def test_a_slow_mean_is_offline_and_one_slow_answer_is_not() -> None:
    slow = Outcome(9.0)
    assert not after([slow]).offline
    assert not after([slow, slow]).offline
    assert not after([GOOD, GOOD, GOOD, slow, slow]).offline
    assert after([slow, slow, slow]).offline


def test_what_says_nothing_of_the_line_changes_nothing_but_the_last_error() -> None:
    ours = Outcome(0.1, "portal.not_configured", telling=False)
    line = after([ours] * 10)
    assert not line.offline
    assert line.outcomes == ()
    assert line.last_error == "portal.not_configured"


def test_offline_means_one_trial_each_interval() -> None:
    line = after([BAD, BAD], now=100.0)
    assert admit(line, 114.9)[1] is None
    line, trial = admit(line, 115.0)
    assert trial is not None
    assert trial.trial
    assert admit(line, 115.0)[1] is None  # one at a time
    line = settle(line, RULES, trial, BAD, 120.0)
    assert admit(line, 134.9)[1] is None
    assert admit(line, 135.0)[1] is not None


def test_two_clean_trials_bring_it_back_and_the_second_need_not_wait() -> None:
    line = after([BAD, BAD], now=100.0)
    for number in range(CLEAN_NEEDED):
        assert line.offline
        line, trial = admit(line, 115.0)
        assert trial is not None, number
        line = settle(line, RULES, trial, GOOD, 115.0)
    assert not line.offline
    assert line.outcomes == ()  # what was before does not count against it


@pytest.mark.parametrize("spoilt", [BAD, Outcome(9.0), Outcome(0.0, telling=False)])
def test_a_trial_that_is_not_clean_begins_the_count_anew(spoilt: Outcome) -> None:
    line = after([BAD, BAD])
    now = 15.0
    for outcome in (GOOD, spoilt):
        line, trial = admit(line, now)
        assert trial is not None
        line = settle(line, RULES, trial, outcome, now)
    assert line.offline
    assert line.clean == 0
    assert admit(line, now)[1] is None


def test_calls_that_were_under_way_when_the_state_changed_do_not_count() -> None:
    line, early = admit(Line(), 0.0)
    assert early is not None
    line = settle(line, RULES, early, BAD, 0.0)
    line = settle(line, RULES, early, BAD, 0.0)
    assert line.offline
    assert settle(line, RULES, early, GOOD, 0.0).clean == 0
    for _ in range(CLEAN_NEEDED):
        line, trial = admit(line, 20.0)
        assert trial is not None
        line = settle(line, RULES, trial, GOOD, 20.0)
    assert settle(line, RULES, early, BAD, 20.0).outcomes == ()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["admit", "good", "bad", "untelling"]), st.floats(0, 30)), max_size=60))
def test_whatever_happens_there_is_never_more_than_one_trial_and_always_a_way_back(
    steps: list[tuple[str, float]],
) -> None:
    line, now = Line(), 0.0
    under_way: list[Admission] = []
    for what, passed in steps:
        now += passed
        if what == "admit":
            line, admission = admit(line, now)
            under_way += [admission] if admission else []
        elif under_way:
            outcome = {"good": GOOD, "bad": BAD, "untelling": Outcome(0.0, telling=False)}[what]
            line = settle(line, RULES, under_way.pop(0), outcome, now)
        trials = [one for one in under_way if one.trial and one.epoch == line.epoch]
        assert len(trials) == int(line.trying) <= 1
        assert len(line.outcomes) <= HISTORY
    for admission in under_way:
        line = settle(line, RULES, admission, BAD, now)
    for _ in range(CLEAN_NEEDED):
        now += RULES.retry_seconds
        line, found = admit(line, now)
        assert found is not None
        line = settle(line, RULES, found, GOOD, now)
    assert not line.offline


def test_while_offline_the_refusal_is_at_once_and_names_system_and_reason() -> None:
    time = Time()
    system = Scripted(time, PortalTimeout(), takes=1.0)
    post = steadfast(system, Breaker("portal", RULES, time), 0, pacing(time))
    assert [call(post, time) for _ in range(2)] == ["portal.timeout"] * 2
    begun = time()
    with pytest.raises(LookupOffline) as caught:
        post(ASKED, time() + 10)
    assert caught.value.data == {"system": "portal", "why": "portal.timeout"}
    assert caught.value.retriable
    assert time() == begun
    assert system.asked == 2


def test_a_line_that_is_back_answers_the_first_who_may_try() -> None:
    time = Time()
    system = Scripted(time, PortalUnreachable(), PortalUnreachable(), FINE)
    post = steadfast(system, Breaker("portal", RULES, time), 0, pacing(time))
    told = [call(post, time) for _ in range(3)]
    time.now += 15
    told += [call(post, time) for _ in range(3)]
    assert told == ["portal.unreachable", "portal.unreachable", "lookup.offline", "fine", "fine", "fine"]


@pytest.mark.parametrize(
    "answer",
    [Answer(200, b'{"maKetQua":"401"}', "application/json"), Answer(401, b""), Answer(403, b"<html>no</html>")],
)
def test_a_refusal_is_an_answer_and_never_takes_the_system_offline(answer: Answer) -> None:
    time = Time()
    post = steadfast(Scripted(time, answer), Breaker("portal", RULES, time), 1, pacing(time))
    for _ in range(20):
        assert post(ASKED, time() + 10) is answer


@pytest.mark.parametrize("error", [PortalCertificate(why="expired"), PortalNotConfigured(key="portal.username")])
def test_what_an_administrator_must_mend_keeps_its_own_code(error: PortalError) -> None:
    time = Time()
    system = Scripted(time, error)
    breaker = Breaker("portal", RULES, time)
    post = steadfast(system, breaker, 1, pacing(time))
    assert {call(post, time) for _ in range(5)} == {error.code}
    assert system.asked == 5  # nor is it asked again
    assert breaker.health().last_error == error.code


def test_an_error_inside_frees_the_trial() -> None:
    time = Time()
    system = Scripted(time, PortalTimeout(), PortalTimeout(), ZeroDivisionError(), FINE)
    post = steadfast(system, Breaker("portal", RULES, time), 0, pacing(time))
    for _ in range(2):
        call(post, time)
    time.now += 15
    with pytest.raises(ZeroDivisionError):
        call(post, time)
    time.now += 15
    assert call(post, time) == "fine"


def test_a_deadline_that_nobody_could_keep_says_nothing_of_the_line() -> None:
    time = Time()
    post = steadfast(Scripted(time, PortalTimeout(), takes=0.0), Breaker("portal", RULES, time), 0, pacing(time))
    assert {call(post, time, seconds=0.05) for _ in range(10)} == {"portal.timeout"}


@pytest.mark.parametrize(
    "first",
    [
        PortalTimeout(),
        PortalUnreachable(),
        Answer(503, b"", "text/html"),
        Answer(429, b""),
        LOGIN,
        Answer(200, b'{"maKet', "application/json"),
        Answer(200, b""),
    ],
)
def test_trouble_on_the_way_is_asked_again_once_and_counts_for_nothing_when_it_passes(
    first: Answer | PortalError,
) -> None:
    time = Time()
    system = Scripted(time, first, FINE)
    breaker = Breaker("portal", RULES, time)
    assert call(steadfast(system, breaker, 1, pacing(time)), time) == "fine"
    assert system.asked == 2
    assert breaker.health().errors == 0


@pytest.mark.parametrize(
    "answer",
    [
        FINE,
        Answer(200, b'{"maKetQua":"070"}', "text/html"),  # a right answer, wrongly named
        Answer(200, b"\xef\xbb\xbf {}", "application/json"),
        Answer(200, b"<soap:Envelope/>", "text/xml; charset=utf-8"),
        Answer(404, b"<html></html>", "text/html"),
    ],
)
def test_an_answer_that_can_be_read_is_not_asked_for_again(answer: Answer) -> None:
    time = Time()
    system = Scripted(time, answer)
    assert patient(system, 3, pacing(time))(ASKED, time() + 10) is answer
    assert system.asked == 1


def test_the_last_bad_answer_reaches_the_one_who_asked() -> None:
    time = Time()
    system = Scripted(time, LOGIN)
    assert patient(system, 2, pacing(time))(ASKED, time() + 10) is LOGIN
    assert system.asked == 3


def test_pauses_grow_and_are_drawn_from_nothing_to_the_full_length() -> None:
    time = Time()
    for draw, expected in ((1.0, [0.2, 0.4, 0.8]), (0.0, [0.0, 0.0, 0.0]), (0.5, [0.1, 0.2, 0.4])):
        time.paused.clear()
        call(patient(Scripted(time, PortalUnreachable()), 3, pacing(time, draw)), time)
        assert time.paused == pytest.approx(expected)


def test_no_further_try_is_begun_that_the_deadline_would_cut_off() -> None:
    time = Time()
    system = Scripted(time, PortalUnreachable(), takes=2.0)
    begun = time()
    assert call(patient(system, 3, pacing(time)), time, seconds=5.0) == "portal.unreachable"
    assert system.asked == 2
    assert time() - begun < 5.0


def test_what_must_not_be_asked_twice_is_not() -> None:
    time = Time()
    system = Scripted(time, PortalUnreachable())
    with pytest.raises(PortalUnreachable):
        patient(system, 3, pacing(time))(Question("https://x.invalid/", b"", "", {}, repeatable=False), time() + 10)
    assert system.asked == 1


def test_health_tells_the_line_and_nothing_else() -> None:
    time = Time()
    breaker = Breaker("population", RULES, time)
    assert to_plain(breaker.health()) == {
        "name": "population",
        "online": True,
        "calls": 0,
        "errors": 0,
        "mean_seconds": None,
        "last_error": None,
        "next_trial_seconds": None,
    }
    post = guarded(Scripted(time, FINE, PortalTimeout(), takes=1.0), breaker, time)
    for _ in range(3):
        call(post, time)
    time.now += 5
    told = breaker.health()
    assert (told.online, told.calls, told.errors, told.mean_seconds) == (False, 3, 2, 1.0)
    assert (told.last_error, told.next_trial_seconds) == ("population.timeout", 10.0)  # not the portal's


def test_many_threads_at_an_offline_line_make_one_trial() -> None:
    time = Time()
    breaker = Breaker("portal", RULES, time)
    for _ in range(2):
        breaker.leave(breaker.enter(), BAD)
    time.now += 15
    asked, inside, together = [], threading.Event(), threading.Barrier(16)

    def system(_question: Question, _deadline: float) -> Answer:
        asked.append(1)
        inside.wait(10)
        return FINE

    post = guarded(system, breaker, time)
    told: list[str] = []

    def ask() -> None:
        together.wait(10)
        told.append(call(post, time))
        if len(told) == 15:
            inside.set()

    run_together(ask, 16)
    assert sorted(told) == ["fine"] + ["lookup.offline"] * 15
    assert len(asked) == 1


def run_together(action: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=action) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def test_the_rules_are_the_settings() -> None:
    assert rules(load().lookups) == Rules(open_after_errors=2, slow_seconds=5.0, retry_seconds=15.0)
