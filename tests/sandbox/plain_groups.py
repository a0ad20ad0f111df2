"""The groups of key agreement, slow and plain: affine points and integer powers, for terminals and to judge the card.

The numbers are the card's (test_card_groups.py checks them); the computing is shared with nobody.
"""

import secrets
from dataclasses import dataclass

from sandbox.card.parameters import Domain, ModularDomain, domain, modular_domain

Affine = tuple[int, int]


@dataclass(frozen=True)
class Points:
    """An elliptic curve over the integers modulo p."""

    curve: Domain
    base: Affine
    tag: int = 0x86

    @property
    def order(self) -> int:
        return self.curve.n

    def plus(self, left: Affine | None, right: Affine | None) -> Affine | None:
        p = self.curve.p
        if left is None or right is None:
            return left or right
        if left[0] == right[0]:
            if (left[1] + right[1]) % p == 0:
                return None
            slope = (3 * left[0] ** 2 + self.curve.a) * pow(2 * left[1], -1, p) % p
        else:
            slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, p) % p
        x = (slope * slope - left[0] - right[0]) % p
        return x, (slope * (left[0] - x) - left[1]) % p

    def times(self, scalar: int, point: Affine) -> Affine:
        result: Affine | None = None
        addend: Affine | None = point
        while scalar:
            if scalar & 1:
                result = self.plus(result, addend)
            addend, scalar = self.plus(addend, addend), scalar >> 1
        assert result is not None
        return result

    def octets(self, point: Affine) -> bytes:
        return b"\x04" + b"".join(part.to_bytes(self.curve.size, "big") for part in point)

    def element(self, data: bytes) -> Affine:
        assert len(data) == 1 + 2 * self.curve.size
        assert data[0] == 4
        half = 1 + self.curve.size
        return int.from_bytes(data[1:half], "big"), int.from_bytes(data[half:], "big")

    def secret(self, scalar: int, element: Affine) -> bytes:
        return self.times(scalar, element)[0].to_bytes(self.curve.size, "big")

    def mapped(self, number: int) -> Affine:
        """9303-11, appendix B.2.1, step by step, for p = 3 mod 4."""
        p, a, b, t = self.curve.p, self.curve.a, self.curve.b, number
        alpha = -(t * t) % p
        x2 = -b * pow(a, -1, p) * (1 + pow(alpha + alpha * alpha, -1, p)) % p
        x3 = alpha * x2 % p
        h2 = (pow(x2, 3, p) + a * x2 + b) % p
        u = pow(t, 3, p) * h2 % p
        big_a = pow(h2, p - 1 - (p + 1) // 4, p)
        return (x2, big_a * h2 % p) if big_a * big_a * h2 % p == 1 else (x3, big_a * u % p)

    @property
    def p(self) -> int:
        return self.curve.p


@dataclass(frozen=True)
class Integers:
    """A subgroup of the integers modulo p, written like the curve above."""

    numbers: ModularDomain
    base: int
    tag: int = 0x84

    @property
    def order(self) -> int:
        return self.numbers.q

    @property
    def p(self) -> int:
        return self.numbers.p

    def plus(self, left: int, right: int) -> int:
        return left * right % self.p

    def times(self, scalar: int, element: int) -> int:
        return pow(element, scalar, self.p)

    def octets(self, element: int) -> bytes:
        return element.to_bytes(self.numbers.size, "big")

    def element(self, data: bytes) -> int:
        assert len(data) == self.numbers.size
        return int.from_bytes(data, "big")

    def secret(self, scalar: int, element: int) -> bytes:
        return self.octets(self.times(scalar, element))

    def mapped(self, number: int) -> int:
        return pow(number, (self.p - 1) // self.order, self.p)


def group_named(name: str) -> Points | Integers:
    if name.startswith("modp"):
        numbers = modular_domain(name)
        return Integers(numbers, numbers.g)
    curve = domain(name)
    return Points(curve, (curve.x, curve.y))


def scalar(group: Points | Integers) -> int:
    return secrets.randbelow(group.order - 1) + 1
