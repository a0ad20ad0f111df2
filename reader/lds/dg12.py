"""DG12: additional document details (ICAO Doc 9303-10, 4.7.12): who issued the document and when.

Images of the pages, observations and data of the personalisation are of no use here and stay where they are. Every
field is optional and every oddity a warning. Must not know other files.
"""

from dataclasses import dataclass

from reader import tlv
from reader.lds.dates import lds_date
from reader.lds.text import utf8

WHERE = "dg12"
_GROUP, _ISSUING_AUTHORITY, _ISSUE_DATE = 0x6C, 0x5F19, 0x5F26


@dataclass(frozen=True)
class Dg12:
    """What DG12 says; every field may be absent. The date is a whole ISO date."""

    issuing_authority: str | None = None
    issue_date: str | None = None
    warnings: tuple[str, ...] = ()


def parse(data: bytes) -> Dg12:
    """Parse the whole file. Raises CardBroken when it is no data group 12 or its structure is not BER."""
    nodes = tlv.read_all(tlv.read_one(data, _GROUP, WHERE), WHERE)
    values = {node.tag: node.value for node in reversed(nodes)}
    authority = utf8(values.get(_ISSUING_AUTHORITY, b""))
    issued = lds_date(values.get(_ISSUE_DATE, b""))
    whole = issued if issued is not None and len(issued) == len("YYYY-MM-DD") else None
    warnings = []
    if authority is None and values.get(_ISSUING_AUTHORITY):
        warnings.append("dg12.issuing_authority")
    if whole is None and values.get(_ISSUE_DATE):
        warnings.append("dg12.issue_date")
    return Dg12(authority, whole, tuple(warnings))
