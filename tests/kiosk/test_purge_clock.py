"""A purge believes the clock only where what the site wrote down vouches for it."""

from contextlib import closing
from datetime import timedelta

import pytest

from config.settings import Settings, database_path
from kiosk.purge_clock import FAR_DAYS, ClockDoubtful, check_clock
from kiosk.retention import purge
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import HandClock, rows, store_of
from wire.database import open_database


def came(settings: Settings, clock: HandClock, run: str) -> None:
    with store_of(settings, clock) as store:
        store.check_in(run, by_chip(reading_id=run), covered())


def doubtful(settings: Settings, clock: HandClock) -> bool:
    try:
        check_clock(settings, clock)
    except ClockDoubtful:
        return True
    return False


def test_a_new_site_and_one_that_is_purged_every_night_are_believed(settings: Settings, clock: HandClock) -> None:
    assert not doubtful(settings, clock)
    for _ in range(3):
        came(settings, clock, str(clock.wall))
        clock.jump(days=1)
        assert not doubtful(settings, clock)
        purge(settings, clock)
    clock.jump(days=FAR_DAYS)
    assert not doubtful(settings, clock)


@pytest.mark.parametrize("ahead", [{"days": FAR_DAYS + 1}, {"days": 3650}])
def test_a_clock_far_ahead_is_doubted_though_people_checked_in_by_it(
    settings: Settings, clock: HandClock, ahead: dict[str, float]
) -> None:
    came(settings, clock, "right")
    purge(settings, clock)
    clock.jump(**ahead)
    assert doubtful(settings, clock)
    came(settings, clock, "wrong")
    assert doubtful(settings, clock)
    clock.jump(**{name: -far for name, far in ahead.items()})
    assert not doubtful(settings, clock)


def test_people_who_came_day_by_day_vouch_where_no_purge_ran(settings: Settings, clock: HandClock) -> None:
    came(settings, clock, "first")
    purge(settings, clock)
    for week in range(8):
        clock.jump(days=7)
        came(settings, clock, f"week {week}")
    assert not doubtful(settings, clock)


def test_a_clock_behind_the_last_purge_is_doubted_and_one_set_by_a_moment_is_not(
    settings: Settings, clock: HandClock
) -> None:
    purge(settings, clock)
    clock.jump(seconds=-30)
    assert not doubtful(settings, clock)
    clock.jump(hours=-1)
    assert doubtful(settings, clock)


def test_once_somebody_looked_at_the_clock_it_is_believed_again(settings: Settings, clock: HandClock) -> None:
    came(settings, clock, "before the holidays")
    purge(settings, clock)
    clock.jump(days=90)
    assert doubtful(settings, clock)
    purge(settings, clock)
    clock.jump(days=1)
    assert not doubtful(settings, clock)
    clock.jump(days=-60)  # it was wrong all the same, and is set right
    assert doubtful(settings, clock)
    purge(settings, clock)
    clock.jump(days=1)
    assert not doubtful(settings, clock)


def test_doubting_writes_nothing(settings: Settings, clock: HandClock) -> None:
    came(settings, clock, "somebody")
    with closing(open_database(database_path(settings))) as connection:
        before = connection.execute("SELECT count(*), max(seq) FROM audit").fetchone()
    clock.wall += timedelta(days=400)
    with pytest.raises(ClockDoubtful):
        check_clock(settings, clock)
    assert rows(settings, "SELECT count(*), max(seq) FROM audit") == [tuple(before)]
    assert rows(settings, "SELECT count(*) FROM visits") == [(1,)]
