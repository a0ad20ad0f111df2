"""Printing through the real door on a pretend printer: what comes out, and every way in which it does not."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

import pytest
import zxingcpp
from PIL import Image

from config.front import PrinterSettings
from kiosk.printing import escpos
from kiosk.printing.errors import (
    PrinterAddress,
    PrinterCoverOpen,
    PrinterError,
    PrinterHeld,
    PrinterNotAnswering,
    PrinterOffline,
    PrinterPaperOut,
)
from kiosk.printing.paper import ribbon
from kiosk.printing.spool import MOST_WAITING, Printer, PrinterStatus
from sandbox.printer import Roll
from tests.kiosk.tickets_on_paper import CODE, FONTS, Desk, paper, printing, say
from tests.support.waiting import wait_until


@pytest.fixture
def desk() -> Iterator[Desk]:
    with printing() as made:
        yield made


@pytest.mark.parametrize("mm", [58, 80])
def test_the_paper_shows_the_picture_dot_for_dot_and_the_number_in_the_printer_s_own_digits(mm: int) -> None:
    with printing(paper_mm=mm) as desk:
        desk.printer.print(paper())
        (printed,) = desk.pretend.tickets()
        shown = desk.pretend.picture(printed.name)
    dots = {58: 384, 80: 576}[mm]
    meant = ribbon(paper(), say("vi"), FONTS, dots)
    assert shown is not None
    assert (printed.digits, printed.cut, printed.unknown) == ("A0042", True, 0)
    assert shown.crop((0, 0, dots, meant.above.height)).tobytes() == meant.above.tobytes()
    assert shown.crop((0, shown.height - meant.below.height, dots, shown.height)).tobytes() == meant.below.tobytes()
    assert shown.height == meant.above.height + meant.below.height + 24 * escpos.size_of("A0042", dots)
    assert [code.text for code in zxingcpp.read_barcodes(shown.convert("L"))] == [CODE]


def test_a_picture_whose_width_is_no_multiple_of_eight_is_filled_up_with_white() -> None:
    roll = Roll(16)
    list(roll.feed(escpos.raster(Image.new("1", (11, 30), 0))))
    shown = roll.take().convert("L")
    assert shown.crop((0, 0, 11, 30)).getextrema() == (0, 0)
    assert shown.crop((11, 0, 16, 30)).getextrema() == (255, 255)


@pytest.mark.parametrize(("number", "dots", "times"), [("A0042", 576, 8), ("A0042", 384, 6), ("KT-0042A", 576, 6)])
def test_the_digits_are_as_large_as_the_line_allows(number: str, dots: int, times: int) -> None:
    assert escpos.size_of(number, dots) == times


def test_without_a_knife_the_paper_is_fed_instead() -> None:
    with printing(cut=False) as desk:
        desk.printer.print(paper())
        wait_until(lambda: len(desk.pretend.tickets()) == 1)
        assert not desk.pretend.tickets()[0].cut


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("printer.paper_out", PrinterPaperOut),
        ("printer.cover_open", PrinterCoverOpen),
        ("printer.offline", PrinterOffline),
    ],
)
def test_a_printer_that_cannot_print_says_why_and_prints_when_it_is_mended(
    desk: Desk, fault: str, error: type[PrinterError]
) -> None:
    desk.pretend.set_fault(fault, True)
    assert desk.printer.status() == PrinterStatus(ready=False, code=error.code)
    with pytest.raises(error) as told:
        desk.printer.print(paper())
    assert not told.value.data.get("begun")
    desk.pretend.set_fault(fault, None)
    assert desk.printer.status() == PrinterStatus(ready=True)
    desk.printer.print(paper())
    assert desk.digits == ["A0042"]


def test_paper_that_ends_in_the_middle_is_told_and_the_ticket_is_not_begun_again_by_itself(desk: Desk) -> None:
    desk.pretend.set_fault("printer.runs_out", True)
    for _ in range(2):
        with pytest.raises(PrinterPaperOut) as told:
            desk.printer.print(paper())
        assert told.value.data["begun"]
    desk.pretend.set_fault("printer.runs_out", None)
    before = len(desk.digits)
    with pytest.raises(PrinterPaperOut):
        desk.printer.print(paper())
    assert len(desk.digits) == before
    desk.printer.reprint(paper())
    assert len(desk.digits) == before + 1


def test_a_printer_switched_off_in_the_middle_prints_the_next_ticket_whole(desk: Desk) -> None:
    desk.pretend.set_fault("printer.half", True)
    with pytest.raises(PrinterError) as told:
        desk.printer.print(paper())
    assert told.value.data["begun"]
    desk.pretend.set_fault("printer.half", None)
    desk.printer.print(paper(number="A0043", code="another"))
    assert desk.pretend.tickets()[-1].digits == "A0043"
    assert desk.pretend.tickets()[-1].unknown == 0


@pytest.mark.parametrize("has_answered", [False, True])
def test_a_printer_that_still_waits_for_the_rest_of_a_picture_prints_the_next_ticket_whole(
    desk: Desk, has_answered: bool
) -> None:
    """Another program, or this one before it was killed, left in the middle of a band, or the cable was."""
    if has_answered:
        assert desk.printer.status().ready
    host, _, port = desk.settings.address.rpartition(":")
    job = escpos.job(ribbon(paper(), say("vi"), FONTS, 576), 576, cut=True)
    with socket.create_connection((host, int(port))) as left:
        left.sendall(job[:5000])
    wait_until(lambda: len(desk.pretend.tickets()) == 1)
    (desk.printer if has_answered else desk.another()).print(paper(number="A0043", code="another"))
    whole = desk.pretend.tickets()[-1]
    assert (whole.digits, whole.unknown) == ("A0043", 0)


@pytest.mark.parametrize("fault", ["printer.mute", "printer.garbage"])
def test_a_printer_that_answers_no_question_is_believed_and_said_to_be_one(fault: str) -> None:
    with printing(timeout_seconds=0.5) as desk:
        desk.pretend.set_fault(fault, True)
        assert desk.printer.status() == PrinterStatus(ready=True, code="printer.no_status")
        desk.printer.print(paper())
        assert desk.digits == ["A0042"]


def test_a_printer_that_takes_connections_and_hangs_is_given_up_in_time() -> None:
    with printing(timeout_seconds=0.5) as desk:
        assert desk.printer.status().ready
        desk.pretend.set_fault("printer.hangs", True)
        assert desk.printer.status() == PrinterStatus(ready=False, code="printer.not_answering")
        with pytest.raises(PrinterNotAnswering):
            desk.printer.print(paper())


def test_little_paper_is_a_note(desk: Desk) -> None:
    desk.pretend.set_fault("printer.paper_low", True)
    assert desk.printer.status() == PrinterStatus(ready=True, code="printer.paper_low")
    desk.printer.print(paper())


def test_the_same_ticket_is_printed_once_however_often_and_from_wherever_it_is_asked_for(desk: Desk) -> None:
    threads = [threading.Thread(target=desk.printer.print, args=(paper(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.digits == ["A0042"]
    desk.printer.reprint(paper())
    assert desk.digits == ["A0042"] * 2


def test_tickets_from_many_threads_come_out_whole_one_after_the_other(desk: Desk) -> None:
    numbers = [f"A{number:04}" for number in range(6)]
    threads = [threading.Thread(target=desk.printer.print, args=(paper(number=n, code=n),)) for n in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(desk.digits) == numbers
    assert {ticket.unknown for ticket in desk.pretend.tickets()} == {0}


def test_no_more_tickets_wait_than_there_is_sense_in() -> None:
    with printing(timeout_seconds=0.5) as desk:
        desk.pretend.set_fault("printer.hangs", True)
        codes: list[str] = []

        def attempt(code: str) -> None:
            try:
                desk.printer.print(paper(code=code))
            except PrinterError as error:
                codes.append(error.code)

        threads = [threading.Thread(target=attempt, args=(str(number),)) for number in range(MOST_WAITING + 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert codes.count(PrinterHeld.code) >= 3
        desk.pretend.set_fault("printer.hangs", None)


@pytest.mark.parametrize("kind", ["network", "usb", "serial", "cups"])
@pytest.mark.parametrize("address", ["", "nonsense at all", "host:0/", "host:99999/", "-o"])
def test_an_address_that_names_no_printer_is_told(
    kind: Literal["network", "usb", "serial", "cups"], address: str
) -> None:
    assert Printer(PrinterSettings(kind=kind, address=address), say, FONTS).status().code == PrinterAddress.code


# One answer to each question a printer may be asked: what a hostile or broken one could send instead.
@contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[Printer]:
    def serve(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    while data := connection.recv(65536):
                        connection.sendall(answer(data))
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            settings = PrinterSettings(
                kind="network", address=f"127.0.0.1:{listening.getsockname()[1]}", timeout_seconds=0.3
            )
            yield Printer(settings, say, FONTS)
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"\x16", None),  # the drawer's pin, which means nothing here
        (b"\x14\x00\x00\x0f\x12", None),  # an automatic status (four bytes) before the answer
        (b"\x1a", "printer.offline"),
        (b"\x00", "printer.no_status"),
        (b"\xff" * 5000, "printer.no_status"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "printer.no_status"),
    ],
)
def test_an_answer_is_believed_only_where_it_can_be_one(answer: bytes, code: str | None) -> None:
    with answering(lambda data: answer if data.endswith(b"\x10\x04\x01") else b"\x12") as printer:
        assert printer.status().code == code


def test_a_printer_that_talks_without_end_is_given_up_in_time() -> None:
    def flood(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            while True:
                connection.sendall(b"\xff" * 65536)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=flood, args=(listening,))
        thread.start()
        address = "127.0.0.1:{1}".format(*listening.getsockname())
        settings = PrinterSettings(kind="network", address=address, timeout_seconds=0.3)
        assert Printer(settings, say, FONTS).status() == PrinterStatus(ready=True, code="printer.no_status")
        thread.join()


def test_no_byte_of_an_answer_breaks_anything() -> None:
    for which in range(1, 5):
        for byte in range(256):
            answer = escpos.status_answer(bytes([byte]))
            assert answer is None or isinstance(escpos.condition({which: answer}).ready, bool)
