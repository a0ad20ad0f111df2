"""Commands and data objects as bytes, on the card's side (ISO/IEC 7816-3, 12.1; 7816-4, 5.2). Knows no cryptography."""

from dataclasses import dataclass


class Status(Exception):
    """The command ends with this status word; `clear`: as a bare one, and secure messaging is over."""

    def __init__(self, word: int, clear: bool = False) -> None:
        super().__init__(f"{word:04X}")
        self.word = word
        self.clear = clear


@dataclass(frozen=True)
class Command:
    """One command without secure messaging. `expected` is Ne, 0 when no data is awaited."""

    header: bytes
    data: bytes
    expected: int

    @property
    def ins(self) -> int:
        return self.header[1]

    @property
    def parameters(self) -> int:
        return int.from_bytes(self.header[2:4], "big")


def parse(raw: bytes) -> tuple[Command, bool]:
    """The command, and whether its lengths are extended."""
    if len(raw) < 4:
        raise Status(0x6700)
    body = raw[4:]
    extended = len(body) >= 3 and body[0] == 0
    wide, most = (2, 65536) if extended else (1, 256)
    body = body[1:] if extended else body
    if len(body) <= wide:
        return Command(raw[:4], b"", number(body, most)), extended
    size = int.from_bytes(body[:wide], "big")
    data, rest = body[wide : wide + size], body[wide + size :]
    if len(data) != size or len(rest) not in (0, wide):
        raise Status(0x6700)
    return Command(raw[:4], data, number(rest, most)), extended


def number(octets: bytes, most: int) -> int:
    """A length field of a command: nothing is 0, zero is the most there is."""
    return (int.from_bytes(octets, "big") or most) if octets else 0


def objects(data: bytes) -> list[tuple[int, bytes]]:
    """The data objects in a row; one-byte tags are all that commands to a card need."""
    found, at = [], 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + size > len(data):
            raise Status(0x6A80)
        found.append((tag, data[at : at + size]))
        at += size
    return found


def encoded(tag: int, value: bytes) -> bytes:
    size = len(value)
    length = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + value


def oid(dotted: str) -> bytes:
    """The content octets of an object identifier whose arcs are all below 128."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return bytes([40 * first + second, *rest])
