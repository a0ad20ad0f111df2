"""The standardised elliptic curves (ICAO Doc 9303-11, 9.5.1; RFC 5639, FIPS 186-4) and the little point arithmetic
that `cryptography` does not offer.

Secret multiplications run inside `cryptography`; only additions and the recovery of an ordinate happen here, on
one-shot ephemeral values. Not constant time, which is acceptable for those. Must not know any protocol.
"""

from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from reader.errors import CardBroken


@dataclass(frozen=True)
class Point:
    """A finite point; the point at infinity is never one of these."""

    x: int
    y: int


@dataclass(frozen=True)
class Curve:
    """y^2 = x^3 + ax + b over the field of p, base point G of prime order n, cofactor 1."""

    name: str
    library: ec.EllipticCurve
    p: int
    a: int
    b: int
    g: Point
    n: int

    @property
    def field_size(self) -> int:
        """Bytes of a coordinate."""
        return (self.p.bit_length() + 7) // 8

    def decode(self, encoded: bytes, where: str) -> Point:
        """An uncompressed point (BSI TR-03111, 3.2.1), checked to lie on the curve. Raises CardBroken."""
        size = self.field_size
        if len(encoded) != 1 + 2 * size or encoded[0] != 0x04:
            raise CardBroken(where=where)
        point = Point(int.from_bytes(encoded[1 : 1 + size], "big"), int.from_bytes(encoded[1 + size :], "big"))
        if not self.holds(point):
            raise CardBroken(where=where)
        return point

    def encode(self, point: Point) -> bytes:
        """The uncompressed form."""
        size = self.field_size
        return b"\x04" + point.x.to_bytes(size, "big") + point.y.to_bytes(size, "big")

    def holds(self, point: Point) -> bool:
        """Whether the point lies on the curve, with both coordinates in the field."""
        x, y, p = point.x, point.y, self.p
        return 0 <= x < p and 0 <= y < p and (y * y - (x * x * x + self.a * x + self.b)) % p == 0

    def add(self, left: Point, right: Point) -> Point | None:
        """The sum of two points; None is the point at infinity."""
        p = self.p
        if left.x == right.x:
            if (left.y + right.y) % p == 0:
                return None
            slope = (3 * left.x * left.x + self.a) * pow(2 * left.y, -1, p) % p
        else:
            slope = (right.y - left.y) * pow(right.x - left.x, -1, p) % p
        x = (slope * slope - left.x - right.x) % p
        return Point(x, (slope * (left.x - x) - left.y) % p)

    def multiply_base(self, scalar: int) -> Point:
        """scalar · G, for 1 <= scalar < n."""
        numbers = ec.derive_private_key(scalar, self.library).public_key().public_numbers()
        return Point(numbers.x, numbers.y)

    def multiply_x(self, scalar: int, point: Point) -> int:
        """The abscissa of scalar · point, for 1 <= scalar < n."""
        peer = ec.EllipticCurvePublicNumbers(point.x, point.y, self.library).public_key()
        return int.from_bytes(ec.derive_private_key(scalar, self.library).exchange(ec.ECDH(), peer), "big")

    def multiply(self, scalar: int, point: Point) -> Point | None:
        """scalar · point for 1 <= scalar <= n - 2; None in the few cases the recovery cannot tell.

        The library gives abscissae only; the ordinate follows from those of k·P and (k+1)·P (Okeya and Sakurai,
        "Efficient elliptic curve cryptosystems from a scalar multiplication algorithm with recovery of the
        y-coordinate", CHES 2001).
        """
        p = self.p
        x, next_x = self.multiply_x(scalar, point), self.multiply_x(scalar + 1, point)
        product = (self.a + point.x * x) * (point.x + x) + 2 * self.b - next_x * (point.x - x) ** 2
        if point.y == 0:
            return None
        found = Point(x, product * pow(2 * point.y, -1, p) % p)
        return found if self.holds(found) else None

    def supported(self) -> bool:
        """Whether the cryptographic library at hand was built with this curve."""
        try:
            ec.derive_private_key(1, self.library)
        except UnsupportedAlgorithm:
            return False
        return True


def _curve(library: ec.EllipticCurve, p: str, a: str, b: str, x: str, y: str, n: str) -> Curve:
    return Curve(
        name=library.name,
        library=library,
        p=int(p, 16),
        a=int(a, 16),
        b=int(b, 16),
        g=Point(int(x, 16), int(y, 16)),
        n=int(n, 16),
    )


SECP192R1 = _curve(
    ec.SECP192R1(),
    "fffffffffffffffffffffffffffffffeffffffffffffffff",
    "fffffffffffffffffffffffffffffffefffffffffffffffc",
    "64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1",
    "188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012",
    "7192b95ffc8da78631011ed6b24cdd573f977a11e794811",
    "ffffffffffffffffffffffff99def836146bc9b1b4d22831",
)
SECP224R1 = _curve(
    ec.SECP224R1(),
    "ffffffffffffffffffffffffffffffff000000000000000000000001",
    "fffffffffffffffffffffffffffffffefffffffffffffffffffffffe",
    "b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4",
    "b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21",
    "bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34",
    "ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d",
)
SECP256R1 = _curve(
    ec.SECP256R1(),
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc",
    "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
)
SECP384R1 = _curve(
    ec.SECP384R1(),
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc",
    "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
    "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
    "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
)
SECP521R1 = _curve(
    ec.SECP521R1(),
    "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "fffffffffffffffffffffffffffffff",
    "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffc",
    "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf0735"
    "73df883d2c34f1ef451fd46b503f00",
    "c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de33"
    "48b3c1856a429bf97e7e31c2e5bd66",
    "11839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad07613"
    "53c7086a272c24088be94769fd16650",
    "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03"
    "bb5c9b8899c47aebb6fb71e91386409",
)
BRAINPOOL_P256R1 = _curve(
    ec.BrainpoolP256R1(),
    "a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377",
    "7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9",
    "26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6",
    "8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262",
    "547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997",
    "a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7",
)
BRAINPOOL_P384R1 = _curve(
    ec.BrainpoolP384R1(),
    "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53",
    "7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826",
    "4a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c11",
    "1d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646aaef87b2e247d4af1e",
    "8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff99129280e4646217791811142820341263c5315",
    "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565",
)
BRAINPOOL_P512R1 = _curve(
    ec.BrainpoolP512R1(),
    "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881"
    "ff2f2d82c68528aa6056583a48f3",
    "7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f11"
    "17a72bf2c7b9e7c1ac4d77fc94ca",
    "3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94cadc083e679840"
    "50b75ebae5dd2809bd638016f723",
    "81aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098eff3b1f78e2d0d48d50d1687b93b97d5f7c6d"
    "5047406a5e688b352209bcb9f822",
    "7dde385d566332ecc0eabfa9cf7822fdf209f70024a57b1aa000c55b881f8111b2dcde494a5f485e5bca4bd88a2763aed1ca"
    "2b2fa8f0540678cd1e0f3ad80892",
    "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619418661197fac10471db1"
    "d381085ddaddb58796829ca90069",
)

# Standardised domain parameters (Doc 9303-11, 9.5.1, table 6). Absent ones have no curve in the library.
BY_PARAMETER_ID = {
    8: SECP192R1,
    10: SECP224R1,
    12: SECP256R1,
    13: BRAINPOOL_P256R1,
    15: SECP384R1,
    16: BRAINPOOL_P384R1,
    17: BRAINPOOL_P512R1,
    18: SECP521R1,
}
