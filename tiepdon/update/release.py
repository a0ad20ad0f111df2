"""A release as it lies on a stick or a server: `release.json`, its signature, and one package for each architecture.

The signature covers the list alone, and the list holds each package's SHA-256: a package is hashed in pieces and never
held in memory. Everything read here is hostile until the signature has been verified.
"""

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, BinaryIO

from msgspec import Meta

from tiepdon.update.signature import SignatureMissing, parse, verify
from wire.codec import Record, from_json
from wire.errors import MalformedMessage, TiepDonError

LIST, SIGNATURE = "release.json", "release.json.minisig"
MAX_LIST = 64 << 10  # bytes
MAX_PACKAGE = 1 << 30
_PIECE = 1 << 20

Version = Annotated[str, Meta(pattern=r"^[0-9][0-9A-Za-z.+~-]{0,40}\Z")]  # of a Debian package, without epoch
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+~-]{0,120}\.deb\Z")]


class NoRelease(TiepDonError):
    """There is no release in this folder, or its list cannot be read."""

    code = "update.no_release"


class PackageWrong(TiepDonError):
    """A package is missing, cut short, or not the one that was signed."""

    code = "update.package_wrong"


class NotForThisMachine(TiepDonError):
    """The release has no package for this architecture, or needs a newer version to start from."""

    code = "update.not_for_this_machine"


class NotYet(TiepDonError):
    """The release is not meant for this machine's ring before `from`."""

    code = "update.not_yet"


class Package(Record, frozen=True, kw_only=True):
    """One architecture's package."""

    file: FileName
    size: Annotated[int, Meta(ge=1, le=MAX_PACKAGE)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Release(Record, frozen=True, kw_only=True):
    """What is signed. `rings`: from which day (ISO 8601) the machines of a ring take it; none named: all, at once.

    `from_version`: the oldest version it can be installed over.
    """

    version: Version
    released: date
    from_version: Version = "0"
    packages: Mapping[Annotated[str, Meta(pattern=r"^[a-z0-9]{2,16}\Z")], Package]
    rings: Mapping[str, date] = {}
    notes: Annotated[str, Meta(max_length=4000)] = ""


def read_release(folder: Path, keys: Sequence[str]) -> Release:
    """The release in this folder, signed by one of these keys.

    Raises NoRelease, SignatureMissing, SignatureWrong, KeyUnknown.
    """
    content = _small(folder / LIST, MAX_LIST)
    if content is None:
        raise NoRelease(folder=str(folder))
    signature = _small(folder / SIGNATURE, MAX_LIST)
    if signature is None:
        raise SignatureMissing(why="no file")
    verify(content, parse(signature), keys)
    try:
        return from_json(content, Release)
    except MalformedMessage as error:
        raise NoRelease(folder=str(folder), **error.data) from None


def package_for(release: Release, architecture: str, ring: str, today: date) -> Package:
    """The package for this architecture, if this ring is meant to take it today. Raises NotForThisMachine, NotYet."""
    package = release.packages.get(architecture)
    if package is None:
        raise NotForThisMachine(architecture=architecture)
    begins = release.rings.get(ring)
    if release.rings and (begins is None or today < begins):
        raise NotYet(ring=ring, **({} if begins is None else {"from": begins.isoformat()}))
    return package


def opened(path: Path) -> BinaryIO:
    """A file of a release, for reading. What may be anything else is none: a pipe or a device would hold up whoever
    reads it for ever, and a link leads away from the stick. Raises OSError."""
    file = open(path, "rb", opener=_only_a_file)  # noqa: SIM115 - the caller's
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(0, "not a file")
    return file


def check_package(folder: Path, package: Package) -> Path:
    """The package's file, when it is byte for byte the one that was signed. Raises PackageWrong."""
    path = folder / package.file
    seen, digest = 0, hashlib.sha256()
    try:
        with opened(path) as file:
            while seen <= package.size and (piece := file.read(_PIECE)):
                seen += len(piece)
                digest.update(piece)
    except OSError as error:
        raise PackageWrong(file=package.file, why=error.strerror or "unreadable") from None
    if seen != package.size or digest.hexdigest() != package.sha256:
        raise PackageWrong(file=package.file, why="not what was signed")
    return path


def _small(path: Path, most: int) -> bytes | None:
    try:
        with opened(path) as file:
            content = file.read(most + 1)
    except OSError:
        return None
    return content if len(content) <= most else None


def _only_a_file(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
