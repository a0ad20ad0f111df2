"""The files that prove a card: SOD over the data groups, security infos, DG14 and DG15 with the chip's public keys.

ICAO Doc 9303-10, 4.6.2 (SOD), 4.7.14 and 4.7.15 (DG14, DG15) and 9303-11, 9.2 (security infos). What a card offers
stands in `image.py`; here it is told the way the card's files tell it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sandbox.card import cms, der, identifiers, image, public_keys, signing
from sandbox.card.cms import SignerIdentifier
from sandbox.card.image import HashName
from sandbox.card.trust import Authority

LDS_SECURITY_OBJECT, SECURITY_INFOS_OBJECT = "2.23.136.1.1.1", "0.4.0.127.0.7.3.2.1"
TERMINAL_AUTHENTICATION = "0.4.0.127.0.7.2.2.2"
ACTIVE_AUTHENTICATION = "2.23.136.1.1.5"
PLAIN_ECDSA = "0.4.0.127.0.7.1.1.4.1"  # ecdsa-plain-signatures (BSI TR-03111, 5.2.1)
_PLAIN_ECDSA_HASHES: dict[HashName, int] = {"SHA-1": 1, "SHA-224": 2, "SHA-256": 3, "SHA-384": 4, "SHA-512": 5}

TERMINAL_AUTHENTICATION_INFO = der.sequence(der.oid(TERMINAL_AUTHENTICATION), der.integer(1))


def security_infos(infos: Iterable[bytes]) -> bytes:
    """SecurityInfos, a SET OF (9303-11, 9.2)."""
    return der.set_of(infos)


def pace_info(offer: image.Pace) -> bytes:
    """PACEInfo, version 2, with the number of its domain parameters (9.2.1)."""
    return der.sequence(der.oid(identifiers.pace(offer)), der.integer(2), der.integer(offer.parameters))


def pace_domain_info(offer: image.Pace, key_id: int | None = None) -> bytes:
    """PACEDomainParameterInfo (9.2.2), here around standardised parameters all the same."""
    family = identifiers.pace(offer).rpartition(".")[0]
    return der.sequence(der.oid(family), public_keys.standardised(offer.parameters), _optional(key_id))


def chip_authentication_infos(key: image.ChipKey) -> list[bytes]:
    """One ChipAuthenticationInfo, version 1, for each cipher of a key (9.2.5)."""
    return [
        der.sequence(der.oid(identifiers.chip_authentication(key.group, cipher)), der.integer(1), _optional(key.key_id))
        for cipher in key.ciphers
    ]


def chip_key_info(group: str, public_key: bytes, key_id: int | None = None) -> bytes:
    """ChipAuthenticationPublicKeyInfo around a SubjectPublicKeyInfo (9.2.6)."""
    return der.sequence(der.oid(identifiers.public_key(group)), public_key, _optional(key_id))


def active_authentication_info(digest: HashName) -> bytes:
    """ActiveAuthenticationInfo: which plain ECDSA signature the chip makes (9.2.4)."""
    algorithm = der.oid(f"{PLAIN_ECDSA}.{_PLAIN_ECDSA_HASHES[digest]}")
    return der.sequence(der.oid(ACTIVE_AUTHENTICATION), der.integer(1), algorithm)


def dg14(infos: Iterable[bytes]) -> bytes:
    """DG14: security infos, signed with the other data groups (9303-10, 4.7.14)."""
    return der.tlv(0x6E, security_infos(infos))


def dg15(public_key: bytes) -> bytes:
    """DG15: the active authentication key as SubjectPublicKeyInfo (9303-10, 4.7.15)."""
    return der.tlv(0x6F, public_key)


def atr_info(longest_command: int, longest_response: int) -> bytes:
    """EF.ATR/INFO: card capabilities, and how long APDUs may be in bytes (9303-10, 3.11.1; ISO/IEC 7816-4, 12.7.1)."""
    lengths = b"".join(der.tlv(0x02, number.to_bytes(2, "big")) for number in (longest_command, longest_response))
    return der.tlv(0x47, bytes.fromhex("F00140")) + der.tlv(0x7F66, lengths)  # 40: extended length fields


def card_security(infos: Iterable[bytes], authority: Authority, signed_at: datetime) -> bytes:
    """EF.CardSecurity: security infos signed by the document signer (9303-11, 9.3)."""
    return cms.signed_data(SECURITY_INFOS_OBJECT, security_infos(infos), authority.signer, signed_at)


def sod(
    groups: Mapping[int, bytes],
    authority: Authority,
    signed_at: datetime,
    *,
    digest: HashName = "SHA-256",
    identified_by: SignerIdentifier = "issuer_and_serial",
    version: int = 0,
) -> bytes:
    """The document security object over data groups (number: content), signed by the document signer.

    `digest` is the hash of the groups; the signature's own comes with the signer. Security objects of `version` 1 also
    tell the versions of LDS and Unicode (9303-10, 4.6.2.3).
    """
    content = _security_object(groups, digest, version)
    return der.tlv(
        0x77,
        cms.signed_data(LDS_SECURITY_OBJECT, content, authority.signer, signed_at, identified_by=identified_by),
    )


def _security_object(groups: Mapping[int, bytes], digest: HashName, version: int) -> bytes:
    hashes = [
        der.sequence(der.integer(number), der.octets(signing.hashed(digest, content)))
        for number, content in sorted(groups.items())
    ]
    versions = [der.sequence(der.printable("0108"), der.printable("040000"))] if version else []
    return der.sequence(der.integer(version), signing.hash_algorithm(digest), der.sequence(*hashes), *versions)


def _optional(number: int | None) -> bytes:
    return b"" if number is None else der.integer(number)
