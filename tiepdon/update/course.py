"""The course of an update: kept on disk before each step, so that a power cut anywhere is taken up at the next start.

    prepared -> installing -> proving -> confirmed
                    |            |
                    +--> going_back --> went_back, or stuck where even that fails

A new version has to prove itself: every process ready, look after look, and nothing failing that worked before. Nothing
here decides what ready means; it is told (`Well`).
"""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from msgspec.structs import replace

from tiepdon.update.debian import Debian
from tiepdon.update.release import Package, PackageWrong, Release, check_package, opened
from wire.codec import Record, from_json, to_json
from wire.durable import write_durably
from wire.errors import MalformedMessage, TiepDonError

STEADY_LOOKS = 5  # in a row
PAUSE_SECONDS = 2.0
_FILE, _LOCK = "update.json", "lock"
_SPARE = 64 << 20  # bytes that stay free for everything else


class Phase(StrEnum):
    """How far an update has come."""

    PREPARED = "prepared"
    INSTALLING = "installing"
    PROVING = "proving"
    CONFIRMED = "confirmed"
    GOING_BACK = "going_back"
    WENT_BACK = "went_back"
    STUCK = "stuck"


ASKED_BACK = "update.asked_back"
UNDER_WAY = frozenset({Phase.PREPARED, Phase.INSTALLING, Phase.PROVING, Phase.GOING_BACK})


class Course(Record, frozen=True, kw_only=True):
    """What is on disk of the last update: `before` and `after` are versions, `failing` what failed before it."""

    phase: Phase
    before: str
    after: str
    old_package: str  # file names within the folder
    new_package: str
    began_at: str  # RFC 3339
    ended_at: str | None = None
    failing: tuple[str, ...] = ()
    why: str | None = None  # the code of what made it go back, or what fails now


class UpdateUnderWay(TiepDonError):
    """Another update has not come to its end."""

    code = "update.under_way"


class NotNewer(TiepDonError):
    """The release is not newer than what is installed; an old one is never taken unasked."""

    code = "update.not_newer"


class WrongPackage(TiepDonError):
    """The signed file is another package, or another version than its release says."""

    code = "update.wrong_package"


class NoRoom(TiepDonError):
    """The disk has no room for the new version beside the one that runs (`free_mb` of `needed_mb`)."""

    code = "update.no_room"


class Well(Record, frozen=True, kw_only=True):
    """One look: does every process answer, and which of doctor's findings fail (probe and code)."""

    ready: bool
    failing: tuple[str, ...] = ()


Look = Callable[[], Well]
Pause = Callable[[float], None]
Now = Callable[[], datetime]
Free = Callable[[Path], int]  # bytes on the disk that holds a folder


def free_bytes(folder: Path) -> int:
    """What is free for root."""
    told = os.statvfs(folder)
    return told.f_bfree * told.f_frsize


class Updates:
    """The updates of one machine, kept in `folder`, which belongs to root alone."""

    def __init__(
        self,
        folder: Path,
        debian: Debian,
        look: Look,
        pause: Pause,
        now: Now,
        quiet: Callable[[], None] = lambda: None,
        free: Free = free_bytes,
    ) -> None:
        """`quiet` returns when nobody is served any more, or nobody may be waited for."""
        self._folder = folder
        self._debian = debian
        self._look = look
        self._pause = pause
        self._now = now
        self._quiet = quiet
        self._free = free

    def last(self) -> Course | None:
        """The last update's course, None where there never was one or its file cannot be read."""
        try:
            return from_json((self._folder / _FILE).read_bytes(), Course)
        except (OSError, MalformedMessage):
            return None

    def prepare(self, source: Path, release: Release, package: Package) -> Course:
        """Take a release's package from the folder `source` and pack the way back; `resume` does the rest, now or at
        the next start.

        The release's signature was verified before; the package is looked at where nobody else can change it any more.
        Raises UpdateUnderWay, NotNewer, NoRoom, PackageWrong, WrongPackage, NotInstalled, PackageSystemFailed (nothing
        was changed).
        """
        with self._alone() as alone:
            if not alone:
                raise UpdateUnderWay
            return self._prepare(source, release, package)

    def _prepare(self, source: Path, release: Release, package: Package) -> Course:
        version, oldest = release.version, release.from_version
        last = self.last()
        if last is not None and last.phase in UNDER_WAY:
            raise UpdateUnderWay(after=last.after)
        before = self._debian.installed()
        if not self._debian.older(before, version):
            raise NotNewer(installed=before, release=version)
        if self._debian.older(before, oldest):
            raise NotNewer(installed=before, needed=oldest)
        failing = self._look().failing
        self._make_room()
        self._require(self._folder, 3 * package.size)  # the package, the one to go back to, and that while it is packed
        new = self._taken(source, package)
        if self._debian.version_of(new) != (self._debian.package, version):
            raise WrongPackage(file=package.file)
        self._require(self._debian.root, self._debian.installed_bytes(new))  # dpkg keeps the old files until the end
        old = self._debian.pack_installed(self._folder)
        course = Course(
            phase=Phase.PREPARED,
            before=before,
            after=version,
            old_package=old.name,
            new_package=new.name,
            began_at=self._now().isoformat(),
            failing=failing,
        )
        return self._keep(course)

    def resume(self, health_seconds: float) -> Course | None:
        """Install and prove what is prepared, or take up what a power cut left; returns how it ended.

        None where nothing was under way, or another process is at it.
        """
        with self._alone() as alone:
            return self._resume(health_seconds) if alone else None

    def _resume(self, health_seconds: float) -> Course | None:
        course = self.last()
        if course is None or course.phase not in UNDER_WAY:
            return None
        if course.phase is Phase.GOING_BACK:
            if course.why == ASKED_BACK:
                self._quiet()
            return self._go_back(course, course.why or TiepDonError.code)
        if course.phase is Phase.PROVING:
            return self._prove(course, health_seconds)
        return self._install(course, health_seconds)

    def turn_back(self) -> Course:
        """To the version before the last update, because somebody asks for it: `resume` does it, now or at the next
        start. Raises UpdateUnderWay, NotNewer."""
        with self._alone() as alone:
            course = self.last()
            if not alone or (course is not None and course.phase in UNDER_WAY):
                raise UpdateUnderWay(**({} if course is None else {"after": course.after}))
            if course is None or course.phase is not Phase.CONFIRMED:
                raise NotNewer(why="nothing to go back to")
            return self._keep(replace(course, phase=Phase.GOING_BACK, why=ASKED_BACK, ended_at=None))

    def go_back(self) -> Course:
        """`turn_back` and do it now. Raises UpdateUnderWay, NotNewer."""
        course = self.turn_back()
        return self.resume(0.0) or course

    def _install(self, course: Course, health_seconds: float) -> Course:
        self._quiet()
        course = self._keep(replace(course, phase=Phase.INSTALLING))
        try:
            with contextlib.suppress(TiepDonError):  # what was half done is done over below
                self._debian.finish()
            self._debian.install(self._folder / course.new_package)
        except TiepDonError as error:
            return self._go_back(course, error.code)
        return self._prove(self._keep(replace(course, phase=Phase.PROVING)), health_seconds)

    def _prove(self, course: Course, health_seconds: float) -> Course:
        steady, why = 0, "update.not_ready"
        for _ in range(max(STEADY_LOOKS, int(health_seconds / PAUSE_SECONDS))):
            seen = self._look()
            worse = [one for one in seen.failing if one not in course.failing]
            steady = steady + 1 if seen.ready and not worse else 0
            why = "update.worse" if seen.ready and worse else "update.not_ready"
            if steady >= STEADY_LOOKS:
                return self._end(replace(course, phase=Phase.CONFIRMED))
            self._pause(PAUSE_SECONDS)
        return self._go_back(course, why)

    def _go_back(self, course: Course, why: str) -> Course:
        course = self._keep(replace(course, phase=Phase.GOING_BACK, why=why))
        try:
            with contextlib.suppress(TiepDonError):
                self._debian.finish()
            self._debian.install(self._folder / course.old_package)
        except TiepDonError as error:
            return self._end(replace(course, phase=Phase.STUCK, why=error.code))
        return self._end(replace(course, phase=Phase.WENT_BACK))

    def _end(self, course: Course) -> Course:
        return self._keep(replace(course, ended_at=self._now().isoformat()))

    def _keep(self, course: Course) -> Course:
        """Durable before the next step."""
        write_durably(self._folder / _FILE, to_json(course))
        return course

    def _taken(self, source: Path, package: Package) -> Path:
        """Onto this machine's own disk: a stick may be pulled out, or be another one a moment later."""
        new = self._folder / package.file
        try:
            with opened(source / package.file) as read, new.open("wb") as write:
                left = package.size  # no more is read, whatever lies there under this name
                while left and (piece := read.read(min(left, 1 << 20))):
                    write.write(piece)
                    left -= len(piece)
                write.flush()
                os.fsync(write.fileno())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoRoom(needed_mb=package.size >> 20, free_mb=self._free(self._folder) >> 20) from None
            raise PackageWrong(file=package.file, why=error.strerror or "unreadable") from None
        return check_package(self._folder, package)

    def _require(self, folder: Path, needed: int) -> None:
        free = self._free(folder)
        if needed + _SPARE > free:
            raise NoRoom(needed_mb=needed + _SPARE >> 20, free_mb=free >> 20)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether no other process of this machine is at an update; none is while the context lasts."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / _LOCK).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _make_room(self) -> None:
        """The packages of updates that are over, and what a power cut left of packing; the one to go back to is packed
        anew."""
        for old in self._folder.glob("*.deb"):
            old.unlink()
        for half in self._folder.glob("dpkg-repack.*"):
            shutil.rmtree(half, ignore_errors=True)
