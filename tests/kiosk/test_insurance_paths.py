"""People whose insurance is not linked to their card, and people without one: nobody ends at "not found"."""

from dataclasses import replace
from datetime import date

import msgspec
import pytest

from hisbridge.questions import Act, Coverage, Verdict
from kiosk.events import (
    AskCoverage,
    CallStaff,
    Cancelled,
    Commit,
    Committed,
    Confirmed,
    CounterTicketAsked,
    CoverageAnswered,
    DevicesChanged,
    DigitsTyped,
    HelpAsked,
    IdentityRead,
    LanguageChosen,
    PathChosen,
    PayloadRead,
    PayloadRefused,
    ReadingFailed,
    TellAgain,
)
from kiosk.handover import coverage_question
from kiosk.states import (
    AskInsurance,
    Confirm,
    CounterReason,
    Devices,
    Finishing,
    NextPath,
    NoCard,
    Start,
    TicketShown,
)
from reader.reading import InsuranceCard
from tests.kiosk.machine import CARD, NO_CARD, NO_READER, POLICY, TICKET, Kiosk, confirming_chip, holds_nothing
from tests.kiosk.people import MINH, by_chip, by_insurance_card, by_qr, covered, uninsured, unlinked

TODAY = date(2026, 11, 22)


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


@pytest.fixture
def unknown(kiosk: Kiosk) -> Kiosk:
    """Somebody who said yes, and of whose insurance nothing is known under the ID number."""
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, unlinked()))
    assert kiosk.tell(Confirmed()) == (TellAgain(),)
    assert kiosk.state == AskInsurance(by_chip(), unlinked())
    return kiosk


def test_the_code_of_the_insurance_card_is_asked_with_its_number(unknown: Kiosk) -> None:
    (asked,) = unknown.tell(PayloadRead(by_insurance_card()))
    assert isinstance(asked, AskCoverage)
    assert asked.presentation == unknown.name
    question = coverage_question(asked.reading, TODAY)
    assert (question.personal_id, question.insurance_number) == ("001303900017", "0130390001")
    assert isinstance(unknown.state, Finishing)
    assert unknown.tell(CoverageAnswered(unknown.name, unlinked(), asked.reading.reading_id)) == ()  # the first one's
    (written,) = unknown.tell(CoverageAnswered(unknown.name, covered(), asked.name))
    assert isinstance(written, Commit)
    assert written.coverage == covered()
    assert written.reading is not None
    assert written.reading.insurance == by_insurance_card().insurance


def test_ten_typed_digits_do_the_same(unknown: Kiosk) -> None:
    (asked,) = unknown.tell(DigitsTyped("0130390001"))
    assert isinstance(asked, AskCoverage)
    assert coverage_question(asked.reading, TODAY).insurance_number == "0130390001"


@pytest.mark.parametrize("digits", ["013039000", "01303900011", "abcdefghij", "٠١٢٣٤٥٦٧٨٩"])
def test_other_digits_are_refused_and_nothing_is_asked(unknown: Kiosk, digits: str) -> None:
    assert unknown.tell(DigitsTyped(digits)) == ()
    assert unknown.state == AskInsurance(by_chip(), unlinked(), "checkin.digits_wrong")


def test_somebody_elses_insurance_card_is_refused_and_said_to_be(unknown: Kiosk) -> None:
    assert unknown.tell(PayloadRead(by_insurance_card(full_name="TRẦN VĂN MINH"))) == ()
    assert unknown.state == AskInsurance(by_chip(), unlinked(), "checkin.insurance_other")


def test_a_card_that_says_only_its_number_is_asked_for(unknown: Kiosk) -> None:
    bare = by_insurance_card(full_name=None, birth_date=None)
    assert isinstance(unknown.tell(PayloadRead(bare))[0], AskCoverage)


def test_somebody_elses_id_card_is_refused_and_said_to_be(unknown: Kiosk) -> None:
    assert unknown.tell(PayloadRead(by_qr(MINH))) == ()
    assert unknown.state == AskInsurance(by_chip(), unlinked(), "checkin.two_people")


def test_the_same_persons_id_card_held_up_instead_is_said_to_be_that(unknown: Kiosk) -> None:
    assert unknown.tell(PayloadRead(by_qr())) == ()
    assert unknown.state == AskInsurance(by_chip(), unlinked(), "checkin.insurance_wanted")


def test_a_card_seen_twice_is_asked_for_once(unknown: Kiosk) -> None:
    unknown.tell(PayloadRead(by_insurance_card()))
    unknown.tell(CoverageAnswered(unknown.name, unlinked(), unknown.session.question))
    shown = unknown.state
    assert isinstance(shown, AskInsurance)
    assert shown.problem == "checkin.coverage_not_found"
    assert unknown.tell(PayloadRead(by_insurance_card(card_number="GD4010130390001"))) == ()
    assert unknown.state == replace(shown, typed=True)  # a worn code may tell another number than stands beside it


def test_digits_typed_twice_are_meant_and_the_counter_sees_to_them(unknown: Kiosk) -> None:
    unknown.tell(DigitsTyped("0130390001"))
    unknown.tell(CoverageAnswered(unknown.name, unlinked(), unknown.session.question))
    (written,) = unknown.tell(DigitsTyped("0130390001"))
    assert isinstance(written, Commit)
    assert written.coverage == unlinked()


def test_typed_digits_of_somebody_else_are_doubted_once_before_the_counter_compares(unknown: Kiosk) -> None:
    other = Coverage(verdict=Verdict.MISMATCH, result_code="060", act=Act.COMPARE_PERSON)
    unknown.tell(DigitsTyped("0130390002"))
    unknown.tell(CoverageAnswered(unknown.name, other, unknown.session.question))
    assert isinstance(unknown.state, AskInsurance)
    assert unknown.state.problem == "checkin.insurance_mismatch"
    unknown.tell(DigitsTyped("0130390003"))
    (written,) = unknown.tell(CoverageAnswered(unknown.name, other, unknown.session.question))
    assert isinstance(written, Commit)
    assert written.coverage == other


def test_a_card_held_up_at_the_question_who_you_are_is_asked_with_at_once(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, unlinked()))
    (asked,) = kiosk.tell(PayloadRead(by_insurance_card()))
    assert isinstance(asked, AskCoverage)
    assert coverage_question(asked.reading, TODAY).insurance_number == "0130390001"
    kiosk.tell(CoverageAnswered(kiosk.name, covered(), asked.name))
    (written,) = kiosk.tell(Confirmed())
    assert isinstance(written, Commit)
    assert written.coverage == covered()


def test_a_card_held_up_while_the_answer_is_out_is_asked_with_within_the_same_deadline(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    assert kiosk.tell(PayloadRead(by_insurance_card())) == ()
    kiosk.tell(Confirmed())
    kiosk.now += 3
    (asked,) = kiosk.tell(CoverageAnswered(kiosk.name, unlinked()))
    assert isinstance(asked, AskCoverage)
    assert kiosk.wait(POLICY.coverage_deadline_seconds - 3.01) == ()
    (written,) = kiosk.wait(0.02)
    assert isinstance(written, Commit)
    assert written.coverage is not None
    assert (written.coverage.reason, written.coverage.act) == ("checkin.deadline", Act.WAIT)


def test_a_card_already_asked_with_that_finds_nothing_leaves_another_number_to_be_typed(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_insurance_card()), PayloadRead(by_qr()))
    kiosk.tell(CoverageAnswered(kiosk.name, unlinked()), Confirmed())
    assert isinstance(kiosk.state, AskInsurance)
    assert kiosk.state.problem == "checkin.coverage_not_found"


def test_a_card_beside_a_chip_that_fails_goes_on_with_the_code(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PayloadRead(by_qr()))
    kiosk.tell(IdentityRead(kiosk.name, by_chip()), PayloadRead(by_insurance_card()))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.card_broken"))
    assert isinstance(kiosk.state, Confirm)
    assert kiosk.state.reading == msgspec.structs.replace(by_qr(), insurance=by_insurance_card().insurance)


@pytest.mark.parametrize("code", ["121", "122", "123"])
def test_whoever_moved_and_has_a_new_card_is_asked_for_its_number(kiosk: Kiosk, code: str) -> None:
    moved = Coverage(verdict=Verdict.NOT_INSURED, result_code=code, act=Act.ASK_RENEWED_CARD)
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, moved), Confirmed())
    assert kiosk.state == AskInsurance(by_chip(), moved)


def test_the_language_changes_at_the_question_and_nothing_else_does(unknown: Kiosk) -> None:
    state = unknown.state
    assert unknown.tell(LanguageChosen("en")) == ()
    assert (unknown.state, unknown.session.language) == (state, "en")


def test_a_reader_unplugged_and_cameras_gone_leave_the_question_standing(unknown: Kiosk) -> None:
    unknown.tell(NO_READER, DevicesChanged(Devices()))
    assert unknown.state == AskInsurance(by_chip(), unlinked())
    assert isinstance(unknown.tell(DigitsTyped("0130390001"))[0], AskCoverage)


def test_help_at_the_question_calls_the_staff_and_keeps_the_visit(unknown: Kiosk) -> None:
    assert unknown.tell(HelpAsked()) == (Commit(unknown.name, by_chip(), unlinked()), CallStaff("ask_insurance"))
    unknown.tell(Committed(unknown.name, TICKET, True))
    assert isinstance(unknown.state, TicketShown)


def test_a_code_that_cannot_be_read_is_told(unknown: Kiosk) -> None:
    unknown.tell(PayloadRefused("payload.damaged"))
    assert unknown.state == AskInsurance(by_chip(), unlinked(), "payload.damaged")


def test_whoever_has_no_insurance_card_goes_on_without(unknown: Kiosk) -> None:
    (written,) = unknown.tell(Confirmed())
    assert written == Commit(unknown.name, by_chip(), unlinked())
    unknown.tell(Committed(unknown.name, TICKET, True))
    assert isinstance(unknown.state, TicketShown)


def test_a_number_that_is_not_found_either_is_asked_for_once_more_and_then_left_to_the_counter(unknown: Kiosk) -> None:
    for digits in ("0130390002", "0130390003"):
        unknown.tell(DigitsTyped(digits))
        effects = unknown.tell(CoverageAnswered(unknown.name, unlinked(), unknown.session.question))
        if digits.endswith("2"):
            assert isinstance(unknown.state, AskInsurance)
            assert unknown.state.problem == "checkin.coverage_not_found"
    assert isinstance(effects[0], Commit)


def test_an_insurance_answer_that_is_no_keeps_nobody(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, uninsured()))
    assert isinstance(kiosk.tell(Confirmed())[0], Commit)


def test_whoever_walks_away_from_the_question_keeps_the_visit(unknown: Kiosk) -> None:
    unknown.wait(POLICY.idle_seconds)
    assert unknown.session.warned
    assert isinstance(unknown.wait(POLICY.warning_seconds)[0], Commit)


def test_the_card_may_leave_while_the_question_stands(unknown: Kiosk) -> None:
    unknown.tell(NO_CARD)
    assert isinstance(unknown.state, AskInsurance)


def test_the_question_can_be_left_and_nothing_stays(unknown: Kiosk) -> None:
    unknown.tell(NO_CARD, Cancelled())
    assert unknown.state == Start()
    assert holds_nothing(unknown.session)


@pytest.mark.parametrize("reason", [reason for reason in CounterReason if reason])
def test_whoever_has_no_card_gets_a_number_and_the_counter_the_reason(kiosk: Kiosk, reason: CounterReason) -> None:
    assert kiosk.tell(PathChosen(NextPath.NO_CARD)) == ()
    assert kiosk.state == NoCard()
    assert kiosk.tell(CounterTicketAsked(reason)) == (Commit(kiosk.name, None, None, reason),)
    kiosk.tell(Committed(kiosk.name, TICKET, True))
    assert isinstance(kiosk.state, TicketShown)


def test_a_code_held_up_instead_goes_its_usual_way(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.NO_CARD), PayloadRead(by_qr()))
    assert not isinstance(kiosk.state, NoCard)


def test_the_old_number_on_the_card_goes_with_the_question() -> None:
    reading = by_qr(previous_id="012345678")
    assert coverage_question(reading, TODAY).previous_id == "012345678"


@pytest.mark.parametrize("number", ["", "x", "GD401013039000", "001303900017", "gd4010130390001"])
def test_what_is_no_insurance_number_does_not_go_with_it(number: str) -> None:
    reading = msgspec.structs.replace(by_qr(), insurance=InsuranceCard(card_number=number))
    assert coverage_question(reading, TODAY).insurance_number is None
