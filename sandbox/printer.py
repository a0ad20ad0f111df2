"""The pretend ticket printer: ESC/POS on a TCP port, as receipt printers have it on port 9100.

Reads with an interpreter of its own (not the product's): the picture it keeps is what a roll would show. What it did
not understand is counted, not guessed.
"""

import contextlib
import io
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from PIL import Image, ImageDraw, ImageFont

from sandbox.faults import Faults, switch
from sandbox.his_line import Listener
from wire.codec import Record

DOTS = 576
WHITE = 255
KEPT = 12
MOST_LINES = 8000  # a metre of paper
HALF = 6000  # bytes of a job after which it is switched off
HANG_SECONDS = 600.0

FAULTS: Mapping[str, Callable[[str], bool]] = {
    "printer.offline": switch,  # nobody listens
    "printer.paper_out": switch,
    "printer.cover_open": switch,
    "printer.paper_low": switch,
    "printer.runs_out": switch,  # the paper ends in the middle of a ticket
    "printer.hangs": switch,  # takes connections and reads nothing
    "printer.half": switch,  # is switched off and on in the middle of a ticket
    "printer.mute": switch,  # prints, and answers no question
    "printer.garbage": switch,  # answers with nonsense
}


class Printed(Record, frozen=True, kw_only=True):
    """One ticket that came out. `name` asks for its picture; `digits`: what stood in the printer's own letters."""

    name: int
    at: str
    digits: str
    cut: bool
    unknown: int  # bytes it could not understand


@dataclass(frozen=True)
class _Style:
    """How the printer's own letters look: times as wide, times as high."""

    wide: int = 1
    high: int = 1


class Roll:
    """The paper and what is on it since the last cut; fed with bytes as they come."""

    def __init__(self, dots: int) -> None:
        self._dots = dots
        self._rest = b""
        self._clear()

    def _clear(self) -> None:
        self._rows: list[Image.Image] = []
        self._line = ""
        self._style = _Style()
        self.digits = ""
        self.unknown = 0
        self.height = 0
        self.cut = False

    @property
    def empty(self) -> bool:
        """Whether nothing is on it."""
        return not self._rows and not self._line

    def feed(self, data: bytes) -> Iterator[str]:
        """Take bytes; yields what is to be done beside printing: "cut", or "asked:KIND:N" for a status request."""
        self._rest += data
        while self._rest:
            told = self._step()
            if told is None:
                return
            if told:
                yield told

    def take(self) -> Image.Image:
        """Tear it off: a picture of it, and a new beginning."""
        whole = Image.new("1", (self._dots, max(1, self.height)), WHITE)
        top = 0
        for row in self._rows:
            whole.paste(row, ((self._dots - row.width) // 2, top))
            top += row.height
        self._clear()
        return whole

    def forget(self) -> None:
        """Switched off: what was not printed yet is gone."""
        self._rest = b""

    def _step(self) -> str | None:
        """One command or letter: "" or what it asks for; None while it is not whole."""
        rest = self._rest
        if rest[0] in b"\x10\x1b\x1d":
            return self._command(rest)
        self._rest = rest[1:]
        if rest[0] == 0x0A:
            self._end_line()
        elif 0x20 <= rest[0] < 0x7F:
            self._line += chr(rest[0])
        elif rest[0]:
            self.unknown += 1
        return ""

    def _command(self, rest: bytes) -> str | None:
        name = rest[:2]
        if name == b"\x1dv":
            return self._raster(rest)
        if name == b"\x1dV" and rest[2:3] in (b"A", b"B"):
            length = 4
        else:
            length = {
                b"\x1b@": 2,
                b"\x1ba": 3,
                b"\x1bE": 3,
                b"\x1bd": 3,
                b"\x1d!": 3,
                b"\x1dr": 3,
                b"\x1dV": 3,
                b"\x10\x04": 3,
            }.get(name, 2)
        if len(rest) < length:
            return None
        self._rest = rest[length:]
        argument = rest[2] if length > 2 else 0
        match name:
            case b"\x1b@":
                self._style = _Style()
            case b"\x1bd":
                self._end_line()
                self._add(Image.new("1", (1, 30 * argument), WHITE))
            case b"\x1d!":
                self._style = _Style((argument >> 4) % 8 + 1, argument % 16 % 8 + 1)
            case b"\x1dr":
                return f"asked:paper:{argument}"
            case b"\x10\x04":
                return f"asked:now:{argument}"
            case b"\x1dV":
                self.cut = True
                return "cut"
            case b"\x1ba" | b"\x1bE":
                pass
            case _:
                self.unknown += length
        return ""

    def _raster(self, rest: bytes) -> str | None:
        if len(rest) < 8:
            return None
        width, height = int.from_bytes(rest[4:6], "little"), int.from_bytes(rest[6:8], "little")
        end = 8 + width * height
        if len(rest) < end:
            return None
        self._rest = rest[end:]
        # On paper 1 is black, in a picture 0 is.
        dots = bytes(byte ^ 0xFF for byte in rest[8:end])
        if width and height:
            self._add(Image.frombytes("1", (width * 8, height), dots))
        return ""

    def _end_line(self) -> None:
        if not self._line:
            return
        cell = 12 * self._style.wide, 24 * self._style.high
        drawn = Image.new("1", (cell[0] * len(self._line), cell[1]), WHITE)
        for place, letter in enumerate(self._line):
            ImageDraw.Draw(drawn).text(
                (place * cell[0] + cell[0] // 2, cell[1] // 2),
                letter,
                fill=0,
                font=ImageFont.load_default(cell[1] * 0.8),
                anchor="mm",
            )
        self.digits += self._line
        self._line = ""
        self._add(drawn)

    def _add(self, row: Image.Image) -> None:
        if self.height + row.height <= MOST_LINES:
            self._rows.append(row)
            self.height += row.height


class ReceiptPrinter:
    """The printer. The last tickets stay as pictures."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC), dots: int = DOTS) -> None:
        self._clock = clock
        self._faults = Faults(FAULTS)
        self._lock = threading.RLock()
        self._roll = Roll(dots)
        self._out: deque[tuple[Printed, Image.Image]] = deque(maxlen=KEPT)
        self._count = 0
        self._ran_out = False
        self._listener: Listener | None = None

    def set_fault(self, name: str, value: object) -> None:
        """Switch a fault of FAULTS on or off. Raises sandbox.errors.UnknownFault."""
        self._faults.set(name, value)
        self._ran_out = False  # a new roll
        if self._listener is not None:
            self._listener.follow(down=self._faults.get("printer.offline") is not None)

    def faults(self) -> dict[str, str | None]:
        """Every fault with its value, None when off."""
        return self._faults.now()

    def takes(self) -> dict[str, str]:
        """Every fault with the values it takes, for people."""
        return self._faults.takes()

    def tickets(self) -> list[Printed]:
        """The tickets that came out, oldest first."""
        with self._lock:
            return [printed for printed, _ in self._out]

    def picture(self, name: int) -> Image.Image | None:
        """The picture of one of them, 1-bit."""
        with self._lock:
            return next((picture for printed, picture in self._out if printed.name == name), None)

    def received(self, data: bytes) -> bytes:
        """Take bytes from whatever line; returns what it answers."""
        answers = b""
        with self._lock:
            for told in self._roll.feed(data):
                if self._faults.get("printer.runs_out") and self._roll.height > 200:
                    self._ran_out = True
                if told == "cut":
                    self._tear_off()
                else:
                    _, kind, which = told.split(":")
                    answers += self._answer(kind, int(which))
        return answers

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[tuple[str, int]]:
        """Listen on loopback while the context lasts; yields the address (with the real port where 0 was asked)."""
        listener = Listener(port, self._converse)
        self._listener = listener
        listener.follow(down=self._faults.get("printer.offline") is not None)
        try:
            yield "127.0.0.1", listener.port
        finally:
            self._listener = None
            self._faults.clear()
            listener.follow(down=True)

    def _converse(self, connection: socket.socket) -> None:
        """One host at a time would be true to nature; one paper for all is enough."""
        taken = 0
        while True:
            self._faults.wait_until_off("printer.hangs", HANG_SECONDS)
            data = connection.recv(4096)
            taken += len(data)
            if not data:
                break
            if self._faults.get("printer.half") and taken > HALF:
                with self._lock:
                    self._roll.forget()
                    self._tear_off()
                return
            answers = self.received(data)
            if answers:
                connection.sendall(answers)
        with self._lock:
            self._tear_off()

    def _answer(self, kind: str, which: int) -> bytes:
        if self._faults.get("printer.mute"):
            return b""
        if self._faults.get("printer.garbage"):
            return b"\xff\x00\x93" * 100
        cover, low = self._faults.get("printer.cover_open") is not None, self._faults.get("printer.paper_low")
        out = self._ran_out or self._faults.get("printer.paper_out") is not None
        if kind == "paper":
            # In its turn: a printer that stopped does not come to it.
            return b"" if out or cover else bytes([0x03 if low else 0])
        bits = {
            1: 0x08 * (out or cover),
            2: 0x04 * cover | 0x20 * out,
            3: 0,
            4: 0x60 * out | 0x0C * bool(low),
        }.get(which)
        return b"" if bits is None else bytes([0x12 | bits])

    def _tear_off(self) -> None:
        if self._roll.empty:
            return
        stopped = self._faults.get("printer.paper_out") or self._faults.get("printer.cover_open")
        digits, cut, unknown = self._roll.digits, self._roll.cut, self._roll.unknown
        picture = self._roll.take()
        if stopped:
            return
        self._count += 1
        at = self._clock().isoformat(timespec="seconds")
        self._out.append((Printed(name=self._count, at=at, digits=digits, cut=cut, unknown=unknown), picture))


def png(picture: Image.Image) -> bytes:
    """A picture as PNG."""
    made = io.BytesIO()
    with contextlib.closing(made):
        picture.save(made, "PNG", optimize=True)
        return made.getvalue()
