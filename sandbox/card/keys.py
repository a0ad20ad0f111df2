"""Key derivation and the symmetric primitives of access protocols and secure messaging (ICAO Doc 9303-11, 9.7, 9.8)."""

import hashlib

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, CipherAlgorithm
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

from sandbox.card.image import CipherName

MAC_SIZE = 8
FOR_ENCRYPTION, FOR_MAC, FOR_PACE = 1, 2, 3  # counters of the key derivation function
KEY_SIZES: dict[CipherName, int] = {"3DES": 16, "AES-128": 16, "AES-192": 24, "AES-256": 32}
_HALF = 8  # bytes of a DES key and of a DES block


def block_size(cipher: CipherName) -> int:
    """Bytes of a block."""
    return 8 if cipher == "3DES" else 16


def derive(secret: bytes, counter: int, cipher: CipherName = "AES-128") -> bytes:
    """A key from a shared secret (9303-11, 9.7.1): the hash of secret and counter, cut to size."""
    data = secret + counter.to_bytes(4, "big")
    if KEY_SIZES[cipher] > 16:
        return hashlib.sha256(data).digest()[: KEY_SIZES[cipher]]
    key = _sha1(data)[:16]
    return bytes(_odd(byte) for byte in key) if cipher == "3DES" else key


def session(secret: bytes, cipher: CipherName) -> tuple[bytes, bytes]:
    """Keys for encryption and for checksums."""
    return derive(secret, FOR_ENCRYPTION, cipher), derive(secret, FOR_MAC, cipher)


def can_key(can: str, cipher: CipherName = "AES-128") -> bytes:
    """Key of the encrypted nonce from the card access number (9303-11, 4.4.4.1)."""
    return derive(can.encode("ascii"), FOR_PACE, cipher)


def mrz_key(mrz_information: str, cipher: CipherName = "AES-128") -> bytes:
    """Key of the encrypted nonce from document number, birth and expiry dates with their check digits."""
    return derive(mrz_hash(mrz_information), FOR_PACE, cipher)


def mrz_hash(mrz_information: str) -> bytes:
    """SHA-1 of the MRZ information; its first 16 bytes are the seed of basic access control (9303-11, 9.7.2)."""
    return _sha1(mrz_information.encode("ascii"))


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """One AES block on its own."""
    return Cipher(AES(key), ECB()).encryptor().update(block)  # noqa: S305  # one block: the IV of 9303-11, 9.8.6.1


def encrypt(key: bytes, iv: bytes, data: bytes, cipher: CipherName = "AES-128") -> bytes:
    """Whole blocks in CBC mode."""
    return Cipher(_algorithm(key, cipher), CBC(iv)).encryptor().update(data)


def decrypt(key: bytes, iv: bytes, data: bytes, cipher: CipherName = "AES-128") -> bytes:
    """CBC back."""
    return Cipher(_algorithm(key, cipher), CBC(iv)).decryptor().update(data)


def mac(key: bytes, data: bytes, cipher: CipherName = "AES-128") -> bytes:
    """Eight bytes over data: AES-CMAC cut short, or the retail MAC over whole blocks (ISO/IEC 9797-1, algorithm 3)."""
    if cipher == "3DES":
        return _retail(key, data)
    engine = CMAC(_aes(key))
    engine.update(data)
    return engine.finalize()[:MAC_SIZE]


def token(key: bytes, data: bytes, cipher: CipherName) -> bytes:
    """The MAC over a message of any length: padding belongs to the retail MAC, AES-CMAC has its own."""
    return mac(key, pad(data, _HALF) if cipher == "3DES" else data, cipher)


def pad(data: bytes, block: int = 16) -> bytes:
    """ISO/IEC 9797-1 padding method 2 to whole blocks."""
    return data + b"\x80" + bytes(-(len(data) + 1) % block)


def unpad(data: bytes) -> bytes | None:
    """Take the padding off; None when there is none."""
    stripped = data.rstrip(b"\x00")
    return stripped[:-1] if stripped.endswith(b"\x80") else None


def _retail(key: bytes, data: bytes) -> bytes:
    """Single DES for every block, triple DES for the last: equal to the two extra steps of the standard."""
    first = key[:_HALF]
    chained = bytes(_HALF)
    if len(data) > _HALF:
        single = Cipher(TripleDES(first * 3), CBC(chained)).encryptor()
        chained = single.update(data[:-_HALF])[-_HALF:]
    return encrypt(key, chained, data[-_HALF:], "3DES")


def _algorithm(key: bytes, cipher: CipherName) -> CipherAlgorithm:
    return TripleDES(key + key[:_HALF]) if cipher == "3DES" else _aes(key)


def _aes(key: bytes) -> BlockCipherAlgorithm:
    return AES(key)


def _odd(byte: int) -> int:
    return byte ^ 1 ^ (byte.bit_count() & 1)


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
