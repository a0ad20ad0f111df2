"""Passive authentication (ICAO Doc 9303-11, 5.1): are the files those that were signed, and who signed them?

Three answers, never mixed: `hashes` (files equal the signed list), `signature` (the list is signed by the
certificate in it), `chain` (that certificate comes from somebody this site trusts). An unknown signer is `not_done`,
not `failed`: no signer of citizen cards has been published (card.md 4). Must not talk to the card.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from asn1crypto import cms, x509
from cryptography.exceptions import InvalidSignature

from reader.chip import tlv
from reader.chip.signatures import HASHES, Unsupported, public_key, verify
from reader.chip.trust import Anchor
from reader.errors import CardBroken
from reader.reading import Check, Outcome

T = TypeVar("T")
WHERE = "sod"
_LDS_SECURITY_OBJECT = {"2.23.136.1.1.1", "1.3.27.1.1.1"}
_HASH_OIDS = {
    "2B0E03021A": "sha1",
    "608648016503040204": "sha224",
    "608648016503040201": "sha256",
    "608648016503040202": "sha384",
    "608648016503040203": "sha512",
}


@dataclass(frozen=True)
class SecurityObject:
    """The signed list (Doc 9303-10, 4.6.2): hash algorithm (None: unknown) and the hash of each data group."""

    hash_name: str | None
    hashes: Mapping[int, bytes]


@dataclass(frozen=True)
class SignedObject:
    """EF.SOD taken apart: the list as signed, its bytes, and the CMS around it."""

    listed: SecurityObject
    content: bytes
    signed: cms.SignedData


@dataclass(frozen=True)
class Verdicts:
    """The three answers, and codes of what is weak though it passed."""

    hashes: Check
    signature: Check
    chain: Check
    warnings: tuple[str, ...] = ()


ABSENT = Verdicts(
    hashes=Check(reason="sod.absent"), signature=Check(reason="sod.absent"), chain=Check(reason="sod.absent")
)
MALFORMED = Verdicts(
    hashes=Check(result=Outcome.FAILED, reason="sod.malformed"),
    signature=Check(result=Outcome.FAILED, reason="sod.malformed"),
    chain=Check(reason="sod.malformed"),
)


def parse(sod: bytes) -> SignedObject:
    """Take EF.SOD apart without believing any of it. Raises CardBroken."""
    return _guarded(lambda: _parse(tlv.read_one(sod, 0x77, WHERE)))


def check(
    signed_object: SignedObject, files: Mapping[int, bytes], anchors: Sequence[Anchor], now: datetime
) -> Verdicts:
    """Judge what was read (`files`: whole files by data group number) at the moment `now` (aware)."""
    hashes = _check_hashes(signed_object.listed, files)
    try:
        signature, chain = _guarded(lambda: _check_signer(signed_object, anchors, now))
    except CardBroken:
        signature = Check(result=Outcome.FAILED, reason="signature.malformed")
        chain = Check(reason="signature.malformed")
    weak = ("sod.weak_hash",) if signed_object.listed.hash_name == "sha1" else ()
    return Verdicts(hashes, signature, chain, weak)


def _guarded(step: Callable[[], T]) -> T:
    """Run a step over the card's ASN.1. asn1crypto answers malformed input with any of these errors."""
    try:
        return step()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
        raise CardBroken(where=WHERE) from None


def _parse(der: bytes) -> SignedObject:
    information = cms.ContentInfo.load(der, strict=True)
    if information["content_type"].native != "signed_data":
        raise CardBroken(where=WHERE)
    signed = information["content"]
    encapsulated = signed["encap_content_info"]
    if encapsulated["content_type"].dotted not in _LDS_SECURITY_OBJECT:
        raise CardBroken(where=WHERE)
    content = bytes(encapsulated["content"])
    return SignedObject(_parse_list(content), content, signed)


def _parse_list(content: bytes) -> SecurityObject:
    """LDSSecurityObject ::= SEQUENCE { version, hashAlgorithm, SEQUENCE OF { number, hash }, ... }"""
    nodes = tlv.read_all(tlv.read_one(content, 0x30, WHERE), WHERE)
    if [node.tag for node in nodes[:3]] != [0x02, 0x30, 0x30]:
        raise CardBroken(where=WHERE)
    algorithm = tlv.find(tlv.children(nodes[1], WHERE), 0x06, WHERE)
    hashes: dict[int, bytes] = {}
    for entry in tlv.children(nodes[2], WHERE):
        pair = tlv.children(entry, WHERE)
        if [node.tag for node in pair] != [0x02, 0x04] or len(pair[0].value) != 1 or pair[0].value[0] in hashes:
            raise CardBroken(where=WHERE)
        hashes[pair[0].value[0]] = pair[1].value
    return SecurityObject(_HASH_OIDS.get(algorithm.hex().upper()), hashes)


def _check_hashes(listed: SecurityObject, files: Mapping[int, bytes]) -> Check:
    if listed.hash_name is None:
        return Check(reason="hashes.unsupported")
    for number, data in sorted(files.items()):
        expected = listed.hashes.get(number)
        if expected is None:
            return _failed("hashes.not_listed", listed.hash_name)
        if hashlib.new(listed.hash_name, data, usedforsecurity=True).digest() != expected:
            return _failed("hashes.mismatch", listed.hash_name)
    return Check(result=Outcome.PASSED, protocol=listed.hash_name)


def _failed(reason: str, protocol: str | None = None) -> Check:
    return Check(result=Outcome.FAILED, reason=reason, protocol=protocol)


def _check_signer(signed_object: SignedObject, anchors: Sequence[Anchor], now: datetime) -> tuple[Check, Check]:
    signed = signed_object.signed
    signers = signed["signer_infos"]
    if len(signers) == 0:
        return _failed("signature.absent"), Check(reason="signature.absent")
    signer = signers[0]
    certificate = _signer_certificate(signed, signer)
    if certificate is None:
        return _failed("signature.no_certificate"), Check(reason="signature.no_certificate")
    signature = _check_signature(signed_object, signer, certificate)
    return signature, _check_chain(certificate, anchors, _signing_time(signer) or now)


def _signer_certificate(signed: cms.SignedData, signer: cms.SignerInfo) -> x509.Certificate | None:
    """The certificate that `sid` names; where it names none, the only one there is (chip.md 4.2: seen in the field)."""
    candidates = [choice.chosen for choice in signed["certificates"] or () if choice.name == "certificate"]
    sid = signer["sid"]
    for certificate in candidates:
        if sid.name == "issuer_and_serial_number":
            same_serial = certificate.serial_number == sid.chosen["serial_number"].native
            if same_serial and certificate.issuer == sid.chosen["issuer"]:
                return certificate
        elif certificate.key_identifier == sid.chosen.native:
            return certificate
    return candidates[0] if len(candidates) == 1 else None


def _check_signature(signed_object: SignedObject, signer: cms.SignerInfo, certificate: x509.Certificate) -> Check:
    """CMS signature over the attributes, which must bind content type and digest (RFC 5652, 5.4 and 5.6)."""
    hash_name = signer["digest_algorithm"]["algorithm"].native
    if hash_name not in HASHES:
        return Check(reason="signature.unsupported")
    message = signed_object.content
    if signer["signed_attrs"]:
        bound = {attribute["type"].native: attribute["values"][0] for attribute in signer["signed_attrs"]}
        content_type, digest = bound.get("content_type"), bound.get("message_digest")
        if content_type is None or content_type.dotted not in _LDS_SECURITY_OBJECT:
            return _failed("signature.content_type")
        if digest is None or digest.native != hashlib.new(hash_name, message).digest():
            return _failed("signature.digest")
        message = signer["signed_attrs"].untag().dump()
    try:
        protocol = verify(
            public_key(certificate), signer["signature_algorithm"], hash_name, signer["signature"].native, message
        )
    except Unsupported:
        return Check(reason="signature.unsupported")
    except InvalidSignature:
        return _failed("signature.wrong")
    return Check(result=Outcome.PASSED, protocol=protocol)


def _signing_time(signer: cms.SignerInfo) -> datetime | None:
    for attribute in signer["signed_attrs"] or ():
        if attribute["type"].native == "signing_time":
            moment = attribute["values"][0].native
            return moment if isinstance(moment, datetime) and moment.tzinfo else None
    return None


def _check_chain(certificate: x509.Certificate, anchors: Sequence[Anchor], moment: datetime) -> Check:
    """Signer to country authority: one step (Doc 9303-12, 4.1). `moment`: signing time, else now."""
    if not anchors:
        return Check(reason="chain.no_trust")
    if any(anchor.certificate.dump() == certificate.dump() for anchor in anchors):
        return _check_validity(certificate, moment, "pinned")
    result = Check(reason="chain.unknown")
    for anchor in anchors:
        if not _issued(anchor.certificate, certificate):
            continue
        result = _check_issue(certificate, anchor.certificate, moment)
        if result.result is Outcome.PASSED:
            return result
    return result


def _issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether the authority may be the issuer: by key identifier where both have one, else by name."""
    if authority.basic_constraints_value is None or not authority.basic_constraints_value["ca"].native:
        return False
    wanted = certificate.authority_key_identifier
    if wanted is not None and authority.key_identifier is not None:
        return bool(wanted == authority.key_identifier)
    return bool(certificate.issuer == authority.subject)


def _check_issue(certificate: x509.Certificate, authority: x509.Certificate, moment: datetime) -> Check:
    try:
        protocol = verify(
            public_key(authority),
            certificate["signature_algorithm"],
            "",  # a certificate's algorithm names its own hash
            certificate.signature,
            certificate["tbs_certificate"].dump(),
        )
    except Unsupported:
        return Check(reason="chain.unsupported")
    except InvalidSignature:
        return _failed("chain.wrong_signature")
    if not authority.not_valid_before <= certificate.not_valid_before <= authority.not_valid_after:
        return _failed("chain.authority_not_valid", protocol)
    return _check_validity(certificate, moment, protocol)


def _check_validity(certificate: x509.Certificate, moment: datetime, protocol: str) -> Check:
    if not certificate.not_valid_before <= moment <= certificate.not_valid_after:
        return _failed("chain.signer_not_valid", protocol)
    usage = certificate.key_usage_value
    if usage is not None and "digital_signature" not in usage.native:
        return _failed("chain.key_usage", protocol)
    return Check(result=Outcome.PASSED, protocol=protocol)
