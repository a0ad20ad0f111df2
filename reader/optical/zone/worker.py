"""Reads machine-readable lines in a process of its own: `python -m reader.optical.zone.worker`, pictures in, lines out.

A process, so that the memory of networks and OpenCV is there only while somebody is asked for the card's back, so that
the reader's own work comes first (`nice`), and so that whatever a picture does to the code is the end of this process
alone. Pictures come through standard input and are never stored; it ends when its parent closes that or is gone.

Input, again and again: rows and columns (two unsigned 32-bit numbers, big-endian), then that many bytes. Output, once
for each: a line of text, the machine-readable lines with spaces between them; empty when none were read for certain.
"""

import os
import resource
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

HEADER = struct.Struct(">II")
MOST_PIXELS = 8 << 20
EXTRA_MEMORY = 160 << 20  # bytes of address space on top of what is mapped once everything is loaded
CPU_SECONDS = 300  # far more than one look takes
NICENESS = 10


def main(pictures: BinaryIO, answers: BinaryIO) -> None:
    """Answer each picture until there are no more."""
    os.nice(NICENESS)
    import cv2
    import numpy as np

    from reader.optical.mrz import read_mrz

    cv2.setNumThreads(1)
    read_mrz(np.zeros((90, 160), np.uint8))  # loads the weights and all code before the limits
    _limit()
    for rows, columns, data in _received(pictures):
        picture = np.frombuffer(data, np.uint8).reshape(rows, columns)
        lines = read_mrz(picture)
        answers.write(" ".join(lines or ()).encode("ascii") + b"\n")
        answers.flush()


def _received(pictures: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    while len(header := pictures.read(HEADER.size)) == HEADER.size:
        rows, columns = HEADER.unpack(header)
        if not 0 < rows * columns <= MOST_PIXELS:
            return
        data = pictures.read(rows * columns)
        if len(data) < rows * columns:
            return
        yield rows, columns, data


def _limit() -> None:
    """Bounded memory and processor time, no file, no core dump (it would hold pictures)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    memory = pages * resource.getpagesize() + EXTRA_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    try:
        main(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        os._exit(0)  # the parent is gone; flushing at exit would fail once more
