"""A release brought from a server, piece by piece: a line that drops goes on where it stopped.

Each piece is one question through the HTTP door with a byte range (RFC 9110, 14), so nothing large is ever held in
memory, and a server that drips cannot hold more than one piece's time. Nothing fetched is trusted: the signature is.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from hisbridge.errors import PortalError
from hisbridge.http import Answer, Post, Question
from tiepdon.update.release import LIST, MAX_LIST, SIGNATURE, Package, Release, check_package, read_release
from wire.errors import TiepDonError

PIECE = 1 << 20  # bytes
PIECE_SECONDS = 60.0
TRIES = 5  # of one piece
_PART = ".part"


class NotFetched(TiepDonError):
    """The server did not give what was asked (`status`), or the line stayed down (`why`)."""

    code = "update.not_fetched"
    retriable = True


Progress = Callable[[int, int], None]  # bytes that are there, bytes in all


class Server:
    """A folder on a server that holds a release."""

    def __init__(
        self, base_url: str, post: Post, monotonic: Callable[[], float], pause: Callable[[float], None]
    ) -> None:
        self._base = base_url.rstrip("/")
        self._post = post
        self._monotonic = monotonic
        self._pause = pause

    def release(self, folder: Path, keys: Sequence[str]) -> Release:
        """The list and its signature into `folder`, verified. Raises NotFetched, and as `read_release` does."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in (LIST, SIGNATURE):
            answer = self._ask(name, {})
            if answer.status != 200 or len(answer.body) > MAX_LIST:
                raise NotFetched(file=name, status=answer.status)
            (folder / name).write_bytes(answer.body)
        return read_release(folder, keys)

    def package(self, folder: Path, package: Package, progress: Progress) -> Path:
        """A package into `folder`, going on where an earlier try stopped. Raises NotFetched, PackageWrong."""
        part = folder / (package.file + _PART)
        with part.open("ab") as file:
            there = min(file.tell(), package.size)
            file.truncate(there)
            while there < package.size:
                last = min(there + PIECE, package.size) - 1
                answer = self._ask(package.file, {"Range": f"bytes={there}-{last}"})
                if answer.status != 206 or len(answer.body) != last - there + 1:
                    raise NotFetched(file=package.file, status=answer.status)
                file.write(answer.body)
                there = last + 1
                progress(there, package.size)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / package.file)
        try:
            return check_package(folder, package)
        except TiepDonError:
            (folder / package.file).unlink()  # begun anew next time
            raise

    def _ask(self, name: str, headers: dict[str, str]) -> Answer:
        question = Question(f"{self._base}/{name}", b"", "", {}, "GET", headers)
        why = ""
        for attempt in range(TRIES):
            try:
                return self._post(question, self._monotonic() + PIECE_SECONDS)
            except PortalError as error:
                why = error.code
                self._pause(2.0**attempt)
        raise NotFetched(file=name, why=why)
