"""Whether people are told the truth about their wait: whole mornings are played, and what was said is compared."""

from datetime import timedelta
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pytest

from kiosk.queue.estimates import expected
from kiosk.queue.model import Wait
from tests.kiosk.people import uninsured
from tests.kiosk.queue.hall import COUNTERS, Hall, counter, hospital, opened, service
from tests.kiosk.queue.mornings import Morning, Told, play

RIGHT = 0.75

PLAIN = Morning()
ONE_COUNTER = Morning(counters=1, open_counters=lambda _: 1, arrivals=lambda _: 10.0)
CATALOGUE_TOO_SHORT = Morning(minutes=9, told_minutes=5, arrivals=lambda _: 21.0)
CATALOGUE_TOO_LONG = Morning(minutes=3, told_minutes=8, arrivals=lambda _: 62.0, closes=10)
QUIET = Morning(arrivals=lambda _: 12.0)
COUNTERS_COME_AND_GO = Morning(counters=4, open_counters=lambda hour: 2 if hour < 8.5 else 4 if hour < 10 else 3)
LUNCH = Morning(
    open_counters=lambda hour: 0 if 11.5 < hour < 13 else 3,
    arrivals=lambda hour: 30 if hour < 10 else 18 if hour < 11.5 else 8 if hour < 13 else 24,
    closes=15,
)
CROWDED = Morning(
    counters=8, open_counters=lambda _: 8, arrivals=lambda hour: 110 if hour < 9 else 70, with_priority=0.25
)


@cache
def told_in(morning: Morning) -> list[Told]:
    with TemporaryDirectory() as folder:
        return [told for seed in range(2) for told in play(Path(folder, str(seed)), morning, seed)]


@pytest.mark.parametrize(
    "morning",
    [PLAIN, ONE_COUNTER, CATALOGUE_TOO_SHORT, CATALOGUE_TOO_LONG, QUIET, COUNTERS_COME_AND_GO, LUNCH, CROWDED],
    ids=["plain", "one_counter", "too_short", "too_long", "quiet", "come_and_go", "lunch", "crowded"],
)
def test_three_in_four_waits_fall_into_the_range_they_were_told(morning: Morning) -> None:
    """A range of a quarter of an hour decides whether one sits down or fetches a paper; more only where one waits long:
    then about of the length of the wait itself."""
    told = told_in(morning)
    assert sum(one.right for one in told) >= RIGHT * len(told)
    long = [one for one in told if one.minutes > 20]
    assert median(one.width for one in told if one.minutes <= 20) <= 15
    assert not long or median(one.width / one.minutes for one in long) <= 1.25


def test_hardly_anybody_is_called_before_they_were_told_to_expect_it() -> None:
    """Who fetches a paper meanwhile must not miss their number: the lower end is the one to be kept."""
    for morning in (PLAIN, ONE_COUNTER, CATALOGUE_TOO_LONG, COUNTERS_COME_AND_GO, CROWDED):
        told = told_in(morning)
        assert sum(one.minutes < one.wait.least_minutes for one in told) <= 0.04 * len(told)


def test_also_those_who_wait_long_are_told_the_truth_two_times_in_three() -> None:
    """That most people are called at once does not pay for what the others are told."""
    for morning in (PLAIN, ONE_COUNTER, CATALOGUE_TOO_SHORT, CATALOGUE_TOO_LONG, LUNCH, CROWDED):
        long = [one for one in told_in(morning) if one.minutes > 10]
        assert sum(one.right for one in long) >= 0.66 * len(long)


def test_the_first_of_the_day_are_told_something_of_use() -> None:
    for morning in (PLAIN, ONE_COUNTER, CROWDED):
        first = sorted(told_in(morning), key=lambda one: one.came)[:8]
        assert sum(one.right for one in first) >= RIGHT * len(first)
        assert median(one.width for one in first) <= 15


def test_a_narrower_range_would_not_hold() -> None:
    """The ranges are no wider than they have to be: half of each holds clearly less."""
    told = told_in(CROWDED)
    halved = [one for one in told if one.wait.least_minutes <= one.minutes <= one.wait.most_minutes - one.width / 2]
    assert len(halved) < RIGHT * len(told)


def test_with_nobody_called_yet_the_catalogue_is_believed(tmp_path: Path) -> None:
    with opened(hospital(tmp_path, (service("KB", minutes=10),), (counter("1", "KB"), counter("2", "KB")))) as hall:
        waits = [hall.check_in().wait for _ in range(7)]
    assert [wait.ahead for wait in waits if wait] == list(range(7))
    # Seven turns of ten minutes shared by two counters are half an hour or a little more.
    assert waits[0] is not None
    assert waits[6] is not None
    assert waits[0].least_minutes == 0
    assert waits[6].least_minutes <= 30 <= waits[6].most_minutes <= 75


def test_who_was_called_at_once_says_nothing_of_how_fast_a_crowd_is_called(hall: Hall) -> None:
    """Eight are called as they come; then five must wait for one of them, and not as if it went on so."""
    for place in ("2", "3") * 4:
        hall.arrive()
        hall.next(place)
    for _ in range(5):
        last = hall.arrive()
    wait = hall.wait(last)
    assert wait is not None
    assert wait.most_minutes >= 20


def test_a_queue_that_waited_for_people_is_not_called_slow(hall: Hall) -> None:
    """One comes every quarter of an hour and is called at once: so will the next be."""
    for _ in range(8):
        hall.arrive()
        hall.next()
        hall.later(minutes=15)
    assert hall.check_in().wait == Wait(0, 0, 5)


def test_a_pause_makes_the_range_later_and_its_end_is_forgotten_soon(hall: Hall) -> None:
    for _ in range(60):
        hall.arrive()

    def call(how_many: int) -> None:
        for _ in range(how_many):
            hall.next()
            hall.later(minutes=3)

    call(15)
    last = hall.arrive()
    before = hall.wait(last)
    hall.later(minutes=20)
    paused = hall.wait(last)
    call(12)
    after = hall.wait(last)
    assert before is not None
    assert paused is not None
    assert after is not None
    assert paused.most_minutes > before.most_minutes
    assert after.most_minutes < before.most_minutes


def test_who_passes_reception_first_is_told_of_reception(tmp_path: Path) -> None:
    with opened(hospital(tmp_path)) as hall:
        for _ in range(4):
            hall.arrive("KB")
        hall.arrive("XN", coverage=uninsured())
        issued = hall.check_in("KB", coverage=uninsured())
        assert issued.wait is not None
        assert issued.wait.ahead == 1


def test_who_waits_for_one_counter_alone_waits_for_its_turns(hall: Hall) -> None:
    others = [hall.arrive() for _ in range(4)]
    hall.do("transfer", others[0], "KB", "3")
    mine = hall.arrive()
    hall.do("transfer", mine, "KB", "2")
    wait = hall.wait(mine)
    assert wait is not None
    assert wait.ahead == 3  # counter 3 alone calls the first


def test_nobody_is_told_a_wait_who_does_not_wait_or_whom_nobody_calls(tmp_path: Path) -> None:
    with opened(hospital(tmp_path, counters=COUNTERS[2:])) as hall:
        ticket = hall.arrive("XN")
        assert hall.wait(ticket) is not None
        hall.next("4")
        assert hall.wait(ticket) is None
        assert hall.wait("nobody's") is None
    with opened(hospital(tmp_path, counters=COUNTERS[3:])) as hall:
        assert hall.check_in("KB").wait is None


def test_the_same_check_in_told_again_and_after_a_restart_has_its_wait(tmp_path: Path) -> None:
    with opened(hospital(tmp_path)) as hall:
        first = hall.store.counter_ticket("run-1")
        again = hall.store.counter_ticket("run-1")
        unshown = hall.store.last_unshown(timedelta(minutes=5))
    assert first.wait is not None
    assert unshown is not None
    assert first.wait == again.wait == unshown.wait


def test_more_people_ahead_take_longer_and_overtaking_moves_the_end_alone() -> None:
    gaps = [100.0, 140.0, 120.0] * 5
    waits = [expected(ahead, gaps, 120.0) for ahead in range(0, 60, 5)]
    assert [one.least_minutes for one in waits] == sorted(one.least_minutes for one in waits)
    assert [one.most_minutes for one in waits] == sorted(one.most_minutes for one in waits)
    assert all(one.most_minutes - one.least_minutes >= 5 for one in waits)
    plain, overtaken = expected(10, gaps, 120.0), expected(10, gaps, 120.0, overtaking=0.3)
    assert overtaken.least_minutes == plain.least_minutes
    assert overtaken.most_minutes > plain.most_minutes
