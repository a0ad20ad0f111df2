"""The block cipher under PACE, and the pseudo-random function of its integrated mapping (ICAO Doc 9303-11, 4.4.3.3.2).

Must not know commands, groups or keys by their use.
"""

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher as Run
from cryptography.hazmat.primitives.ciphers import algorithms, modes

from reader.chip.key_derivation import Cipher

# How many bytes a key takes, and a nonce of the integrated mapping: the fewest whole blocks that hold a key, with
# 3DES counted as a key of 128 bits (4.4.3.3.2).
KEY_SIZES = {Cipher.TDES: 16, Cipher.AES128: 16, Cipher.AES192: 24, Cipher.AES256: 32}
NONCE_SIZES = {Cipher.TDES: 16, Cipher.AES128: 16, Cipher.AES192: 32, Cipher.AES256: 32}

# The constants c0 (next key) and c1 (output) of the pseudo-random function, by size of the nonce in bytes.
_CONSTANTS = {
    16: (
        bytes.fromhex("A668892A7C41E3CA739F40B057D85904"),
        bytes.fromhex("A4E136AC725F738B01C1F60217C188AD"),
    ),
    32: (
        bytes.fromhex("D463D65234124EF7897054986DCA0A174E28DF758CBAA03F240616414D5A1676"),
        bytes.fromhex("54BD7255F0AAF831BEC3423FCF39D69B6CBF066677D0FAAE5AADD99DF8E53517"),
    ),
}
_SPARE_BITS = 64  # so that the remainder modulo p is as good as uniform


def encrypt(cipher: Cipher, key: bytes, blocks: bytes) -> bytes:
    """Whole blocks in CBC mode from a zero vector. Raises ValueError when key or blocks have another size."""
    run = _cbc(cipher, key, b"").encryptor()
    return run.update(blocks) + run.finalize()


def decrypt(cipher: Cipher, key: bytes, blocks: bytes, vector: bytes = b"") -> bytes:
    """Reverse CBC mode from this vector (none: zero). Raises ValueError when key or blocks have another size."""
    run = _cbc(cipher, key, vector).decryptor()
    return run.update(blocks) + run.finalize()


def pseudo_random(cipher: Cipher, s: bytes, t: bytes, p: int) -> int:
    """R_p(s, t): an integer from 0 to p - 1 out of the chip's nonce s and the terminal's nonce t.

    `s` has NONCE_SIZES, `t` KEY_SIZES bytes.
    """
    next_key, output = _CONSTANTS[NONCE_SIZES[cipher]]
    size = KEY_SIZES[cipher]
    key = encrypt(cipher, t, s)[:size]
    found = b""
    while 8 * len(found) < p.bit_length() + _SPARE_BITS:
        found += encrypt(cipher, key, output)
        key = encrypt(cipher, key, next_key)[:size]
    return int.from_bytes(found, "big") % p


def _cbc(cipher: Cipher, key: bytes, vector: bytes) -> "Run[modes.CBC]":
    if cipher is Cipher.TDES:
        return Run(TripleDES(key + key[:8]), modes.CBC(vector or bytes(8)))
    return Run(algorithms.AES(key), modes.CBC(vector or bytes(16)))
