"""A process stands still and goes on (SIGSTOP): nobody hears of an end, nothing answers. Each of ours in turn and the
hospital's, while people check in: nothing shown is lost, nothing arrives twice, and all goes on where it stood.

What stands still for good is systemd's to end (WatchdogSec=, tests/systemd); the kiosk's worker is its arbiter's.
"""

import random
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from benchmarks.table import Cell, Table, quantile
from config.settings import load
from faults.outcome import Outcome, Size, failures_of
from faults.scene import Scene, Stuck, free_port, scene, standing_still
from faults.site import ROOT
from tiepdon.readiness import socket_answers

BAR_SECONDS = 5.0  # from going on to a ticket on the screen and an answer
STANDS_SECONDS = (1.0, 8.0)  # a receiver's time-out lies between them
PATIENCE = 60.0
HOSPITAL, WORKER = "the hospital's receiver", "kiosk worker"
HEALTH = {"reader": "/v1/health", "bridge": "/v1/health", "kiosk": "/health", "desk": "/health", WORKER: "/health"}


def run(size: Size) -> Outcome:
    """Each so many times, in an order of chance."""
    chance = random.Random(size.seed)  # noqa: S311  # moments, not secrets
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".faults-") as named:
        folder = Path(named)
        staff = f'[staff]\nlisten = "127.0.0.1:{free_port()}"\n'
        with scene(folder, folder / "state", names=("reader", "bridge", "kiosk", "desk"), more=staff) as made:
            order = [name for name in (*HEALTH, HOSPITAL) for _ in range(size.stops)]
            chance.shuffle(order)
            took: dict[str, list[float]] = {name: [] for name in (*HEALTH, HOSPITAL)}
            stood, stuck = 0.0, 0
            with made.people() as crowd:
                for number, name in enumerate(order, 1):
                    seconds = chance.uniform(*STANDS_SECONDS)
                    try:
                        took[name].append(_stood_still(made, name, seconds))
                    except Stuck as error:
                        sys.stderr.write(f"  {error}\n")
                        stuck += 1
                    stood += seconds
                    if number % 10 == 0:
                        sys.stderr.write(f"  {number} of {len(order)}; {len(crowd.shown)} tickets seen\n")
            made.all_delivered(PATIENCE)
            claims = made.books() | {
                "what did not go on": stuck,
                "processes that ended of it": sum(victim.starts - 1 for victim in made.victims.values()),
                "people who saw no ticket": int(len(crowd.shown) < len(order)),
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
        f"{stood:.0f} s of standing still, {len(crowd.shown)} tickets seen meanwhile; seed {size.seed}",
        "goes on: until it answers and somebody has a ticket; of the hospital's receiver until the next record arrives",
    )
    columns = ("what stands still", "times", "goes on, median s", "90 % s", "longest s")
    return Outcome((Table("Standing still", columns, tuple(rows), notes),), failures_of(claims))


def _stood_still(made: Scene, name: str, seconds: float) -> float:
    """Seconds from going on until it does its work again. Raises Stuck."""
    pause = threading.Event()
    with standing_still(_pid(made, name)):
        pause.wait(seconds)
        before = made.reading.renew()
    crowd = made.crowds[-1]
    if name == HOSPITAL:
        return made.wait(lambda: made.reading.renew() > before, PATIENCE, f"a record arrives after {name} stood still")
    answers = _answering(made, name)
    shown = len(crowd.shown)
    return made.wait(lambda: answers() and len(crowd.shown) > shown, PATIENCE, f"{name} goes on")


def _answering(made: Scene, name: str) -> Callable[[], bool]:
    socket = Path(load(made.config).paths.run) / f"{name.split()[0]}.sock"
    return lambda: socket_answers(socket, HEALTH[name])


def _pid(made: Scene, name: str) -> int:
    if name == HOSPITAL:
        return made.hospital
    process = made.victims[name.split()[0]].process
    assert process is not None
    if name != WORKER:
        return process.pid
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()[0])
