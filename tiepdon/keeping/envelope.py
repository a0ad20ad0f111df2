"""The one door to age: what a copy for the day the disk dies is wrapped in, so that only its recipients open it.

Streams in both directions: a copy may be larger than a small machine's memory (age-encryption.org/v1; tar, POSIX
1003.1-1988 ustar). Must not import what makes or restores copies.
"""

import errno
import io
import os
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyrage

from wire.errors import TiepDonError

_BLOCK = 1 << 18
_TAR_BLOCK = 512
MAX_IDENTITY = 1 << 16  # bytes


class NoRecipients(TiepDonError):
    """Nobody is named for whom a copy could be encrypted, or a recipient is none."""

    code = "backup.no_recipients"


class WrongIdentity(TiepDonError):
    """The key does not open the copy, or is none."""

    code = "backup.wrong_identity"


class EnvelopeDamaged(TiepDonError):
    """The copy is damaged, cut off, or is none."""

    code = "backup.damaged"


def seal(parts: Sequence[tuple[str, bytes | Path]], target: BinaryIO, recipients: Sequence[str]) -> None:
    """Write the parts, as a tar archive, encrypted to the recipients (`age1…`). Raises NoRecipients, OSError."""
    if not recipients:
        raise NoRecipients
    try:
        whom = [pyrage.x25519.Recipient.from_str(one) for one in recipients]
    except pyrage.RecipientError:
        raise NoRecipients(why="not an age1… key") from None
    trouble: list[OSError] = []
    try:
        pyrage.encrypt_io(_Stream(_archive(parts), trouble), _Target(target, trouble), whom)
    except pyrage.EncryptError as error:  # of what went wrong with a file it keeps the words alone
        raise (trouble[0] if trouble else OSError(errno.EIO, str(error))) from None


def identities(file: Path) -> list["pyrage.x25519.Identity"]:
    """The secret keys in an age identity file. Raises WrongIdentity."""
    try:
        with file.open("rb") as content:
            lines = content.read(MAX_IDENTITY).decode("utf-8").split()
        found = [pyrage.x25519.Identity.from_str(word) for word in lines if word.startswith("AGE-SECRET-KEY-")]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError):
        raise WrongIdentity(why="unreadable") from None
    if not found:
        raise WrongIdentity(why="holds no AGE-SECRET-KEY-1…")
    return found


@contextmanager
def opened(source: BinaryIO, keys: Sequence["pyrage.x25519.Identity"]) -> Iterator[Iterator[tuple[str, BinaryIO]]]:
    """The parts of a copy, one behind the other, each to be read before the next is asked for.

    What is read is proven only when the end was reached without an error. Raises WrongIdentity, EnvelopeDamaged.
    """
    reading, writing = os.pipe()
    trouble: list[BaseException] = []

    def decrypt() -> None:
        try:
            with os.fdopen(writing, "wb") as plain:
                pyrage.decrypt_io(source, plain, list(keys))
        except BaseException as error:
            trouble.append(error)

    thread = threading.Thread(target=decrypt, name="age", daemon=True)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as plain:
            try:
                with tarfile.open(fileobj=plain, mode="r|") as archive:
                    yield _parts(archive)
                while plain.read(_BLOCK):
                    pass
            except (tarfile.TarError, EOFError, OSError) as error:
                thread.join()
                raise _judged(trouble) or EnvelopeDamaged(why=type(error).__name__) from None
    finally:
        thread.join()
    judged = _judged(trouble)
    if judged is not None:
        raise judged


def _judged(trouble: list[BaseException]) -> TiepDonError | None:
    if not trouble:
        return None
    told = str(trouble[0])
    if isinstance(trouble[0], pyrage.DecryptError) and "matching" in told.lower():
        return WrongIdentity()
    return EnvelopeDamaged(why=type(trouble[0]).__name__)


def _parts(archive: tarfile.TarFile) -> Iterator[tuple[str, BinaryIO]]:
    for member in archive:
        content = archive.extractfile(member) if member.isreg() else None
        if content is not None:
            yield member.name, content  # type: ignore[misc]  # a reader of bytes


def _archive(parts: Sequence[tuple[str, bytes | Path]]) -> Iterator[bytes]:
    for name, content in parts:
        member = tarfile.TarInfo(name)
        member.mode = 0o600
        member.size = len(content) if isinstance(content, bytes) else content.stat().st_size
        yield member.tobuf(tarfile.USTAR_FORMAT)
        if isinstance(content, bytes):
            yield content
        else:
            with content.open("rb") as file:
                while block := file.read(_BLOCK):
                    yield block
        yield bytes(-member.size % _TAR_BLOCK)
    yield bytes(2 * _TAR_BLOCK)


class _Stream(io.RawIOBase):
    """Pieces of bytes, as a file to read from."""

    def __init__(self, pieces: Iterator[bytes], trouble: list[OSError]) -> None:
        self._pieces = pieces
        self._trouble = trouble
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._left:
            with _noted(self._trouble):
                piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = piece
        taken = self._left if size < 0 else self._left[:size]
        self._left = self._left[len(taken) :]
        return taken


class _Target:
    """A file to write to."""

    def __init__(self, file: BinaryIO, trouble: list[OSError]) -> None:
        self._file = file
        self._trouble = trouble

    def write(self, content: bytes) -> int:
        with _noted(self._trouble):
            return self._file.write(content)

    def flush(self) -> None:
        with _noted(self._trouble):
            self._file.flush()


@contextmanager
def _noted(trouble: list[OSError]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        trouble.append(error)
        raise
