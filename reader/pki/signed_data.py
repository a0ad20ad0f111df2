"""CMS SignedData (RFC 5652, 5): the envelope of EF.SOD, EF.CardSecurity and master lists, taken apart and verified.

Says whether the content is signed by a certificate inside the envelope; who that is and whether anybody trusts them
is not decided here (reader/pki/chains.py). BER with indefinite lengths is accepted: some states write it.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from asn1crypto import cms
from cryptography.exceptions import InvalidSignature

from reader.errors import CardBroken
from reader.pki import certificates
from reader.pki.certificates import Certificate, Name
from reader.pki.signatures import HASHES, Unsupported, public_key, verify
from reader.reading import Check, Outcome

T = TypeVar("T")
MAX_CERTIFICATES = 32
MAX_SIGNERS = 3
_MAX_UNNAMED = 3  # certificates that are tried where the signer names none of them
# Bytes in a row with their highest bit set: the digits of one number in an object identifier. asn1crypto takes a time
# that grows with the square of them; no key, hash, text or padding of a genuine object has so many.
_LONGEST_RUN = 1 << 10
_HIGH_BITS = bytes(octet & 0x80 for octet in range(256))


@dataclass(frozen=True)
class Signer:
    """One SignerInfo (5.3): who signed (by name and number, or by key), how, and the signed attributes (11).

    `message` is what was signed instead of the content, None where there are no signed attributes.
    """

    issuer: Name | None
    serial: int | None
    key_id: bytes | None
    hash_name: str
    algorithm: bytes
    signature: bytes
    message: bytes | None
    content_type: str | None
    digest: bytes | None
    signed_at: datetime | None


@dataclass(frozen=True)
class SignedData:
    """What is signed, of which type (dotted object identifier), the certificates beside it, the signers."""

    content_type: str
    content: bytes
    certificates: tuple[Certificate, ...]
    signers: tuple[Signer, ...]


@dataclass(frozen=True)
class Verified:
    """How the signature was found, and the certificate that made it (None: there is none)."""

    check: Check
    certificate: Certificate | None = None
    signed_at: datetime | None = None
    warnings: tuple[str, ...] = ()


def parse(encoded: bytes, content_types: Iterable[str], max_size: int, where: str) -> SignedData:
    """Take a ContentInfo with SignedData apart; its content must be of one of these types. Raises CardBroken."""
    if len(encoded) > max_size or b"\x80" * _LONGEST_RUN in encoded.translate(_HIGH_BITS):
        raise CardBroken(where=where)
    return guarded(lambda: _parse(encoded, frozenset(content_types), where), where)


def guarded(step: Callable[[], T], where: str) -> T:
    """Run a step over foreign ASN.1. asn1crypto answers malformed input with any of these errors."""
    try:
        return step()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
        raise CardBroken(where=where) from None


def verify_signers(signed: SignedData) -> tuple[Verified, ...]:
    """Each signer's signature, those that hold first (in the order of the envelope); never empty.

    One good signature is enough: a further one, good or bad, takes nothing from what the first one says.
    """
    found = [_verify_signer(signed, signer) for signer in signed.signers]
    if not found:
        return (Verified(_failed("signature.absent")),)
    return tuple(sorted(found, key=lambda one: one.check.result is not Outcome.PASSED))


def _parse(encoded: bytes, content_types: frozenset[str], where: str) -> SignedData:
    information = cms.ContentInfo.load(encoded, strict=True)
    if information["content_type"].native != "signed_data":
        raise CardBroken(where=where)
    signed = information["content"]
    encapsulated = signed["encap_content_info"]
    content_type = encapsulated["content_type"].dotted
    if content_type not in content_types:
        raise CardBroken(where=where)
    carried = signed["certificates"] or ()
    infos = signed["signer_infos"]
    # Counting is cheap, parsing is not.
    if len(carried) > MAX_CERTIFICATES or len(infos) > MAX_SIGNERS:
        raise CardBroken(where=where)
    return SignedData(
        content_type=content_type,
        content=bytes(encapsulated["content"]),
        certificates=tuple(
            certificates.parse(choice.chosen.dump(), where) for choice in carried if choice.name == "certificate"
        ),
        signers=tuple(_parse_signer(info, where) for info in infos),
    )


def _parse_signer(info: cms.SignerInfo, where: str) -> Signer:
    sid = info["sid"]
    by_name = sid.name == "issuer_and_serial_number"
    attributes = info["signed_attrs"]
    bound = _attributes(attributes or (), where)
    content_type, digest, signed_at = (bound.get(name) for name in ("content_type", "message_digest", "signing_time"))
    moment = None if signed_at is None else signed_at.native
    return Signer(
        issuer=certificates.parse_name(sid.chosen["issuer"].dump(), where) if by_name else None,
        serial=sid.chosen["serial_number"].native if by_name else None,
        key_id=None if by_name else sid.chosen.native,
        hash_name=str(info["digest_algorithm"]["algorithm"].native),
        algorithm=info["signature_algorithm"].dump(),
        signature=info["signature"].native,
        # Signed as a SET OF, sent under an implicit tag (5.4).
        message=attributes.untag().dump() if attributes else None,
        content_type=None if content_type is None else content_type.dotted,
        digest=None if digest is None else digest.native,
        signed_at=moment if isinstance(moment, datetime) and moment.tzinfo else None,
    )


def _attributes(attributes: Iterable[Any], where: str) -> dict[str, Any]:
    """The only value of each attribute. One that stands there twice says two things: malformed (11)."""
    bound: dict[str, Any] = {}
    for attribute in attributes:
        name = attribute["type"].native
        if name in ("content_type", "message_digest", "signing_time"):
            if name in bound or len(attribute["values"]) != 1:
                raise CardBroken(where=where)
            bound[name] = attribute["values"][0]
    return bound


def _verify_signer(signed: SignedData, signer: Signer) -> Verified:
    if signer.hash_name not in HASHES:
        return Verified(Check(reason="signature.unsupported"))
    problem = _bound(signed, signer)
    if problem is not None:
        return Verified(_failed(problem))
    candidates = _candidates(signed, signer)
    if not candidates:
        return Verified(_failed("signature.no_certificate"))
    tried = [_verify(signed, signer, certificate) for certificate in candidates]
    return min(tried, key=lambda one: one.check.result is not Outcome.PASSED)


def _bound(signed: SignedData, signer: Signer) -> str | None:
    """What is wrong with the attributes: they must bind content type and digest (5.6, 11.1, 11.2)."""
    if signer.message is None:
        return None
    if signer.content_type != signed.content_type:
        return "signature.content_type"
    if signer.digest != hashlib.new(signer.hash_name, signed.content).digest():
        return "signature.digest"
    return None


def _candidates(signed: SignedData, signer: Signer) -> list[Certificate]:
    """The certificate that the signer names; where it names none of them, the first few (chip.md 4.2: seen)."""
    for certificate in signed.certificates:
        if _names(signer, certificate):
            return [certificate]
    return list(signed.certificates[:_MAX_UNNAMED])


def _names(signer: Signer, certificate: Certificate) -> bool:
    if signer.issuer is not None:
        return certificate.serial == signer.serial and certificate.issuer.key == signer.issuer.key
    if certificate.key_id is not None:
        return certificate.key_id == signer.key_id
    return certificate.key_hash() == signer.key_id


def _verify(signed: SignedData, signer: Signer, certificate: Certificate) -> Verified:
    message = signed.content if signer.message is None else signer.message
    try:
        key = public_key(certificate.key_info)
        method = verify(key, signer.algorithm, signer.hash_name, signer.signature, message)
    except Unsupported:
        return Verified(Check(reason="signature.unsupported"), certificate)
    except InvalidSignature:
        return Verified(_failed("signature.wrong"), certificate)
    except ValueError:
        return Verified(_failed("signature.malformed"), certificate)
    weak = []
    if "sha1" in (method.hash_name, signer.hash_name):
        weak.append("signature.weak_hash")
    if key.weak:
        weak.append("signature.weak_key")
    return Verified(Check(result=Outcome.PASSED, protocol=method.name), certificate, signer.signed_at, tuple(weak))


def _failed(reason: str) -> Check:
    return Check(result=Outcome.FAILED, reason=reason)
