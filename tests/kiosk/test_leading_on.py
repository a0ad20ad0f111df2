"""Nobody is told the same for ever: after two failures another way is offered unasked, at every screen that asks."""

from collections.abc import Callable

import pytest

from kiosk.events import (
    Cancelled,
    Commit,
    Confirmed,
    CoverageAnswered,
    DevicesChanged,
    DigitsTyped,
    MrzFailed,
    PathChosen,
    PayloadRead,
    PayloadRefused,
    ReadingFailed,
)
from kiosk.states import AskInsurance, AskKey, Confirm, Devices, Failed, Keypad, NextPath, Start
from tests.kiosk.machine import CARD, NO_CARD, POLICY, Kiosk, confirming_chip, holds_nothing, reading_by_number, typing
from tests.kiosk.people import MINH, by_chip, by_insurance_card, by_qr, covered, unlinked

UNREADABLE = PayloadRefused("payload.damaged")


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


def at_the_start(kiosk: Kiosk) -> None:
    assert kiosk.state == Start()


def at_the_code(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.QR))


def at_the_key(kiosk: Kiosk) -> None:
    kiosk.tell(CARD)


def at_the_number(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID))


def at_the_lines(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.QR), UNREADABLE, UNREADABLE)


def at_the_insurance(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, unlinked()), Confirmed())
    assert isinstance(kiosk.state, AskInsurance)


def a_worn_code(kiosk: Kiosk) -> None:
    kiosk.tell(UNREADABLE)


def the_insurance_card(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_insurance_card()))


def the_insurance_card_asked_for_in_vain(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_insurance_card()))
    kiosk.tell(CoverageAnswered(kiosk.name, unlinked(), kiosk.session.question))


def somebody_elses_insurance_card(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_insurance_card(full_name="TRẦN VĂN MINH")))


def the_id_card(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()))


def somebody_elses_id_card(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr(MINH)))


def too_few_digits(kiosk: Kiosk) -> None:
    kiosk.tell(DigitsTyped("12"))


def digits_without_a_card(kiosk: Kiosk) -> None:
    kiosk.tell(DigitsTyped("900017"))


def a_key_that_does_not_fit(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.CARD_NUMBER), DigitsTyped("900017"))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.wrong_key"))


def a_look_in_vain(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.MRZ))
    kiosk.tell(MrzFailed(kiosk.name, "mrz.not_found"))


def a_card_lifted_too_soon(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(NO_CARD)


def a_broken_chip(kiosk: Kiosk) -> None:
    """Laid there anew each time, as the screen says."""
    kiosk.tell(NO_CARD)
    reading_by_number(kiosk)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.card_broken"))


def typing_with_the_card_in_hand(kiosk: Kiosk) -> None:
    typing(kiosk)
    kiosk.tell(NO_CARD)


def left_alone(kiosk: Kiosk) -> None:
    for _ in range(4):  # offers of further ways, the warning, home
        kiosk.wait(POLICY.idle_seconds)
    assert kiosk.state == Start()


def asked_for(kiosk: Kiosk) -> object:
    """What the person is asked to do now, whatever was wrong."""
    state = kiosk.state
    match state:
        case Failed():
            return "the ways", state.paths[0]
        case AskInsurance():
            return "the insurance card", state.typed
        case Keypad():
            return "digits", state.purpose
        case _:
            return type(state)


@pytest.mark.parametrize(
    ("begin", "fails"),
    [
        (at_the_start, a_worn_code),
        (at_the_start, the_insurance_card),
        (at_the_start, a_card_lifted_too_soon),
        (at_the_start, a_broken_chip),
        (at_the_code, a_worn_code),
        (at_the_code, the_insurance_card),
        (at_the_key, a_worn_code),
        (at_the_key, the_insurance_card),
        (at_the_key, a_key_that_does_not_fit),
        (at_the_lines, a_look_in_vain),
        (at_the_number, too_few_digits),
        (typing, too_few_digits),
        (typing_with_the_card_in_hand, digits_without_a_card),
        (at_the_insurance, a_worn_code),
        (at_the_insurance, the_insurance_card_asked_for_in_vain),
        (at_the_insurance, somebody_elses_insurance_card),
        (at_the_insurance, the_id_card),
        (at_the_insurance, somebody_elses_id_card),
        (at_the_insurance, too_few_digits),
    ],
)
def test_after_two_failures_something_else_is_asked_for(
    kiosk: Kiosk, begin: Callable[[Kiosk], None], fails: Callable[[Kiosk], None]
) -> None:
    begin(kiosk)
    asked = asked_for(kiosk)
    fails(kiosk)
    once = asked_for(kiosk)
    fails(kiosk)
    assert asked_for(kiosk) not in (asked, once)


def test_a_code_of_no_use_at_the_start_is_forgotten_with_its_notice(kiosk: Kiosk) -> None:
    kiosk.tell(UNREADABLE)
    assert kiosk.state == Start("payload.damaged")
    kiosk.wait(POLICY.notice_seconds)
    kiosk.tell(UNREADABLE)
    assert kiosk.state == Start("payload.damaged")
    kiosk.tell(UNREADABLE)
    assert kiosk.state == Failed("payload.damaged", (NextPath.MRZ, NextPath.PERSONAL_ID, NextPath.STAFF))
    left_alone(kiosk)
    assert holds_nothing(kiosk.session)


def test_whoever_left_by_mistake_is_taken_back_by_one_touch(kiosk: Kiosk) -> None:
    """The code itself begins nothing: it may only lie there, forgotten."""
    kiosk.tell(PayloadRead(by_qr()), Cancelled(), PayloadRead(by_qr()))
    assert kiosk.state == Start("checkin.code_again")
    kiosk.tell(PathChosen(NextPath.QR), PayloadRead(by_qr()))
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_a_card_lifted_too_soon_twice_leads_on_and_the_next_person_begins_anew(kiosk: Kiosk) -> None:
    a_card_lifted_too_soon(kiosk)
    assert kiosk.state == Start("reader.card_removed")
    a_card_lifted_too_soon(kiosk)
    assert kiosk.state == Failed("reader.card_removed", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))
    assert not kiosk.session.chip_running
    kiosk.tell(CARD)
    assert kiosk.state == AskKey()  # it is never refused for that
    kiosk.tell(NO_CARD)
    left_alone(kiosk)
    a_card_lifted_too_soon(kiosk)
    assert kiosk.state == Start("reader.card_removed")


def test_a_card_laid_there_anew_after_a_failure_has_one_more_attempt(kiosk: Kiosk) -> None:
    a_broken_chip(kiosk)
    assert isinstance(kiosk.state, Failed)
    assert kiosk.state.paths[0] is NextPath.CARD_AGAIN
    a_broken_chip(kiosk)
    assert isinstance(kiosk.state, Failed)
    assert kiosk.state.paths == (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF)


def test_a_good_insurance_card_after_two_codes_of_no_use_still_counts(kiosk: Kiosk) -> None:
    at_the_insurance(kiosk)
    kiosk.tell(UNREADABLE, UNREADABLE)
    assert kiosk.state == AskInsurance(by_chip(), unlinked(), "payload.damaged", typed=True)
    kiosk.tell(PayloadRead(by_insurance_card()))
    (written,) = kiosk.tell(CoverageAnswered(kiosk.name, covered(), kiosk.session.question))
    assert isinstance(written, Commit)


def test_codes_of_the_id_card_that_were_of_no_use_do_not_count_at_the_insurance_question(kiosk: Kiosk) -> None:
    at_the_code(kiosk)
    kiosk.tell(UNREADABLE, UNREADABLE, PathChosen(NextPath.PERSONAL_ID), DigitsTyped("001303900017", "t", ""))
    kiosk.tell(CoverageAnswered(kiosk.name, unlinked(), kiosk.session.question), Confirmed())
    assert isinstance(kiosk.state, AskInsurance)
    assert not kiosk.state.typed


def test_a_child_with_nothing_but_an_insurance_card_is_offered_the_way_without_a_card(kiosk: Kiosk) -> None:
    kiosk.tell(DevicesChanged(Devices(scanner=True)))
    the_insurance_card(kiosk)
    the_insurance_card(kiosk)
    assert kiosk.state == Failed("checkin.insurance_only", (NextPath.PERSONAL_ID, NextPath.NO_CARD, NextPath.STAFF))
