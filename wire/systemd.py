"""What systemd and a process of ours tell each other: sockets it holds for us, that we are ready, that we are alive.

Protocols of sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3), stable by systemd's own promise. Standard
library only, because the reader must start fast; where no systemd started us all of it does nothing. Must not know what
a process is for.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wire.client import Client
from wire.errors import ServiceTimeout, ServiceUnreachable, TiepDonError

FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START
STEP_SECONDS = 0.2  # between two looks of one that is not ready, or not alive
ANSWER_SECONDS = 2.0  # for a question to oneself
_VARIABLES = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
)


@dataclass(frozen=True)
class Manager:
    """Who started this process, as far as it wants to hear of it.

    `address`: of its datagram socket, empty where there is none. `watchdog_seconds`: how long it waits for a sign of
    life. `sockets`: what it listens on for us, by the names of its socket units.
    """

    address: str = ""
    watchdog_seconds: float | None = None
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)

    def tell(self, *lines: str) -> None:
        """Send `lines`; whether anybody hears them is no concern of ours (sd_notify(3))."""
        if not self.address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.settimeout(ANSWER_SECONDS)
            line.connect(f"\0{self.address[1:]}" if self.address.startswith("@") else self.address)
            line.sendall("\n".join(lines).encode())


def taken_from(environ: MutableMapping[str, str], pid: int) -> Manager:
    """What the environment of process `pid` says of its manager, taken out of it: nothing that this process starts may
    speak for it. Nonsense counts as nothing said.
    """
    said = {name: environ.pop(name, "") for name in _VARIABLES}
    meant = said["WATCHDOG_PID"] in ("", str(pid))
    micros = _number(said["WATCHDOG_USEC"]) if meant else 0
    held = _number(said["LISTEN_FDS"]) if said["LISTEN_PID"] == str(pid) else 0
    address = said["NOTIFY_SOCKET"]
    return Manager(
        address=address if address[:1] in ("/", "@") else "",
        watchdog_seconds=micros / 1e6 if micros else None,
        sockets=_inherited(held, said["LISTEN_FDNAMES"].split(":")),
    )


class Attendance:
    """That this process is ready, and then that it is still alive: told only while `alive()` says so.

    `alive` takes at most a few seconds and is asked at half the watchdog's time, as sd_watchdog_enabled(3) advises, and
    more often while it says no. `clock`: monotonic seconds.
    """

    def __init__(self, manager: Manager, alive: Callable[[], bool], clock: Callable[[], float]) -> None:
        self._manager = manager
        self._alive = alive
        self._clock = clock
        self._ready = False
        self._due = 0.0

    def look(self) -> float | None:
        """Do what is due now; returns the seconds until there is something to do again, None: never."""
        if not self._manager.address or (self._ready and self._manager.watchdog_seconds is None):
            return None
        if (left := self._due - self._clock()) > 0:
            return left
        if not self._alive():
            return STEP_SECONDS
        self._manager.tell("WATCHDOG=1" if self._ready else "READY=1")
        self._ready = True
        pause = self._manager.watchdog_seconds
        if pause is None:
            return None
        self._due = self._clock() + pause / 2
        return pause / 2

    def until(self, stop: threading.Event) -> None:
        """Look whenever something is due until `stop` is set; then tell that the end has begun."""
        while not stop.wait(self.look()):
            pass
        self.leave()

    def leave(self) -> None:
        """Tell that this process ends because it was told to."""
        self._manager.tell("STOPPING=1")


def answers(place: Path, question: str) -> bool:
    """Does the process of ours behind this Unix socket answer at all? An answer that is an error is one too."""
    try:
        Client(place, ANSWER_SECONDS).get(question, dict[str, Any])
    except (ServiceUnreachable, ServiceTimeout):
        return False
    except TiepDonError:
        return True
    return True


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else 0


def _inherited(count: int, names: list[str]) -> dict[str, socket.socket]:
    found: dict[str, socket.socket] = {}
    for number, name in zip(range(count), names, strict=False):
        with contextlib.suppress(OSError):  # no socket: a pipe or a file that a unit of another kind hands over
            one = socket.socket(fileno=FIRST_DESCRIPTOR + number)
            one.set_inheritable(False)
            found.setdefault(name, one)
    return found
