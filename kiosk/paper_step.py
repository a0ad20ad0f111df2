"""The ticket's paper in the check-in: it came out or not, another copy is wanted, how the printer is.

The number is durable before anything is printed, and stands on the screen whatever the printer does. Pure, like
`moves.py`. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

from kiosk.events import PrintEnded, PrinterTold, PrintTicket
from kiosk.moves import Step
from kiosk.policy import Policy
from kiosk.states import AwaitAnswer, Paper, Session, TicketShown


def print_ended(session: Session, event: PrintEnded, now: float) -> Session:
    """What became of the paper. Where it did not come out the ticket's time begins anew: the number is to be learned
    by heart now, and nobody does that in what is left."""
    session = printer_told(session, PrinterTold(event.code))
    state = session.state
    if not isinstance(state, TicketShown | AwaitAnswer) or state.ticket.ticket_id != event.ticket_id:
        return session
    if state.paper is not Paper.PRINTING:
        return session
    paper = Paper.PRINTED if event.code is None else Paper.NONE
    told = replace(session, state=replace(state, paper=paper, paper_problem=event.code))
    return replace(told, entered=now) if event.code and isinstance(state, TicketShown) else told


def printer_told(session: Session, event: PrinterTold) -> Session:
    """How the printer is."""
    return replace(session, printer_problem=event.code, printer_seen=True)


def print_again(session: Session, now: float, policy: Policy) -> Step:
    """Another copy of the ticket on the screen, a few times at most: the roll is everybody's."""
    state = session.state
    if not isinstance(state, TicketShown) or not policy.printer or state.paper is Paper.PRINTING:
        return session, ()
    if state.printed_again >= policy.print_again:
        return session, ()
    again = replace(state, paper=Paper.PRINTING, paper_problem=None, printed_again=state.printed_again + 1)
    effect = PrintTicket(state.ticket, session.language, state.wait, state.needs_counter, again=True)
    return replace(session, state=again, entered=now), (effect,)
