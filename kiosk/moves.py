"""The moves the check-in is made of: go to a screen, open the chip, fail with a way on, commit, go home.

Pure: a move takes the session and the time and returns the next session with the effects to carry out. Which event
leads to which move stands in `checkin.py` and `timing.py`. Must not import Flask, a device library or a connector.
"""

import hashlib
import re
from dataclasses import replace

from hisbridge.questions import Act, Coverage, Verdict
from kiosk.events import AskCoverage, Commit, Effect, StopChip
from kiosk.insurance_card import card_may_help, is_of_another
from kiosk.person import knowing, known
from kiosk.policy import Policy
from kiosk.states import (
    NO_CHOICE,
    AskConsent,
    AskInsurance,
    AskKey,
    Confirm,
    CounterReason,
    Failed,
    Finishing,
    KeypadPurpose,
    NextPath,
    Session,
    Start,
    State,
    View,
)
from reader.reading import Reading, Source

Step = tuple[Session, tuple[Effect, ...]]

CARD_REMOVED = "reader.card_removed"
WRONG_KEY = "reader.wrong_key"
NO_READER = "reader.no_reader"
NO_CARD = "reader.no_card"
TOO_SLOW = "reader.too_slow"
TWO_PEOPLE = "checkin.two_people"
NO_PERSONAL_ID = "checkin.no_personal_id"
DIGITS_WRONG = "checkin.digits_wrong"
NOT_YOU = "checkin.not_you"
CARD_STILL_THERE = "checkin.card_still_there"
DEADLINE = "checkin.deadline"
INSURANCE_ONLY = "checkin.insurance_only"
CODE_AGAIN = "checkin.code_again"
INSURANCE_OTHER = "checkin.insurance_other"
INSURANCE_MISMATCH = "checkin.insurance_mismatch"
INSURANCE_WANTED = "checkin.insurance_wanted"
CARD_AWAITED = "checkin.card_awaited"
COVERAGE_NOT_FOUND = "checkin.coverage_not_found"
MRZ_NEEDED = "reader.mrz_needed"
MRZ_NOT_FOUND = "mrz.not_found"
CAMERA_MISSING = "camera.missing"

# Failures that the same card on the same reader would only repeat.
NOT_WORTH_REPEATING = frozenset(
    {WRONG_KEY, NO_READER, NO_PERSONAL_ID, "reader.service_down", "reader.not_allowed", "reader.not_an_id_card"}
    | {"reader.unsupported_access", "wire.unreachable", "wire.timeout"}
)


def go(session: Session, state: State, now: float) -> Session:
    """Another screen; the person's time begins anew with it."""
    return replace(heard(session, now), state=state, entered=now)


def heard(session: Session, now: float) -> Session:
    """The person did something: all their time again."""
    return replace(session, since=now, warned=False, card_taken=False)


def cleared(session: Session) -> Session:
    """The session without anything about the person; language, view and devices stay, and for seconds `lately`."""
    return replace(
        session,
        presentation="",
        chip_failures=0,
        code_failures=0,
        line_failures=0,
        digit_failures=(),
        key=None,
        choice=NO_CHOICE,
        warned=False,
        card_taken=False,
        chip_running=False,
        attempt="",
        failed_keys=(),
        mrz_needed=False,
        entry=None,
        insurance=None,
        insurance_asked=0,
        question="",
        questions=0,
        asked_with=None,
        card_waiting=False,
        code_waiting=None,
    )


def renamed(session: Session) -> Session:
    """The same person under a new presentation name, so that answers still under way for the old one are ignored."""
    serial = session.serial + 1
    return replace(session, serial=serial, presentation=f"{session.run}-{serial}")


def fresh(session: Session) -> Session:
    """A new presentation that knows nothing of the one before."""
    return renamed(cleared(session))


def stopping(session: Session) -> tuple[Effect, ...]:
    """What must be told to the reader when a presentation is left."""
    return (StopChip(session.presentation),) if session.chip_running else ()


def resting(session: Session) -> Start:
    """The start screen with nothing to say but that a card was forgotten, if one was."""
    return Start(CARD_STILL_THERE if session.card_present else None)


def home(session: Session, now: float, policy: Policy, notice: str | None = None) -> Step:
    """Back to the start, everything personal forgotten.

    With a notice the person is probably still there: language and view go when the notice does (`timing.tick`).
    """
    state = Start(notice) if notice else resting(session)
    left = session if notice else unadjusted(session, policy)
    lately_at = now if session.lately_at else 0.0  # whoever leaves may still hold that code in view
    left = replace(go(cleared(left), state, now), help_call=None, lately_at=lately_at)
    return left, stopping(session)


def unadjusted(session: Session, policy: Policy) -> Session:
    """The screen as the site has it, for whoever comes next."""
    return replace(session, language=policy.language, view=View(), lifted=0)


def is_adjusted(session: Session, policy: Policy) -> bool:
    """Whether the screen is as somebody wanted it."""
    return session.language != policy.language or session.view != View()


def ask_for_key(session: Session, now: float) -> Session:
    """A new card lies on the reader: a new presentation."""
    return go(fresh(session), AskKey(), now)


def fail(session: Session, code: str, now: float, policy: Policy) -> Step:
    """A path failed; say so and offer the others. Whoever is read next may be another: they choose for themselves."""
    state = Failed(code, paths_after(session, code, policy))
    return go(replace(session, chip_running=False, choice=NO_CHOICE), state, now), stopping(session)


def fail_afresh(session: Session, code: str, now: float, policy: Policy) -> Step:
    """As `fail`, when nothing that was read in this presentation may be used any more."""
    anew = fresh(session)
    return go(anew, Failed(code, paths_after(anew, code, policy)), now), stopping(session)


def paths_after(session: Session, code: str, policy: Policy) -> tuple[NextPath, ...]:
    """What is left after `code`, best first: chip, QR, printed lines, twelve digits, staff. Staff are always left.

    A chip that needs the lines would say so again, however often it is asked without them. What was tried in vain as
    often as the policy allows gives way to the next.
    """
    worth = code not in NOT_WORTH_REPEATING and not session.mrz_needed
    again = session.card_present and session.chip_failures < policy.chip_attempts and worth
    worn = session.code_failures >= policy.code_attempts
    lines = worn or code in (MRZ_NEEDED, MRZ_NOT_FOUND)
    looked = session.line_failures >= policy.line_attempts
    by_code = worn and session.key is None  # the chip's key would have come from the code
    paths = (
        (NextPath.CARD_AGAIN, again and not by_code),
        (NextPath.CARD_NUMBER, again and by_code and not mistyped(session, KeypadPurpose.CARD_KEY, policy)),
        (NextPath.QR, session.devices.sees_codes and not worn),
        (NextPath.MRZ, session.devices.camera and lines and not looked),
        (NextPath.PERSONAL_ID, not mistyped(session, KeypadPurpose.PERSONAL_ID, policy)),
        (NextPath.NO_CARD, code == INSURANCE_ONLY),  # a small child has no other card
        (NextPath.STAFF, True),
    )
    return tuple(path for path, is_left in paths if is_left)


def mistyped(session: Session, purpose: KeypadPurpose, policy: Policy) -> bool:
    """Whether these digits were typed wrong so often that another way is better."""
    return session.digit_failures.count(purpose) >= policy.digit_attempts


def usable(reading: Reading) -> bool:
    """Whether the reading names a person: only the twelve-digit personal ID number does."""
    return re.fullmatch(r"[0-9]{12}", reading.holder.personal_id or "") is not None


def card_key(reading: Reading) -> str:
    """The CAN: the last six digits of the ID number (card.md 0). Only for a usable reading."""
    return (reading.holder.personal_id or "")[-6:]


def is_committing(session: Session) -> bool:
    """Whether only the store's answer leads on."""
    return isinstance(session.state, Finishing) and session.state.committing


def same_person(one: Reading, other: Reading) -> bool:
    """Whether both name one person; readings without a number, of passports, name nobody."""
    return one.holder.personal_id is not None and one.holder.personal_id == other.holder.personal_id


def is_typed(reading: Reading) -> bool:
    return reading.evidence.source is Source.TYPED


def mark_of(session: Session, reading: Reading) -> str:
    """By which a person is known again for a few seconds without being named: keyed with this run's random name."""
    number = (reading.holder.personal_id or "").encode("utf-8", "surrogatepass")
    return hashlib.blake2s(number, key=session.run.encode()[:32], digest_size=8).hexdigest()


def noted(session: Session, reading: Reading, now: float) -> Session:
    """Whose code was seen just now."""
    return replace(session, lately=mark_of(session, reading), lately_at=now)


def confirm(session: Session, reading: Reading, complete: bool, now: float, policy: Policy) -> Step:
    """Ask "is this you?", and the insurance at the same time: the answer comes while the person reads.

    Where a site needs consent it is asked for first: until then nothing is shown, and nobody is asked.
    """
    if policy.consent_version and session.choice.consent is None:
        return go(session, AskConsent(reading, complete), now), ()
    problem = INSURANCE_OTHER if is_of_another(session.insurance, reading.holder) else None
    return asking(go(session, Confirm(reading, complete, problem=problem), now), reading, now)


def adopt(session: Session, reading: Reading, complete: bool, now: float, policy: Policy) -> Step:
    """A better reading of the person on the screen takes the place of the one shown.

    The insurance is asked again only when what it is asked by has changed. A confirmed screen is asked again only when
    the number has; then whatever was chosen was chosen for another.
    """
    shown = known(session)
    if shown is None or shown.reading is None:
        return confirm(session, reading, complete, now, policy)
    if not same_person(shown.reading, reading):
        return confirm(replace(session, choice=NO_CHOICE), reading, complete, now, policy)
    unchanged = _asked_by(shown.reading) == _asked_by(reading)
    shown = replace(shown, reading=reading, complete=complete)
    if isinstance(shown, Confirm) and is_of_another(session.insurance, reading.holder):
        shown = replace(shown, problem=INSURANCE_OTHER)
    if unchanged or isinstance(shown, AskConsent):
        return settle(knowing(session, shown), now, policy)
    asked, questions = asking(knowing(session, replace(shown, coverage=None)), reading, now)
    settled, effects = settle(asked, now, policy)
    return settled, questions + effects


def settle(session: Session, now: float, policy: Policy) -> Step:
    """Commit once the person said yes, the proof is complete, and the insurance answered or its time is over."""
    state = session.state
    if not isinstance(state, Finishing) or state.committing or not state.complete:
        return session, ()
    coverage = state.coverage
    if coverage is None:
        if now < session.asked + policy.coverage_deadline_seconds:
            return session, ()
        coverage = Coverage(verdict=Verdict.UNVERIFIED, reason=DEADLINE, act=Act.WAIT)
    if state.reading is not None and session.insurance_asked < policy.insurance_attempts:
        problem = _tells(session, coverage)
        if problem is not None or card_may_help(coverage):
            return ask_insurance(session, state.reading, coverage, now, policy, problem), ()
    return commit(session, state.reading, coverage, now)


def ask_insurance(
    session: Session, reading: Reading, coverage: Coverage, now: float, policy: Policy, problem: str | None = None
) -> Session:
    """Under the ID number the insurer knows nobody: many cards changed from the old ID were never linked."""
    # Codes of the ID card that were of no use tell nothing of this card's.
    failures = session.code_failures if session.insurance_asked else 0
    failures += problem is not None and session.asked_with is not None and session.asked_with.full_name is not None
    asked = replace(session, insurance_asked=session.insurance_asked + 1, code_failures=failures)
    return go(asked, AskInsurance(reading, coverage, problem, typed=failures >= policy.code_attempts), now)


def insurance_given(session: Session, reading: Reading, now: float) -> Step:
    """The insurance is asked once more, by the insurance card's own number; the person has said yes already."""
    return asking(go(session, Finishing(reading, complete=True), now), reading, now)


def _tells(session: Session, coverage: Coverage) -> str | None:
    """Why the number that the last question held is doubted; None when it is not, or held none."""
    if session.asked_with is None:
        return None
    typed = session.asked_with.full_name is None
    if typed and coverage.verdict is Verdict.MISMATCH and session.insurance_asked:
        return INSURANCE_MISMATCH  # a slip of the finger gives somebody else's number
    return COVERAGE_NOT_FOUND if card_may_help(coverage) else None


def commit(
    session: Session,
    reading: Reading | None,
    coverage: Coverage | None,
    now: float,
    reason: CounterReason = CounterReason.NONE,
) -> Step:
    """Nothing leads away from here but the store's answer."""
    state = Finishing(reading, complete=True, coverage=coverage, committing=True)
    committed = Commit(session.presentation, reading, coverage, reason, session.choice)
    return go(_served(session, reading), state, now), (committed,)


def asking(session: Session, reading: Reading, now: float) -> Step:
    """Ask the insurance about this reading. Of the answers that are out, only this question's counts from now on."""
    count = session.questions + 1
    again = f"{reading.reading_id}#{count}" if session.question.partition("#")[0] == reading.reading_id else ""
    effect = AskCoverage(session.presentation, reading, again)
    asked = replace(session, question=effect.name, questions=count, asked_with=reading.insurance, asked=now)
    return asked, (effect,)


def _served(session: Session, reading: Reading | None) -> Session:
    """Whose ticket it is: their code seen from now on is no next person's. One never seen leaves with the ticket."""
    if reading is None or session.lately == mark_of(session, reading):
        return session
    return replace(session, lately=mark_of(session, reading), lately_at=0.0)


def _asked_by(reading: Reading) -> tuple[object, ...]:
    holder = reading.holder
    return (holder.personal_id, holder.full_name, holder.birth_date, holder.sex)
