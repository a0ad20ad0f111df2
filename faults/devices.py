"""pcscd and the ticket printer die, over and over, while people check in: everybody gets a number on the screen, a card
is read again within seconds of a pcscd that is back, and paper comes again from a printer that is on again.

`tiepdon run` on the sandbox world: the real pcscd with a virtual reader, the sandbox's printer over TCP.
"""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.table import Cell, Table, quantile
from config.settings import database_path, load, socket_path
from faults.outcome import Outcome, Size, failures_of
from faults.receiver import Reading
from faults.scene import Scene, Stuck, free_port
from faults.site import ROOT, started
from wire.client import Client
from wire.errors import TiepDonError

BAR_SECONDS = 5.0  # from a pcscd that runs again to a card that is seen, and from a printer that is on to its paper
START_SECONDS = 120.0
PATIENCE = 30.0
CARD = "mau"
NUMBERS = (
    "tickets shown and lost",
    "numbers given twice in a day",
    "visits without ticket or delivery",
    "database damaged",
)


@dataclass(frozen=True)
class World:
    """A sandbox run: its scene, its desk."""

    made: Scene
    desk: str
    pid: int

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The sandbox desk."""
        connection = http.client.HTTPConnection(self.desk, timeout=10)
        with closing(connection):
            told = json.dumps(body) if body is not None else None
            connection.request(method, path, told, {"Content-Type": "application/json"} if told else {})
            answer = connection.getresponse()
            text = answer.read()
        if answer.status >= 300:
            raise Stuck(f"the sandbox desk answers {answer.status} to {path}")
        return json.loads(text) if text else None

    def pcscd(self) -> int | None:
        """The one that runs now, below the run."""
        for entry in Path(f"/proc/{self.pid}/task").glob("*/children"):
            for child in entry.read_text("ascii").split():
                with suppress(OSError):
                    if b"pcscd\0--foreground" in Path(f"/proc/{child}/cmdline").read_bytes():
                        return int(child)
        return None

    def sees_card(self) -> bool:
        """What the reader process says."""
        with suppress(TiepDonError):
            told = Client(socket_path(load(self.made.config), "reader")).get("/v1/health", dict[str, Any])
            return bool(told["presence"]["card"])
        return False

    def printed(self) -> int:
        """Tickets that came out; the sandbox keeps the last ones."""
        return len(self.ask("GET", "/state")["printed"])


@contextmanager
def world_in(folder: Path) -> Iterator[World]:
    """Started and ready. Raises Stuck."""
    ports = [str(free_port()) for _ in range(3)]
    words = ("tiepdon.main", "run", "--state", str(folder / "state"), "--json", "--port", ports[0])
    log = folder / "log"
    options = ("--desk-port", ports[1], "--staff-port", ports[2])
    with started(*words, *options, log=log, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            timer = threading.Timer(START_SECONDS, process.kill)
            timer.start()
            line = process.stdout.readline()
            timer.cancel()
            if not line:
                raise Stuck(f"tiepdon run does not start: {log.read_text('utf-8')[-500:]}")
            facts = json.loads(line)
            config = Path(facts["settings"])
            listen = facts["touchscreen"].removeprefix("http://").rstrip("/")
            nothing = Reading(folder / "none")
            made = Scene(config, database_path(load(config)), listen, log, {}, nothing)
            yield World(made, facts["desk"].removeprefix("http://").rstrip("/"), process.pid)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()


def run(size: Size) -> Outcome:
    """So many deaths, one device after the other."""
    chance = random.Random(size.seed)  # noqa: S311  # moments, not secrets
    took: dict[str, list[float]] = {"pcscd, kill -9": [], "printer, switched off": []}
    stuck = 0
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".faults-") as named, world_in(Path(named)) as world:
        if world.pcscd() is None:
            reason = "not run: no pcscd with a virtual reader on this machine"
            return Outcome((Table("Devices die", ("device",), (), (reason,)),), (reason,))
        with world.made.people() as crowd:
            for turn in range(size.deaths):
                for name, provoke in (("pcscd, kill -9", _pcscd_dies), ("printer, switched off", _printer_dies)):
                    threading.Event().wait(chance.uniform(0.1, 1.0))
                    try:
                        took[name].append(provoke(world))
                    except Stuck as error:
                        sys.stderr.write(f"  {error}\n")
                        stuck += 1
                if turn % 10 == 9:
                    sys.stderr.write(f"  {turn + 1} deaths of each, {len(crowd.shown)} tickets seen\n")
        world.made.wait(lambda: not world.made.rows(_WAITING), PATIENCE, "everything owed is delivered")
        books = world.made.books()
        claims = {name: books[name] for name in NUMBERS} | {
            "devices that did not come back": stuck,
            "people who saw no ticket": int(len(crowd.shown) < size.deaths),
            **{
                f"{name}: later than {BAR_SECONDS:.0f} s, nine times of ten": int(quantile(one, 0.9) > BAR_SECONDS)
                for name, one in took.items()
                if one
            },
        }
    rows: list[tuple[Cell, ...]] = [
        (name, len(one), quantile(one, 0.5), quantile(one, 0.9), max(one)) for name, one in took.items() if one
    ]
    notes = (
        f"{len(crowd.shown)} tickets seen meanwhile; seed {size.seed}",
        "back: from a pcscd that runs again to a card that is seen; from the printer switched on to the next paper",
    )
    table = Table("Devices die", ("device", "deaths", "back, median s", "90 % s", "longest s"), tuple(rows), notes)
    return Outcome((table,), failures_of(claims))


# The pretend FHIR server walks through all it holds for each record: after a thousand people it is behind by itself.
_WAITING = """SELECT 1 FROM deliveries
    WHERE state IN ('queued', 'sending') AND destination <> 'sandbox-fhir' LIMIT 1"""


def _pcscd_dies(world: World) -> float:
    """With a card on the reader, which is seen again when it is back."""
    made = world.made
    made.wait(lambda: world.pcscd() is not None, PATIENCE, "pcscd runs")
    world.ask("POST", "/card/place", {"person": CARD})
    made.wait(world.sees_card, PATIENCE, "the card is seen")
    before = world.pcscd()
    assert before is not None
    os.kill(before, signal.SIGKILL)
    # How soon it is started again is the sandbox's to say, whose pauses grow; on a site systemd does so at once.
    made.wait(lambda: not world.sees_card(), PATIENCE, "the reader notices")
    made.wait(lambda: world.pcscd() not in (None, before), PATIENCE, "pcscd runs again")
    seconds = made.wait(world.sees_card, PATIENCE, "seen again")
    world.ask("POST", "/card/remove", {})
    made.wait(lambda: not world.sees_card(), PATIENCE, "the card is away")
    return seconds


def _printer_dies(world: World) -> float:
    """People go on meanwhile; the next of them after it is on again has paper."""
    made, crowd = world.made, world.made.crowds[-1]
    world.ask("POST", "/faults", {"name": "printer.offline", "value": True})
    try:
        made.shows(crowd, 1, PATIENCE)
    finally:
        world.ask("POST", "/faults", {"name": "printer.offline", "value": None})
    before = [one["name"] for one in world.ask("GET", "/state")["printed"]]
    return made.wait(
        lambda: [one["name"] for one in world.ask("GET", "/state")["printed"]] != before, PATIENCE, "paper comes again"
    )
