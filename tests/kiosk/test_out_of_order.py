"""Out of order: when it begins, what it waits for, and that it outlives the kiosk's own going down."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.front import Device
from kiosk.events import (
    AdjustAsked,
    CallStaff,
    Cancelled,
    CommitFailed,
    CounterTicketAsked,
    DevicesChanged,
    HelpAsked,
    LanguageChosen,
    PathChosen,
    PayloadRead,
    PresenceChanged,
    PrinterTold,
    StoreLost,
    StoreRecovered,
)
from kiosk.outage import NAME, Outage
from kiosk.policy import Policy
from kiosk.states import Adjust, Confirm, Devices, Keypad, NextPath, OutOfOrder, Start
from tests.kiosk.machine import CARD, DEVICES, NO_CARD, NO_READER, POLICY, Kiosk, holds_nothing
from tests.kiosk.people import by_qr

LOST = OutOfOrder("database.unavailable")


def requiring(*devices: Device) -> Kiosk:
    """A kiosk that tells of reader, scanner and camera, and needs these."""
    return Kiosk(replace(POLICY, required=frozenset(devices), printer=True))


@pytest.mark.parametrize(
    ("device", "gone", "back", "code"),
    [
        ("card_reader", NO_READER, NO_CARD, "reader.no_reader"),
        (
            "card_reader",
            PresenceChanged(False, False, "reader.service_down"),
            NO_CARD,
            "reader.service_down",
        ),
        ("scanner", DevicesChanged(Devices(camera=True)), DevicesChanged(DEVICES), "scanner.missing"),
        ("camera", DevicesChanged(Devices(keyboard=True)), DevicesChanged(DEVICES), "camera.missing"),
        ("printer", PrinterTold("printer.paper_out"), PrinterTold(None), "printer.paper_out"),
    ],
)
def test_a_required_device_that_is_gone_is_said_and_its_return_ends_it(
    device: Device, gone: PresenceChanged, back: PresenceChanged, code: str
) -> None:
    kiosk = requiring(device)
    kiosk.tell(PrinterTold(None), gone)
    assert kiosk.state == OutOfOrder(code, device)
    assert kiosk.tell(HelpAsked()) == (CallStaff("out_of_order"),)
    kiosk.tell(CARD if device != "card_reader" else PathChosen(NextPath.PERSONAL_ID), CounterTicketAsked())
    assert isinstance(kiosk.state, OutOfOrder)
    kiosk.tell(NO_CARD if device != "card_reader" else back, back)
    assert kiosk.state == Start()


def test_an_optional_device_puts_nothing_out_of_order() -> None:
    kiosk = requiring()
    kiosk.tell(DevicesChanged(Devices()), NO_READER, PrinterTold("printer.offline"))
    assert kiosk.state == Start()


def test_nobodys_check_in_is_broken_off() -> None:
    kiosk = requiring("scanner")
    kiosk.tell(PayloadRead(by_qr()), DevicesChanged(Devices()))
    assert isinstance(kiosk.state, Confirm)
    kiosk.tell(Cancelled())
    assert kiosk.state == OutOfOrder("scanner.missing", "scanner")
    assert holds_nothing(kiosk.session)


def test_whoever_only_adjusts_the_screen_is_told() -> None:
    kiosk = requiring("scanner")
    kiosk.tell(AdjustAsked())
    assert kiosk.state == Adjust()
    kiosk.tell(DevicesChanged(Devices()))
    assert isinstance(kiosk.state, OutOfOrder)


def test_devices_have_a_while_to_tell_of_themselves_after_the_start() -> None:
    kiosk = requiring("printer")
    kiosk.session = replace(kiosk.session, started=kiosk.now, state=Start())
    kiosk.tell(NO_CARD)
    assert kiosk.state == Start()
    kiosk.wait(POLICY.grace_seconds - 0.1)
    assert kiosk.state == Start()
    kiosk.wait(0.2)
    assert kiosk.state == OutOfOrder("printer.offline", "printer")
    kiosk.tell(PrinterTold(None))
    assert kiosk.state == Start()


def test_whoever_begins_in_the_grace_is_served() -> None:
    kiosk = requiring("printer")
    kiosk.session = replace(kiosk.session, started=kiosk.now, state=Start())
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID))
    kiosk.wait(POLICY.grace_seconds + 1)
    assert isinstance(kiosk.state, Keypad)


def test_all_that_is_required_must_be_back() -> None:
    kiosk = requiring("scanner", "printer")
    kiosk.tell(DevicesChanged(Devices()))
    assert kiosk.state == OutOfOrder("scanner.missing", "scanner")
    kiosk.tell(DevicesChanged(DEVICES))
    assert kiosk.state == OutOfOrder("printer.offline", "printer")
    kiosk.tell(StoreLost("database.unavailable"), PrinterTold(None))
    assert kiosk.state == LOST
    kiosk.tell(StoreRecovered())
    assert kiosk.state == Start()


def test_a_lost_store_waits_until_the_person_is_gone() -> None:
    kiosk = Kiosk()
    kiosk.tell(PayloadRead(by_qr()), StoreLost("database.unavailable"))
    assert isinstance(kiosk.state, Confirm)
    kiosk.tell(Cancelled())
    assert kiosk.state == LOST


def test_the_language_of_an_outage_goes_with_whoever_read_it() -> None:
    kiosk = Kiosk()
    kiosk.tell(CounterTicketAsked())
    kiosk.tell(CommitFailed(kiosk.name, "database.unavailable"), LanguageChosen("en"))
    assert kiosk.session.language == "en"
    kiosk.wait(Policy.idle_seconds)
    assert (kiosk.state, kiosk.session.language) == (LOST, "vi")


# Kept.


def test_an_outage_is_kept_whole_and_forgotten_when_it_is_over(tmp_path: Path) -> None:
    outage = Outage(tmp_path)
    assert outage.kept() is None
    for kept in (LOST, OutOfOrder("printer.paper_out", "printer")):
        outage.keep(kept)
        assert Outage(tmp_path).kept() == kept
    assert [file.name for file in tmp_path.iterdir()] == [NAME]
    outage.keep(None)
    outage.keep(None)
    assert outage.kept() is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"code": 1}', b'{"code": "x", "device": "toaster"}', b"\xff" * 99])
def test_a_damaged_file_is_an_outage_of_unknown_cause(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert Outage(tmp_path).kept() == OutOfOrder("internal")


def test_a_folder_that_takes_nothing_harms_nobody(tmp_path: Path) -> None:
    outage = Outage(tmp_path / "gone")
    outage.keep(LOST)
    outage.keep(None)
    assert outage.kept() is None
