"""Taking certificates and revocation lists into a trust folder, on proof, and looking at what is in it.

What lies in the folder is trusted, so this is the door: a master list comes in only when its signer comes from an
authority already there or named by a fingerprint that a person has compared. Must not talk to the network.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature

from reader.errors import CardBroken
from reader.pki import certificates, chains, master_list, revocation
from reader.pki.certificates import Certificate
from reader.pki.chains import Chain
from reader.pki.master_list import MasterList
from reader.pki.revocation import RevocationList
from reader.pki.signatures import Unsupported, public_key, verify
from reader.pki.trust import Anchor, Trust, TrustUnusable
from reader.pki.trust_files import Contents
from reader.reading import Outcome

_WHERE = "trust"


@dataclass(frozen=True)
class Wanted:
    """What a person asked for: countries (empty: all), fingerprints (SHA-256, lower-case hexadecimal) of authorities
    they have compared, and whether lists are to be taken that nobody known signed."""

    countries: frozenset[str] = frozenset()
    fingerprints: frozenset[str] = frozenset()
    unverified: bool = False


@dataclass(frozen=True)
class Entry:
    """One thing of the file: `kind` (`root`, `link`, `revocation_list`, `unknown`), what became of it (`added`,
    `present`, `refused`, `skipped`) and why, and what it is."""

    kind: str
    state: str
    why: str | None
    country: str
    subject: str
    sha256: str
    expires: str | None
    expired: bool


@dataclass(frozen=True)
class ListEntry:
    """One master list: who signed it, when, how that was proven (`trusted`, `fingerprint`, `unverified`), or why it
    was refused and which authority (its fingerprint as found here, for comparing) would have to be known."""

    signer: str
    authority: str
    authority_sha256: str | None
    signed_at: str | None
    certificates: int
    proof: str | None
    why: str | None


@dataclass(frozen=True)
class Report:
    """What was done with a file."""

    lists: tuple[ListEntry, ...]
    entries: tuple[Entry, ...]

    def count(self, state: str) -> int:
        """How many entries ended so."""
        return sum(1 for entry in self.entries if entry.state == state)


def take_in(contents: Contents, folder: Path, trust: Trust, wanted: Wanted, now: datetime) -> Report:
    """Write what is new and acceptable into the folder; `trust` is what is there. Raises TrustUnusable (cannot write).

    Certificates handed over by themselves are a person's own word and may prove a list beside them. One list never
    vouches for the next: a state would then decide on the lists of others.
    """
    store = _Store({hashlib.sha256(anchor.der).hexdigest() for anchor in trust.anchors}, wanted, now)
    entries = [store.certificate(der, "file") for der in dict.fromkeys(contents.certificates)]
    known = Trust((*trust.anchors, *_anchors(entries, contents.certificates)), trust.revocations)
    lists = []
    listed: dict[bytes, None] = {}
    for encoded in contents.lists:
        told, accepted = _judge_list(encoded, known, wanted, now)
        lists.append(told)
        listed.update(dict.fromkeys(accepted))
    entries += [store.certificate(der, "list") for der in listed if der not in contents.certificates]
    entries += [store.certificate(der, "export") for der in dict.fromkeys(contents.exported) if der not in listed]
    if contents.revocations:
        ders = (*contents.certificates, *listed, *contents.exported)
        known = Trust((*trust.anchors, *_anchors(entries, ders)), trust.revocations)
        entries += store.revocation_lists(contents.revocations, known)
    _write(folder, store.fresh)
    return Report(tuple(lists), tuple(entries))


def self_signed(certificate: Certificate) -> bool | None:
    """Whether its own key signed it; None where that cannot be told (unsupported algorithm, or it is a link)."""
    if kind_of(certificate) != "root":
        return None
    try:
        verify(public_key(certificate.key_info), certificate.algorithm, "", certificate.signature, certificate.body)
    except Unsupported:
        return None
    except (InvalidSignature, ValueError):
        return False
    return True


def kind_of(certificate: Certificate) -> str:
    """`root`: says it is signed by its own key; `link`: by another key; `signer`: signs documents, not certificates."""
    if not certificate.issues:
        return "signer"
    own = certificate.authority_key_id
    by_itself = own is None or certificate.key_id is None or own == certificate.key_id
    return "root" if certificate.self_issued and by_itself else "link"


def _judge_list(encoded: bytes, trust: Trust, wanted: Wanted, now: datetime) -> tuple[ListEntry, tuple[bytes, ...]]:
    try:
        listed = master_list.parse(encoded)
    except CardBroken:
        return ListEntry("", "", None, None, 0, None, "malformed"), ()
    verified = master_list.signature(listed)
    signer = verified.certificate
    if verified.check.result is not Outcome.PASSED or signer is None:
        why = verified.check.reason or "signature.wrong"
        return ListEntry("", "", None, None, len(listed.certificates), None, why), ()
    pool = _authorities(listed, signer)
    pinned = Trust(tuple(one for one in pool if hashlib.sha256(one.der).hexdigest() in wanted.fingerprints))

    def judge(known: Trust) -> Chain:
        carried = listed.signed.certificates
        return chains.build(signer, carried, known, verified.signed_at, now, purpose=chains.LIST_SIGNING)

    # A fingerprint that was given is the stronger proof, and says what the person expects.
    attempts = [("fingerprint", judge(pinned)), ("trusted", judge(trust))]
    proof = next((name for name, chain in attempts if chain.check.result is Outcome.PASSED), None)
    surest = max((chain for _, chain in attempts), key=lambda chain: chain.check.result is Outcome.FAILED)
    if proof is None and wanted.unverified and surest.check.result is Outcome.NOT_DONE:
        proof = "unverified"
    told = ListEntry(
        signer=signer.subject.text(),
        authority=signer.issuer.text(),
        authority_sha256=_issuer_fingerprint(signer, pool),
        signed_at=None if verified.signed_at is None else verified.signed_at.isoformat(),
        certificates=len(listed.certificates),
        proof=proof,
        why=None if proof else (surest.check.reason if surest.check.result is Outcome.FAILED else "unproven"),
    )
    return told, listed.certificates if proof else ()


def _authorities(listed: MasterList, signer: Certificate) -> tuple[Anchor, ...]:
    """The certificates in the list and beside it from which its signer may come."""
    found: dict[bytes, Anchor] = {}
    for certificate in _parsed((*listed.certificates, *(one.der for one in listed.signed.certificates))):
        by_key = signer.authority_key_id is not None and signer.authority_key_id == certificate.key_id
        if certificate.der == signer.der or by_key or certificate.subject.key == signer.issuer.key:
            found[certificate.der] = Anchor(certificate.der, certificate.subject.key, certificate.key_id)
    return tuple(found.values())


def _issuer_fingerprint(signer: Certificate, pool: Sequence[Anchor]) -> str | None:
    """Of the authority in the file whose key signed the list's signer; a root before a link."""
    issuers = [anchor.certificate for anchor in pool if _signed_by(signer, anchor.certificate)]
    roots = [certificate for certificate in issuers if kind_of(certificate) == "root"]
    return next((certificate.fingerprint() for certificate in (*roots, *issuers)), None)


def _signed_by(certificate: Certificate, authority: Certificate) -> bool:
    try:
        key = public_key(authority.key_info)
        verify(key, certificate.algorithm, "", certificate.signature, certificate.body)
    except (Unsupported, InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True)
class _Store:
    """The fingerprints of what is there, what was asked for, and what is to be written (by file name)."""

    present: set[str]
    wanted: Wanted
    now: datetime
    fresh: dict[str, bytes] = field(default_factory=dict)

    def certificate(self, der: bytes, source: str) -> Entry:
        """Take one certificate in, if it may come in. `source`: `file`, `list` (vouched for) or `export`."""
        fingerprint = hashlib.sha256(der).hexdigest()
        try:
            certificate = certificates.parse(der, _WHERE)
        except CardBroken:
            return Entry("unknown", "refused", "malformed", "", "", fingerprint, None, expired=False)
        state, why = self._judge(certificate, fingerprint, source)
        if state == "added":
            self.fresh[_file_name(certificate.subject.country, fingerprint, ".cer")] = der
            self.present.add(fingerprint)
        return Entry(
            kind=kind_of(certificate),
            state=state,
            why=why,
            country=certificate.subject.country,
            subject=certificate.subject.text(),
            sha256=fingerprint,
            expires=certificate.not_after.date().isoformat(),
            expired=self.now > certificate.not_after,
        )

    def revocation_lists(self, ders: Iterable[bytes], known: Trust) -> Iterator[Entry]:
        """Take revocation lists in, the newest first, so that of one writer's the newest stays."""
        listed = []
        for der in dict.fromkeys(ders):
            try:
                listed.append(revocation.parse(der))
            except CardBroken:
                fingerprint = hashlib.sha256(der).hexdigest()
                yield Entry("revocation_list", "refused", "malformed", "", "", fingerprint, None, expired=False)
        for one in sorted(listed, key=lambda one: one.issued_at, reverse=True):
            entry = self._revocation_list(one, known)
            if entry.state == "added":
                known = Trust(known.anchors, (*known.revocations, one))
            yield entry

    def _revocation_list(self, listed: RevocationList, known: Trust) -> Entry:
        """Take one in, if an authority in `known` signed it and no newer one of its writer is known."""
        authority = signer_of(listed, known)
        state, why = _judge_revocations(listed, authority, known, self.wanted)
        if state == "added" and authority is not None:
            # One file for each writer and key: a newer list takes the place of the older one.
            key = hashlib.sha256(listed.issuer.key + authority.key_info).hexdigest()
            self.fresh[_file_name(listed.issuer.country, key, ".crl")] = listed.der
        return Entry(
            kind="revocation_list",
            state=state,
            why=why,
            country=listed.issuer.country,
            subject=listed.issuer.text(),
            sha256=hashlib.sha256(listed.der).hexdigest(),
            expires=None if listed.next_at is None else listed.next_at.date().isoformat(),
            expired=listed.stale(self.now),
        )

    def _judge(self, certificate: Certificate, fingerprint: str, source: str) -> tuple[str, str | None]:
        """A certificate handed over by itself is the person's own word; one that a list brings has the list's; one of
        a directory export, with hundreds of others, has nobody's."""
        wanted = self.wanted
        if wanted.countries and certificate.subject.country not in wanted.countries:
            return "skipped", "other_country"
        if fingerprint in self.present:
            return "present", None
        if kind_of(certificate) == "signer":
            return "refused", "no_authority"
        if source != "list" and wanted.fingerprints and fingerprint not in wanted.fingerprints:
            return "refused", "other_fingerprint"
        if source == "export" and not (wanted.unverified or wanted.fingerprints):
            return "refused", "unproven"
        try:
            public_key(certificate.key_info)
        except Unsupported:
            return "refused", "key_unsupported"
        except ValueError:
            return "refused", "key_malformed"
        if self_signed(certificate) is False:
            return "refused", "self_signature"
        return "added", None


def _judge_revocations(
    listed: RevocationList, authority: Certificate | None, known: Trust, wanted: Wanted
) -> tuple[str, str | None]:
    if wanted.countries and listed.issuer.country not in wanted.countries:
        return "skipped", "other_country"
    if any(one.der == listed.der for one in known.revocations):
        return "present", None
    if authority is None:
        return "refused", "unproven"
    # An older list must not bring a revoked signer back.
    newest = max((one.issued_at for one in known.revocations if _same_writer(one, listed)), default=None)
    if newest is not None and newest >= listed.issued_at:
        return "refused", "older"
    return "added", None


def signer_of(listed: RevocationList, trust: Trust) -> Certificate | None:
    """The trusted authority that signed a revocation list, None when there is none."""
    known = (*trust.with_key(listed.key_id), *trust.named(listed.issuer.key))
    return next((authority for authority in known if authority.issues and listed.signed_by(authority)), None)


def _same_writer(one: RevocationList, other: RevocationList) -> bool:
    return one.issuer.key == other.issuer.key and one.key_id == other.key_id


def _anchors(entries: Iterable[Entry], ders: Iterable[bytes]) -> Iterator[Anchor]:
    """The certificates of the file that came in, for judging the revocation lists beside them."""
    taken = {entry.sha256 for entry in entries if entry.state in ("added", "present")}
    for certificate in _parsed(ders):
        if certificate.fingerprint() in taken:
            yield Anchor(certificate.der, certificate.subject.key, certificate.key_id)


def _parsed(ders: Iterable[bytes]) -> Iterator[Certificate]:
    for der in ders:
        try:
            yield certificates.parse(der, _WHERE)
        except CardBroken:
            continue


def _file_name(country: str, fingerprint: str, suffix: str) -> str:
    """Stable, so that the same thing is the same file; nothing of a certificate but two letters gets into it."""
    known = country if 2 <= len(country) <= 3 and country.isascii() and country.isalpha() else "XX"
    return f"{known}-{fingerprint[:16]}{suffix}"


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Each file whole or not at all, also when the power fails. Raises TrustUnusable.

    Written beside, brought to the disk together (a memory card needs long for each flush), then renamed.
    """
    if not files:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".import-") as staging:
            for name, data in files.items():
                fresh = Path(staging, name)
                fresh.write_bytes(data)
                fresh.chmod(0o644)  # the reader process is another user; nothing here is secret
            os.sync()
            for name in files:
                Path(staging, name).replace(folder / name)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise TrustUnusable(file=folder.name, why=error.strerror or "unwritable") from None
