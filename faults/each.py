"""`kill -9` of each process, so many times each, under a steady stream of check-ins: reader, bridge, kiosk, its worker
and the staff's desk; first one at a time, then all at once. Nothing shown or acknowledged is lost, nothing arrives
twice, and each is back within seconds.

`faults.kills` kills at the pace of the outbox; this is a morning at a busy counter, with its figures by process. The
bar is for one that dies: all at once is a machine that starts, which takes as long as its processors need for it.
"""

import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
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

BAR_SECONDS = 5.0  # from the kill of one to its answer, nine times of ten
PAUSE_SECONDS = (0.05, 0.5)  # between an answer and the next kill
LOOK_SECONDS = 0.02
SAY_SECONDS = 10.0
LOST_PATIENCE = 60.0
HEALTH = {"reader": "/v1/health", "bridge": "/v1/health", "kiosk": "/health", "desk": "/health"}
WORKER = "kiosk worker"
TOGETHER = "all of them"


def run(size: Size) -> Outcome:
    """One after the other until each has died so often, then all of them at once."""
    # Where the code is, not in memory: there a durable write costs nothing.
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".faults-") as named:
        folder = Path(named)
        staff = f'[staff]\nlisten = "127.0.0.1:{free_port()}"\n'
        with scene(folder, folder / "state", names=tuple(HEALTH), more=staff) as made:
            return _killed(made, folder, size)


class Morning:
    """The processes, who waits for them, and how long each took."""

    def __init__(self, made: Scene, feeder: Victim, seed: int) -> None:
        self.made, self.feeder = made, feeder
        self.alone: dict[str, list[float]] = {name: [] for name in (*HEALTH, WORKER)}
        self.together: dict[str, list[float]] = {name: [] for name in (*HEALTH, TOGETHER)}
        self.lost = 0  # that did not answer any more
        self._run = Path(load(made.config).paths.run)
        self._chance = random.Random(seed)  # noqa: S311  # moments, not secrets
        self._pause = threading.Event()
        self._said = time.monotonic()

    def one_by_one(self, kills_each: int) -> None:
        """Each so many times, in an order of chance."""
        order = [name for name in self.alone for _ in range(kills_each)]
        self._chance.shuffle(order)
        for name in order:
            self._breathe()
            victim = self.made.victims[_process(name)]
            if self._until(partial(_strike, victim, name == WORKER)) is None:
                self.lost += 1
                continue
            took = self._until(partial(self._answers, victim.name))
            self.lost += took is None
            self.alone[name] += [] if took is None else [took]
            self._say()

    def all_at_once(self, times: int) -> None:
        """All of them, so many times: the time of each, and of the last."""
        for _ in range(times):
            self._breathe()
            struck = [_strike(self.made.victims[name], worker=False) for name in HEALTH]
            began, waiting = time.monotonic(), set(HEALTH)
            while waiting and time.monotonic() - began < LOST_PATIENCE:
                self._keep_alive()
                for name in [one for one in waiting if self._answers(one)]:
                    waiting.discard(name)
                    self.together[name].append(time.monotonic() - began)
                self._pause.wait(LOOK_SECONDS)
            self.lost += len(waiting) + struck.count(False)
            self.together[TOGETHER].append(time.monotonic() - began)
            self._say()

    def _breathe(self) -> None:
        self._pause.wait(self._chance.uniform(*PAUSE_SECONDS))
        self._keep_alive()

    def _keep_alive(self) -> None:
        self.feeder.keep_alive()
        self.made.keep_alive()

    def _answers(self, name: str) -> bool:
        return socket_answers(self._run / f"{name}.sock", HEALTH[name])

    def _until(self, done: Callable[[], bool]) -> float | None:
        """Seconds it took, whoever died being started again; None where it never came."""
        began = time.monotonic()
        while time.monotonic() - began < LOST_PATIENCE:
            self._keep_alive()  # first: what a dead process left behind would answer in its place
            if done():
                return time.monotonic() - began
            self._pause.wait(LOOK_SECONDS)
        return None

    def _say(self) -> None:
        if time.monotonic() - self._said > SAY_SECONDS:
            self._said = time.monotonic()
            kills = ", ".join(f"{name} {len(seconds)}" for name, seconds in self.alone.items())
            rounds = len(self.together[TOGETHER])
            sys.stderr.write(f"  {kills}; all {rounds}; {len(self.made.crowds[-1].shown)} tickets seen\n")


def _killed(made: Scene, folder: Path, size: Size) -> Outcome:
    notes = folder / "desk.notes"
    morning = Morning(made, _feeder(made, notes, size), size.seed)
    began = time.monotonic()
    with made.people() as crowd:
        morning.one_by_one(size.kills_each)
        morning.all_at_once(size.together)
        seconds = time.monotonic() - began
        morning.feeder.end()
    made.all_delivered(LOST_PATIENCE)
    told = desk.notes(notes)
    held = {visit for (visit,) in made.rows("SELECT id FROM visits")}
    alone, together = morning.alone, morning.together
    claims = made.books() | {
        "check-ins acknowledged and lost": sum(note.visit_id not in held for note in told),
        "kills that were not made": sum(size.kills_each - len(one) for one in alone.values()),
        "processes that did not answer any more": morning.lost,
    }
    claims |= {
        f"{name} alone: later than {BAR_SECONDS:.0f} s, nine times of ten": int(quantile(one, 0.9) > BAR_SECONDS)
        for name, one in alone.items()
        if one
    }
    notes_told = (
        f"{seconds:.0f} s; {len(told)} check-ins at {len(told) / seconds:.1f} a second beside the touchscreen, where "
        f"{len(crowd.shown)} tickets were seen; seed {size.seed}",
        "answers: from the kill to an answer of its health, the start of a fresh process included",
        f"bar: {BAR_SECONDS:.0f} s for one that dies, nine times of ten; none for all at once, which on "
        f"{os.cpu_count()} processors is a start of the whole machine's work",
    )
    columns = ("process", "died", "kills", "answers, median s", "90 % s", "longest s")
    rows = (*_rows("alone", alone), *_rows("with all others", together))
    return Outcome((Table("kill -9 of each process", columns, rows, notes_told),), failures_of(claims))


def _rows(how: str, took: dict[str, list[float]]) -> Iterator[tuple[Cell, ...]]:
    for name, one in took.items():
        if one:
            yield name, how, len(one), quantile(one, 0.5), quantile(one, 0.9), max(one)


def _process(name: str) -> str:
    return "kiosk" if name == WORKER else name


def _feeder(made: Scene, notes: Path, size: Size) -> Victim:
    """Check-ins on the product's own store at a steady pace, in a process that lives as long as the kills."""
    steps = 100_000  # more than any run takes
    words = ("faults.desk", str(made.config), "desk-1", str(size.seed), str(steps), str(notes))
    return Victim("desk-1", (*words, "--a-second", str(size.a_second)), made.log, lambda: 0)


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
