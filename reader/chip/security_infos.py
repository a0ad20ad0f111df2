"""EF.CardAccess: the access protocols a chip offers (ICAO Doc 9303-11, 9.2).

Only PACEInfo is looked at; what is not understood is passed over, as the standard asks. Must not send anything.
"""

from dataclasses import dataclass

from reader.chip import tlv
from reader.errors import CardBroken

WHERE = "card_access"
# id-PACE (0.4.0.127.0.7.2.2.4), content octets; a protocol is two more arcs: mapping, then cipher.
ID_PACE = bytes.fromhex("04007F0007020204")
ECDH_GM = 2
AES_BITS = {2: 128, 3: 192, 4: 256}
VERSION = 2


@dataclass(frozen=True)
class PaceInfo:
    """One PACEInfo: object identifier (content octets), version, standardised domain parameters if named."""

    oid: bytes
    version: int
    parameter_id: int | None

    @property
    def mapping(self) -> int:
        """Last arc but one: key agreement and mapping (Doc 9303-11, 9.2.1)."""
        return self.oid[len(ID_PACE)]

    @property
    def aes_bits(self) -> int | None:
        """AES key size, None where the cipher is triple DES or unknown."""
        return AES_BITS.get(self.oid[len(ID_PACE) + 1])


def parse_pace_infos(card_access: bytes) -> list[PaceInfo]:
    """Every PACEInfo of EF.CardAccess, in the card's order. Raises CardBroken when the file is no SecurityInfos."""
    infos = []
    for node in tlv.read_all(tlv.read_one(card_access, 0x31, WHERE), WHERE):
        fields = tlv.children(node, WHERE)
        if node.tag != 0x30 or not fields or fields[0].tag != 0x06:
            raise CardBroken(where=WHERE)
        oid = fields[0].value
        if not oid.startswith(ID_PACE) or len(oid) != len(ID_PACE) + 2:
            continue  # another protocol, or PACEDomainParameterInfo
        info = _pace_info(oid, fields[1:])
        if info is not None:
            infos.append(info)
    return infos


def _pace_info(oid: bytes, fields: list[tlv.Node]) -> PaceInfo | None:
    """None for what a later edition of the standard may have added: another protocol of the card may still do."""
    if not 1 <= len(fields) <= 2 or any(field.tag != 0x02 or not 1 <= len(field.value) <= 2 for field in fields):
        return None
    numbers = [int.from_bytes(field.value, "big", signed=True) for field in fields]
    return PaceInfo(oid, numbers[0], numbers[1] if len(numbers) == 2 else None)
