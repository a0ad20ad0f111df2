"""The disk is full, fills up while a ticket is on its way through the printer, and turns read-only, under the real
kiosk and bridge: no shown ticket is lost, none is printed twice, the screen says that the kiosk is out of order, and it
serves again by itself.

A small ext4 file system on a loop device. Read-only as the kernel makes it of a disk that fails (ext4(5), `abort`);
what brings such a disk back is a check and a mount (here below the running processes, which nobody starts again).
"""

import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.table import Cell, Table
from faults.media import run_tool, unmount, why_no_disk
from faults.outcome import Outcome, Size, failures_of
from faults.scene import Scene, Stuck, scene
from faults.site import scratch
from sandbox.printer import ReceiptPrinter

DISK_BYTES = 48 << 20
BAR_SECONDS = 5.0  # from room, or a disk that takes writes, to a kiosk that serves
AT_MOST_UNPRINTED = 1  # whose paper was begun and cannot be known to have come out: never a second one by itself
TRIES_SECONDS = 3.0  # how long people go on trying meanwhile
OUT = "out_of_order"
FULL, PRINTING, READ_ONLY = "full", "full while a ticket is printed", "read-only"
TROUBLES = (FULL, PRINTING, READ_ONLY)
PRINTER = """
[kiosk.printer]
kind = "network"
address = "127.0.0.1:{port}"
"""


@dataclass(frozen=True)
class Disk:
    """A file system of its own at `place`."""

    image: Path
    place: Path

    def mount(self) -> None:
        """Raises CalledProcessError."""
        run_tool("mount", "-t", "ext4", "-o", "loop,noatime,errors=remount-ro", str(self.image), str(self.place))

    @property
    def filled(self) -> Path:
        """Somebody else's, which takes the room."""
        return self.place / "somebody-elses"

    def fill(self) -> None:
        """Take every byte there is."""
        with self.filled.open("wb", buffering=0) as held:
            for size in (1 << 20, 1 << 12, 1):  # to the last block, whatever a file's own index takes
                try:
                    while True:
                        held.write(b"\xa5" * size)
                except OSError:
                    continue

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


class Paper(ReceiptPrinter):
    """The printer, which does `meanwhile` once it has the first lines of the next ticket."""

    def __init__(self) -> None:
        super().__init__()
        self.came: Counter[str] = Counter()  # the number on each paper
        self.meanwhile: Callable[[], object] | None = None
        self._last = 0

    def received(self, data: bytes) -> bytes:
        """As the printer does."""
        meanwhile = self.meanwhile
        if meanwhile is not None and RASTER in data:
            self.meanwhile = None
            meanwhile()
        answers = super().received(data)
        for one in self.tickets():
            if one.name > self._last:
                self._last = one.name
                self.came[one.digits] += 1
        return answers


RASTER = b"\x1dv0"  # GS v 0


def run(size: Size, troubles: Sequence[str] = TROUBLES) -> Outcome:
    """Each kind of trouble on a disk of its own."""
    reason = why_no_disk()
    if reason is not None:
        return Outcome(
            (Table("No room, no writing", ("trouble",), (), (f"not run: {reason}",)),), (f"not run: {reason}",)
        )
    rows: list[tuple[Cell, ...]] = []
    claims: dict[str, int] = {}
    for trouble in troubles:
        paper = Paper()
        with (
            tempfile.TemporaryDirectory(dir=scratch(DISK_BYTES * 4), prefix=".faults-") as named,
            disk_in(Path(named)) as disk,
            paper.serving() as (_, port),
            scene(Path(named), disk.place / "state", more=PRINTER.format(port=port) * (trouble == PRINTING)) as made,
        ):
            row, found = _provoked(disk, made, trouble, paper, size)
        rows.append(row)
        claims |= {f"{trouble}: {claim}": count for claim, count in found.items()}
    columns = (
        "disk",
        "shown before",
        "shown meanwhile",
        "shown after",
        "on paper",
        "s to the screen",
        "s to serve",
        "s to a ticket",
    )
    notes = (f"bar: {BAR_SECONDS:.0f} s to serve; s to the screen: from the trouble to the words on the screen",)
    return Outcome((Table("No room, no writing", columns, tuple(rows), notes),), failures_of(claims))


def _provoked(
    disk: Disk, made: Scene, trouble: str, paper: Paper, size: Size
) -> tuple[tuple[Cell, ...], dict[str, int]]:
    with made.people() as crowd:
        made.shows(crowd, size.tickets)
        if trouble == PRINTING:
            made.wait(lambda: paper.came, 60, "a ticket on paper")
        before = len(crowd.shown)
        if trouble == FULL:
            disk.fill()
        elif trouble == PRINTING:
            paper.meanwhile = disk.fill
            made.wait(lambda: paper.meanwhile is None, 60, "the next ticket at the printer")
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
        if trouble == READ_ONLY:
            disk.bring_back()
        else:
            disk.filled.unlink()
        served = made.wait(lambda: made.screen() not in ("", OUT), 60, "the kiosk serves again")
        made.shows(crowd, 1)
        ticket = time.monotonic() - began
        made.shows(crowd, size.tickets)
        after = len(crowd.shown) - before - meanwhile
    made.all_delivered()
    unprinted = crowd.shown if trouble == PRINTING else set()
    with suppress(Stuck):  # the printer is slower than people are; what never comes is a claim
        made.wait(lambda: len(unprinted - set(paper.came)) <= AT_MOST_UNPRINTED, 30, "the last paper")
    given = {str(number) for (number,) in made.rows("SELECT number FROM tickets")}
    claims = made.books() | {
        "no words on the screen": unclear,
        f"serves later than {BAR_SECONDS:.0f} s": int(served > BAR_SECONDS),
        "processes started again": sum(victim.starts - 1 for victim in made.victims.values()),
        "tickets printed twice": sum(times > 1 for times in paper.came.values()),
        "papers of no ticket": len(set(paper.came) - given),
        "tickets that never came out of the printer": max(0, len(unprinted - set(paper.came)) - AT_MOST_UNPRINTED),
    }
    return (trouble, before, meanwhile, after, len(paper.came), told, served, ticket), claims
