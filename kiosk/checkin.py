"""The check-in as a pure machine: `step(session, event, now, policy)` gives the next session and the effects.

It does nothing itself: no clock, no device, no store; `controller.py` carries the effects out. Every event is answered
in every state, if only by changing nothing. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace
from typing import assert_never

from kiosk.answer_step import came_late, hospital_answered, show_ticket, ticket_made
from kiosk.entries import digits_typed, payload_read, payload_refused
from kiosk.events import (
    CallStaff,
    Cancelled,
    CommitFailed,
    Committed,
    Confirmed,
    CounterTicketAsked,
    CoverageAnswered,
    CoverageCameLate,
    Denied,
    DevicesChanged,
    DigitsTyped,
    Event,
    HelpAsked,
    HospitalAnswered,
    IdentityRead,
    LanguageChosen,
    LookForLines,
    MrzFailed,
    PathChosen,
    PayloadRead,
    PayloadRefused,
    PhaseReached,
    PresenceChanged,
    ReadingFailed,
    ReadingFinished,
    StopLooking,
    StoreLost,
    StoreRecovered,
    TellAgain,
    Tick,
    Touched,
)
from kiosk.insurance_card import accompanied
from kiosk.insurance_step import coverage_answered
from kiosk.moves import (
    CAMERA_MISSING,
    CARD_AWAITED,
    CARD_REMOVED,
    CARD_STILL_THERE,
    NO_PERSONAL_ID,
    NO_READER,
    NOT_YOU,
    TWO_PEOPLE,
    Step,
    adopt,
    ask_for_key,
    card_key,
    chip_failed,
    chip_open_to,
    cleared,
    commit,
    confirm,
    fail,
    fail_afresh,
    fresh,
    go,
    home,
    is_committing,
    is_typed,
    open_chip,
    paths_after,
    read_chip,
    same_person,
    settle,
    stopping,
    tried,
    usable,
)
from kiosk.policy import Policy
from kiosk.states import (
    AskInsurance,
    AskKey,
    AskMrz,
    AskQr,
    AwaitAnswer,
    Confirm,
    CounterReason,
    Failed,
    Finishing,
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
from reader.reading import Reading, Source


def step(session: Session, event: Event, now: float, policy: Policy) -> Step:
    """The session after `event` at `now` (monotonic seconds), and what must be done, in order."""
    moved, effects = _step(session, event, now, policy)
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
    return isinstance(now, AskKey) and not isinstance(before, Start | TicketShown)


def _step(session: Session, event: Event, now: float, policy: Policy) -> Step:
    match event:
        case PresenceChanged():
            return _presence_changed(session, event, now, policy)
        case DevicesChanged():
            return _devices_changed(session, event, now, policy)
        case MrzFailed(presentation, code):
            asked = isinstance(session.state, AskMrz) and presentation == session.presentation
            return fail(session, code, now, policy) if asked else (session, ())
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
        case StoreLost(code):
            lost = isinstance(session.state, Start)
            return (go(cleared(session), OutOfOrder(code), now) if lost else session), ()
        case StoreRecovered():
            return home(session, now, policy) if isinstance(session.state, OutOfOrder) else (session, ())
        case Tick():
            return tick(session, now, policy)
        case LanguageChosen(language):
            known = language in policy.languages
            return replace(session, language=language if known else session.language, since=now, warned=False), ()
    if is_committing(session) or isinstance(session.state, OutOfOrder):
        return session, ((CallStaff(),) if isinstance(event, HelpAsked) else ())
    session = replace(session, since=now, warned=False)
    if isinstance(session.state, AwaitAnswer) and not isinstance(event, PayloadRead | PayloadRefused):
        return show_ticket(session, now, help_asked=isinstance(event, HelpAsked))
    match event:
        case PayloadRead():
            return payload_read(session, event, now, policy)
        case PayloadRefused(code):
            return payload_refused(session, code, now), ()
        case DigitsTyped():
            return digits_typed(session, event, now, policy)
        case PathChosen(path):
            return _path_chosen(session, path, now, policy)
        case Confirmed():
            return _confirmed(session, now, policy)
        case Denied():
            asked = isinstance(session.state, Confirm | Finishing)
            return home(session, now, policy, NOT_YOU) if asked else (session, ())
        case HelpAsked():
            return _help(session, now)
        case CounterTicketAsked(reason):
            return _counter_ticket(session, reason, now)
        case Cancelled():
            return leave_ticket(session, now, policy) if _has_ticket(session) else home(session, now, policy)
        case Touched():
            return leave_ticket(session, now, policy) if _has_ticket(session) else (session, ())
        case _:
            assert_never(event)


def _has_ticket(session: Session) -> bool:
    return isinstance(session.state, TicketShown)


# Scanner and camera.


def _devices_changed(session: Session, event: DevicesChanged, now: float, policy: Policy) -> Step:
    session, state = replace(session, devices=event.devices), session.state
    if isinstance(state, Failed):
        return replace(session, state=Failed(state.code, paths_after(session, state.code, policy))), ()
    if event.devices.camera:
        return session, ()
    if isinstance(state, AskMrz):
        return fail(session, CAMERA_MISSING, now, policy)
    return (replace(session, state=replace(state, mrz=False)) if isinstance(state, AskQr) else session), ()


# The card and its chip.


def _presence_changed(session: Session, event: PresenceChanged, now: float, policy: Policy) -> Step:
    placed = event.card_present and not session.card_present
    removed = session.card_present and not event.card_present
    lost = session.reader_ready and not event.reader_ready
    session = replace(session, reader_ready=event.reader_ready, card_present=event.card_present)
    if lost and session.chip_running:
        return chip_failed(session, event.problem or NO_READER, now, policy)
    if lost and _needs_card(session):
        return fail(session, event.problem or NO_READER, now, policy)
    if removed and not lost:
        return _card_removed(session, now, policy)
    return _card_placed(session, now, policy) if placed else (session, ())


def _needs_card(session: Session) -> bool:
    return _types_key(session) or isinstance(session.state, AskKey | ReadingChip)


def _types_key(session: Session) -> bool:
    state = session.state
    return isinstance(state, Keypad) and state.purpose is KeypadPurpose.CARD_KEY


def _card_removed(session: Session, now: float, policy: Policy) -> Step:
    """Away from the start screen the card's leaving ends what needs the card; a reading known whole stays.

    A chip still proving a known identity says itself whether it was done before the card left.
    """
    if isinstance(session.state, AskKey) and session.devices.sees_codes:
        return go(session, AskQr(), now), ()  # lifted to hold its code up
    if _types_key(session):
        return session, ()  # lifted for reading its digits, and put back
    if _needs_card(session) or isinstance(session.state, Failed):
        return home(session, now, policy, CARD_REMOVED)
    if session.state == Start(CARD_STILL_THERE):
        return replace(session, state=Start()), ()
    return replace(session, card_waiting=False), ()


def _card_placed(session: Session, now: float, policy: Policy) -> Step:
    state = session.state
    if isinstance(state, Start | Failed):
        return ask_for_key(session, now), ()
    if isinstance(state, AskQr) and not session.failed_keys:
        # Its code was asked for, and the card itself came.
        return replace(ask_for_key(session, now), insurance=session.insurance), ()
    if isinstance(state, Keypad) and state.problem == CARD_AWAITED and session.key is not None:
        return digits_typed(session, DigitsTyped(session.key), now, policy)
    if isinstance(state, TicketShown | AwaitAnswer):
        return tick(replace(session, card_waiting=True), now, policy)
    if isinstance(state, Confirm | Finishing) and state.reading is not None and not is_committing(session):
        return _strengthen(session, state, state.reading, now, policy)
    return session, ()


def _strengthen(session: Session, state: Confirm | Finishing, reading: Reading, now: float, policy: Policy) -> Step:
    """A card beside data entry: its chip may prove what was entered. When it fails, the entry still stands."""
    proven = reading.evidence.source is Source.CHIP
    tried = session.failed_keys and not session.mrz_needed
    waiting = replace(session, entry=reading)
    if proven or tried or not chip_open_to(waiting, card_key(reading), policy):
        return session, ()
    waiting = replace(waiting, since=now, state=replace(state, complete=False))
    return open_chip(waiting, card_key(reading), now)


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
    state, entry = session.state, session.entry
    shown = state.reading if isinstance(state, Confirm | Finishing) else None
    for other in (entry, shown):
        # Typed digits may hold a slip; a code or a chip may not name somebody else.
        if other is not None and not is_typed(other) and not same_person(other, reading):
            return fail_afresh(session, TWO_PEOPLE, now, policy)
    return adopt(session, accompanied(reading, session.insurance), complete, now, policy)


# What the person chooses.


def _path_chosen(session: Session, path: NextPath, now: float, policy: Policy) -> Step:
    state = session.state
    if path is NextPath.STAFF:
        return _help(session, now) if not _has_ticket(session) else (session, ())
    if not isinstance(state, Start | AskKey | AskQr | AskMrz | Keypad | NoCard | Failed | Help):
        return session, ()
    if isinstance(state, Failed) and path not in state.paths:
        return session, ()
    if path is NextPath.MRZ:
        return _look_for_lines(session, now)
    if isinstance(state, Start):
        session = fresh(session)
    if path is NextPath.NO_CARD:
        return go(session, NoCard(), now), ()
    entry = session.entry
    if path is NextPath.PERSONAL_ID:
        if entry is not None and is_typed(entry):
            return confirm(session, entry, True, now)
        return go(session, Keypad(KeypadPurpose.PERSONAL_ID), now), ()
    if path is NextPath.QR:
        if entry is not None and not is_typed(entry):
            return confirm(session, entry, True, now)
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


def _confirmed(session: Session, now: float, policy: Policy) -> Step:
    state = session.state
    if isinstance(state, AskInsurance):
        return commit(session, state.reading, state.coverage, now)  # on without a card
    if not isinstance(state, Confirm):
        return session, ()
    return settle(go(session, Finishing(state.reading, state.complete, state.coverage), now), now, policy)


def _help(session: Session, now: float) -> Step:
    """Whatever was read is dropped: the person is on the way to the staff. Whoever said yes goes with their ticket."""
    state = session.state
    if isinstance(state, AskInsurance):
        kept, effects = commit(session, state.reading, state.coverage, now)
        return kept, (*effects, CallStaff())
    return go(fresh(session), Help(), now), (*stopping(session), CallStaff())


def _counter_ticket(session: Session, reason: CounterReason, now: float) -> Step:
    if _has_ticket(session):
        return session, ()
    asked, effects = commit(fresh(session), None, None, now, reason)
    return asked, stopping(session) + effects


# What bridge and store answer.


def _store_told(session: Session, event: Committed | CommitFailed, now: float, policy: Policy) -> Step:
    state = session.state
    if event.presentation != session.presentation or not isinstance(state, Finishing) or not state.committing:
        return session, ()
    if isinstance(event, CommitFailed):
        return go(cleared(session), OutOfOrder(event.code), now), ()
    return ticket_made(session, event, state.coverage, now, policy), ()
