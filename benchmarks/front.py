"""The front of the house: server time per screen, touch to next screen, event streams, weight of the touchscreen.

Each figure stands beside a bare peer's of the same run; bars are in the notes.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import footprint, front_screens, front_site, front_streams, front_touch
from benchmarks.front_process import load_note, peer
from benchmarks.table import Table
from ui.desk.server import THREADS as DESK_THREADS


def measure(quick: bool = False) -> list[Table]:
    """All of them, on one large site and one sandbox world. `quick`: few rounds, to see that it works."""
    visits, counters = (40, 9) if quick else (front_site.VISITS, front_site.COUNTERS)
    with front_site.running(visits, counters) as site:
        tables = [
            ready_table(site),
            front_screens.counter_table(site, visits, 3 if quick else 60),
            *front_streams.tables(
                site,
                visits,
                calls=2 if quick else 20,
                rest_seconds=1.0 if quick else 30.0,
                rounds=5 if quick else 100,
            ),
        ]
    with TemporaryDirectory(prefix="tiepdon-bench-") as folder, footprint.running(Path(folder)) as run:
        tables.append(front_screens.touchscreen_table(run, 2 if quick else 60))
        run.touch("done")
        with front_touch.chromium() as browser:
            tables.append(front_touch.touch_table(browser, run, 1 if quick else 10))
            tables.append(front_touch.weight_table(browser, run))
    return tables


def ready_table(site: front_site.Site) -> Table:
    """From the start of a process to its first answer, and its memory then."""
    with peer(DESK_THREADS) as bare:
        bare_row = ("bare Flask on gunicorn", bare.wall, bare.cpu, bare.megabytes())
    rows = (
        ("tiepdon desk", site.desk.wall, site.desk.cpu, site.signed_out),
        ("tiepdon kiosk", site.kiosk.wall, site.kiosk.cpu, site.kiosk.megabytes()),
        bare_row,
    )
    notes = ("seconds of the clock, of CPU, and MB (PSS) of arbiter and worker", *load_note())
    return Table("From start to first answer", ("", "wall (s)", "CPU (s)", "MB"), rows, notes)
