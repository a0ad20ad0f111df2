"""The ticket on the screen and on paper, and the goodbye behind it; help that is called and answered."""

import pytest

from kiosk.events import (
    CallStaff,
    Cancelled,
    Commit,
    Committed,
    Confirmed,
    CounterTicketAsked,
    CoverageAnswered,
    HelpAnswered,
    HelpAsked,
    HelpCalled,
    PayloadRead,
    PrintAgainAsked,
    PrintEnded,
    PrintTicket,
)
from kiosk.policy import Policy
from kiosk.queue.model import Wait
from kiosk.states import AskKey, AwaitAnswer, Confirm, Goodbye, Help, Paper, Start, TicketShown
from tests.kiosk.machine import CARD, NO_CARD, TICKET, Kiosk, holds_nothing
from tests.kiosk.people import MINH, by_qr, covered

WAIT = Wait(ahead=3, least_minutes=10, most_minutes=20)
PRINTS = Policy(printer=True)


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk(PRINTS)


def ticket(kiosk: Kiosk) -> tuple[object, ...]:
    """A committed ticket; what the commit asked for."""
    kiosk.tell(PayloadRead(by_qr()))
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed())
    return kiosk.tell(Committed(kiosk.name, TICKET, needs_counter=False, wait=WAIT))


def shown(kiosk: Kiosk) -> TicketShown:
    assert isinstance(kiosk.state, TicketShown)
    return kiosk.state


def test_a_committed_ticket_is_shown_and_printed_and_not_before(kiosk: Kiosk) -> None:
    assert ticket(kiosk) == (PrintTicket(TICKET, "vi", WAIT),)
    assert kiosk.state == TicketShown(TICKET, covered(), False, wait=WAIT, paper=Paper.PRINTING)
    assert [type(effect) for effect in kiosk.effects[-2:]] == [Commit, PrintTicket]
    kiosk.tell(PrintEnded("t"))
    assert shown(kiosk).paper is Paper.PRINTED


def test_a_site_without_a_printer_prints_nothing() -> None:
    kiosk = Kiosk()
    assert ticket(kiosk) == ()
    assert shown(kiosk).paper is Paper.NONE
    assert kiosk.tell(PrintAgainAsked()) == ()


def test_a_ticket_is_printed_while_the_hospital_is_waited_for() -> None:
    kiosk = Kiosk(Policy(printer=True, answer_wait_seconds=3))
    assert ticket(kiosk) == (PrintTicket(TICKET, "vi", WAIT),)
    kiosk.tell(PrintEnded("t", "printer.paper_out"))
    assert kiosk.state == AwaitAnswer(TICKET, covered(), WAIT, Paper.NONE, "printer.paper_out")
    kiosk.wait(3)
    assert shown(kiosk) == TicketShown(TICKET, covered(), False, wait=WAIT, paper_problem="printer.paper_out")


def test_a_number_that_is_on_no_paper_stays_longer(kiosk: Kiosk) -> None:
    ticket(kiosk)
    kiosk.tell(PrintEnded("t"))
    kiosk.wait(PRINTS.ticket_seconds)
    assert kiosk.state == Goodbye(needs_counter=False)
    other = Kiosk(PRINTS)
    ticket(other)
    other.wait(19)
    other.tell(PrintEnded("t", "printer.offline"))
    other.wait(PRINTS.ticket_alone_seconds - 0.1)
    assert shown(other).paper_problem == "printer.offline"
    other.wait(0.2)
    assert isinstance(other.state, Goodbye)


def test_paper_that_came_late_is_not_the_next_tickets(kiosk: Kiosk) -> None:
    ticket(kiosk)
    kiosk.tell(PrintEnded("another"))
    assert shown(kiosk).paper is Paper.PRINTING
    kiosk.tell(Cancelled(), Cancelled(), PrintEnded("t", "printer.offline"))
    assert kiosk.state == Start()
    assert kiosk.session.printer_problem == "printer.offline"


def test_a_person_may_have_another_copy_and_not_the_whole_roll(kiosk: Kiosk) -> None:
    ticket(kiosk)
    assert kiosk.tell(PrintAgainAsked()) == ()  # one is printing
    for _ in range(PRINTS.print_again):
        kiosk.tell(PrintEnded("t", "printer.paper_out"))
        assert kiosk.tell(PrintAgainAsked()) == (PrintTicket(TICKET, "vi", WAIT, again=True),)
        assert shown(kiosk).paper is Paper.PRINTING
    kiosk.tell(PrintEnded("t"))
    assert kiosk.tell(PrintAgainAsked()) == ()


def test_the_goodbye_says_where_to_go_and_goes_by_itself(kiosk: Kiosk) -> None:
    kiosk.tell(CounterTicketAsked())
    kiosk.tell(Committed(kiosk.name, TICKET, needs_counter=True), CARD, NO_CARD, Cancelled())
    assert kiosk.state == Goodbye(needs_counter=True)
    assert holds_nothing(kiosk.session)
    kiosk.wait(PRINTS.goodbye_seconds)
    assert kiosk.state == Start()


def test_the_next_person_need_not_wait_for_the_goodbye(kiosk: Kiosk) -> None:
    ticket(kiosk)
    kiosk.tell(Cancelled(), PayloadRead(by_qr(MINH)))
    assert kiosk.state == Confirm(by_qr(MINH), complete=True)
    other = Kiosk(PRINTS)
    ticket(other)
    other.tell(Cancelled(), CARD)
    assert other.state == AskKey()


# Help.


def test_help_is_called_and_its_answer_seen(kiosk: Kiosk) -> None:
    assert kiosk.tell(HelpAsked()) == (CallStaff("start"),)
    assert kiosk.state == Help()
    kiosk.tell(HelpCalled(7))
    assert kiosk.state == Help(call_id=7)
    kiosk.tell(HelpAnswered(6))
    assert kiosk.state == Help(call_id=7)
    kiosk.tell(HelpAnswered(7))
    assert kiosk.state == Help(call_id=7, answered=True)
    kiosk.tell(Cancelled())
    assert kiosk.session.help_call is None


def test_help_that_cannot_be_called_says_so_and_leaves_the_number_for_the_counter(kiosk: Kiosk) -> None:
    kiosk.tell(HelpAsked(), HelpCalled(None))
    assert kiosk.state == Help()
    assert isinstance(kiosk.tell(CounterTicketAsked())[0], Commit)


def test_help_at_the_ticket_takes_it_from_nobody(kiosk: Kiosk) -> None:
    ticket(kiosk)
    kiosk.wait(10)
    assert kiosk.tell(HelpAsked()) == (CallStaff("ticket"),)
    assert isinstance(kiosk.state, TicketShown)
    assert kiosk.session.entered == kiosk.now
