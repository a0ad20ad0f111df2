"""Point arithmetic that no library offers: sums of points, and whole multiples on the curves OpenSSL has no key for.

Not constant in time: every scalar here is used once, on a card that exists to be looked into.
"""

from dataclasses import dataclass

from sandbox.card.parameters import Domain

_WINDOW = 4  # bits of the scalar that one addition takes


class BadPoint(ValueError):
    """Bytes or a result that are no usable point of the curve."""


@dataclass(frozen=True)
class Point:
    """A point in affine coordinates; the point at infinity never leaves this module."""

    x: int
    y: int


_Jacobian = tuple[int, int, int]
_INFINITY: _Jacobian = (1, 1, 0)


def encode(point: Point, curve: Domain) -> bytes:
    """Uncompressed form (BSI TR-03111, 3.2.1)."""
    return b"\x04" + point.x.to_bytes(curve.size, "big") + point.y.to_bytes(curve.size, "big")


def decode(data: bytes, curve: Domain) -> Point:
    """Read an uncompressed point. Raises BadPoint unless it lies on the curve."""
    if len(data) != 1 + 2 * curve.size or data[0] != 4:
        raise BadPoint("not an uncompressed point")
    point = Point(int.from_bytes(data[1 : 1 + curve.size], "big"), int.from_bytes(data[1 + curve.size :], "big"))
    if point.x >= curve.p or point.y >= curve.p or (point.y * point.y - square(point.x, curve)) % curve.p:
        raise BadPoint("not on the curve")
    return point


def square(x: int, curve: Domain) -> int:
    """y² for this x, whether or not it has a root."""
    return ((x * x + curve.a) * x + curve.b) % curve.p


def add(left: Point, right: Point, curve: Domain) -> Point:
    """left + right. Raises BadPoint when the result is the point at infinity."""
    p = curve.p
    if left.x == right.x:
        if (left.y + right.y) % p == 0:
            raise BadPoint("point at infinity")
        slope = (3 * left.x * left.x + curve.a) * pow(2 * left.y, -1, p) % p
    else:
        slope = (right.y - left.y) * pow(right.x - left.x, -1, p) % p
    x = (slope * slope - left.x - right.x) % p
    return Point(x, (slope * (left.x - x) - left.y) % p)


def multiply(scalar: int, point: Point, curve: Domain) -> Point:
    """scalar x point. Raises BadPoint when the result is the point at infinity."""
    base: _Jacobian = (point.x, point.y, 1)
    multiples = [_INFINITY, base]
    while len(multiples) < 1 << _WINDOW:
        multiples.append(_add(multiples[-1], base, curve))
    result = _INFINITY
    for digit in f"{scalar % curve.n:x}":
        for _ in range(_WINDOW):
            result = _double(result, curve)
        result = _add(result, multiples[int(digit, 16)], curve)
    return _affine(result, curve)


def _affine(point: _Jacobian, curve: Domain) -> Point:
    x, y, z = point
    if z == 0:
        raise BadPoint("point at infinity")
    inverse = pow(z, -1, curve.p)
    squared = inverse * inverse % curve.p
    return Point(x * squared % curve.p, y * squared * inverse % curve.p)


def _double(point: _Jacobian, curve: Domain) -> _Jacobian:
    x, y, z = point
    p = curve.p
    if z == 0 or y == 0:
        return _INFINITY
    yy, zz = y * y % p, z * z % p
    s = 4 * x * yy % p
    m = (3 * x * x + curve.a * zz * zz) % p
    x3 = (m * m - 2 * s) % p
    return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p


def _add(left: _Jacobian, right: _Jacobian, curve: Domain) -> _Jacobian:
    x1, y1, z1 = left
    x2, y2, z2 = right
    p = curve.p
    if z1 == 0:
        return right
    if z2 == 0:
        return left
    z1z1, z2z2 = z1 * z1 % p, z2 * z2 % p
    u1, u2 = x1 * z2z2 % p, x2 * z1z1 % p
    s1, s2 = y1 * z2 * z2z2 % p, y2 * z1 * z1z1 % p
    h, r = (u2 - u1) % p, (s2 - s1) % p
    if h == 0:
        return _double(left, curve) if r == 0 else _INFINITY
    hh = h * h % p
    hhh, v = h * hh % p, u1 * hh % p
    x3 = (r * r - hhh - 2 * v) % p
    return x3, (r * (v - x3) - s1 * hhh) % p, h * z1 * z2 % p
