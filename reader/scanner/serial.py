"""A barcode scanner on a serial line (USB-CDC): bytes in, payloads out. The only importer of pyserial.

Serial and not keyboard emulation, because a keyboard loses Vietnamese letters (kiosk.md 3.2). The device may come and
go at any time; it is opened again without a restart.
"""

import errno
import select
import threading
from collections.abc import Callable
from typing import Any

import serial

from reader.payload.errors import ScannerMissing, ScannerNotAllowed
from reader.payload.text import MAX_LENGTH, as_text
from reader.scanner.condition import Condition
from reader.scanner.framing import take_payloads

SILENCE_SECONDS = 0.15  # a payload without a line end is over after this
STOP_SECONDS = 0.25  # how long a stop may go unnoticed
RETRY_FIRST_SECONDS = 0.2
RETRY_MAX_SECONDS = 5.0


class SerialScanner:
    """The scanner at `device` (a path; empty: none is configured). `clock` gives monotonic seconds."""

    name = "scanner"

    def __init__(self, device: str, baud_rate: int, clock: Callable[[], float]) -> None:
        self._device = device
        self._baud_rate = baud_rate
        self._condition = Condition(self.name, device, clock)

    def run(self, on_text: Callable[[str], None], stop: threading.Event) -> None:
        """Hand each payload to `on_text` until `stop` is set; returns at once when no device is configured.

        A payload longer than MAX_LENGTH is handed on cut to one byte more than that, so that it can be refused.
        """
        delay = RETRY_FIRST_SECONDS
        while self._device and not stop.is_set():
            try:
                with self._open() as port:
                    self._condition.became("open")
                    delay = RETRY_FIRST_SECONDS
                    self._listen(port, on_text, stop)
            except (ScannerMissing, ScannerNotAllowed) as error:
                self._condition.became("missing", error.code)
                stop.wait(delay)
                delay = min(delay * 2, RETRY_MAX_SECONDS)

    def health(self) -> dict[str, Any]:
        """How the device is (see `Condition.report`)."""
        return self._condition.report()

    def _open(self) -> Any:
        try:
            return serial.Serial(self._device, self._baud_rate, timeout=0, exclusive=True)
        except (OSError, ValueError) as error:  # serial.SerialException is an OSError
            if getattr(error, "errno", None) in (errno.EACCES, errno.EPERM):
                raise ScannerNotAllowed from None
            raise ScannerMissing from None

    def _listen(self, port: Any, on_text: Callable[[str], None], stop: threading.Event) -> None:
        buffer = b""
        flooded = False
        while not stop.is_set():
            chunk = _receive(port, SILENCE_SECONDS if buffer or flooded else STOP_SECONDS)
            if not chunk:
                if buffer.strip():
                    on_text(as_text(buffer))
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


def _receive(port: Any, seconds: float) -> bytes:
    """What arrived, as soon as something did; empty after `seconds` of silence. Raises ScannerMissing."""
    try:
        ready, _, _ = select.select([port], [], [], seconds)
        return bytes(port.read(MAX_LENGTH)) if ready else b""
    except (OSError, ValueError):
        raise ScannerMissing from None
