"""SecurityInfos: what a chip says it can do, in EF.CardAccess, EF.CardSecurity and DG14 (ICAO Doc 9303-11, 9.2).

One row of data objects for every protocol; what is not understood is passed over, as the standard asks: another
protocol of the card may still do. Must not send anything or judge keys.
"""

from dataclasses import dataclass

from reader import tlv
from reader.errors import CardBroken

# Content octets of the object identifiers; a protocol is one or two more arcs.
ID_PACE = bytes.fromhex("04007F0007020204")  # 0.4.0.127.0.7.2.2.4
ID_CHIP_AUTHENTICATION = bytes.fromhex("04007F0007020203")  # 0.4.0.127.0.7.2.2.3
ID_PUBLIC_KEY = bytes.fromhex("04007F0007020201")  # 0.4.0.127.0.7.2.2.1
ID_ACTIVE_AUTHENTICATION = bytes.fromhex("678108010105")  # 2.23.136.1.1.5
MAX_INFOS = 64


@dataclass(frozen=True)
class PaceInfo:
    """One PACEInfo (9.2.1): protocol, version, domain parameters by number if it names them."""

    oid: bytes
    version: int
    parameter_id: int | None


@dataclass(frozen=True)
class PaceDomainParameterInfo:
    """Proprietary domain parameters (9.2.2): protocol family, AlgorithmIdentifier as DER, their number."""

    oid: bytes
    algorithm: bytes
    parameter_id: int | None


@dataclass(frozen=True)
class ChipAuthenticationInfo:
    """One ChipAuthenticationInfo (9.2.5): protocol, version, which of several keys."""

    oid: bytes
    version: int
    key_id: int | None


@dataclass(frozen=True)
class ChipAuthenticationPublicKeyInfo:
    """One ChipAuthenticationPublicKeyInfo (9.2.6): key agreement, SubjectPublicKeyInfo as DER, which key."""

    oid: bytes
    public_key: bytes
    key_id: int | None


@dataclass(frozen=True)
class ActiveAuthenticationInfo:
    """One ActiveAuthenticationInfo (9.2.4): version and the signature algorithm of ECDSA keys."""

    version: int
    signature_algorithm: bytes


@dataclass(frozen=True)
class SecurityInfos:
    """Everything understood, each kind in the card's order."""

    pace: tuple[PaceInfo, ...] = ()
    pace_domains: tuple[PaceDomainParameterInfo, ...] = ()
    chip_authentication: tuple[ChipAuthenticationInfo, ...] = ()
    chip_keys: tuple[ChipAuthenticationPublicKeyInfo, ...] = ()
    active_authentication: tuple[ActiveAuthenticationInfo, ...] = ()


_Info = (
    PaceInfo
    | PaceDomainParameterInfo
    | ChipAuthenticationInfo
    | ChipAuthenticationPublicKeyInfo
    | ActiveAuthenticationInfo
)


def parse(encoded: bytes, where: str) -> SecurityInfos:
    """SecurityInfos, a SET of SEQUENCEs that begin with an object identifier. Raises CardBroken (`where`)."""
    nodes = tlv.read_all(tlv.read_one(encoded, 0x31, where), where)
    if len(nodes) > MAX_INFOS:
        raise CardBroken(where=where)
    found = [info for node in nodes if (info := _info(node, where)) is not None]
    return SecurityInfos(
        pace=tuple(info for info in found if isinstance(info, PaceInfo)),
        pace_domains=tuple(info for info in found if isinstance(info, PaceDomainParameterInfo)),
        chip_authentication=tuple(info for info in found if isinstance(info, ChipAuthenticationInfo)),
        chip_keys=tuple(info for info in found if isinstance(info, ChipAuthenticationPublicKeyInfo)),
        active_authentication=tuple(info for info in found if isinstance(info, ActiveAuthenticationInfo)),
    )


def _info(node: tlv.Node, where: str) -> _Info | None:
    fields = tlv.children(node, where)
    if node.tag != 0x30 or not fields or fields[0].tag != 0x06:
        raise CardBroken(where=where)
    oid, rest = fields[0].value, fields[1:]
    if oid == ID_ACTIVE_AUTHENTICATION:
        return _active_authentication(rest)
    if oid.startswith(ID_PACE):
        return _pace(oid, rest) if len(oid) == len(ID_PACE) + 2 else _pace_domain(oid, rest)
    if oid.startswith(ID_CHIP_AUTHENTICATION) and len(oid) == len(ID_CHIP_AUTHENTICATION) + 2:
        return _chip_authentication(oid, rest)
    if oid.startswith(ID_PUBLIC_KEY) and len(oid) == len(ID_PUBLIC_KEY) + 1:
        return _chip_key(oid, rest)
    return None


def _pace(oid: bytes, fields: list[tlv.Node]) -> PaceInfo | None:
    numbers = _integers(fields)
    return PaceInfo(oid, numbers[0], _second(numbers)) if numbers else None


def _pace_domain(oid: bytes, fields: list[tlv.Node]) -> PaceDomainParameterInfo | None:
    if len(oid) != len(ID_PACE) + 1 or not 1 <= len(fields) <= 2 or fields[0].tag != 0x30:
        return None
    numbers = _integers(fields[1:])
    if len(fields) == 2 and not numbers:
        return None
    return PaceDomainParameterInfo(oid, fields[0].encoded, numbers[0] if numbers else None)


def _chip_authentication(oid: bytes, fields: list[tlv.Node]) -> ChipAuthenticationInfo | None:
    numbers = _integers(fields)
    return ChipAuthenticationInfo(oid, numbers[0], _second(numbers)) if numbers else None


def _chip_key(oid: bytes, fields: list[tlv.Node]) -> ChipAuthenticationPublicKeyInfo | None:
    if not 1 <= len(fields) <= 2 or fields[0].tag != 0x30:
        return None
    numbers = _integers(fields[1:])
    if len(fields) == 2 and not numbers:
        return None
    return ChipAuthenticationPublicKeyInfo(oid, fields[0].encoded, numbers[0] if numbers else None)


def _active_authentication(fields: list[tlv.Node]) -> ActiveAuthenticationInfo | None:
    if len(fields) != 2 or fields[1].tag != 0x06:
        return None
    numbers = _integers(fields[:1])
    return ActiveAuthenticationInfo(numbers[0], fields[1].value) if numbers else None


def _integers(fields: list[tlv.Node]) -> list[int]:
    """One or two small INTEGERs; anything else: none, a later edition of the standard may have added it."""
    if not 1 <= len(fields) <= 2 or any(field.tag != 0x02 or not 1 <= len(field.value) <= 4 for field in fields):
        return []
    return [int.from_bytes(field.value, "big", signed=True) for field in fields]


def _second(numbers: list[int]) -> int | None:
    return numbers[1] if len(numbers) == 2 else None
