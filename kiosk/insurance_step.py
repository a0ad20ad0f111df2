"""The insurance in the check-in: its answer, and the insurance card that is held up or asked for when it says nothing.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

import msgspec

from hisbridge.questions import Coverage
from kiosk.events import CoverageAnswered
from kiosk.insurance_card import accompanied, card_may_help, is_of_another, same_number
from kiosk.moves import (
    COVERAGE_NOT_FOUND,
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
from kiosk.person import knowing, known
from kiosk.policy import Policy
from kiosk.states import (
    Adjust,
    AskConsent,
    AskInsurance,
    AskMrz,
    AskQr,
    ChooseService,
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

Asked = Confirm | ChooseService | Finishing  # where the insurance is asked, or has answered


def coverage_answered(session: Session, event: CoverageAnswered, now: float, policy: Policy) -> Step:
    """An answer counts for the question asked last only, and never after the deadline."""
    shown = known(session)
    if event.presentation != session.presentation or (event.question or session.question) != session.question:
        return session, ()
    if shown is None or isinstance(shown, AskConsent) or is_committing(session) or shown.coverage is not None:
        return session, ()
    # Whoever waits already does not wait twice: the deadline stays that of the question before.
    since = session.asked if isinstance(shown, Finishing) else now
    asked, effects = _asking_with_card(session, event.coverage, since, now)
    if effects:
        return asked, effects
    return settle(knowing(session, replace(shown, coverage=event.coverage)), now, policy)


def insurance_of(session: Session, state: AskInsurance, card: InsuranceCard, now: float, policy: Policy) -> Step:
    """An insurance card for the person on the screen, held up or typed.

    The number that was asked for already is not asked for again: its code held up once more helps no more than before,
    and digits typed twice are meant.
    """
    if is_of_another(card, state.reading.holder):
        return in_vain(session, state, INSURANCE_OTHER, policy), ()
    if same_number(session.asked_with, card):
        typed = card.full_name is None
        again = commit(session, state.reading, state.coverage, now)
        return again if typed else (in_vain(session, state, COVERAGE_NOT_FOUND, policy), ())
    reading = msgspec.structs.replace(state.reading, insurance=card)
    return insurance_given(replace(session, insurance=card), reading, now)


def id_code_instead(session: Session, state: AskInsurance, reading: Reading, policy: Policy) -> Session:
    """The citizen card's code, where the insurance card's is asked for: who is on the screen stays who it is."""
    problem = INSURANCE_WANTED if same_person(state.reading, reading) else TWO_PEOPLE
    return in_vain(session, state, problem, policy)


def in_vain(session: Session, state: AskInsurance, problem: str, policy: Policy) -> Session:
    """A code of no use where the insurance card's is asked for: said; again, and the digits alone are asked for. One
    that is of use is never refused for that."""
    failures = session.code_failures + 1
    told = replace(state, problem=problem, typed=failures >= policy.code_attempts)
    return replace(session, code_failures=failures, state=told)


def insurance_read(session: Session, card: InsuranceCard, now: float) -> Step:
    """An insurance card alone names nobody to the state: it is kept for the reading that does."""
    state = session.state
    match state:
        case Start() | Adjust():
            return replace(go(fresh(session), AskQr(INSURANCE_ONLY), now), insurance=card, code_failures=1), ()
        case AskMrz() | Keypad() | ReadingChip() | NoCard() | Failed() | AskConsent():
            return replace(session, insurance=card), ()
    shown = known(session)
    if shown is None or isinstance(shown, AskConsent) or shown.reading is None:
        return session, ()
    return _insurance_beside(session, shown, shown.reading, card, now)


def _insurance_beside(session: Session, shown: Asked, reading: Reading, card: InsuranceCard, now: float) -> Step:
    """An insurance card beside the question "is this you?": refused when it is somebody else's, else asked with."""
    if is_of_another(card, reading.holder):
        refused = replace(shown, problem=INSURANCE_OTHER) if isinstance(shown, Confirm) else shown
        return knowing(session, refused), ()
    shown = replace(shown, reading=accompanied(reading, card))
    if isinstance(shown, Confirm):
        shown = replace(shown, problem=None)
    session = replace(knowing(session, shown), insurance=card)
    return _asking_with_card(session, shown.coverage, now, now)


def _asking_with_card(session: Session, coverage: Coverage | None, since: float, now: float) -> Step:
    """Where an answer says that the card's number may tell more and one is there unasked, it is asked at once; its
    deadline counts from `since`."""
    shown = known(session)
    if coverage is None or shown is None or isinstance(shown, AskConsent) or shown.reading is None:
        return session, ()
    card = shown.reading.insurance
    if card is None or same_number(session.asked_with, card) or not card_may_help(coverage):
        return session, ()
    asked, effects = asking(knowing(session, replace(shown, coverage=None)), shown.reading, now)
    return replace(asked, asked=since), effects
