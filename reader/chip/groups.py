"""Groups for key agreement, elliptic curves and prime fields behind one shape, and how cards write them down
(ICAO Doc 9303-11, 9.4 and 9.5; BSI TR-03110-3, A.2).

A curve of the card's own choosing is never used: explicit parameters must equal a known curve's in every number.
Must not know any protocol.
"""

from dataclasses import dataclass
from typing import Protocol

from reader import curves, tlv
from reader.chip import dh
from reader.curves import Curve, Multiplier, Point
from reader.errors import CardBroken

# Content octets of object identifiers.
EC_PUBLIC_KEY = bytes.fromhex("2A8648CE3D0201")  # 1.2.840.10045.2.1
PRIME_FIELD = bytes.fromhex("2A8648CE3D0101")  # 1.2.840.10045.1.1
DH_KEY_AGREEMENT = bytes.fromhex("2A864886F70D010301")  # 1.2.840.113549.1.3.1, PKCS #3
DH_PUBLIC_NUMBER = bytes.fromhex("2A8648CE3E0201")  # 1.2.840.10046.2.1, ANSI X9.42
STANDARDIZED_PARAMETERS = bytes.fromhex("04007F00070102")  # 0.4.0.127.0.7.1.2, TR-03110-3, A.2.1.1
MAX_INTEGER = dh.MAX_BITS // 8 + 1  # bytes, with the sign


class Unsupported(Exception):
    """A group outside what this version computes with; the card may be in order."""


class KeyPair(Protocol):
    """Our side of one agreement. The peer's public key is checked to be in the group before it is used."""

    @property
    def public(self) -> bytes:
        """The public key as protocols carry it: an uncompressed point, or an unsigned integer (9.4.1)."""
        ...

    def shared_secret(self, peer: bytes, where: str) -> bytes:
        """The shared secret as key derivation takes it: an abscissa, or an integer as long as the prime.

        Raises CardBroken (`where`).
        """
        ...

    def generic_mapping(self, scalar: int, peer: bytes, where: str) -> "Group":
        """The same group over scalar times its generator plus our private key times the peer's public one (4.4.3.3.1).

        Raises CardBroken (`where`).
        """
        ...


class Group(Protocol):
    """A group in which two sides agree on a secret, over a prime field. Private keys are from 1 to `order` - 1.

    `kind` is "ECDH" or "DH", `p` the prime; `encodes` says whether `integrated_mapping` exists for this group.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def p(self) -> int: ...
    @property
    def order(self) -> int: ...
    @property
    def encodes(self) -> bool: ...

    def key_pair(self, private: int) -> KeyPair:
        """Our side of an agreement; cheaper than the two functions below where both are wanted."""
        ...

    def public_key(self, private: int) -> bytes:
        """The public key that belongs to a private one."""
        ...

    def shared_secret(self, private: int, peer: bytes, where: str) -> bytes:
        """The secret shared with a peer. Raises CardBroken (`where`)."""
        ...

    def integrated_mapping(self, number: int, where: str) -> "Group":
        """The same group over the generator that an integer from 0 to p - 1 encodes (4.4.3.3.2).

        Raises CardBroken (`where`).
        """
        ...


@dataclass(frozen=True)
class EcGroup:
    """The points of a curve, all multiples of `generator` (the cofactor is 1, the order prime)."""

    curve: Curve
    generator: Point

    @property
    def name(self) -> str:
        """The curve's name (RFC 5639, SEC 2)."""
        return self.curve.name

    @property
    def kind(self) -> str:
        """The family, as protocols are named."""
        return "ECDH"

    @property
    def p(self) -> int:
        """The prime of the field."""
        return self.curve.p

    @property
    def order(self) -> int:
        """The number of points."""
        return self.curve.n

    @property
    def encodes(self) -> bool:
        """Whether p is 3 modulo 4; the encoding has no other case, and 9.5.1 leaves NIST P-224 out of it for that."""
        return self.curve.p % 4 == 3

    def key_pair(self, private: int) -> "EcKeyPair":
        """Our side of an agreement on this curve."""
        return EcKeyPair(self, private)

    def public_key(self, private: int) -> bytes:
        """private · generator, uncompressed."""
        return self.key_pair(private).public

    def shared_secret(self, private: int, peer: bytes, where: str) -> bytes:
        """The abscissa of private · peer, in as many bytes as the field has. Raises CardBroken."""
        return self.key_pair(private).shared_secret(peer, where)

    def integrated_mapping(self, number: int, where: str) -> "EcGroup":
        """The same curve over the point that `number` encodes (appendix B). Raises CardBroken."""
        if not self.encodes:
            raise ValueError("this curve has no integrated mapping")
        generator = self.curve.encode_integer(number)
        if generator is None:
            raise CardBroken(where=where)
        return EcGroup(self.curve, generator)


class EcKeyPair:
    """Our private key on a curve, and its public key as protocols carry it."""

    def __init__(self, group: EcGroup, private: int) -> None:
        self._group = group
        self._private = Multiplier(group.curve, private)
        base = group.generator == group.curve.g
        self.public = group.curve.encode(self._private.base if base else self._private.product(group.generator))

    def shared_secret(self, peer: bytes, where: str) -> bytes:
        """The abscissa of private · peer, in as many bytes as the field has. Raises CardBroken."""
        curve = self._group.curve
        return self._private.abscissa(curve.decode(peer, where)).to_bytes(curve.field_size, "big")

    def generic_mapping(self, scalar: int, peer: bytes, where: str) -> EcGroup:
        """The same curve over scalar · generator + private · peer (4.4.3.3.1). Raises CardBroken."""
        curve = self._group.curve
        point = curve.decode(peer, where)
        factor = scalar % curve.n
        if factor == 0:
            raise CardBroken(where=where)
        generator = curve.add(curve.multiply(factor, self._group.generator), self._private.product(point))
        if generator is None:
            raise CardBroken(where=where)
        return EcGroup(curve, generator)


_CURVES = {number: EcGroup(curve, curve.g) for number, curve in curves.BY_PARAMETER_ID.items() if curve.supported()}


def by_parameter_id(number: int) -> Group | None:
    """The group with this number among the standardised domain parameters (9.5.1), if there is one."""
    return _CURVES.get(number) or dh.BY_PARAMETER_ID.get(number)


def from_public_key_info(encoded: bytes, where: str) -> tuple[Group, bytes]:
    """The group and the public key, as protocols carry it, of a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).

    Prime fields may be the card's own, of 1024 to 4096 bits: what this is taken from is signed. The key itself is
    checked when it is used. Raises CardBroken (`where`) when it is malformed, Unsupported when it is of a group that
    this version does not know or would not use.
    """
    fields = tlv.read_all(tlv.read_one(encoded, 0x30, where), where)
    if [field.tag for field in fields] != [0x30, 0x03] or fields[1].value[:1] != b"\0":
        raise CardBroken(where=where)
    algorithm, parameters = _algorithm(fields[0].encoded, where)
    group = _standardised(algorithm, parameters, where)
    if group is None and algorithm in (DH_KEY_AGREEMENT, DH_PUBLIC_NUMBER):
        group = dh.from_numbers(*_dh_numbers(algorithm, parameters, where))
    if group is None:
        raise Unsupported
    key = fields[1].value[1:]
    if group.kind == "DH":
        key = dh.unsigned(_integer(tlv.read_one(key, 0x02, where), where))
    return group, key


def from_algorithm(encoded: bytes, where: str) -> Group:
    """The standardised group that an AlgorithmIdentifier names or spells out. Raises CardBroken, Unsupported."""
    group = _standardised(*_algorithm(encoded, where), where)
    if group is None:
        raise Unsupported
    return group


def _algorithm(encoded: bytes, where: str) -> tuple[bytes, tlv.Node]:
    """Object identifier and parameters of an AlgorithmIdentifier (RFC 5280, 4.1.1.2); groups always have parameters."""
    fields = tlv.read_all(tlv.read_one(encoded, 0x30, where), where)
    if len(fields) != 2 or fields[0].tag != 0x06:
        raise CardBroken(where=where)
    return fields[0].value, fields[1]


def _standardised(algorithm: bytes, parameters: tlv.Node, where: str) -> Group | None:
    if algorithm == STANDARDIZED_PARAMETERS:
        if parameters.tag != 0x02:
            raise CardBroken(where=where)
        return by_parameter_id(_integer(parameters.value, where))
    if algorithm == EC_PUBLIC_KEY:
        return _curve(parameters, where)
    if algorithm in (DH_KEY_AGREEMENT, DH_PUBLIC_NUMBER):
        return dh.standardised(*_dh_numbers(algorithm, parameters, where))
    return None


def _dh_numbers(algorithm: bytes, parameters: tlv.Node, where: str) -> tuple[int, int, int | None]:
    """p, g, and q where there is one: PKCS #3 has the length of private keys in that place, X9.42 more behind it."""
    fields = tlv.children(parameters, where)
    if parameters.tag != 0x30 or [field.tag for field in fields[:2]] != [0x02, 0x02]:
        raise CardBroken(where=where)
    has_order = algorithm == DH_PUBLIC_NUMBER and [field.tag for field in fields[2:3]] == [0x02]
    order = _integer(fields[2].value, where) if has_order else None
    return _integer(fields[0].value, where), _integer(fields[1].value, where), order


def _curve(parameters: tlv.Node, where: str) -> EcGroup | None:
    """Named or explicit curve parameters (RFC 3279, 2.3.5), always as the known curve that they stand for."""
    if parameters.tag == 0x06:
        curve = curves.BY_OBJECT_IDENTIFIER.get(parameters.value)
        return next((group for group in _CURVES.values() if group.curve is curve), None)
    if parameters.tag != 0x30:
        return None
    fields = tlv.children(parameters, where)
    tags = [field.tag for field in fields]
    if tags[:5] != [0x02, 0x30, 0x30, 0x04, 0x02]:
        raise CardBroken(where=where)
    field_id, coefficients = tlv.children(fields[1], where), tlv.children(fields[2], where)
    if [node.tag for node in field_id[:1]] != [0x06] or [node.tag for node in coefficients[:2]] != [0x04, 0x04]:
        raise CardBroken(where=where)
    if field_id[0].value != PRIME_FIELD:
        return None
    if [node.tag for node in field_id] != [0x06, 0x02]:
        raise CardBroken(where=where)
    cofactor = _integer(fields[5].value, where) if tags[5:6] == [0x02] else 1
    numbers = (
        _integer(field_id[1].value, where),
        int.from_bytes(coefficients[0].value, "big"),
        int.from_bytes(coefficients[1].value, "big"),
        _integer(fields[4].value, where),
        cofactor,
    )
    return next((group for group in _CURVES.values() if _same(group.curve, numbers, fields[3].value)), None)


def _same(curve: Curve, numbers: tuple[int, int, int, int, int], base: bytes) -> bool:
    """Whether p, a, b, n, the cofactor and the base point (in either form) are all this curve's."""
    compressed = bytes([2 + (curve.g.y & 1)]) + curve.g.x.to_bytes(curve.field_size, "big")
    return numbers == (curve.p, curve.a, curve.b, curve.n, 1) and base in (curve.encode(curve.g), compressed)


def _integer(value: bytes, where: str) -> int:
    """The content of an INTEGER that must not be negative, of bounded size. Raises CardBroken."""
    if not 1 <= len(value) <= MAX_INTEGER or value[0] & 0x80:
        raise CardBroken(where=where)
    return int.from_bytes(value, "big")
