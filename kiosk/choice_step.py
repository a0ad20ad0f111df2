"""What a person says of themselves besides who they are: consent, yes, service, priority, how the screen shall look.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

from kiosk.events import ConsentGiven
from kiosk.insurance_card import accompanied
from kiosk.moves import Step, commit, confirm, fresh, go, settle, stopping
from kiosk.policy import Policy
from kiosk.queue.model import DECLARED, Priority
from kiosk.states import (
    Adjust,
    AskConsent,
    AskInsurance,
    ChoosePriority,
    ChooseService,
    Confirm,
    CounterReason,
    Finishing,
    NoCard,
    Session,
    Start,
)


def consent_given(session: Session, event: ConsentGiven, now: float, policy: Policy) -> Step:
    """Agreed, to the text that stands: now the person is asked who they are, and the insurance about them."""
    state = session.state
    if not isinstance(state, AskConsent) or event.consent.version != policy.consent_version:
        return session, ()
    agreed = replace(session, choice=replace(session.choice, consent=event.consent))
    return confirm(agreed, accompanied(state.reading, session.insurance), state.complete, now, policy)


def consent_refused(session: Session, now: float) -> Step:
    """Not agreed: what was read is dropped, and a number for the counter given."""
    return counter_ticket(session, CounterReason.NONE, now) if isinstance(session.state, AskConsent) else (session, ())


def counter_ticket(session: Session, reason: CounterReason, now: float, service_code: str = "") -> Step:
    """A number without anybody's data. `service_code`: for a service that asks for none."""
    anew = fresh(session)
    anew = replace(anew, choice=replace(anew.choice, service_code=service_code))
    asked, effects = commit(anew, None, None, now, reason)
    return asked, stopping(session) + effects


def confirmed(session: Session, now: float, policy: Policy) -> Step:
    """Yes, this is me: on to the service where there is more than one, else to the end."""
    state = session.state
    if isinstance(state, AskInsurance):
        return commit(session, state.reading, state.coverage, now)  # on without a card
    if not isinstance(state, Confirm):
        return session, ()
    if len(policy.offered) > 1:
        return go(session, ChooseService(state.reading, state.complete, state.coverage), now), ()
    return _finish(session, state, "".join(policy.offered), now, policy)


def service_chosen(session: Session, code: str, now: float, policy: Policy) -> Step:
    """One of those offered; without a card one that asks for no identity."""
    state = session.state
    if isinstance(state, NoCard) and code in policy.without_identity:
        return counter_ticket(session, CounterReason.NONE, now, code)
    if not isinstance(state, ChooseService) or code not in policy.offered:
        return session, ()
    return _finish(session, state, code, now, policy)


def priority_asked(session: Session, now: float) -> Session:
    """The question why they go first, above the one they were asked."""
    state = session.state
    return go(session, ChoosePriority(state), now) if isinstance(state, Confirm | ChooseService) else session


def priority_chosen(session: Session, priority: Priority, now: float) -> Session:
    """Back to the question before, with what they declared; what a birth date tells nobody declares."""
    state = session.state
    if not isinstance(state, ChoosePriority) or priority not in (*DECLARED, Priority.NONE):
        return session
    return go(replace(session, choice=replace(session.choice, priority=priority)), state.back, now)


def adjust_asked(session: Session, now: float) -> Session:
    """How the screen shall look, before anything else: what is read later stands in letters that can be read."""
    return go(session, Adjust(), now) if isinstance(session.state, Start) else session


def _finish(session: Session, state: Confirm | ChooseService, code: str, now: float, policy: Policy) -> Step:
    chosen = replace(session, choice=replace(session.choice, service_code=code))
    return settle(go(chosen, Finishing(state.reading, state.complete, state.coverage), now), now, policy)
