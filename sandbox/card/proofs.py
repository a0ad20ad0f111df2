"""How the chip proves that it is no copy: chip authentication and active authentication, card side.

ICAO Doc 9303-11, 6.1 (active) and 6.2 (chip): static keys whose public halves stand in DG15 and DG14.
"""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox.card import curve, der, keys
from sandbox.card.secure_messaging import Channel

CHIP_AUTHENTICATION = der.oid("0.4.0.127.0.7.2.2.3.2.2")  # id-CA-ECDH-AES-CBC-CMAC-128
CHALLENGE_SIZE = 8  # bytes


class BadRequest(ValueError):
    """The terminal's key is missing or no point of the curve."""


def authenticate_chip(key: bytes, data: bytes) -> Channel:
    """Agree on new session keys with the static key; only the true chip can use them. Raises BadRequest."""
    try:
        ((tag, content),) = der.split(data)
        ((kind, value),) = der.split(content)
        theirs = curve.decode(value)
    except (ValueError, IndexError):
        raise BadRequest from None
    if (tag, kind) != (0x7C, 0x80):
        raise BadRequest
    secret = curve.multiply(int.from_bytes(key, "big"), theirs).x.to_bytes(curve.SIZE, "big")
    return Channel(keys.derive(secret, keys.FOR_ENCRYPTION), keys.derive(secret, keys.FOR_MAC))


def sign_challenge(key: bytes, challenge: bytes) -> bytes:
    """ECDSA with SHA-256 over the challenge, in plain form r, s (BSI TR-03111, 5.2.1)."""
    private = ec.derive_private_key(int.from_bytes(key, "big"), ec.SECP256R1())
    r, s = decode_dss_signature(private.sign(challenge, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
