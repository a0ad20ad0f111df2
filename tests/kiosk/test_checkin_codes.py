"""A check-in by the QR code and by typed digits, alone and beside a card; two persons are never mixed."""

import pytest

from kiosk.events import (
    AskCoverage,
    Cancelled,
    Commit,
    Confirmed,
    CoverageAnswered,
    DevicesChanged,
    DigitsTyped,
    IdentityRead,
    MrzFailed,
    OpenChip,
    PathChosen,
    PayloadRead,
    PayloadRefused,
    ReadingFailed,
    ReadingFinished,
    StopChip,
    TellAgain,
)
from kiosk.moves import same_person
from kiosk.states import (
    AskKey,
    AskQr,
    Confirm,
    Devices,
    Failed,
    Finishing,
    Keypad,
    KeypadPurpose,
    NextPath,
    ReadingChip,
    Start,
)
from reader.reading import Holder, Source
from tests.kiosk.machine import (
    CARD,
    NO_CARD,
    POLICY,
    Kiosk,
    confirming_chip,
    failed,
    holds_nothing,
    reading_by_number,
    typing,
)
from tests.kiosk.people import LAN, MINH, by_chip, by_qr, covered, passport


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


# The QR code.


def test_a_qr_code_without_a_card_is_a_complete_reading(kiosk: Kiosk) -> None:
    assert kiosk.tell(PayloadRead(by_qr())) == (AskCoverage(kiosk.name, by_qr()),)
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_after_two_codes_of_no_use_the_next_ways_are_offered_unasked(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.QR), PayloadRefused("payload.damaged"))
    assert kiosk.state == AskQr("payload.damaged", mrz=True)
    kiosk.tell(PayloadRefused("payload.damaged"))
    assert kiosk.state == Failed("payload.damaged", (NextPath.MRZ, NextPath.PERSONAL_ID, NextPath.STAFF))
    kiosk.tell(PayloadRead(by_qr()))  # it is never refused for that
    assert isinstance(kiosk.state, Confirm)


def test_after_two_codes_of_no_use_for_a_card_its_digits_are_offered_unasked(kiosk: Kiosk) -> None:
    kiosk.tell(DevicesChanged(Devices(scanner=True)), CARD)
    kiosk.tell(PayloadRefused("payload.damaged"), PayloadRefused("payload.unknown"))
    assert kiosk.state == Failed("payload.unknown", (NextPath.CARD_NUMBER, NextPath.PERSONAL_ID, NextPath.STAFF))
    kiosk.tell(PathChosen(NextPath.CARD_NUMBER))
    assert kiosk.state == Keypad(KeypadPurpose.CARD_KEY)


def test_after_two_looks_in_vain_the_lines_are_not_offered_again(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.QR), PayloadRefused("payload.damaged"))
    for left in (True, False):
        kiosk.tell(PathChosen(NextPath.MRZ))
        kiosk.tell(MrzFailed(kiosk.name, "mrz.not_found"))
        assert isinstance(kiosk.state, Failed)
        assert (NextPath.MRZ in kiosk.state.paths) is left


def test_after_two_slips_on_the_keypad_the_next_ways_are_offered_unasked(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID), DigitsTyped("12"))
    assert kiosk.state == Keypad(KeypadPurpose.PERSONAL_ID, "checkin.digits_wrong")
    kiosk.tell(DigitsTyped("123"))
    assert kiosk.state == Failed("checkin.digits_wrong", (NextPath.QR, NextPath.STAFF))


def test_slips_in_the_cards_digits_leave_the_twelve(kiosk: Kiosk) -> None:
    typing(kiosk)
    kiosk.tell(DigitsTyped("12"), DigitsTyped("123"))
    assert isinstance(kiosk.state, Failed)
    assert NextPath.PERSONAL_ID in kiosk.state.paths


def test_a_qr_code_beside_a_card_opens_its_chip(kiosk: Kiosk) -> None:
    kiosk.tell(CARD)
    assert kiosk.tell(PayloadRead(by_qr())) == (OpenChip(kiosk.name, "900017", by_qr().holder),)
    assert isinstance(kiosk.state, ReadingChip)


def test_a_card_placed_beside_a_qr_reading_is_opened_without_leaving_the_question(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()))
    name = kiosk.name
    assert kiosk.tell(CARD) == (OpenChip(name, "900017", by_qr().holder),)
    assert kiosk.state == Confirm(by_qr(), complete=False)
    assert kiosk.tell(IdentityRead(name, by_chip())) == ()
    kiosk.tell(ReadingFinished(name, by_chip()))
    assert kiosk.state == Confirm(by_chip(), complete=True)
    kiosk.tell(CoverageAnswered(name, covered(), "qr-1"))
    assert kiosk.state == Confirm(by_chip(), complete=True, coverage=covered())


def test_a_card_placed_after_the_yes_is_waited_for(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), Confirmed())
    kiosk.tell(CARD)
    assert kiosk.state == Finishing(by_qr(), complete=False)
    assert kiosk.wait(POLICY.coverage_deadline_seconds) == ()
    (asked,) = kiosk.tell(ReadingFinished(kiosk.name, by_chip()))
    assert isinstance(asked, Commit)
    assert asked.reading == by_chip()


def test_a_chip_that_says_another_name_is_asked_about_again(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr(full_name="NGUYEN THI LAN")))
    kiosk.tell(CoverageAnswered(kiosk.name, covered(), "qr-1"), CARD)
    assert kiosk.state == Confirm(by_qr(full_name="NGUYEN THI LAN"), complete=False, coverage=covered())
    assert kiosk.tell(IdentityRead(kiosk.name, by_chip())) == (AskCoverage(kiosk.name, by_chip()),)
    assert kiosk.state == Confirm(by_chip(), complete=False, coverage=None)
    kiosk.tell(CoverageAnswered(kiosk.name, covered(), "qr-1"))
    assert kiosk.state == Confirm(by_chip(), complete=False, coverage=None)


def test_a_card_that_the_number_of_the_code_does_not_open_is_somebody_elses(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), CARD)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.wrong_key"))
    assert isinstance(kiosk.state, Failed)
    assert kiosk.state.code == "checkin.two_people"
    assert kiosk.session.entry is None


@pytest.mark.parametrize("code", ["reader.card_broken", "reader.card_removed", "reader.too_slow"])
def test_a_qr_reading_stands_when_the_chip_beside_it_fails(kiosk: Kiosk, code: str) -> None:
    kiosk.tell(PayloadRead(by_qr()), CARD)
    kiosk.tell(ReadingFailed(kiosk.name, code))
    assert kiosk.state == Confirm(by_qr(), complete=True)
    kiosk.tell(NO_CARD)
    assert kiosk.tell(CARD) == ()


def test_a_qr_code_shown_for_a_chip_that_fails_is_used_instead(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PayloadRead(by_qr()))
    assert kiosk.tell(ReadingFailed(kiosk.name, "reader.card_broken")) == (AskCoverage(kiosk.name, by_qr()),)
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_a_code_whose_digits_do_not_open_the_card_is_somebody_elses(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PayloadRead(by_qr()))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.wrong_key"))
    assert isinstance(kiosk.state, Failed)
    assert kiosk.state.code == "checkin.two_people"
    assert kiosk.session.entry is None


def test_a_card_lifted_to_show_its_code_is_waited_for(kiosk: Kiosk) -> None:
    assert kiosk.tell(CARD, NO_CARD) == (TellAgain(),)
    assert kiosk.state == AskQr()
    kiosk.tell(PayloadRead(by_qr()))
    assert kiosk.tell(CARD) == (OpenChip(kiosk.name, "900017", by_qr().holder),)


def test_a_card_lifted_for_reading_its_digits_is_waited_for_and_read_with_them(kiosk: Kiosk) -> None:
    typing(kiosk)
    assert kiosk.tell(NO_CARD) == ()
    assert kiosk.state == Keypad(KeypadPurpose.CARD_KEY)
    kiosk.now += POLICY.idle_seconds - 1
    assert kiosk.tell(DigitsTyped("900017")) == ()
    assert kiosk.state == Keypad(KeypadPurpose.CARD_KEY, "checkin.card_awaited")
    assert kiosk.tell(CARD) == (OpenChip(kiosk.name, "900017"),)
    assert isinstance(kiosk.state, ReadingChip)


def test_a_card_put_back_before_the_digits_are_typed_changes_nothing(kiosk: Kiosk) -> None:
    typing(kiosk)
    kiosk.tell(NO_CARD, CARD)
    assert kiosk.state == Keypad(KeypadPurpose.CARD_KEY)
    assert kiosk.tell(DigitsTyped("900017")) == (OpenChip(kiosk.name, "900017"),)


def test_a_lifted_card_that_does_not_come_back_is_forgotten_with_its_digits(kiosk: Kiosk) -> None:
    typing(kiosk)
    kiosk.tell(NO_CARD, DigitsTyped("900017"))
    kiosk.wait(POLICY.idle_seconds)
    assert kiosk.session.warned
    kiosk.wait(POLICY.warning_seconds)
    assert kiosk.state == Start()
    assert holds_nothing(kiosk.session)


def test_another_card_put_there_instead_refuses_the_digits_and_they_are_typed_again(kiosk: Kiosk) -> None:
    typing(kiosk)
    kiosk.tell(NO_CARD, DigitsTyped("900017"), CARD, ReadingFailed(kiosk.name, "reader.wrong_key"))
    assert kiosk.state == Keypad(KeypadPurpose.CARD_KEY, "reader.wrong_key")
    assert kiosk.tell(NO_CARD, CARD) == ()
    assert kiosk.state == Keypad(KeypadPurpose.CARD_KEY, "reader.wrong_key")


def test_a_card_lifted_where_no_code_can_be_seen_was_taken_away(kiosk: Kiosk) -> None:
    kiosk.tell(DevicesChanged(Devices()), CARD, NO_CARD)
    assert kiosk.state == Start("reader.card_removed")


def test_a_code_that_lies_in_view_is_told_again_where_one_is_asked_for(kiosk: Kiosk) -> None:
    assert kiosk.tell(PathChosen(NextPath.QR)) == (TellAgain(),)
    assert kiosk.tell(PayloadRefused("payload.unknown")) == ()
    kiosk.tell(Cancelled())
    assert kiosk.tell(CARD) == ()  # what lay there before this card came was told when it came
    kiosk.tell(DigitsTyped("111111"), PathChosen(NextPath.CARD_NUMBER), DigitsTyped("111111"))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.too_slow"))
    assert kiosk.tell(PathChosen(NextPath.QR)) == (TellAgain(),)


def test_qr_and_chip_of_two_people_are_never_mixed(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PayloadRead(by_qr()))
    name = kiosk.name
    assert kiosk.tell(IdentityRead(name, by_chip(MINH))) == (StopChip(name),)
    assert isinstance(kiosk.state, Failed)
    assert kiosk.state.code == "checkin.two_people"
    assert kiosk.state.paths[-1] is NextPath.STAFF
    kiosk.tell(ReadingFinished(name, by_chip(MINH)))
    assert isinstance(kiosk.state, Failed)
    assert kiosk.session.entry is None


def test_a_qr_code_of_somebody_else_during_the_question_is_two_people(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(PayloadRead(by_qr(MINH)))
    assert isinstance(kiosk.state, Failed)
    assert kiosk.state.code == "checkin.two_people"


def test_a_chip_that_changes_its_mind_about_who_it_is_is_two_people(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(IdentityRead(kiosk.name, by_chip()), Confirmed(), ReadingFinished(kiosk.name, by_chip(MINH)))
    assert isinstance(kiosk.state, Failed)
    assert kiosk.state.code == "checkin.two_people"


def test_the_same_qr_code_twice_changes_nothing(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()))
    assert kiosk.tell(PayloadRead(by_qr(reading_id="qr-2"))) == ()
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_a_code_that_names_nobody_is_said_to_be_of_no_use(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr("")))
    assert kiosk.state == Start("checkin.no_personal_id")
    kiosk.tell(CARD, PayloadRead(by_qr("GD4010130390001")))
    assert kiosk.state == AskKey("checkin.no_personal_id")


def test_a_chip_that_names_nobody_fails_with_paths(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    name = kiosk.name
    assert kiosk.tell(IdentityRead(name, by_chip("١٢٣٤٥٦٧٨٩٠١٢"))) == (StopChip(name),)
    assert kiosk.state == Failed("checkin.no_personal_id", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))


def test_a_passport_on_the_reader_is_no_dead_end(kiosk: Kiosk) -> None:
    for whole in (False, True):
        reading_by_number(kiosk)
        told = ReadingFinished if whole else IdentityRead
        kiosk.tell(told(kiosk.name, passport()))
        assert kiosk.state == Failed("checkin.no_personal_id", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))
        effects = kiosk.tell(PathChosen(NextPath.PERSONAL_ID), DigitsTyped(LAN, "typed-1", "2026-11-21T00:45:00Z"))
        assert isinstance(kiosk.state, Confirm)
        assert not any(isinstance(effect, OpenChip) for effect in effects)
        kiosk.tell(Cancelled(), NO_CARD)


def test_a_passport_on_the_reader_leaves_the_qr_code_of_a_card(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(ReadingFinished(kiosk.name, passport()), PathChosen(NextPath.QR), PayloadRead(by_qr()))
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_two_passports_are_not_one_person() -> None:
    assert not same_person(passport(), passport())


def test_a_code_not_understood_is_said_where_a_code_was_expected(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRefused("payload.unknown"))
    assert kiosk.state == Start("payload.unknown")
    kiosk.tell(PathChosen(NextPath.QR), PayloadRefused("payload.unknown"))
    assert kiosk.state == AskQr("payload.unknown", mrz=True)
    kiosk.tell(PayloadRead(by_qr()))
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_the_card_may_be_lifted_to_show_its_qr_code(kiosk: Kiosk) -> None:
    failed(kiosk)
    kiosk.tell(PathChosen(NextPath.QR), NO_CARD)
    assert kiosk.state == AskQr()
    kiosk.tell(PayloadRead(by_qr()))
    assert kiosk.state == Confirm(by_qr(), complete=True)


# Twelve digits.


def test_twelve_digits_without_a_card_are_a_reading_of_a_number_only(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID), DigitsTyped(LAN, "typed-1", "2026-11-21T00:45:00Z"))
    assert isinstance(kiosk.state, Confirm)
    reading = kiosk.state.reading
    assert (reading.reading_id, reading.holder.personal_id, reading.holder.full_name) == ("typed-1", LAN, None)
    assert reading.evidence.source is Source.TYPED


def test_twelve_digits_beside_a_card_open_its_chip(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.PERSONAL_ID))
    assert kiosk.tell(DigitsTyped(LAN)) == (OpenChip(kiosk.name, "900017", Holder(personal_id=LAN)),)


def test_a_slip_in_the_typed_digits_gives_way_to_the_chip(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID), DigitsTyped("999999900017"), Confirmed(), CARD)
    assert kiosk.tell(IdentityRead(kiosk.name, by_chip())) == (AskCoverage(kiosk.name, by_chip()),)
    assert kiosk.state == Confirm(by_chip(), complete=False)


def test_typed_digits_are_not_asked_for_twice_when_the_chip_fails(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.PERSONAL_ID), DigitsTyped(LAN))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.card_broken"))
    assert isinstance(kiosk.state, Failed)
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID))
    assert isinstance(kiosk.state, Confirm)


def test_a_qr_code_is_better_than_typed_digits(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID), DigitsTyped(LAN))
    assert kiosk.tell(PayloadRead(by_qr())) == (AskCoverage(kiosk.name, by_qr()),)
    assert kiosk.state == Confirm(by_qr(), complete=True)


@pytest.mark.parametrize("digits", ["", "12345", "1234567", "12345a", "１２３４５６", "12345\n", "-12345"])
def test_what_is_not_six_digits_is_typed_again(kiosk: Kiosk, digits: str) -> None:
    typing(kiosk)
    assert kiosk.tell(DigitsTyped(digits)) == ()
    assert kiosk.state == Keypad(KeypadPurpose.CARD_KEY, "checkin.digits_wrong")
