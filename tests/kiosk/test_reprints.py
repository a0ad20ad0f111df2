"""The tickets' paper on a real database: what came out, and the copies that the staff ask for, each printed once."""

import threading
from collections.abc import Iterator

import pytest

from config.settings import Settings
from kiosk.queue.errors import NoSuchTicket
from kiosk.reprints import LASTS_SECONDS, Reprints, TicketOnPaper, open_reprints
from kiosk.states import Ticket
from tests.kiosk.world import HandClock, rows, store_of


@pytest.fixture
def reprints(settings: Settings, clock: HandClock) -> Iterator[Reprints]:
    opened = open_reprints(settings, clock)
    yield opened
    opened.close()


@pytest.fixture
def ticket(settings: Settings) -> Ticket:
    with store_of(settings) as store:
        return store.counter_ticket("run-1").ticket


def test_a_copy_is_asked_for_printed_and_done(settings: Settings, reprints: Reprints, ticket: Ticket) -> None:
    asked = reprints.ask(ticket.ticket_id, "lan.nt")
    (one,) = reprints.open()
    assert (one.reprint_id, one.ticket, one.needs_counter, one.asked_by) == (asked, ticket, True, "lan.nt")
    reprints.begin(one)
    assert reprints.open() == []
    reprints.done(one, None)
    assert reprints.paper_of(ticket.ticket_id) == TicketOnPaper("2026-11-21T07:45:00+07:00")
    assert rows(settings, "SELECT done_at NOTNULL, code FROM reprints") == [(1, None)]


def test_pressing_again_while_it_waits_is_the_same_copy(reprints: Reprints, ticket: Ticket) -> None:
    first = reprints.ask(ticket.ticket_id, "lan.nt")
    assert reprints.ask(ticket.ticket_id, "minh") == first
    (one,) = reprints.open()
    reprints.done(one, None)
    assert reprints.ask(ticket.ticket_id, "lan.nt") != first


def test_a_copy_begun_when_the_kiosk_went_down_is_not_printed_again(
    settings: Settings, reprints: Reprints, ticket: Ticket
) -> None:
    reprints.ask(ticket.ticket_id, "lan.nt")
    reprints.begin(reprints.open()[0])
    assert reprints.open() == []
    assert rows(settings, "SELECT code FROM reprints") == [("printer.unknown",)]


def test_a_copy_nobody_printed_in_time_is_not_printed_at_night(
    reprints: Reprints, clock: HandClock, ticket: Ticket
) -> None:
    reprints.ask(ticket.ticket_id, "lan.nt")
    clock.jump(seconds=LASTS_SECONDS + 1)
    assert reprints.open() == []


def test_what_became_of_a_tickets_paper_is_told(reprints: Reprints, ticket: Ticket) -> None:
    name = ticket.ticket_id
    assert not reprints.paper_of(name).begun
    reprints.begin_ticket(name, "en")
    assert reprints.paper_of(name) == TicketOnPaper(None, "printer.unknown")
    reprints.ticket_done(name, "printer.paper_out")
    assert reprints.paper_of(name) == TicketOnPaper(None, "printer.paper_out")
    reprints.ask(name, "lan.nt")
    (one,) = reprints.open()
    assert (one.language, one.first) == ("en", False)
    reprints.done(one, None)
    assert reprints.paper_of(name) == TicketOnPaper("2026-11-21T07:45:00+07:00")


def test_a_ticket_that_never_was_on_paper_gets_no_copy_but_itself(reprints: Reprints, ticket: Ticket) -> None:
    reprints.ask(ticket.ticket_id, "lan.nt")
    assert reprints.open()[0].first


def test_there_is_no_copy_of_a_ticket_that_is_not(reprints: Reprints) -> None:
    with pytest.raises(NoSuchTicket):
        reprints.ask("none", "lan.nt")
    with pytest.raises(NoSuchTicket):
        reprints.paper_of("none")


def test_twenty_counters_that_press_at_once_ask_for_one_copy(
    settings: Settings, clock: HandClock, ticket: Ticket
) -> None:
    counters = [open_reprints(settings, clock) for _ in range(20)]
    asked: list[int] = []

    def press(counter: Reprints) -> None:
        asked.append(counter.ask(ticket.ticket_id, "lan.nt"))
        counter.close()

    threads = [threading.Thread(target=press, args=(counter,)) for counter in counters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 20
    assert len(set(asked)) == 1
