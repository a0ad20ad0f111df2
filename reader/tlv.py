"""BER-TLV, bounded: the one reader of tag-length-value data that a card sends.

Only what ICAO documents use: tags of one or two bytes, definite lengths below 2^24. Everything else is refused, so
that no card can make us allocate or recurse at its will. Nothing is looked at twice: the time is linear in the bytes
there are, never in the bytes that a length claims. Must not import anything but the errors.
"""

from collections.abc import Iterator
from typing import NamedTuple

from reader.errors import CardBroken

MAX_DEPTH = 16
MAX_NODES = 4096


# Tuples and not dataclasses: a reading makes some three hundred of these, and a tuple costs a third of the time.
class Header(NamedTuple):
    """Tag, length of the value, and how many bytes tag and length took (ISO/IEC 7816-4, 5.2.2)."""

    tag: int
    length: int
    size: int


class Node(NamedTuple):
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
    start, end = at, len(data)
    if at >= end:
        raise CardBroken(where=where)
    tag = data[at]
    at += 1
    if tag & 0x1F == 0x1F:
        if at >= end or data[at] & 0x80:
            raise CardBroken(where=where)
        tag = tag << 8 | data[at]
        at += 1
    if at >= end:
        raise CardBroken(where=where)
    length = data[at]
    at += 1
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 3 or at + count > end:
            raise CardBroken(where=where)
        length = int.from_bytes(data[at : at + count], "big")
        at += count
    return Header(tag, length, at - start)


def read_all(data: bytes, where: str) -> list[Node]:
    """Every data object of `data`, one after the other; nothing may be left over. Raises CardBroken."""
    nodes: list[Node] = []
    at, size = 0, len(data)
    while at < size:
        tag, length, header = read_header(data, where, at)
        begin = at + header
        end = begin + length
        if end > size or len(nodes) >= MAX_NODES:
            raise CardBroken(where=where)
        nodes.append(Node(tag, data[begin:end], data[at:end]))
        at = end
    return nodes


def read_one(data: bytes, tag: int, where: str) -> bytes:
    """The value of the only data object in `data`, which must carry `tag`. Raises CardBroken."""
    header = read_header(data, where)
    if header.tag != tag or header.size + header.length != len(data):
        raise CardBroken(where=where)
    return data[header.size :]


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


def walk(nodes: list[Node], where: str) -> Iterator[Node]:
    """Every data object in depth-first order, parents before children. Raises CardBroken beyond MAX_DEPTH."""
    levels = [iter(nodes)]
    while levels:
        node = next(levels[-1], None)
        if node is None:
            levels.pop()
            continue
        yield node
        if node.constructed:
            if len(levels) > MAX_DEPTH:
                raise CardBroken(where=where)
            levels.append(iter(read_all(node.value, where)))


def encode(tag: int, value: bytes) -> bytes:
    """One data object with the shortest length form (ISO/IEC 7816-4, 5.2.2.2)."""
    size = len(value)
    if size < 0x80:
        length = bytes([size])
    else:
        digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(digits)]) + digits
    return tag.to_bytes(2 if tag > 0xFF else 1, "big") + length + value
