"""Sealing of personal data at rest, and names for it that tell nobody anything: the bridge's one door to encryption.

AES-256-GCM with a random nonce; HMAC-SHA-256 for names. Both keys come from one (HKDF-SHA-256, RFC 5869). Knows no
table and no record. No key, no content and no name ever goes into an error or a log.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wire.errors import TiepDonError
from wire.keys import KEY_BYTES, KeyUnusable, derived, read_key

NONCE_BYTES = 12  # NIST SP 800-38D, 5.2.1.1
VERSION = b"\x01"  # first byte of everything sealed


class Unreadable(TiepDonError):
    """What was sealed does not open: another key, another place, or changed since."""

    code = "sealing.unreadable"


class Sealer:
    """Seals, opens and names under one key. May be used from several threads."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyUnusable(why="not 32 bytes")
        self._cipher = AESGCM(derived(key, b"tiepdon sealing 1"))
        self._naming = derived(key, b"tiepdon naming 1")

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

    Raises KeyMissing, KeyExposed, KeyUnusable.
    """
    return Sealer(read_key(Path(key_file)) if key_file else os.urandom(KEY_BYTES))
