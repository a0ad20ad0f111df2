"""The product's own kiosk and bridge with somebody at the touchscreen and a hospital that others wrote, for runs that
break what lies under them. Each run says what it breaks; what must hold of any of them is judged here.
"""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config.settings import database_path, load
from faults.judging import all_owed, judged
from faults.receiver import Reading
from faults.site import make_database, site_file, started
from faults.touching import DOWN, Crowd, crowd_at
from faults.victims import Victim
from wire import sqlite

LOOK_SECONDS = 0.05
START_SECONDS = 60.0
NAME = "his"
SETTINGS = """
[bridge]
poll_seconds = 0.2
retry_first_seconds = {retry[0]}
retry_max_seconds = {retry[1]}

[kiosk]
listen = "{listen}"
ticket_seconds = 5
{kiosk}

[[destinations]]
name = "his"
connector = "hl7v2"
host = "{host}"
port = {port}
timeout_seconds = 5
"""
PRODUCT = {"bridge": ("bridge", "serve"), "kiosk": ("kiosk",), "reader": ("reader",), "desk": ("desk",)}


class Stuck(RuntimeError):
    """What was waited for did not come."""


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """A process that neither goes on nor ends (SIGSTOP); who speaks to it is heard by nobody."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@dataclass
class Scene:
    """What runs. `victims` by name; whoever was killed is started again by `keep_alive`."""

    config: Path
    database: Path
    listen: str
    log: Path
    victims: dict[str, Victim]
    reading: Reading
    crowds: list[Crowd] = field(default_factory=list)
    hospital: int = 0  # process id of the receiver

    @contextmanager
    def people(self) -> Iterator[Crowd]:
        """One after the other checks in at the touchscreen."""
        with crowd_at(self.listen) as crowd:
            self.crowds.append(crowd)
            yield crowd

    def keep_alive(self) -> None:
        """Start again whatever died, as systemd does."""
        for victim in self.victims.values():
            victim.keep_alive()

    def screen(self) -> str:
        """The name of the screen now; empty while the kiosk does not answer."""
        connection = http.client.HTTPConnection(self.listen, timeout=3)
        try:
            connection.request("GET", "/")
            shown = re.search(r'data-screen="(\w+)"', connection.getresponse().read().decode("utf-8", "replace"))
        except DOWN:
            return ""
        finally:
            connection.close()
        return shown[1] if shown else ""

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> float:
        """How many seconds it took. Raises Stuck."""
        began, pause = time.monotonic(), threading.Event()
        while not condition():
            self.keep_alive()
            if time.monotonic() - began > seconds:
                raise Stuck(f"not within {seconds:.0f} s: {what}; the screen shows {self.screen()!r}")
            pause.wait(LOOK_SECONDS)
        return time.monotonic() - began

    def shows(self, crowd: Crowd, more: int, seconds: float = 60.0) -> float:
        """Until so many more tickets were seen; how long it took."""
        wanted = len(crowd.shown) + more
        return self.wait(lambda: len(crowd.shown) >= wanted, seconds, f"{more} more tickets on the screen")

    def all_delivered(self, seconds: float = 60.0) -> float:
        """Until nothing is owed any more."""
        return self.wait(lambda: not self.rows(_OWED), seconds, "everything owed is delivered")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Read only."""
        with closing(sqlite.connect(f"{self.database.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def books(self) -> dict[str, int]:
        """Claims that must all be zero, whatever was done to the machine."""
        with closing(sqlite.connect(f"{self.database.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            tickets = connection.execute("SELECT number FROM tickets").fetchall()
            twice = connection.execute("SELECT 1 FROM tickets GROUP BY day, number HAVING count(*) > 1").fetchall()
            apart = connection.execute(_APART).fetchall()
            integrity = connection.execute("PRAGMA integrity_check").fetchall()
            owed = all_owed(connection, NAME)
        self.reading.renew()
        verdict = judged(owed, self.reading.arrivals)
        given = {number for (number,) in tickets}
        return {
            "tickets shown and lost": sum(number not in given for crowd in self.crowds for number in crowd.shown),
            "numbers given twice in a day": len(twice),
            "visits without ticket or delivery": len(apart),
            "database damaged": int([tuple(row) for row in integrity] != [("ok",)]),
            "deliveries lost": verdict.lost,
            "deliveries duplicated": verdict.duplicated,
            "resends that differ": verdict.changed,
            "deliveries out of order": verdict.disordered + verdict.older,
        }


_OWED = "SELECT 1 FROM deliveries WHERE state <> 'acknowledged' LIMIT 1"
_APART = (
    "SELECT id FROM visits WHERE id NOT IN (SELECT visit_id FROM tickets WHERE visit_id NOT NULL) "
    "OR id NOT IN (SELECT record_id FROM deliveries)"
)


@dataclass(frozen=True)
class Way:
    """How a process is started where that is not as usual: words before it, and its environment."""

    before: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


USUAL = Way()


@contextmanager
def scene(
    folder: Path,
    state: Path,
    names: Sequence[str] = ("bridge", "kiosk"),
    ways: Mapping[str, Way] | None = None,
    more: str = "",
    kiosk: str = "",
    host: str = "127.0.0.1",
    receiver: Way = USUAL,
    retry: tuple[float, float] = (0.1, 1.0),
) -> Iterator[Scene]:
    """Everything started and ready. `state`: where the database lies; `ways`: how each process is started;
    `retry`: seconds that a delivery waits for its next attempt, the first time and at most."""
    log, journal = folder / "log", folder / "his.journal"
    with ExitStack() as held:
        port, hospital = held.enter_context(receiving(journal, log, receiver, host))
        listen = f"127.0.0.1:{free_port()}"
        text = more + SETTINGS.format(listen=listen, port=port, kiosk=kiosk, host=host, retry=retry)
        config = site_file(folder / "site.toml", state, folder / "run", text)
        (folder / "run").mkdir(exist_ok=True)
        database = make_database(config)
        victims = {}
        for name in names:
            way = (ways or {}).get(name, USUAL)
            words = ("tiepdon.main", *PRODUCT[name], "--config", str(config))
            victims[name] = Victim(name, words, log, lambda: 0, before=way.before, environment=way.environment)
            held.callback(victims[name].end)
        made = Scene(config, database, listen, log, victims, Reading(journal), hospital=hospital)
        assert database == database_path(load(config))
        made.wait(lambda: made.screen() == "start", START_SECONDS, "the start screen")
        yield made


@contextmanager
def receiving(journal: Path, log: Path, way: Way, host: str) -> Iterator[tuple[int, int]]:
    """A hospital system over MLLP that others wrote; yields its port and its process id."""
    words = ("faults.receiver", "hl7", str(journal), host)
    with started(*words, log=log, stdout=subprocess.PIPE, before=way.before) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def resident(pid: int) -> int:
    """Bytes in memory of a process and of all below it, shared pages counted to each by its share (proc(5), Pss)."""
    found, todo = 0, [pid]
    while todo:
        one = todo.pop()
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{one}/smaps_rollup").read_text("ascii")
            found += sum(int(kilobytes) << 10 for kilobytes in re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE))
            todo += map(int, Path(f"/proc/{one}/task/{one}/children").read_text("ascii").split())
    return found
