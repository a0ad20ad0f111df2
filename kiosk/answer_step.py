"""The hospital's own answer in the check-in: waited for a moment where the site wants it, shown when it comes.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

from hisbridge.questions import Coverage
from hisbridge.records import HospitalAnswer
from kiosk.events import Committed, CoverageCameLate, HospitalAnswered, PrintTicket
from kiosk.moves import Step, cleared, go
from kiosk.policy import Policy
from kiosk.states import AwaitAnswer, Paper, Session, TicketShown


def ticket_made(session: Session, event: Committed, coverage: Coverage | None, now: float, policy: Policy) -> Step:
    """The ticket's screen, or the wait before it; its paper begins at once. Whoever must see the counter hears the
    rest there."""
    ticket, wait = event.ticket, event.wait
    paper = Paper.PRINTING if policy.printer else Paper.NONE
    waits = policy.answer_wait_seconds > 0 and ticket.visit_id is not None and not event.needs_counter
    if waits:
        made = go(cleared(session), AwaitAnswer(ticket, coverage, wait, paper), now)
    else:
        shown = TicketShown(ticket, coverage, event.needs_counter, wait=wait, paper=paper)
        made = go(cleared(session), shown, now)
    printed = PrintTicket(ticket, session.language, wait, event.needs_counter)
    return replace(made, store_problem=None), ((printed,) if policy.printer else ())


def show_ticket(session: Session, now: float) -> Session:
    """Enough waited: the ticket as it is known now."""
    state = session.state
    return go(session, _shown(state), now) if isinstance(state, AwaitAnswer) else session


def _shown(state: AwaitAnswer) -> TicketShown:
    return TicketShown(
        state.ticket, state.coverage, False, wait=state.wait, paper=state.paper, paper_problem=state.paper_problem
    )


def came_late(session: Session, event: CoverageCameLate, now: float) -> Session:
    """An insurance answer after the ticket: a ticket still on the screen tells it; its time goes on."""
    state = session.state
    if not isinstance(state, TicketShown | AwaitAnswer) or state.ticket.visit_id != event.visit_id:
        return session
    if isinstance(state, TicketShown):
        return replace(session, state=replace(state, coverage=event.coverage, needs_counter=event.needs_counter))
    if event.needs_counter:
        return go(session, replace(_shown(state), coverage=event.coverage, needs_counter=True), now)
    return replace(session, state=replace(state, coverage=event.coverage))


def hospital_answered(session: Session, event: HospitalAnswered, now: float) -> Session:
    """What the hospital tells in time stands on the ticket. The first time the number or the room is told, the ticket's
    time begins anew: it is another thing to read, and nobody reads it in what is left. Whoever was sent somewhere by
    one system is not sent elsewhere by the next."""
    state, answer = session.state, event.answer
    if not isinstance(state, TicketShown | AwaitAnswer) or state.ticket.visit_id != event.visit_id:
        return session
    if isinstance(state, AwaitAnswer):
        shown = replace(_shown(state), told=answer, told_by=event.destination)
        return go(session, shown, now) if leads(answer) else session
    if leads(state.told) and state.told_by != event.destination:
        return session
    told = replace(session, state=replace(state, told=answer, told_by=event.destination))
    return replace(told, entered=now) if leads(answer) and not leads(state.told) else told


def leads(answer: HospitalAnswer | None) -> bool:
    """Whether it tells the person where to go."""
    return answer is not None and bool(answer.room or answer.queue_number)
