"""Help pressed at a touchscreen reaches the counters, and the touchscreen learns that somebody comes."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.help_calls import HelpCalls, NoSuchHelpCall, open_help_calls
from tests.kiosk.world import HandClock, site
from wire.database import DatabaseUnavailable


@pytest.fixture
def kiosk(tmp_path: Path, clock: HandClock) -> Iterator[HelpCalls]:
    with closing(open_help_calls(site(tmp_path), clock)) as calls:
        yield calls


@pytest.fixture
def desk(tmp_path: Path, kiosk: HelpCalls, clock: HandClock) -> Iterator[HelpCalls]:
    """The other process."""
    with closing(open_help_calls(site(tmp_path), clock)) as calls:
        yield calls


def test_a_call_is_seen_answered_and_known_to_be_answered(kiosk: HelpCalls, desk: HelpCalls) -> None:
    before = desk.version()
    call = kiosk.ask("kiosk-1", "keypad")
    assert desk.version() != before
    assert desk.open() == [call]
    assert (call.kiosk_id, call.screen, call.answered_at) == ("kiosk-1", "keypad", None)
    answered = desk.answer(call.call_id, "nurse-1")
    assert kiosk.one(call.call_id) == answered
    assert (answered.answered_by, answered.answered_at) == ("nurse-1", call.at)
    assert desk.open() == []


def test_pressing_again_is_the_same_call_until_it_is_answered(kiosk: HelpCalls, clock: HandClock) -> None:
    first = kiosk.ask("kiosk-1", "keypad")
    clock.jump(seconds=20)
    assert kiosk.ask("kiosk-1", "confirm") == first
    other = kiosk.ask("kiosk-2", "start")
    assert kiosk.open() == [first, other]
    kiosk.answer(first.call_id, "nurse-1")
    again = kiosk.ask("kiosk-1", "start")
    assert again.call_id not in (first.call_id, other.call_id)


def test_the_first_who_says_they_are_coming_is_kept(kiosk: HelpCalls, desk: HelpCalls) -> None:
    call = kiosk.ask("kiosk-1", "start")
    desk.answer(call.call_id, "nurse-1")
    assert desk.answer(call.call_id, "nurse-2").answered_by == "nurse-1"
    with pytest.raises(NoSuchHelpCall):
        desk.answer(call.call_id + 1, "nurse-1")


def test_who_was_not_answered_for_an_hour_has_gone(kiosk: HelpCalls, clock: HandClock) -> None:
    call = kiosk.ask("kiosk-1", "start")
    clock.jump(hours=1, seconds=1)
    assert kiosk.open() == []
    assert kiosk.ask("kiosk-1", "start").call_id != call.call_id


def test_a_clock_that_was_set_back_hides_no_call(kiosk: HelpCalls, clock: HandClock) -> None:
    call = kiosk.ask("kiosk-1", "start")
    clock.jump(hours=-3)
    assert kiosk.open() == [call]


def test_a_database_that_is_not_there_is_said_and_one_that_comes_back_is_used(tmp_path: Path) -> None:
    settings = site(tmp_path)
    moved = tmp_path / "elsewhere.db"
    with closing(open_help_calls(settings, HandClock())) as calls:
        (tmp_path / "tiepdon.db").rename(moved)
        with pytest.raises(DatabaseUnavailable):
            calls.ask("kiosk-1", "start")
        moved.rename(tmp_path / "tiepdon.db")
        assert calls.ask("kiosk-1", "start").kiosk_id == "kiosk-1"
