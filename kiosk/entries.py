"""What is held up and typed in one presentation, and how several such entries become one: of one person, or refused.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

import unicodedata
from dataclasses import replace

import msgspec

from kiosk.events import DigitsTyped, PayloadRead
from kiosk.moves import (
    CODE_AGAIN,
    DIGITS_WRONG,
    INSURANCE_ONLY,
    INSURANCE_OTHER,
    NO_PERSONAL_ID,
    TWO_PEOPLE,
    Step,
    adopt,
    card_key,
    chip_open_to,
    fail,
    fail_afresh,
    fresh,
    go,
    insurance_given,
    is_typed,
    mark_of,
    noted,
    read_chip,
    same_person,
    usable,
    use_entry,
    wrong_key,
)
from kiosk.policy import Policy
from kiosk.states import (
    AskInsurance,
    AskKey,
    AskMrz,
    AskQr,
    Confirm,
    Failed,
    Finishing,
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
INSURANCE_DIGITS = 10  # of the social security number, the end of every insurance card's (services.md 2.1)
SLIP_DIGITS = 2  # numbers of two people differ in more of their twelve digits: six of them are random (card.md 2)


def payload_read(session: Session, event: PayloadRead, now: float, policy: Policy) -> Step:
    """A code was held up, or the camera found the lines it was asked to look for."""
    state, reading = session.state, event.reading
    if event.presentation and not (isinstance(state, AskMrz) and event.presentation == session.presentation):
        return session, ()  # nobody waits for these lines any more
    if not usable(reading):
        if reading.insurance is not None and isinstance(state, AskInsurance):
            return _insurance_of(session, state, reading.insurance, now)
        if reading.insurance is not None:
            return _insurance_read(session, reading.insurance, now), ()
        if event.presentation:
            return fail(session, NO_PERSONAL_ID, now, policy)
        return payload_refused(session, NO_PERSONAL_ID, now), ()
    if isinstance(state, Start):
        if _again(session, reading, now, policy):
            return go(noted(session, reading, now), Start(CODE_AGAIN), now), ()
        return use_entry(noted(fresh(session), reading, now), reading, now, policy)
    if isinstance(state, TicketShown):
        if mark_of(session, reading) == session.lately:
            return replace(session, lately_at=now), ()
        return replace(session, code_waiting=reading), ()
    session = noted(session, reading, now)
    if isinstance(state, AskInsurance):
        same = same_person(state.reading, reading)
        return (session, ()) if same else fail_afresh(session, TWO_PEOPLE, now, policy)
    if isinstance(state, AskKey | AskQr | AskMrz | Keypad | NoCard | Failed):
        return _enter(session, reading, now, policy)
    if isinstance(state, ReadingChip):
        entry = joined(session.entry, reading)
        return fail_afresh(session, TWO_PEOPLE, now, policy) if entry is None else (replace(session, entry=entry), ())
    if isinstance(state, Confirm | Finishing) and state.reading is not None:
        return _read_beside(session, state.reading, reading, now, policy)
    return session, ()


def payload_refused(session: Session, code: str, now: float) -> Session:
    """A code was held up that is of no use: said where one was expected."""
    match session.state:
        case Start():
            return replace(session, state=Start(code), entered=now)
        case AskKey():
            return replace(session, state=AskKey(code))
        case AskQr():
            return replace(session, state=AskQr(code, mrz=session.devices.camera))
        case AskInsurance() as state:
            return replace(session, state=replace(state, problem=code))
        case _:
            return session


def digits_typed(session: Session, event: DigitsTyped, now: float, policy: Policy) -> Step:
    """The keypad's digits: the key of the card on the reader, or a whole number."""
    state, digits = session.state, event.digits
    if isinstance(state, AskInsurance):
        if len(digits) != INSURANCE_DIGITS or not (digits.isascii() and digits.isdigit()):
            return replace(session, state=replace(state, problem=DIGITS_WRONG)), ()
        return _insurance_of(session, state, InsuranceCard(card_number=digits), now)
    if not isinstance(state, Keypad):
        return session, ()
    wanted = KEY_DIGITS if state.purpose is KeypadPurpose.CARD_KEY else PERSONAL_ID_DIGITS
    if len(digits) != wanted or not (digits.isascii() and digits.isdigit()):
        return replace(session, state=Keypad(state.purpose, DIGITS_WRONG)), ()
    if state.purpose is KeypadPurpose.PERSONAL_ID:
        return _enter(session, typed_reading(digits, event.reading_id, event.read_at), now, policy)
    if chip_open_to(session, digits, policy):
        return read_chip(session, digits, now)
    # The same digits again: the card has refused them once, and is not asked again.
    return wrong_key(replace(session, chip_failures=session.chip_failures + 1), now, policy)


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


def accompanied(reading: Reading, card: InsuranceCard | None) -> Reading:
    """The reading with the insurance card that was held up beside it, where both are of one person.

    The card has no personal ID number: name and birth date must agree. Another's is left out.
    """
    if card is None or reading.insurance is not None or not _is_of(card, reading.holder):
        return reading
    return msgspec.structs.replace(reading, insurance=card)


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


def _insurance_of(session: Session, state: AskInsurance, card: InsuranceCard, now: float) -> Step:
    """An insurance card for the person on the screen. A number alone is nobody's: the insurer compares the rest."""
    named = card.full_name is not None and card.birth_date is not None
    if named and not _is_of(card, state.reading.holder):
        return replace(session, state=replace(state, problem=INSURANCE_OTHER)), ()
    reading = msgspec.structs.replace(state.reading, insurance=card)
    return insurance_given(replace(session, insurance=card), reading, now)


def _insurance_read(session: Session, card: InsuranceCard, now: float) -> Session:
    """An insurance card alone names nobody to the state: it is kept for the reading that does, and said to be that."""
    state = session.state
    match state:
        case Start():
            return replace(go(fresh(session), AskQr(INSURANCE_ONLY), now), insurance=card)
        case AskKey() | AskQr():
            return replace(session, state=replace(state, problem=INSURANCE_ONLY), insurance=card)
        case AskMrz() | Keypad() | ReadingChip() | NoCard() | Failed():
            return replace(session, insurance=card)
        case Confirm() | Finishing() if state.reading is not None:
            with_card = replace(state, reading=accompanied(state.reading, card))
            return replace(session, state=with_card, insurance=card)
        case _:
            return session


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


def _is_of(card: InsuranceCard, holder: Holder) -> bool:
    if None in (card.full_name, holder.full_name, card.birth_date, holder.birth_date):
        return False
    return _same_name(card.full_name or "", holder.full_name or "") and _same_day(
        card.birth_date or "", holder.birth_date or ""
    )


def _same_day(one: str, other: str) -> bool:
    """Two ISO dates at the precision that both know."""
    return one.startswith(other) or other.startswith(one)


def _same_name(one: str, other: str) -> bool:
    """Letter by letter; without marks where one of them has none, as in the machine-readable lines."""
    if one.isascii() or other.isascii():
        one, other = _bare(one), _bare(other)
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFC", name).casefold() if not letter.isspace())


def _bare(name: str) -> str:
    apart = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    return "".join(letter for letter in apart if letter.isalnum())
