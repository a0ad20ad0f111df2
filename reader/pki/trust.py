"""The country signing certificates (CSCA) a site has been given: a folder of files, trusted because they lie there.

Must not be fed from the card or the network. Who may put something there, and on what proof, is decided by
`tiepdon trust import`, not here.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from reader.errors import CardBroken
from reader.pki import certificates, master_list, revocation, trust_files
from reader.pki.certificates import Certificate
from reader.pki.revocation import RevocationList
from wire.errors import TiepDonError

CERTIFICATE_SUFFIXES = {".cer", ".crt", ".der", ".pem"}
SUFFIXES = CERTIFICATE_SUFFIXES | {".crl", ".ml", ".mls"}
_WHERE = "trust"


class TrustUnusable(TiepDonError):
    """The trust folder or a file in it cannot be read (`file`, `why`)."""

    code = "reader.trust_unusable"


@dataclass(frozen=True, slots=True)
class Anchor:
    """One trusted certificate: its bytes, and by what it is found. Hundreds of them are kept, so nothing more."""

    der: bytes
    subject: bytes
    key_id: bytes | None

    @classmethod
    def of(cls, der: bytes) -> "Anchor":
        """From a certificate (DER). Raises CardBroken."""
        certificate = certificates.parse(der, _WHERE)
        return cls(der, certificate.subject.key, certificate.key_id)

    @property
    def certificate(self) -> Certificate:
        """The certificate taken apart, anew each time."""
        return certificates.parse(self.der, _WHERE)


@dataclass(frozen=True)
class Trust:
    """Whom this site trusts, and what those have taken back."""

    anchors: tuple[Anchor, ...] = ()
    revocations: tuple[RevocationList, ...] = ()

    def holds(self, certificate: Certificate) -> bool:
        """Whether this very certificate is one of those trusted."""
        return any(anchor.der == certificate.der for anchor in self._by_subject.get(certificate.subject.key, ()))

    def with_key(self, key_id: bytes | None) -> Iterator[Certificate]:
        """The trusted certificates whose subject key identifier this is."""
        return (anchor.certificate for anchor in self._by_key.get(key_id, ()) if key_id is not None)

    def named(self, subject: bytes) -> Iterator[Certificate]:
        """The trusted certificates of this name (`Name.key`)."""
        return (anchor.certificate for anchor in self._by_subject.get(subject, ()))

    @cached_property
    def _by_key(self) -> Mapping[bytes | None, tuple[Anchor, ...]]:
        return _grouped((anchor.key_id, anchor) for anchor in self.anchors)

    @cached_property
    def _by_subject(self) -> Mapping[bytes | None, tuple[Anchor, ...]]:
        return _grouped((anchor.subject, anchor) for anchor in self.anchors)


NO_TRUST = Trust()


def load_trust(folder: Path | None) -> Trust:
    """Everything in the folder: certificates (`.cer`, `.crt`, `.der`, `.pem`), revocation lists (`.crl`), master
    lists (`.ml`, `.mls`); each DER or PEM, and a file may hold several. By file name, each certificate once.

    No folder: nobody is trusted. Raises TrustUnusable for a folder that is not there or a file that cannot be used:
    a site that set trust up must learn that it does not work.
    """
    if folder is None:
        return NO_TRUST
    anchors: dict[bytes, Anchor] = {}
    lists: dict[bytes, RevocationList] = {}
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        for path in paths:
            for anchor in _read(path, lists):
                anchors.setdefault(hashlib.sha256(anchor.der).digest(), anchor)
            if len(anchors) > trust_files.MAX_OBJECTS:
                raise TrustUnusable(file=folder.name, why="too many certificates")
    except OSError as error:
        raise TrustUnusable(file=folder.name, why=error.strerror or "unreadable") from None
    return Trust(tuple(anchors.values()), tuple(lists.values()))


def _read(path: Path, lists: dict[bytes, RevocationList]) -> list[Anchor]:
    """The certificates of one file; its revocation lists go into `lists`."""
    try:
        contents = trust_files.read(path)
    except trust_files.Unreadable as error:
        certificate = path.suffix.lower() in CERTIFICATE_SUFFIXES and "no certificate" in str(error)
        raise TrustUnusable(file=path.name, why="not an X.509 certificate" if certificate else str(error)) from None
    try:
        anchors = [Anchor.of(der) for der in (*contents.certificates, *contents.exported)]
    except CardBroken:
        raise TrustUnusable(file=path.name, why="not an X.509 certificate") from None
    try:
        for der in contents.revocations:
            lists.setdefault(hashlib.sha256(der).digest(), revocation.parse(der))
    except CardBroken:
        raise TrustUnusable(file=path.name, why="not a revocation list") from None
    for encoded in contents.lists:
        anchors += _listed(path, encoded)
    return anchors


def _listed(path: Path, encoded: bytes) -> Iterator[Anchor]:
    """The authorities in a master list that was put into the folder: it must be whole, that is, signed as it says."""
    try:
        listed = master_list.parse(encoded)
        if not master_list.intact(listed):
            raise TrustUnusable(file=path.name, why="the master list's signature does not verify")
    except CardBroken:
        raise TrustUnusable(file=path.name, why="not a master list") from None
    for der in listed.certificates:
        try:
            yield Anchor.of(der)
        except CardBroken:
            continue  # one odd certificate of another state must not cost all the others


def _grouped(pairs: Iterable[tuple[bytes | None, Anchor]]) -> Mapping[bytes | None, tuple[Anchor, ...]]:
    found: defaultdict[bytes | None, list[Anchor]] = defaultdict(list)
    for key, anchor in pairs:
        found[key].append(anchor)
    return {key: tuple(anchors) for key, anchors in found.items()}
