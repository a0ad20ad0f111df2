"""The line to the hospital loses packets, slows down and is cut, over and over, while people check in: everything
arrives, once and in order, and what waited moves on within seconds of a line that carries again.

The bridge lives in one network namespace, the hospital system in another, and every packet between them passes the run.
"""

import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.table import Cell, Table, quantile
from faults.line import CUT, FAIR, Weather, line_between, why_no_line
from faults.outcome import Outcome, Size, failures_of
from faults.scene import Scene, Stuck, scene
from faults.site import scratch

BAR_SECONDS = 5.0  # from a line that carries again to the next record that arrives
ROOM = 64 << 20
WEATHERS = (
    Weather("loss 5 %", lost=0.05, seconds=0.01),
    Weather("loss 30 %", lost=0.30, seconds=0.02),
    Weather("delay 300 ms", seconds=0.3, jitter=0.25),
    Weather("delay 2 s", seconds=1.0, jitter=0.3),
    CUT,
)
LASTS_SECONDS = (1.0, 12.0)
BETWEEN_SECONDS = (0.5, 2.0)
PATIENCE = 30.0


def run(size: Size) -> Outcome:
    """So many changes of the weather, then a fair line until nothing is owed."""
    reason = why_no_line()
    if reason is not None:
        return Outcome((Table("A bad line", ("weather",), (), (f"not run: {reason}",)),), (f"not run: {reason}",))
    chance = random.Random(size.seed)  # noqa: S311  # moments, not secrets
    with tempfile.TemporaryDirectory(dir=scratch(ROOM), prefix=".faults-") as named, line_between(size.seed) as ends:
        folder = Path(named)
        ways = {"bridge": ends.site}
        with scene(folder, folder / "state", ways=ways, host=ends.host, receiver=ends.hospital) as made:
            came: dict[str, list[float]] = {one.name: [] for one in WEATHERS}
            passed: dict[str, float] = {one.name: 0.0 for one in WEATHERS}
            longest = LASTS_SECONDS[1] if size.flaps > len(WEATHERS) else 3.0
            stuck = 0
            began = time.monotonic()
            with made.people() as crowd:
                for turn in range(size.flaps):
                    weather = WEATHERS[-1 - turn % len(WEATHERS)]
                    ends.line.weather = weather
                    lasts = chance.uniform(LASTS_SECONDS[0], longest)
                    threading.Event().wait(lasts)
                    passed[weather.name] += lasts
                    ends.line.weather = FAIR
                    try:
                        came[weather.name].append(_moves(made))
                    except Stuck:
                        stuck += 1
                    threading.Event().wait(chance.uniform(*BETWEEN_SECONDS))
                    if turn % 10 == 9:
                        sys.stderr.write(f"  {turn + 1} changes, {len(crowd.shown)} tickets seen\n")
            caught_up = made.all_delivered(PATIENCE)
            seconds = time.monotonic() - began
            slow = sum(one > BAR_SECONDS for times in came.values() for one in times)
            claims = made.books() | {
                f"later than {BAR_SECONDS:.0f} s after the line carried again": slow,
                "nothing moved any more": stuck,
                "processes started again": sum(victim.starts - 1 for victim in made.victims.values()),
                "people who saw no ticket": int(not crowd.shown),
            }
            rows: list[tuple[Cell, ...]] = [
                (name, len(times), passed[name], quantile(times, 0.5), max(times))
                for name, times in came.items()
                if times
            ]
            notes = (
                f"{seconds:.0f} s; {len(crowd.shown)} tickets seen meanwhile; caught up in {caught_up:.1f} s; "
                f"{ends.line.carried} packets carried, {ends.line.dropped} lost; seed {size.seed}",
                "moves on: from a line that carries again to the next record that arrives, new people's included",
            )
    table = Table("A bad line", ("weather", "times", "s in all", "moves on, median s", "longest s"), tuple(rows), notes)
    return Outcome((table,), failures_of(claims))


def _moves(made: Scene) -> float:
    """Seconds to the next arrival."""
    before = made.reading.renew()
    return made.wait(lambda: made.reading.renew() > before, PATIENCE, "a record arrives")
