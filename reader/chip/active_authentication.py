"""Active authentication (ICAO Doc 9303-11, 6.1): the chip signs a challenge with the key that DG15 names, which a copy
of its files cannot do. RSA after ISO/IEC 9796-2, or ECDSA.

The key comes from a signed file; whether the signature of that holds is not judged here. Must not read files.
"""

import hashlib

from cryptography.exceptions import InvalidSignature

from reader import tlv
from reader.chip import apdu, iso9796
from reader.chip.apdu import Command, Response
from reader.chip.channel import Sender
from reader.chip.secure_messaging import LeftSecureMessaging, short_payload
from reader.chip.security_infos import SecurityInfos
from reader.errors import CardBroken
from reader.pki import signatures
from reader.pki.signatures import HASHES, EllipticKey, PublicKey, RsaKey, Unsupported
from reader.reading import Check, Outcome

WRONG_SIGNATURE = "active_authentication.wrong_signature"
NO_ANSWER = "active_authentication.no_answer"
MALFORMED_KEY = "active_authentication.malformed_key"
UNSUPPORTED = "active_authentication.unsupported"
REFUSED = "active_authentication.refused"
TOO_LONG = "active_authentication.too_long_for_reader"

PROTOCOL = "AA"
CHALLENGE_SIZE = 8  # bytes (6.1.2.1)
SHORT_ANSWER = short_payload(16)  # bytes of signature that fit a protected short answer under every cipher
MAX_DER_OVERHEAD = 16  # bytes around the numbers of an ECDSA signature that is not plain
_ANY_ECDSA = bytes.fromhex("300906072A8648CE3D0201")  # AlgorithmIdentifier that leaves the hash open (RFC 5480, 2.1.1)
# ActiveAuthenticationInfo's algorithm, content octets: BSI TR-03111 plain ECDSA, and X9.62's names for the same.
_ECDSA_HASHES = {
    bytes.fromhex("04007F00070101040101"): "sha1",
    bytes.fromhex("04007F00070101040102"): "sha224",
    bytes.fromhex("04007F00070101040103"): "sha256",
    bytes.fromhex("04007F00070101040104"): "sha384",
    bytes.fromhex("04007F00070101040105"): "sha512",
    bytes.fromhex("2A8648CE3D0401"): "sha1",
    bytes.fromhex("2A8648CE3D040301"): "sha224",
    bytes.fromhex("2A8648CE3D040302"): "sha256",
    bytes.fromhex("2A8648CE3D040303"): "sha384",
    bytes.fromhex("2A8648CE3D040304"): "sha512",
}


def public_key(dg15: bytes) -> PublicKey:
    """The key of DG15: a SubjectPublicKeyInfo in tag 6F (Doc 9303-10, 4.7.15). Raises CardBroken, Unsupported."""
    try:
        return signatures.public_key(tlv.read_one(dg15, 0x6F, "dg15"))
    except ValueError:
        raise CardBroken(where="dg15.key") from None


def check(
    secure: Sender, dg15: bytes, infos: SecurityInfos | None, challenge: bytes, le: int = apdu.SHORT_LE_MAX
) -> Check:
    """Have the chip sign `challenge` (8 random bytes, used once) and verify that with the key of DG15.

    `infos`: those of DG14, where it was read. `le`: the most bytes that card and reader give in one answer as far as
    is known, 256 without extended length. Signatures that fit a protected short answer (RSA to 1784 bits, every
    curve) are asked for with Le 256 whatever `le` says; longer ones with `le`, and an answer in pieces (61xx) will do.

    The result: `passed`; `failed` with WRONG_SIGNATURE, NO_ANSWER or MALFORMED_KEY; `not_done` with UNSUPPORTED,
    REFUSED, or TOO_LONG when a long signature did not come through whole. A copy can always refuse: who wants
    certainty must ask for `passed`.

    Raises LeftSecureMessaging when the card leaves it, which cards do to say that an answer is too long: the channel is
    dead then, and `lost` gives the check. Raises what the channel raises; never for a wrong signature.
    """
    if len(challenge) != CHALLENGE_SIZE:
        raise ValueError("a challenge has 8 bytes")
    try:
        key = public_key(dg15)
    except Unsupported:
        return Check(reason=UNSUPPORTED, protocol=PROTOCOL)
    except CardBroken:
        return _failed(MALFORMED_KEY)
    wanted = max(le, apdu.SHORT_LE_MAX) if _is_long(key) else apdu.SHORT_LE_MAX
    try:
        response = secure.send(Command(0x00, 0x88, 0x00, 0x00, challenge, wanted))
    except LeftSecureMessaging:
        raise
    except CardBroken as broken:
        if _is_long(key) and broken.data.get("where") == "secure_messaging.reply":
            raise LeftSecureMessaging(apdu.OK) from None  # cut off on its way: no checksum at its end
        raise
    return _judge(key, response, challenge, infos, wanted)


def lost(dg15: bytes, left: LeftSecureMessaging) -> Check:
    """The check after `check` raised LeftSecureMessaging: not done, because the answer was too long or for no reason
    that we know."""
    try:
        too_long = _is_long(public_key(dg15)) and _about_length(left.sw)
    except (CardBroken, Unsupported):
        too_long = False
    return Check(reason=TOO_LONG if too_long else REFUSED, protocol=PROTOCOL)


def _judge(key: PublicKey, response: Response, challenge: bytes, infos: SecurityInfos | None, wanted: int) -> Check:
    size = _signature_size(key)
    if _is_long(key) and len(response.data) < size and _cut_off(response, wanted):
        return Check(reason=TOO_LONG, protocol=PROTOCOL)
    if response.sw != apdu.OK:
        return Check(reason=REFUSED, protocol=PROTOCOL)
    if not response.data:
        return _failed(NO_ANSWER)
    if len(response.data) > size + MAX_DER_OVERHEAD:
        return _failed(WRONG_SIGNATURE)
    if isinstance(key, RsaKey):
        algorithm = _verify_rsa(key, response.data, challenge)
    else:
        algorithm = _verify_ecdsa(key, response.data, challenge, infos)
    if algorithm is None:
        return _failed(WRONG_SIGNATURE)
    return Check(result=Outcome.PASSED, protocol=PROTOCOL, algorithm=algorithm)


def _failed(reason: str) -> Check:
    return Check(result=Outcome.FAILED, reason=reason, protocol=PROTOCOL)


def _signature_size(key: PublicKey) -> int:
    """Bytes of a signature: as many as the modulus has, or two numbers below the order of the curve."""
    if isinstance(key, RsaKey):
        return (key.library.key_size + 7) // 8
    return 2 * ((key.curve.n.bit_length() + 7) // 8)


def _is_long(key: PublicKey) -> bool:
    return _signature_size(key) > SHORT_ANSWER


def _cut_off(response: Response, wanted: int) -> bool:
    """Whether less than a signature came because no more would fit.

    A card that says 9000 must have filled a short answer, or given nothing: a copy that answers a few bytes has failed.
    """
    if response.sw != apdu.OK:
        return _about_length(response.sw)
    return wanted <= apdu.SHORT_LE_MAX and (not response.data or len(response.data) >= SHORT_ANSWER - 32)


def _about_length(sw: int) -> bool:
    """Whether a status word can mean that the answer does not fit: also 6F00, which many cards say to what they did
    not expect, and 9000 or a warning over an answer that was cut off."""
    return sw in (apdu.OK, apdu.WRONG_LENGTH, apdu.END_OF_FILE, 0x6281, 0x6F00) or sw >> 8 in (0x61, 0x6C)


def _verify_rsa(key: RsaKey, signature: bytes, challenge: bytes) -> str | None:
    """How the challenge was signed, such as rsa-9796-2-sha256-2048; None when it was not."""
    numbers = key.library.public_numbers()
    hash_name = iso9796.verify(signature, numbers.n, numbers.e, challenge)
    return hash_name and f"rsa-9796-2-{hash_name}-{key.library.key_size}"


def _verify_ecdsa(key: EllipticKey, signature: bytes, challenge: bytes, infos: SecurityInfos | None) -> str | None:
    """How the challenge was signed, such as ecdsa-sha256-brainpoolP256r1; None when it was not.

    The hash is what DG14 says, else it goes by the size of the key (6.1.2.3); documents are known that say one and
    use another, so every hash of the standard gets its turn. The signature may be plain or DER.
    """
    for hash_name in _hash_names(key, infos):
        try:
            return signatures.verify(key, _ANY_ECDSA, hash_name, signature, challenge).name
        except (InvalidSignature, Unsupported):
            continue
    return None


def _hash_names(key: EllipticKey, infos: SecurityInfos | None) -> list[str]:
    """The hashes to try, likeliest first, each once: as announced, the longest not above the key, the others."""
    announced = [
        _ECDSA_HASHES[info.signature_algorithm]
        for info in (infos.active_authentication if infos else ())
        if info.signature_algorithm in _ECDSA_HASHES
    ]
    bits = {name: 8 * hashlib.new(name, usedforsecurity=False).digest_size for name in HASHES}
    longest_first = sorted(bits, key=bits.__getitem__, reverse=True)
    fitting = [name for name in longest_first if bits[name] <= key.curve.n.bit_length()]
    return list(dict.fromkeys([*announced, *fitting, *reversed(longest_first)]))
