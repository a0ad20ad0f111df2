"""minisign signatures, verified offline: the form of the files is minisign's, the arithmetic cryptography's.

A key is one line that fits on a label; no chain, no clock and no network is needed to check it. Pure but for the files
it is given.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wire.errors import TiepDonError

MAX_SIGNATURE = 4096  # bytes of a signature file
_TRUSTED = "trusted comment: "
_LEGACY, _HASHED = b"Ed", b"ED"  # over the file itself, and over its BLAKE2b-512


class SignatureMissing(TiepDonError):
    """The update carries no signature, or one that is not minisign's."""

    code = "update.signature_missing"


class SignatureWrong(TiepDonError):
    """The update was changed since it was signed, or was not signed by a key of `update.public_keys`."""

    code = "update.signature_wrong"


class KeyUnknown(TiepDonError):
    """No public key is set, or one that is no minisign key; `signed_by` is the identifier of the key that signed."""

    code = "update.key_unknown"


@dataclass(frozen=True)
class PublicKey:
    """A minisign public key: its identifier (8 bytes) and the Ed25519 key (RFC 8032, 32 bytes)."""

    identifier: bytes
    key: bytes


@dataclass(frozen=True)
class Signature:
    """A minisign signature file, taken apart. `comment` is signed too, with the signature before it."""

    algorithm: bytes
    identifier: bytes
    signature: bytes
    comment: str
    comment_signature: bytes


def public_key(text: str) -> PublicKey:
    """The second line of a minisign.pub. Raises KeyUnknown."""
    raw = _decoded(text.strip())
    if len(raw) != 42 or raw[:2] != _LEGACY:
        raise KeyUnknown(why="not a minisign key")
    return PublicKey(raw[2:10], raw[10:])


def parse(content: bytes) -> Signature:
    """A signature file. Raises SignatureMissing."""
    if len(content) > MAX_SIGNATURE:
        raise SignatureMissing(why="too large")
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise SignatureMissing(why="not text") from None
    if len(lines) < 4 or not lines[2].startswith(_TRUSTED):
        raise SignatureMissing(why="not a minisign signature")
    raw, over = _decoded(lines[1]), _decoded(lines[3])
    if len(raw) != 74 or raw[:2] not in (_LEGACY, _HASHED) or len(over) != 64:
        raise SignatureMissing(why="not a minisign signature")
    return Signature(raw[:2], raw[2:10], raw[10:], lines[2].removeprefix(_TRUSTED), over)


def verify(content: bytes, signature: Signature, keys: Iterable[str]) -> str:
    """The trusted comment, when one of these keys signed this content. Raises KeyUnknown, SignatureWrong."""
    known = {key.identifier: key for key in map(public_key, keys)}
    signer = known.get(signature.identifier)
    if signer is None:
        # As minisign prints it: a number, without zeros before it.
        raise KeyUnknown(signed_by=f"{int.from_bytes(signature.identifier, 'little'):X}")
    key = Ed25519PublicKey.from_public_bytes(signer.key)
    signed = content if signature.algorithm == _LEGACY else hashlib.blake2b(content).digest()
    try:
        key.verify(signature.signature, signed)
        key.verify(signature.comment_signature, signature.signature + signature.comment.encode())
    except InvalidSignature:
        raise SignatureWrong from None
    return signature.comment


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
