"""Passive authentication (ICAO Doc 9303-11, 5.1): are the files those that were signed, and who signed them?

Three answers, never mixed: `hashes` (files equal the signed list), `signature` (the list is signed by the
certificate in it), `chain` (that certificate comes from somebody this site trusts). An unknown signer is `not_done`,
not `failed`: no signer of citizen cards has been published (card.md 4). Must not talk to the card.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reader import tlv
from reader.errors import CardBroken
from reader.pki import chains, signed_data
from reader.pki.certificates import Certificate
from reader.pki.signed_data import SignedData, Verified
from reader.pki.trust import Trust
from reader.reading import Check, Outcome

WHERE = "sod"
CARD_SECURITY = "card_security"
MAX_SIZE = 1 << 16  # bytes of EF.SOD and EF.CardSecurity; those in the field have less than five thousand
MAX_CHAINS = 2  # signers whose chain is looked for
LDS_SECURITY_OBJECT = ("2.23.136.1.1.1", "1.3.27.1.1.1")  # the second: before 2004
SECURITY_OBJECT = ("0.4.0.127.0.7.3.2.1",)  # BSI TR-03110-3, A.1.2.5
_HASH_OIDS = {
    "2B0E03021A": "sha1",
    "608648016503040204": "sha224",
    "608648016503040201": "sha256",
    "608648016503040202": "sha384",
    "608648016503040203": "sha512",
}
_MRZ_SIZES = (90, 72, 88)
# Country of a signer (ISO 3166-1 alpha-2) by issuing state of the MRZ, for the cards this product is made for.
_SIGNER_COUNTRY = {"VNM": "VN"}


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
    signed: SignedData


@dataclass(frozen=True)
class Verdicts:
    """The three answers, and codes of what is weak though it passed."""

    hashes: Check
    signature: Check
    chain: Check
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CardSecurity:
    """EF.CardSecurity (Doc 9303-11, 9.2.11): the SecurityInfos as signed, who signed them, and weaknesses."""

    content: bytes
    signature: Check
    chain: Check
    warnings: tuple[str, ...] = ()
    signer: Certificate | None = None


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
    if len(sod) > MAX_SIZE:
        raise CardBroken(where=WHERE)
    signed = signed_data.parse(tlv.read_one(sod, 0x77, WHERE), LDS_SECURITY_OBJECT, MAX_SIZE, WHERE)
    return SignedObject(_parse_list(signed.content), signed.content, signed)


def check(signed_object: SignedObject, files: Mapping[int, bytes], trust: Trust, now: datetime) -> Verdicts:
    """Judge what was read (`files`: whole files by data group number) at the moment `now` (aware)."""
    hashes = check_hashes(signed_object.listed, files)
    verified, chain, warnings = _check_signers(signed_object.signed, trust, now)
    if chain.result is Outcome.PASSED and verified.certificate is not None:
        chain, document = _check_document(verified.certificate, chain, files.get(1))
        warnings = (*warnings, *document)
    weak = ("sod.weak_hash",) if signed_object.listed.hash_name == "sha1" else ()
    return Verdicts(hashes, verified.check, chain, (*weak, *warnings))


def check_card_security(data: bytes, trust: Trust, now: datetime) -> CardSecurity:
    """Judge EF.CardSecurity, the signed form of what EF.CardAccess says, at the moment `now` (aware).

    Raises CardBroken where it is malformed; `content` is for security_infos.parse.
    """
    signed = signed_data.parse(data, SECURITY_OBJECT, MAX_SIZE, CARD_SECURITY)
    verified, chain, warnings = _check_signers(signed, trust, now)
    return CardSecurity(signed.content, verified.check, chain, warnings, verified.certificate)


def signer_of(signed_object: SignedObject) -> Certificate | None:
    """The certificate whose key signed EF.SOD; None when no signature in it holds."""
    first = signed_data.verify_signers(signed_object.signed)[0]
    return first.certificate if first.check.result is Outcome.PASSED else None


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


def check_hashes(listed: SecurityObject, files: Mapping[int, bytes]) -> Check:
    """Compare files (by data group number) with the signed list; signed files that were not read are no fault."""
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


def _check_signers(signed: SignedData, trust: Trust, now: datetime) -> tuple[Verified, Check, tuple[str, ...]]:
    """The signer that proves most: signature first, then chain; with several, one that passes both is enough."""
    verified = signed_data.verify_signers(signed)
    good = [one for one in verified if one.check.result is Outcome.PASSED]
    judged = [_check_signer(one, signed, trust, now) for one in good[:MAX_CHAINS] or verified[:1]]
    return min(judged, key=lambda one: one[1].result is not Outcome.PASSED)


def _check_signer(
    verified: Verified, signed: SignedData, trust: Trust, now: datetime
) -> tuple[Verified, Check, tuple[str, ...]]:
    if verified.certificate is None:
        return verified, Check(reason=verified.check.reason), ()
    chain = chains.build(verified.certificate, signed.certificates, trust, verified.signed_at, now)
    return verified, chain.check, (*verified.warnings, *chain.warnings)


def _check_document(signer: Certificate, chain: Check, dg1: bytes | None) -> tuple[Check, tuple[str, ...]]:
    """Whether this signer may sign this kind of document of this state, where DG1 was read.

    A list of document types (Doc 9303-12, 7.1.1.6) leads to a warning only: states fill it in differently.
    """
    mrz = _mrz(dg1)
    if mrz is None:
        return chain, ()
    country = _SIGNER_COUNTRY.get(mrz[2:5])
    if country is not None and signer.subject.country and signer.subject.country != country:
        return _failed("chain.issuing_state", chain.protocol), ()
    kinds = {mrz[:1], mrz[:2].rstrip("<")}  # one letter in the list stands for every kind that begins with it
    if signer.document_types is not None and not kinds & {listed.rstrip("<") for listed in signer.document_types}:
        return chain, ("chain.document_type",)
    return chain, ()


def _mrz(dg1: bytes | None) -> str | None:
    """The MRZ of DG1, None where there is none; DG1 is parsed in full elsewhere."""
    try:
        text = tlv.read_one(tlv.read_one(dg1 or b"", 0x61, WHERE), 0x5F1F, WHERE)
    except CardBroken:
        return None
    return text.decode("ascii", "replace") if len(text) in _MRZ_SIZES else None
