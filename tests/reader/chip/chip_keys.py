"""Chip authentication keys as DG14 writes them, and the chip's half of the agreement with each."""

from collections.abc import Callable
from dataclasses import dataclass

from reader import curves
from reader.chip import dh
from reader.chip.chip_authentication import Offer, choose
from reader.chip.security_infos import ChipAuthenticationInfo, ChipAuthenticationPublicKeyInfo, SecurityInfos
from reader.curves import Curve
from tests.reader.chip.chip_side import agreed_on_curve, public_on_curve, wrapped

ID_CA = "04007F0007020203"
ID_PK = "04007F0007020201"
PRIVATE_OF_CHIP = 0x1F3E5D7C9BBAD9F81736557493B2D1F00F1E2D3C4B5A6978


@dataclass(frozen=True)
class Side:
    """The chip's half of the agreement: its public key as DG14 has it, and the secret it shares with a public key."""

    key_info: bytes
    agree: Callable[[bytes], bytes]


def integer(number: int) -> bytes:
    return wrapped(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def oid(content: str) -> bytes:
    return wrapped(0x06, bytes.fromhex(content))


def sequence(*parts: bytes) -> bytes:
    return wrapped(0x30, b"".join(parts))


def numbered(number: int, key: bytes) -> bytes:
    """SubjectPublicKeyInfo with domain parameters by number (TR-03110-3, A.2.1.1)."""
    return sequence(sequence(oid("04007F00070102"), integer(number)), wrapped(0x03, b"\0" + key))


def explicit(curve: Curve, key: bytes, cofactor: int = 1, order: int | None = None) -> bytes:
    size = curve.field_size
    base = b"\x04" + curve.g.x.to_bytes(size, "big") + curve.g.y.to_bytes(size, "big")
    parameters = sequence(
        integer(1),
        sequence(oid("2A8648CE3D0101"), integer(curve.p)),
        sequence(wrapped(0x04, curve.a.to_bytes(size, "big")), wrapped(0x04, curve.b.to_bytes(size, "big"))),
        wrapped(0x04, base),
        integer(order or curve.n),
        integer(cofactor),
    )
    return sequence(sequence(oid("2A8648CE3D0201"), parameters), wrapped(0x03, b"\0" + key))


def on_curve(number: int) -> Side:
    curve = curves.BY_PARAMETER_ID[number]
    private = PRIVATE_OF_CHIP % curve.n
    public = public_on_curve(curve, private)
    return Side(numbered(number, public), lambda peer: agreed_on_curve(curve, private, peer))


def modulo(number: int) -> Side:
    group = dh.BY_PARAMETER_ID[number]
    public = pow(group.g, PRIVATE_OF_CHIP, group.p)
    size = (group.p.bit_length() + 7) // 8

    def agree(peer: bytes) -> bytes:
        return pow(int.from_bytes(peer, "big"), PRIVATE_OF_CHIP, group.p).to_bytes(size, "big")

    return Side(numbered(number, integer(public)), agree)


def info(agreement: int, cipher: int, version: int = 1, key_id: int | None = None) -> ChipAuthenticationInfo:
    return ChipAuthenticationInfo(bytes.fromhex(ID_CA) + bytes((agreement, cipher)), version, key_id)


def key(agreement: int, key_info: bytes, key_id: int | None = None) -> ChipAuthenticationPublicKeyInfo:
    return ChipAuthenticationPublicKeyInfo(bytes.fromhex(ID_PK) + bytes([agreement]), key_info, key_id)


def infos(*parts: ChipAuthenticationInfo | ChipAuthenticationPublicKeyInfo) -> SecurityInfos:
    return SecurityInfos(
        chip_authentication=tuple(part for part in parts if isinstance(part, ChipAuthenticationInfo)),
        chip_keys=tuple(part for part in parts if isinstance(part, ChipAuthenticationPublicKeyInfo)),
    )


def chosen(*parts: ChipAuthenticationInfo | ChipAuthenticationPublicKeyInfo) -> Offer:
    offer = choose(infos(*parts))
    assert offer is not None
    return offer
