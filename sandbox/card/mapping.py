"""Integrated mapping of PACE: two nonces to a generator of the group (ICAO Doc 9303-11, 4.4.3.3.2)."""

from sandbox.card import keys
from sandbox.card.groups import Group
from sandbox.card.image import CipherName

# Constants c0 and c1, by their length in bytes.
_CONSTANTS = {
    16: ("a668892a7c41e3ca739f40b057d85904", "a4e136ac725f738b01c1f60217c188ad"),
    32: (
        "d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676",
        "54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517",
    ),
}
_MARGIN = 64  # bits beyond the prime, so that the remainder is as good as uniform


def nonce_size(cipher: CipherName) -> int:
    """Bytes of the card's nonce: whole blocks, not shorter than the key."""
    return 16 if keys.KEY_SIZES[cipher] == 16 else 32


def integrated(group: Group, cipher: CipherName, nonce: bytes, other: bytes) -> bytes:
    """The mapped generator. Raises groups.BadElement when the nonces give none (a chance below 2**-150)."""
    return group.encoded(pseudo_random(group.p, cipher, nonce, other))


def pseudo_random(p: int, cipher: CipherName, nonce: bytes, other: bytes) -> int:
    """R_p(s, t): a chain of CBC encryptions under keys that it makes itself, modulo p."""
    size = nonce_size(cipher)
    key_constant, output_constant = (bytes.fromhex(text) for text in _CONSTANTS[size])
    key = _encrypt(other, nonce, cipher)
    output = b""
    while 8 * len(output) < p.bit_length() + _MARGIN:
        output += _encrypt(key, output_constant, cipher)
        key = _encrypt(key, key_constant, cipher)
    return int.from_bytes(output, "big") % p


def _encrypt(key: bytes, data: bytes, cipher: CipherName) -> bytes:
    return keys.encrypt(key[: keys.KEY_SIZES[cipher]], bytes(keys.block_size(cipher)), data, cipher)
