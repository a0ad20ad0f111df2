"""What the passing of time does to the check-in, and when it will do so next.

Pure, on monotonic seconds. A commit is never timed out. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

from kiosk.answer_step import show_ticket
from kiosk.chip_moves import chip_failed, use_entry
from kiosk.moves import (
    TOO_SLOW,
    Step,
    ask_for_key,
    cleared,
    commit,
    fresh,
    go,
    home,
    is_adjusted,
    noted,
    resting,
    settle,
    stopping,
    unadjusted,
)
from kiosk.outage_step import awaits_devices, grace_ends
from kiosk.policy import Policy
from kiosk.states import (
    Adjust,
    AskConsent,
    AskInsurance,
    AskKey,
    AskMrz,
    AskQr,
    AwaitAnswer,
    ChoosePriority,
    ChooseService,
    Confirm,
    Failed,
    Finishing,
    Goodbye,
    Help,
    Keypad,
    NoCard,
    OutOfOrder,
    Paper,
    Session,
    Start,
    State,
    TicketShown,
)

WAITS_FOR_PERSON = (
    Adjust | AskKey | AskQr | AskMrz | Keypad | AskConsent | Confirm | ChooseService | ChoosePriority | AskInsurance
    | NoCard | Failed | Help
)  # fmt: skip


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
        return _rest(session, now, policy), ()
    if isinstance(state, OutOfOrder):
        return unadjusted(session, policy), ()
    if isinstance(state, TicketShown):
        return leave_ticket(session, now, policy)
    if isinstance(state, Goodbye):
        return home(session, now, policy)
    if isinstance(state, AwaitAnswer):
        return show_ticket(session, now), ()
    if isinstance(state, Finishing):
        return settle(session, now, policy)
    offer = _offers_lines(session, policy)
    if isinstance(state, AskQr) and offer is not None and now >= offer:
        return replace(session, state=replace(state, mrz=True)), ()
    if session.warned and isinstance(state, AskInsurance):
        return commit(session, state.reading, state.coverage, now)  # they said yes; the counter sees to the rest
    if session.warned:
        # Also whoever said yes and chose no service: nothing was promised them, and nobody would come when called.
        return home(session, now, policy)
    return replace(session, warned=True, warned_at=now), ()


def wake_at(session: Session, policy: Policy) -> float | None:
    """Monotonic seconds at which `tick` will do something; None when only an event can."""
    chip = session.chip_since + policy.chip_seconds if session.chip_running else None
    devices = grace_ends(session, policy) if awaits_devices(session, policy) else None
    limits = (chip, devices, _screen_ends(session, policy), _offers_lines(session, policy), _forgets(session, policy))
    return min((limit for limit in limits if limit is not None), default=None)


def leave_ticket(session: Session, now: float, policy: Policy) -> Step:
    """The ticket has been seen: goodbye, or on to the next person, whose code or card is already there."""
    state, code, card = session.state, session.code_waiting, session.card_waiting and session.card_present
    if code is None and not card:
        left = go(cleared(session), _goodbye(state), now)
        return replace(left, lately_at=now if session.lately_at else 0.0), ()
    session = replace(unadjusted(session, policy), help_call=None)
    if code is None:
        return ask_for_key(session, now), ()
    return use_entry(noted(fresh(session), code, now), code, now, policy)


def _goodbye(state: State) -> Goodbye:
    if not isinstance(state, TicketShown):
        return Goodbye(needs_counter=False)
    told = state.told.room if state.told is not None else None
    return Goodbye(state.needs_counter, told or "")


def _rest(session: Session, now: float, policy: Policy) -> Session:
    """The start screen: who was there is forgotten, the notice goes, language and view are the site's again."""
    if session.lately and now >= session.lately_at + policy.again_seconds:
        session = replace(session, lately="")
    ends = _start_ends(session, policy)
    if ends is None or now < ends:
        return session
    return replace(unadjusted(session, policy), state=resting(session), code_failures=0)


def _offers_lines(session: Session, policy: Policy) -> float | None:
    """When a code that does not come is taken for worn."""
    state = session.state
    waits = isinstance(state, AskQr) and session.devices.camera and not state.mrz
    return session.entered + policy.mrz_offer_seconds if waits else None


def _forgets(session: Session, policy: Policy) -> float | None:
    resting_now = isinstance(session.state, Start) and session.lately
    return session.lately_at + policy.again_seconds if resting_now else None


def _start_ends(session: Session, policy: Policy) -> float | None:
    if session.state != resting(session):
        return session.since + policy.notice_seconds
    return session.since + policy.idle_seconds if is_adjusted(session, policy) else None


def _screen_ends(session: Session, policy: Policy) -> float | None:
    state = session.state
    if isinstance(state, Start):
        return _start_ends(session, policy)
    if isinstance(state, TicketShown):
        return _ticket_ends(session, state, policy)
    if isinstance(state, Goodbye):
        return max(session.entered, session.since) + policy.goodbye_seconds
    if isinstance(state, OutOfOrder):
        return session.since + policy.idle_seconds if is_adjusted(session, policy) else None
    if isinstance(state, AwaitAnswer):
        return session.entered + policy.answer_wait_seconds
    if isinstance(state, Finishing):
        waiting = state.complete and not state.committing
        return session.asked + policy.coverage_deadline_seconds if waiting else None
    if isinstance(state, WAITS_FOR_PERSON):
        if session.warned:
            return session.warned_at + policy.warning_seconds
        return session.since + (policy.mrz_idle_seconds if isinstance(state, AskMrz) else policy.idle_seconds)
    return None


def _ticket_ends(session: Session, state: TicketShown, policy: Policy) -> float:
    """A number that is on no paper, or not yet, is to be learned by heart. Whoever has it spoken again is still there,
    until the next person is."""
    if session.card_waiting or session.code_waiting is not None:
        return session.entered + policy.ticket_least_seconds
    stands = policy.ticket_seconds if state.paper is Paper.PRINTED else policy.ticket_alone_seconds
    return max(session.entered, session.since) + stands
