"""EF.COM: versions and the list of data groups (ICAO Doc 9303-10, 4.6.1).

Unsigned, so nothing is decided by it; it is read only where everything is wanted. Must not know other files.
"""

from dataclasses import dataclass

from reader.chip import tlv
from reader.errors import CardBroken

WHERE = "com"
# Tag of each data group, DG1 to DG16 (Doc 9303-10, table 39).
_TAGS = bytes.fromhex("6175636465666768696A6B6C6D6E6F70")


@dataclass(frozen=True)
class Com:
    """LDS version, Unicode version, numbers of the data groups in the card's order."""

    lds_version: str
    unicode_version: str
    data_groups: tuple[int, ...]


def parse(data: bytes) -> Com:
    """Parse the whole file. Raises CardBroken."""
    nodes = tlv.read_all(tlv.read_one(data, 0x60, WHERE), WHERE)
    tags = tlv.find(nodes, 0x5C, WHERE)
    try:
        versions = [tlv.find(nodes, tag, WHERE).decode("ascii") for tag in (0x5F01, 0x5F36)]
        groups = tuple(_TAGS.index(tag) + 1 for tag in tags)
    except ValueError:
        raise CardBroken(where=WHERE) from None
    return Com(versions[0], versions[1], groups)
