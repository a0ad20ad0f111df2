"""The power fails while people check in: nothing that a screen was told is lost (bridge.md 5.2).

A desk checks in on the product's store while every write and flush that reaches its disk is recorded. Then the power
is cut afterwards, as often as asked, at random moments of the recording, and at each write of a few check-ins: the disk
is made as it may be found, mounted, and the product's own store opens what is there. The same again with another
`synchronous` shows that loss is seen. Likewise for the bridge that hands records over as files (faults/handing.py).
"""

import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.table import Cell, Table
from config.settings import database_path, load
from faults import desk
from faults.handing import handed_over
from faults.media import FilesAlone, Medium, WholeDisk, why_no_disk
from faults.outcome import Outcome, Size, failures_of
from faults.recording import Disk, Entry, Left, entries
from faults.script import Kind
from faults.site import make_database, scratch, site_file, started
from kiosk.clock import SystemClock
from kiosk.store import open_store
from wire import sqlite
from wire.database import DatabaseUnavailable

DESTINATIONS = """
[[destinations]]
name = "his"
connector = "hl7v2"
host = "127.0.0.1"
port = 2575

[[destinations]]
name = "archive"
connector = "file_drop"
folder = "/nowhere"
"""
NAMES = ("his", "archive")
ROOM = 3 << 30  # bytes for images and recording
CONTROL_SHARE = 4  # the control run gets every fourth of the cuts

_OWED = "SELECT record_id, revision, group_concat(destination) FROM deliveries GROUP BY record_id, revision"
_VISITS = "SELECT id, json_extract(record, '$.revision') FROM visits"
_TICKETS = "SELECT number, visit_id FROM tickets"


@dataclass
class Tally:
    """What the cuts of one recording found."""

    acknowledged: int = 0
    flushes: int = 0
    cuts: Counter[Left] = field(default_factory=Counter)
    writes: int = 0  # each of which met each kind of cut
    compared: int = 0
    lost: int = 0
    torn_apart: int = 0  # visits, tickets and outbox rows that are not there together
    damaged: int = 0
    again: int = 0  # a number that was shown and is given to somebody else
    worst: int = 0


def run(size: Size) -> Outcome:
    """Record once with the product's durability and once without, cut, and compare."""
    reason = why_no_disk()
    rows: list[tuple[Cell, ...]] = []
    told: list[str] = [] if reason is None else [f"no whole disk was cut: {reason}"]
    claims: dict[str, int] = {}
    for synchronous in ("", "OFF"):
        with tempfile.TemporaryDirectory(dir=scratch(ROOM), prefix=".faults-") as named:
            medium: Medium = WholeDisk(Path(named)) if reason is None else FilesAlone(Path(named))
            begun = time.monotonic()
            count = size.power_cuts if not synchronous else max(4, size.power_cuts // CONTROL_SHARE)
            tally = cut(medium, size, count, synchronous, 0 if synchronous else size.every)
            rows.append(_row(tally, synchronous or "FULL (the product)", time.monotonic() - begun))
        if not synchronous:
            claims = {
                "acknowledged and lost": tally.lost,
                "visits without their outbox rows": tally.torn_apart,
                "databases damaged": tally.damaged,
                "numbers given twice": tally.again,
            }
            told.append(f"cut: {medium.note}")
            told.append(
                f"each of {tally.writes} writes of {size.every} check-ins in each of {len(Left)} ways among them"
            )
            told.append("left of what was not flushed: " + ", ".join(f"{n} x {left}" for left, n in tally.cuts.items()))
        else:
            claims["cuts that found loss without flushes (expected: some)"] = 0 if tally.lost else 1
    columns = ("synchronous", "acked", "flushes per ack", "cuts", "compared", "lost", "apart", "damaged", "twice", "s")
    told.append("lost: over all cuts; the second row shows that a loss would be seen, and is none of the product's")
    checked_in = Table("Power cuts while people check in", columns, tuple(rows), tuple(told))
    if reason is not None:
        return Outcome((checked_in,), failures_of(claims))
    with tempfile.TemporaryDirectory(dir=scratch(ROOM), prefix=".faults-") as named:
        handed, wrong = handed_over(WholeDisk(Path(named)), size)
    return Outcome((checked_in, handed), failures_of(claims | wrong))


def cut(medium: Medium, size: Size, count: int, synchronous: str = "", every: int = 0) -> Tally:
    """Record a desk on this medium, then cut the power `count` times, and at each write of `every` check-ins."""
    folder = medium.recording.parent
    notes = _recorded(medium, folder, size, synchronous)
    tally = Tally(acknowledged=len(notes))
    chance = random.Random(size.seed)  # noqa: S311  # moments, not secrets
    moments = _moments(medium.recording, notes, count, chance)
    for end in _each_write(medium.recording, notes, every):
        moments.setdefault(end, []).extend(Left)
        tally.writes += 1
    disk = medium.disk()
    for entry in entries(medium.recording):
        disk.take(entry)
        for left in moments.get(entry.end, ()):
            _cut_once(medium, disk, entry, left, notes, tally, chance)
            if sum(tally.cuts.values()) % 50 == 0:
                sys.stderr.write(
                    f"  {sum(tally.cuts.values())} of {count + tally.writes * len(Left)} cuts, {tally.lost} lost\n"
                )
    tally.flushes = disk.flushes
    return tally


def _recorded(medium: Medium, folder: Path, size: Size, synchronous: str) -> list[desk.Note]:
    """Let a desk work to its end on the recorded medium; what it was told."""
    file, log = folder / "notes", folder / "log"
    with medium.prepared() as place:
        make_database(site_file(folder / "before.toml", place, folder, DESTINATIONS))
    with medium.recorded() as (place, environment):
        config = site_file(folder / "live.toml", place, folder, DESTINATIONS)
        words = ["faults.desk", str(config), "desk", str(size.seed), str(size.power_records), str(file)]
        options = ["--recording", str(medium.recording), "--synchronous", synchronous]
        with started(*words, *options, log=log, environment=environment) as process:
            try:
                code = process.wait()
            finally:
                process.kill()
    if code:
        raise RuntimeError(f"the desk ended with {code}: {log.read_text('utf-8')[-2000:]}")
    return desk.notes(file)


def _moments(recording: Path, notes: list[desk.Note], count: int, chance: random.Random) -> dict[int, list[Left]]:
    """By the recording's length: what is left there. Half of them the very moment of an acknowledgement."""
    ends = [entry.end for entry in entries(recording) if entry.end <= notes[-1].at]
    acknowledged = [note.at for note in notes]
    found: dict[int, list[Left]] = {}
    for number in range(count):
        kinds = list(Left)
        drawn = chance.choice(acknowledged if number % 2 else ends)
        found.setdefault(drawn, []).append(kinds[number // 2 % len(kinds)])
    return found


def _each_write(recording: Path, notes: list[desk.Note], every: int) -> list[int]:
    """The recording's length at each of its records while so many check-ins were made, from the middle of the day."""
    if not every:
        return []
    places = [place for place, note in enumerate(notes) if note.kind is Kind.ARRIVED and place]
    chosen = places[len(places) // 2 :][:every]
    spans = [(notes[place - 1].at, notes[place].at) for place in chosen]
    return [one.end for one in entries(recording) if any(begun < one.end <= ended for begun, ended in spans)]


def _cut_once(
    medium: Medium, disk: Disk, entry: Entry, left: Left, notes: list[desk.Note], tally: Tally, chance: random.Random
) -> None:
    tally.cuts[left] += 1
    told = [note for note in notes if note.at <= entry.end]
    tally.compared += len(told)
    with medium.found(disk.safe, disk.left_over(left, chance)) as place:
        try:
            lost, apart, again = _compared(place, medium.recording.parent, told)
        except (sqlite.DatabaseError, DatabaseUnavailable, AssertionError) as error:
            sys.stderr.write(f"  damaged at {entry.end} ({left}): {error}\n")
            tally.damaged, tally.lost = tally.damaged + 1, tally.lost + len(told)
            return
    tally.lost, tally.torn_apart, tally.again = tally.lost + lost, tally.torn_apart + apart, tally.again + again
    tally.worst = max(tally.worst, lost)


def _compared(place: Path, folder: Path, told: list[desk.Note]) -> tuple[int, int, int]:
    """What the product's store finds there: acknowledged and lost, not there together, given twice."""
    settings = load(site_file(folder / "found.toml", place, folder, DESTINATIONS))
    with closing(open_store(settings, SystemClock())) as store:
        with closing(sqlite.connect(database_path(settings), isolation_level=None)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            owed = {(visit, revision): names for visit, revision, names in connection.execute(_OWED)}
            visits = dict(connection.execute(_VISITS).fetchall())
            tickets = dict(connection.execute(_TICKETS).fetchall())
        lost = sum((note.visit_id, note.revision) not in owed for note in told)
        lost += sum(note.number != "" and tickets.get(note.number) != note.visit_id for note in told)
        apart = sum(not _whole(visit, revision, owed) for visit, revision in visits.items())
        apart += len({visit for visit, _ in owed} ^ set(visits)) + len(set(tickets.values()) ^ set(visits))
        number = store.check_in("after", desk.reading("001300900000"), None).ticket.number
        return lost, apart, int(number in {note.number for note in told})


def _whole(visit: str, revision: int, owed: dict[tuple[str, int], str]) -> bool:
    """Every revision of the visit is owed to every destination."""
    return all(sorted(owed.get((visit, number), "").split(",")) == sorted(NAMES) for number in range(revision + 1))


def _row(tally: Tally, synchronous: str, seconds: float) -> tuple[Cell, ...]:
    per_ack = tally.flushes / max(1, tally.acknowledged)
    counts = (tally.compared, tally.lost, tally.torn_apart, tally.damaged, tally.again)
    return (synchronous, tally.acknowledged, per_ack, sum(tally.cuts.values()), *counts, seconds)
