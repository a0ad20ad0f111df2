"""Thirty days of use in minutes: every day people at the touchscreen and programs at the desk, every night the clock
goes on and the purge runs. What each process holds in memory, and what lies on the disk, is measured each night and
drawn (build/soak.svg, build/soak-files.svg).

On the disk everything that goes with its visit must level off once days go as days come; what stays longer by the rules
of retention (audit, proofs, statistics) comes by the day, and is reckoned up to the end of its time.
"""

import http.client
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.table import Cell, Table
from config.settings import Settings, load
from faults.chart import drawn
from faults.clocks import DAY, Clock, clock_in
from faults.growing import STAYING, Night, a_day, at_the_end, level_from, night, share_grown
from faults.outcome import Outcome, Size, failures_of
from faults.scene import Scene, free_port, resident, scene
from faults.site import ROOT
from kiosk.clock import SystemClock
from kiosk.machines import Scope, open_machines
from kiosk.retention import WHOLE_BYTES

BAR = 0.05  # growth of memory after the warm-up, and on the disk of what has to go
FREE_BAR = 0.05  # of the file: pages that hold nothing after the purge
LOG_BAR = 1 << 20  # bytes of SQLite's log after the purge
TOLD_BAR = 200e6 / 400  # bytes a day in the journal: what it keeps (systemd/journald.conf.d) over its 13 months
WARM_UP = 0.2  # of the days
STAFF_ASKS = 40  # a day, by programs
PICTURE, PICTURE_OF_FILES = ROOT / "build" / "soak.svg", ROOT / "build" / "soak-files.svg"
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
    nights: list[Night] = []
    settings = load(made.config)
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
        nights.append(night(settings, [made.log]))
        sys.stderr.write(f"  day {day + 1}: " + ", ".join(f"{n} {m[-1]:.1f} MB" for n, m in memory.items()) + "\n")
    title = f"{size.days} days of {size.visits_a_day} visits"
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(drawn(f"{title}: megabytes in memory each night", memory), "utf-8")
    PICTURE_OF_FILES.write_text(drawn(f"{title}: megabytes on the disk each night", _lines(nights)), "utf-8")
    growths = {name: growth(values) for name, values in memory.items()}
    (people,) = made.rows("SELECT count(*) FROM visits")
    claims = {
        **{f"{name} grew by {share:.1%} after the warm-up": int(share > BAR) for name, share in growths.items()},
        "nights whose purge did not end well": unpurged,
        "processes that ended by themselves": sum(victim.starts - 1 for victim in made.victims.values()),
        **_on_disk(settings, nights),
    }
    seen_note = f"{seen} tickets seen; {people[0]} visits left after the last purge"
    return Outcome((_in_memory(memory, seen_note), _files(settings, nights, size)), failures_of(claims))


def _in_memory(memory: Mapping[str, Sequence[float]], seen: str) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (name, values[0], values[_warm(values)], values[-1], max(values), 100 * growth(values))
        for name, values in memory.items()
    ]
    columns = ("process", "first night MB", "after the warm-up", "last night", "most", "growth %")
    told = f"growth: median of the last quarter against that of the first after the warm-up; bar {BAR:.0%}"
    return Table("Days of use: memory", columns, tuple(rows), (seen, told, f"drawn in {PICTURE.relative_to(ROOT)}"))


def _lines(nights: Sequence[Night]) -> dict[str, list[float]]:
    """What is drawn of the disk."""
    found = {
        "database": [one.database for one in nights],
        "goes with visits": [one.passing for one in nights],
        **{name: [one.staying(term) for one in nights] for term, name in STAYING.items()},
        "its copies": [one.files for one in nights],
        "its log": [one.log for one in nights],
    }
    return {name: [value / 2**20 for value in values] for name, values in found.items()}


def _on_disk(settings: Settings, nights: Sequence[Night]) -> dict[str, int]:
    """Claims: what has to go has gone, and what is cleaned is clean."""
    level = nights[level_from(settings) :]
    if len(level) < 2:
        return {"too few days to see what stays on the disk": 1}
    grown = share_grown([one.passing for one in level])
    end = sum(at_the_end(settings, nights).values())
    return {
        f"what goes with visits grew by {grown:.1%} once days went as days came": int(grown > BAR),
        "nights with free pages left": sum(one.free > FREE_BAR * one.database for one in nights),
        "nights with a log left": sum(one.log > LOG_BAR for one in nights),
        "copies larger than two databases": int(level[-1].files > 2 * level[-1].database + LOG_BAR),
        "more files than at first": int(level[-1].count > level[0].count),
        f"{end / 2**20:.0f} MB of what stays, at the end": int(end > WHOLE_BYTES),
        "more in the journal than it keeps": int(a_day([one.told for one in nights]) > TOLD_BAR),
    }


def _files(settings: Settings, nights: Sequence[Night], size: Size) -> Table:
    level = nights[min(level_from(settings), len(nights) - 1) :]
    end = at_the_end(settings, nights)
    rows: list[tuple[Cell, ...]] = []

    def row(name: str, values: Sequence[int], bar: str, share: float | None, final: float | None) -> None:
        megabytes = [value / 2**20 for value in values]
        grown = None if share is None else 100 * share
        rows.append((name, megabytes[0], megabytes[-1], a_day(values) / 1024, grown, final, bar))

    passing = [one.passing for one in level]
    row("goes with its visit", passing, f"levels off: {BAR:.0%}", share_grown(passing), None)
    for term, name in STAYING.items():
        row(f"stays: {name}", [one.staying(term) for one in level], term.value, None, end[term] / 2**20)
    row("free pages", [one.free for one in level], f"{FREE_BAR:.0%} of the file", None, None)
    row("SQLite's log", [one.log for one in level], "1 MB", None, None)
    row("the database as a file", [one.database for one in level], f"{WHOLE_BYTES >> 20} MB at the end", None, None)
    row("copies and notes beside it", [one.files for one in level], "two databases", None, None)
    row("what the processes said", [one.told for one in level], f"{TOLD_BAR / 1024:.0f} KB a day", None, None)
    notes = (
        f"from the night on that days go as days come, the {level_from(settings) + 1}th of {size.days}; "
        f"drawn in {PICTURE_OF_FILES.relative_to(ROOT)}",
        "at the end: what comes a day times the days it stays; below that size the purge writes the whole file anew",
    )
    columns = ("on the disk after the purge", "MB", "last night", "KB a day", "growth %", "MB at the end", "bar")
    return Table("Days of use: disk", columns, tuple(rows), notes)


def growth(values: Sequence[float]) -> float:
    """By which share the last quarter lies above the first quarter behind the warm-up."""
    steady = values[_warm(values) :]
    return share_grown(steady)


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
