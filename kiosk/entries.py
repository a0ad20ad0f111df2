"""What is held up and typed in one presentation, and how several such entries become one: of one person, or refused.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

import msgspec

from kiosk.chip_moves import chip_open_to, read_chip, use_entry, wrong_key
from kiosk.events import DigitsTyped, PayloadRead
from kiosk.insurance_card import NUMBER_DIGITS, accompanied
from kiosk.insurance_step import id_code_instead, in_vain, insurance_of, insurance_read
from kiosk.moves import (
    CARD_AWAITED,
    CODE_AGAIN,
    DIGITS_WRONG,
    INSURANCE_ONLY,
    NO_CARD,
    NO_PERSONAL_ID,
    TWO_PEOPLE,
    Step,
    adopt,
    card_key,
    commit,
    fail,
    fail_afresh,
    fresh,
    go,
    is_typed,
    mark_of,
    mistyped,
    noted,
    renamed,
    same_person,
    unadjusted,
    usable,
)
from kiosk.person import known
from kiosk.policy import Policy
from kiosk.states import (
    Adjust,
    AskInsurance,
    AskKey,
    AskMrz,
    AskQr,
    AwaitAnswer,
    Failed,
    Goodbye,
    Keypad,
    KeypadPurpose,
    NoCard,
    ReadingChip,
    Session,
    Start,
    TicketShown,
)
from reader.reading import Evidence, Holder, InsuranceCard, Reading, Source

KEY_DIGITS = 6
PERSONAL_ID_DIGITS = 12
SLIP_DIGITS = 2  # numbers of two people differ in more of their twelve digits: six of them are random (card.md 2)


def payload_read(session: Session, event: PayloadRead, now: float, policy: Policy) -> Step:
    """A code was held up, or the camera found the lines it was asked to look for."""
    state, reading = session.state, event.reading
    if event.presentation and not (isinstance(state, AskMrz) and event.presentation == session.presentation):
        return session, ()  # nobody waits for these lines any more
    if not usable(reading):
        if reading.insurance is not None and isinstance(state, AskInsurance):
            return insurance_of(session, state, reading.insurance, now, policy)
        if reading.insurance is not None and isinstance(state, AskKey | AskQr):
            return payload_refused(replace(session, insurance=reading.insurance), INSURANCE_ONLY, now, policy)
        if reading.insurance is not None:
            return insurance_read(session, reading.insurance, now)
        if event.presentation:
            return fail(session, NO_PERSONAL_ID, now, policy)
        return payload_refused(session, NO_PERSONAL_ID, now, policy)
    if isinstance(state, Start | Adjust):
        if _again(session, reading, now, policy):
            return go(noted(session, reading, now), Start(CODE_AGAIN), now), ()
        return use_entry(noted(fresh(session), reading, now), reading, now, policy)
    if isinstance(state, TicketShown | AwaitAnswer):
        if mark_of(session, reading) == session.lately:
            return replace(session, lately_at=now), ()
        return replace(session, code_waiting=reading), ()
    if isinstance(state, Goodbye):
        if _again(session, reading, now, policy):
            return replace(session, lately_at=now), ()
        return use_entry(noted(fresh(unadjusted(session, policy)), reading, now), reading, now, policy)
    session = noted(session, reading, now)
    if isinstance(state, AskInsurance):
        return id_code_instead(session, state, reading, policy), ()
    if isinstance(state, AskKey | AskQr | AskMrz | Keypad | NoCard | Failed):
        return _enter(session, reading, now, policy)
    if isinstance(state, ReadingChip):
        entry = joined(session.entry, reading)
        return fail_afresh(session, TWO_PEOPLE, now, policy) if entry is None else (replace(session, entry=entry), ())
    shown = known(session)
    if shown is not None and shown.reading is not None:
        return _read_beside(session, shown.reading, reading, now, policy)
    return session, ()


def payload_refused(session: Session, code: str, now: float, policy: Policy) -> Step:
    """A code was held up that is of no use: said where one was expected. Again, and another way is offered."""
    state = session.state
    if isinstance(state, AskInsurance):
        return in_vain(session, state, code, policy), ()
    if not isinstance(state, Start | AskKey | AskQr):
        return session, ()
    session = replace(session, code_failures=session.code_failures + 1)
    if session.code_failures >= policy.code_attempts:
        begun = renamed(session) if isinstance(state, Start) else session
        return fail(begun, code, now, policy)
    if isinstance(state, Start):
        return replace(session, state=Start(code), entered=now), ()
    asked = AskKey(code) if isinstance(state, AskKey) else AskQr(code, mrz=session.devices.camera)
    return replace(session, state=asked), ()


def digits_typed(session: Session, event: DigitsTyped, now: float, policy: Policy) -> Step:
    """The keypad's digits: the key of the card on the reader, or a whole number."""
    state, digits = session.state, event.digits
    if isinstance(state, AskInsurance):
        if len(digits) == NUMBER_DIGITS and digits.isascii() and digits.isdigit():
            return insurance_of(session, state, InsuranceCard(card_number=digits), now, policy)
        if state.problem == DIGITS_WRONG:
            return commit(session, state.reading, state.coverage, now)  # they said yes; the counter sees to the rest
        return replace(session, state=replace(state, problem=DIGITS_WRONG)), ()
    if not isinstance(state, Keypad):
        return session, ()
    wanted = KEY_DIGITS if state.purpose is KeypadPurpose.CARD_KEY else PERSONAL_ID_DIGITS
    if len(digits) != wanted or not (digits.isascii() and digits.isdigit()):
        return _digits_wrong(session, state.purpose, now, policy)
    if state.purpose is KeypadPurpose.PERSONAL_ID:
        return _enter(session, typed_reading(digits, event.reading_id, event.read_at), now, policy)
    if not session.card_present and state.problem == CARD_AWAITED:
        return fail(session, NO_CARD, now, policy)  # typed once more, and no card came
    if not session.card_present:
        # Lifted for reading its digits: they wait for it as long as the keypad does.
        return go(replace(session, key=digits), Keypad(state.purpose, CARD_AWAITED), now), ()
    if chip_open_to(session, digits, policy):
        return read_chip(session, digits, now)
    # The same digits again: the card has refused them once, and is not asked again.
    return wrong_key(replace(session, chip_failures=session.chip_failures + 1), now, policy)


def _digits_wrong(session: Session, purpose: KeypadPurpose, now: float, policy: Policy) -> Step:
    """Too few or no digits: typed anew. Again, and another way is offered."""
    session = replace(session, digit_failures=(*session.digit_failures, purpose))
    if mistyped(session, purpose, policy):
        return fail(session, DIGITS_WRONG, now, policy)
    return replace(session, state=Keypad(purpose, DIGITS_WRONG)), ()


def typed_reading(personal_id: str, reading_id: str, read_at: str) -> Reading:
    """Twelve typed digits as a reading: a number and nothing else. `read_at` is UTC, RFC 3339."""
    evidence = Evidence(source=Source.TYPED, read_at=read_at)
    return Reading(reading_id=reading_id, holder=Holder(personal_id=personal_id), evidence=evidence)


def joined(known: Reading | None, new: Reading) -> Reading | None:
    """One entry of the two, with what each lacks to open the chip; None when they are of two people.

    The one that says more stands. A slip in typed digits gives way to what was read.
    """
    if known is None:
        return new
    better, other = (new, known) if _worth(new) > _worth(known) else (known, new)
    if same_person(known, new):
        return _completed(better, other, new.reading_id)
    if is_typed(better):
        return new  # both are typed: the first was corrected
    return better if is_typed(other) and _slip(better, other) else None


def _enter(session: Session, reading: Reading, now: float, policy: Policy) -> Step:
    entry = joined(session.entry, reading)
    if entry is None:
        return fail_afresh(session, TWO_PEOPLE, now, policy)
    return use_entry(session, accompanied(entry, session.insurance), now, policy)


def _again(session: Session, reading: Reading, now: float, policy: Policy) -> bool:
    """Whether this person's code was there just now: lying in view, it begins nothing by itself."""
    return mark_of(session, reading) == session.lately and now < session.lately_at + policy.again_seconds


def _read_beside(session: Session, shown: Reading, reading: Reading, now: float, policy: Policy) -> Step:
    """A code held up while somebody is on the screen: it must be of the same person, and may say more than is shown."""
    if shown.evidence.source is Source.CHIP:
        return (session, ()) if same_person(shown, reading) else fail_afresh(session, TWO_PEOPLE, now, policy)
    better = joined(shown, reading)
    if better is None:
        return fail_afresh(session, TWO_PEOPLE, now, policy)
    if better == shown:
        return session, ()
    better = accompanied(better, session.insurance)
    return adopt(replace(session, entry=better), better, not session.chip_running, now, policy)


def _worth(reading: Reading) -> tuple[bool, int]:
    """How much an entry says: a name first, then its way: as printed for people, for machines, typed."""
    ranks = {Source.TYPED: 0, Source.MRZ: 1}
    return reading.holder.full_name is not None, ranks.get(reading.evidence.source, 2)


def _completed(better: Reading, other: Reading, reading_id: str) -> Reading:
    """With the dates that give MRZ keys, where only the other tells them whole; then it is a reading of its own."""
    holder, more = better.holder, other.holder
    born = holder.birth_date
    if more.birth_date is not None and more.birth_date.startswith(born or ""):
        born = more.birth_date
    whole = msgspec.structs.replace(holder, birth_date=born, expiry_date=holder.expiry_date or more.expiry_date)
    if whole == holder:
        return better
    return msgspec.structs.replace(
        better, reading_id=reading_id, holder=whole, document=better.document or other.document
    )


def _slip(read: Reading, typed: Reading) -> bool:
    """Whether the typed number is the other with a slip: a digit or two, or the digits of the card's key right."""
    if card_key(read) == card_key(typed):
        return True
    pairs = zip(read.holder.personal_id or "", typed.holder.personal_id or "", strict=False)
    return sum(one != other for one, other in pairs) <= SLIP_DIGITS
