"""A clock that a run sets as it likes, for processes that are running: a small library that is preloaded (clock.c).

Only the time of day moves; what counts seconds since the start goes on as ever, as in a machine whose clock is set.
"""

import shutil
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from faults.media import run_tool
from faults.scene import Way

SOURCE = Path(__file__).with_name("clock.c")
SITE_OFFSET = timedelta(hours=7)  # of the settings that these runs have
DAY = 86400


@dataclass(frozen=True)
class Clock:
    """Set by `jump`; the processes of `way` have it."""

    file: Path
    library: Path

    @property
    def way(self) -> Way:
        """How those are started who live by it."""
        return Way(environment={"LD_PRELOAD": str(self.library), "FAULTS_CLOCK": str(self.file)})

    def jump(self, seconds: int) -> None:
        """From now on so much ahead of the machine's own clock, or behind it."""
        with self.file.open("r+b") as held:
            held.write(struct.pack("=q", seconds))

    @staticmethod
    def day(seconds: int) -> str:
        """The site's day at that offset, ISO 8601."""
        return (datetime.now(UTC) + SITE_OFFSET + timedelta(seconds=seconds)).date().isoformat()


def clock_in(folder: Path) -> Clock | None:
    """A clock at the machine's own time; None where there is no compiler. Raises CalledProcessError."""
    if shutil.which("gcc") is None:
        return None
    made = Clock(folder / "clock", folder / "clock.so")
    run_tool("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(made.library), str(SOURCE), "-ldl")
    made.file.write_bytes(bytes(8))
    return made
