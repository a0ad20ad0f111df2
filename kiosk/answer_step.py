"""The hospital's own answer in the check-in: waited for a moment where the site wants it, shown when it comes.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

from hisbridge.questions import Coverage
from hisbridge.records import HospitalAnswer
from kiosk.events import CallStaff, Committed, CoverageCameLate, Effect, HospitalAnswered
from kiosk.moves import Step, cleared, go
from kiosk.policy import Policy
from kiosk.states import AwaitAnswer, Session, TicketShown


def ticket_made(session: Session, event: Committed, coverage: Coverage | None, now: float, policy: Policy) -> Session:
    """The ticket's screen, or the wait before it. Whoever must see the counter hears the rest there."""
    waits = policy.answer_wait_seconds > 0 and event.ticket.visit_id is not None and not event.needs_counter
    if waits:
        return go(cleared(session), AwaitAnswer(event.ticket, coverage), now)
    return go(cleared(session), TicketShown(event.ticket, coverage, event.needs_counter), now)


def show_ticket(session: Session, now: float, help_asked: bool = False) -> Step:
    """Enough waited: the ticket as it is known now."""
    state = session.state
    effects: tuple[Effect, ...] = (CallStaff(),) if help_asked else ()
    if not isinstance(state, AwaitAnswer):
        return session, effects
    return go(session, TicketShown(state.ticket, state.coverage, False), now), effects


def came_late(session: Session, event: CoverageCameLate, now: float) -> Session:
    """An insurance answer after the ticket: a ticket still on the screen tells it; its time goes on."""
    state = session.state
    if not isinstance(state, TicketShown | AwaitAnswer) or state.ticket.visit_id != event.visit_id:
        return session
    if isinstance(state, TicketShown):
        return replace(session, state=replace(state, coverage=event.coverage, needs_counter=event.needs_counter))
    if event.needs_counter:
        return go(session, TicketShown(state.ticket, event.coverage, True), now)
    return replace(session, state=replace(state, coverage=event.coverage))


def hospital_answered(session: Session, event: HospitalAnswered, now: float) -> Session:
    """What the hospital tells in time stands on the ticket. The first time the number or the room is told, the ticket's
    time begins anew: it is another thing to read, and nobody reads it in what is left. Whoever was sent somewhere by
    one system is not sent elsewhere by the next."""
    state, answer = session.state, event.answer
    if not isinstance(state, TicketShown | AwaitAnswer) or state.ticket.visit_id != event.visit_id:
        return session
    if isinstance(state, AwaitAnswer):
        shown = TicketShown(state.ticket, state.coverage, False, answer, event.destination)
        return go(session, shown, now) if leads(answer) else session
    if leads(state.told) and state.told_by != event.destination:
        return session
    told = replace(session, state=replace(state, told=answer, told_by=event.destination))
    return replace(told, entered=now) if leads(answer) and not leads(state.told) else told


def leads(answer: HospitalAnswer | None) -> bool:
    """Whether it tells the person where to go."""
    return answer is not None and bool(answer.room or answer.queue_number)
