"""A site of the run's own: its settings file, its database, its processes."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.settings import database_path, load
from tiepdon.migrations import MIGRATIONS
from wire.database import migrate

ROOT = Path(__file__).parents[1]


def scratch(needed_bytes: int) -> str:
    """Where a run puts its folder: in memory where there is room, else beside the code."""
    memory = Path("/dev/shm")  # noqa: S108  # a folder with a name of its own is made in it
    if memory.is_dir() and os.access(memory, os.W_OK):
        free = os.statvfs(memory)
        if free.f_bavail * free.f_frsize > needed_bytes:
            return str(memory)
    return str(ROOT)


def site_file(file: Path, state: Path, run: Path, more: str) -> Path:
    """Write the settings of a site; `more` holds its destinations and what else differs."""
    file.write_text(
        f"""
{more}

[site]
facility_code = "99999"
facility_name = "Cơ sở Mẫu"
synthetic = true

[paths]
state = "{state}"
run = "{run}"
""",
        "utf-8",
    )
    return file


def make_database(config: Path) -> Path:
    """The site's database, empty and of today's schema."""
    path = database_path(load(config))
    migrate(path, MIGRATIONS)
    return path


def started(
    *words: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
    stdout: int | None = None,
    before: Sequence[str] = (),
) -> "subprocess.Popen[bytes]":
    """A Python module as a process in a group of its own, which ends with the run, however that ends.

    What it says on standard error goes to `log`; `before` are the words of what starts it in another surrounding.
    """
    with log.open("ab") as errors:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *before, sys.executable, "-m", *words],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if stdout is None else stdout,
            stderr=errors,
            start_new_session=True,
        )
