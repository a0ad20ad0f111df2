"""A sandbox card in a process of its own on a vpcd port, so that the reading process's CPU time is the reader's alone.

`python -m benchmarks.card_process PORT`: each line on standard input is a card (sandbox.inprocess.PlacedCard as JSON)
to lie on the reader from now on; a line is answered when it lies there. The end of the input ends the process.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.card.chip import Chip
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.card.vpcd import VirtualReader
from sandbox.inprocess import PlacedCard
from wire.codec import from_json, to_json


class CardProcess:
    """The other end: put a card on the reader that this process reads."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def place(self, card: CardImage, quirks: Quirks | None = None) -> None:
        """Let this card lie on the reader; returns when it does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(to_json(PlacedCard(card=card, quirks=quirks or Quirks())) + b"\n")
        self._process.stdin.flush()
        if self._process.stdout.readline() != b"placed\n":
            raise SystemExit("the card's process ended")


@contextmanager
def card_process(port: int) -> Iterator[CardProcess]:
    """A running card process for a vpcd port."""
    command = [sys.executable, "-m", "benchmarks.card_process", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield CardProcess(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def main(port: int) -> None:
    """Serve cards until the input ends."""
    reader = VirtualReader(port)
    try:
        for line in sys.stdin.buffer:
            wanted = from_json(line, PlacedCard)
            reader.place(Chip(wanted.card, wanted.quirks))
            sys.stdout.write("placed\n")
            sys.stdout.flush()
    finally:
        reader.remove()


if __name__ == "__main__":
    main(int(sys.argv[1]))
