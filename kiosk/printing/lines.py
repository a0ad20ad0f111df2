"""Ways to a printer: the network, the kernel's USB printer driver, a serial line, a file. Bytes in, bytes out, in time.

Every line is one file descriptor that never blocks, opened for one job and closed after it: so a printer that was
switched off and on between two tickets is found again. Must not know what the bytes mean.
"""

import errno
import os
import re
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from config.front import PrinterSettings
from kiosk.printing.errors import (
    PrinterAddress,
    PrinterError,
    PrinterHeld,
    PrinterNotAnswering,
    PrinterOffline,
    PrinterRefused,
)
from wire.names import reach

CHUNK = 4096
LONGEST_SECONDS = 60.0  # for one ticket: 80 kB on a line of 19,200 baud
PARTING_SECONDS = 1.0
BREATH_SECONDS = 0.02  # usblp says that it may be written to and then takes nothing while paper is out
USUAL_PORT = 9100
USUAL_BAUD = 115200

Clock = Callable[[], float]


class Line:
    """An open way to a printer. `clock`: monotonic seconds."""

    def __init__(self, descriptor: int, close: Callable[[], None], clock: Clock, *, answers: bool = True) -> None:
        self._descriptor = descriptor
        self._close = close
        self._clock = clock
        self.answers = answers  # False: nothing can ever be read from it
        self.sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def send(self, data: bytes, seconds: float) -> None:
        """Hand everything over. Raises PrinterNotAnswering when nothing of it is taken for so many seconds, or it takes
        LONGEST_SECONDS in all; PrinterOffline when the printer is gone.
        """
        rest, last = memoryview(data), self._clock() + LONGEST_SECONDS
        until = min(self._clock() + seconds, last)
        while rest:
            if not self._ready(until, writing=True):
                raise PrinterNotAnswering
            try:
                taken = os.write(self._descriptor, rest[:CHUNK])
            except BlockingIOError:
                time.sleep(BREATH_SECONDS)
                continue
            except OSError as error:
                raise trouble(error) from None
            self.sent += taken
            rest, until = rest[taken:], min(self._clock() + seconds, last)

    def receive(self, until: float) -> bytes:
        """What came, at most until then; empty when nothing did. Raises PrinterOffline when the printer is gone."""
        if not self.answers or not self._ready(until, writing=False):
            return b""
        try:
            received = os.read(self._descriptor, CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise trouble(error) from None
        if not received:
            raise PrinterOffline
        return received

    def _ready(self, until: float, *, writing: bool) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT if writing else select.POLLIN)
        return bool(poll.poll(max(0.0, until - self._clock()) * 1000))


def open_line(settings: PrinterSettings, clock: Clock, root: Path = Path("/")) -> Line:
    """The way to the printer of the settings. `root`: below it lie /sys and /dev.

    Raises PrinterAddress, PrinterOffline, PrinterNotAnswering, PrinterRefused, PrinterHeld.
    """
    match settings.kind:
        case "network":
            return _network(settings, clock)
        case "usb":
            return _file(_usb_device(settings.address, root), clock, os.O_RDWR)
        case "serial":
            return _serial(settings, clock)
        case "file" if settings.address:
            return _file(Path(settings.address), clock, os.O_WRONLY | os.O_APPEND | os.O_CREAT, answers=False)
    raise PrinterAddress(kind=settings.kind, why="empty" if not settings.address else "not ESC/POS")


def _network(settings: PrinterSettings, clock: Clock) -> Line:
    host, port = network_address(settings.address)
    until = clock() + settings.timeout_seconds

    def left() -> float:
        if (seconds := until - clock()) <= 0:
            raise TimeoutError
        return seconds

    with opening():
        connection = reach(host, port, left)
    connection.setblocking(False)
    return Line(connection.fileno(), lambda: _part(connection, clock), clock)


def _part(connection: socket.socket, clock: Clock) -> None:
    """Close so that what is still under way arrives: answers left unread would make the kernel reset the connection,
    and the end of the ticket would be lost (RFC 1122, 4.2.2.13)."""
    with connection, suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(PARTING_SECONDS)
        until = clock() + PARTING_SECONDS
        while connection.recv(CHUNK) and clock() < until:
            pass


def network_address(address: str) -> tuple[str, int]:
    """Host and port (9100 where there is none) of `host:port`, `[v6]:port`. Raises PrinterAddress."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:]+)\]|([A-Za-z0-9][A-Za-z0-9._-]*))(?::([0-9]{1,5}))?", address)
    if found is None or not 0 < int(found[3] or USUAL_PORT) < 65536:
        raise PrinterAddress(kind="network", why="host:port")
    return found[1] or found[2], int(found[3] or USUAL_PORT)


def _serial(settings: PrinterSettings, clock: Clock) -> Line:
    from kiosk.printing.serial_line import open_serial

    device, _, baud = settings.address.partition("@")
    if not device.startswith("/") or not (baud or str(USUAL_BAUD)).isdecimal():
        raise PrinterAddress(kind="serial", why="/dev/serial/by-id/...@BAUD")
    with opening():
        port = open_serial(device, int(baud or USUAL_BAUD), settings.timeout_seconds)
    return Line(port.fileno(), port.close, clock)


def _file(path: Path, clock: Clock, flags: int, *, answers: bool = True) -> Line:
    with opening():
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o600)
    return Line(descriptor, lambda: os.close(descriptor), clock, answers=answers)


def _usb_device(address: str, root: Path) -> Path:
    """The usblp device of `vendor:product`, or a device's path as it stands. Raises PrinterAddress, PrinterOffline."""
    if address.startswith("/"):
        return Path(address)
    if not re.fullmatch(r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}", address):
        raise PrinterAddress(kind="usb", why="vendor:product, or /dev/usb/lp0")
    for printer in sorted((root / "sys/class/usbmisc").glob("lp*")):
        # `device` is the interface; the ids stand in the folder above it (a link: resolved first).
        device = (printer / "device").resolve().parent
        try:
            ids = [(device / name).read_text("ascii").strip() for name in ("idVendor", "idProduct")]
        except OSError:
            continue
        if ":".join(ids).lower() == address.lower():
            return root / "dev/usb" / printer.name
    raise PrinterOffline(why="no such USB printer")


@contextmanager
def opening() -> Iterator[None]:
    """Turns what the system says of a line that does not open into this package's errors."""
    try:
        yield
    except TimeoutError:
        raise PrinterNotAnswering from None
    except OSError as error:
        raise trouble(error) from None
    except ValueError as error:  # pyserial, of a speed the line does not have
        raise PrinterAddress(why=type(error).__name__) from None


def trouble(error: OSError) -> PrinterError:
    """The error that a line's own error is."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return PrinterRefused()
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return PrinterHeld()
    return PrinterOffline(why=errno.errorcode.get(error.errno or 0, type(error).__name__))
