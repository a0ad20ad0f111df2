"""How the chip proves that it is no copy: chip authentication and active authentication, card side.

ICAO Doc 9303-11, 6.1 (active) and 6.2 (chip): static keys whose public halves stand in DG15 and DG14.
"""

import hashlib
from collections.abc import Callable
from math import gcd

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from sandbox.card import groups, keys
from sandbox.card.image import CipherName, EcdsaKey, HashName, RsaKey
from sandbox.card.secure_messaging import Channel

CHALLENGE_SIZE = 8  # bytes

_HASHES: dict[HashName, hashes.HashAlgorithm] = {
    "SHA-1": hashes.SHA1(),  # noqa: S303  # cards that use it exist
    "SHA-224": hashes.SHA224(),
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
    "SHA-512": hashes.SHA512(),
}
# Trailers of ISO/IEC 9796-2 (9303-11, 6.1.2.2).
_TRAILERS: dict[HashName, str] = {
    "SHA-1": "BC",
    "SHA-224": "38CC",
    "SHA-256": "34CC",
    "SHA-384": "36CC",
    "SHA-512": "35CC",
}
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    curve.name: curve
    for curve in (
        ec.SECP192R1,
        ec.SECP224R1,
        ec.SECP256R1,
        ec.SECP384R1,
        ec.SECP521R1,
        ec.BrainpoolP256R1,
        ec.BrainpoolP384R1,
        ec.BrainpoolP512R1,
    )
}


def agree(group: str, private: int, cipher: CipherName, theirs: bytes) -> Channel:
    """Chip authentication: new session keys with the static key; only the true chip can use them.

    Raises groups.BadElement when `theirs` is no public key of the group.
    """
    secret = groups.by_name(group).private(private).secret(theirs)
    return Channel(*keys.session(secret, cipher), cipher)


def sign(key: RsaKey | EcdsaKey, challenge: bytes, random: Callable[[int], bytes]) -> bytes:
    """Active authentication: the signature over the terminal's challenge."""
    if isinstance(key, RsaKey):
        return _sign_with_recovery(key, challenge, random)
    private = ec.derive_private_key(int.from_bytes(key.private, "big"), _CURVES[key.curve]())
    signature = private.sign(challenge, ec.ECDSA(_HASHES[key.hash]))
    if key.encoded:
        return signature
    size = (groups.by_name(key.curve).order.bit_length() + 7) // 8
    return b"".join(part.to_bytes(size, "big") for part in decode_dss_signature(signature))


def other_key(key: RsaKey | EcdsaKey) -> RsaKey | EcdsaKey:
    """A key of the same kind that is not this one: what a cloner has, who can copy all files and no secret."""
    if isinstance(key, EcdsaKey):
        number = int.from_bytes(key.private, "big") + 1
        return msgspec.structs.replace(key, private=number.to_bytes(len(key.private) + 1, "big"))
    totients = (int.from_bytes(key.p, "big") - 1) * (int.from_bytes(key.q, "big") - 1)
    exponent = next(odd for odd in range(5, key.exponent + 99, 2) if gcd(odd, totients) == 1 and odd != key.exponent)
    return msgspec.structs.replace(key, exponent=exponent)


def _sign_with_recovery(key: RsaKey, challenge: bytes, random: Callable[[int], bytes]) -> bytes:
    """ISO/IEC 9796-2 scheme 1 with partial recovery: the signature holds a random number of the card's and the hash."""
    p, q = int.from_bytes(key.p, "big"), int.from_bytes(key.q, "big")
    size = (p * q).bit_length() // 8
    trailer = bytes.fromhex(_TRAILERS[key.hash])
    digest = hashlib.new(key.hash.replace("-", ""), usedforsecurity=False)
    own = random(size - digest.digest_size - len(trailer) - 1)
    digest.update(own + challenge)
    message = int.from_bytes(b"\x6a" + own + digest.digest() + trailer, "big")
    # The Chinese remainder: two powers of half the size cost a quarter of one.
    of_p, of_q = (pow(message, pow(key.exponent, -1, prime - 1), prime) for prime in (p, q))
    signature = of_q + q * ((of_p - of_q) * pow(q, -1, p) % p)
    return signature.to_bytes(size, "big")
