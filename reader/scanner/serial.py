"""A barcode scanner on a serial line (USB-CDC): bytes in, payloads out. The only importer of pyserial.

Serial and not keyboard emulation, because a keyboard loses Vietnamese letters (kiosk.md 3.2). The device may come and
go at any time; it is opened again without a restart.
"""

import errno
import select
import termios
import threading
from collections.abc import Callable
from typing import Any

import serial

from reader.payload.errors import ScannerHeld, ScannerMissing, ScannerNotAllowed, ScannerNotSerial
from reader.payload.text import MAX_LENGTH, as_text
from reader.scanner.condition import Condition
from reader.scanner.framing import at_silence, silence_after, take_payloads

STOP_SECONDS = 0.25  # how long a stop may go unnoticed
RETRY_SECONDS = 0.3  # a plug that was pulled by accident is back in a second
SETTLE_SECONDS = 0.1  # what a scanner kept from before it was opened is nobody's who stands here now
CHUNK_BITS = 64 * 10  # adapters pass bytes on in blocks of up to 64, of ten bits each

_LOCAL, _CONTROL = 0, 2  # places in what termios.tcgetattr gives
_TROUBLE = (OSError, ValueError, termios.error)  # serial.SerialException is an OSError; termios.error is not


class SerialScanner:
    """The scanner at `device` (a path; empty: none is configured). `clock` gives monotonic seconds."""

    name = "scanner"
    trusts_letters = True

    def __init__(self, device: str, baud_rate: int, clock: Callable[[], float]) -> None:
        self._device = device
        self._baud_rate = baud_rate
        self._condition = Condition(self.name, device, clock)

    def run(self, on_text: Callable[[str], None], stop: threading.Event) -> None:
        """Hand each payload to `on_text` until `stop` is set; returns at once when no device is configured.

        A payload longer than MAX_LENGTH is handed on cut to one byte more than that, so that it can be refused. One
        that is cut off because the device went is dropped.
        """
        while self._device and not stop.is_set():
            try:
                with self._open() as port:
                    while _receive(port, SETTLE_SECONDS) and not stop.is_set():
                        pass
                    self._condition.became("open")
                    self._listen(port, on_text, stop)
            except (ScannerMissing, ScannerNotAllowed) as error:
                self._condition.became("missing", error.code)
                stop.wait(RETRY_SECONDS)

    def health(self) -> dict[str, Any]:
        """How the device is (see `Condition.report`)."""
        return self._condition.report()

    def _open(self) -> Any:
        try:
            port = serial.Serial(self._device, self._baud_rate, timeout=0, exclusive=True)
        except _TROUBLE as error:
            raise _reason(error) from None
        try:
            _keep_quiet(port)
        except _TROUBLE as error:
            port.close()
            raise _reason(error) from None
        return port

    def _listen(self, port: Any, on_text: Callable[[str], None], stop: threading.Event) -> None:
        buffer = b""
        flooded = False
        chunk_seconds = CHUNK_BITS / self._baud_rate
        while not stop.is_set():
            chunk = _receive(port, silence_after(buffer) + chunk_seconds if buffer or flooded else STOP_SECONDS)
            if not chunk:
                if whole := at_silence(buffer):
                    on_text(as_text(whole))
                buffer, flooded = b"", False
                continue
            if flooded:
                continue  # the rest of something endless; listen again after a silence
            payloads, buffer = take_payloads(buffer + chunk)
            for payload in payloads:
                on_text(as_text(payload[: MAX_LENGTH + 1]))
            if len(buffer) > MAX_LENGTH:
                on_text(as_text(buffer[: MAX_LENGTH + 1]))
                buffer, flooded = b"", True


def _keep_quiet(port: Any) -> None:
    """Opening raised DTR and RTS, as a scanner wants it. Closing lets them fall no more (HUPCL): for many scanners
    that is a reset, and a restart of the reader is no reason for one. A break on the line is no byte and no signal.
    """
    attributes = termios.tcgetattr(port.fileno())
    attributes[_LOCAL] = (attributes[_LOCAL] | termios.IGNBRK) & ~termios.BRKINT
    attributes[_CONTROL] &= ~termios.HUPCL
    termios.tcsetattr(port.fileno(), termios.TCSANOW, attributes)


def _reason(error: BaseException) -> ScannerMissing | ScannerNotAllowed:
    """Why a port could not be opened. pyserial wraps termios.error in a SerialException without a number."""
    number = getattr(error, "errno", None) or (error.__context__ or error).args[0]
    if number in (errno.EACCES, errno.EPERM):
        return ScannerNotAllowed()
    if number in (errno.EAGAIN, errno.EBUSY):
        return ScannerHeld()
    if number in (errno.ENOTTY, errno.EISDIR, errno.EINVAL):
        return ScannerNotSerial()
    return ScannerMissing()


def _receive(port: Any, seconds: float) -> bytes:
    """What arrived, as soon as something did; empty after `seconds` of silence. Raises ScannerMissing."""
    try:
        ready, _, _ = select.select([port], [], [], seconds)
        return bytes(port.read(MAX_LENGTH)) if ready else b""
    except _TROUBLE:
        raise ScannerMissing from None
