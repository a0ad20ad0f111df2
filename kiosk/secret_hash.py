"""PINs and passwords: what is allowed as one, and how it is kept (argon2id, RFC 9106).

The only importer of argon2. Must not import Flask, a device library or a connector.
"""

import itertools
import re
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from wire.errors import TiepDonError

FEWEST_DIGITS = 6
FEWEST_LETTERS = 10
MOST = 128
MEMORY_KIB = 19 * 1024  # the least that OWASP's cheat sheet names (with two passes); two at once fit a Pi of 1 GB
PASSES = 2
AT_ONCE = 2
PATIENCE_SECONDS = 5.0


class SecretUnusable(TiepDonError):
    """Not usable as a PIN or password (`why`: `short`, `long`, `easy`)."""

    code = "account.secret_unusable"


class Busy(TiepDonError):
    """More people sign in at once than this machine can check."""

    code = "desk.busy"
    retriable = True


class SecretHash:
    """Hashes and checks, at most AT_ONCE at a time: each takes `memory_kib` of memory."""

    def __init__(self, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._nobodys = self._hasher.hash("nobody's")

    def keep(self, secret: str) -> str:
        """What is kept of a secret. Raises Busy."""
        with self._turn():
            return self._hasher.hash(_plain(secret))

    def right(self, kept: str | None, secret: str) -> bool:
        """Whether this is the secret; where there is none it takes just as long to say no. Raises Busy."""
        with self._turn():
            try:
                return self._hasher.verify(kept or self._nobodys, _plain(secret)[: MOST + 1]) and kept is not None
            except (VerificationError, InvalidHashError):
                return False

    def old(self, kept: str) -> bool:
        """Whether it was kept with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _turn(self) -> "_Turn":
        return _Turn(self._room)


class _Turn:
    def __init__(self, room: threading.BoundedSemaphore) -> None:
        self._room = room

    def __enter__(self) -> None:
        if not self._room.acquire(timeout=PATIENCE_SECONDS):
            raise Busy

    def __exit__(self, *_: object) -> None:
        self._room.release()


def check_secret(secret: str, *related: str) -> None:
    """Raises SecretUnusable. `related`: what everybody knows of its owner, such as name and officer number."""
    secret = _plain(secret)
    digits = re.fullmatch(r"[0-9]+", secret) is not None
    if len(secret) < (FEWEST_DIGITS if digits else FEWEST_LETTERS):
        raise SecretUnusable(why="short")
    if len(secret) > MOST:
        raise SecretUnusable(why="long")
    known = [one.lower() for one in related if one]
    if _monotonous(secret) or any(one in secret.lower() or secret.lower() in one for one in known):
        raise SecretUnusable(why="easy")


def _monotonous(secret: str) -> bool:
    """One letter, two letters in turn, a pattern of three twice, or letters that follow each other."""
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(secret)}
    repeated = any(secret == (secret[:far] * len(secret))[: len(secret)] for far in (1, 2, 3))
    return repeated or steps in ({1}, {-1})


def _plain(secret: str) -> str:
    return unicodedata.normalize("NFC", secret)
