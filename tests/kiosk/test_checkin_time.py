"""Time in a check-in: warnings, what is given up and what never, when a ticket goes."""

import pytest

from kiosk.events import (
    Cancelled,
    Committed,
    Confirmed,
    CounterTicketAsked,
    CoverageAnswered,
    Denied,
    HelpAsked,
    PayloadRead,
    Touched,
)
from kiosk.states import (
    AskKey,
    Confirm,
    Goodbye,
    Start,
    TicketShown,
)
from tests.kiosk.machine import (
    CARD,
    NO_CARD,
    NO_READER,
    POLICY,
    TICKET,
    Kiosk,
    confirming_chip,
    holds_nothing,
    past_the_ticket,
)
from tests.kiosk.people import MINH, by_qr, covered


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


# Time.


def test_whoever_does_nothing_is_warned_and_then_forgotten(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.wait(POLICY.idle_seconds)
    assert kiosk.session.warned
    assert isinstance(kiosk.state, Confirm)
    kiosk.wait(POLICY.warning_seconds - 0.1)
    assert isinstance(kiosk.state, Confirm)
    kiosk.wait(0.2)
    assert isinstance(kiosk.state, Start)
    assert holds_nothing(kiosk.session)


def test_a_touch_clears_the_warning_and_gives_all_the_time_again(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.wait(POLICY.idle_seconds)
    kiosk.tell(Touched())
    assert not kiosk.session.warned
    kiosk.wait(POLICY.idle_seconds - 1)
    assert not kiosk.session.warned


def test_a_warning_that_came_late_still_stands_its_whole_time(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.wait(POLICY.idle_seconds + 100)
    assert kiosk.session.warned
    kiosk.wait(POLICY.warning_seconds - 0.1)
    assert isinstance(kiosk.state, Confirm)


def test_a_commit_under_way_is_never_given_up(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed())
    before = kiosk.state
    kiosk.tell(NO_CARD, NO_READER, Cancelled(), Denied(), HelpAsked(), CounterTicketAsked(), PayloadRead(by_qr(MINH)))
    kiosk.wait(100_000)
    assert kiosk.state == before
    kiosk.tell(Committed(kiosk.name, TICKET, needs_counter=False))
    assert isinstance(kiosk.state, TicketShown)


def test_the_ticket_goes_when_its_holder_is_done(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed(), Committed(kiosk.name, TICKET, False), NO_CARD)
    kiosk.tell(Cancelled())
    assert kiosk.state == Goodbye(needs_counter=False)
    kiosk.tell(Cancelled())
    assert kiosk.state == Start()


def test_whoever_has_the_ticket_spoken_again_keeps_it_until_the_next_person_comes(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed(), Committed(kiosk.name, TICKET, False), NO_CARD)
    for _ in range(3):
        kiosk.wait(POLICY.ticket_alone_seconds - 1)
        shown, entered = kiosk.state, kiosk.session.entered
        kiosk.tell(Touched())
        assert isinstance(shown, TicketShown)
        assert (kiosk.state, kiosk.session.entered) == (shown, entered)  # it is not said from its start
    kiosk.tell(CARD)
    assert kiosk.state == AskKey()
    other = Kiosk()
    other.tell(CounterTicketAsked())
    other.tell(Committed(other.name, TICKET, needs_counter=True), Cancelled())
    other.wait(POLICY.goodbye_seconds - 1)
    other.tell(Touched())
    other.wait(2)
    assert other.state == Goodbye(needs_counter=True)


def test_the_next_card_waits_until_the_ticket_could_be_read(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed(), Committed(kiosk.name, TICKET, False), NO_CARD)
    kiosk.tell(CARD)
    assert isinstance(kiosk.state, TicketShown)
    kiosk.wait(POLICY.ticket_least_seconds)
    assert kiosk.state == AskKey()


def test_a_card_left_on_the_reader_is_not_the_next_one(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed(), Committed(kiosk.name, TICKET, False))
    past_the_ticket(kiosk)
    assert kiosk.state == Start("checkin.card_still_there")
