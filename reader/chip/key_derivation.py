"""Keys from passwords and shared secrets (ICAO Doc 9303-11, 9.7), for every cipher of access and secure messaging.

SHA-1 is the standard's choice for keys of 112 and 128 bits; it derives keys here and protects nothing by its collision
resistance. Must not know which protocol wants the keys, or do any input and output.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

ENCRYPTION = 1
AUTHENTICATION = 2
PASSWORD = 3

CAN_REFERENCE = 0x02
MRZ_REFERENCE = 0x01

# Each byte with its lowest bit set so that the number of ones is odd: the parity that DES keys carry (FIPS 46-3).
_ODD_PARITY = bytes((value & 0xFE) | (1 - (value >> 1).bit_count() % 2) for value in range(256))


class Cipher(StrEnum):
    """What secure messaging runs under: two-key triple DES, or AES by its key size."""

    TDES = "3DES"
    AES128 = "AES-128"
    AES192 = "AES-192"
    AES256 = "AES-256"


@dataclass(frozen=True, repr=False)
class Password:
    """What opens the chip: its reference number (Doc 9303-11, 4.4.4.1) and the secret as key derivation wants it."""

    reference: int
    secret: bytes


def can_password(can: str) -> Password:
    """The card access number: six digits, on Vietnamese cards the last six of the ID number (card.md 0.1).

    Raises ValueError when it is not six ASCII digits.
    """
    if len(can) != 6 or not (can.isascii() and can.isdigit()):
        raise ValueError("a CAN has six digits")
    return Password(CAN_REFERENCE, can.encode("ascii"))


def mrz_password(mrz_information: str) -> Password:
    """Document number, birth date and expiry date, each with its check digit, as printed in the MRZ (9.7.2)."""
    return Password(MRZ_REFERENCE, _mrz_digest(mrz_information))


def derive_key(secret: bytes, counter: int, cipher: Cipher) -> bytes:
    """The key number `counter` of `secret` (Doc 9303-11, 9.7.1).

    16 bytes with odd parity for 3DES (keys 1 and 2; key 3 is key 1 again), 16, 24 or 32 bytes for AES.
    """
    material = secret + counter.to_bytes(4, "big")
    match cipher:
        case Cipher.TDES:
            return hashlib.sha1(material, usedforsecurity=False).digest()[:16].translate(_ODD_PARITY)
        case Cipher.AES128:
            return hashlib.sha1(material, usedforsecurity=False).digest()[:16]
        case Cipher.AES192:
            return hashlib.sha256(material).digest()[:24]
        case Cipher.AES256:
            return hashlib.sha256(material).digest()


def basic_access_keys(mrz_information: str) -> tuple[bytes, bytes]:
    """Document basic access keys K_Enc and K_MAC (Doc 9303-11, 4.3.2 and 9.7.2): 3DES keys of 16 bytes each."""
    seed = _mrz_digest(mrz_information)[:16]
    return derive_key(seed, ENCRYPTION, Cipher.TDES), derive_key(seed, AUTHENTICATION, Cipher.TDES)


def _mrz_digest(mrz_information: str) -> bytes:
    return hashlib.sha1(mrz_information.encode("ascii"), usedforsecurity=False).digest()
