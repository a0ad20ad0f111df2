"""brainpoolP256r1 (RFC 5639, 3.4): the point arithmetic that PACE's generic mapping needs and no library offers.

Not constant in time: every scalar here is used once, on a card that exists to be looked into.
"""

from dataclasses import dataclass

P = 0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377
A = 0x7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9
B = 0x26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6
N = 0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7
SIZE = 32  # bytes of a coordinate


class BadPoint(ValueError):
    """Bytes that are not a usable point of the curve."""


@dataclass(frozen=True)
class Point:
    """A point in affine coordinates; the point at infinity never leaves this module."""

    x: int
    y: int

    def encoded(self) -> bytes:
        """Uncompressed form (BSI TR-03111, 3.2.1)."""
        return b"\x04" + self.x.to_bytes(SIZE, "big") + self.y.to_bytes(SIZE, "big")


GENERATOR = Point(
    0x8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262,
    0x547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997,
)

_Jacobian = tuple[int, int, int]
_INFINITY: _Jacobian = (1, 1, 0)


def decode(data: bytes) -> Point:
    """Read an uncompressed point. Raises BadPoint unless it lies on the curve."""
    if len(data) != 1 + 2 * SIZE or data[0] != 4:
        raise BadPoint("not an uncompressed point")
    point = Point(int.from_bytes(data[1 : 1 + SIZE], "big"), int.from_bytes(data[1 + SIZE :], "big"))
    if point.x >= P or point.y >= P or (point.y * point.y - point.x**3 - A * point.x - B) % P:
        raise BadPoint("not on the curve")
    return point


def multiply(scalar: int, point: Point) -> Point:
    """scalar x point. Raises BadPoint when the result is the point at infinity."""
    result = _INFINITY
    base: _Jacobian = (point.x, point.y, 1)
    for bit in bin(scalar % N)[2:]:
        result = _double(result)
        if bit == "1":
            result = _add(result, base)
    return _affine(result)


def add(left: Point, right: Point) -> Point:
    """left + right. Raises BadPoint when the result is the point at infinity."""
    return _affine(_add((left.x, left.y, 1), (right.x, right.y, 1)))


def _affine(point: _Jacobian) -> Point:
    x, y, z = point
    if z == 0:
        raise BadPoint("point at infinity")
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return Point(x * square % P, y * square * inverse % P)


def _double(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    if z == 0 or y == 0:
        return _INFINITY
    yy = y * y % P
    s = 4 * x * yy % P
    m = (3 * x * x + A * pow(z, 4, P)) % P
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _add(left: _Jacobian, right: _Jacobian) -> _Jacobian:
    x1, y1, z1 = left
    x2, y2, z2 = right
    if z1 == 0:
        return right
    if z2 == 0:
        return left
    z1z1, z2z2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * z2z2 % P, x2 * z1z1 % P
    s1, s2 = y1 * z2 * z2z2 % P, y2 * z1 * z1z1 % P
    h, r = (u2 - u1) % P, (s2 - s1) % P
    if h == 0:
        return _double(left) if r == 0 else _INFINITY
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - s1 * hhh) % P, h * z1 * z2 % P
