"""A disk that fails at the n-th touch of a file, and a process that dies at it, by a small library that is preloaded
(failing.c): every moment of what a process writes can be tried, one after the other.
"""

import mmap
import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from faults.media import run_tool

SOURCE = Path(__file__).with_name("failing.c")
PLAN = struct.Struct("=4q")  # how, at, touched, hit
FOLDER, FILE = "FAULTS_FOLDER", "FAULTS_PLAN"
FAR = 1 << 40  # touches: nothing happens before


class How(IntEnum):
    """What happens at the touch; as in failing.c."""

    FULL = 1  # this one and all that follow find no room; a write may have taken its first sectors
    BROKEN = 2  # this one fails with EIO, a flush too
    DIES_BEFORE = 3
    DIES_WITHIN = 4  # a write is done by half, anything else whole


class Plan:
    """What this process's disk does, and what it did; shared with processes that are forked off."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as held:
            self._map = mmap.mmap(held.fileno(), PLAN.size)

    @contextmanager
    def armed(self, how: How, at: int = FAR) -> Iterator[None]:
        """The trouble, while the context lasts; the first touch is number 1."""
        self._map[:] = PLAN.pack(how, at, 0, 0)
        try:
            yield
        finally:
            self.over()

    def over(self) -> None:
        """The disk is well; what it did is still to be read."""
        self._map[:8] = bytes(8)

    @property
    def touched(self) -> int:
        """How many touches there were since it was armed."""
        return int(PLAN.unpack(self._map[:])[2])

    @property
    def hit(self) -> bool:
        """Whether the moment came."""
        return bool(PLAN.unpack(self._map[:])[3])


@dataclass(frozen=True)
class Failing:
    """For the processes that write below `folder`."""

    library: Path
    plan: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Of the process that is to have it."""
        return {"LD_PRELOAD": str(self.library), FOLDER: str(self.folder), FILE: str(self.plan)}


def failing_in(folder: Path, watched: Path) -> Failing | None:
    """None where there is no compiler. Raises CalledProcessError."""
    if shutil.which("gcc") is None:
        return None
    made = Failing(folder / "failing.so", folder / "plan", watched)
    run_tool("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(made.library), str(SOURCE), "-ldl")
    made.plan.write_bytes(bytes(PLAN.size))
    return made


def plan_of_this_process() -> Plan:
    """The one it was started with. Raises KeyError."""
    return Plan(Path(os.environ[FILE]))
