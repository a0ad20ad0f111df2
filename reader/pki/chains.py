"""From a signer's certificate up to an authority the site trusts (ICAO Doc 9303-12, 4.1; RFC 5280, 6 as far as it
applies): at most three steps, link certificates that the card carries included.

`not_done` with `chain.unknown` is "nobody here knows this signer"; `failed` is said only of what contradicts itself.
The number of signatures looked at is bounded, whatever a card sends. Must not read files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.exceptions import InvalidSignature

from reader.pki import revocation
from reader.pki.certificates import CERTIFICATE_SIGN, DIGITAL_SIGNATURE, Certificate
from reader.pki.revocation import Revocation
from reader.pki.signatures import Method, Unsupported, public_key, verify
from reader.pki.trust import Trust
from reader.reading import Check, Outcome

MAX_STEPS = 3
MAX_VERIFICATIONS = 12
LIST_SIGNING = bytes.fromhex("678108010103")  # 2.23.136.1.1.3
# Purposes that exclude the signing of documents: 2.23.136.1.1.3 and .8 (master and deviation lists), TLS server and
# client. An authority issues such certificates too, for other uses (Doc 9303-12, 7.1.1).
_OTHER_PURPOSES = {
    LIST_SIGNING,
    bytes.fromhex("678108010108"),
    bytes.fromhex("2B06010505070301"),
    bytes.fromhex("2B06010505070302"),
}


@dataclass(frozen=True)
class Chain:
    """The answer, codes of what is weak though it passed, and the trusted certificate at the end if one was found."""

    check: Check
    warnings: tuple[str, ...] = ()
    anchor: Certificate | None = None


@dataclass
class _Effort:
    """How many signatures may still be verified."""

    left: int = MAX_VERIFICATIONS

    def spend(self) -> bool:
        self.left -= 1
        return self.left >= 0


def build(
    signer: Certificate,
    carried: Sequence[Certificate],
    trust: Trust,
    signed_at: datetime | None,
    now: datetime,
    purpose: bytes | None = None,
) -> Chain:
    """Judge a signer's certificate. `carried`: what stands beside it, believed only with a trusted signature.

    `signed_at`: signing time as signed, None when it is not said. `purpose`: the extended key usage the certificate
    must have; None for a document signer, which must have none of another.
    """
    if not trust.anchors:
        return Chain(Check(reason="chain.no_trust"))
    if trust.holds(signer):
        found = Chain(Check(result=Outcome.PASSED, protocol="pinned"), (), signer)
    else:
        found = _climb(signer, carried, trust, now, MAX_STEPS, _Effort())
    if found.check.result is not Outcome.PASSED:
        return found
    problem, warnings = _signer_problem(signer, signed_at, now, purpose)
    if problem is not None:
        return Chain(_failed(problem, found.check.protocol), found.warnings, found.anchor)
    return replace(found, warnings=(*found.warnings, *warnings))


def _climb(
    certificate: Certificate, carried: Sequence[Certificate], trust: Trust, now: datetime, steps: int, effort: _Effort
) -> Chain:
    """The first way up that passes; failing that, what the surest candidate said."""
    answer = Chain(Check(reason="chain.unknown"))
    for authority, certain in _issuers(certificate, trust):
        tried = _step(certificate, authority, trust, now, effort)
        if tried.check.result is Outcome.PASSED:
            return replace(tried, anchor=authority)
        if certain or tried.check.reason != "chain.wrong_signature":
            answer = max(answer, tried, key=_weight)
    if steps > 1:
        for link in carried:
            if not _may_link(certificate, link):
                continue
            tried = _step(certificate, link, trust, now, effort)
            if tried.check.result is not Outcome.PASSED:
                continue
            above = _climb(link, carried, trust, now, steps - 1, effort)
            if above.check.result is Outcome.PASSED:
                warnings = tuple(dict.fromkeys((*tried.warnings, *above.warnings)))
                return Chain(tried.check, warnings, above.anchor)
            answer = max(answer, above, key=_weight)
    return answer


def _weight(chain: Chain) -> int:
    """Which of several answers without success says more: a contradiction, then a lack of means, then nothing."""
    if chain.check.result is Outcome.FAILED:
        return 2
    return 0 if chain.check.reason == "chain.unknown" else 1


def _issuers(certificate: Certificate, trust: Trust) -> Iterator[tuple[Certificate, bool]]:
    """Trusted certificates that may have issued this one, each with whether a wrong signature would be a lie.

    By key identifier first. By name where no key identifier fits: identifiers in the field are not always right, but
    then another key of the same authority, unknown here, may be meant.
    """
    named_key = certificate.authority_key_id
    by_key = [authority for authority in trust.with_key(named_key) if authority.issues]
    for authority in by_key:
        yield authority, True
    if not by_key:
        for authority in trust.named(certificate.issuer.key):
            if authority.issues:
                yield authority, named_key is None or authority.key_id is None


def _may_link(certificate: Certificate, link: Certificate) -> bool:
    """Whether an untrusted certificate may stand in between: a full authority, by key identifier or name.

    pathLenConstraint is not looked at: authorities write 0 though their link certificates follow (Doc 9303-12, 7.1.1).
    """
    if link.der == certificate.der or not (link.authority and link.may(CERTIFICATE_SIGN)):
        return False
    if certificate.authority_key_id is not None and link.key_id is not None:
        return certificate.authority_key_id == link.key_id
    return certificate.issuer.key == link.subject.key


def _step(certificate: Certificate, authority: Certificate, trust: Trust, now: datetime, effort: _Effort) -> Chain:
    """One certificate and its issuer: signature, country, time, revocation."""
    if not effort.spend():
        return Chain(Check(reason="chain.too_many"))
    method = _signature(certificate, authority)
    if isinstance(method, Check):
        return Chain(method)
    problem = _contradiction(certificate, authority)
    if problem is not None:
        return Chain(_failed(problem, method.name))
    told = _revocation(certificate, authority, trust, now)
    if told.reason is not None:
        return Chain(_failed("chain.revoked", method.name), (f"revocation.{told.reason}",))
    above = _revocation(authority, authority, trust, now)
    if above.reason is not None:
        return Chain(_failed("chain.authority_revoked", method.name), (f"revocation.{above.reason}",))
    weak = ("chain.weak_hash",) if method.hash_name == "sha1" else ()
    return Chain(Check(result=Outcome.PASSED, protocol=method.name), (*weak, *told.warnings))


def _revocation(certificate: Certificate, authority: Certificate, trust: Trust, now: datetime) -> Revocation:
    """An authority with a new key signs its lists with that, also for what the old key issued."""
    if not any(one.concerns(certificate) for one in trust.revocations):
        return Revocation()
    known = [authority, *trust.named(certificate.issuer.key), *trust.with_key(certificate.authority_key_id)]
    return revocation.look_up(certificate, trust.revocations, known, now)


def _signature(certificate: Certificate, authority: Certificate) -> Method | Check:
    try:
        # "": a certificate's algorithm names its own hash.
        return verify(
            public_key(authority.key_info), certificate.algorithm, "", certificate.signature, certificate.body
        )
    except Unsupported:
        return Check(reason="chain.unsupported")
    except InvalidSignature:
        return _failed("chain.wrong_signature")
    except ValueError:
        return _failed("chain.malformed")


def _contradiction(certificate: Certificate, authority: Certificate) -> str | None:
    one, other = certificate.subject.country, authority.subject.country
    if one and other and one != other:
        return "chain.country"  # Doc 9303-12, 7.1.1.2: signer and authority are of one country
    if not authority.not_before <= certificate.not_before <= authority.not_after:
        return "chain.authority_not_valid"
    return None


def _signer_problem(
    signer: Certificate, signed_at: datetime | None, now: datetime, purpose: bytes | None
) -> tuple[str | None, tuple[str, ...]]:
    """What forbids this certificate to have signed, and warnings. Valid when it signed is enough; expired since then
    is a warning, because the authority stops telling of the revocation of expired signers."""
    if not signer.may(DIGITAL_SIGNATURE):
        return "chain.key_usage", ()
    if purpose is None and _OTHER_PURPOSES & set(signer.purposes):
        return "chain.key_usage", ()
    if purpose is not None and purpose not in signer.purposes:
        return "chain.key_usage", ()
    if signed_at is not None and not signer.not_before <= signed_at <= signer.not_after:
        return "chain.signer_not_valid", ()
    if now < signer.not_before:
        return "chain.signer_not_valid", ()
    return None, ("chain.signer_expired",) if now > signer.not_after else ()


def _failed(reason: str, protocol: str | None = None) -> Check:
    return Check(result=Outcome.FAILED, reason=reason, protocol=protocol)
