"""The country signing certificates (CSCA) a site has been given: a folder of files, trusted because they lie there.

Must not be fed from the card or the network.
"""

from dataclasses import dataclass
from pathlib import Path

from asn1crypto import pem, x509

from wire.errors import TiepDonError

SUFFIXES = {".cer", ".crt", ".der", ".pem"}
MAX_FILE = 1 << 20


class TrustUnusable(TiepDonError):
    """The trust folder or a certificate in it cannot be read (`file`, `why`)."""

    code = "reader.trust_unusable"


@dataclass(frozen=True)
class Anchor:
    """One trusted certificate."""

    certificate: x509.Certificate


def load_anchors(folder: Path | None) -> tuple[Anchor, ...]:
    """Every certificate in the folder (`.cer`, `.crt`, `.der`, `.pem`; a PEM file may hold several), by file name.

    No folder: nobody is trusted. Raises TrustUnusable for a folder that is not there or a file that is no
    certificate: a site that set trust up must learn that it does not work.
    """
    if folder is None:
        return ()
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        return tuple(anchor for path in paths for anchor in _read(path))
    except OSError as error:
        raise TrustUnusable(file=folder.name, why=error.strerror or "unreadable") from None


def _read(path: Path) -> list[Anchor]:
    with path.open("rb") as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise TrustUnusable(file=path.name, why="too large")
    try:
        ders = [der for _, _, der in pem.unarmor(data, multiple=True)] if pem.detect(data) else [data]
        anchors = [Anchor(x509.Certificate.load(der, strict=True)) for der in ders]
        for anchor in anchors:
            # asn1crypto parses lazily; touch what the chain check will need.
            _ = anchor.certificate.subject.native, anchor.certificate.public_key.algorithm
    except (ValueError, TypeError, KeyError):
        raise TrustUnusable(file=path.name, why="not an X.509 certificate") from None
    return anchors
