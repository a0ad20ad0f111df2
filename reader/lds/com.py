"""EF.COM: versions and the list of data groups (ICAO Doc 9303-10, 4.6.1).

Unsigned, so nothing is decided by it; it is read only where everything is wanted, and what is odd in it is a warning.
Must not know other files.
"""

from dataclasses import dataclass

from reader import tlv
from reader.errors import CardBroken

WHERE = "com"
# Tag of each data group, DG1 to DG16 (Doc 9303-10, table 39).
_TAGS = bytes.fromhex("6175636465666768696A6B6C6D6E6F70")


@dataclass(frozen=True)
class Com:
    """LDS version, Unicode version (None where absent or odd), numbers of the data groups in the card's order."""

    lds_version: str | None
    unicode_version: str | None
    data_groups: tuple[int, ...]
    warnings: tuple[str, ...] = ()


def parse(data: bytes) -> Com:
    """Parse the whole file. Raises CardBroken when it is no EF.COM or its structure is not BER."""
    nodes = tlv.read_all(tlv.read_one(data, 0x60, WHERE), WHERE)
    tags = tlv.find(nodes, 0x5C, WHERE)
    groups = tuple(dict.fromkeys(_TAGS.index(tag) + 1 for tag in tags if tag in _TAGS))
    lds_version, unicode_version = _version(nodes, 0x5F01, 4), _version(nodes, 0x5F36, 6)
    odd = len(groups) != len(tags) or lds_version is None or unicode_version is None
    return Com(lds_version, unicode_version, groups, ("com.layout",) if odd else ())


def _version(nodes: list[tlv.Node], tag: int, digits: int) -> str | None:
    """A version: two decimal digits for each of its parts."""
    try:
        value = tlv.find(nodes, tag, WHERE)
    except CardBroken:
        return None
    return value.decode("ascii") if len(value) == digits and value.isdigit() else None
