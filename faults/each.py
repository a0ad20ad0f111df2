"""`kill -9` of each process, so many times each, under a steady stream of check-ins: reader, bridge, kiosk, its worker
and the staff's desk. Nothing shown or acknowledged is lost, nothing arrives twice, and each is back within seconds.

`faults.kills` kills at the pace of the outbox; this is a morning at a busy counter, with its figures by process.
"""

import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from benchmarks.table import Cell, Table, quantile
from config.settings import load
from faults import desk
from faults.outcome import Outcome, Size, failures_of
from faults.scene import Scene, free_port, scene
from faults.site import ROOT
from faults.victims import Victim
from tiepdon.readiness import socket_answers

BAR_SECONDS = 5.0  # from the kill to a process that answers, nine times of ten
PAUSE_SECONDS = (0.1, 1.5)  # between an answer and the next kill
LOST_PATIENCE = 60.0
HEALTH = {"reader": "/v1/health", "bridge": "/v1/health", "kiosk": "/health", "desk": "/health"}
WORKER = "kiosk worker"


def run(size: Size) -> Outcome:
    """Everything at once, until each has died so often."""
    # Where the code is, not in memory: there a durable write costs nothing.
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".faults-") as named:
        folder = Path(named)
        staff = f'[staff]\nlisten = "127.0.0.1:{free_port()}"\n'
        with scene(folder, folder / "state", names=tuple(HEALTH), more=staff) as made:
            return _killed(made, folder, size)


def _killed(made: Scene, folder: Path, size: Size) -> Outcome:
    took: dict[str, list[float]] = {name: [] for name in (*HEALTH, WORKER)}
    run_folder = Path(load(made.config).paths.run)
    over, lock = threading.Event(), threading.Lock()
    notes = folder / "desk.notes"
    feeder = _feeder(made, notes, size)

    def again(name: str) -> None:
        with lock:
            made.victims[name].keep_alive()

    def answers(name: str) -> bool:
        return socket_answers(run_folder / f"{name}.sock", HEALTH[name])

    # As many die at once as there are processors: what is measured is a start, not a queue for one.
    turns = threading.Semaphore(os.cpu_count() or 1)
    threads = [
        threading.Thread(
            target=_kill, args=(turns, name, made, size, took[name], again, partial(answers, _process(name)), over)
        )
        for name in took
    ]
    began = time.monotonic()
    with made.people() as crowd:
        feeder.keep_alive()
        for thread in threads:
            thread.start()
        said = began
        while any(thread.is_alive() for thread in threads):
            feeder.keep_alive()
            if time.monotonic() - said > 10:
                said = time.monotonic()
                kills = ", ".join(f"{name} {len(seconds)}" for name, seconds in took.items())
                sys.stderr.write(f"  {kills}; {len(crowd.shown)} tickets seen\n")
            over.wait(0.05)
        seconds = time.monotonic() - began
        feeder.end()
    made.all_delivered(LOST_PATIENCE)
    told = desk.notes(notes)
    held = {visit for (visit,) in made.rows("SELECT id FROM visits")}
    claims = made.books() | {
        "check-ins acknowledged and lost": sum(note.visit_id not in held for note in told),
        "kills that were not made": sum(size.kills_each - len(one) for one in took.values()),
    }
    claims |= {
        f"{name}: later than {BAR_SECONDS:.0f} s, nine times of ten": int(quantile(one, 0.9) > BAR_SECONDS)
        for name, one in took.items()
        if one
    }
    rows: list[tuple[Cell, ...]] = [
        (name, len(one), quantile(one, 0.5), quantile(one, 0.9), max(one)) for name, one in took.items() if one
    ]
    notes_told = (
        f"{seconds:.0f} s; {len(told)} check-ins at {len(told) / seconds:.1f} a second beside the touchscreen, where "
        f"{len(crowd.shown)} tickets were seen; seed {size.seed}",
        "answers: from the kill to an answer of its health, the start of a fresh process included",
    )
    columns = ("process", "kills", "answers, median s", "90 % s", "longest s")
    return Outcome((Table("kill -9 of each process", columns, tuple(rows), notes_told),), failures_of(claims))


def _process(name: str) -> str:
    return "kiosk" if name == WORKER else name


def _feeder(made: Scene, notes: Path, size: Size) -> Victim:
    """Check-ins on the product's own store at a steady pace, in a process that lives as long as the kills."""
    steps = 100_000  # more than any run takes
    words = ("faults.desk", str(made.config), "desk-1", str(size.seed), str(steps), str(notes))
    return Victim("desk-1", (*words, "--a-second", str(size.a_second)), made.log, lambda: 0)


def _kill(
    turns: threading.Semaphore,
    name: str,
    made: Scene,
    size: Size,
    took: list[float],
    again: Callable[[str], None],
    answers: Callable[[], bool],
    over: threading.Event,
) -> None:
    """One process, until it has died so often. Whoever else dies with it is started again by its own thread."""
    chance = random.Random(f"{size.seed}-{name}")  # noqa: S311  # moments, not secrets
    victim = made.victims[_process(name)]
    for _ in range(size.kills_each):
        over.wait(chance.uniform(*PAUSE_SECONDS))
        with turns:
            seconds = _once(victim, name == WORKER, again, answers, over)
        if seconds is None:
            return
        took.append(seconds)


def _once(
    victim: Victim, worker: bool, again: Callable[[str], None], answers: Callable[[], bool], over: threading.Event
) -> float | None:
    """One death, and how long until it answers; None where it does not any more."""
    until = time.monotonic() + LOST_PATIENCE
    while not _strike(victim, worker):
        again(victim.name)
        if time.monotonic() > until:
            return None
        over.wait(0.02)
    began = time.monotonic()
    while True:
        again(victim.name)
        if answers():
            return time.monotonic() - began
        if time.monotonic() - began > LOST_PATIENCE:
            return None
        over.wait(0.02)


def _strike(victim: Victim, worker: bool) -> bool:
    """Kill it, or the worker below it; whether there was one."""
    process = victim.process
    if process is None or process.poll() is not None:
        return False
    if not worker:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        return True
    with suppress(OSError, IndexError):
        below = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()
        os.kill(int(below[0]), signal.SIGKILL)
        return True
    return False
