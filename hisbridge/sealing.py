"""Sealing of personal data at rest, and names for it that tell nobody anything: the bridge's one door to encryption.

AES-256-GCM with a random nonce; HMAC-SHA-256 for names. Both keys come from one (HKDF-SHA-256, RFC 5869). Knows no
table and no record. No key, no content and no name ever goes into an error or a log.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wire.errors import TiepDonError

KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D, 5.2.1.1
MAX_KEY_FILE = 1024  # bytes; the longest spelling of a key is far below
VERSION = b"\x01"  # first byte of everything sealed

_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64 = re.compile(r"[0-9A-Za-z+/_-]{43}=?")


class SealingKeyMissing(TiepDonError):
    """The file that holds the key of the day's answers is missing or unreadable (`why`)."""

    code = "sealing.key_missing"


class SealingKeyUnusable(TiepDonError):
    """The file that holds the key of the day's answers does not hold 32 bytes as base64, hex or raw (`why`)."""

    code = "sealing.key_unusable"


class SealingKeyExposed(TiepDonError):
    """The file that holds the key of the day's answers may be read by others on the machine, or written by a group."""

    code = "sealing.key_exposed"


class Unreadable(TiepDonError):
    """What was sealed does not open: another key, another place, or changed since."""

    code = "sealing.unreadable"


class Sealer:
    """Seals, opens and names under one key. May be used from several threads."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise SealingKeyUnusable(why="not 32 bytes")
        self._cipher = AESGCM(_derived(key, b"tiepdon sealing 1"))
        self._naming = _derived(key, b"tiepdon naming 1")

    def seal(self, content: bytes, place: str) -> bytes:
        """The content, readable only with this key and only as what stands at `place`."""
        nonce = os.urandom(NONCE_BYTES)
        return VERSION + nonce + self._cipher.encrypt(nonce, content, VERSION + place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """What was sealed for this place. Raises Unreadable."""
        nonce, rest = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if sealed[:1] != VERSION or len(nonce) != NONCE_BYTES:
            raise Unreadable
        try:
            return self._cipher.decrypt(nonce, rest, VERSION + place.encode())
        except InvalidTag:
            raise Unreadable from None

    def name(self, parts: Sequence[str | None]) -> str:
        """A name for these parts, in hex: the same for the same parts, and without the key it says nothing of them."""
        # As a JSON list: no two lists of parts are spelt alike. A lone surrogate is escaped, not refused.
        return hmac.new(self._naming, json.dumps(list(parts)).encode("ascii"), hashlib.sha256).hexdigest()


def sealer(key_file: str) -> Sealer:
    """The sealer of the key in this file; where none is named, of a key that lives as long as the process.

    Raises SealingKeyMissing, SealingKeyExposed, SealingKeyUnusable.
    """
    return Sealer(read_key(Path(key_file)) if key_file else os.urandom(KEY_BYTES))


def read_key(path: Path) -> bytes:
    """The 32 bytes in a file: raw, or as one line of hex or base64.

    A group may read the file, as systemd hands credentials out that way; what anybody else could read or write is
    refused. Raises SealingKeyMissing, SealingKeyExposed, SealingKeyUnusable.
    """
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o027:
                raise SealingKeyExposed
            content = file.read(MAX_KEY_FILE + 1)
    except OSError as error:
        raise SealingKeyMissing(why=error.strerror or "unreadable") from None
    except ValueError:  # a zero byte in the path
        raise SealingKeyMissing(why="no such file") from None
    key = _key_in(content)
    if len(set(key)) < KEY_BYTES // 4:  # zeros, a repeated word; chance alone never comes near
        raise SealingKeyUnusable(why="not random")
    return key


def _key_in(content: bytes) -> bytes:
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        text = None
    if text is not None and text.isascii() and text.isprintable():
        return _key_spelt(text)
    if len(content) != KEY_BYTES:
        raise SealingKeyUnusable(why="not 32 bytes")
    return content


def _key_spelt(text: str) -> bytes:
    """Text is never taken as raw bytes: 32 letters are no 32 random bytes."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if not _BASE64.fullmatch(text):
        raise SealingKeyUnusable(why="not 32 bytes in hex or base64" if text else "empty")
    try:
        return base64.b64decode(text.rstrip("=").translate(str.maketrans("-_", "+/")) + "=", validate=True)
    except binascii.Error:
        raise SealingKeyUnusable(why="not base64") from None


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(key)
