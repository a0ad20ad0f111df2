"""Signatures that carry part of their message: RSA after ISO/IEC 9796-2, digital signature scheme 1, which active
authentication uses (ICAO Doc 9303-11, 6.1.2.2).

Verification only, and only the form the standard allows: partial recovery, so that what is signed always ends with
bytes the verifier chose. Must not know cards or commands.
"""

import hashlib
import hmac

_PARTIAL_RECOVERY = 0x6A  # header: partial recovery, no padding, for the recoverable part fills what room there is
_IMPLICIT_TRAILER = 0xBC  # one byte, the hash is agreed on: SHA-1 (Doc 9303-11, 6.1.2.2)
_EXPLICIT_TRAILER = 0xCC  # two bytes, the first names the hash (ISO/IEC 10118-3)
_HASHES = {0x33: "sha1", 0x34: "sha256", 0x35: "sha512", 0x36: "sha384", 0x38: "sha224"}


def verify(signature: bytes, modulus: int, exponent: int, unrecovered: bytes) -> str | None:
    """The name of the hash when `signature` signs a message that ends with `unrecovered`, None when it does not.

    `modulus` and `exponent` are odd and of the size the caller bears to compute with. The signature is as long as the
    modulus, to the byte.
    """
    size = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != size or not 0 < number < modulus:
        return None
    opened = pow(number, exponent, modulus)
    # The signer gives the smaller of s and n - s; representatives end with C, so at most one of the two can be one.
    for representative in (opened, modulus - opened):
        if representative & 0x0F == _EXPLICIT_TRAILER & 0x0F:
            return _hash_of(representative.to_bytes(size, "big"), unrecovered)
    return None


def _hash_of(block: bytes, unrecovered: bytes) -> str | None:
    """Take header, recovered part, digest and trailer apart, and recompute the digest."""
    if block[0] != _PARTIAL_RECOVERY:
        return None
    if block[-1] == _IMPLICIT_TRAILER:
        name, trailer = "sha1", 1
    elif block[-1] == _EXPLICIT_TRAILER and block[-2] in _HASHES:
        name, trailer = _HASHES[block[-2]], 2
    else:
        return None
    digest_size = hashlib.new(name, usedforsecurity=True).digest_size
    end = len(block) - trailer
    recovered, digest = block[1 : end - digest_size], block[end - digest_size : end]
    if len(block) < 1 + digest_size + trailer:
        return None
    expected = hashlib.new(name, recovered + unrecovered, usedforsecurity=True).digest()
    return name if hmac.compare_digest(digest, expected) else None
