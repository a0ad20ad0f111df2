"""The insurance in the check-in: its answer, and the insurance card that is held up or asked for when it says nothing.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

import msgspec

from hisbridge.questions import Coverage
from kiosk.events import CoverageAnswered
from kiosk.insurance_card import accompanied, card_may_help, is_of_another, same_number
from kiosk.moves import (
    INSURANCE_ONLY,
    INSURANCE_OTHER,
    INSURANCE_WANTED,
    TWO_PEOPLE,
    Step,
    asking,
    commit,
    fresh,
    go,
    insurance_given,
    is_committing,
    same_person,
    settle,
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
    NoCard,
    ReadingChip,
    Session,
    Start,
)
from reader.reading import InsuranceCard, Reading


def coverage_answered(session: Session, event: CoverageAnswered, now: float, policy: Policy) -> Step:
    """An answer counts for the question asked last only, and never after the deadline."""
    state = session.state
    if event.presentation != session.presentation or (event.question or session.question) != session.question:
        return session, ()
    if not isinstance(state, Confirm | Finishing) or is_committing(session) or state.coverage is not None:
        return session, ()
    # Whoever waits already does not wait twice: the deadline stays that of the question before.
    since = session.asked if isinstance(state, Finishing) else now
    asked, effects = _asking_with_card(session, event.coverage, since, now)
    if effects:
        return asked, effects
    return settle(replace(session, state=replace(state, coverage=event.coverage)), now, policy)


def insurance_of(session: Session, state: AskInsurance, card: InsuranceCard, now: float) -> Step:
    """An insurance card for the person on the screen, held up or typed.

    The number that was asked for already is not asked for again: a code that still lies in view changes nothing, and
    digits typed twice are meant.
    """
    if is_of_another(card, state.reading.holder):
        return replace(session, state=replace(state, problem=INSURANCE_OTHER)), ()
    if same_number(session.asked_with, card):
        typed = card.full_name is None
        return commit(session, state.reading, state.coverage, now) if typed else (session, ())
    reading = msgspec.structs.replace(state.reading, insurance=card)
    return insurance_given(replace(session, insurance=card), reading, now)


def id_code_instead(session: Session, state: AskInsurance, reading: Reading) -> Session:
    """The citizen card's code, where the insurance card's is asked for: who is on the screen stays who it is."""
    problem = INSURANCE_WANTED if same_person(state.reading, reading) else TWO_PEOPLE
    return replace(session, state=replace(state, problem=problem))


def insurance_read(session: Session, card: InsuranceCard, now: float) -> Step:
    """An insurance card alone names nobody to the state: it is kept for the reading that does, and said to be that."""
    state = session.state
    match state:
        case Start():
            return replace(go(fresh(session), AskQr(INSURANCE_ONLY), now), insurance=card), ()
        case AskKey() | AskQr():
            return replace(session, state=replace(state, problem=INSURANCE_ONLY), insurance=card), ()
        case AskMrz() | Keypad() | ReadingChip() | NoCard() | Failed():
            return replace(session, insurance=card), ()
        case Confirm() | Finishing() if state.reading is not None:
            return _insurance_beside(session, state, state.reading, card, now)
        case _:
            return session, ()


def _insurance_beside(
    session: Session, state: Confirm | Finishing, shown: Reading, card: InsuranceCard, now: float
) -> Step:
    """An insurance card beside the question "is this you?": refused when it is somebody else's, else asked with."""
    if is_of_another(card, shown.holder):
        refused = replace(state, problem=INSURANCE_OTHER) if isinstance(state, Confirm) else state
        return replace(session, state=refused), ()
    reading = accompanied(shown, card)
    state = (
        replace(state, reading=reading, problem=None) if isinstance(state, Confirm) else replace(state, reading=reading)
    )
    session = replace(session, state=state, insurance=card)
    return _asking_with_card(session, state.coverage, now, now)


def _asking_with_card(session: Session, coverage: Coverage | None, since: float, now: float) -> Step:
    """Where an answer says that the card's number may tell more and one is there unasked, it is asked at once; its
    deadline counts from `since`."""
    state = session.state
    if coverage is None or not isinstance(state, Confirm | Finishing) or state.reading is None:
        return session, ()
    card = state.reading.insurance
    if card is None or same_number(session.asked_with, card) or not card_may_help(coverage):
        return session, ()
    asked, effects = asking(replace(session, state=replace(state, coverage=None)), state.reading, now)
    return replace(asked, asked=since), effects
