"""Processes as the kernel tells them (proc(5)): who started whom, who is still there."""

import os
from pathlib import Path


def alive(pid: int) -> bool:
    """Does the process run? One that has ended and was not collected yet does not."""
    return _stat(pid)[:1] not in ([], ["Z"], ["X"])


def born(pid: int) -> str:
    """When it started, in the kernel's ticks: the same number and the same birth is the same process."""
    return _stat(pid)[19]


def children(pid: int) -> list[int]:
    """The processes it started and that are still there."""
    return [int(entry.name) for entry in _processes() if _stat(int(entry.name))[1:2] == [str(pid)]]


def descendants(pid: int) -> list[int]:
    """Everything it started, directly or not."""
    found, todo = [], [pid]
    while todo:
        below = children(todo.pop())
        found += below
        todo += below
    return found


def command(pid: int) -> list[str]:
    """Its command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def child_named(parent: int, *words: str) -> int | None:
    """The parent's child whose command line holds these words, one after the other."""
    for pid in children(parent):
        told = [os.path.basename(word) for word in command(pid)]  # noqa: PTH119
        if any(told[at : at + len(words)] == list(words) for at in range(len(told))):
            return pid
    return None


def _processes() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []
