"""python-escpos as the judge of our ESC/POS: the same ticket through its own encoder, and the same printer's state as
it understands it. Nothing of the product imports it (docs/decisions/0013)."""

import socket
from contextlib import closing

import pytest
import segno
import zxingcpp
from PIL import Image

from kiosk.printing import escpos
from kiosk.printing.paper import ROLL_DOTS, Ribbon, ribbon
from sandbox.printer import Roll
from tests.kiosk.tickets_on_paper import CODE, FONTS, paper, printing, say

peer = pytest.importorskip("escpos.printer")
pytestmark = pytest.mark.peer

LANGUAGES = ["vi", "en"]
WIDTHS = [58, 80]


def theirs(made: Ribbon, dots: int, cut: bool) -> bytes:
    """The ticket as somebody would print it with python-escpos."""
    printer = peer.Dummy()
    printer.hw("INIT")
    printer.set(align="center")
    printer.image(made.above, impl="bitImageRaster", fragment_height=escpos.BAND_LINES)
    times = escpos.size_of(made.number, dots)
    printer.set(bold=True, custom_size=True, width=times, height=times)
    printer._raw(f"{made.number}\n".encode("ascii"))
    printer.set(bold=False, custom_size=True, width=1, height=1)
    printer.image(made.below, impl="bitImageRaster", fragment_height=escpos.BAND_LINES)
    if cut:
        printer.cut(feed=False)
    else:
        printer.print_and_feed(5)
    return bytes(printer.output)


def on_paper(data: bytes, dots: int) -> tuple[bytes, str, int, list[str]]:
    """What a printer that knows neither of them makes of it: dots, digits, what it did not know, what it was told."""
    roll = Roll(dots)
    told = list(roll.feed(data))
    digits, unknown = roll.digits, roll.unknown
    return roll.take().tobytes(), digits, unknown, told


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("mm", WIDTHS)
def test_its_pictures_are_ours_byte_for_byte(mm: int, language: str) -> None:
    made = ribbon(paper(language=language), say(language), FONTS, ROLL_DOTS[mm])
    for picture in (made.above, made.below, Image.new("1", (11, 30), 0)):
        printer = peer.Dummy()
        printer.image(picture, impl="bitImageRaster", fragment_height=escpos.BAND_LINES)
        assert bytes(printer.output) == escpos.raster(picture)


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("mm", WIDTHS)
def test_the_whole_ticket_comes_out_of_a_printer_alike(mm: int, language: str, cut: bool) -> None:
    dots = ROLL_DOTS[mm]
    made = ribbon(paper(language=language), say(language), FONTS, dots)
    ours, others = escpos.job(made, dots, cut), theirs(made, dots, cut)
    assert on_paper(ours, dots) == on_paper(others, dots)
    assert on_paper(ours, dots)[1:3] == ("A0042", 0)


def test_every_command_of_ours_is_one_it_sends_too() -> None:
    printer = peer.Dummy()
    printer.hw("INIT")
    assert printer.output == escpos.INITIALIZE
    for ours, act in {
        escpos.CENTRED: lambda: printer.set(align="center"),
        escpos.EMPHASIZED[0]: lambda: printer.set(bold=True),
        escpos.EMPHASIZED[1]: lambda: printer.set(bold=False),
        b"\x1d!\x77": lambda: printer.set(custom_size=True, width=8, height=8),
        escpos.FEED: lambda: printer.print_and_feed(5),
    }.items():
        printer.clear()
        act()
        assert printer.output == ours
    printer.clear()
    printer.cut(feed=False)
    assert printer.output[:3] == escpos.CUT[:3]  # and three dots more, so that the knife never meets the last line


def test_its_code_of_the_ticket_says_the_same_as_ours() -> None:
    printer = peer.Dummy()
    printer.qr(CODE, size=7, native=False, image_arguments={"impl": "bitImageRaster"})
    roll = Roll(576)
    list(roll.feed(bytes(printer.output)))
    (other,) = zxingcpp.read_barcodes(roll.take().convert("L"))
    (own,) = zxingcpp.read_barcodes(ribbon(paper(), say("vi"), FONTS, 576).below.convert("L"))
    assert (own.text, own.format) == (other.text, other.format) == (CODE, zxingcpp.BarcodeFormat.QRCode)
    assert segno.make_qr(CODE, error="m", boost_error=False).error == "M"


@pytest.mark.parametrize(
    ("fault", "online", "left"),
    [
        (None, True, 2),
        ("printer.paper_low", True, 1),
        ("printer.paper_out", False, 0),
        ("printer.cover_open", False, 2),
    ],
)
def test_it_reads_the_same_state_from_the_same_printer(fault: str | None, online: bool, left: int) -> None:
    with printing() as desk:
        if fault:
            desk.pretend.set_fault(fault, True)
        host, _, port = desk.settings.address.partition(":")
        with closing(peer.Network(host, int(port), timeout=5)) as printer:
            printer.open()
            assert printer.is_online() is online
            assert printer.paper_status() == left
        found = desk.printer.status()
    assert found.ready is online
    assert (found.code == "printer.paper_low") is (left == 1)
    assert (found.code == "printer.paper_out") is (left == 0)


def test_a_ticket_it_prints_on_the_network_comes_out_as_ours_does() -> None:
    made = ribbon(paper(), say("vi"), FONTS, 576)
    with printing() as desk:
        host, _, port = desk.settings.address.partition(":")
        with socket.create_connection((host, int(port)), timeout=5) as line:
            line.sendall(theirs(made, 576, cut=True))
            line.shutdown(socket.SHUT_WR)
            line.recv(1)
        desk.printer.print(paper())
        first, second = desk.pretend.tickets()
        assert (first.digits, first.cut, first.unknown) == (second.digits, second.cut, second.unknown)
        pictures = [desk.pretend.picture(one.name) for one in (first, second)]
    assert pictures[0] is not None
    assert pictures[1] is not None
    assert pictures[0].tobytes() == pictures[1].tobytes()
