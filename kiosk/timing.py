"""What the passing of time does to the check-in, and when it will do so next.

Pure, on monotonic seconds. A commit is never timed out. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

from kiosk.moves import TOO_SLOW, Step, ask_for_key, chip_failed, home, resting, settle, stopping
from kiosk.policy import Policy
from kiosk.states import AskKey, AskQr, Confirm, Failed, Finishing, Help, Keypad, Session, Start, TicketShown

WAITS_FOR_PERSON = AskKey | AskQr | Keypad | Confirm | Failed | Help


def tick(session: Session, now: float, policy: Policy) -> Step:
    """Time passed: every limit that is over takes effect."""
    due = wake_at(session, policy)
    if due is None or now < due:
        return session, ()
    if session.chip_running and now >= session.chip_since + policy.chip_seconds:
        failed, effects = chip_failed(session, TOO_SLOW, now, policy)
        return failed, stopping(session) + effects
    state = session.state
    if isinstance(state, Start):
        return replace(session, state=resting(session), language=policy.language), ()
    if isinstance(state, TicketShown):
        return leave_ticket(session, now, policy)
    if isinstance(state, Finishing):
        return settle(session, now, policy)
    if session.warned:
        return home(session, now, policy)
    return replace(session, warned=True, warned_at=now), ()


def wake_at(session: Session, policy: Policy) -> float | None:
    """Monotonic seconds at which `tick` will do something; None when only an event can."""
    chip = session.chip_since + policy.chip_seconds if session.chip_running else None
    screen = _screen_ends(session, policy)
    if chip is None or screen is None:
        return screen if chip is None else chip
    return min(chip, screen)


def leave_ticket(session: Session, now: float, policy: Policy) -> Step:
    """The ticket has been seen: on to the next person's card when it already lies there."""
    if session.card_waiting and session.card_present:
        return ask_for_key(replace(session, language=policy.language), now), ()
    return home(session, now, policy)


def _screen_ends(session: Session, policy: Policy) -> float | None:
    state = session.state
    if isinstance(state, Start):
        if state != resting(session):
            return session.since + policy.notice_seconds
        return session.since + policy.idle_seconds if session.language != policy.language else None
    if isinstance(state, TicketShown):
        shown = policy.ticket_least_seconds if session.card_waiting else policy.ticket_seconds
        return session.entered + shown
    if isinstance(state, Finishing):
        waiting = state.complete and not state.committing
        return session.asked + policy.coverage_deadline_seconds if waiting else None
    if isinstance(state, WAITS_FOR_PERSON):
        if session.warned:
            return session.warned_at + policy.warning_seconds
        return session.since + policy.idle_seconds
    return None
