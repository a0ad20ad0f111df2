"""The chip's private keys, the same each time the same card is made: numbers and primes from a seed.

So that a card looked at twice is the same card, without a store of keys. Good enough for a chip that exists to be
looked into, and for nothing else.
"""

from hashlib import shake_256
from itertools import count
from math import gcd

_SMALL_PRIMES = 2 * 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23 * 29 * 31 * 37 * 41 * 43 * 47 * 53 * 59 * 61 * 67 * 71 * 73
_WITNESSES = (2, 3, 5, 7, 11, 13)
EXPONENT = 65537


def scalar(seed: bytes, order: int) -> bytes:
    """A number from 1 to order - 1, as many bytes as the order has."""
    size = (order.bit_length() + 7) // 8
    return (int.from_bytes(shake_256(seed).digest(size + 8), "big") % (order - 1) + 1).to_bytes(size, "big")


def rsa_primes(seed: bytes, bits: int) -> tuple[bytes, bytes]:
    """Two primes whose product has exactly `bits` bits and suits the exponent 65537."""
    return _prime(seed + b"p", bits // 2), _prime(seed + b"q", bits // 2)


def _prime(seed: bytes, bits: int) -> bytes:
    top = 0b11 << bits - 2  # the product of two such numbers fills its last bit
    for number in count():
        drawn = int.from_bytes(shake_256(seed + number.to_bytes(4, "big")).digest(bits // 8), "big")
        candidate = drawn | top | 1
        if gcd(candidate, _SMALL_PRIMES) == 1 and candidate % EXPONENT != 1 and _probably_prime(candidate):
            return candidate.to_bytes(bits // 8, "big")
    raise AssertionError  # count() does not end


def _probably_prime(number: int) -> bool:
    """Miller-Rabin; nobody here chooses numbers to deceive it."""
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    odd = (number - 1) >> twos
    for witness in _WITNESSES:
        value = pow(witness, odd, number)
        if value in (1, number - 1):
            continue
        if not any((value := value * value % number) == number - 1 for _ in range(twos - 1)):
            return False
    return True
