"""What a start costs: the processor's seconds of each process from its beginning to its first answer, which decide how
soon a machine serves again whose processors are few and slow. Beside it a bare Flask page on the same gunicorn.
"""

import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.table import Cell, Table, quantile
from config.settings import load
from faults.outcome import Outcome, Size
from faults.scene import PRODUCT, Stuck, free_port
from faults.site import ROOT, scratch, site_file
from faults.touching import DOWN
from faults.victims import Victim
from tiepdon.keeping.upgrading import bring_up
from tiepdon.readiness import socket_answers
from wire.keys import write_new_key

THREADS = 16
ROOM = 64 << 20
LOOK_SECONDS = 0.01
PATIENCE = 60.0
PEER = "bare Flask on gunicorn"
HEALTH = {"reader": "/v1/health/live", "bridge": "/v1/health/live", "kiosk": "/health/live", "desk": "/health/live"}
TICK = os.sysconf("SC_CLK_TCK")


def run(size: Size) -> Outcome:
    """Each so many times, one alone; the peer in between."""
    took: dict[str, list[float]] = {name: [] for name in (*HEALTH, "migrate", PEER)}
    waited: dict[str, list[float]] = {name: [] for name in took}
    with tempfile.TemporaryDirectory(dir=scratch(ROOM), prefix=".faults-") as named:
        folder = Path(named)
        config = _site(folder)
        sockets = Path(load(config).paths.run)
        for turn in range(size.starts + 1):  # the first one fills the caches
            for name in took:
                begun = time.monotonic()
                if name == "migrate":
                    cpu = _ended(config, folder)
                elif name == PEER:
                    port = free_port()
                    words: tuple[str, ...] = ("benchmarks.front_peer", str(port), str(THREADS))
                    cpu = _answered(Victim(name, words, folder / "log", int), partial(_page, port))
                else:
                    words = ("tiepdon.main", *PRODUCT[name], "--config", str(config))
                    cpu = _answered(
                        Victim(name, words, folder / "log", int),
                        partial(socket_answers, sockets / f"{name}.sock", HEALTH[name]),
                    )
                if turn:
                    took[name].append(cpu)
                    waited[name].append(time.monotonic() - begun)
    peer = quantile(took[PEER], 0.5)
    rows: list[tuple[Cell, ...]] = [
        (name, len(one), quantile(one, 0.5), quantile(one, 0.5) / peer, quantile(waited[name], 0.5))
        for name, one in took.items()
    ]
    whole = sum(quantile(took[name], 0.5) for name in HEALTH)
    notes = (
        "CPU s: user and system time of the process and all below it until it answers; wall s: of a machine that may "
        "have others at work",
        f"all four together {whole:.2f} CPU s: divided by the processors, what all at once take at least",
    )
    columns = ("process", "starts", "CPU s, median", "of the peer", "wall s, median")
    return Outcome((Table("What a start costs", columns, tuple(rows), notes),))


def _site(folder: Path) -> Path:
    write_new_key(folder / "site.key")
    more = (
        f'[kiosk]\nlisten = "127.0.0.1:{free_port()}"\n[staff]\nlisten = "127.0.0.1:{free_port()}"\n'
        '[[destinations]]\nname = "his"\nconnector = "hl7v2"\nhost = "127.0.0.1"\nport = 2575\n'
    )
    config = site_file(folder / "site.toml", folder / "state", folder / "run", more)
    config.write_text(config.read_text("utf-8") + f'key_file = "{folder / "site.key"}"\n', "utf-8")
    (folder / "run").mkdir()
    bring_up(load(config), datetime.now(UTC))
    return config


def _answered(victim: Victim, answers: Callable[[], bool]) -> float:
    """Processor seconds until it answers. Raises Stuck."""
    pause, until = threading.Event(), time.monotonic() + PATIENCE
    victim.keep_alive()
    assert victim.process is not None
    try:
        while not answers():
            if time.monotonic() > until:
                raise Stuck(f"{victim.name} does not answer: {victim.log.read_text('utf-8')[-500:]}")
            victim.keep_alive()
            pause.wait(LOOK_SECONDS)
        return processor_seconds(victim.process.pid)
    finally:
        victim.end()


def _ended(config: Path, folder: Path) -> float:
    """Processor seconds of the step before the processes, where nothing is to be done."""
    words = [sys.executable, "-m", "tiepdon.main", "database", "migrate", "--config", str(config)]
    before = os.times()
    with (folder / "log").open("ab") as log:
        subprocess.run(words, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _page(port: int) -> bool:
    with suppress(*DOWN), closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    return False


def processor_seconds(pid: int) -> float:
    """User and system time of a process and all below it, those that ended too (proc(5), stat)."""
    found, todo = 0, [pid]
    while todo:
        one = todo.pop()
        with suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text("ascii").rpartition(")")[2].split()
            found += sum(map(int, fields[11:15]))
            todo += map(int, Path(f"/proc/{one}/task/{one}/children").read_text("ascii").split())
    return found / TICK
