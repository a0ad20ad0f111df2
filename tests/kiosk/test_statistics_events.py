"""What a check-in's course adds to the tally: each failure once, where somebody gave up, the language of a ticket."""

from pathlib import Path

import pytest

from hisbridge.connectivity import Breaker, Outcome, Rules
from hisbridge.lookup_tally import LookupTally
from kiosk.events import (
    CommitFailed,
    Committed,
    Event,
    MrzFailed,
    PayloadRefused,
    PresenceChanged,
    PrintEnded,
    ReadingFailed,
    Tick,
)
from kiosk.states import AskKey, AskQr, Finishing, Goodbye, Session, Start, State, Ticket, TicketShown
from kiosk.statistics_events import counted, tallying
from kiosk.watching import ignore
from tests.kiosk.people import by_chip
from tests.kiosk.world import HandClock, rows, site

TICKET = Ticket("t", "A0001", "KB", "2026-11-21T07:45:00+07:00", "v")


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (ReadingFailed("p", "card.removed"), "chip:card.removed"),
        (PayloadRefused("payload.unknown"), "code:payload.unknown"),
        (MrzFailed("p", "mrz.not_found"), "camera:mrz.not_found"),
        (PrintEnded("t", "printer.no_paper"), "printer:printer.no_paper"),
        (CommitFailed("p", "database.unavailable"), "store:database.unavailable"),
        (PresenceChanged(False, False, "reader.no_reader"), "reader:reader.no_reader"),
    ],
)
def test_a_failure_is_counted_by_device_and_code(event: Event, name: str) -> None:
    session = Session()
    assert counted(session, event, session) == [("failure", name)]


def test_what_is_well_and_what_was_known_before_is_no_failure() -> None:
    session = Session(reader_problem="reader.no_reader")
    for event in (PrintEnded("t"), PresenceChanged(True, False), PresenceChanged(False, False, "reader.no_reader")):
        assert counted(session, event, session) == []


@pytest.mark.parametrize(("state", "name"), [(AskKey(), "ask_key"), (AskQr(), "ask_qr")])
def test_who_leaves_without_a_ticket_is_counted_at_the_step_they_left(state: State, name: str) -> None:
    assert counted(Session(state=state), Tick(), Session(state=Start())) == [("abandoned", name)]


def test_who_has_a_ticket_gave_up_nothing() -> None:
    shown = Session(state=TicketShown(TICKET, None, False))
    assert counted(shown, Tick(), Session(state=Goodbye(False))) == []


def test_a_ticket_is_counted_in_the_language_it_was_shown_in() -> None:
    before = Session(state=Finishing(by_chip(), True, True), language="en")
    after = Session(state=TicketShown(TICKET, None, False), language="en")
    told: list[tuple[str, str]] = []
    tallying(lambda kind, name: told.append((kind, name)), ignore)(before, Committed("p", TICKET, False), after, 0.0)
    assert told == [("language", "en")]


def test_answers_in_time_and_minutes_away_are_kept_by_system(tmp_path: Path) -> None:
    settings, clock = site(tmp_path), HandClock()
    line = Breaker("portal", Rules(open_after_errors=1, slow_seconds=5, retry_seconds=60), clock.monotonic)
    lookups = LookupTally(settings, clock.now, [line])
    lookups.count("insurance", True, None)
    lookups.count("insurance", False, "portal.timeout")
    lookups.count("insurance", False, "portal.disabled")  # nobody was asked
    lookups.look()
    line.leave(line.enter(), Outcome(1.0, "portal.unreachable"))
    lookups.look()
    lookups.look()
    lookups.end()
    assert rows(settings, "SELECT kind, name, count FROM tallies ORDER BY kind, name") == [
        ("lookup", "insurance:answered", 1),
        ("lookup", "insurance:portal.timeout", 1),
        ("offline_minutes", "portal", 2),
        ("went_offline", "portal", 1),
    ]
