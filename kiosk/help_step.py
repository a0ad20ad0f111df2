"""Help in the check-in: it is pressed, it is on the counters' pages, somebody says that they are coming.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

import re
from dataclasses import replace

from kiosk.events import CallStaff, HelpAnswered, HelpCalled
from kiosk.moves import Step, commit, fresh, go, stopping
from kiosk.states import AskInsurance, AwaitAnswer, Help, ReadingChip, Session, State, TicketShown

# Screens that are not called as their states are (docs/glossary.md, "What the screens say").
SCREENS: dict[type, str] = {ReadingChip: "reading", TicketShown: "ticket", AwaitAnswer: "finishing"}


def screen_name(state: State) -> str:
    """The name of its screen, for the counters."""
    return SCREENS.get(type(state)) or re.sub(r"(?<!^)([A-Z])", r"_\1", type(state).__name__).lower()


def help_asked(session: Session, now: float) -> Step:
    """Whatever was read is dropped: the person is on the way to the staff. Whoever said yes goes with their ticket,
    and whoever has a ticket keeps it before their eyes."""
    state, call = session.state, CallStaff(screen_name(session.state))
    if isinstance(state, TicketShown):
        return replace(session, entered=now), (call,)
    if isinstance(state, AskInsurance):
        kept, effects = commit(session, state.reading, state.coverage, now)
        return kept, (*effects, call)
    return go(replace(fresh(session), help_call=None), Help(), now), (*stopping(session), call)


def help_called(session: Session, event: HelpCalled) -> Session:
    """The call is out, or cannot be: then the number for the counter is what is left."""
    state = session.state
    session = replace(session, help_call=event.call_id)
    return replace(session, state=replace(state, call_id=event.call_id)) if isinstance(state, Help) else session


def help_answered(session: Session, event: HelpAnswered, now: float) -> Session:
    """Somebody is coming: whoever waits for them has all their time again."""
    if event.call_id != session.help_call:
        return session
    session, state = replace(session, help_call=None), session.state
    return go(session, replace(state, answered=True), now) if isinstance(state, Help) else session
