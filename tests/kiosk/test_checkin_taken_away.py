"""A check-in whose card is taken away or whose reader is lost."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from kiosk.events import (
    Cancelled,
    Commit,
    Confirmed,
    CoverageAnswered,
    DevicesChanged,
    DigitsTyped,
    IdentityRead,
    LanguageChosen,
    PathChosen,
    PayloadRead,
    PresenceChanged,
    PriorityAsked,
    ReadingFailed,
    ReadingFinished,
    StopChip,
    Touched,
)
from kiosk.states import (
    AskConsent,
    AskInsurance,
    AskKey,
    ChoosePriority,
    ChooseService,
    Confirm,
    Devices,
    Failed,
    Keypad,
    NextPath,
    Start,
)
from tests.kiosk.machine import (
    CARD,
    DEVICES,
    NO_CARD,
    NO_READER,
    POLICY,
    Kiosk,
    confirming_chip,
    holds_nothing,
    reading_by_number,
    typing,
)
from tests.kiosk.people import LAN, by_chip, by_qr, covered, unlinked


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


# The card is taken away.


def asking(kiosk: Kiosk) -> None:
    kiosk.tell(CARD)


def test_a_card_taken_away_before_anything_is_known_leads_to_the_start(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    name = kiosk.name
    assert kiosk.tell(NO_CARD) == (StopChip(name),)
    assert kiosk.state == Start("reader.card_removed")
    assert holds_nothing(kiosk.session)
    kiosk.wait(POLICY.notice_seconds)
    assert kiosk.state == Start()


def test_a_card_lifted_after_it_failed_leaves_the_other_ways_and_nothing_that_was_read(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.PERSONAL_ID), DigitsTyped(LAN))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.card_broken"))
    assert kiosk.session.entry is not None
    assert kiosk.tell(NO_CARD) == ()
    assert kiosk.state == Failed("reader.card_broken", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID))
    assert isinstance(kiosk.state, Keypad)  # whoever stands there now is asked
    assert kiosk.session.entry is None


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


def at_the_question(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)


def at_the_consent(kiosk: Kiosk) -> None:
    kiosk.policy = replace(POLICY, consent_version="1")
    confirming_chip(kiosk)
    assert isinstance(kiosk.state, AskConsent)


def at_the_services(kiosk: Kiosk) -> None:
    kiosk.policy = replace(POLICY, offered=("KB", "XN"))
    confirming_chip(kiosk)
    kiosk.tell(Confirmed())
    assert isinstance(kiosk.state, ChooseService)


def at_the_priority(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(PriorityAsked())
    assert isinstance(kiosk.state, ChoosePriority)


DATA_STAND_THERE = pytest.mark.parametrize(
    "so_far", [at_the_question, at_the_consent, at_the_services, at_the_priority]
)


@DATA_STAND_THERE
def test_whoever_takes_the_card_along_is_warned_at_once_and_forgotten_when_nobody_touches(
    kiosk: Kiosk, so_far: Callable[[Kiosk], None]
) -> None:
    so_far(kiosk)
    state = kiosk.state
    kiosk.tell(NO_CARD)
    assert kiosk.state == state
    assert (kiosk.session.warned, kiosk.session.card_taken) == (True, True)
    kiosk.wait(POLICY.warning_seconds - 0.1)
    assert kiosk.state == state
    kiosk.wait(0.2)
    assert kiosk.state == Start()
    assert holds_nothing(kiosk.session)


@DATA_STAND_THERE
def test_a_touch_goes_on_without_the_card(kiosk: Kiosk, so_far: Callable[[Kiosk], None]) -> None:
    so_far(kiosk)
    state = kiosk.state
    kiosk.tell(NO_CARD, Touched())
    assert (kiosk.session.warned, kiosk.session.card_taken) == (False, False)
    kiosk.wait(POLICY.warning_seconds + 1)
    assert kiosk.state == state


def test_the_next_persons_card_does_not_keep_the_data_of_whoever_left_on_the_screen(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(NO_CARD, CARD)
    kiosk.wait(POLICY.warning_seconds)
    assert kiosk.state == Start("checkin.card_still_there")


def test_whoever_said_yes_and_takes_the_card_along_at_the_insurance_question_keeps_their_ticket(kiosk: Kiosk) -> None:
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, unlinked()), Confirmed(), NO_CARD)
    assert isinstance(kiosk.state, AskInsurance)
    assert kiosk.session.card_taken
    (commit,) = kiosk.wait(POLICY.warning_seconds)
    assert isinstance(commit, Commit)
    assert commit.reading == by_chip()


def test_a_card_that_was_never_read_may_be_taken_away_without_a_warning(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), CARD)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.card_broken"), NO_CARD)
    assert kiosk.state == Confirm(by_qr(), complete=True)
    assert not kiosk.session.warned


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
