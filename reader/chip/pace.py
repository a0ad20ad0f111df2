"""PACE, the password that opens the chip (ICAO Doc 9303-11, 4.4; BSI TR-03110-3, A.3): the three mappings, over
curves and over prime fields, under 3DES and AES.

One attempt per call: a wrong password is told, never tried again here. Must not read files.
"""

import hmac
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reader import tlv
from reader.chip import apdu, groups, mapping
from reader.chip.apdu import Command, Response
from reader.chip.channel import Sender
from reader.chip.groups import Group, KeyPair
from reader.chip.key_derivation import AUTHENTICATION, ENCRYPTION, PASSWORD, Cipher, Password, derive_key
from reader.chip.secure_messaging import SecureChannel, suite, token_checksum, unpad
from reader.chip.security_infos import ID_PACE, PaceInfo, SecurityInfos
from reader.errors import CardBroken, UnsupportedAccess, WrongKey

VERSION = 2
# The last two arcs of a protocol (9.2.1): what is agreed how, and under which cipher.
_FAMILIES = {1: ("DH", "GM"), 2: ("ECDH", "GM"), 3: ("DH", "IM"), 4: ("ECDH", "IM"), 6: ("ECDH", "CAM")}
_CIPHERS = {1: Cipher.TDES, 2: Cipher.AES128, 3: Cipher.AES192, 4: Cipher.AES256}
_CIPHER_NAMES = {
    Cipher.TDES: "3DES-CBC-CBC",
    Cipher.AES128: "AES-CBC-CMAC-128",
    Cipher.AES192: "AES-CBC-CMAC-192",
    Cipher.AES256: "AES-CBC-CMAC-256",
}
_STRONG_BITS = {"ECDH": 224, "DH": 2048}  # 112 bits of security (NIST SP 800-57 part 1)
_MAX_NONCE = 32  # bytes
_MAX_CHIP_DATA = 96  # bytes: a scalar of the largest curve, padded, and room
# What cards answer to a wrong token: authentication failed, counters, and the security words of older chips.
REFUSALS = {0x6300, 0x6982, 0x6983, 0x6984, 0x6985, 0x6988, 0x6A80}

RandomScalar = Callable[[int], int]


@dataclass(frozen=True)
class Protocol:
    """A PACEInfo that this version can carry out. `mapping` is "GM", "IM" or "CAM"."""

    info: PaceInfo
    mapping: str
    group: Group
    cipher: Cipher
    ambiguous: bool  # several sets of domain parameters: the card must be told which

    @property
    def name(self) -> str:
        """The protocol's own name (Doc 9303-11, 9.2.1)."""
        return f"PACE-{self.group.kind}-{self.mapping}-{_CIPHER_NAMES[self.cipher]}"


@dataclass(frozen=True)
class Mapped:
    """What chip authentication mapping leaves to be checked against the key in EF.CardSecurity (4.4.3.5.2).

    `group` as the standard has it, not over the ephemeral generator; `public_key` is the chip's ephemeral key of the
    mapping (PK_Map,IC), encoded; `chip_data` is its decrypted chip authentication data (CA_IC). The chip is genuine if
    its static public key times the number `chip_data` is `public_key`.
    """

    group: Group
    public_key: bytes
    chip_data: bytes


@dataclass(frozen=True)
class Established:
    """An open chip: the channel under secure messaging, and, after chip authentication mapping, what to check."""

    channel: SecureChannel
    mapped: Mapped | None = None


@dataclass(frozen=True)
class _Agreement:
    """What both sides share before they prove it: the generator's group, and the chip's key of the mapping."""

    group: Group
    mapping_key: bytes = b""


def random_scalar(order: int) -> int:
    """A fresh private key or nonce: 1 <= k <= order - 2."""
    return secrets.randbelow(order - 2) + 1


def choose(infos: SecurityInfos) -> Protocol:
    """The best protocol of the card that we speak. Raises UnsupportedAccess.

    First what is strong enough by today's measure: AES, and a group of 112 bits of security. Then the chip
    authentication mapping, which proves the chip within the same five commands. Then the generic before the integrated
    mapping: the latter saves the chip some multiplications, but the former is what every reader speaks, so what a card
    is sure to have been tried with. Then what costs the card least: curves before prime fields, the smaller group, the
    shorter key. Equals in the card's own order.
    """
    protocols = list(_spoken(infos))
    if not protocols:
        raise UnsupportedAccess(offered=len(infos.pace))
    return min(protocols, key=_rank)


def _rank(protocol: Protocol) -> tuple[bool, int, bool, int, int]:
    group = protocol.group
    weak = protocol.cipher is Cipher.TDES or group.p.bit_length() < _STRONG_BITS[group.kind]
    order = ("CAM", "GM", "IM").index(protocol.mapping)
    return weak, order, group.kind == "DH", group.p.bit_length(), mapping.KEY_SIZES[protocol.cipher]


def _spoken(infos: SecurityInfos) -> Iterator[Protocol]:
    """Every PACEInfo that we can carry out, in the card's order."""
    ambiguous = len({info.parameter_id for info in infos.pace}) > 1
    for info in infos.pace:
        family = _FAMILIES.get(info.oid[len(ID_PACE)])
        cipher = _CIPHERS.get(info.oid[len(ID_PACE) + 1])
        if info.version != VERSION or family is None or cipher is None:
            continue
        kind, name = family
        group = _domain_parameters(info, infos)
        if group is None or group.kind != kind:
            continue
        # No 3DES with the chip authentication mapping (9.2.1); not every curve has the integrated one (9.5.1).
        if (name == "CAM" and cipher is Cipher.TDES) or (name == "IM" and not group.encodes):
            continue
        yield Protocol(info, name, group, cipher, ambiguous)


def _domain_parameters(info: PaceInfo, infos: SecurityInfos) -> Group | None:
    """The group a PACEInfo goes with: standardised by number, or spelled out in a PACEDomainParameterInfo (9.2.2).

    What is spelled out comes from an unsigned file, so that it must be a known group in every number.
    """
    number = info.parameter_id
    if number is not None and not 0 <= number <= 0xFF:
        return None
    if number is not None and (known := groups.by_parameter_id(number)):
        return known
    for domain in infos.pace_domains:
        if domain.oid == info.oid[:-1] and domain.parameter_id == number:
            try:
                return groups.from_algorithm(domain.algorithm, "pace.domain_parameters")
            except (groups.Unsupported, CardBroken):  # another protocol of the card may still do
                continue
    return None


def establish(
    channel: Sender, protocol: Protocol, password: Password, random: RandomScalar = random_scalar
) -> Established:
    """Run PACE and return the channel under secure messaging (Doc 9303-11, 4.4.4).

    `random` gives a private key below the number it is handed. Raises WrongKey when the password does not fit,
    UnsupportedAccess when the card refuses the protocol, CardBroken when it does not follow it, and what the channel
    raises.
    """
    cipher = protocol.cipher
    _set_authentication_template(channel, protocol, password)
    nonce = _nonce(_step(channel, 0, 0x80, b""), protocol, derive_key(password.secret, PASSWORD, cipher))
    map_nonce = _integrated_mapping if protocol.mapping == "IM" else _generic_mapping
    agreed = map_nonce(channel, protocol, nonce, random)
    ours = agreed.group.key_pair(random(protocol.group.order))
    theirs = _step(channel, 0x83, 0x84, ours.public)
    _refuse_echo(ours, theirs)
    shared = ours.shared_secret(theirs, "pace.agreement")
    encryption_key = derive_key(shared, ENCRYPTION, cipher)
    checksum_key = derive_key(shared, AUTHENTICATION, cipher)
    answer = _exchange_tokens(channel, protocol, checksum_key, ours.public, theirs)
    mapped = None
    if protocol.mapping == "CAM":
        mapped = Mapped(protocol.group, agreed.mapping_key, _chip_data(answer, cipher, encryption_key))
    return Established(SecureChannel(channel, suite(cipher, encryption_key, checksum_key)), mapped)


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
    """GENERAL AUTHENTICATE (4.4.4.2). Only public keys of 2048 bits need extended length."""
    cla = 0x10 if chaining else 0x00
    template = tlv.encode(0x7C, data)
    le = apdu.SHORT_LE_MAX if len(template) <= 0xFF else apdu.EXTENDED_LE_MAX
    return channel.send(Command(cla, 0x86, 0x00, 0x00, template, le))


def _exchange(channel: Sender, sent: int, value: bytes) -> list[tlv.Node]:
    """One of the first three steps: send a data object (none if `sent` is 0), take the data objects that answer it."""
    data = tlv.encode(sent, value) if sent else b""
    response = _general_authenticate(channel, data, chaining=True)
    if response.sw != apdu.OK:
        raise CardBroken(where="pace.step", sw=f"{response.sw:04X}")
    return _answer(response) if response.data else []


def _step(channel: Sender, sent: int, wanted: int, value: bytes) -> bytes:
    return tlv.find(_exchange(channel, sent, value), wanted, "pace.answer")


def _answer(response: Response) -> list[tlv.Node]:
    where = "pace.answer"
    return tlv.read_all(tlv.read_one(response.data, 0x7C, where), where)


def _nonce(encrypted: bytes, protocol: Protocol, key: bytes) -> bytes:
    """The nonce, in CBC with a zero vector: whole blocks of the cipher (4.4.3.3), and no other than fits the mapping.

    With 3DES a card may be content with one block of 8 bytes (OpenPACE is).
    """
    block = 8 if protocol.cipher is Cipher.TDES else 16
    sizes = [mapping.NONCE_SIZES[protocol.cipher]] if protocol.mapping == "IM" else range(block, _MAX_NONCE + 1, block)
    if len(encrypted) not in sizes:
        raise CardBroken(where="pace.nonce")
    return mapping.decrypt(protocol.cipher, key, encrypted)


def _generic_mapping(channel: Sender, protocol: Protocol, nonce: bytes, random: RandomScalar) -> _Agreement:
    """The generator s·G + H, where H is agreed on (4.4.3.3.1); the chip authentication mapping is the same so far."""
    pair = protocol.group.key_pair(random(protocol.group.order))
    theirs = _step(channel, 0x81, 0x82, pair.public)
    _refuse_echo(pair, theirs)
    group = pair.generic_mapping(int.from_bytes(nonce, "big"), theirs, "pace.mapping")
    return _Agreement(group, theirs)


def _integrated_mapping(channel: Sender, protocol: Protocol, nonce: bytes, random: RandomScalar) -> _Agreement:
    """The generator that both nonces encode (4.4.3.3.2). The card answers nothing, or an empty data object."""
    size = mapping.KEY_SIZES[protocol.cipher]
    ours = random(1 << 8 * size).to_bytes(size, "big")
    if any(node.tag != 0x82 or node.value for node in _exchange(channel, 0x81, ours)):
        raise CardBroken(where="pace.mapping")
    number = mapping.pseudo_random(protocol.cipher, nonce, ours, protocol.group.p)
    return _Agreement(protocol.group.integrated_mapping(number, "pace.mapping"))


def _refuse_echo(ours: KeyPair, theirs: bytes) -> None:
    """Both sides must have different keys, or a card could answer without knowing the password (4.4.1)."""
    if theirs.lstrip(b"\0") == ours.public:
        raise CardBroken(where="pace.equal_keys")


def _exchange_tokens(channel: Sender, protocol: Protocol, key: bytes, ours: bytes, theirs: bytes) -> list[tlv.Node]:
    """Mutual authentication (4.4.3.4): each side proves that it came to the same keys. What else the card answers."""
    response = _general_authenticate(channel, tlv.encode(0x85, _token(protocol, key, theirs)), chaining=False)
    if response.attempts_left is not None:
        raise WrongKey(attempts_left=response.attempts_left)
    if response.sw in REFUSALS:
        raise WrongKey()
    if response.sw != apdu.OK:
        raise CardBroken(where="pace.token", sw=f"{response.sw:04X}")
    nodes = _answer(response)
    if not hmac.compare_digest(tlv.find(nodes, 0x86, "pace.answer"), _token(protocol, key, ours)):
        # A card that does not look at our token first shows a wrong key only here.
        raise WrongKey()
    return nodes


def _token(protocol: Protocol, key: bytes, public: bytes) -> bytes:
    """Checksum over the other side's public key as a data object (4.4.3.4 and 9.4.4)."""
    tag = 0x84 if protocol.group.kind == "DH" else 0x86
    body = tlv.encode(0x06, protocol.info.oid) + tlv.encode(tag, public)
    return token_checksum(protocol.cipher, key, tlv.encode(0x7F49, body))


def _chip_data(answer: list[tlv.Node], cipher: Cipher, key: bytes) -> bytes:
    """The chip authentication data, in CBC from the encryption of a block of ones (4.4.3.5)."""
    where = "pace.chip_data"
    encrypted = tlv.find(answer, 0x8A, where)
    if not 16 <= len(encrypted) <= _MAX_CHIP_DATA or len(encrypted) % 16:
        raise CardBroken(where=where)
    vector = mapping.encrypt(cipher, key, b"\xff" * 16)
    try:
        return unpad(mapping.decrypt(cipher, key, encrypted, vector))
    except CardBroken:
        raise CardBroken(where=where) from None
