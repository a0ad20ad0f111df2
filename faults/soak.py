"""Thirty days of use in minutes: every day people at the touchscreen and programs at the desk, every night the clock
goes on and the purge runs. What each process holds in memory, and what lies on the disk, is measured each night and
drawn (build/soak.svg).
"""

import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

from benchmarks.table import Cell, Table
from config.settings import load
from faults.chart import drawn
from faults.clocks import DAY, Clock, clock_in
from faults.outcome import Outcome, Size, failures_of
from faults.scene import Scene, free_port, resident, scene
from faults.site import ROOT
from kiosk.clock import SystemClock
from kiosk.machines import Scope, open_machines

BAR = 0.05  # growth of memory after the warm-up
WARM_UP = 0.2  # of the days
STAFF_ASKS = 40  # a day, by programs
PICTURE = ROOT / "build" / "soak.svg"
PROCESSES = ("reader", "bridge", "kiosk", "desk")


def run(size: Size) -> Outcome:
    """So many days."""
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".faults-") as named:
        folder = Path(named)
        clock = clock_in(folder)
        if clock is None:
            reason = "not run: no compiler"
            return Outcome((Table("Days of use", ("process",), (), (reason,)),), (reason,))
        staff = f"127.0.0.1:{free_port()}"
        ways = dict.fromkeys(PROCESSES, clock.way)
        more = f'[staff]\nlisten = "{staff}"\n'
        with scene(folder, folder / "state", names=PROCESSES, ways=ways, more=more) as made:
            return _lived(made, clock, staff, size)


def _lived(made: Scene, clock: Clock, staff: str, size: Size) -> Outcome:
    with closing(open_machines(load(made.config), SystemClock())) as machines:
        token = machines.enrol(machines.new_code("soak", (Scope.QUEUE,), "soak")).token
    memory: dict[str, list[float]] = {name: [] for name in PROCESSES}
    files: dict[str, list[float]] = {"database": [], "its log": []}
    seen = unpurged = 0
    for day in range(size.days):
        with made.people() as crowd:
            asking = threading.Thread(target=_asked, args=(staff, token), daemon=True)
            asking.start()
            made.shows(crowd, size.visits_a_day, 600)
            asking.join()
        # Judged now: tomorrow the number is somebody else's, and the night takes the visit away.
        kept = {number for (number,) in made.rows(f"SELECT number FROM tickets WHERE day = '{clock.day(day * DAY)}'")}  # noqa: S608
        seen += len(crowd.shown & kept)
        unkept = len(crowd.shown - kept)
        if unkept:
            raise RuntimeError(f"{unkept} tickets of day {day} were seen and are not kept")
        made.crowds.clear()
        made.all_delivered()
        clock.jump((day + 1) * DAY)
        unpurged += _purged(made, clock)
        for name in PROCESSES:
            process = made.victims[name].process
            memory[name].append(resident(process.pid) / 2**20 if process is not None else 0.0)
        files["database"].append(made.database.stat().st_size / 2**20)
        with suppress(FileNotFoundError):
            files["its log"].append(made.database.with_name(made.database.name + "-wal").stat().st_size / 2**20)
        sys.stderr.write(f"  day {day + 1}: " + ", ".join(f"{n} {m[-1]:.1f} MB" for n, m in memory.items()) + "\n")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(drawn(f"{size.days} days of {size.visits_a_day} visits", {**memory, **files}), "utf-8")
    growths = {name: growth(values) for name, values in memory.items()}
    claims = {
        **{f"{name} grew by {share:.1%} after the warm-up": int(share > BAR) for name, share in growths.items()},
        "nights whose purge did not end well": unpurged,
        "processes that ended by themselves": sum(victim.starts - 1 for victim in made.victims.values()),
    }
    (people,) = made.rows("SELECT count(*) FROM visits")
    notes = (
        f"{seen} tickets seen; {people[0]} visits left after the last purge; drawn in {PICTURE.relative_to(ROOT)}",
        f"growth: median of the last quarter against that of the first after the warm-up; bar {BAR:.0%}, for memory",
    )
    return Outcome((Table("Days of use", _COLUMNS, tuple(_rows(memory, files)), notes),), failures_of(claims))


_COLUMNS = ("what", "first night MB", "after the warm-up", "last night", "most", "growth %")


def _rows(*measured: Mapping[str, Sequence[float]]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for name, values in [one for group in measured for one in group.items() if one[1]]:
        warm = values[_warm(values)]
        rows.append((name, values[0], warm, values[-1], max(values), 100 * growth(values)))
    return rows


def growth(values: Sequence[float]) -> float:
    """By which share the last quarter lies above the first quarter behind the warm-up."""
    steady = values[_warm(values) :]
    quarter = max(1, len(steady) // 4)
    first, last = statistics.median(steady[:quarter]), statistics.median(steady[-quarter:])
    return (last - first) / first if first else 0.0


def _warm(values: Sequence[float]) -> int:
    return min(len(values) - 1, max(1, int(len(values) * WARM_UP)))


def _asked(staff: str, token: str) -> None:
    """What boards and programs of the house ask for in a day."""
    for turn in range(STAFF_ASKS):
        path = ("/sign-in", "/api/v1/queues", "/health", "/static/staff.css")[turn % 4]
        connection = http.client.HTTPConnection(staff, timeout=10)
        with closing(connection):
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if "api" in path else {})
            connection.getresponse().read()


def _purged(made: Scene, clock: Clock) -> bool:
    """Whether the nightly purge failed."""
    words = [sys.executable, "-m", "tiepdon.main", "purge", "--config", str(made.config)]
    with made.log.open("ab") as log:
        done = subprocess.run(
            words,
            cwd=ROOT,
            env={**os.environ, **clock.way.environment},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    return done.returncode != 0
