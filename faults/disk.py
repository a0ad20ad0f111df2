"""The disk is full, and the disk turns read-only, under the real kiosk and bridge: no shown ticket is lost, the screen
says that the kiosk is out of order, and it serves again by itself.

A small ext4 file system on a loop device. Read-only as the kernel makes it of a disk that fails (ext4(5), `abort`);
what brings such a disk back is a check and a mount (here below the running processes, which nobody starts again).
"""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.table import Cell, Table
from faults.media import run_tool, unmount, why_no_disk
from faults.outcome import Outcome, Size, failures_of
from faults.scene import Scene, Stuck, scene
from faults.site import scratch

DISK_BYTES = 48 << 20
BAR_SECONDS = 5.0  # from room, or a disk that takes writes, to a kiosk that serves
TRIES_SECONDS = 3.0  # how long people go on trying meanwhile
OUT = "out_of_order"


@dataclass(frozen=True)
class Disk:
    """A file system of its own at `place`."""

    image: Path
    place: Path

    def mount(self) -> None:
        """Raises CalledProcessError."""
        run_tool("mount", "-t", "ext4", "-o", "loop,noatime,errors=remount-ro", str(self.image), str(self.place))

    def fill(self) -> Path:
        """Take every byte there is; the file that holds them."""
        file = self.place / "somebody-elses"
        with file.open("wb", buffering=0) as held:
            for size in (1 << 20, 1 << 12, 1):  # to the last block, whatever a file's own index takes
                try:
                    while True:
                        held.write(b"\xa5" * size)
                except OSError:
                    continue
        return file

    def abort(self) -> None:
        """Read-only from now on, as after an error of the disk."""
        run_tool("mount", "-o", "remount,abort", str(self.place))

    def bring_back(self) -> None:
        """Checked and mounted anew, under whoever looks for it there."""
        unmount(self.place, at_once=True)
        # Another file: mount would take up the loop device that those who hold open files still keep, as it is. The
        # journal is replayed by the mount; what was written and flushed stands.
        again = self.image.with_suffix(".again")
        shutil.copyfile(self.image, again)
        replace(self, image=again).mount()


@contextmanager
def disk_in(folder: Path) -> Iterator[Disk]:
    """A fresh one, gone with the context."""
    made = Disk(folder / "disk.img", folder / "disk")
    with made.image.open("wb") as image:
        image.truncate(DISK_BYTES)
    run_tool("mkfs.ext4", "-q", "-F", "-m", "0", str(made.image))  # no room kept for root, who runs this
    made.place.mkdir()
    made.mount()
    try:
        yield made
    finally:
        while os.path.ismount(made.place):
            unmount(made.place, at_once=True)


def run(size: Size) -> Outcome:
    """Each kind of trouble on a disk of its own."""
    reason = why_no_disk()
    if reason is not None:
        return Outcome(
            (Table("No room, no writing", ("trouble",), (), (f"not run: {reason}",)),), (f"not run: {reason}",)
        )
    rows: list[tuple[Cell, ...]] = []
    claims: dict[str, int] = {}
    for trouble in ("full", "read-only"):
        with (
            tempfile.TemporaryDirectory(dir=scratch(DISK_BYTES * 4), prefix=".faults-") as named,
            disk_in(Path(named)) as disk,
            scene(Path(named), disk.place / "state") as made,
        ):
            row, found = _provoked(disk, made, trouble, size)
        rows.append(row)
        claims |= {f"{trouble}: {claim}": count for claim, count in found.items()}
    columns = (
        "disk",
        "shown before",
        "shown meanwhile",
        "shown after",
        "s to the screen",
        "s to serve",
        "s to a ticket",
    )
    notes = (f"bar: {BAR_SECONDS:.0f} s to serve; s to the screen: from the trouble to the words on the screen",)
    return Outcome((Table("No room, no writing", columns, tuple(rows), notes),), failures_of(claims))


def _provoked(disk: Disk, made: Scene, trouble: str, size: Size) -> tuple[tuple[Cell, ...], dict[str, int]]:
    with made.people() as crowd:
        made.shows(crowd, size.tickets)
        before = len(crowd.shown)
        taken: Path | None = None
        if trouble == "full":
            taken = disk.fill()
        else:
            disk.abort()
        unclear = 0
        try:
            told = made.wait(lambda: made.screen() == OUT, 60, "the screen says so")
        except Stuck:
            told, unclear = None, 1
        threading.Event().wait(TRIES_SECONDS)
        meanwhile = len(crowd.shown) - before
        began = time.monotonic()
        if taken is not None:
            taken.unlink()
        else:
            disk.bring_back()
        served = made.wait(lambda: made.screen() not in ("", OUT), 60, "the kiosk serves again")
        made.shows(crowd, 1)
        ticket = time.monotonic() - began
        made.shows(crowd, size.tickets)
        after = len(crowd.shown) - before - meanwhile
    made.all_delivered()
    claims = made.books() | {
        "no words on the screen": unclear,
        f"serves later than {BAR_SECONDS:.0f} s": int(served > BAR_SECONDS),
        "processes started again": sum(victim.starts - 1 for victim in made.victims.values()),
    }
    return (trouble, before, meanwhile, after, told, served, ticket), claims
