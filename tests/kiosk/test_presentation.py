"""One presentation, one reading: what is held up, typed and placed, in any order, is of one person or refused."""

from dataclasses import replace

import msgspec
import pytest

from kiosk.entries import SLIP_DIGITS, joined, typed_reading
from kiosk.events import (
    AskCoverage,
    Cancelled,
    Commit,
    Committed,
    Confirmed,
    CoverageAnswered,
    Denied,
    DevicesChanged,
    DigitsTyped,
    IdentityRead,
    OpenChip,
    PathChosen,
    PayloadRead,
    ReadingFailed,
    ReadingFinished,
    StopChip,
)
from kiosk.states import (
    AskKey,
    AskQr,
    Confirm,
    Devices,
    Failed,
    Goodbye,
    Keypad,
    KeypadPurpose,
    NextPath,
    ReadingChip,
    Start,
    TicketShown,
)
from reader.reading import Reading, Source
from tests.kiosk.machine import CARD, NO_CARD, POLICY, TICKET, Kiosk, holds_nothing, past_the_ticket, reading_by_number
from tests.kiosk.people import LAN, MINH, by_chip, by_insurance_card, by_lines, by_qr, covered

TWO_PEOPLE = "checkin.two_people"


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


def typed(personal_id: str = LAN) -> DigitsTyped:
    return DigitsTyped(personal_id, "typed-1", "2026-11-21T00:45:00Z")


def to_the_ticket(kiosk: Kiosk) -> None:
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed(), Committed(kiosk.name, TICKET, False))
    assert isinstance(kiosk.state, TicketShown)


def refused_and_forgotten(kiosk: Kiosk) -> None:
    assert isinstance(kiosk.state, Failed)
    assert kiosk.state.code == TWO_PEOPLE
    assert kiosk.session.entry is None
    assert kiosk.session.key is None
    assert not kiosk.session.chip_running
    assert not any(isinstance(effect, Commit) for effect in kiosk.effects)


# A code and the card it is printed on.


def test_a_code_held_up_just_before_the_card_is_placed_gives_the_key(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()))
    assert kiosk.tell(CARD) == (OpenChip(kiosk.name, "900017", by_qr().holder),)
    kiosk.tell(ReadingFinished(kiosk.name, by_chip()))
    assert kiosk.state == Confirm(by_chip(), complete=True)


def test_a_code_held_up_while_the_chip_is_tried_with_wrong_digits_opens_it(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.CARD_NUMBER), DigitsTyped("111111"))
    first = kiosk.name
    assert kiosk.tell(PayloadRead(by_qr())) == ()
    assert kiosk.tell(ReadingFailed(first, "reader.wrong_key")) == (OpenChip(kiosk.name, "900017", by_qr().holder),)
    assert kiosk.name != first
    kiosk.tell(IdentityRead(kiosk.name, by_chip()))
    assert kiosk.state == Confirm(by_chip(), complete=False)


def test_a_code_held_up_after_wrong_digits_opens_the_chip(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.CARD_NUMBER), DigitsTyped("111111"))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.wrong_key"))
    assert kiosk.tell(PayloadRead(by_qr())) == (OpenChip(kiosk.name, "900017", by_qr().holder),)


def test_a_code_held_up_while_the_chip_is_read_stands_when_the_chip_fails(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(PayloadRead(by_qr()), ReadingFailed(kiosk.name, "reader.card_broken"))
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_a_card_placed_where_its_code_was_asked_for_is_taken_too(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.QR), CARD)
    assert kiosk.state == AskKey()
    assert kiosk.tell(PayloadRead(by_qr())) == (OpenChip(kiosk.name, "900017", by_qr().holder),)


# Two people.


def two_codes(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), PayloadRead(by_qr(MINH)))


def two_codes_while_the_chip_is_read(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PayloadRead(by_qr()), PayloadRead(by_qr(MINH)))


def code_of_another_than_the_card(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PayloadRead(by_qr(MINH)))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.wrong_key"))


def code_then_chip(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), CARD)
    kiosk.tell(IdentityRead(kiosk.name, by_chip(MINH)))


def chip_then_code(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(ReadingFinished(kiosk.name, by_chip()), PayloadRead(by_qr(MINH)))


def code_while_the_chip_is_read(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(PayloadRead(by_qr(MINH)), IdentityRead(kiosk.name, by_chip()))


def lines_then_chip(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_lines()), CARD)
    kiosk.tell(ReadingFinished(kiosk.name, by_chip(MINH)))


def typed_then_lines(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID), typed(), PayloadRead(by_lines(MINH)))


def typed_while_the_chip_is_read_then_code(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.PERSONAL_ID), typed(), PayloadRead(by_qr(MINH)))


def code_then_typed(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.PERSONAL_ID))
    kiosk.session = replace(kiosk.session, entry=by_qr(MINH))
    kiosk.tell(typed())


@pytest.mark.parametrize(
    "so_far",
    [
        two_codes,
        two_codes_while_the_chip_is_read,
        code_of_another_than_the_card,
        code_then_chip,
        chip_then_code,
        code_while_the_chip_is_read,
        lines_then_chip,
        typed_then_lines,
        typed_while_the_chip_is_read_then_code,
        code_then_typed,
    ],
)
def test_two_people_in_one_presentation_are_refused_and_nothing_is_kept(kiosk: Kiosk, so_far) -> None:
    so_far(kiosk)
    refused_and_forgotten(kiosk)
    assert kiosk.tell(Confirmed()) == ()
    refused_and_forgotten(kiosk)


def test_a_refusal_stops_the_chip_under_way(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PayloadRead(by_qr()))
    name = kiosk.name
    assert kiosk.tell(PayloadRead(by_qr(MINH))) == (StopChip(name),)


def test_after_two_people_one_of_them_begins_anew(kiosk: Kiosk) -> None:
    two_codes(kiosk)
    kiosk.tell(PayloadRead(by_qr(MINH)))
    assert kiosk.state == Confirm(by_qr(MINH), complete=True)


def test_a_slip_in_typed_digits_gives_way_to_the_code(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID), typed("001303900071"))
    kiosk.tell(PayloadRead(by_qr()))
    assert kiosk.state == Confirm(by_qr(), complete=True)


@pytest.mark.parametrize(
    ("digits", "one"), [(LAN, True), ("001303900071", True), ("999999900017", True), ("001303911117", False)]
)
def test_one_typed_and_one_read_are_one_person_when_a_slip_explains_it(digits: str, one: bool) -> None:
    number = typed_reading(digits, "typed-1", "2026-11-21T00:45:00Z")
    assert SLIP_DIGITS == 2
    for pair in ((number, by_qr()), (by_qr(), number)):
        assert joined(*pair) == (by_qr() if one else None)


def test_what_says_more_stands_in_either_order() -> None:
    nameless = by_qr(full_name=None)
    for pair in ((by_qr(), by_lines()), (by_lines(), by_qr()), (nameless, by_qr()), (by_qr(), nameless)):
        assert joined(*pair) == by_qr()


def test_the_lines_complete_what_the_code_leaves_out() -> None:
    code = by_qr(birth_date="2003", expiry_date=None)
    whole = joined(code, by_lines())
    assert whole is not None
    assert (whole.holder.birth_date, whole.holder.expiry_date) == ("2003-02-14", "2028-02-14")
    assert (whole.holder.full_name, whole.evidence.source) == (code.holder.full_name, Source.CARD_QR)
    assert whole.reading_id == "mrz-1"  # asked about anew: an answer for the code alone is not for this


def test_lines_of_another_birth_year_do_not_overwrite_the_codes(kiosk: Kiosk) -> None:
    told = joined(by_qr(expiry_date=None), by_lines(birth_date="1999-09-09"))
    assert told is not None
    assert told.holder.birth_date == "2003-02-14"


def test_a_code_whose_letters_are_trusted_gives_the_name_that_another_device_lost(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr(full_name=None, reading_id="qr-0")))
    assert kiosk.tell(PayloadRead(by_qr())) == (AskCoverage(kiosk.name, by_qr()),)
    assert kiosk.state == Confirm(by_qr(), complete=True)
    assert kiosk.tell(PayloadRead(by_qr(full_name=None, reading_id="qr-0"))) == ()
    assert kiosk.state == Confirm(by_qr(), complete=True)


# A code lying in view.


def test_a_code_still_in_view_after_its_ticket_begins_nothing_however_long_it_lies_there(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()))
    to_the_ticket(kiosk)
    kiosk.tell(PayloadRead(by_qr()))
    assert isinstance(kiosk.state, TicketShown)
    past_the_ticket(kiosk)
    for _ in range(20):
        kiosk.wait(POLICY.again_seconds - 1)
        assert kiosk.tell(PayloadRead(by_qr())) == ()
        assert kiosk.state == Start("checkin.code_again")
        assert holds_nothing(kiosk.session)


def test_a_code_taken_away_and_held_up_again_later_counts(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()))
    to_the_ticket(kiosk)
    past_the_ticket(kiosk)
    kiosk.wait(POLICY.again_seconds)
    assert kiosk.session.lately == ""
    kiosk.tell(PayloadRead(by_qr()))
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_whoever_asks_for_it_may_use_the_same_code_at_once(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), Denied(), PayloadRead(by_qr()))
    assert kiosk.state == Start("checkin.code_again")
    kiosk.tell(PathChosen(NextPath.QR), PayloadRead(by_qr()))
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_a_card_seen_by_the_camera_as_it_is_taken_off_the_reader_begins_nothing(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(ReadingFinished(kiosk.name, by_chip()))
    to_the_ticket(kiosk)
    kiosk.wait(15)
    kiosk.tell(NO_CARD, PayloadRead(by_qr()))
    assert isinstance(kiosk.state, TicketShown)
    kiosk.tell(Cancelled())
    assert kiosk.tell(PayloadRead(by_qr())) == ()
    assert kiosk.state == Goodbye(needs_counter=False)
    kiosk.tell(Cancelled())
    assert kiosk.state == Start()
    kiosk.tell(PayloadRead(by_qr()))
    assert kiosk.state == Start("checkin.code_again")


def test_whoever_typed_the_number_may_hold_up_the_code_next(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID), typed())
    to_the_ticket(kiosk)
    kiosk.tell(Cancelled(), PayloadRead(by_qr()))
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_the_next_persons_code_begins_at_once(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()))
    to_the_ticket(kiosk)
    kiosk.wait(POLICY.ticket_alone_seconds)
    kiosk.tell(PayloadRead(by_qr(MINH)))
    assert kiosk.state == Confirm(by_qr(MINH), complete=True)


def test_the_next_persons_code_held_up_during_the_ticket_waits_until_it_could_be_read(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()))
    to_the_ticket(kiosk)
    first = kiosk.name
    kiosk.tell(PayloadRead(by_qr(MINH)))
    assert isinstance(kiosk.state, TicketShown)
    assert kiosk.wait(POLICY.ticket_least_seconds) == (AskCoverage(kiosk.name, by_qr(MINH)),)
    assert kiosk.state == Confirm(by_qr(MINH), complete=True)
    assert kiosk.name != first
    assert kiosk.session.language == POLICY.language


def test_the_next_persons_code_and_card_held_out_during_the_ticket_go_together(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()))
    to_the_ticket(kiosk)
    kiosk.tell(PayloadRead(by_qr(MINH)), CARD)
    (asked,) = kiosk.wait(POLICY.ticket_least_seconds)
    assert asked == OpenChip(kiosk.name, "900024", by_qr(MINH).holder)


def test_who_was_there_is_not_named_in_what_is_remembered(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), Cancelled())
    assert kiosk.session.lately
    assert LAN not in repr(kiosk.session)
    other = Kiosk()
    other.session = replace(other.session, run="another run")
    other.tell(PayloadRead(by_qr()), Cancelled())
    assert other.session.lately != kiosk.session.lately


# The insurance card.


def with_card(reading: Reading) -> Reading:
    return msgspec.structs.replace(reading, insurance=by_insurance_card().insurance)


def test_an_insurance_card_is_said_to_be_one_and_asked_for_the_other(kiosk: Kiosk) -> None:
    assert kiosk.tell(PayloadRead(by_insurance_card())) == ()
    assert kiosk.state == AskQr("checkin.insurance_only")
    kiosk.tell(PayloadRead(by_qr()))
    assert kiosk.state == Confirm(with_card(by_qr()), complete=True)


def test_an_insurance_card_leaves_twelve_digits_and_the_card_as_ways_on(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_insurance_card()), PathChosen(NextPath.PERSONAL_ID))
    assert kiosk.state == Keypad(KeypadPurpose.PERSONAL_ID)
    kiosk.tell(Cancelled(), PayloadRead(by_insurance_card()), CARD)
    assert kiosk.state == AskKey()
    kiosk.tell(PathChosen(NextPath.CARD_NUMBER), DigitsTyped("900017"))
    kiosk.tell(ReadingFinished(kiosk.name, by_chip()))
    assert kiosk.state == Confirm(with_card(by_chip()), complete=True)


def test_an_insurance_card_held_up_beside_the_question_is_kept_with_the_person(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), PayloadRead(by_insurance_card()))
    assert kiosk.state == Confirm(with_card(by_qr()), complete=True)
    to_the_ticket(kiosk)
    assert [effect.reading for effect in kiosk.effects if isinstance(effect, Commit)] == [with_card(by_qr())]


def test_an_insurance_card_shown_while_the_chip_is_read_goes_with_the_chip(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PayloadRead(by_insurance_card()))
    assert kiosk.state == AskKey("checkin.insurance_only")
    kiosk.tell(PathChosen(NextPath.CARD_NUMBER), DigitsTyped("900017"))
    assert isinstance(kiosk.state, ReadingChip)
    kiosk.tell(IdentityRead(kiosk.name, by_chip()))
    assert kiosk.state == Confirm(with_card(by_chip()), complete=False)


@pytest.mark.parametrize(
    "differs",
    [{"full_name": "NGUYỄN THỊ LÀN"}, {"birth_date": "2003-02-15"}, {"birth_date": "2004"}],
)
@pytest.mark.parametrize("first", ["insurance", "citizen"])
def test_another_persons_insurance_card_is_left_out_and_said_to_be(
    kiosk: Kiosk, differs: dict[str, str], first: str
) -> None:
    cards = [PayloadRead(by_insurance_card(**differs)), PayloadRead(by_qr())]
    kiosk.tell(*(cards if first == "insurance" else cards[::-1]))
    assert kiosk.state == Confirm(by_qr(), complete=True, problem="checkin.insurance_other")


@pytest.mark.parametrize("lacks", ["full_name", "birth_date"])
def test_a_card_that_names_nobody_is_left_out(kiosk: Kiosk, lacks: str) -> None:
    kiosk.tell(PayloadRead(by_insurance_card(**{lacks: None})), PayloadRead(by_qr()))
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_a_name_whose_tone_stands_elsewhere_is_the_same_name(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_insurance_card(full_name="TRẦN THỊ HOÀ")), PayloadRead(by_qr(full_name="Trần Thị Hòa")))
    assert isinstance(kiosk.state, Confirm)
    assert kiosk.state.reading.insurance is not None


def test_a_name_cut_by_the_printed_lines_is_the_same_name(kiosk: Kiosk) -> None:
    whole = by_insurance_card(full_name="Công Tằng Tôn Nữ Thử Nghiệm Thị Tên Dài")
    kiosk.tell(PathChosen(NextPath.QR), PayloadRead(whole))
    kiosk.tell(PayloadRead(by_lines(full_name="CONG TANG TON NU THU NGHIEM TH")))
    assert isinstance(kiosk.state, Confirm)
    assert kiosk.state.reading.insurance is not None


@pytest.mark.parametrize(
    "same", [{"full_name": "Nguyễn  Thị Lan"}, {"full_name": "nguyen thi lan"}, {"birth_date": "2003"}]
)
def test_one_name_written_in_two_ways_is_one_person(kiosk: Kiosk, same: dict[str, str]) -> None:
    kiosk.tell(PayloadRead(by_insurance_card(**same)), PayloadRead(by_qr()))
    assert isinstance(kiosk.state, Confirm)
    assert kiosk.state.reading.insurance == by_insurance_card(**same).insurance


def test_an_insurance_card_is_forgotten_with_its_presentation(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_insurance_card()), Cancelled())
    assert holds_nothing(kiosk.session)
    kiosk.tell(PayloadRead(by_qr()))
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_where_nothing_sees_a_code_none_is_offered(kiosk: Kiosk) -> None:
    kiosk.tell(DevicesChanged(Devices()))
    reading_by_number(kiosk)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.card_broken"))
    assert isinstance(kiosk.state, Failed)
    assert NextPath.QR not in kiosk.state.paths
