"""Chip authentication (ICAO Doc 9303-11, 6.2; BSI TR-03110-1, 3.4, version 1): the chip agrees on new session keys
with the key that DG14 names, which a copy of its files cannot do. And the proof that PACE with chip authentication
mapping carries along (Doc 9303-11, 4.4.3.5).

The keys come from signed files; whether the signature holds is not judged here. Must not read files.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reader import tlv
from reader.chip import apdu, groups
from reader.chip.apdu import Command, Response
from reader.chip.channel import Sender
from reader.chip.groups import EcGroup, Group, Unsupported
from reader.chip.key_derivation import AUTHENTICATION, ENCRYPTION, Cipher, derive_key
from reader.chip.pace import Mapped
from reader.chip.secure_messaging import SecureChannel, suite
from reader.chip.security_infos import (
    ID_CHIP_AUTHENTICATION,
    ID_PUBLIC_KEY,
    ChipAuthenticationInfo,
    ChipAuthenticationPublicKeyInfo,
    SecurityInfos,
)
from reader.errors import CardBroken

NOT_OFFERED = "chip_authentication.not_offered"
UNSUPPORTED = "chip_authentication.unsupported"
VERSION = 1  # version 2 wants terminal authentication first and makes its keys otherwise
_AGREEMENTS = {1: "DH", 2: "ECDH"}  # last arc of id-PK, last but one of id-CA
_CIPHERS = {1: Cipher.TDES, 2: Cipher.AES128, 3: Cipher.AES192, 4: Cipher.AES256}  # last arc of id-CA
_NAMES = {
    Cipher.TDES: "3DES-CBC-CBC",
    Cipher.AES128: "AES-CBC-CMAC-128",
    Cipher.AES192: "AES-CBC-CMAC-192",
    Cipher.AES256: "AES-CBC-CMAC-256",
}
_WHERE = "chip_authentication"
MAX_KEYS = 8  # real chips have two; to look at one costs a power or a multiplication


class Refused(Exception):
    """The card will not do it. `sw` is the protected word it said; the session under the old keys goes on."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


@dataclass(frozen=True)
class Offer:
    """What a chip offers and this version can carry out.

    `public_key` is the chip's, encoded as protocols carry it; `key_id` tells it apart from others of the chip.
    `announced`: there is a ChipAuthenticationInfo; old documents have only the key, and then mean 3DES.
    """

    oid: bytes
    agreement: str
    cipher: Cipher
    group: Group
    public_key: bytes
    key_id: int | None
    announced: bool

    @property
    def name(self) -> str:
        """The protocol's own name (Doc 9303-11, 9.2.5), such as CA-ECDH-AES-CBC-CMAC-128."""
        return f"CA-{self.agreement}-{_NAMES[self.cipher]}"


def choose(infos: SecurityInfos) -> Offer | None:
    """The strongest offer this version can carry out, None when there is none (`why_not` tells why).

    The longest key of the cipher first, elliptic curves before prime fields, then the card's order. Keys that are
    malformed or of unknown groups are passed over: another may do.
    """
    announced = bool(infos.chip_authentication)
    usable = [(key, found) for key in infos.chip_keys[:MAX_KEYS] if (found := _understood(key)) is not None]
    offers = [
        _offer(info, key, found, announced)
        for info in _infos(infos)
        for key, found in usable
        if _belongs(info, key, infos.chip_keys) and found[0].kind == _AGREEMENTS[_agreement(info.oid)]
    ]
    order = list(Cipher)
    return max(offers, key=lambda offer: (order.index(offer.cipher), offer.agreement == "ECDH"), default=None)


def why_not(infos: SecurityInfos) -> str:
    """The reason code when `choose` found nothing: not offered, or nothing of it supported."""
    return UNSUPPORTED if infos.chip_authentication or infos.chip_keys else NOT_OFFERED


def authenticate(secure: SecureChannel, offer: Offer, random: Callable[[int], int]) -> SecureChannel:
    """Agree on new keys with the chip and return the channel under them, its counter at 0 (Doc 9303-11, 6.2.2).

    This proves nothing yet: a chip that lacks the private key can say 9000 just as well. The proof is the first
    command answered under the new keys; the caller must send one, and a chip that leaves secure messaging or whose
    checksum is wrong there has failed. The old channel must not be used again after success.

    `random` gives a private key between 1 and the order it is handed, exclusive. Raises Refused (the old channel goes
    on), CardBroken (the chip's key is no element of its group, or ours; a malformed answer), LeftSecureMessaging, and
    what the channel raises.
    """
    ours = offer.group.key_pair(random(offer.group.order))
    if ours.public == offer.public_key:
        raise CardBroken(where=f"{_WHERE}.equal_keys")
    # Before anything is sent: a key outside its group must not see even our public key.
    shared = ours.shared_secret(offer.public_key, f"{_WHERE}.key")
    if offer.cipher is Cipher.TDES:
        _agree_in_one_command(secure, offer, ours.public)
    else:
        _agree_in_two_commands(secure, offer, ours.public)
    new_keys = suite(
        offer.cipher,
        derive_key(shared, ENCRYPTION, offer.cipher),
        derive_key(shared, AUTHENTICATION, offer.cipher),
    )
    return SecureChannel(secure.channel, new_keys, 0)


def verify_mapping(mapped: Mapped, infos: SecurityInfos) -> bool:
    """Whether a key of the chip made the mapping of PACE-CAM: CA_IC · PK_IC = PK_Map,IC (Doc 9303-11, 4.4.3.5.2).

    `infos` are those of EF.CardSecurity, whose signature is for the caller to check. A chip may have several keys on
    the curve (TR-03110-3, A.1.1.2 tells them apart by their number, which not all chips keep to); all are the chip's,
    so any may fit. Never raises: keys that are malformed or of other groups do not fit.
    """
    group = mapped.group
    factor = int.from_bytes(mapped.chip_data, "big")
    if not isinstance(group, EcGroup) or not 0 < factor < group.order:
        return False
    for key in infos.chip_keys[:MAX_KEYS]:
        found = _understood(key)
        if found is not None and found[0] == group and _made_mapping(mapped, group, factor, found[1]):
            return True
    return False


def _made_mapping(mapped: Mapped, group: EcGroup, factor: int, static_key: bytes) -> bool:
    try:
        product = group.curve.multiply(factor, group.curve.decode(static_key, f"{_WHERE}.key"))
    except CardBroken:
        return False
    return product is not None and group.curve.encode(product) == mapped.public_key


def _infos(infos: SecurityInfos) -> Iterator[ChipAuthenticationInfo]:
    """What is announced; where nothing is, 3DES for each kind of key there is (TR-03110-1 before version 1.11)."""
    if infos.chip_authentication:
        for info in infos.chip_authentication:
            known = info.version == VERSION and _agreement(info.oid) in _AGREEMENTS and info.oid[-1] in _CIPHERS
            if known and (info.key_id is None or info.key_id >= 0):
                yield info
        return
    for key in infos.chip_keys:
        if key.oid[-1] in _AGREEMENTS:
            yield ChipAuthenticationInfo(ID_CHIP_AUTHENTICATION + key.oid[-1:] + b"\x01", VERSION, key.key_id)


def _agreement(oid: bytes) -> int:
    return oid[len(ID_CHIP_AUTHENTICATION)]


def _belongs(
    info: ChipAuthenticationInfo,
    key: ChipAuthenticationPublicKeyInfo,
    keys: tuple[ChipAuthenticationPublicKeyInfo, ...],
) -> bool:
    """Whether this key is meant: of the same agreement, and of the same number where both have one.

    A protocol without a number means any key; a key without one is meant by every protocol as long as it is the only
    one of its kind. Both are against 9.2.5 and 9.2.6, and clear.
    """
    if key.oid != ID_PUBLIC_KEY + info.oid[len(ID_CHIP_AUTHENTICATION) : -1]:
        return False
    if key.key_id is None:
        return info.key_id is None or sum(other.oid == key.oid for other in keys) == 1
    return info.key_id in (None, key.key_id)


def _understood(key: ChipAuthenticationPublicKeyInfo) -> tuple[Group, bytes] | None:
    """The group and the encoded key, None where they are malformed or unknown."""
    if key.key_id is not None and key.key_id < 0:
        return None
    try:
        return groups.from_public_key_info(key.public_key, f"{_WHERE}.key")
    except (CardBroken, Unsupported):
        return None


def _offer(
    info: ChipAuthenticationInfo, key: ChipAuthenticationPublicKeyInfo, found: tuple[Group, bytes], announced: bool
) -> Offer:
    return Offer(
        oid=info.oid,
        agreement=_AGREEMENTS[_agreement(info.oid)],
        cipher=_CIPHERS[info.oid[-1]],
        group=found[0],
        public_key=found[1],
        key_id=info.key_id if info.key_id is not None else key.key_id,
        announced=announced,
    )


def _agree_in_one_command(secure: Sender, offer: Offer, ours: bytes) -> None:
    """MSE:Set KAT with our public key (6.2.4.1); where it is refused, the two commands, which 3DES may use as well."""
    response = secure.send(Command(0x00, 0x22, 0x41, 0xA6, tlv.encode(0x91, ours) + _key_reference(offer)))
    if response.sw == apdu.OK:
        return
    if not offer.announced:
        raise Refused(response.sw)
    _agree_in_two_commands(secure, offer, ours)


def _agree_in_two_commands(secure: Sender, offer: Offer, ours: bytes) -> None:
    """MSE:Set AT with the protocol, then GENERAL AUTHENTICATE with our public key (6.2.4.2)."""
    response = secure.send(Command(0x00, 0x22, 0x41, 0xA4, tlv.encode(0x80, offer.oid) + _key_reference(offer)))
    if response.sw != apdu.OK:
        raise Refused(response.sw)
    data = tlv.encode(0x7C, tlv.encode(0x80, ours))
    _check_answer(secure.send(Command(0x00, 0x86, 0x00, 0x00, data, apdu.SHORT_LE_MAX)))


def _check_answer(response: Response) -> None:
    """Dynamic authentication data, in version 1 always empty (6.2.4.2.2); some chips leave it out."""
    if response.sw != apdu.OK:
        raise Refused(response.sw)
    if response.data and tlv.read_one(response.data, 0x7C, f"{_WHERE}.answer"):
        raise CardBroken(where=f"{_WHERE}.answer")


def _key_reference(offer: Offer) -> bytes:
    """DO'84', which private key; not sent where the chip has one without a number."""
    if offer.key_id is None:
        return b""
    return tlv.encode(0x84, offer.key_id.to_bytes(max(1, (offer.key_id.bit_length() + 7) // 8), "big"))
