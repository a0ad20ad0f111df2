"""The sandbox's code scanner: a pseudo-terminal that behaves like a USB serial scanner (UTF-8, CR at the end)."""

import os
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wire.errors import MalformedMessage

MAX_PAYLOAD = 2048  # bytes; what fits a terminal's buffer with room to spare
SUFFIX = b"\r"


class Scanner:
    """A scanner at the end of a symbolic link; made by `scanner`."""

    def __init__(self, device: int, line: int) -> None:
        self._device = device
        self._line = line
        self._lock = threading.Lock()

    def show(self, text: str) -> None:
        """Hold a code to the scanner. Raises MalformedMessage when the text is longer than a code can be."""
        payload = text.encode()
        if len(payload) > MAX_PAYLOAD:
            raise MalformedMessage(why="longer than a code can be", where="text")
        with self._lock:
            try:
                os.write(self._device, payload + SUFFIX)
            except BlockingIOError:
                # Nobody reads: a serial line keeps nothing, so what lies there unread is lost.
                termios.tcflush(self._line, termios.TCIFLUSH)
                os.write(self._device, payload + SUFFIX)


@contextmanager
def scanner(link: Path) -> Iterator[Scanner]:
    """A scanner whose device is found at `link` as long as the context lasts."""
    device, line = os.openpty()  # our own end of the line stays open, so that a reader may come and go
    try:
        tty.setraw(line)
        os.set_blocking(device, False)
        fresh = link.with_name(link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(line))
        fresh.replace(link)
        yield Scanner(device, line)
    finally:
        link.unlink(missing_ok=True)
        os.close(device)
        os.close(line)
