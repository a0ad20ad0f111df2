"""Certificates, revocation lists and master lists in the files that states and hospitals hand on.

DER or PEM, a master list (CMS), a directory export (LDIF, as the ICAO public key directory publishes), or a zip that
holds such files. Only finds them; nothing is verified. Bounded, because files come from the network.
"""

import base64
import binascii
import errno
import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from asn1crypto import pem

MAX_FILE = 32 << 20  # bytes, also of what a zip unpacks to
MAX_OBJECTS = 20_000
MAX_MEMBERS = 256
_SIGNED_DATA = bytes.fromhex("06092A864886F70D010702")
_LDIF_LINE = re.compile(rb"(?im)^[a-z][a-z0-9;.-]*::? ")
_LDIF_KINDS = {
    b"cscamasterlistdata": "lists",
    b"pkdmasterlistcontent": "lists",
    b"usercertificate": "exported",
    b"cacertificate": "exported",
    b"certificaterevocationlist": "revocations",
}
_PEM_KINDS = {
    "CERTIFICATE": "certificates",
    "X509 CERTIFICATE": "certificates",
    "TRUSTED CERTIFICATE": "certificates",
    "X509 CRL": "revocations",
    "CRL": "revocations",
    "CMS": "lists",
    "PKCS7": "lists",
}


class Unreadable(Exception):
    """The file holds nothing of the kind; the text says what is wrong, in a few English words."""


@dataclass(frozen=True)
class Contents:
    """What a file holds, each thing as DER. `exported`: certificates in a directory export, that is, by the hundred."""

    certificates: tuple[bytes, ...] = ()
    exported: tuple[bytes, ...] = ()
    revocations: tuple[bytes, ...] = ()
    lists: tuple[bytes, ...] = ()


def read(path: Path) -> Contents:
    """What a file holds. Raises Unreadable, OSError."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("not a file")  # opening a pipe would wait for ever
    if status.st_size > MAX_FILE:
        raise Unreadable("too large")
    with path.open("rb") as file:
        return take_apart(file.read(status.st_size))


def take_apart(data: bytes) -> Contents:
    """What these bytes hold, by their content and never by a file's name. Raises Unreadable."""
    objects: dict[str, list[bytes]] = {"certificates": [], "exported": [], "revocations": [], "lists": []}
    for count, (kind, der) in enumerate(_objects(data), 1):
        if count > MAX_OBJECTS:
            raise Unreadable("too many certificates")
        objects[kind].append(der)
    if not any(objects.values()):
        raise Unreadable("no certificate, revocation list or master list in it")
    return Contents(**{kind: tuple(found) for kind, found in objects.items()})


def _objects(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data[:4] == b"PK\x03\x04":
        for member in _members(data):
            if member[:1] == b"\x30" or b"-----BEGIN " in member or _LDIF_LINE.search(member[:4096]):
                yield from _flat(member)
    else:
        yield from _flat(data)


def _flat(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data[:1] == b"\x30":
        yield _kind(data), data
    elif b"-----BEGIN " in data:
        yield from _pem(data)
    elif _LDIF_LINE.search(data[:4096]):
        yield from _ldif(data)


def _kind(der: bytes) -> str:
    """A SEQUENCE is a SignedData by its first field; certificate and revocation list differ in their second level.

    Both begin with a SEQUENCE; a revocation list has a time where a certificate has its Validity.
    """
    return "lists" if _SIGNED_DATA in der[:24] else ("revocations" if _is_revocation_list(der) else "certificates")


def _is_revocation_list(der: bytes) -> bool:
    at = _value(der, _value(der, 0))  # into the outer SEQUENCE, into the body
    tags = []
    for _ in range(4):
        if at >= len(der):
            break
        tags.append(der[at])
        at = _end(der, at)
    if tags and tags[0] == 0x02:  # version of the list; a certificate of version 1 has its serial number there
        tags = tags[1:]
    return len(tags) >= 3 and tags[:2] == [0x30, 0x30] and tags[2] in (0x17, 0x18)


def _header(der: bytes, at: int) -> tuple[int, int]:
    """Where the value of the object at `at` begins and ends; past the end of the data for what is malformed."""
    first = der[at + 1] if at + 1 < len(der) else 0x80
    if first < 0x80:
        return at + 2, at + 2 + first
    count = first & 0x7F
    if not 1 <= count <= 4:
        return len(der), len(der)
    start = at + 2 + count
    return start, start + int.from_bytes(der[at + 2 : start], "big")


def _value(der: bytes, at: int) -> int:
    return _header(der, at)[0]


def _end(der: bytes, at: int) -> int:
    return _header(der, at)[1]


def _pem(data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        for label, _, der in pem.unarmor(data, multiple=True):
            if label in _PEM_KINDS:
                if der[:1] != b"\x30":
                    raise Unreadable("damaged PEM")
                yield _PEM_KINDS[label], der
    except (ValueError, TypeError):
        raise Unreadable("damaged PEM") from None


def _ldif(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Base64 values of the attributes that matter (RFC 2849; names with options, lines folded with a space)."""
    unfolded = data.replace(b"\r\n", b"\n").replace(b"\n ", b"")
    for line in unfolded.split(b"\n"):
        name, colons, value = line.partition(b":: ")
        kind = _LDIF_KINDS.get(name.split(b";")[0].lower())
        if kind is None or not colons:
            continue
        try:
            yield kind, base64.b64decode(value.strip(), validate=True)
        except binascii.Error:
            raise Unreadable("damaged LDIF") from None


def _members(data: bytes) -> Iterator[bytes]:
    """The files in a zip. What it unpacks to is counted while unpacking: its own figures may lie."""
    left = MAX_FILE
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if len(infos) > MAX_MEMBERS:
                raise Unreadable("too many files in the zip")
            for info in infos:
                with archive.open(info) as file:
                    member = file.read(left + 1)
                left -= len(member)
                if left < 0:
                    raise Unreadable("too large")
                yield member
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError):
        # RuntimeError: a zip with a password.
        raise Unreadable("damaged zip") from None
