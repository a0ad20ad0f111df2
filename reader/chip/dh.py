"""Diffie-Hellman groups modulo a prime: the three of RFC 5114 that documents name by number (ICAO Doc 9303-11, 9.5.1),
and others that a signed DG14 spells out.

Arithmetic is Python's `pow`: not constant time, which is acceptable for values that are used once. Must not know any
protocol.
"""

from dataclasses import dataclass, replace

from reader.errors import CardBroken

MIN_BITS = 1024
MAX_BITS = 4096  # larger primes only cost time
MIN_ORDER_BITS = 160
MAX_ORDER_BITS = 512  # checking that an element is in a larger group would cost more than the agreement itself
# Private keys where the order is unknown or large: 256 bits of security, more than any of these primes gives.
PRIVATE_KEY_BITS = 512


@dataclass(frozen=True)
class DhGroup:
    """The powers of g modulo the prime p. `q` is how many there are, None where that is unknown or too large."""

    name: str
    p: int
    g: int
    q: int | None

    @property
    def kind(self) -> str:
        """The family, as protocols are named."""
        return "DH"

    @property
    def order(self) -> int:
        """What private keys stay below."""
        return self.q or 1 << PRIVATE_KEY_BITS

    @property
    def encodes(self) -> bool:
        """Whether integers can be mapped into the group; without its order they cannot."""
        return self.q is not None

    def key_pair(self, private: int) -> "DhKeyPair":
        """Our side of an agreement in this group."""
        return DhKeyPair(self, private)

    def public_key(self, private: int) -> bytes:
        """g^private as an unsigned integer of the fewest bytes (Doc 9303-11, 9.4.1)."""
        return unsigned(pow(self.g, private, self.p))

    def shared_secret(self, private: int, peer: bytes, where: str) -> bytes:
        """peer^private in as many bytes as p has (PKCS #3, 8.2). Raises CardBroken."""
        return self.key_pair(private).shared_secret(peer, where)

    def integrated_mapping(self, number: int, where: str) -> "DhGroup":
        """The same group over number^((p - 1) / q) (Doc 9303-11, 4.4.3.3.2). Raises CardBroken."""
        if self.q is None:
            raise ValueError("a group of unknown order has no integrated mapping")
        return self.over(pow(number, (self.p - 1) // self.q, self.p), where)

    def over(self, generator: int, where: str) -> "DhGroup":
        """The same group over another generator, which must not be 1. Raises CardBroken."""
        if generator in (0, 1):
            raise CardBroken(where=where)
        return replace(self, g=generator)

    def member(self, encoded: bytes, where: str) -> int:
        """A public key as a number, after NIST SP 800-56A rev. 3, 5.6.2.3.1.

        It must be in range, and in the group where the order of that is known. Raises CardBroken.
        """
        if not 1 <= len(encoded) <= (self.p.bit_length() + 7) // 8:
            raise CardBroken(where=where)
        number = int.from_bytes(encoded, "big")
        if not 2 <= number <= self.p - 2 or (self.q is not None and pow(number, self.q, self.p) != 1):
            raise CardBroken(where=where)
        return number


class DhKeyPair:
    """Our private key in a group, and its public key as protocols carry it."""

    def __init__(self, group: DhGroup, private: int) -> None:
        self._group = group
        self._private = private
        self.public = group.public_key(private)

    def shared_secret(self, peer: bytes, where: str) -> bytes:
        """peer^private in as many bytes as p has (PKCS #3, 8.2). Raises CardBroken."""
        return self._agree(peer, where).to_bytes((self._group.p.bit_length() + 7) // 8, "big")

    def generic_mapping(self, scalar: int, peer: bytes, where: str) -> DhGroup:
        """The same group over g^scalar · peer^private (Doc 9303-11, 4.4.3.3.1). Raises CardBroken."""
        group = self._group
        return group.over(pow(group.g, scalar, group.p) * self._agree(peer, where) % group.p, where)

    def _agree(self, peer: bytes, where: str) -> int:
        agreed = pow(self._group.member(peer, where), self._private, self._group.p)
        if agreed == 1:
            raise CardBroken(where=where)
        return agreed


def unsigned(number: int) -> bytes:
    """An unsigned integer in the fewest bytes (Doc 9303-11, 9.4.1)."""
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def standardised(p: int, g: int, q: int | None) -> DhGroup | None:
    """The group of RFC 5114 with these numbers; q may be left out. None when there is none."""
    for group in BY_PARAMETER_ID.values():
        if (p, g) == (group.p, group.g) and q in (None, group.q):
            return group
    return None


def from_numbers(p: int, g: int, q: int | None) -> DhGroup | None:
    """The group of these numbers, which come from a signed file; None when they are no group we would use.

    Only what is cheap is checked: that p is prime and g of order q is taken on its signer's word. g is only ever
    raised to keys that are used once, and every public key is checked against q.
    """
    bits = p.bit_length()
    if not MIN_BITS <= bits <= MAX_BITS or p % 2 == 0 or not 2 <= g <= p - 2:
        return None
    if q is not None and 2 * q + 1 == p:
        q = None  # a safe prime: between 2 and p - 2 there is no small subgroup to guard against
    if q is not None and (not MIN_ORDER_BITS <= q.bit_length() <= MAX_ORDER_BITS or (p - 1) % q != 0):
        return None
    return DhGroup(f"dh-{bits}", p, g, q)


def _group(name: str, p: str, q: str, g: str) -> DhGroup:
    return DhGroup(name, int(p, 16), int(g, 16), int(q, 16))


MODP_1024_160 = _group(
    "modp_1024_160",
    "b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3c69a6a9dca52d23b616073e28675a23d189838ef1e2ee652c013ec"
    "b4aea906112324975c3cd49b83bfaccbdd7d90c4bd7098488e9c219a73724effd6fae5644738faa31a4ff55bccc0a151af5f"
    "0dc8b4bd45bf37df365c1a65e68cfda76d4da708df1fb2bc2e4a4371",
    "f518aa8781a8df278aba4e7d64b7cb9d49462353",
    "a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31266fea1e5c41564b777e690f5504f2131602"
    "17b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76a6a24c087a091f531dbf0a0169b6a28ad662a4d1"
    "8e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5",
)
MODP_2048_224 = _group(
    "modp_2048_224",
    "ad107e1e9123a9d0d660faa79559c51fa20d64e5683b9fd1b54b1597b61d0a75e6fa141df95a56dbaf9a3c407ba1df15eb3d"
    "688a309c180e1de6b85a1274a0a66d3f8152ad6ac2129037c9edefda4df8d91e8fef55b7394b7ad5b7d0b6c12207c9f98d11"
    "ed34dbf6c6ba0b2c8bbc27be6a00e0a0b9c49708b3bf8a317091883681286130bc8985db1602e714415d9330278273c7de31"
    "efdc7310f7121fd5a07415987d9adc0a486dcdf93acc44328387315d75e198c641a480cd86a1b9e587e8be60e69cc928b2b9"
    "c52172e413042e9b23f10b0e16e79763c9b53dcf4ba80a29e3fb73c16b8e75b97ef363e2ffa31f71cf9de5384e71b81c0ac4"
    "dffe0c10e64f",
    "801c0d34c58d93fe997177101f80535a4738cebcbf389a99b36371eb",
    "ac4032ef4f2d9ae39df30b5c8ffdac506cdebe7b89998caf74866a08cfe4ffe3a6824a4e10b9a6f0dd921f01a70c4afaab73"
    "9d7700c29f52c57db17c620a8652be5e9001a8d66ad7c17669101999024af4d027275ac1348bb8a762d0521bc98ae2471504"
    "22ea1ed409939d54da7460cdb5f6c6b250717cbef180eb34118e98d119529a45d6f834566e3025e316a330efbb77a86f0c1a"
    "b15b051ae3d428c8f8acb70a8137150b8eeb10e183edd19963ddd9e263e4770589ef6aa21e7f5f2ff381b539cce3409d13cd"
    "566afbb48d6c019181e1bcfe94b30269edfe72fe9b6aa4bd7b5a0f1c71cfff4c19c418e1f6ec017981bc087f2a7065b384b8"
    "90d3191f2bfa",
)
MODP_2048_256 = _group(
    "modp_2048_256",
    "87a8e61db4b6663cffbbd19c651959998ceef608660dd0f25d2ceed4435e3b00e00df8f1d61957d4faf7df4561b2aa3016c3"
    "d91134096faa3bf4296d830e9a7c209e0c6497517abd5a8a9d306bcf67ed91f9e6725b4758c022e0b1ef4275bf7b6c5bfc11"
    "d45f9088b941f54eb1e59bb8bc39a0bf12307f5c4fdb70c581b23f76b63acae1caa6b7902d52526735488a0ef13c6d9a51bf"
    "a4ab3ad8347796524d8ef6a167b5a41825d967e144e5140564251ccacb83e6b486f6b3ca3f7971506026c0b857f689962856"
    "ded4010abd0be621c3a3960a54e710c375f26375d7014103a4b54330c198af126116d2276e11715f693877fad7ef09cadb09"
    "4ae91e1a1597",
    "8cf83642a709a097b447997640129da299b1a47d1eb3750ba308b0fe64f5fbd3",
    "3fb32c9b73134d0b2e77506660edbd484ca7b18f21ef205407f4793a1a0ba12510dbc15077be463fff4fed4aac0bb555be3a"
    "6c1b0c6b47b1bc3773bf7e8c6f62901228f8c28cbb18a55ae31341000a650196f931c77a57f2ddf463e5e9ec144b777de62a"
    "aab8a8628ac376d282d6ed3864e67982428ebc831d14348f6f2f9193b5045af2767164e1dfc967c1fb3f2e55a4bd1bffe83b"
    "9c80d052b985d182ea0adb2a3b7313d3fe14c8484b1e052588b9b7d2bbd2df016199ecd06e1557cd0915b3353bbb64e0ec37"
    "7fd028370df92b52c7891428cdc67eb6184b523d1db246c32f63078490f00ef8d647d148d47954515e2327cfef98c582664b"
    "4c0f6cc41659",
)

# Standardised domain parameters (Doc 9303-11, 9.5.1, table 6); 8 to 18 are in reader/curves.py.
BY_PARAMETER_ID = {0: MODP_1024_160, 1: MODP_2048_224, 2: MODP_2048_256}
