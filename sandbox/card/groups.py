"""The groups in which a card agrees on keys (ICAO Doc 9303-11, 9.5 and 9.6), all behind one face; elements are bytes.

OpenSSL multiplies wherever it knows the curve. It tells only the x-coordinate of a product with a point of others: the
other coordinate is one of two roots, and a second product tells which.
"""

from functools import lru_cache
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.card import elliptic
from sandbox.card.elliptic import Point
from sandbox.card.parameters import NAMES, ModularDomain, domain, modular_domain


class BadElement(ValueError):
    """Bytes that are no element of the group, or one that gives nothing secret."""


class Private(Protocol):
    """A private key: a number below the group's order, not zero."""

    @property
    def public(self) -> bytes:
        """The generator to this power."""

    def power(self, element: bytes) -> bytes:
        """The element to this power (a multiple of the point). Raises BadElement."""

    def secret(self, element: bytes) -> bytes:
        """What a key agreement with this public key gives: x-coordinate, or the number itself. Raises BadElement."""


class Group(Protocol):
    """A cyclic group. Elements are encoded as the protocols carry them: uncompressed point, or integer of p's size."""

    name: str
    order: int
    p: int
    tag: int  # of a public key inside a public key data object (9303-11, 9.4)

    def private(self, number: int) -> Private:
        """The private key with this number, taken modulo the order. Raises BadElement for zero."""

    def combine(self, left: bytes, right: bytes) -> bytes:
        """Sum of points, product of integers. Raises BadElement for the neutral element."""

    def check(self, element: bytes) -> bytes:
        """The same bytes. Raises BadElement unless they are an element of the group other than the neutral one."""

    def encoded(self, number: int) -> bytes:
        """The element that integrated mapping gives a number below p (9303-11, 4.4.3.3.2). Raises BadElement."""


def by_number(parameters: int) -> Group:
    """The group of the standardised domain parameters with this number. Raises KeyError."""
    return by_name(NAMES[parameters])


@lru_cache(maxsize=32)
def by_name(name: str) -> Group:
    """The group of this name (see image.ChipKey). Raises KeyError."""
    if name.startswith("modp"):
        return Modular(modular_domain(name))
    library = _LIBRARY.get(name)
    return Curve(name) if library is None else LibraryCurve(name, library)


_LIBRARY: dict[str, ec.EllipticCurve] = {
    curve.name: curve
    for curve in (
        ec.SECP192R1(),
        ec.SECP224R1(),
        ec.SECP256R1(),
        ec.SECP384R1(),
        ec.SECP521R1(),
        ec.BrainpoolP256R1(),
        ec.BrainpoolP384R1(),
        ec.BrainpoolP512R1(),
    )
}


class Curve:
    """An elliptic curve, with our own arithmetic."""

    tag = 0x86

    def __init__(self, name: str) -> None:
        self.name = name
        self.domain = domain(name)
        self.order, self.p = self.domain.n, self.domain.p
        self.generator = Point(self.domain.x, self.domain.y)

    def private(self, number: int) -> Private:
        """See Group."""
        return _CurveKey(self, _nonzero(number % self.order))

    def combine(self, left: bytes, right: bytes) -> bytes:
        """See Group."""
        try:
            return self.encode(elliptic.add(self.decode(left), self.decode(right), self.domain))
        except elliptic.BadPoint:
            raise BadElement from None

    def check(self, element: bytes) -> bytes:
        """See Group."""
        self.decode(element)
        return element

    def encoded(self, number: int) -> bytes:
        """Simplified SWU map of Brier et al., for p = 3 mod 4 (9303-11, appendix B.2).

        Of two x-coordinates exactly one has y² with a root; r, the would-be root for the first, serves both.
        """
        p, a, b = self.p, self.domain.a, self.domain.b
        if p % 4 != 3 or number % p in (0, 1, p - 1):
            raise BadElement
        alpha = -number * number % p
        first = -b * pow(a, -1, p) * (1 + pow(alpha + alpha * alpha, -1, p)) % p
        squared = elliptic.square(first, self.domain)
        root = pow(squared, (p + 1) // 4, p)
        if root * root % p == squared:
            return self.encode(Point(first, root))
        return self.encode(Point(alpha * first % p, -pow(number, 3, p) * root % p))

    def decode(self, element: bytes) -> Point:
        """The point. Raises BadElement unless it lies on the curve."""
        try:
            return elliptic.decode(element, self.domain)
        except elliptic.BadPoint:
            raise BadElement from None

    def encode(self, point: Point) -> bytes:
        """Uncompressed form."""
        return elliptic.encode(point, self.domain)


class _CurveKey:
    def __init__(self, curve: Curve, number: int) -> None:
        self._curve = curve
        self._number = number

    @property
    def public(self) -> bytes:
        curve = self._curve
        return curve.encode(elliptic.multiply(self._number, curve.generator, curve.domain))

    def power(self, element: bytes) -> bytes:
        curve = self._curve
        return curve.encode(elliptic.multiply(self._number, curve.decode(element), curve.domain))

    def secret(self, element: bytes) -> bytes:
        return self.power(element)[1 : 1 + self._curve.domain.size]


class LibraryCurve(Curve):
    """An elliptic curve on which OpenSSL multiplies."""

    def __init__(self, name: str, library: ec.EllipticCurve) -> None:
        super().__init__(name)
        self.library = library

    def private(self, number: int) -> Private:
        """See Group."""
        return _LibraryKey(self, _nonzero(number % self.order))

    def roots(self, x: bytes) -> Point:
        """One of the two points with this x-coordinate."""
        point = ec.EllipticCurvePublicKey.from_encoded_point(self.library, b"\x02" + x).public_numbers()
        return Point(point.x, point.y)


class _LibraryKey:
    def __init__(self, curve: LibraryCurve, number: int) -> None:
        self._curve = curve
        self._number = number
        self._key = ec.derive_private_key(number, curve.library)

    @property
    def public(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def power(self, element: bytes) -> bytes:
        curve = self._curve
        given, base = curve.decode(element), curve.generator
        if given.x == base.x:
            return self.public if given == base else self._negative(self.public)
        candidate = curve.roots(self.secret(element))
        # k(P + G) = kP + kG: only the right one of the two points adds up to it.
        shifted = self.secret(curve.encode(elliptic.add(given, base, curve.domain)))
        total = elliptic.add(candidate, curve.decode(self.public), curve.domain)
        found = curve.encode(candidate)
        return found if total.x == int.from_bytes(shifted, "big") else self._negative(found)

    def secret(self, element: bytes) -> bytes:
        try:
            other = ec.EllipticCurvePublicKey.from_encoded_point(self._curve.library, element)
            return self._key.exchange(ec.ECDH(), other)
        except ValueError:
            raise BadElement from None

    def _negative(self, element: bytes) -> bytes:
        point = self._curve.decode(element)
        return self._curve.encode(Point(point.x, self._curve.p - point.y))


class Modular:
    """A subgroup of prime order in the integers modulo p."""

    tag = 0x84

    def __init__(self, numbers: ModularDomain) -> None:
        self.name, self.domain = numbers.name, numbers
        self.order, self.p = numbers.q, numbers.p

    def private(self, number: int) -> Private:
        """See Group."""
        return _ModularKey(self, _nonzero(number % self.order))

    def combine(self, left: bytes, right: bytes) -> bytes:
        """See Group."""
        return self.encode(self.decode(left) * self.decode(right))

    def check(self, element: bytes) -> bytes:
        """Key validation of RFC 2631, 2.1.5: in range, and in the subgroup."""
        if pow(self.decode(element), self.order, self.p) != 1:
            raise BadElement
        return element

    def encoded(self, number: int) -> bytes:
        """The number to the cofactor (9303-11, 4.4.3.3.2)."""
        return self.encode(pow(number, (self.p - 1) // self.order, self.p))

    def decode(self, element: bytes) -> int:
        """The integer. Raises BadElement when it is out of range."""
        number = int.from_bytes(element, "big")
        if len(element) > self.domain.size or not 1 < number < self.p - 1:
            raise BadElement
        return number

    def encode(self, number: int) -> bytes:
        """As many bytes as p has. Raises BadElement for 0 and 1."""
        reduced = number % self.p
        if reduced < 2:
            raise BadElement
        return reduced.to_bytes(self.domain.size, "big")


class _ModularKey:
    def __init__(self, group: Modular, number: int) -> None:
        self._group = group
        self._number = number

    @property
    def public(self) -> bytes:
        return self._group.encode(pow(self._group.domain.g, self._number, self._group.p))

    def power(self, element: bytes) -> bytes:
        return self._group.encode(pow(self._group.decode(element), self._number, self._group.p))

    def secret(self, element: bytes) -> bytes:
        return self.power(self._group.check(element))


def _nonzero(number: int) -> int:
    if number == 0:
        raise BadElement
    return number
