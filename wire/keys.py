"""The site's key: read from a file that nobody else may read, and split by purpose.

One key of 32 random bytes stands behind everything this machine seals: the database's pages, the audit's chain, the
day's answers. No key ever goes into an error or a log.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from wire.durable import put, sync
from wire.errors import TiepDonError

KEY_BYTES = 32
MAX_KEY_FILE = 1024  # bytes; the longest spelling of a key is far below

_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64 = re.compile(r"[0-9A-Za-z+/_-]{43}=?")


class KeyMissing(TiepDonError):
    """The file that holds a key is missing or unreadable (`why`)."""

    code = "key.missing"


class KeyUnusable(TiepDonError):
    """The file that holds a key does not hold 32 bytes as base64, hex or raw (`why`)."""

    code = "key.unusable"


class KeyExposed(TiepDonError):
    """The file that holds a key may be read by others on the machine, or written by a group."""

    code = "key.exposed"


def read_key(path: Path) -> bytes:
    """The 32 bytes in a file: raw, or as one line of hex or base64.

    A group may read the file, as systemd hands credentials out that way; what anybody else could read or write is
    refused. Raises KeyMissing, KeyExposed, KeyUnusable.
    """
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o027:
                raise KeyExposed
            content = file.read(MAX_KEY_FILE + 1)
    except OSError as error:
        raise KeyMissing(why=error.strerror or "unreadable") from None
    except ValueError:  # a zero byte in the path
        raise KeyMissing(why="no such file") from None
    key = _key_in(content)
    if len(set(key)) < KEY_BYTES // 4:  # zeros, a repeated word; chance alone never comes near
        raise KeyUnusable(why="not random")
    return key


def derived(key: bytes, purpose: bytes) -> bytes:
    """The key for one purpose: HKDF-SHA-256 without salt, one block (RFC 5869, 2.2 and 2.3)."""
    extracted = hmac.digest(bytes(KEY_BYTES), key, hashlib.sha256)
    return hmac.digest(extracted, purpose + b"\x01", hashlib.sha256)


def write_new_key(path: Path) -> None:
    """Make a key where there is none, for its owner alone; one that is there stays. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        return
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    put(new, base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
    # Linked, not renamed: never over a key that another made meanwhile. Whole before it has its name: half a key would
    # stay for good, and one that a power cut takes away again takes along what it has sealed.
    with suppress(FileExistsError):
        os.link(new, path)
    new.unlink()
    sync(path.parent)


def _key_in(content: bytes) -> bytes:
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        text = None
    if text is not None and text.isascii() and text.isprintable():
        return _key_spelt(text)
    if len(content) != KEY_BYTES:
        raise KeyUnusable(why="not 32 bytes")
    return content


def _key_spelt(text: str) -> bytes:
    """Text is never taken as raw bytes: 32 letters are no 32 random bytes."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if not _BASE64.fullmatch(text):
        raise KeyUnusable(why="not 32 bytes in hex or base64" if text else "empty")
    try:
        return base64.b64decode(text.rstrip("=").translate(str.maketrans("-_", "+/")) + "=", validate=True)
    except binascii.Error:
        raise KeyUnusable(why="not base64") from None
