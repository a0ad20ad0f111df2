"""The check-in as a story: what happens on the screen and what is asked of devices, step by step."""

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
    DigitsTyped,
    HelpAsked,
    IdentityRead,
    LanguageChosen,
    OpenChip,
    PathChosen,
    PayloadRead,
    PhaseReached,
    ReadingFailed,
    ReadingFinished,
    StopChip,
    StoreLost,
    StoreRecovered,
)
from kiosk.states import (
    AskKey,
    Confirm,
    Failed,
    Finishing,
    Goodbye,
    Help,
    Keypad,
    KeypadPurpose,
    NextPath,
    OutOfOrder,
    ReadingChip,
    Start,
    TicketShown,
)
from reader.reading import Source
from tests.kiosk.machine import (
    CARD,
    NO_CARD,
    POLICY,
    TICKET,
    Kiosk,
    confirming_chip,
    failed,
    holds_nothing,
    reading_by_number,
)
from tests.kiosk.people import LAN, MINH, by_chip, by_qr, covered


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
    kiosk.wait(POLICY.ticket_alone_seconds)
    assert kiosk.state == Goodbye(needs_counter=False)
    assert holds_nothing(kiosk.session)
    kiosk.wait(POLICY.goodbye_seconds)
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
    assert kiosk.tell(HelpAsked()) == (StopChip(name), CallStaff("reading"))
    assert kiosk.state == Help()
    assert kiosk.session.entry is None
    assert kiosk.tell(CounterTicketAsked()) == (Commit(kiosk.name, None, None),)
    assert kiosk.name != name
    kiosk.tell(Committed(kiosk.name, TICKET, needs_counter=True))
    assert kiosk.state == TicketShown(TICKET, None, needs_counter=True)


def test_the_staff_path_is_help(kiosk: Kiosk) -> None:
    failed(kiosk)
    assert kiosk.tell(PathChosen(NextPath.STAFF)) == (CallStaff("failed"),)
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


# The store.


def test_a_commit_that_fails_puts_the_kiosk_out_of_order_until_the_store_is_back(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed(), CommitFailed(kiosk.name, "database.unavailable"))
    assert kiosk.state == OutOfOrder("database.unavailable")
    assert holds_nothing(kiosk.session)
    assert kiosk.tell(HelpAsked()) == (CallStaff("out_of_order"),)
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
