"""Basic access control, card side (ICAO Doc 9303-11, 4.3): whoever has read the MRZ may open the card."""

import hmac
from collections.abc import Callable

from sandbox.card import keys
from sandbox.card.secure_messaging import Channel

CHALLENGE_SIZE = 8
_HALF = 16  # bytes of key material from each side
_MESSAGE = 32  # both random numbers and the key material, encrypted; the checksum follows


class WrongKey(Exception):
    """The terminal's message is not made with this card's key."""


def authenticate(
    mrz_information: str, challenge: bytes, message: bytes, random: Callable[[int], bytes]
) -> tuple[bytes, Channel]:
    """Answer EXTERNAL AUTHENTICATE: the card's message and the session that begins after it. Raises WrongKey.

    `challenge` is what GET CHALLENGE told; it must be used once only.
    """
    encryption_key, mac_key = keys.session(keys.mrz_hash(mrz_information)[:16], "3DES")
    hidden, checksum = message[:_MESSAGE], message[_MESSAGE:]
    if len(hidden) != _MESSAGE or not hmac.compare_digest(checksum, keys.token(mac_key, hidden, "3DES")):
        raise WrongKey
    plain = keys.decrypt(encryption_key, bytes(8), hidden, "3DES")
    theirs, echoed, their_half = plain[:CHALLENGE_SIZE], plain[CHALLENGE_SIZE:_HALF], plain[_HALF:]
    if not hmac.compare_digest(echoed, challenge):
        raise WrongKey
    own_half = random(_HALF)
    answer = keys.encrypt(encryption_key, bytes(8), challenge + theirs + own_half, "3DES")
    seed = bytes(left ^ right for left, right in zip(their_half, own_half, strict=True))
    counter = int.from_bytes(challenge[-4:] + theirs[-4:], "big")
    return answer + keys.token(mac_key, answer, "3DES"), Channel(*keys.session(seed, "3DES"), "3DES", counter)
