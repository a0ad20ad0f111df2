"""The lines on the back of the card, read by the camera when a person asks for it: offered, looked for, given up."""

import msgspec
import pytest

from kiosk.events import (
    AskCoverage,
    CallStaff,
    Cancelled,
    CounterTicketAsked,
    DevicesChanged,
    DigitsTyped,
    Event,
    HelpAsked,
    LanguageChosen,
    LookForLines,
    MrzFailed,
    OpenChip,
    PathChosen,
    PayloadRead,
    PayloadRefused,
    ReadingFailed,
    ReadingFinished,
    StopLooking,
    Touched,
)
from kiosk.states import AskMrz, AskQr, Confirm, Devices, Failed, Help, NextPath, ReadingChip, Start
from reader.reading import Holder
from tests.kiosk.machine import CARD, NO_CARD, POLICY, Kiosk, holds_nothing, reading_by_number
from tests.kiosk.people import LAN, MINH, by_chip, by_lines, by_qr, passport

NO_CAMERA = DevicesChanged(Devices(scanner=True))


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


def looking(kiosk: Kiosk) -> str:
    """The presentation in which the camera looks for the lines."""
    kiosk.tell(PathChosen(NextPath.QR), PayloadRefused("payload.damaged"))
    assert kiosk.tell(PathChosen(NextPath.MRZ)) == (LookForLines(kiosk.name),)
    assert kiosk.state == AskMrz()
    return kiosk.name


def needed(kiosk: Kiosk) -> None:
    """The chip opens with what stands in the lines only."""
    reading_by_number(kiosk)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.mrz_needed"))


# Offered.


def test_the_lines_are_offered_when_no_code_was_read_for_a_while(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.QR))
    kiosk.wait(POLICY.mrz_offer_seconds - 0.1)
    assert kiosk.state == AskQr()
    assert kiosk.tell(PathChosen(NextPath.MRZ)) == ()
    kiosk.wait(0.2)
    assert kiosk.state == AskQr(mrz=True)
    kiosk.tell(PathChosen(NextPath.MRZ))
    assert kiosk.state == AskMrz()


def test_the_lines_are_offered_when_a_code_was_refused(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.QR), PayloadRefused("payload.damaged"))
    assert kiosk.state == AskQr("payload.damaged", mrz=True)


def test_without_a_camera_the_lines_are_never_offered(kiosk: Kiosk) -> None:
    kiosk.tell(NO_CAMERA, PathChosen(NextPath.QR), PayloadRefused("payload.damaged"))
    kiosk.wait(POLICY.mrz_offer_seconds)
    assert kiosk.state == AskQr("payload.damaged")
    assert kiosk.tell(PathChosen(NextPath.MRZ)) == ()
    kiosk.tell(Cancelled())
    needed(kiosk)
    assert kiosk.state == Failed("reader.mrz_needed", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))


def test_an_offer_goes_with_the_camera_and_comes_back_with_it(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.QR))
    kiosk.wait(POLICY.mrz_offer_seconds)
    kiosk.tell(NO_CAMERA)
    assert kiosk.state == AskQr()
    kiosk.tell(DevicesChanged(Devices(camera=True)))
    kiosk.wait(0)
    assert kiosk.state == AskQr(mrz=True)


def test_a_chip_that_needs_the_lines_offers_them(kiosk: Kiosk) -> None:
    needed(kiosk)
    paths = (NextPath.QR, NextPath.MRZ, NextPath.PERSONAL_ID, NextPath.STAFF)
    assert kiosk.state == Failed("reader.mrz_needed", paths)
    kiosk.tell(PathChosen(NextPath.QR))
    assert kiosk.state == AskQr(mrz=True)


# Read.


def test_lines_read_without_a_card_are_a_reading(kiosk: Kiosk) -> None:
    name = looking(kiosk)
    assert kiosk.tell(PayloadRead(by_lines(), name)) == (StopLooking(name), AskCoverage(name, by_lines()))
    assert kiosk.state == Confirm(by_lines(), complete=True)


@pytest.mark.parametrize("lifted", [False, True], ids=["card stays", "card is lifted and laid back"])
def test_lines_open_the_chip_that_asked_for_them(kiosk: Kiosk, lifted: bool) -> None:
    needed(kiosk)
    kiosk.tell(PathChosen(NextPath.MRZ))
    if lifted:
        kiosk.tell(NO_CARD)
        assert kiosk.state == AskMrz()
    effects = kiosk.tell(PayloadRead(by_lines(), kiosk.name))
    if lifted:
        assert kiosk.state == Confirm(by_lines(), complete=True)
        effects = kiosk.tell(CARD)
    assert effects[-1] == OpenChip(kiosk.name, "900017", by_lines().holder)
    kiosk.tell(ReadingFinished(kiosk.name, by_chip()))
    assert kiosk.state == Confirm(by_chip(), complete=True)


def test_a_code_with_an_issue_date_opens_the_chip_that_asked_for_the_lines(kiosk: Kiosk) -> None:
    needed(kiosk)
    kiosk.tell(PathChosen(NextPath.QR))
    assert kiosk.tell(PayloadRead(by_qr())) == (OpenChip(kiosk.name, "900017", by_qr().holder),)


def test_a_code_that_gives_the_chip_no_dates_is_used_itself(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PayloadRead(by_qr()))
    kiosk.tell(ReadingFailed(kiosk.name, "reader.mrz_needed"))
    assert kiosk.state == Confirm(by_qr(), complete=True)
    assert kiosk.tell(NO_CARD, CARD) == ()


def test_the_chip_is_not_asked_twice_with_what_it_refused(kiosk: Kiosk) -> None:
    needed(kiosk)
    kiosk.tell(PathChosen(NextPath.MRZ))
    kiosk.tell(PayloadRead(by_lines(), kiosk.name))
    assert isinstance(kiosk.state, ReadingChip)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.wrong_key"))
    assert kiosk.state == Confirm(by_lines(), complete=True)
    assert kiosk.tell(NO_CARD, CARD) == ()


def test_typed_digits_do_not_go_round_in_circles_with_such_a_chip(kiosk: Kiosk) -> None:
    needed(kiosk)
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID), DigitsTyped(LAN, "typed-1", "2026-11-21T00:45:00Z"))
    for _ in range(4):
        if isinstance(kiosk.state, ReadingChip):
            kiosk.tell(ReadingFailed(kiosk.name, "reader.mrz_needed"), PathChosen(NextPath.PERSONAL_ID))
    assert isinstance(kiosk.state, Confirm)
    assert kiosk.state.reading.holder == Holder(personal_id=LAN)


def test_a_code_seen_meanwhile_is_better_than_the_lines(kiosk: Kiosk) -> None:
    name = looking(kiosk)
    assert kiosk.tell(PayloadRead(by_qr()))[0] == StopLooking(name)
    assert kiosk.state == Confirm(by_qr(), complete=True)
    assert kiosk.tell(PayloadRead(by_lines(MINH), name)) == ()
    assert kiosk.state == Confirm(by_qr(), complete=True)


def test_lines_of_another_presentation_are_not_taken(kiosk: Kiosk) -> None:
    name = looking(kiosk)
    kiosk.tell(Cancelled())
    for event in (PayloadRead(by_lines(), name), MrzFailed(name, "mrz.not_found")):
        assert kiosk.tell(event) == ()
        assert kiosk.state == Start()
    looking(kiosk)
    kiosk.tell(PayloadRead(by_lines(), name), MrzFailed(name, "mrz.not_found"))
    assert kiosk.state == AskMrz()


def test_lines_without_a_personal_id_are_no_dead_end(kiosk: Kiosk) -> None:
    name = looking(kiosk)
    kiosk.tell(PayloadRead(msgspec.structs.replace(passport(), evidence=by_lines().evidence), name))
    assert isinstance(kiosk.state, Failed)
    assert kiosk.state.code == "checkin.no_personal_id"


def test_a_refused_code_does_not_end_the_look(kiosk: Kiosk) -> None:
    looking(kiosk)
    assert kiosk.tell(PayloadRefused("payload.unrecognised")) == ()
    assert kiosk.state == AskMrz()


# Given up.


def test_lines_not_found_leave_the_other_ways(kiosk: Kiosk) -> None:
    name = looking(kiosk)
    kiosk.tell(MrzFailed(name, "mrz.not_found"))
    paths = (NextPath.QR, NextPath.MRZ, NextPath.PERSONAL_ID, NextPath.STAFF)
    assert kiosk.state == Failed("mrz.not_found", paths)
    assert kiosk.tell(PathChosen(NextPath.MRZ)) == (LookForLines(kiosk.name),)


def test_a_camera_that_goes_ends_the_look(kiosk: Kiosk) -> None:
    name = looking(kiosk)
    assert kiosk.tell(NO_CAMERA) == (StopLooking(name),)
    assert kiosk.state == Failed("camera.missing", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF))


@pytest.mark.parametrize("event", [Cancelled(), HelpAsked(), CounterTicketAsked(), PathChosen(NextPath.PERSONAL_ID)])
def test_the_look_stops_however_the_screen_is_left(kiosk: Kiosk, event: Event) -> None:
    name = looking(kiosk)
    assert kiosk.tell(event)[0] == StopLooking(name)


def test_help_is_there_while_the_camera_looks(kiosk: Kiosk) -> None:
    name = looking(kiosk)
    assert kiosk.tell(HelpAsked()) == (StopLooking(name), CallStaff("ask_mrz"))
    assert kiosk.state == Help()


def test_whoever_goes_away_meanwhile_is_forgotten_and_the_look_stops(kiosk: Kiosk) -> None:
    name = looking(kiosk)
    kiosk.wait(POLICY.mrz_idle_seconds)
    assert kiosk.session.warned
    assert kiosk.wait(POLICY.warning_seconds) == (StopLooking(name),)
    assert kiosk.state == Start()
    assert holds_nothing(kiosk.session)


@pytest.mark.parametrize("event", [Touched(), LanguageChosen("en"), CARD, PayloadRefused("payload.empty")])
def test_what_does_not_leave_the_screen_does_not_stop_the_look(kiosk: Kiosk, event: Event) -> None:
    looking(kiosk)
    assert kiosk.tell(event) == ()
    assert kiosk.state == AskMrz()


def test_a_look_is_never_cut_short_by_the_idle_warning() -> None:
    from config.settings import load
    from kiosk.policy import MRZ_MARGIN_SECONDS, policy_of

    settings = load()
    long = msgspec.structs.replace(settings, reader=msgspec.structs.replace(settings.reader, mrz_seconds=300.0))
    assert policy_of(long).mrz_idle_seconds == 300.0 + MRZ_MARGIN_SECONDS
    assert policy_of(settings).mrz_idle_seconds == settings.kiosk.idle_seconds
