"""PACE, the password that opens the chip (ICAO Doc 9303-11, 4.4): ECDH with generic mapping and AES.

One attempt per call: a wrong password is told, never tried again here. Must not read files.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from reader.chip import apdu, tlv
from reader.chip.apdu import Command, Response
from reader.chip.channel import Sender
from reader.chip.curves import BY_PARAMETER_ID, Curve, Point
from reader.chip.key_derivation import AUTHENTICATION, ENCRYPTION, PASSWORD, Password, derive_key
from reader.chip.secure_messaging import AesSuite, SecureChannel, aes_checksum
from reader.chip.security_infos import ECDH_GM, VERSION, PaceInfo
from reader.errors import CardBroken, UnsupportedAccess, WrongKey

RandomScalar = Callable[[int], int]
# What cards answer to a wrong token: authentication failed, counters, and the security words of older chips.
REFUSALS = {0x6300, 0x6982, 0x6983, 0x6984, 0x6985, 0x6988, 0x6A80}


@dataclass(frozen=True)
class Protocol:
    """A PACEInfo that this version can carry out."""

    info: PaceInfo
    curve: Curve
    bits: int
    ambiguous: bool  # several sets of domain parameters: the card must be told which

    @property
    def name(self) -> str:
        """The protocol's own name (Doc 9303-11, 9.2.1)."""
        return f"PACE-ECDH-GM-AES-CBC-CMAC-{self.bits}"


def random_scalar(order: int) -> int:
    """A fresh private key: 1 <= k <= order - 2 (the last one is left out; see curves.Curve.multiply)."""
    return secrets.randbelow(order - 2) + 1


def choose(infos: list[PaceInfo]) -> Protocol:
    """The first protocol of the card that we speak. Raises UnsupportedAccess."""
    ambiguous = len({info.parameter_id for info in infos}) > 1
    for info in infos:
        curve = BY_PARAMETER_ID.get(info.parameter_id) if info.parameter_id is not None else None
        bits = info.aes_bits
        if info.version == VERSION and info.mapping == ECDH_GM and bits and curve and curve.supported():
            return Protocol(info, curve, bits, ambiguous)
    raise UnsupportedAccess(offered=len(infos))


def establish(
    channel: Sender, protocol: Protocol, password: Password, random: RandomScalar = random_scalar
) -> SecureChannel:
    """Run PACE and return the channel under secure messaging (Doc 9303-11, 4.4.4).

    Raises WrongKey when the password does not fit, UnsupportedAccess when the card refuses the protocol,
    CardBroken when it does not follow it, and what the channel raises.
    """
    curve = protocol.curve
    _set_authentication_template(channel, protocol, password)
    nonce = _decrypt_nonce(_step(channel, 0, 0x80, b""), derive_key(password.secret, PASSWORD, protocol.bits))
    generator = _map(channel, curve, nonce, random)
    private = random(curve.n)
    ours = _multiply(curve, private, generator, "pace.agreement")
    theirs = curve.decode(_step(channel, 0x83, 0x84, curve.encode(ours)), "pace.agreement")
    if theirs == ours:
        raise CardBroken(where="pace.equal_keys")
    shared = curve.multiply_x(private, theirs).to_bytes(curve.field_size, "big")
    encryption_key = derive_key(shared, ENCRYPTION, protocol.bits)
    checksum_key = derive_key(shared, AUTHENTICATION, protocol.bits)
    _exchange_tokens(channel, protocol, checksum_key, ours, theirs)
    return SecureChannel(channel, AesSuite(encryption_key, checksum_key))


def _set_authentication_template(channel: Sender, protocol: Protocol, password: Password) -> None:
    """MSE:Set AT (Doc 9303-11, 4.4.4.1)."""
    data = tlv.encode(0x80, protocol.info.oid) + tlv.encode(0x83, bytes([password.reference]))
    if protocol.ambiguous and protocol.info.parameter_id is not None:
        data += tlv.encode(0x84, bytes([protocol.info.parameter_id]))
    response = channel.send(Command(0x00, 0x22, 0xC1, 0xA4, data))
    # 63Cx is a warning here: tries that remain, the password is not looked at yet (4.4.4.1).
    if response.sw != apdu.OK and response.attempts_left is None:
        raise UnsupportedAccess(sw=f"{response.sw:04X}")
    if response.attempts_left == 0:
        raise WrongKey(attempts_left=0)


def _general_authenticate(channel: Sender, data: bytes, chaining: bool) -> Response:
    cla = 0x10 if chaining else 0x00
    return channel.send(Command(cla, 0x86, 0x00, 0x00, tlv.encode(0x7C, data), apdu.SHORT_LE_MAX))


def _step(channel: Sender, sent: int, wanted: int, value: bytes) -> bytes:
    """One of the first three steps: send a data object (none in the first), take the one that answers it."""
    data = tlv.encode(sent, value) if sent else b""
    response = _general_authenticate(channel, data, chaining=True)
    if response.sw != apdu.OK:
        raise CardBroken(where="pace.step", sw=f"{response.sw:04X}")
    return _answer(response, wanted)


def _answer(response: Response, wanted: int) -> bytes:
    where = "pace.answer"
    return tlv.find(tlv.read_all(tlv.read_one(response.data, 0x7C, where), where), wanted, where)


def _decrypt_nonce(encrypted: bytes, key: bytes) -> bytes:
    """The nonce, one or two blocks, encrypted in CBC with a zero vector (Doc 9303-11, 4.4.3.3)."""
    if len(encrypted) not in (16, 32):
        raise CardBroken(where="pace.nonce")
    run = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor()
    return run.update(encrypted) + run.finalize()


def _map(channel: Sender, curve: Curve, nonce: bytes, random: RandomScalar) -> Point:
    """Generic mapping: the ephemeral generator s·G + H (Doc 9303-11, 4.4.3.3.1)."""
    where = "pace.mapping"
    private = random(curve.n)
    ours = curve.multiply_base(private)
    theirs = curve.decode(_step(channel, 0x81, 0x82, curve.encode(ours)), where)
    if theirs == ours:
        raise CardBroken(where="pace.equal_keys")
    scalar = int.from_bytes(nonce, "big") % curve.n
    if scalar == 0:
        raise CardBroken(where="pace.nonce")
    generator = curve.add(curve.multiply_base(scalar), _multiply(curve, private, theirs, where))
    if generator is None:
        raise CardBroken(where=where)
    return generator


def _multiply(curve: Curve, scalar: int, point: Point, where: str) -> Point:
    product = curve.multiply(scalar, point)
    if product is None:
        raise CardBroken(where=where)
    return product


def _exchange_tokens(channel: Sender, protocol: Protocol, key: bytes, ours: Point, theirs: Point) -> None:
    """Mutual authentication (Doc 9303-11, 4.4.3.4): each side proves that it came to the same keys."""
    response = _general_authenticate(channel, tlv.encode(0x85, _token(protocol, key, theirs)), chaining=False)
    if response.attempts_left is not None:
        raise WrongKey(attempts_left=response.attempts_left)
    if response.sw in REFUSALS:
        raise WrongKey()
    if response.sw != apdu.OK:
        raise CardBroken(where="pace.token", sw=f"{response.sw:04X}")
    if not hmac.compare_digest(_answer(response, 0x86), _token(protocol, key, ours)):
        # A card that does not look at our token first shows a wrong key only here.
        raise WrongKey()


def _token(protocol: Protocol, key: bytes, public: Point) -> bytes:
    """Checksum over the other side's public key as a data object (Doc 9303-11, 4.4.3.4 and 9.4.4)."""
    body = tlv.encode(0x06, protocol.info.oid) + tlv.encode(0x86, protocol.curve.encode(public))
    return aes_checksum(key, tlv.encode(0x7F49, body))
