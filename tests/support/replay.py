"""A recorded reading played back as a card: the terminal must send exactly the recorded commands.

Takes the unsafe kind of trace (reader/chip/trace.py). The terminal draws the recorded random numbers, so that keys
and cryptograms come out the same; everything above is computed anew.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reader.chip.transport import Transport

_LINE = re.compile(r" *[0-9.]+ ms  (?P<mark>[><~!#()])  (?P<rest>.*)")
_CONNECTED = re.compile(r"connected, reader '(?P<reader>.*)', ATR (?P<atr>[0-9A-F]*)")


class OtherCommand(AssertionError):
    """The terminal sent something else than what was recorded."""


@dataclass
class Replay:
    """One recorded reading: a slot, and the randomness that belongs to it."""

    exchanges: list[tuple[bytes, bytes]]
    drawn: list[bytes]
    reader: str
    atr: bytes
    max_apdu_data: int | None = None
    at: int = field(default=0)

    @contextmanager
    def connect(self) -> Iterator[Transport]:
        yield self

    def transmit(self, command: bytes) -> bytes:
        if self.at >= len(self.exchanges):
            raise OtherCommand(f"after the end: {command.hex()}")
        recorded, answer = self.exchanges[self.at]
        if command != recorded:
            raise OtherCommand(f"command {self.at}: {command.hex()}, recorded was {recorded.hex()}")
        self.at += 1
        return answer

    def octets(self, count: int) -> bytes:
        value = self.drawn.pop(0)
        assert len(value) == count
        return value

    def scalar(self, order: int) -> int:
        return int.from_bytes(self.octets((order.bit_length() + 7) // 8), "big")


def replay_of(trace: str) -> Replay:
    """The recorded card. Raises ValueError when the trace is of the safe kind."""
    title, *lines = trace.splitlines()
    if "UNSAFE" not in title:
        raise ValueError("a trace without data cannot be played back")
    exchanges: list[tuple[bytes, bytes]] = []
    drawn: list[bytes] = []
    reader, atr, sent = "", b"", b""
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(line)
        mark, rest = found["mark"], found["rest"]
        if mark == ">":
            sent = bytes.fromhex(rest)
        elif mark == "<":
            exchanges.append((sent, bytes.fromhex(rest)))
        elif mark == "~":
            drawn.append(bytes.fromhex(rest))
        elif connected := _CONNECTED.fullmatch(rest):
            reader, atr = connected["reader"], bytes.fromhex(connected["atr"])
    return Replay(exchanges, drawn, reader, atr)
