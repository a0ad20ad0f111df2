"""What requirements.lock asks for on one kind of machine, as pip reads it.

pip judges the markers of a lock file by the machine it runs on; the packages are made for others. So the markers are
judged here, and pip gets plain lines with their hashes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

# pyscard and evdev have no wheels: Debian's own packages are used. pip is asked for by sqlite-utils for a command of
# its own that is never used here.
FROM_DEBIAN = ("pyscard", "evdev")
LEFT_OUT = (*FROM_DEBIAN, "pip")
NEWEST_GLIBC = 36  # Debian 12 has glibc 2.36; wheels for anything newer would not start there


@dataclass(frozen=True)
class Machine:
    """Where a package shall run: Debian's architecture name and the machine's name in wheels."""

    architecture: str
    machine: str

    @property
    def platforms(self) -> tuple[str, ...]:
        """Every wheel platform that runs on Debian 12, newest first (PEP 600)."""
        numbered = (f"manylinux_2_{minor}_{self.machine}" for minor in range(NEWEST_GLIBC, 16, -1))
        return (*numbered, f"manylinux2014_{self.machine}")


MACHINES = (Machine("amd64", "x86_64"), Machine("arm64", "aarch64"))
PYTHONS = ("3.11", "3.13")  # Debian 12 and 13, and Raspberry Pi OS on each


@dataclass(frozen=True)
class Locked:
    """One requirement of the lock file that holds on a machine."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def line(self) -> str:
        """As pip reads it."""
        return " ".join((f"{self.name}=={self.version}", *(f"--hash={digest}" for digest in self.hashes)))


def locked(lock: Path, machine: Machine, python: str) -> list[Locked]:
    """What of the lock file holds on a machine with a Python, but for what is left out."""
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine.machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
    return [
        Locked(requirement.name, next(iter(requirement.specifier)).version, hashes)
        for requirement, hashes in _entries(lock.read_text("utf-8"))
        if requirement.name not in LEFT_OUT and (requirement.marker is None or requirement.marker.evaluate(environment))
    ]


def _entries(text: str) -> Iterator[tuple[Requirement, tuple[str, ...]]]:
    for entry in text.replace("\\\n", " ").splitlines():
        if not entry.strip() or entry.startswith("#"):
            continue
        yield Requirement(entry.split(" --hash=", 1)[0].strip()), tuple(re.findall(r"--hash=(\S+)", entry))
