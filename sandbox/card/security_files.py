"""The files that prove a card: SOD over the data groups, DG14 and DG15 with the chip's public keys.

ICAO Doc 9303-10, 4.6.2 (SOD) and 9303-11, 9.2 (security infos); CMS as in RFC 5652.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.card import curve, der
from sandbox.card.parameters import BRAINPOOL_P256R1
from sandbox.card.trust import ECDSA_SHA256, Authority, explicit_parameters

LDS_SECURITY_OBJECT = "2.23.136.1.1.1"
SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
SIGNED_DATA = "1.2.840.113549.1.7.2"

# EF.CardAccess, a constant of the card (card.md 10.5): terminal authentication, chip authentication, PACE.
SECURITY_INFOS = (
    bytes.fromhex("300D060804007F0007020202020101"),
    bytes.fromhex("300F060A04007F00070202030202020101"),
    bytes.fromhex("3012060A04007F0007020204020202010202010D"),
)
CARD_ACCESS = der.tlv(0x31, b"".join(SECURITY_INFOS))


def dg14(chip_authentication_key: bytes) -> bytes:
    """Security infos with the chip authentication key on brainpoolP256r1, parameters written out."""
    public = curve.multiply(int.from_bytes(chip_authentication_key, "big"), curve.GENERATOR).encoded()
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), explicit_parameters(BRAINPOOL_P256R1))
    key = der.sequence(der.oid("0.4.0.127.0.7.2.2.1.2"), der.sequence(algorithm, der.bits(public)))
    active = der.sequence(der.oid("2.23.136.1.1.5"), der.integer(1), der.oid("0.4.0.127.0.7.1.1.4.1.3"))
    return der.tlv(0x6E, der.set_of([*SECURITY_INFOS, key, active]))


def dg15(active_authentication_key: bytes) -> bytes:
    """The active authentication key as SubjectPublicKeyInfo (9303-10, 4.7.15), here on P-256."""
    private = ec.derive_private_key(int.from_bytes(active_authentication_key, "big"), ec.SECP256R1())
    information = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return der.tlv(0x6F, information)


def sod(groups: Mapping[int, bytes], authority: Authority, signed_at: datetime) -> bytes:
    """The document security object over data groups (number: content), signed by the document signer."""
    content = _security_object(groups)
    attributes = _signed_attributes(content, signed_at)
    signer = der.sequence(
        der.integer(1),
        der.sequence(authority.signer_issuer, der.integer(authority.signer_serial)),
        SHA256,
        der.tlv(0xA0, attributes),
        der.sequence(ECDSA_SHA256),
        # Signed as a SET, carried as [0] (RFC 5652, 5.4).
        der.octets(authority.sign(der.tlv(0x31, attributes))),
    )
    signed = der.sequence(
        der.integer(3),
        der.set_of([SHA256]),
        der.sequence(der.oid(LDS_SECURITY_OBJECT), der.explicit(0, der.octets(content))),
        der.tlv(0xA0, authority.signer_certificate),
        der.set_of([signer]),
    )
    return der.tlv(0x77, der.sequence(der.oid(SIGNED_DATA), der.explicit(0, signed)))


def _security_object(groups: Mapping[int, bytes]) -> bytes:
    hashes = [
        der.sequence(der.integer(number), der.octets(hashlib.sha256(content).digest()))
        for number, content in sorted(groups.items())
    ]
    return der.sequence(der.integer(0), SHA256, der.sequence(*hashes))


def _signed_attributes(content: bytes, signed_at: datetime) -> bytes:
    attributes = [
        _attribute("1.2.840.113549.1.9.3", der.oid(LDS_SECURITY_OBJECT)),
        _attribute("1.2.840.113549.1.9.4", der.octets(hashlib.sha256(content).digest())),
        _attribute("1.2.840.113549.1.9.5", der.time(signed_at)),
    ]
    return b"".join(sorted(attributes))


def _attribute(kind: str, value: bytes) -> bytes:
    return der.sequence(der.oid(kind), der.set_of([value]))
