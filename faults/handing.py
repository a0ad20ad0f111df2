"""The power fails while the bridge hands records over as files: what the database says is taken lies in the folder,
whole, and no half file ever lies there under its name. Part of `faults.power`.
"""

import json
import random
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from benchmarks.table import Table
from config.settings import database_path, load
from faults import desk
from faults.media import Medium
from faults.outcome import Size
from faults.recording import Left, entries
from faults.scene import Stuck
from faults.script import personal_id
from faults.site import make_database, site_file
from faults.victims import Victim
from kiosk.clock import SystemClock
from kiosk.store import open_store
from wire import sqlite

SHARE = 4  # of the cuts of a day at the counter
RECORDS_A_CUT = 0.5
PATIENCE = 120.0
DESTINATION = """
[bridge]
poll_seconds = 0.05

[[destinations]]
name = "archive"
connector = "file_drop"
folder = "{folder}"
"""
_LEFT = "SELECT count(*) FROM deliveries WHERE state <> 'acknowledged'"
_TAKEN = "SELECT record_id FROM deliveries WHERE state = 'acknowledged'"


def handed_over(medium: Medium, size: Size) -> tuple[Table, dict[str, int]]:
    """Record a bridge that hands over, then cut the power; the figures, and the claims. Raises Stuck."""
    folder = medium.recording.parent
    cuts = max(8, size.power_cuts // SHARE)
    records = max(8, int(cuts * RECORDS_A_CUT))
    _recorded(medium, folder, records)
    ends = [entry.end for entry in entries(medium.recording)]
    chance = random.Random(size.seed)  # noqa: S311  # moments, not secrets
    kinds = list(Left)
    moments: dict[int, list[Left]] = {}
    for number in range(cuts):
        moments.setdefault(chance.choice(ends), []).append(kinds[number % len(kinds)])
    found: Counter[str] = Counter()
    disk = medium.disk()
    for entry in entries(medium.recording):
        disk.take(entry)
        for left in moments.get(entry.end, ()):
            with medium.found(disk.safe, disk.left_over(left, chance)) as place:
                found += _looked_at(place, folder)
    claims = {
        "records that are taken and lie nowhere": found["nowhere"],
        "half files": found["half"],
        "databases damaged while files were handed over": found["damaged"],
    }
    row = (records, cuts, found["taken"], found["files"], found["nowhere"], found["half"], found["damaged"])
    columns = ("records", "cuts", "taken, looked for", "files found", "nowhere", "half", "damaged")
    return Table("Power cuts while records are handed over as files", columns, (row,), (medium.note,)), claims


def _recorded(medium: Medium, folder: Path, records: int) -> None:
    """The records waiting on the disk; then the bridge, recorded, until all are taken."""
    with medium.prepared() as place:
        (place / "drop").mkdir()
        config = _site(folder / "before.toml", place, folder)
        make_database(config)
        with closing(open_store(load(config), SystemClock())) as store:
            for number in range(records):
                store.check_in(f"desk-{number}", desk.reading(personal_id(number)), desk.UNKNOWN)
    (folder / "run").mkdir(exist_ok=True)
    with medium.recorded() as (place, environment):
        config = _site(folder / "live.toml", place, folder)
        words = ("tiepdon.main", "bridge", "serve", "--config", str(config))
        bridge = Victim("bridge", words, folder / "log", int, environment=environment)
        bridge.keep_alive()
        try:
            _until_taken(database_path(load(config)), bridge)
        finally:
            bridge.end()


def _until_taken(database: Path, bridge: Victim) -> None:
    pause, until = threading.Event(), time.monotonic() + PATIENCE
    while time.monotonic() < until:
        bridge.keep_alive()
        with closing(sqlite.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            if connection.execute(_LEFT).fetchone()[0] == 0:
                return
        pause.wait(0.05)
    raise Stuck(f"not everything is handed over: {bridge.log.read_text('utf-8')[-500:]}")


def _site(file: Path, place: Path, folder: Path) -> Path:
    return site_file(file, place, folder / "run", DESTINATION.format(folder=place / "drop"))


def _looked_at(place: Path, folder: Path) -> Counter[str]:
    """What is there after the cut."""
    found: Counter[str] = Counter()
    visits = []
    for file in (place / "drop").iterdir():
        if file.name.startswith("."):
            continue
        found["files"] += 1
        try:
            visits.append(json.loads(file.read_bytes())["visit"]["visit_id"])
        except (ValueError, KeyError, TypeError):
            found["half"] += 1
    with closing(sqlite.connect(database_path(load(_site(folder / "found.toml", place, folder))))) as connection:
        try:
            taken = [row[0] for row in connection.execute(_TAKEN)]
            found["damaged"] += connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
        except sqlite.DatabaseError:
            taken = []
            found["damaged"] += 1
    found["taken"] += len(taken)
    found["nowhere"] += len(set(taken) - set(visits))
    return found
