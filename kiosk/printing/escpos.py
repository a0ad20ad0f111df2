"""ESC/POS, as far as a ticket needs it: a job as bytes, and what the bytes a printer answers with mean. Pure.

Commands as in Epson's public ESC/POS command reference, chosen for what the many clones also have. A picture goes in
bands: a printer that lost its host in the middle of one waits for the rest of that band only (`RECOVERY`).
"""

from dataclasses import dataclass

from PIL import Image

from kiosk.printing.paper import Ribbon
from kiosk.printing.typesetting import WHITE

BAND_LINES = 24  # 3 mm; small printers hold no more, and all print them without a seam
FONT_A_DOTS = 12  # width of a digit
LARGEST = 8  # times
WIDEST_BYTES = 72  # 576 dots

INITIALIZE = b"\x1b@"
CENTRED = b"\x1ba\x01"
LINE_FEED = b"\n"
PLAIN_SIZE = b"\x1d!\x00"
EMPHASIZED = b"\x1bE\x01", b"\x1bE\x00"
FEED = b"\x1bd\x05"
CUT = b"\x1dVB\x03"  # feeds to the knife and cuts
PAPER_REQUEST = b"\x1dr\x01"  # answered in its turn, so after everything before it is printed
# NUL is white in a picture and nothing in text: what a printer may still expect of a picture that broke off.
RECOVERY = b"\x00" * (BAND_LINES * WIDEST_BYTES)

_MOST_BYTES = 16  # an answer, and three automatic ones (four bytes each) that crossed it; more is no printer talking
_INVERTED = bytes(255 - byte for byte in range(256))  # in a picture 1 is white, on paper 1 is black


def job(ribbon: Ribbon, dots: int, cut: bool, *, recover: bool = False) -> bytes:
    """Everything a printer needs for one ticket. `recover`: the job before this one broke off."""
    number = _number(ribbon.number, dots) if ribbon.number else b""
    return b"".join(
        [
            RECOVERY if recover else b"",
            INITIALIZE,
            CENTRED,
            raster(ribbon.above),
            number,
            raster(ribbon.below),
            CUT if cut else FEED,
        ]
    )


def raster(picture: Image.Image) -> bytes:
    """A 1-bit picture as GS v 0 in bands; a width that is no multiple of eight is filled up with white."""
    width = (picture.width + 7) // 8
    whole = Image.new("1", (width * 8, picture.height), WHITE)
    whole.paste(picture)
    dots = whole.tobytes().translate(_INVERTED)
    bands = []
    for top in range(0, picture.height, BAND_LINES):
        lines = min(BAND_LINES, picture.height - top)
        bands.append(b"\x1dv0\x00" + width.to_bytes(2, "little") + lines.to_bytes(2, "little"))
        bands.append(dots[top * width : (top + lines) * width])
    return b"".join(bands)


def size_of(number: str, dots: int) -> int:
    """How many times its usual size the number can be printed in one line."""
    return max(1, min(LARGEST, dots // (FONT_A_DOTS * len(number))))


def _number(number: str, dots: int) -> bytes:
    times = size_of(number, dots) - 1
    size = b"\x1d!" + bytes([times << 4 | times])
    return EMPHASIZED[0] + size + number.encode("ascii") + LINE_FEED + PLAIN_SIZE + EMPHASIZED[1]


# What a printer is asked while it does anything else (DLE EOT n), and what its one byte of answer says.
PRINTER, CAUSE, ERROR, PAPER = 1, 2, 3, 4
_FIXED, _FIXED_BITS = 0b10010011, 0b00010010  # bits that stand fixed in every answer


def status_request(which: int) -> bytes:
    """DLE EOT for one of PRINTER, CAUSE, ERROR, PAPER."""
    return b"\x10\x04" + bytes([which])


def status_answer(received: bytes) -> int | None:
    """The first byte that can be an answer to DLE EOT; None: there is none (yet)."""
    if is_garbage(received):
        return None
    return next((byte for byte in received if byte & _FIXED == _FIXED_BITS), None)


def is_garbage(received: bytes) -> bool:
    """Whether so much came that is no answer that none is to be expected."""
    return len(received) > _MOST_BYTES


def has_answered(received: bytes) -> bool:
    """Whether an answer to PAPER_REQUEST is among this (its bits 4 and 7 are 0, those of DLE EOT are not)."""
    return any(byte & 0b10010000 == 0 for byte in received)


@dataclass(frozen=True)
class Condition:
    """What a printer says of itself; all False: nothing is wrong. `told`: it said anything at all."""

    told: bool = True
    offline: bool = False
    cover_open: bool = False
    paper_out: bool = False
    paper_low: bool = False
    broken: bool = False

    @property
    def ready(self) -> bool:
        """Whether it would print, as far as it says."""
        return not (self.offline or self.cover_open or self.paper_out or self.broken)


def condition(answers: dict[int, int]) -> Condition:
    """The meaning of the answers to PRINTER, CAUSE, ERROR and PAPER; those that are missing say nothing."""
    printer, cause = answers.get(PRINTER, 0), answers.get(CAUSE, 0)
    error, paper = answers.get(ERROR, 0), answers.get(PAPER, 0)
    return Condition(
        told=bool(answers),
        offline=bool(printer & 0x08),
        cover_open=bool(cause & 0x04),
        paper_out=bool(cause & 0x20 or paper & 0x60),
        paper_low=bool(paper & 0x0C),
        broken=bool(error & 0x28),
    )
