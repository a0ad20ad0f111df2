"""Basic access control, the older way into the chip by what the MRZ says (ICAO Doc 9303-11, 4.3).

One attempt per call: a wrong key is told, never tried again here. Must not read files or know where the key came from.
"""

import hmac
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher as Run
from cryptography.hazmat.primitives.ciphers import modes

from reader.chip import apdu
from reader.chip.apdu import Command
from reader.chip.channel import Sender
from reader.chip.key_derivation import AUTHENTICATION, ENCRYPTION, Cipher, basic_access_keys, derive_key
from reader.chip.secure_messaging import CHECKSUM_SIZE, SecureChannel, suite, token_checksum
from reader.errors import CardBroken, UnsupportedAccess, WrongKey

CHALLENGE_SIZE = 8
KEY_SIZE = 16  # bytes of keying material from each side
ANSWER_SIZE = 2 * CHALLENGE_SIZE + KEY_SIZE + CHECKSUM_SIZE
# What cards answer to a wrong key: authentication failed, counters, and the security words of older chips. An answer
# of 6988 is what the checksum under another key looks like to a chip that treats the command as a protected one.
REFUSALS = {0x6300, 0x6982, 0x6983, 0x6984, 0x6985, 0x6988, 0x6A80}
NOT_OFFERED = {0x6881, 0x6882, 0x6A81, 0x6A86, 0x6A88, 0x6D00, 0x6E00}


def establish(channel: Sender, mrz_information: str, random_bytes: Callable[[int], bytes]) -> SecureChannel:
    """Run BAC on the selected LDS1 application and return the channel under secure messaging.

    `mrz_information` is document number, birth and expiry date, each with its check digit (9.7.2). `random_bytes(n)`
    gives n fresh bytes: the reader's challenge first, then its keying material.

    Raises WrongKey when the key does not fit (`attempts_left` when the card tells), UnsupportedAccess when the card
    has no BAC, CardBroken when it does not follow it, and what the channel raises.
    """
    keys = basic_access_keys(mrz_information)
    try:
        return _run(channel, keys, random_bytes, ANSWER_SIZE)
    except _OtherLength:
        return _run(channel, keys, random_bytes, apdu.SHORT_LE_MAX)


class _OtherLength(Exception):
    """The chip wants another Le than forty bytes: some take "all there is" only. It has not looked at the key yet."""


def _run(
    channel: Sender, keys: tuple[bytes, bytes], random_bytes: Callable[[int], bytes], answer_le: int
) -> SecureChannel:
    encryption_key, checksum_key = keys
    theirs = _challenge(channel)
    ours, our_material = random_bytes(CHALLENGE_SIZE), random_bytes(KEY_SIZE)
    encrypted = _cbc(encryption_key).encryptor().update(ours + theirs + our_material)
    token = encrypted + token_checksum(Cipher.TDES, checksum_key, encrypted)
    answer = _authenticate(channel, token, answer_le)
    their_material = _verified(answer, encryption_key, checksum_key, ours, theirs)
    seed = bytes(a ^ b for a, b in zip(our_material, their_material, strict=True))
    session = suite(
        Cipher.TDES, derive_key(seed, ENCRYPTION, Cipher.TDES), derive_key(seed, AUTHENTICATION, Cipher.TDES)
    )
    # The counter begins with the low halves of both challenges, the chip's first (Doc 9303-11, 9.8.6.3).
    return SecureChannel(channel, session, int.from_bytes(theirs[4:] + ours[4:], "big"))


def _cbc(key: bytes) -> "Run[modes.CBC]":
    return Run(TripleDES(key + key[:8]), modes.CBC(bytes(8)))


def _challenge(channel: Sender) -> bytes:
    """GET CHALLENGE. A card that refuses it, for whatever reason, has no BAC to offer."""
    response = channel.send(Command(0x00, 0x84, 0x00, 0x00, b"", CHALLENGE_SIZE))
    if response.sw != apdu.OK:
        raise UnsupportedAccess(sw=f"{response.sw:04X}")
    if len(response.data) != CHALLENGE_SIZE:
        raise CardBroken(where="bac.challenge")
    return response.data


def _authenticate(channel: Sender, token: bytes, le: int) -> bytes:
    """EXTERNAL AUTHENTICATE: the card's answer of forty bytes."""
    response = channel.send(Command(0x00, 0x82, 0x00, 0x00, token, le))
    if response.sw == apdu.WRONG_LENGTH and le == ANSWER_SIZE:
        raise _OtherLength
    if response.attempts_left is not None:
        raise WrongKey(attempts_left=response.attempts_left)
    if response.sw in REFUSALS:
        raise WrongKey()
    if response.sw in NOT_OFFERED:
        raise UnsupportedAccess(sw=f"{response.sw:04X}")
    if response.sw != apdu.OK:
        raise CardBroken(where="bac.authenticate", sw=f"{response.sw:04X}")
    if len(response.data) != ANSWER_SIZE:
        raise CardBroken(where="bac.answer")
    return response.data


def _verified(answer: bytes, encryption_key: bytes, checksum_key: bytes, ours: bytes, theirs: bytes) -> bytes:
    """The card's keying material, once its answer is proven to be to our challenge (Doc 9303-11, 4.3.1).

    The card has accepted our key, so that a wrong checksum here is no wrong key but a card that does not know it.
    """
    encrypted, checksum = answer[:-CHECKSUM_SIZE], answer[-CHECKSUM_SIZE:]
    if not hmac.compare_digest(checksum, token_checksum(Cipher.TDES, checksum_key, encrypted)):
        raise CardBroken(where="bac.checksum")
    plain = _cbc(encryption_key).decryptor().update(encrypted)
    if not hmac.compare_digest(plain[: 2 * CHALLENGE_SIZE], theirs + ours):
        raise CardBroken(where="bac.challenge_answered")
    return plain[2 * CHALLENGE_SIZE :]
