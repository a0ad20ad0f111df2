"""What goes into a support bundle, piece by piece: how the site is, never whom it served.

Each piece is a text. One that cannot be had says so in its place: a bundle is asked for when something is broken.
"""

import json
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from config.settings import Settings, masked
from tiepdon.checks.machine import Machine, output, text
from tiepdon.support.wall import DIGITS
from wire import sqlite
from wire.codec import to_plain
from wire.findings import Report

LOG_LINES = 5000
LOG_BYTES = 4 << 20
MOST_FILES = 2000
PROGRAM_SECONDS = 10.0
_SOMEBODYS = re.compile(r"[^/]*[^!-~][^/]*")  # no file of ours has a name with a space or a mark in it
_PACKAGES = ("tiepdon", "pcscd", "libccid", "chromium", "cage", "labwc", "systemd", "chrony", "cups")
_MACHINE_FILES = ("etc/os-release", "proc/version", "proc/cmdline", "proc/meminfo", "proc/loadavg", "proc/uptime")

Piece = Callable[[], str]


def as_text(value: Any) -> str:
    """JSON for people: one fact a line, so that a line can be left out."""
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


def doctor(report: Report) -> str:
    """The doctor's findings."""
    return as_text(to_plain(report))


def settings(told: Settings) -> str:
    """The settings, accounts masked."""
    return as_text(masked(told))


def versions(machine: Machine) -> str:
    """Of everything that runs here."""
    packages = output("dpkg-query", "-W", *_PACKAGES, seconds=PROGRAM_SECONDS)
    return as_text(
        {
            "python": platform.python_version(),
            "kernel": platform.release(),
            "machine": platform.machine(),
            "model": text(machine.root / "proc/device-tree/model").strip("\0\n") or None,
            "python_packages": {one.metadata["Name"]: one.version for one in distributions()},
            "packages": (packages or "").splitlines(),
        }
    )


def units() -> str:
    """How systemd sees the services, without their log."""
    told = [
        output("systemctl", "status", "--no-pager", "--lines=0", "--full", "tiepdon*", seconds=PROGRAM_SECONDS),
        output("systemctl", "list-timers", "--no-pager", "--all", "tiepdon*", seconds=PROGRAM_SECONDS),
    ]
    return "\n".join(one for one in told if one) or "systemd does not run here"


def log(file: Path | None) -> str:
    """The last lines: of this file, else of the journal."""
    if file is None:
        told = output(
            *("journalctl", "--no-pager", "--output=short-iso", f"--lines={LOG_LINES}", "--unit=tiepdon*"),
            seconds=PROGRAM_SECONDS,
        )
        return told or "there is no journal here"
    with file.open("rb") as opened:
        opened.seek(0, 2)
        opened.seek(max(0, opened.tell() - LOG_BYTES))
        lines = opened.read().decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-LOG_LINES:])


def database(connection: sqlite.Connection) -> str:
    """Its schema and how many rows each table holds; of their contents nothing."""
    tables = [row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    counted = {name: _one(connection, f'SELECT count(*) FROM "{name}"') for name in tables}  # noqa: S608
    pragmas = ("page_count", "page_size", "freelist_count", "journal_mode", "user_version")
    return as_text(
        {
            "rows": counted,
            "pragmas": {name: _one(connection, f"PRAGMA {name}") for name in pragmas},
            "migrations": [row[0] for row in connection.execute("SELECT name FROM migrations ORDER BY name")],
            "schema": [row["sql"] for row in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")],
        }
    )


def outbox(connection: sqlite.Connection) -> str:
    """What each destination is owed, in numbers; how many deliveries ended with which code."""
    from hisbridge import outbox_desk

    codes = connection.execute(
        "SELECT destination, state, last_error, count(*) AS many FROM deliveries GROUP BY 1, 2, 3"
    )
    return as_text({"depth": to_plain(outbox_desk.depth(connection)), "ended": [dict(row) for row in codes]})


def machine(one: Machine) -> str:
    """Facts of the system: memory, disks, devices."""
    told = [f"== {name}\n{text(one.root / name).strip()}" for name in _MACHINE_FILES]
    for command in (("df", "-h"), ("df", "-i"), ("lsusb",), ("ip", "-brief", "address"), ("timedatectl",)):
        told.append(f"== {' '.join(command)}\n{(output(*command, seconds=PROGRAM_SECONDS) or 'not to be had').strip()}")
    return "\n\n".join(told)


def files(folders: Mapping[str, Path]) -> str:
    """The files of our folders: rights, owner, size, age; not what is in them."""
    return "\n".join(line for name, folder in folders.items() for line in _listed(name, folder))


def _listed(name: str, folder: Path) -> Iterator[str]:
    yield f"== {name}"
    for number, path in enumerate(sorted(folder.rglob("*")) if folder.is_dir() else ()):
        if number == MOST_FILES:
            yield "and more"
            return
        try:
            told = path.lstat()
        except OSError:
            continue
        changed = datetime.fromtimestamp(told.st_mtime, UTC).isoformat(timespec="seconds")
        rights = f"{told.st_mode & 0o7777:04o} {told.st_uid}:{told.st_gid}"
        yield f"{rights} {told.st_size} {changed} {_SOMEBODYS.sub(DIGITS, str(path.relative_to(folder)))}"


def _one(connection: sqlite.Connection, question: str) -> object:
    (told,) = connection.execute(question).fetchone()
    return told
