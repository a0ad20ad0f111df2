"""The clock jumps a day ahead and a day back while people check in: nothing shown is lost, no number is given twice in
a day, and nobody waits for it.
"""

import tempfile
from pathlib import Path

from benchmarks.table import Cell, Table
from faults.clocks import DAY, clock_in
from faults.outcome import Outcome, Size, failures_of
from faults.scene import scene
from faults.site import scratch

BAR_SECONDS = 5.0  # from a jump to the next ticket
OFFSETS = (1, 0, -1, 0)  # days, over and over
ROOM = 64 << 20


def run(size: Size) -> Outcome:
    """So many jumps, with people at the touchscreen all the time."""
    rows: list[tuple[Cell, ...]] = []
    claims: dict[str, int] = {}
    with tempfile.TemporaryDirectory(dir=scratch(ROOM), prefix=".faults-") as named:
        folder = Path(named)
        clock = clock_in(folder)
        if clock is None:
            reason = "not run: no compiler"
            return Outcome((Table("The clock jumps", ("jump",), (), (reason,)),), (reason,))
        with scene(folder, folder / "state", ways=dict.fromkeys(("kiosk", "bridge"), clock.way)) as made:
            by_day: dict[str, set[str]] = {}
            slow = again = missing = 0
            for turn in range(size.jumps + 1):
                offset = DAY * (0 if turn == 0 else OFFSETS[(turn - 1) % len(OFFSETS)])
                clock.jump(offset)
                with made.people() as crowd:
                    first = made.shows(crowd, 1)
                    made.shows(crowd, size.tickets - 1)
                # A clock that went back gives no number of the past again: the latest day it ever had goes on.
                day = max([clock.day(offset), *by_day])
                before = by_day.setdefault(day, set())
                again += len(before & crowd.shown)
                before |= crowd.shown
                slow += first > BAR_SECONDS
                jump = "none" if turn == 0 else f"to {offset // DAY:+d} d" if offset else "back to now"
                rows.append((jump, day, len(crowd.shown), first))
            for day, shown in by_day.items():
                kept = {number for (number,) in made.rows(f"SELECT number FROM tickets WHERE day = '{day}'")}  # noqa: S608
                missing += len(shown - kept)
            made.all_delivered()
            claims = made.books() | {
                "numbers shown to two people of a day": again,
                "tickets shown and not kept under their day": missing,
                f"jumps after which a ticket took longer than {BAR_SECONDS:.0f} s": slow,
                "processes started again": sum(victim.starts - 1 for victim in made.victims.values()),
            }
    table = Table("The clock jumps", ("jump", "day of the numbers", "tickets seen", "s to the first"), tuple(rows))
    return Outcome((table,), failures_of(claims))
