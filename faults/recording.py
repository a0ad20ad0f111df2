"""What reached a disk, write by write and flush by flush, and what is left of it when the power fails in between.

The rule of every disk with a volatile cache: what was written before a finished flush stays; of what came after it any
part may be there, in any order, the last write perhaps in part (bridge.md 5.2; the kernel's dm-log-writes records and
replays the same). A record is a head, the name of the file (none for a whole disk) and the data.
"""

import os
import random
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path

HEAD = struct.Struct("<BBQI")  # operation, length of the name, offset, length of the data
SECTOR = 512  # bytes a disk writes whole or not at all
PIECE = 1 << 16
ZEROS = bytes(PIECE)


class Operation(IntEnum):
    """What was asked of the disk; TRUNCATE exists for files alone."""

    WRITE = 1
    FLUSH = 2
    TRUNCATE = 3


@dataclass(frozen=True, repr=False)
class Entry:
    """One record; `end` is the length of the recording with it."""

    operation: Operation
    name: str
    offset: int
    data: bytes
    end: int


class Left(StrEnum):
    """What is left of the writes after the last flush."""

    NOTHING = "none of them"
    EVERYTHING = "all of them"
    SOME = "some of them"
    TORN = "some, one of them torn"


def entries(file: Path) -> Iterator[Entry]:
    """The recording from its beginning; one that was cut short ends before the record that is not whole."""
    with file.open("rb") as recording:
        end = 0
        while len(head := recording.read(HEAD.size)) == HEAD.size:
            operation, name_length, offset, length = HEAD.unpack(head)
            name = recording.read(name_length)
            data = recording.read(length)
            if len(data) < length:
                return
            end += HEAD.size + name_length + length
            yield Entry(Operation(operation), name.decode(), offset, data, end)


@dataclass
class Disk:
    """What is safe, and what is not yet. `safe` is by name; a whole disk has the name that is empty."""

    safe: dict[str, bytearray]
    unsafe: list[Entry] = field(default_factory=list)
    flushes: int = 0

    def take(self, entry: Entry) -> None:
        """The next record."""
        if entry.operation is not Operation.FLUSH:
            self.unsafe.append(entry)
            return
        self.flushes += 1
        for waiting in self.unsafe:
            if waiting.name == entry.name:
                apply(self.safe, waiting)
        self.unsafe = [waiting for waiting in self.unsafe if waiting.name != entry.name]

    def left_over(self, left: Left, chance: random.Random) -> Sequence[Entry]:
        """Which of the writes after the last flush are there when the disk is on again."""
        if left is Left.NOTHING or not self.unsafe:
            return ()
        if left is Left.EVERYTHING:
            return tuple(self.unsafe)
        # Any of them without those before it: written out of order. Of two writes to one place the later holds.
        count = chance.randint(1, len(self.unsafe))
        some = [self.unsafe[at] for at in sorted(chance.sample(range(len(self.unsafe)), count))]
        if left is Left.TORN:
            torn = chance.randrange(len(some))
            some[torn] = _torn(some[torn], chance)
        return some


def apply(content: dict[str, bytearray], entry: Entry) -> None:
    """Do what the record says."""
    held = content.setdefault(entry.name, bytearray())
    if entry.operation is Operation.TRUNCATE:
        del held[entry.offset :]
    if len(held) < entry.offset:
        held.extend(bytes(entry.offset - len(held)))
    held[entry.offset : entry.offset + len(entry.data)] = entry.data


def restore(file: Path, content: bytes | bytearray, left_over: Iterable[Entry]) -> None:
    """Make a file of what is safe and of what is left besides; what is zero takes no room."""
    with file.open("wb", buffering=0) as made:
        for at in range(0, len(content), PIECE):
            piece = content[at : at + PIECE]
            if piece != ZEROS:
                os.pwrite(made.fileno(), piece, at)
        os.truncate(made.fileno(), len(content))
        for entry in left_over:
            if entry.operation is Operation.TRUNCATE:
                os.truncate(made.fileno(), entry.offset)
            else:
                os.pwrite(made.fileno(), entry.data, entry.offset)


def _torn(entry: Entry, chance: random.Random) -> Entry:
    kept = entry.data[: SECTOR * chance.randint(0, len(entry.data) // SECTOR)]
    return Entry(entry.operation, entry.name, entry.offset, kept, entry.end)
