"""The standardised elliptic curves (ICAO Doc 9303-11, 9.5.1; RFC 5639, FIPS 186-4) and the point arithmetic that
`cryptography` does not offer.

Where the library knows the curve, secret multiplications run inside it; only additions and the recovery of an
ordinate happen here. Three brainpool curves of old documents are in no library at hand: for those the multiplication
is here too. Not constant time, which is acceptable for values that are used once. Must not know any protocol.
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
    """y^2 = x^3 + ax + b over the field of p, base point G of prime order n, cofactor 1.

    `library` is the curve's name in `cryptography`, None where that has none.
    """

    name: str
    library: ec.EllipticCurve | None
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
        return Multiplier(self, scalar).base

    def multiply_x(self, scalar: int, point: Point) -> int:
        """The abscissa of scalar · point, for 1 <= scalar < n."""
        return Multiplier(self, scalar).abscissa(point)

    def multiply(self, scalar: int, point: Point) -> Point:
        """scalar · point, for 1 <= scalar < n."""
        return Multiplier(self, scalar).product(point)

    def encode_integer(self, number: int) -> Point | None:
        """The point that an integer from 0 to p - 1 encodes (Doc 9303-11, B.2); for p = 3 modulo 4 only.

        None for the few integers (0, 1, p - 1 and the like) that encode none. The simplified map of Shallue, van de
        Woestijne and Ulas in the standard's words, letter by letter; its step 10, the cofactor, is 1.
        """
        p, a, b = self.p, self.a, self.b
        alpha = -number * number % p
        denominator = (alpha + alpha * alpha) % p
        if denominator == 0:
            return None
        x2 = -b * pow(a, -1, p) * (1 + pow(denominator, -1, p)) % p
        h2 = (x2 * x2 * x2 + a * x2 + b) % p
        root = pow(h2, p - 1 - (p + 1) // 4, p)  # the inverse of a square root of h2, when it has one
        if root * root * h2 % p == 1:
            found = Point(x2, root * h2 % p)
        else:
            found = Point(alpha * x2 % p, root * number**3 * h2 % p)
        return found if self.holds(found) else None

    def supported(self) -> bool:
        """Whether this curve can be computed with: by the library as it was built, or here (`library` is None)."""
        if self.library is None:
            return True
        try:
            ec.derive_private_key(1, self.library)
        except UnsupportedAlgorithm:
            return False
        return True

    def verify_ecdsa(self, public: Point, digest: bytes, r: int, s: int) -> bool:
        """Whether (r, s) signs `digest` under `public` (FIPS 186-5, 6.4.2), in this file's own arithmetic.

        For curves that the library lacks. `public` must come from `decode`; nothing here is secret.
        """
        n = self.n
        if not (0 < r < n and 0 < s < n and self.holds(public)):
            return False
        number = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - n.bit_length())
        inverse = pow(s, -1, n)
        parts = [self._multiply(number * inverse % n, self.g), self._multiply(r * inverse % n, public)]
        finite = [part for part in parts if part is not None]
        total = self.add(*finite) if len(finite) == 2 else next(iter(finite), None)
        return total is not None and total.x % n == r

    def _multiply(self, scalar: int, point: Point) -> Point | None:
        """scalar · point, for any scalar >= 0, by doubling and adding in Jacobian coordinates.

        X/Z^2 and Y/Z^3 are the coordinates; Z = 0 is the point at infinity. The formulas: Hankerson, Menezes,
        Vanstone, "Guide to Elliptic Curve Cryptography", algorithms 3.21 and 3.22 for any coefficient a.
        """
        p, x, y, z = self.p, 1, 1, 0
        for bit in bin(scalar)[2:]:
            x, y, z = _double(x, y, z, self.a, p)
            if bit == "1":
                x, y, z = _add_affine(x, y, z, point, self.a, p)
        if z == 0:
            return None
        inverse = pow(z, -1, p)
        square = inverse * inverse % p
        return Point(x * square % p, y * square * inverse % p)


class Multiplier:
    """One secret scalar k, 1 <= k < n, that multiplies points of one curve.

    An object because the library multiplies G, and checks the product, each time it takes a scalar in: as long as two
    other multiplications. Raises ValueError outside the range.
    """

    def __init__(self, curve: Curve, scalar: int) -> None:
        if not 1 <= scalar < curve.n:
            raise ValueError("a scalar is between 1 and the order of the curve")
        self._curve = curve
        self._scalar = scalar
        self._key = ec.derive_private_key(scalar, curve.library) if curve.library else None
        if self._key:
            numbers = self._key.public_key().public_numbers()
            self.base = Point(numbers.x, numbers.y)
        else:
            self.base = self._own(curve.g)

    def abscissa(self, point: Point) -> int:
        """The abscissa of k · point."""
        library = self._curve.library
        if self._key is None or library is None:
            return self._own(point).x
        peer = ec.EllipticCurvePublicNumbers(point.x, point.y, library).public_key()
        return int.from_bytes(self._key.exchange(ec.ECDH(), peer), "big")

    def product(self, point: Point) -> Point:
        """k · point.

        The library gives abscissae only. With Q = k · point and B = k · G, both on the curve, that of Q + B, which is
        k · (point + G), leaves one ordinate for Q: solve the formula of addition for it (after Okeya and Sakurai,
        "Efficient elliptic curve cryptosystems from a scalar multiplication algorithm with recovery of the
        y-coordinate", CHES 2001). No ordinate is 0: such a point is of order 2, and n is an odd prime.
        """
        curve, base, p = self._curve, self.base, self._curve.p
        if self._key is None:
            return self._own(point)
        both = curve.add(point, curve.g)
        if point.x == curve.g.x or both is None:
            return base if point == curve.g else Point(base.x, -base.y % p)
        x, sum_x = self.abscissa(point), self.abscissa(both)
        squares = (x * x + curve.a) * x + curve.b + base.y * base.y
        y = (squares - (sum_x + x + base.x) * (x - base.x) ** 2) * pow(2 * base.y, -1, p) % p
        return Point(x, y)

    def _own(self, point: Point) -> Point:
        product = self._curve._multiply(self._scalar, point)
        if product is None:  # n is prime and the point of order n: only for a point that is not on the curve
            raise ValueError("the point is not on the curve")
        return product


def _double(x: int, y: int, z: int, a: int, p: int) -> tuple[int, int, int]:
    """Twice a point in Jacobian coordinates."""
    if z == 0 or y == 0:
        return 1, 1, 0
    yy = y * y % p
    s = 4 * x * yy % p
    zz = z * z % p
    m = (3 * x * x + a * zz * zz) % p
    doubled_x = (m * m - 2 * s) % p
    return doubled_x, (m * (s - doubled_x) - 8 * yy * yy) % p, 2 * y * z % p


def _add_affine(x: int, y: int, z: int, point: Point, a: int, p: int) -> tuple[int, int, int]:
    """A point in Jacobian coordinates plus a finite one in affine ones."""
    if z == 0:
        return point.x, point.y, 1
    zz = z * z % p
    h = (point.x * zz - x) % p
    r = (point.y * zz * z - y) % p
    if h == 0:
        return _double(x, y, z, a, p) if r == 0 else (1, 1, 0)
    hh = h * h % p
    hhh = h * hh % p
    v = x * hh % p
    sum_x = (r * r - hhh - 2 * v) % p
    return sum_x, (r * (v - sum_x) - y * hhh) % p, z * h % p


def _curve(library: ec.EllipticCurve | str, p: str, a: str, b: str, x: str, y: str, n: str) -> Curve:
    """A row of the table; a curve that the library does not know is given by its name alone."""
    return Curve(
        name=library if isinstance(library, str) else library.name,
        library=None if isinstance(library, str) else library,
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
BRAINPOOL_P192R1 = _curve(
    "brainpoolP192r1",
    "c302f41d932a36cda7a3463093d18db78fce476de1a86297",
    "6a91174076b1e0e19c39c031fe8685c1cae040e5c69a28ef",
    "469a28ef7c28cca3dc721d044f4496bcca7ef4146fbf25c9",
    "c0a0647eaab6a48753b033c56cb0f0900a2f5c4853375fd6",
    "14b690866abd5bb88b5f4828c1490002e6773fa2fa299b8f",
    "c302f41d932a36cda7a3462f9e9e916b5be8f1029ac4acc1",
)
BRAINPOOL_P224R1 = _curve(
    "brainpoolP224r1",
    "d7c134aa264366862a18302575d1d787b09f075797da89f57ec8c0ff",
    "68a5e62ca9ce6c1c299803a6c1530b514e182ad8b0042a59cad29f43",
    "2580f63ccfe44138870713b1a92369e33e2135d266dbb372386c400b",
    "0d9029ad2c7e5cf4340823b2a87dc68c9e4ce3174c1e6efdee12c07d",
    "58aa56f772c0726f24c6b89e4ecdac24354b9e99caa3f6d3761402cd",
    "d7c134aa264366862a18302575d0fb98d116bc4b6ddebca3a5a7939f",
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
BRAINPOOL_P320R1 = _curve(
    "brainpoolP320r1",
    "d35e472036bc4fb7e13c785ed201e065f98fcfa6f6f40def4f92b9ec7893ec28fcd412b1f1b32e27",
    "3ee30b568fbab0f883ccebd46d3f3bb8a2a73513f5eb79da66190eb085ffa9f492f375a97d860eb4",
    "520883949dfdbc42d3ad198640688a6fe13f41349554b49acc31dccd884539816f5eb4ac8fb1f1a6",
    "43bd7e9afb53d8b85289bcc48ee5bfe6f20137d10a087eb6e7871e2a10a599c710af8d0d39e20611",
    "14fdd05545ec1cc8ab4093247f77275e0743ffed117182eaa9c77877aaac6ac7d35245d1692e8ee1",
    "d35e472036bc4fb7e13c785ed201e065f98fcfa5b68f12a32d482ec7ee8658e98691555b44c59311",
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

# Standardised domain parameters (Doc 9303-11, 9.5.1, table 6); 0 to 2 are in reader/chip/dh.py.
BY_PARAMETER_ID = {
    8: SECP192R1,
    9: BRAINPOOL_P192R1,
    10: SECP224R1,
    11: BRAINPOOL_P224R1,
    12: SECP256R1,
    13: BRAINPOOL_P256R1,
    14: BRAINPOOL_P320R1,
    15: SECP384R1,
    16: BRAINPOOL_P384R1,
    17: BRAINPOOL_P512R1,
    18: SECP521R1,
}
# Content octets of the curves' object identifiers (RFC 5480, 2.1.1.1; RFC 5639, 4.1), by parameter id.
BY_OBJECT_IDENTIFIER = {
    bytes.fromhex(octets): BY_PARAMETER_ID[number]
    for number, octets in {
        8: "2A8648CE3D030101",
        9: "2B2403030208010103",
        10: "2B81040021",
        11: "2B2403030208010105",
        12: "2A8648CE3D030107",
        13: "2B2403030208010107",
        14: "2B2403030208010109",
        15: "2B81040022",
        16: "2B240303020801010B",
        17: "2B240303020801010D",
        18: "2B81040023",
    }.items()
}
