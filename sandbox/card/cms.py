"""Signed data (RFC 5652) as documents carry it: the SOD, EF.CardSecurity and master lists share this one form."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sandbox.card import certificates, der, signing
from sandbox.card.certificates import Signer

SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = (f"1.2.840.113549.1.9.{number}" for number in (3, 4, 5))

SignerIdentifier = Literal["issuer_and_serial", "key_identifier"]


def signed_data(
    content_type: str,
    content: bytes,
    signer: Signer,
    signed_at: datetime,
    *,
    identified_by: SignerIdentifier = "issuer_and_serial",
    others: Sequence[bytes] = (),
) -> bytes:
    """ContentInfo around `content` with one signer, whose certificate (and `others`) come along (9303-10, 4.6.2)."""
    digest = signing.hash_algorithm(signer.key.digest)
    attributes = _signed_attributes(content_type, content, signer, signed_at)
    version, identifier = _identifier(signer, identified_by)
    signed = der.sequence(
        der.integer(3),
        der.set_of([digest]),
        der.sequence(der.oid(content_type), der.explicit(0, der.octets(content))),
        der.tlv(0xA0, b"".join(sorted([signer.certificate, *others]))),
        der.set_of(
            [
                der.sequence(
                    der.integer(version),
                    identifier,
                    digest,
                    der.tlv(0xA0, attributes),
                    signer.key.message_algorithm(),
                    # Signed as a SET, carried as [0] (RFC 5652, 5.4).
                    der.octets(signer.key.sign(der.tlv(0x31, attributes))),
                )
            ]
        ),
    )
    return der.sequence(der.oid(SIGNED_DATA), der.explicit(0, signed))


def _identifier(signer: Signer, kind: SignerIdentifier) -> tuple[int, bytes]:
    """Version and sid of the SignerInfo (RFC 5652, 5.3)."""
    if kind == "key_identifier":
        return 3, der.tlv(0x80, certificates.key_identifier(signer.key))
    return 1, der.sequence(signer.issuer, der.integer(signer.serial))


def _signed_attributes(content_type: str, content: bytes, signer: Signer, signed_at: datetime) -> bytes:
    attributes = [
        _attribute(CONTENT_TYPE, der.oid(content_type)),
        _attribute(MESSAGE_DIGEST, der.octets(signing.hashed(signer.key.digest, content))),
        _attribute(SIGNING_TIME, der.time(signed_at)),
    ]
    return b"".join(sorted(attributes))


def _attribute(kind: str, value: bytes) -> bytes:
    return der.sequence(der.oid(kind), der.set_of([value]))
