"""The moves the check-in is made of: go to a screen, open the chip, fail with a way on, commit, go home.

Pure: a move takes the session and the time and returns the next session with the effects to carry out. Which event
leads to which move stands in `checkin.py` and `timing.py`. Must not import Flask, a device library or a connector.
"""

import hashlib
import re
from dataclasses import replace

from hisbridge.questions import Act, Coverage, Verdict
from kiosk.events import AskCoverage, Commit, Effect, OpenChip, StopChip
from kiosk.insurance_card import accompanied, card_may_help, is_of_another
from kiosk.policy import Policy
from kiosk.states import (
    AskInsurance,
    AskKey,
    Confirm,
    CounterReason,
    Failed,
    Finishing,
    Keypad,
    KeypadPurpose,
    NextPath,
    ReadingChip,
    Session,
    Start,
    State,
)
from reader.phases import PROGRESS, Phase
from reader.reading import Holder, Reading, Source

Step = tuple[Session, tuple[Effect, ...]]

CARD_REMOVED = "reader.card_removed"
WRONG_KEY = "reader.wrong_key"
NO_READER = "reader.no_reader"
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
    return replace(session, state=state, entered=now, since=now, warned=False)


def cleared(session: Session) -> Session:
    """The session without anything about the person; language and devices stay, and for seconds `lately`."""
    return replace(
        session,
        presentation="",
        chip_failures=0,
        key=None,
        warned=False,
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

    With a notice the person is probably still there: the language goes when the notice does (`timing.tick`).
    """
    state = Start(notice) if notice else resting(session)
    language = session.language if notice else policy.language
    lately_at = now if session.lately_at else 0.0  # whoever leaves may still hold that code in view
    return replace(go(cleared(session), state, now), language=language, lately_at=lately_at), stopping(session)


def ask_for_key(session: Session, now: float) -> Session:
    """A new card lies on the reader: a new presentation."""
    return go(fresh(session), AskKey(), now)


def fail(session: Session, code: str, now: float, policy: Policy) -> Step:
    """A path failed; say so and offer the others."""
    state = Failed(code, paths_after(session, code, policy))
    return go(replace(session, chip_running=False), state, now), stopping(session)


def fail_afresh(session: Session, code: str, now: float, policy: Policy) -> Step:
    """As `fail`, when nothing that was read in this presentation may be used any more."""
    anew = fresh(session)
    return go(anew, Failed(code, paths_after(anew, code, policy)), now), stopping(session)


def paths_after(session: Session, code: str, policy: Policy) -> tuple[NextPath, ...]:
    """What is left after `code`, best first: chip, QR, printed lines, twelve digits, staff. Staff are always left.

    A chip that needs the lines would say so again, however often it is asked without them.
    """
    worth = code not in NOT_WORTH_REPEATING and not session.mrz_needed
    again = session.card_present and session.chip_failures < policy.chip_attempts and worth
    lines = session.devices.camera and code in (MRZ_NEEDED, MRZ_NOT_FOUND)
    return (
        *((NextPath.CARD_AGAIN,) if again else ()),
        *((NextPath.QR,) if session.devices.sees_codes else ()),
        *((NextPath.MRZ,) if lines else ()),
        NextPath.PERSONAL_ID,
        NextPath.STAFF,
    )


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


def confirm(session: Session, reading: Reading, complete: bool, now: float) -> Step:
    """Ask "is this you?", and the insurance at the same time: the answer comes while the person reads."""
    problem = INSURANCE_OTHER if is_of_another(session.insurance, reading.holder) else None
    return asking(go(session, Confirm(reading, complete, problem=problem), now), reading, now)


def use_entry(session: Session, reading: Reading, now: float, policy: Policy) -> Step:
    """A code, the lines or a typed number are known: they open the chip when a card is there, else are the reading."""
    session = replace(session, entry=reading)
    if chip_open_to(session, card_key(reading), policy):
        return read_chip(session, card_key(reading), now)
    return confirm(session, reading, True, now)


def adopt(session: Session, reading: Reading, complete: bool, now: float, policy: Policy) -> Step:
    """A better reading of the person on the screen takes the place of the one shown.

    The insurance is asked again only when what it is asked by has changed. A confirmed screen is asked again only when
    the number has.
    """
    state = session.state
    if not isinstance(state, Confirm | Finishing) or state.reading is None:
        return confirm(session, reading, complete, now)
    if not same_person(state.reading, reading):
        return confirm(session, reading, complete, now)
    unchanged = _asked_by(state.reading) == _asked_by(reading)
    state = replace(state, reading=reading, complete=complete)
    if isinstance(state, Confirm) and is_of_another(session.insurance, reading.holder):
        state = replace(state, problem=INSURANCE_OTHER)
    if unchanged:
        return settle(replace(session, state=state), now, policy)
    asked, questions = asking(replace(session, state=replace(state, coverage=None)), reading, now)
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
            return ask_insurance(session, state.reading, coverage, now, problem), ()
    return commit(session, state.reading, coverage, now)


def ask_insurance(
    session: Session, reading: Reading, coverage: Coverage, now: float, problem: str | None = None
) -> Session:
    """Under the ID number the insurer knows nobody: many cards changed from the old ID were never linked."""
    asked = replace(session, insurance_asked=session.insurance_asked + 1)
    return go(asked, AskInsurance(reading, coverage, problem), now)


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
    return go(_served(session, reading), state, now), (Commit(session.presentation, reading, coverage, reason),)


def chip_failed(session: Session, code: str, now: float, policy: Policy) -> Step:
    """The chip gave no (whole) reading: fall back on the QR code already shown, else offer what is left.

    A chip that asks for more than it was given did not fail: with more it may open yet.
    """
    state, entry = session.state, session.entry
    asks = code == MRZ_NEEDED
    failed = replace(
        session,
        chip_running=False,
        chip_failures=session.chip_failures + (0 if asks else 1),
        failed_keys=(*session.failed_keys, session.attempt),
        mrz_needed=session.mrz_needed or asks,
    )
    if isinstance(state, Confirm | Finishing):
        if entry is not None and state.reading is not None and same_person(entry, state.reading):
            if code == WRONG_KEY and not is_typed(entry) and not session.mrz_needed:
                # The number of a code opens that person's card: this one is somebody else's.
                return fail_afresh(session, TWO_PEOPLE, now, policy)
            # The insurance answer, come or still to come, is about the same person and stays.
            entry = accompanied(entry, session.insurance)
            return settle(replace(failed, state=replace(state, reading=entry, complete=True)), now, policy)
    elif code == WRONG_KEY:
        if entry is not None and not is_typed(entry) and session.key == card_key(entry) and not session.mrz_needed:
            return fail_afresh(session, TWO_PEOPLE, now, policy)
        return wrong_key(failed, now, policy)
    elif entry is not None and not is_typed(entry) and code != CARD_REMOVED:
        return confirm(failed, entry, True, now)
    if code == CARD_REMOVED:
        return home(failed, now, policy, CARD_REMOVED)
    return fail(failed, code, now, policy)


def wrong_key(session: Session, now: float, policy: Policy) -> Step:
    """The digits did not open the card: a code seen meanwhile may, else they are typed again while attempts are left.

    A number typed whole is doubted now.
    """
    entry = None if session.entry is not None and is_typed(session.entry) else session.entry
    session = replace(session, key=None, entry=entry)
    if entry is not None and chip_open_to(session, card_key(entry), policy):
        return read_chip(session, card_key(entry), now)
    if entry is not None and session.mrz_needed:
        return confirm(session, entry, True, now)  # six digits are not what this chip opens with
    if session.chip_failures < policy.chip_attempts:
        return go(session, Keypad(KeypadPurpose.CARD_KEY, WRONG_KEY), now), ()
    return fail(session, WRONG_KEY, now, policy)


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


def _attempt(session: Session, can: str) -> str:
    """What the chip would be tried with: the CAN, and the dates that may give MRZ keys."""
    holder = _printed(session, can)
    return can if holder is None else f"{can} {holder.birth_date} {holder.expiry_date} {holder.issue_date}"


def _printed(session: Session, can: str) -> Holder | None:
    """The holder as held up or typed, where it is of the card that this key belongs to."""
    entry = session.entry
    return entry.holder if entry is not None and card_key(entry) == can else None


def _asked_by(reading: Reading) -> tuple[object, ...]:
    holder = reading.holder
    return (holder.personal_id, holder.full_name, holder.birth_date, holder.sex)
