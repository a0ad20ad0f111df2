"""People whose insurance is not linked to their card, and people without one: nobody ends at "not found"."""

from datetime import date

import msgspec
import pytest

from kiosk.events import (
    AskCoverage,
    Cancelled,
    Commit,
    Committed,
    Confirmed,
    CounterTicketAsked,
    CoverageAnswered,
    DigitsTyped,
    HelpAsked,
    PathChosen,
    PayloadRead,
    PayloadRefused,
    TellAgain,
)
from kiosk.handover import coverage_question
from kiosk.states import AskInsurance, CounterReason, Failed, Finishing, Help, NextPath, NoCard, Start, TicketShown
from reader.reading import InsuranceCard
from tests.kiosk.machine import NO_CARD, POLICY, TICKET, Kiosk, confirming_chip, holds_nothing
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
    (written,) = unknown.tell(CoverageAnswered(unknown.name, covered(), asked.reading.reading_id))
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


def test_somebody_elses_id_card_is_two_people(unknown: Kiosk) -> None:
    unknown.tell(PayloadRead(by_qr(MINH)))
    assert isinstance(unknown.state, Failed)
    assert unknown.state.code == "checkin.two_people"


def test_the_same_persons_id_card_changes_nothing(unknown: Kiosk) -> None:
    assert unknown.tell(PayloadRead(by_qr())) == ()
    assert unknown.state == AskInsurance(by_chip(), unlinked())


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


@pytest.mark.parametrize(("event", "state"), [(Cancelled(), Start), (HelpAsked(), Help)])
def test_the_question_can_be_left_and_nothing_stays(unknown: Kiosk, event: object, state: type) -> None:
    unknown.tell(NO_CARD)
    unknown.tell(event)
    assert isinstance(unknown.state, state)
    assert unknown.session.insurance is None
    assert state is Help or holds_nothing(unknown.session)


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
