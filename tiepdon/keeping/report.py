"""What was lost, in a file that stays until somebody has read it: never a silent loss.

Tables, counts, numbers of tickets and times; nothing of a person. Must not import what recovers or restores.
"""

import logging
from datetime import datetime
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from kiosk.recovery import Mended
from wire.codec import Record, from_json, to_json
from wire.database_rebuild import TableLoss
from wire.database_swap import overwrite
from wire.durable import give_to_owner, sync, write_durably
from wire.errors import MalformedMessage

log = logging.getLogger(__name__)

FOLDER = "recoveries"  # beside the database
MAX_BYTES = 4 << 20

What = Literal["missing", "empty", "unreadable", "pages", "log", "restored"]


class Report(Record, frozen=True, kw_only=True):
    """One recovery. Moments are RFC 3339 in the site's time.

    `base`: what the new database began with: the database without its log, a snapshot, a backup, nothing.
    Between `unknown_since` and `unknown_until` something may have been written that is in no table.
    """

    at: str
    what: What
    base: Literal["database", "snapshot", "backup", "nothing", "itself"]
    base_at: str | None = None
    unknown_since: str | None = None
    unknown_until: str | None = None
    lost_commits: int = 0
    aside: str | None = None  # the name under which the damaged or replaced file is kept beside the database
    losses: tuple[TableLoss, ...] = ()
    mended: Mended = Mended()
    acknowledged_at: str | None = None

    @property
    def missing_numbers(self) -> tuple[str, ...]:
        """Numbers that were given out and are in no table."""
        return tuple(number for source in self.mended.numbers for number in source.missing)


def write(state: Path, report: Report, name: str) -> Path:
    """Put it down, durably, and in the log. `name`: its moment as `wire.database_copies.stamp`. Raises OSError."""
    folder = state / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    give_to_owner(folder)
    file = folder / f"{name}.json"
    write_durably(file, to_json(report) + b"\n")
    log.warning(
        "database.recovered what=%s base=%s tables=%d missing_numbers=%d report=%s",
        report.what,
        report.base,
        len(report.losses),
        len(report.missing_numbers),
        file.name,
    )
    return file


def reports(state: Path) -> list[tuple[Path, Report]]:
    """Every report that is kept, oldest first; a file that is none is left out."""
    found = []
    for file in sorted((state / FOLDER).glob("*.json")):
        try:
            with file.open("rb") as content:
                found.append((file, from_json(content.read(MAX_BYTES), Report)))
        except (OSError, MalformedMessage):
            continue
    return found


def unread(state: Path) -> list[tuple[Path, Report]]:
    """The reports that nobody has acknowledged."""
    return [(file, report) for file, report in reports(state) if report.acknowledged_at is None]


def forget_interrupted(state: Path) -> None:
    """Reports of a recovery that the power ended before anything was put in its place. Raises OSError."""
    for file, report in unread(state):
        if report.aside is not None and not (state / report.aside).exists():
            file.unlink()
            sync(file.parent)


def acknowledge(state: Path, now: datetime) -> list[Report]:
    """Somebody has read them: what was kept aside, which holds persons, is written over and removed.

    Raises OSError.
    """
    done = []
    for file, report in unread(state):
        if report.aside is not None:
            overwrite(state / report.aside)
        read = replace(report, acknowledged_at=now.isoformat(timespec="seconds"))
        write_durably(file, to_json(read) + b"\n")
        done.append(read)
    return done


def forget_aside(state: Path, before: datetime) -> int:
    """Write over and remove what was kept aside earlier than that: it holds persons (retention). Raises OSError."""
    gone = 0
    for _, report in reports(state):
        kept = state / report.aside if report.aside is not None else None
        if kept is not None and kept.exists() and datetime.fromisoformat(report.at) < before:
            overwrite(kept)
            gone += 1
    return gone
