"""A file is put into a folder whole or not at all, and its loss by a power cut is ruled out before it counts.

Written under a hidden name in the same folder, synced, renamed (atomic by POSIX), and the folder synced. Every touch
of the file system happens in a thread of its own, because a call into a share whose server is gone returns never and
cannot be interrupted: the wait ends, the thread stays, and until it is back no other is begun. Knows nothing of
records.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from config.destinations.files import FolderDestination
from hisbridge.connectors.file_drop_errors import DropFolderFull, DropFolderMissing, DropHangs, refused

T = TypeVar("T")

PROBE = ".tiepdon-probe"
PART = ".part"  # end of the hidden name under which a file is written

# Shares that cannot sync a folder say so; then the server alone decides when a name is safe.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES)


@dataclass(frozen=True)
class Disk:
    """The calls that make bytes and names last."""

    sync: Callable[[int], None] = os.fsync
    rename: Callable[[Path, Path], None] = os.replace


class Folder:
    """One folder, used from one thread."""

    def __init__(self, settings: FolderDestination, disk: Disk | None = None) -> None:
        self._folder = Path(settings.folder)
        self._taken = Path(settings.taken_folder) if settings.taken_folder else None
        self._marker = settings.marker
        self._most = settings.most_waiting
        self._mode = int(settings.permissions, 8)
        self._timeout = settings.timeout_seconds
        self._disk = disk or Disk()
        self._stuck: threading.Thread | None = None

    def put(self, name: str, content: bytes, *, again: bool) -> bool:
        """The file is there and will be after a power cut. False: it was there already, or had been taken.

        `again`: it may have been put before. Raises DropFailed; then the same call made anew does no harm.
        """
        return self._bounded(lambda given_up: self._put(name, content, again, given_up))

    def remove(self, wanted: Callable[[str], bool]) -> int:
        """Take away the files whose names are wanted, and say how many. Raises DropFailed."""
        return self._bounded(lambda _: self._remove(wanted))

    def probe(self) -> None:
        """Write and remove a hidden file. Raises DropFailed."""
        self._bounded(self._probe)

    def _put(self, name: str, content: bytes, again: bool, given_up: threading.Event) -> bool:
        target = self._folder / name
        self._check_marker()
        if again and self._taken is not None and (self._taken / name).exists():
            return False
        if again and _same(target, content):
            self._sync_folder()
            return False
        waiting = sum(1 for _ in self._names())
        if waiting >= self._most and not target.exists():
            raise DropFolderFull(waiting=waiting)
        self._write(self._folder / f".{name}{PART}", target, content, given_up)
        return True

    def _write(self, part: Path, target: Path, content: bytes, given_up: threading.Event) -> None:
        try:
            # Not O_EXCL: what an interrupted attempt left is overwritten, so that nothing piles up.
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(part, flags, 0o600)
            try:
                self._permit(handle)
                left = memoryview(content)
                while left:
                    left = left[os.write(handle, left) :]
                self._disk.sync(handle)
            finally:
                os.close(handle)
            if given_up.is_set():
                raise DropHangs
            self._disk.rename(part, target)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        self._sync_folder()

    def _permit(self, handle: int) -> None:
        try:
            os.fchmod(handle, self._mode)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):
                raise

    def _sync_folder(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._disk.sync(handle)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(handle)

    def _remove(self, wanted: Callable[[str], bool]) -> int:
        found = [name for name in self._names() if wanted(name)]
        for name in found:
            (self._folder / name).unlink(missing_ok=True)
        if found:
            self._sync_folder()
        return len(found)

    def _names(self) -> Iterator[str]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.name != self._marker:
                    yield entry.name

    def _probe(self, given_up: threading.Event) -> None:
        self._check_marker()
        waiting = sum(1 for _ in self._names())
        if waiting >= self._most:
            raise DropFolderFull(waiting=waiting)
        target = self._folder / PROBE
        try:
            self._write(self._folder / f"{PROBE}{PART}", target, b"tiepdon\n", given_up)
        finally:
            target.unlink(missing_ok=True)

    def _check_marker(self) -> None:
        if self._marker and not (self._folder / self._marker).exists():
            raise DropFolderMissing(why="marker")

    def _bounded(self, work: Callable[[threading.Event], T]) -> T:
        """`work` in a thread of its own; whoever waits gives up after the time-out and is told so."""
        if self._stuck is not None and self._stuck.is_alive():
            raise DropHangs
        task = _Task(work)
        # A daemon: the process may end although the thread cannot.
        thread = threading.Thread(target=task, name="file-drop", daemon=True)
        thread.start()
        thread.join(self._timeout)
        if thread.is_alive():
            task.given_up.set()
            self._stuck = thread
            raise DropHangs
        self._stuck = None
        return task.result()


class _Task(Generic[T]):
    """One piece of work and what became of it."""

    def __init__(self, work: Callable[[threading.Event], T]) -> None:
        self._work = work
        self.given_up = threading.Event()
        self._outcome: list[T] = []
        self._error: BaseException | None = None

    def __call__(self) -> None:
        try:
            self._outcome.append(self._work(self.given_up))
        except BaseException as error:  # handed to who waits
            self._error = error

    def result(self) -> T:
        """What the work gave. Raises what it raised, an OSError as the error of ours for it."""
        if isinstance(self._error, OSError):
            raise refused(self._error) from None
        if self._error is not None:
            raise self._error
        return self._outcome[0]


def _same(path: Path, content: bytes) -> bool:
    """Whether the file is there with exactly this content, and no more than that is read."""
    try:
        with path.open("rb") as file:
            return file.read(len(content) + 1) == content
    except FileNotFoundError:
        return False
