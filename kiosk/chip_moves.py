"""The moves around the chip: open it with a key that may fit, never twice with one, and go on when it gives nothing.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

from kiosk.events import OpenChip
from kiosk.insurance_card import accompanied
from kiosk.moves import (
    CARD_REMOVED,
    MRZ_NEEDED,
    TWO_PEOPLE,
    WRONG_KEY,
    Step,
    card_key,
    confirm,
    fail,
    fail_afresh,
    go,
    home,
    is_typed,
    renamed,
    same_person,
    settle,
    stopping,
)
from kiosk.person import knowing, known
from kiosk.policy import Policy
from kiosk.states import Keypad, KeypadPurpose, ReadingChip, Session
from reader.phases import PROGRESS, Phase
from reader.reading import Holder, Reading


def chip_open_to(session: Session, can: str, policy: Policy) -> bool:
    """Whether the chip may be tried with this key now: never twice with one, never beyond the attempts allowed."""
    return (
        session.card_present
        and not session.chip_running
        and not tried(session, can)
        and session.chip_failures < policy.chip_attempts
    )


def tried(session: Session, can: str) -> bool:
    """Whether the chip refused this key already; one that asked for the lines' dates is worth them, beside any CAN."""
    if session.mrz_needed:
        return _attempt(session, can) in session.failed_keys
    return any(failed.startswith(can) for failed in session.failed_keys)


def open_chip(session: Session, can: str, now: float) -> Step:
    """Ask the reader for the chip; the screen stays.

    A second attempt takes a new name, so that news of the first is ignored.
    """
    opened = renamed(session) if session.failed_keys else session
    opened = replace(opened, key=can, attempt=_attempt(session, can), chip_running=True, chip_since=now)
    return opened, (OpenChip(opened.presentation, can, _printed(session, can)),)


def read_chip(session: Session, can: str, now: float) -> Step:
    """Ask the reader for the chip and show its progress."""
    state = ReadingChip(int(Phase.CONNECTING), PROGRESS[Phase.CONNECTING])
    return open_chip(go(session, state, now), can, now)


def use_entry(session: Session, reading: Reading, now: float, policy: Policy) -> Step:
    """A code, the lines or a typed number are known: they open the chip when a card is there, else are the reading."""
    session = replace(session, entry=reading)
    if chip_open_to(session, card_key(reading), policy):
        return read_chip(session, card_key(reading), now)
    return confirm(session, reading, True, now, policy)


def chip_failed(session: Session, code: str, now: float, policy: Policy) -> Step:
    """The chip gave no (whole) reading: fall back on the QR code already shown, else offer what is left.

    A chip that asks for more than it was given did not fail: with more it may open yet.
    """
    shown, entry = known(session), session.entry
    asks = code == MRZ_NEEDED
    failed = replace(
        session,
        chip_running=False,
        chip_failures=session.chip_failures + (0 if asks else 1),
        failed_keys=(*session.failed_keys, session.attempt),
        mrz_needed=session.mrz_needed or asks,
    )
    if shown is not None:
        if entry is not None and shown.reading is not None and same_person(entry, shown.reading):
            if code == WRONG_KEY and not is_typed(entry) and not session.mrz_needed:
                # The number of a code opens that person's card: this one is somebody else's.
                return fail_afresh(session, TWO_PEOPLE, now, policy)
            # The insurance answer, come or still to come, is about the same person and stays.
            entry = accompanied(entry, session.insurance)
            return settle(knowing(failed, replace(shown, reading=entry, complete=True)), now, policy)
    elif code == WRONG_KEY:
        if entry is not None and not is_typed(entry) and session.key == card_key(entry) and not session.mrz_needed:
            return fail_afresh(session, TWO_PEOPLE, now, policy)
        return wrong_key(failed, now, policy)
    elif entry is not None and not is_typed(entry) and code != CARD_REMOVED:
        return confirm(failed, entry, True, now, policy)
    if code == CARD_REMOVED:
        return taken_too_soon(failed, now, policy)
    return fail(failed, code, now, policy)


def taken_too_soon(session: Session, now: float, policy: Policy) -> Step:
    """The card left before anything was known: laid there again it may open; again, and the next ways are offered."""
    session = replace(session, lifted=session.lifted + 1)
    if session.lifted < policy.chip_attempts:
        return home(session, now, policy, CARD_REMOVED)
    failed, _ = fail_afresh(session, CARD_REMOVED, now, policy)
    return failed, stopping(session)


def wrong_key(session: Session, now: float, policy: Policy) -> Step:
    """The digits did not open the card: a code seen meanwhile may, else they are typed again while attempts are left.

    A number typed whole is doubted now.
    """
    entry = None if session.entry is not None and is_typed(session.entry) else session.entry
    session = replace(session, key=None, entry=entry)
    if entry is not None and chip_open_to(session, card_key(entry), policy):
        return read_chip(session, card_key(entry), now)
    if entry is not None and session.mrz_needed:
        return confirm(session, entry, True, now, policy)  # six digits are not what this chip opens with
    if session.chip_failures < policy.chip_attempts:
        return go(session, Keypad(KeypadPurpose.CARD_KEY, WRONG_KEY), now), ()
    return fail(session, WRONG_KEY, now, policy)


def _attempt(session: Session, can: str) -> str:
    """What the chip would be tried with: the CAN, and the dates that may give MRZ keys."""
    holder = _printed(session, can)
    return can if holder is None else f"{can} {holder.birth_date} {holder.expiry_date} {holder.issue_date}"


def _printed(session: Session, can: str) -> Holder | None:
    """The holder as held up or typed, where it is of the card that this key belongs to."""
    entry = session.entry
    return entry.holder if entry is not None and card_key(entry) == can else None
