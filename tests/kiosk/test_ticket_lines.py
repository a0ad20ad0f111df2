"""Printers on a serial line, at the kernel's USB driver, in a file: terminals and folders stand in for devices."""

import os
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from config.front import PrinterSettings
from kiosk.printing.errors import PrinterNotAnswering, PrinterOffline
from kiosk.printing.escpos_door import EscposDoor
from kiosk.printing.lines import open_line
from kiosk.printing.paper import Ribbon, ribbon
from kiosk.printing.spool import Printer, PrinterStatus
from sandbox.printer import ReceiptPrinter, Roll
from tests.kiosk.tickets_on_paper import FONTS, paper, say

SETTINGS = PrinterSettings(kind="serial", timeout_seconds=5)


def drawn() -> Ribbon:
    return ribbon(paper(), say("vi"), FONTS, 576)


@contextmanager
def wired(pretend: ReceiptPrinter) -> Iterator[str]:
    """A terminal line with the pretend printer at its other end; yields the line's name."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)

    def play() -> None:
        while True:
            try:
                answers = pretend.received(os.read(ours, 4096))
                if answers:
                    os.write(ours, answers)
            except OSError:
                return

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        os.close(theirs)  # its reader is told that nobody is there any more
        thread.join()
        os.close(ours)


def test_a_printer_on_a_serial_line_prints_and_answers() -> None:
    pretend = ReceiptPrinter()
    with wired(pretend) as device:
        printer = Printer(replace(SETTINGS, address=f"{device}@115200"), say, FONTS)
        assert printer.status() == PrinterStatus(ready=True)
        printer.print(paper())
        pretend.set_fault("printer.cover_open", True)
        assert printer.status() == PrinterStatus(ready=False, code="printer.cover_open")
    assert [(one.digits, one.unknown) for one in pretend.tickets()] == [("A0042", 0)]


def test_a_line_whose_other_end_takes_nothing_is_given_up() -> None:
    ours, theirs = os.openpty()
    try:
        tty.setraw(theirs)
        settings = replace(SETTINGS, address=os.ttyname(theirs), timeout_seconds=0.2)
        with pytest.raises(PrinterNotAnswering) as error:
            EscposDoor(settings).print(drawn())
        assert error.value.data["begun"]
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_usb_printer_is_found_by_its_ids(tmp_path: Path) -> None:
    pretend = ReceiptPrinter()
    with wired(pretend) as device:
        plug(tmp_path, "lp0", "0416:5011", "/dev/null")
        plug(tmp_path, "lp1", "04b8:0e15", device)
        settings = replace(SETTINGS, kind="usb", address="04B8:0E15")
        door = EscposDoor(settings, open_=lambda: open_line(settings, time.monotonic, tmp_path))
        assert door.condition().ready
        door.print(drawn())
    assert [one.digits for one in pretend.tickets()] == ["A0042"]


def test_a_usb_printer_that_is_not_plugged_in_is_offline(tmp_path: Path) -> None:
    plug(tmp_path, "lp0", "0416:5011", "/dev/null")
    with pytest.raises(PrinterOffline):
        open_line(replace(SETTINGS, kind="usb", address="04b8:0e15"), lambda: 0.0, tmp_path)


def plug(root: Path, name: str, ids: str, device: str) -> None:
    """As sysfs and /dev show a printer: the class's folder leads to the interface, the ids stand above it."""
    usb = root / "sys/devices/usb1" / name
    (usb / "interface").mkdir(parents=True)
    for file, value in zip(("idVendor", "idProduct"), ids.split(":"), strict=True):
        (usb / file).write_text(f"{value}\n")
    printer = root / "sys/class/usbmisc" / name
    printer.mkdir(parents=True)
    (printer / "device").symlink_to(usb / "interface")
    (root / "dev/usb").mkdir(parents=True, exist_ok=True)
    (root / "dev/usb" / name).symlink_to(device)


def test_a_file_collects_what_a_printer_would_get(tmp_path: Path) -> None:
    file = tmp_path / "tickets.bin"
    printer = Printer(replace(SETTINGS, kind="file", address=str(file)), say, FONTS)
    assert printer.status() == PrinterStatus(ready=True, code="printer.no_status")
    for number in ("A0001", "A0002"):
        printer.print(paper(number=number, code=number))
    roll = Roll(576)
    cuts = [roll.digits for told in roll.feed(file.read_bytes()) if told == "cut"]
    assert cuts == ["A0001", "A0001A0002"]
    assert roll.unknown == 0


def test_a_device_of_somebody_else_is_refused_and_a_missing_one_is_offline(tmp_path: Path) -> None:
    missing = Printer(replace(SETTINGS, address=str(tmp_path / "nothing")), say, FONTS)
    assert missing.status() == PrinterStatus(ready=False, code="printer.offline")
    no_line = Printer(replace(SETTINGS, address="/dev/null"), say, FONTS)
    assert not no_line.status().ready
