"""The check-in as a pure machine: `step(session, event, now, policy)` gives the next session and the effects.

It does nothing itself: no clock, no device, no store; `controller.py` carries the effects out. Every event is answered
in every state, if only by changing nothing. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace
from typing import assert_never

from kiosk.answer_step import came_late, hospital_answered, show_ticket, ticket_made
from kiosk.card_step import devices_changed, presence_changed
from kiosk.chip_moves import chip_failed, read_chip, tried
from kiosk.choice_step import (
    adjust_asked,
    confirmed,
    consent_given,
    consent_refused,
    counter_ticket,
    priority_asked,
    priority_chosen,
    service_chosen,
)
from kiosk.entries import digits_typed, payload_read, payload_refused
from kiosk.events import (
    AdjustAsked,
    CallStaff,
    Cancelled,
    CommitFailed,
    Committed,
    Confirmed,
    ConsentGiven,
    ConsentRefused,
    CounterTicketAsked,
    CoverageAnswered,
    CoverageCameLate,
    Denied,
    DevicesChanged,
    DigitsTyped,
    Event,
    HelpAnswered,
    HelpAsked,
    HelpCalled,
    HospitalAnswered,
    IdentityRead,
    LanguageChosen,
    LookForLines,
    MrzFailed,
    PathChosen,
    PayloadRead,
    PayloadRefused,
    PersonDid,
    PhaseReached,
    PresenceChanged,
    PrintAgainAsked,
    PrintEnded,
    PrinterTold,
    PriorityAsked,
    PriorityChosen,
    ReadingFailed,
    ReadingFinished,
    ServiceChosen,
    StopLooking,
    StoreLost,
    StoreRecovered,
    TellAgain,
    Tick,
    Touched,
    ViewChosen,
)
from kiosk.help_step import help_answered, help_asked, help_called, screen_name
from kiosk.insurance_card import accompanied
from kiosk.insurance_step import coverage_answered
from kiosk.moves import (
    CARD_REMOVED,
    NO_PERSONAL_ID,
    NOT_YOU,
    TWO_PEOPLE,
    Step,
    adopt,
    cleared,
    confirm,
    fail,
    fail_afresh,
    fresh,
    go,
    heard,
    home,
    is_committing,
    is_typed,
    resting,
    same_person,
    usable,
)
from kiosk.outage_step import minded
from kiosk.paper_step import print_again, print_ended, printer_told
from kiosk.person import known
from kiosk.policy import Policy
from kiosk.states import (
    Adjust,
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
    KeypadPurpose,
    NextPath,
    NoCard,
    OutOfOrder,
    ReadingChip,
    Session,
    Start,
    State,
    TicketShown,
)
from kiosk.timing import leave_ticket, tick
from reader.reading import Reading


def step(session: Session, event: Event, now: float, policy: Policy) -> Step:
    """The session after `event` at `now` (monotonic seconds), and what must be done, in order."""
    moved, effects = _step(session, event, now, policy)
    moved = minded(moved, now, policy)
    if isinstance(session.state, AskMrz) and not isinstance(moved.state, AskMrz):
        # However the screen is left: nobody holds the back of a card up any more.
        effects = (StopLooking(session.presentation), *effects)
    return moved, ((*effects, TellAgain()) if _asks_for_code(session.state, moved.state) else effects)


def _asks_for_code(before: State, now: State) -> bool:
    """Whether a code is asked for now that was not before. Of a card just placed it is a new one's: what lay in view
    until then was told when it came."""
    if type(before) is type(now):
        return False
    if isinstance(now, AskQr | AskInsurance):
        return now.problem is None
    return isinstance(now, AskKey) and not isinstance(before, Start | Adjust | TicketShown | Goodbye)


def _step(session: Session, event: Event, now: float, policy: Policy) -> Step:
    match event:
        case PresenceChanged():
            return presence_changed(session, event, now, policy)
        case DevicesChanged():
            return devices_changed(session, event, now, policy)
        case MrzFailed():
            return _lines_failed(session, event, now, policy)
        case PhaseReached() | IdentityRead() | ReadingFinished() | ReadingFailed():
            return _chip_told(session, event, now, policy)
        case CoverageAnswered():
            return coverage_answered(session, event, now, policy)
        case CoverageCameLate():
            return came_late(session, event, now), ()
        case HospitalAnswered():
            return hospital_answered(session, event, now), ()
        case Committed() | CommitFailed():
            return _store_told(session, event, now, policy)
        case PrintEnded():
            return print_ended(session, event, now), ()
        case PrinterTold():
            return printer_told(session, event), ()
        case HelpCalled():
            return help_called(session, event), ()
        case HelpAnswered():
            return help_answered(session, event, now), ()
        case StoreLost(code):
            return replace(session, store_problem=code), ()
        case StoreRecovered():
            return replace(session, store_problem=None), ()
        case Tick():
            return tick(session, now, policy)
        case LanguageChosen(language):
            spoken = language if language in policy.languages else session.language
            return replace(heard(session, now), language=spoken), ()
        case ViewChosen(view):
            return replace(heard(session, now), view=view), ()
        case _:
            return _person_did(session, event, now, policy)


def _person_did(session: Session, event: PersonDid, now: float, policy: Policy) -> Step:
    """Whatever the person does gives them all their time again; a commit under way is left alone."""
    if is_committing(session) or isinstance(session.state, OutOfOrder):
        called = CallStaff(screen_name(session.state))
        return session, ((called,) if isinstance(event, HelpAsked) else ())
    session = heard(session, now)
    if isinstance(session.state, AwaitAnswer) and not isinstance(event, PayloadRead | PayloadRefused):
        shown = show_ticket(session, now)
        return help_asked(shown, now) if isinstance(event, HelpAsked) else (shown, ())
    match event:
        case PayloadRead():
            return payload_read(session, event, now, policy)
        case PayloadRefused(code):
            return payload_refused(session, code, now, policy)
        case DigitsTyped():
            return digits_typed(session, event, now, policy)
        case PathChosen(path):
            return _path_chosen(session, path, now, policy)
        case Confirmed():
            return confirmed(session, now, policy)
        case Denied():
            asked = isinstance(session.state, Confirm | ChooseService | Finishing)
            return home(session, now, policy, NOT_YOU) if asked else (session, ())
        case ConsentGiven():
            return consent_given(session, event, now, policy)
        case ConsentRefused():
            return consent_refused(session, now)
        case ServiceChosen(code):
            return service_chosen(session, code, now, policy)
        case PriorityAsked():
            return priority_asked(session, now), ()
        case PriorityChosen(priority):
            return priority_chosen(session, priority, now), ()
        case AdjustAsked():
            return adjust_asked(session, now), ()
        case PrintAgainAsked():
            return print_again(session, now, policy)
        case HelpAsked():
            return help_asked(session, now)
        case CounterTicketAsked(reason):
            return (session, ()) if _has_ticket(session) else counter_ticket(session, reason, now)
        case Cancelled():
            return _cancelled(session, now, policy)
        case Touched():
            return session, ()  # heard, and no more: whoever goes through a screen by keys is not done with it
        case _:
            assert_never(event)


def _cancelled(session: Session, now: float, policy: Policy) -> Step:
    if _has_ticket(session):
        return leave_ticket(session, now, policy)
    if isinstance(session.state, Adjust):
        return go(session, resting(session), now), ()  # with the screen as the person wants it
    if isinstance(session.state, ChoosePriority):
        return go(session, session.state.back, now), ()  # a question beside the one they were asked
    return home(session, now, policy)


def _has_ticket(session: Session) -> bool:
    return isinstance(session.state, TicketShown)


# The chip.


def _lines_failed(session: Session, event: MrzFailed, now: float, policy: Policy) -> Step:
    if not isinstance(session.state, AskMrz) or event.presentation != session.presentation:
        return session, ()
    return fail(replace(session, line_failures=session.line_failures + 1), event.code, now, policy)


def _chip_told(
    session: Session,
    event: PhaseReached | IdentityRead | ReadingFinished | ReadingFailed,
    now: float,
    policy: Policy,
) -> Step:
    if event.presentation != session.presentation or not session.chip_running:
        return session, ()
    match event:
        case PhaseReached(_, phase, progress):
            if not isinstance(session.state, ReadingChip):
                return session, ()
            return replace(session, state=ReadingChip(phase, min(max(progress, 0), 100))), ()
        case IdentityRead(_, reading):
            return _chip_read(session, reading, False, now, policy)
        case ReadingFinished(_, reading):
            return _chip_read(replace(session, chip_running=False), reading, True, now, policy)
        case ReadingFailed(_, code):
            return chip_failed(session, CARD_REMOVED if code == "reader.no_card" else code, now, policy)
        case _:
            assert_never(event)


def _chip_read(session: Session, reading: Reading, complete: bool, now: float, policy: Policy) -> Step:
    if not usable(reading):
        failed, effects = fail_afresh(session, NO_PERSONAL_ID, now, policy)
        # A passport lying there will never name a citizen: what is held up or typed next stands without its chip.
        return replace(failed, chip_failures=policy.chip_attempts), effects
    shown = known(session)
    for other in (session.entry, shown.reading if shown is not None else None):
        # Typed digits may hold a slip; a code or a chip may not name somebody else.
        if other is not None and not is_typed(other) and not same_person(other, reading):
            return fail_afresh(session, TWO_PEOPLE, now, policy)
    return adopt(session, accompanied(reading, session.insurance), complete, now, policy)


# What the person chooses.


def _path_chosen(session: Session, path: NextPath, now: float, policy: Policy) -> Step:
    state = session.state
    if path is NextPath.STAFF:
        return help_asked(session, now) if not _has_ticket(session) else (session, ())
    if not isinstance(state, Start | Adjust | AskKey | AskQr | AskMrz | Keypad | NoCard | Failed | Help):
        return session, ()
    if isinstance(state, Failed) and path not in state.paths:
        return session, ()
    if path is NextPath.MRZ:
        return _look_for_lines(session, now)
    if isinstance(state, Start | Adjust):
        session = fresh(session)
    if path is NextPath.NO_CARD:
        return go(session, NoCard(), now), ()
    entry = session.entry
    if path is NextPath.PERSONAL_ID:
        if entry is not None and is_typed(entry):
            return confirm(session, entry, True, now, policy)
        return go(session, Keypad(KeypadPurpose.PERSONAL_ID), now), ()
    if path is NextPath.QR:
        if entry is not None and not is_typed(entry):
            return confirm(session, entry, True, now, policy)
        return go(session, AskQr(mrz=session.mrz_needed and session.devices.camera), now), ()
    if not session.card_present:
        return home(session, now, policy)
    if path is NextPath.CARD_NUMBER:
        return go(session, Keypad(KeypadPurpose.CARD_KEY), now), ()
    key, left = session.key, session.chip_failures < policy.chip_attempts
    refused = session.mrz_needed and key is not None and tried(session, key)
    if key is not None and left and not refused:
        return read_chip(session, key, now)
    return go(session, AskKey(), now), ()


def _look_for_lines(session: Session, now: float) -> Step:
    state = session.state
    offered = isinstance(state, Failed) or (isinstance(state, AskQr) and state.mrz)
    if not offered or not session.devices.camera:
        return session, ()
    return go(session, AskMrz(), now), (LookForLines(session.presentation),)


# What bridge and store answer.


def _store_told(session: Session, event: Committed | CommitFailed, now: float, policy: Policy) -> Step:
    state = session.state
    if event.presentation != session.presentation or not isinstance(state, Finishing) or not state.committing:
        return session, ()
    if isinstance(event, CommitFailed):
        return go(replace(cleared(session), store_problem=event.code), OutOfOrder(event.code), now), ()
    return ticket_made(session, event, state.coverage, now, policy)
