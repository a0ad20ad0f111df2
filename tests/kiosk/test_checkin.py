"""The check-in as a story: what happens on the screen and what is asked of devices, step by step."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hisbridge.questions import Verdict
from kiosk.events import (
    AskCoverage,
    CallStaff,
    Cancelled,
    Commit,
    CommitFailed,
    Committed,
    Confirmed,
    CounterTicketAsked,
    CoverageAnswered,
    Denied,
    DevicesChanged,
    DigitsTyped,
    HelpAsked,
    IdentityRead,
    LanguageChosen,
    OpenChip,
    PathChosen,
    PayloadRead,
    PayloadRefused,
    PhaseReached,
    PresenceChanged,
    ReadingFailed,
    ReadingFinished,
    StopChip,
    StoreLost,
    StoreRecovered,
    TellAgain,
    Touched,
)
from kiosk.moves import same_person
from kiosk.states import (
    AskKey,
    AskQr,
    Confirm,
    Devices,
    Failed,
    Finishing,
    Help,
    Keypad,
    KeypadPurpose,
    NextPath,
    OutOfOrder,
    ReadingChip,
    Start,
    TicketShown,
)
from reader.reading import Holder, Source
from tests.kiosk.machine import (
    CARD,
    DEVICES,
    NO_CARD,
    NO_READER,
    POLICY,
    TICKET,
    Kiosk,
    confirming_chip,
    holds_nothing,
    reading_by_number,
)
from tests.kiosk.people import LAN, MINH, by_chip, by_qr, covered, passport


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


# The card and its number.


def test_a_card_and_six_digits_lead_to_a_ticket(kiosk: Kiosk) -> None:
    kiosk.tell(CARD)
    assert kiosk.state == AskKey()
    kiosk.tell(PathChosen(NextPath.CARD_NUMBER))
    assert kiosk.state == Keypad(KeypadPurpose.CARD_KEY)
    assert kiosk.tell(DigitsTyped("900017")) == (OpenChip(kiosk.name, "900017"),)
    assert isinstance(kiosk.state, ReadingChip)
    kiosk.tell(PhaseReached(kiosk.name, 30, 45))
    assert kiosk.state == ReadingChip(30, 45)
    assert kiosk.tell(IdentityRead(kiosk.name, by_chip())) == (AskCoverage(kiosk.name, by_chip()),)
    assert kiosk.state == Confirm(by_chip(), complete=False)
    assert kiosk.tell(ReadingFinished(kiosk.name, by_chip())) == ()
    assert kiosk.state == Confirm(by_chip(), complete=True)
    kiosk.tell(CoverageAnswered(kiosk.name, covered(), "chip-1"))
    assert kiosk.tell(Confirmed()) == (Commit(kiosk.name, by_chip(), covered()),)
    assert kiosk.state == Finishing(by_chip(), complete=True, coverage=covered(), committing=True)
    kiosk.tell(Committed(kiosk.name, TICKET, needs_counter=False))
    assert kiosk.state == TicketShown(TICKET, covered(), needs_counter=False)
    kiosk.tell(NO_CARD)
    assert isinstance(kiosk.state, TicketShown)
    kiosk.wait(POLICY.ticket_seconds)
    assert kiosk.state == Start()
    assert holds_nothing(kiosk.session)


def test_the_person_may_say_yes_before_the_proof_is_complete(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(IdentityRead(kiosk.name, by_chip()), CoverageAnswered(kiosk.name, covered()))
    assert kiosk.tell(Confirmed()) == ()
    assert kiosk.state == Finishing(by_chip(), complete=False, coverage=covered())
    assert kiosk.tell(ReadingFinished(kiosk.name, by_chip())) == (Commit(kiosk.name, by_chip(), covered()),)


def test_a_reading_finished_without_an_identity_before_it_is_taken(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    assert kiosk.tell(ReadingFinished(kiosk.name, by_chip())) == (AskCoverage(kiosk.name, by_chip()),)
    assert kiosk.state == Confirm(by_chip(), complete=True)


def test_the_insurance_is_waited_for_until_its_deadline_and_no_longer(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.now += 1
    assert kiosk.tell(Confirmed()) == ()
    assert kiosk.wait(POLICY.coverage_deadline_seconds - 1.01) == ()
    (asked,) = kiosk.wait(0.02)
    assert isinstance(asked, Commit)
    assert asked.coverage is not None
    assert (asked.coverage.verdict, asked.coverage.reason) == (Verdict.UNVERIFIED, "checkin.deadline")


def test_a_person_who_reads_longer_than_the_deadline_does_not_wait_again(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.now += 10
    (asked,) = kiosk.tell(Confirmed())
    assert isinstance(asked, Commit)


def test_an_answer_after_the_commit_changes_nothing(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.now += 10
    kiosk.tell(Confirmed())
    before = kiosk.session
    assert kiosk.tell(CoverageAnswered(kiosk.name, covered(), "chip-1")) == ()
    assert kiosk.session == before


def test_wrong_digits_are_typed_again_and_the_second_time_other_paths_are_offered(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.CARD_NUMBER), DigitsTyped("111111"))
    first = kiosk.name
    kiosk.tell(ReadingFailed(first, "reader.wrong_key"))
    assert kiosk.state == Keypad(KeypadPurpose.CARD_KEY, "reader.wrong_key")
    assert kiosk.tell(DigitsTyped("222222")) == (OpenChip(kiosk.name, "222222"),)
    assert kiosk.name != first
    kiosk.tell(ReadingFailed(kiosk.name, "reader.wrong_key"))
    assert kiosk.state == Failed("reader.wrong_key", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))


def test_the_same_wrong_digits_are_not_tried_on_the_chip_again(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.CARD_NUMBER), DigitsTyped("111111"))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.wrong_key"))
    assert kiosk.tell(DigitsTyped("111111")) == ()
    assert isinstance(kiosk.state, Failed)


def test_after_two_failures_no_path_opens_the_chip_again(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.CARD_NUMBER), DigitsTyped("111111"))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.wrong_key"), DigitsTyped("222222"))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.wrong_key"))
    effects = kiosk.tell(PathChosen(NextPath.PERSONAL_ID), DigitsTyped(LAN, "typed-1", "2026-11-21T00:45:00Z"))
    assert [type(effect) for effect in effects] == [AskCoverage]
    assert isinstance(kiosk.state, Confirm)
    assert kiosk.state.reading.evidence.source is Source.TYPED


def test_late_news_of_the_first_attempt_does_not_disturb_the_second(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    first = kiosk.name
    kiosk.tell(ReadingFailed(first, "reader.too_slow"), PathChosen(NextPath.CARD_AGAIN))
    assert isinstance(kiosk.state, ReadingChip)
    kiosk.tell(ReadingFailed(first, "reader.cancelled"), IdentityRead(first, by_chip(MINH)))
    assert isinstance(kiosk.state, ReadingChip)


def test_a_broken_chip_may_be_tried_once_more_and_then_other_paths_are_left(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.card_broken"))
    assert isinstance(kiosk.state, Failed)
    assert kiosk.state.paths[0] is NextPath.CARD_AGAIN
    assert kiosk.tell(PathChosen(NextPath.CARD_AGAIN)) == (OpenChip(kiosk.name, "900017"),)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.card_broken"))
    assert kiosk.state == Failed("reader.card_broken", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))


@pytest.mark.parametrize("code", ["reader.not_an_id_card", "reader.unsupported_access", "reader.service_down"])
def test_a_failure_the_same_card_would_repeat_does_not_offer_the_card_again(kiosk: Kiosk, code: str) -> None:
    reading_by_number(kiosk)
    kiosk.tell(ReadingFailed(kiosk.name, code))
    assert kiosk.state == Failed(code, (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))


def test_a_path_that_is_not_offered_cannot_be_taken(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.not_an_id_card"))
    before = kiosk.session
    assert kiosk.tell(PathChosen(NextPath.CARD_AGAIN)) == ()
    assert kiosk.session == before


def test_a_reader_that_says_nothing_is_given_up(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    name = kiosk.name
    assert kiosk.wait(POLICY.chip_seconds) == (StopChip(name),)
    assert isinstance(kiosk.state, Failed)
    assert kiosk.state.code == "reader.too_slow"


# The card is taken away.


def asking(kiosk: Kiosk) -> None:
    kiosk.tell(CARD)


def typing(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.CARD_NUMBER))


def failed(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.card_broken"))


@pytest.mark.parametrize("so_far", [reading_by_number, failed])
def test_a_card_taken_away_before_anything_is_known_leads_to_the_start(
    kiosk: Kiosk, so_far: Callable[[Kiosk], None]
) -> None:
    so_far(kiosk)
    name, running = kiosk.name, kiosk.session.chip_running
    effects = kiosk.tell(NO_CARD)
    assert kiosk.state == Start("reader.card_removed")
    assert effects == ((StopChip(name),) if running else ())
    assert holds_nothing(kiosk.session)
    kiosk.wait(POLICY.notice_seconds)
    assert kiosk.state == Start()


@pytest.mark.parametrize("code", ["reader.card_removed", "reader.no_card"])
def test_a_card_taken_away_while_its_proof_runs_leads_to_the_start(kiosk: Kiosk, code: str) -> None:
    reading_by_number(kiosk)
    kiosk.tell(IdentityRead(kiosk.name, by_chip()), Confirmed())
    kiosk.tell(NO_CARD, ReadingFailed(kiosk.name, code))
    assert kiosk.state == Start("reader.card_removed")
    assert holds_nothing(kiosk.session)


def test_a_proof_that_was_done_before_the_card_left_counts(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(IdentityRead(kiosk.name, by_chip()), NO_CARD, ReadingFinished(kiosk.name, by_chip()))
    assert kiosk.state == Confirm(by_chip(), complete=True)


def test_a_reader_that_never_says_the_proof_failed_cannot_hold_the_screen(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(IdentityRead(kiosk.name, by_chip()), Confirmed(), NO_CARD)
    kiosk.wait(POLICY.chip_seconds)
    assert isinstance(kiosk.state, Failed)


def test_a_card_taken_away_after_a_complete_reading_changes_nothing(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(NO_CARD)
    assert kiosk.state == Confirm(by_chip(), complete=True)


def test_the_language_stays_while_the_notice_does_and_goes_with_it(kiosk: Kiosk) -> None:
    kiosk.tell(LanguageChosen("en"), CARD, PathChosen(NextPath.CARD_NUMBER), DigitsTyped("900017"), NO_CARD)
    assert kiosk.session.language == "en"
    kiosk.wait(POLICY.notice_seconds)
    assert kiosk.session.language == "vi"


def test_a_forgotten_card_is_mentioned_and_does_not_begin_a_check_in(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(Cancelled())
    assert kiosk.state == Start("checkin.card_still_there")
    kiosk.wait(3600)
    assert kiosk.state == Start("checkin.card_still_there")
    kiosk.tell(NO_CARD)
    assert kiosk.state == Start()
    kiosk.tell(CARD)
    assert kiosk.state == AskKey()


# The reader is lost.


@pytest.mark.parametrize("so_far", [asking, typing, reading_by_number])
def test_a_lost_reader_leaves_the_other_paths(kiosk: Kiosk, so_far: Callable[[Kiosk], None]) -> None:
    so_far(kiosk)
    kiosk.tell(NO_READER)
    assert kiosk.state == Failed("reader.no_reader", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))


@pytest.mark.parametrize("so_far", [asking, typing, reading_by_number])
def test_a_lost_reader_process_takes_the_qr_path_with_it(kiosk: Kiosk, so_far: Callable[[Kiosk], None]) -> None:
    so_far(kiosk)
    kiosk.tell(DevicesChanged(Devices()))
    kiosk.tell(PresenceChanged(reader_ready=False, card_present=False, problem="wire.unreachable"))
    assert kiosk.state == Failed("wire.unreachable", (NextPath.PERSONAL_ID, NextPath.STAFF))


def test_what_is_offered_after_a_failure_follows_the_devices(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(NO_READER)
    assert kiosk.state == Failed("reader.no_reader", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))
    kiosk.tell(DevicesChanged(Devices()))
    assert kiosk.state == Failed("reader.no_reader", (NextPath.PERSONAL_ID, NextPath.STAFF))
    kiosk.tell(DevicesChanged(DEVICES))
    assert kiosk.state == Failed("reader.no_reader", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))


def test_a_complete_reading_outlives_the_reader(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(NO_READER, CoverageAnswered(kiosk.name, covered()))
    assert isinstance(kiosk.tell(Confirmed())[0], Commit)


def test_a_card_placed_when_the_reader_is_back_begins_anew(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(NO_READER, CARD)
    assert kiosk.state == AskKey()
    assert kiosk.session.failed_keys == ()


# The QR code.


def test_a_qr_code_without_a_card_is_a_complete_reading(kiosk: Kiosk) -> None:
    assert kiosk.tell(PayloadRead(by_qr())) == (AskCoverage(kiosk.name, by_qr()),)
    assert kiosk.state == Confirm(by_qr(), complete=True)


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


# The person decides.


def test_a_person_who_says_no_is_at_the_start_again(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    name = kiosk.name
    kiosk.tell(IdentityRead(name, by_chip()))
    assert kiosk.tell(Denied()) == (StopChip(name),)
    assert kiosk.state == Start("checkin.not_you")
    assert holds_nothing(kiosk.session)


def test_help_is_there_at_any_moment_and_drops_what_was_read(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    name = kiosk.name
    assert kiosk.tell(HelpAsked()) == (StopChip(name), CallStaff())
    assert kiosk.state == Help()
    assert kiosk.session.entry is None
    assert kiosk.tell(CounterTicketAsked()) == (Commit(kiosk.name, None, None),)
    assert kiosk.name != name
    kiosk.tell(Committed(kiosk.name, TICKET, needs_counter=True))
    assert kiosk.state == TicketShown(TICKET, None, needs_counter=True)


def test_the_staff_path_is_help(kiosk: Kiosk) -> None:
    failed(kiosk)
    assert kiosk.tell(PathChosen(NextPath.STAFF)) == (CallStaff(),)
    assert kiosk.state == Help()


def test_an_unknown_language_is_not_taken(kiosk: Kiosk) -> None:
    kiosk.tell(LanguageChosen("xx"))
    assert kiosk.session.language == "vi"


def test_the_language_goes_with_the_person(kiosk: Kiosk) -> None:
    kiosk.tell(LanguageChosen("en"), CARD)
    assert kiosk.session.language == "en"
    kiosk.tell(Cancelled())
    assert kiosk.session.language == "vi"


def test_a_language_chosen_by_nobody_goes_after_a_while(kiosk: Kiosk) -> None:
    kiosk.tell(LanguageChosen("en"))
    kiosk.wait(POLICY.idle_seconds)
    assert kiosk.session.language == "vi"


# Time.


def test_whoever_does_nothing_is_warned_and_then_forgotten(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.wait(POLICY.idle_seconds)
    assert kiosk.session.warned
    assert isinstance(kiosk.state, Confirm)
    kiosk.wait(POLICY.warning_seconds - 0.1)
    assert isinstance(kiosk.state, Confirm)
    kiosk.wait(0.2)
    assert isinstance(kiosk.state, Start)
    assert holds_nothing(kiosk.session)


def test_a_touch_clears_the_warning_and_gives_all_the_time_again(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.wait(POLICY.idle_seconds)
    kiosk.tell(Touched())
    assert not kiosk.session.warned
    kiosk.wait(POLICY.idle_seconds - 1)
    assert not kiosk.session.warned


def test_a_warning_that_came_late_still_stands_its_whole_time(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.wait(POLICY.idle_seconds + 100)
    assert kiosk.session.warned
    kiosk.wait(POLICY.warning_seconds - 0.1)
    assert isinstance(kiosk.state, Confirm)


def test_a_commit_under_way_is_never_given_up(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed())
    before = kiosk.state
    kiosk.tell(NO_CARD, NO_READER, Cancelled(), Denied(), HelpAsked(), CounterTicketAsked(), PayloadRead(by_qr(MINH)))
    kiosk.wait(100_000)
    assert kiosk.state == before
    kiosk.tell(Committed(kiosk.name, TICKET, needs_counter=False))
    assert isinstance(kiosk.state, TicketShown)


def test_the_ticket_goes_when_its_holder_is_done(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed(), Committed(kiosk.name, TICKET, False), NO_CARD)
    kiosk.tell(Touched())
    assert kiosk.state == Start()


def test_the_next_card_waits_until_the_ticket_could_be_read(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed(), Committed(kiosk.name, TICKET, False), NO_CARD)
    kiosk.tell(CARD)
    assert isinstance(kiosk.state, TicketShown)
    kiosk.wait(POLICY.ticket_least_seconds)
    assert kiosk.state == AskKey()


def test_a_card_left_on_the_reader_is_not_the_next_one(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed(), Committed(kiosk.name, TICKET, False))
    kiosk.wait(POLICY.ticket_seconds)
    assert kiosk.state == Start("checkin.card_still_there")


# The store.


def test_a_commit_that_fails_puts_the_kiosk_out_of_order_until_the_store_is_back(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed(), CommitFailed(kiosk.name, "database.unavailable"))
    assert kiosk.state == OutOfOrder("database.unavailable")
    assert holds_nothing(kiosk.session)
    assert kiosk.tell(HelpAsked()) == (CallStaff(),)
    kiosk.tell(NO_CARD, CARD, PayloadRead(by_qr()), Cancelled())
    assert kiosk.state == OutOfOrder("database.unavailable")
    kiosk.tell(NO_CARD, StoreRecovered())
    assert kiosk.state == Start()


def test_a_store_lost_at_the_start_puts_the_kiosk_out_of_order(kiosk: Kiosk) -> None:
    kiosk.tell(StoreLost("database.outdated"))
    assert kiosk.state == OutOfOrder("database.outdated")


def test_answers_for_another_presentation_change_nothing(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    before = kiosk.session
    for event in (
        PhaseReached("old", 30, 45),
        IdentityRead("old", by_chip(MINH)),
        ReadingFinished("old", by_chip(MINH)),
        ReadingFailed("old", "reader.card_removed"),
        CoverageAnswered("old", covered()),
        Committed("old", TICKET, needs_counter=False),
        CommitFailed("old", "database.unavailable"),
    ):
        assert kiosk.tell(event) == ()
        assert kiosk.session == before


def test_every_presentation_of_a_run_has_its_own_name(kiosk: Kiosk) -> None:
    names = set()
    for _ in range(5):
        kiosk.tell(CARD)
        names.add(kiosk.name)
        kiosk.tell(NO_CARD)
    assert len(names) == 5
    assert all(name.startswith("run-") for name in names)


def test_a_kiosk_with_other_limits_obeys_them() -> None:
    kiosk = Kiosk(replace(POLICY, chip_attempts=1))
    kiosk.tell(CARD, PathChosen(NextPath.CARD_NUMBER), DigitsTyped("111111"))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.wrong_key"))
    assert isinstance(kiosk.state, Failed)
