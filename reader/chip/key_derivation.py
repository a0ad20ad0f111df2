"""Keys from passwords and shared secrets (ICAO Doc 9303-11, 9.7).

SHA-1 is the standard's choice for 128-bit keys; it derives keys here and protects nothing by its collision resistance.
"""

import hashlib
from dataclasses import dataclass

ENCRYPTION = 1
AUTHENTICATION = 2
PASSWORD = 3

CAN_REFERENCE = 0x02
MRZ_REFERENCE = 0x01


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
    """Document number, birth date and expiry date, each with its check digit, as printed in the MRZ."""
    return Password(MRZ_REFERENCE, hashlib.sha1(mrz_information.encode("ascii"), usedforsecurity=False).digest())


def derive_key(secret: bytes, counter: int, bits: int) -> bytes:
    """An AES key of 128, 192 or 256 bits (Doc 9303-11, 9.7.1.2)."""
    material = secret + counter.to_bytes(4, "big")
    if bits == 128:
        return hashlib.sha1(material, usedforsecurity=False).digest()[:16]
    return hashlib.sha256(material).digest()[: bits // 8]
