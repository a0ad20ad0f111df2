"""Key derivation and the AES primitives of PACE and secure messaging (ICAO Doc 9303-11, 9.7 and 9.8)."""

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

BLOCK = 16
MAC_SIZE = 8
FOR_ENCRYPTION, FOR_MAC, FOR_PACE = 1, 2, 3  # counters of the key derivation function


def derive(secret: bytes, counter: int) -> bytes:
    """AES-128 key from a shared secret (9303-11, 9.7.1): the first 16 bytes of SHA-1(secret, counter)."""
    return hashlib.sha1(secret + counter.to_bytes(4, "big"), usedforsecurity=False).digest()[:16]


def can_key(can: str) -> bytes:
    """Key of the encrypted nonce from the card access number (9303-11, 4.4.4.1)."""
    return derive(can.encode("ascii"), FOR_PACE)


def mrz_key(mrz_information: str) -> bytes:
    """Key of the encrypted nonce from document number, birth and expiry dates with their check digits."""
    return derive(hashlib.sha1(mrz_information.encode("ascii"), usedforsecurity=False).digest(), FOR_PACE)


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """One AES block on its own."""
    return Cipher(AES(key), ECB()).encryptor().update(block)  # noqa: S305  # one block: the IV of 9303-11, 9.8.6.1


def encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-CBC of whole blocks."""
    return Cipher(AES(key), CBC(iv)).encryptor().update(data)


def decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-CBC back."""
    return Cipher(AES(key), CBC(iv)).decryptor().update(data)


def mac(key: bytes, data: bytes) -> bytes:
    """AES-CMAC cut to eight bytes."""
    engine = CMAC(AES(key))
    engine.update(data)
    return engine.finalize()[:MAC_SIZE]


def pad(data: bytes) -> bytes:
    """ISO/IEC 9797-1 padding method 2 to whole blocks."""
    return data + b"\x80" + bytes(-(len(data) + 1) % BLOCK)


def unpad(data: bytes) -> bytes | None:
    """Take the padding off; None when there is none."""
    stripped = data.rstrip(b"\x00")
    return stripped[:-1] if stripped.endswith(b"\x80") else None
