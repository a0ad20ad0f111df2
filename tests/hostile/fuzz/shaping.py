"""Mutations that keep the shape of BER-TLV: objects go, come twice, change places, get another tag or value, and all
lengths around them are made to fit. Random bytes alone hardly get past the first length.

Pure: chance comes in as an argument.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from reader import tlv

MOST_NODES = 2000
DEEPEST = 40
TAGS = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x17, 0x18, 0x30, 0x31, 0x80, 0xA0, 0xA1, 0xA3, 0x5F1F, 0x7F60)
VALUES = (b"", b"\0", b"\1", b"\x7f", b"\xff", b"\x80", b"\0" * 8, b"\xff" * 8, b"\x7f" + b"\xff" * 300, b"\0" * 300)


@dataclass
class Branch:
    """One data object; a primitive one has a `value`, the others `inside`. `lead` stands in front of what is inside.

    A BIT STRING or OCTET STRING around other objects counts as constructed.
    """

    tag: int
    value: bytes = b""
    lead: bytes = b""
    inside: list["Branch"] = field(default_factory=list)

    def encode(self) -> bytes:
        """All lengths as they should be."""
        if not self.inside:
            return tlv.encode(self.tag, self.lead + self.value)
        return tlv.encode(self.tag, self.lead + b"".join(one.encode() for one in self.inside))


def grown(data: bytes, depth: int = 0) -> list[Branch] | None:
    """The data objects in these bytes, None where they are none."""
    try:
        nodes = tlv.read_all(data, "shape")
    except tlv.CardBroken:
        return None
    branches = []
    for node in nodes:
        lead = node.value[:1] if node.tag == 0x03 else b""
        worth = node.constructed or node.tag in (0x03, 0x04)
        inside = grown(node.value[len(lead) :], depth + 1) if worth and depth < DEEPEST else None
        branches.append(Branch(node.tag, b"", lead, inside) if inside else Branch(node.tag, node.value))
    return branches


def mutated(data: bytes, dice: random.Random, mutate_bytes: Callable[[bytes], bytes]) -> bytes | None:
    """The data with a change or two; None where it has no shape to keep."""
    forest = grown(data)
    if not forest:
        return None
    for _ in range(dice.choice((1, 1, 1, 2))):
        _change(forest, dice, mutate_bytes)
    return b"".join(one.encode() for one in forest)


def _change(forest: list[Branch], dice: random.Random, mutate_bytes: Callable[[bytes], bytes]) -> None:
    places = _places(forest)
    if not places:
        return
    row, at = dice.choice(places)
    branch = row[at]
    match dice.randrange(9):
        case 0:
            del row[at]
        case 1:
            row[at:at] = [branch] * dice.choice((1, 2, 5, 70))
        case 2:
            row[at] = _any(places, dice)
        case 3:
            row.insert(at, _any(places, dice))
        case 4:
            branch.tag = dice.choice(TAGS)
        case 5:
            branch.inside, branch.value = [], dice.choice(VALUES)
        case 6:
            row[at] = Branch(dice.choice(TAGS), inside=[branch])
        case 7:
            dice.shuffle(row)
        case _:
            raw = b"".join(one.encode() for one in branch.inside) or branch.value
            branch.inside, branch.value = [], mutate_bytes(raw)


def _any(places: list[tuple[list[Branch], int]], dice: random.Random) -> Branch:
    row, at = dice.choice(places)
    copied = grown(row[at].encode())
    return copied[0] if copied else Branch(0x05)


def _places(forest: list[Branch]) -> list[tuple[list[Branch], int]]:
    found: list[tuple[list[Branch], int]] = []
    rows = [forest]
    while rows and len(found) < MOST_NODES:
        row = rows.pop()
        found += [(row, at) for at in range(len(row))]
        rows += [one.inside for one in row if one.inside]
    return found
