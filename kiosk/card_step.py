"""The card and the devices in the check-in: placed, taken away, the reader lost, what can see a code.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

from kiosk.chip_moves import chip_failed, chip_open_to, open_chip, taken_too_soon
from kiosk.entries import digits_typed
from kiosk.events import DevicesChanged, DigitsTyped, PresenceChanged
from kiosk.moves import (
    CAMERA_MISSING,
    CARD_AWAITED,
    CARD_STILL_THERE,
    NO_READER,
    Step,
    ask_for_key,
    card_key,
    fail,
    fresh,
    go,
    is_committing,
    paths_after,
    unadjusted,
)
from kiosk.person import Known, by_chip_on_screen, knowing, known
from kiosk.policy import Policy
from kiosk.states import (
    Adjust,
    AskKey,
    AskMrz,
    AskQr,
    AwaitAnswer,
    Failed,
    Goodbye,
    Keypad,
    KeypadPurpose,
    ReadingChip,
    Session,
    Start,
    TicketShown,
)
from kiosk.timing import tick
from reader.reading import Reading, Source


def devices_changed(session: Session, event: DevicesChanged, now: float, policy: Policy) -> Step:
    """What can see a code now: nothing is offered that no device can do."""
    session, state = replace(session, devices=event.devices), session.state
    if isinstance(state, Failed):
        return replace(session, state=Failed(state.code, paths_after(session, state.code, policy))), ()
    if event.devices.camera:
        return session, ()
    if isinstance(state, AskMrz):
        return fail(session, CAMERA_MISSING, now, policy)
    return (replace(session, state=replace(state, mrz=False)) if isinstance(state, AskQr) else session), ()


def presence_changed(session: Session, event: PresenceChanged, now: float, policy: Policy) -> Step:
    """The reader came or went, a card was placed or taken away."""
    placed = event.card_present and not session.card_present
    removed = session.card_present and not event.card_present
    lost = session.reader_ready and not event.reader_ready
    session = replace(
        session,
        reader_ready=event.reader_ready,
        reader_problem=None if event.reader_ready else event.problem,
        card_present=event.card_present,
    )
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
    """Away from the start screen the card's leaving ends what needs the card; a reading known whole stays for as long
    as the warning: whoever takes the card along is probably leaving, and the next one must not see who it was.

    A chip still proving a known identity says itself whether it was done before the card left.
    """
    if isinstance(session.state, AskKey) and session.devices.sees_codes:
        return go(session, AskQr(), now), ()  # lifted to hold its code up
    if _types_key(session):
        return session, ()  # lifted for reading its digits, and put back
    if _needs_card(session):
        return taken_too_soon(session, now, policy)
    if isinstance(session.state, Failed):
        anew = _trying_again(session, fresh(session))
        return replace(anew, state=Failed(session.state.code, paths_after(anew, session.state.code, policy))), ()
    if session.state == Start(CARD_STILL_THERE):
        return replace(session, state=Start()), ()
    session = replace(session, card_waiting=False)
    if by_chip_on_screen(session):
        return replace(session, warned=True, warned_at=now, card_taken=True), ()
    return session, ()


def _card_placed(session: Session, now: float, policy: Policy) -> Step:
    state = session.state
    if isinstance(state, Failed):
        # One attempt for the card that is laid there anew, so that it is not asked for without end.
        again = _trying_again(session, ask_for_key(session, now))
        return replace(again, chip_failures=min(again.chip_failures, policy.chip_attempts - 1)), ()
    if isinstance(state, Start | Adjust):
        return ask_for_key(session, now), ()
    if isinstance(state, Goodbye):
        return ask_for_key(unadjusted(session, policy), now), ()
    if isinstance(state, AskQr) and not session.failed_keys:
        # Its code was asked for, and the card itself came.
        return replace(ask_for_key(session, now), insurance=session.insurance), ()
    if isinstance(state, Keypad) and state.problem == CARD_AWAITED and session.key is not None:
        return digits_typed(session, DigitsTyped(session.key), now, policy)
    if isinstance(state, TicketShown | AwaitAnswer):
        return tick(replace(session, card_waiting=True), now, policy)
    shown = known(session)
    if shown is not None and shown.reading is not None and not is_committing(session):
        return _strengthen(session, shown, shown.reading, now, policy)
    return session, ()


def _trying_again(before: Session, anew: Session) -> Session:
    """Without anything that was read, but with what was tried in vain: the next way is offered after as much of it."""
    return replace(
        anew,
        chip_failures=before.chip_failures,
        line_failures=before.line_failures,
        digit_failures=before.digit_failures,
    )


def _strengthen(session: Session, shown: Known, reading: Reading, now: float, policy: Policy) -> Step:
    """A card beside data entry: its chip may prove what was entered. When it fails, the entry still stands."""
    proven = reading.evidence.source is Source.CHIP
    tried = session.failed_keys and not session.mrz_needed
    waiting = replace(session, entry=reading)
    if proven or tried or not chip_open_to(waiting, card_key(reading), policy):
        return session, ()
    waiting = replace(knowing(waiting, replace(shown, complete=False)), since=now)
    return open_chip(waiting, card_key(reading), now)
