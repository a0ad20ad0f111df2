"""The clock jumps a day ahead and a day back while people check in and deliveries wait for their next attempt: nothing
shown is lost, no number is given twice in a day, and nobody and nothing waits for the day that was jumped over.
"""

import tempfile
from pathlib import Path

from benchmarks.table import Cell, Table
from faults.clocks import DAY, clock_in
from faults.outcome import Outcome, Size, failures_of
from faults.scene import scene, standing_still
from faults.site import scratch

BAR_SECONDS = 5.0  # from a jump to the next ticket
OFFSETS = (1, 0, -1, 0)  # days, over and over
RETRY_SECONDS = 20.0  # at most, of a delivery that waits
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
        ways = dict.fromkeys(("kiosk", "bridge"), clock.way)
        with scene(folder, folder / "state", ways=ways, retry=(RETRY_SECONDS, RETRY_SECONDS)) as made:
            by_day: dict[str, set[str]] = {}
            slow = again = missing = 0

            def taken_up(day: str, shown: set[str]) -> int:
                """Numbers of that day that somebody had before."""
                before = by_day.setdefault(day, set())
                twice = len(before & shown)
                before |= shown
                return twice

            for turn in range(size.jumps + 1):
                offset = DAY * (0 if turn == 0 else OFFSETS[(turn - 1) % len(OFFSETS)])
                if turn:  # what is put in meets silence, and waits for its next attempt while the clock jumps
                    with standing_still(made.hospital):
                        with made.people() as crowd:
                            made.shows(crowd, 1)
                        again += taken_up(max(by_day), crowd.shown)
                        made.wait(lambda: made.rows(_WAITS), 30, "a delivery waits for its next attempt")
                        clock.jump(offset)
                with made.people() as crowd:
                    first = made.shows(crowd, 1)
                    made.shows(crowd, size.tickets - 1)
                delivered = made.all_delivered()
                # A clock that went back gives no number of the past again: the latest day it ever had goes on.
                day = max([clock.day(offset), *by_day])
                again += taken_up(day, crowd.shown)
                slow += first > BAR_SECONDS
                jump = "none" if turn == 0 else f"to {offset // DAY:+d} d" if offset else "back to now"
                rows.append((jump, day, len(crowd.shown), first, delivered))
            for day, shown in by_day.items():
                kept = {number for (number,) in made.rows(f"SELECT number FROM tickets WHERE day = '{day}'")}  # noqa: S608
                missing += len(shown - kept)
            claims = made.books() | {
                "numbers shown to two people of a day": again,
                "tickets shown and not kept under their day": missing,
                f"jumps after which a ticket took longer than {BAR_SECONDS:.0f} s": slow,
                "processes started again": sum(victim.starts - 1 for victim in made.victims.values()),
            }
    columns = ("jump", "day of the numbers", "tickets seen", "s to the first", "s to the last delivery")
    notes = (
        f"each jump while deliveries wait up to {RETRY_SECONDS:.0f} s for their next attempt: none waits for the day "
        "that was jumped over",
    )
    table = Table("The clock jumps", columns, tuple(rows), notes)
    return Outcome((table,), failures_of(claims))


_WAITS = "SELECT 1 FROM deliveries WHERE state = 'queued' AND attempts > 0 LIMIT 1"
