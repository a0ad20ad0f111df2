"""BER-TLV, bounded: the one reader of tag-length-value data that a card sends.

Only what ICAO documents use: tags of one or two bytes, definite lengths below 2^24. Everything else is refused, so
that no card can make us allocate or recurse at its will. Must not import anything but the errors.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from reader.errors import CardBroken

MAX_DEPTH = 16
MAX_NODES = 4096


@dataclass(frozen=True)
class Header:
    """Tag, length of the value, and how many bytes tag and length took (ISO/IEC 7816-4, 5.2.2)."""

    tag: int
    length: int
    size: int


@dataclass(frozen=True)
class Node:
    """One data object: tag, value, and its whole encoding."""

    tag: int
    value: bytes
    encoded: bytes

    @property
    def constructed(self) -> bool:
        """Whether the value is itself a row of data objects (bit 6 of the first tag byte)."""
        first = self.tag >> 8 if self.tag > 0xFF else self.tag
        return bool(first & 0x20)


def read_header(data: bytes, where: str, at: int = 0) -> Header:
    """Tag and length at offset `at`; the value itself need not be there yet.

    Raises CardBroken when the bytes are no such header.
    """
    start = at
    if at >= len(data):
        raise CardBroken(where=where)
    tag = data[at]
    at += 1
    if tag & 0x1F == 0x1F:
        if at >= len(data) or data[at] & 0x80:
            raise CardBroken(where=where)
        tag = tag << 8 | data[at]
        at += 1
    if at >= len(data):
        raise CardBroken(where=where)
    length = data[at]
    at += 1
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 3 or at + count > len(data):
            raise CardBroken(where=where)
        length = int.from_bytes(data[at : at + count], "big")
        at += count
    return Header(tag, length, at - start)


def read_all(data: bytes, where: str) -> list[Node]:
    """Every data object of `data`, one after the other; nothing may be left over. Raises CardBroken."""
    nodes: list[Node] = []
    at = 0
    while at < len(data):
        header = read_header(data, where, at)
        end = at + header.size + header.length
        if end > len(data) or len(nodes) >= MAX_NODES:
            raise CardBroken(where=where)
        nodes.append(Node(header.tag, data[at + header.size : end], data[at:end]))
        at = end
    return nodes


def read_one(data: bytes, tag: int, where: str) -> bytes:
    """The value of the only data object in `data`, which must carry `tag`. Raises CardBroken."""
    nodes = read_all(data, where)
    if len(nodes) != 1 or nodes[0].tag != tag:
        raise CardBroken(where=where)
    return nodes[0].value


def find(nodes: list[Node], tag: int, where: str) -> bytes:
    """The value of the first data object with `tag`. Raises CardBroken when there is none."""
    for node in nodes:
        if node.tag == tag:
            return node.value
    raise CardBroken(where=where)


def children(node: Node, where: str) -> list[Node]:
    """The data objects inside a constructed one. Raises CardBroken."""
    if not node.constructed:
        raise CardBroken(where=where)
    return read_all(node.value, where)


def walk(nodes: list[Node], where: str, depth: int = 0) -> Iterator[Node]:
    """Every data object in depth-first order, parents before children. Raises CardBroken beyond MAX_DEPTH."""
    if depth > MAX_DEPTH:
        raise CardBroken(where=where)
    for node in nodes:
        yield node
        if node.constructed:
            yield from walk(read_all(node.value, where), where, depth + 1)


def encode(tag: int, value: bytes) -> bytes:
    """One data object with the shortest length form (ISO/IEC 7816-4, 5.2.2.2)."""
    size = len(value)
    if size < 0x80:
        length = bytes([size])
    else:
        digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(digits)]) + digits
    return tag.to_bytes(2 if tag > 0xFF else 1, "big") + length + value
