"""The check-in as a pure machine: `step(session, event, now, policy)` gives the next session and the effects.

It does nothing itself: no clock, no device, no store; `controller.py` carries the effects out. Every event is answered
in every state, if only by changing nothing. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace
from typing import assert_never

from kiosk.moves import (
    CARD_REMOVED,
    CARD_STILL_THERE,
    DIGITS_WRONG,
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
    is_typed,
    open_chip,
    read_chip,
    same_person,
    settle,
    stopping,
    usable,
    use_entry,
    wrong_key,
)
from kiosk.policy import Policy
from kiosk.states import (
    AskKey,
    AskQr,
    CallStaff,
    Cancelled,
    CommitFailed,
    Committed,
    Confirm,
    Confirmed,
    CounterTicketAsked,
    CoverageAnswered,
    Denied,
    DigitsTyped,
    Event,
    Failed,
    Finishing,
    Help,
    HelpAsked,
    IdentityRead,
    Keypad,
    KeypadPurpose,
    LanguageChosen,
    NextPath,
    OutOfOrder,
    PathChosen,
    PayloadRead,
    PayloadRefused,
    PhaseReached,
    PresenceChanged,
    ReadingChip,
    ReadingFailed,
    ReadingFinished,
    Session,
    Start,
    StoreLost,
    StoreRecovered,
    Tick,
    TicketShown,
    Touched,
)
from kiosk.timing import leave_ticket, tick
from reader.reading import Evidence, Holder, Reading, Source

KEY_DIGITS = 6
PERSONAL_ID_DIGITS = 12


def step(session: Session, event: Event, now: float, policy: Policy) -> Step:
    """The session after `event` at `now` (monotonic seconds), and what must be done, in order."""
    match event:
        case PresenceChanged():
            return _presence_changed(session, event, now, policy)
        case PhaseReached() | IdentityRead() | ReadingFinished() | ReadingFailed():
            return _chip_told(session, event, now, policy)
        case CoverageAnswered():
            return _coverage_answered(session, event, now, policy)
        case Committed() | CommitFailed():
            return _store_told(session, event, now)
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
    if _is_committing(session) or isinstance(session.state, OutOfOrder):
        return session, ((CallStaff(),) if isinstance(event, HelpAsked) else ())
    session = replace(session, since=now, warned=False)
    match event:
        case PayloadRead(reading):
            return _payload_read(session, reading, now, policy)
        case PayloadRefused(code):
            return _payload_refused(session, code, now), ()
        case DigitsTyped():
            return _digits_typed(session, event, now, policy)
        case PathChosen(path):
            return _path_chosen(session, path, now, policy)
        case Confirmed():
            return _confirmed(session, now, policy)
        case Denied():
            asked = isinstance(session.state, Confirm | Finishing)
            return home(session, now, policy, NOT_YOU) if asked else (session, ())
        case HelpAsked():
            return _help(session, now)
        case CounterTicketAsked():
            return _counter_ticket(session, now)
        case Cancelled():
            return leave_ticket(session, now, policy) if _has_ticket(session) else home(session, now, policy)
        case Touched():
            return leave_ticket(session, now, policy) if _has_ticket(session) else (session, ())
        case _:
            assert_never(event)


def _is_committing(session: Session) -> bool:
    return isinstance(session.state, Finishing) and session.state.committing


def _has_ticket(session: Session) -> bool:
    return isinstance(session.state, TicketShown)


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
    state = session.state
    if isinstance(state, Keypad):
        return state.purpose is KeypadPurpose.CARD_KEY
    return isinstance(state, AskKey | ReadingChip)


def _card_removed(session: Session, now: float, policy: Policy) -> Step:
    """Away from the start screen the card's leaving ends what needs the card; a reading known whole stays.

    A chip still proving a known identity says itself whether it was done before the card left.
    """
    if _needs_card(session) or isinstance(session.state, Failed):
        return home(session, now, policy, CARD_REMOVED)
    if session.state == Start(CARD_STILL_THERE):
        return replace(session, state=Start()), ()
    return replace(session, card_waiting=False), ()


def _card_placed(session: Session, now: float, policy: Policy) -> Step:
    state = session.state
    if isinstance(state, Start | Failed):
        return ask_for_key(session, now), ()
    if isinstance(state, TicketShown):
        return tick(replace(session, card_waiting=True), now, policy)
    if isinstance(state, Confirm | Finishing) and state.reading is not None and not _is_committing(session):
        return _strengthen(session, state, state.reading, now, policy)
    return session, ()


def _strengthen(session: Session, state: Confirm | Finishing, reading: Reading, now: float, policy: Policy) -> Step:
    """A card beside data entry: its chip may prove what was entered. When it fails, the entry still stands."""
    proven = reading.evidence.source is Source.CHIP
    if proven or session.failed_keys or not chip_open_to(session, card_key(reading), policy):
        return session, ()
    waiting = replace(session, entry=reading, since=now, state=replace(state, complete=False))
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
    return adopt(session, reading, complete, now, policy)


# Codes held up and digits typed.


def _payload_read(session: Session, reading: Reading, now: float, policy: Policy) -> Step:
    if not usable(reading):
        return _payload_refused(session, NO_PERSONAL_ID, now), ()
    state, entry = session.state, session.entry
    if isinstance(state, Start):
        return use_entry(fresh(session), reading, now, policy)
    if isinstance(state, AskKey | AskQr | Keypad | Failed):
        return use_entry(session, reading, now, policy)
    if isinstance(state, ReadingChip):
        if entry is not None and not is_typed(entry) and not same_person(entry, reading):
            return fail_afresh(session, TWO_PEOPLE, now, policy)
        return replace(session, entry=reading), ()
    if isinstance(state, Confirm | Finishing) and state.reading is not None:
        return _payload_beside(session, state.reading, reading, now, policy)
    return session, ()


def _payload_beside(session: Session, shown: Reading, reading: Reading, now: float, policy: Policy) -> Step:
    """A code held up while somebody is on the screen: it must be the same person; it is better than typed digits."""
    if is_typed(shown):
        return adopt(replace(session, entry=reading), reading, not session.chip_running, now, policy)
    if not same_person(shown, reading):
        return fail_afresh(session, TWO_PEOPLE, now, policy)
    return session, ()


def _payload_refused(session: Session, code: str, now: float) -> Session:
    match session.state:
        case Start():
            return replace(session, state=Start(code), entered=now)
        case AskKey():
            return replace(session, state=AskKey(code))
        case AskQr():
            return replace(session, state=AskQr(code))
        case _:
            return session


def _digits_typed(session: Session, event: DigitsTyped, now: float, policy: Policy) -> Step:
    state, digits = session.state, event.digits
    if not isinstance(state, Keypad):
        return session, ()
    wanted = KEY_DIGITS if state.purpose is KeypadPurpose.CARD_KEY else PERSONAL_ID_DIGITS
    if len(digits) != wanted or not (digits.isascii() and digits.isdigit()):
        return replace(session, state=Keypad(state.purpose, DIGITS_WRONG)), ()
    if state.purpose is KeypadPurpose.PERSONAL_ID:
        return use_entry(session, typed_reading(digits, event.reading_id, event.read_at), now, policy)
    if chip_open_to(session, digits, policy):
        return read_chip(session, digits, now)
    # The same digits again: the card has refused them once, and is not asked again.
    return wrong_key(replace(session, chip_failures=session.chip_failures + 1), now, policy)


def typed_reading(personal_id: str, reading_id: str, read_at: str) -> Reading:
    """Twelve typed digits as a reading: a number and nothing else. `read_at` is UTC, RFC 3339."""
    evidence = Evidence(source=Source.TYPED, read_at=read_at)
    return Reading(reading_id=reading_id, holder=Holder(personal_id=personal_id), evidence=evidence)


# What the person chooses.


def _path_chosen(session: Session, path: NextPath, now: float, policy: Policy) -> Step:
    state = session.state
    if path is NextPath.STAFF:
        return _help(session, now) if not _has_ticket(session) else (session, ())
    if not isinstance(state, Start | AskKey | AskQr | Keypad | Failed | Help):
        return session, ()
    if isinstance(state, Failed) and path not in state.paths:
        return session, ()
    if isinstance(state, Start):
        session = fresh(session)
    entry = session.entry
    if path is NextPath.PERSONAL_ID:
        if entry is not None and is_typed(entry):
            return confirm(session, entry, True, now)
        return go(session, Keypad(KeypadPurpose.PERSONAL_ID), now), ()
    if path is NextPath.QR:
        if entry is not None and not is_typed(entry):
            return confirm(session, entry, True, now)
        return go(session, AskQr(), now), ()
    if not session.card_present:
        return home(session, now, policy)
    if path is NextPath.CARD_NUMBER:
        return go(session, Keypad(KeypadPurpose.CARD_KEY), now), ()
    if session.key is not None and session.chip_failures < policy.chip_attempts:
        return read_chip(session, session.key, now)
    return go(session, AskKey(), now), ()


def _confirmed(session: Session, now: float, policy: Policy) -> Step:
    state = session.state
    if not isinstance(state, Confirm):
        return session, ()
    return settle(go(session, Finishing(state.reading, state.complete, state.coverage), now), now, policy)


def _help(session: Session, now: float) -> Step:
    """Whatever was read is dropped: the person is on the way to the staff."""
    return go(fresh(session), Help(), now), (*stopping(session), CallStaff())


def _counter_ticket(session: Session, now: float) -> Step:
    if _has_ticket(session):
        return session, ()
    asked, effects = commit(fresh(session), None, None, now)
    return asked, stopping(session) + effects


# What bridge and store answer.


def _coverage_answered(session: Session, event: CoverageAnswered, now: float, policy: Policy) -> Step:
    state = session.state
    if event.presentation != session.presentation or (event.reading_id or session.question) != session.question:
        return session, ()
    if not isinstance(state, Confirm | Finishing) or _is_committing(session) or state.coverage is not None:
        return session, ()
    return settle(replace(session, state=replace(state, coverage=event.coverage)), now, policy)


def _store_told(session: Session, event: Committed | CommitFailed, now: float) -> Step:
    state = session.state
    if event.presentation != session.presentation or not isinstance(state, Finishing) or not state.committing:
        return session, ()
    if isinstance(event, CommitFailed):
        return go(cleared(session), OutOfOrder(event.code), now), ()
    return go(cleared(session), TicketShown(event.ticket, state.coverage, event.needs_counter), now), ()
