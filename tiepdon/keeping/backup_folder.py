"""Where copies go: a stick or a folder of the network, which may be out, full, read-only, taken away in the middle, or
never answer again. Each of it has its own code, and nothing that is there is touched by it.

The folder is held open while a copy is written: where it is unmounted meanwhile, nothing goes into the empty folder
below it. Must not know what is in a copy.
"""

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

from config.settings import Settings
from tiepdon.keeping.patience import Beat, NoAnswer, patiently
from wire.database_copies import stamp
from wire.errors import TiepDonError

ANSWER_SECONDS = 30.0  # to say whether it is there
SILENCE_SECONDS = 300.0  # without anything written, read or flushed
_FLUSHED_BYTES = 32 << 20  # at once: what waits in memory for a slow stick holds up the database's own writes too
_BLOCK = 1 << 20
_NAME = re.compile(r"(?P<whose>tiepdon-[0-9A-Z]{0,5}-[A-Za-z0-9_.-]{1,32})-(?P<at>\d{8}T\d{6}Z)\.age")
_PART = ".part"
T = TypeVar("T")


class BackupFolderGone(TiepDonError):
    """The folder for copies is not there."""

    code = "backup.folder_gone"
    retriable = True


class BackupFolderSilent(TiepDonError):
    """The folder for copies does not answer: the file server is away, or the stick is dying."""

    code = "backup.folder_silent"
    retriable = True


class BackupUnderWay(TiepDonError):
    """Another copy is being made."""

    code = "backup.under_way"
    retriable = True


class BackupSameDisk(TiepDonError):
    """The folder for copies lies on the database's own disk: what was to be mounted there is not."""

    code = "backup.same_disk"
    retriable = True


class BackupFull(TiepDonError):
    """No room where copies go."""

    code = "backup.full"
    retriable = True


class BackupReadOnly(TiepDonError):
    """Nothing can be written where copies go."""

    code = "backup.read_only"


class BackupUnwritable(TiepDonError):
    """The copy could not be written (`why`: the system's own word)."""

    code = "backup.unwritable"
    retriable = True


class BackupNotReadBack(TiepDonError):
    """What was written reads back as something else."""

    code = "backup.not_read_back"


class Folder:
    """`backup.folder`, held open. Every method raises BackupFolderSilent, BackupFolderGone, BackupFull, BackupReadOnly,
    BackupUnwritable."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def keep(self, name: str, write: Callable[[BinaryIO], None]) -> int:
        """A file that `write` fills, under its name only when it reads back as it was written; its size in bytes.

        Raises BackupNotReadBack.
        """
        return _asked(self._path, SILENCE_SECONDS, lambda beat: self._keep(name, write, beat))

    def _keep(self, name: str, write: Callable[[BinaryIO], None], beat: Beat) -> int:
        part, ours = name + _PART, name.rpartition("-")[0]
        for left in os.listdir(self._descriptor):  # noqa: PTH208 - by the open folder; what a copy left that was cut off
            match = _NAME.fullmatch(left.removesuffix(_PART))
            if left.endswith(_PART) and match is not None and match["whose"] == ours:
                os.unlink(left, dir_fd=self._descriptor)
        try:
            size, digest = self._written(part, write, beat)
            if self._read(part, beat) != digest:
                raise BackupNotReadBack
            os.rename(part, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        except BaseException:
            with suppress(OSError):
                os.unlink(part, dir_fd=self._descriptor)
            raise
        with suppress(OSError):  # not every file server knows it; the content is there
            os.fsync(self._descriptor)
        return size

    def _written(self, part: str, write: Callable[[BinaryIO], None], beat: Beat) -> tuple[int, str]:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(part, flags, 0o600, dir_fd=self._descriptor), "w+b") as file:
            digested = _Digested(file, beat)
            write(digested)  # type: ignore[arg-type]  # it is only written to
            digested.flush()
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # what is read next comes from the stick
            return digested.size, digested.hexdigest()

    def _read(self, part: str, beat: Beat) -> str:
        digest = hashlib.sha256()
        with os.fdopen(os.open(part, os.O_RDONLY, dir_fd=self._descriptor), "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                beat()
        return digest.hexdigest()


@contextmanager
def opened(settings: Settings) -> Iterator[Folder]:
    """Where copies go. Raises BackupFolderGone, BackupFolderSilent, BackupSameDisk, BackupUnwritable."""
    path = Path(settings.backup.folder)
    descriptor = _asked(path, ANSWER_SECONDS, lambda _: os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    try:
        there = _asked(path, ANSWER_SECONDS, lambda _: os.fstat(descriptor).st_dev)
        if settings.backup.another_disk and there == Path(settings.paths.state).stat().st_dev:
            raise BackupSameDisk(folder=str(path))
        yield Folder(path, descriptor)
    finally:
        os.close(descriptor)


def name_of(settings: Settings, now: datetime) -> str:
    """What a copy made now is called."""
    return f"{_prefix(settings)}-{stamp(now)}.age"


def is_there(settings: Settings, seconds: float) -> bool:
    """Whether the folder is. Raises BackupFolderSilent after so many seconds."""
    folder = Path(settings.backup.folder)
    return _asked(folder, seconds, lambda _: folder.is_dir())


def backups(settings: Settings, seconds: float | None = None) -> list[Path]:
    """This kiosk's copies in `backup.folder`, newest first; none where the folder is not there.

    Raises BackupFolderSilent after so many seconds, else after ANSWER_SECONDS.
    """
    if not settings.backup.folder:
        return []
    patience = ANSWER_SECONDS if seconds is None else seconds
    return _asked(Path(settings.backup.folder), patience, lambda _: _listed(settings))


def made_at(file: Path) -> datetime:
    """When a copy was made, by its name. Raises ValueError where the name is none."""
    match = _NAME.fullmatch(file.name)
    if match is None:
        raise ValueError(file.name)
    return datetime.strptime(match["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def forget_backups(settings: Settings, before: datetime) -> int:
    """Remove this kiosk's copies made before a moment: they hold persons (retention); how many went.

    Raises BackupFolderSilent, BackupFolderGone, BackupReadOnly, BackupUnwritable.
    """

    def forget(beat: Beat) -> int:
        gone = [file for file in _listed(settings) if made_at(file) < before]
        for file in gone:
            file.unlink()
            beat()
        return len(gone)

    return _asked(Path(settings.backup.folder), ANSWER_SECONDS, forget) if settings.backup.folder else 0


def _listed(settings: Settings) -> list[Path]:
    found = []
    with suppress(OSError):
        for file in Path(settings.backup.folder).iterdir():
            match = _NAME.fullmatch(file.name)
            with suppress(ValueError):  # a day that no calendar has
                if match is not None and match["whose"] == _prefix(settings) and made_at(file):
                    found.append(file)
    return sorted(found, key=lambda file: file.name, reverse=True)


def _prefix(settings: Settings) -> str:
    return f"tiepdon-{settings.site.facility_code}-{settings.site.kiosk_id}"


def _asked(folder: Path, seconds: float, work: Callable[[Beat], T]) -> T:
    """What went wrong where copies go, by its own code."""
    try:
        return patiently(work, seconds)
    except NoAnswer:
        raise BackupFolderSilent(folder=str(folder)) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise BackupFull(folder=str(folder)) from None
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise BackupReadOnly(folder=str(folder)) from None
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV, errno.ENOTCONN):
            raise BackupFolderGone(folder=str(folder)) from None
        raise BackupUnwritable(folder=str(folder), why=error.strerror or type(error).__name__) from None


class _Digested:
    """A file to write to that knows what was written, and lets nothing wait in memory for long."""

    def __init__(self, file: BinaryIO, beat: Beat) -> None:
        self._file = file
        self._beat = beat
        self._digest = hashlib.sha256()
        self._waiting = 0
        self.size = 0
        self.hexdigest = self._digest.hexdigest

    def write(self, content: bytes) -> int:
        self._digest.update(content)
        self._file.write(content)
        self.size += len(content)
        self._waiting += len(content)
        if self._waiting >= _FLUSHED_BYTES:
            self.flush()
        self._beat()
        return len(content)

    def flush(self) -> None:
        """Onto the stick."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._waiting = 0
        self._beat()
