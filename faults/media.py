"""What the power fails under: a whole disk with its file system, where root may have one, else the database's files.

Each medium records a process that writes (`recorded`), and afterwards gives back the folder as it is found when the
power is on again (`found`).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from faults.recording import Disk, Entry, restore

DISK_BYTES = 64 << 20
JOURNAL_MEGABYTES = 4  # the smallest, so that it wraps around often
WHERE = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
SOURCE = Path(__file__).with_name("files.c")


class Medium(Protocol):
    """Where the database lies. `note` says what is cut, for the printed table."""

    @property
    def note(self) -> str: ...

    @property
    def recording(self) -> Path:
        """What was written and flushed."""
        ...

    @contextmanager
    def prepared(self) -> Iterator[Path]:
        """The folder before anything is recorded."""
        ...

    @contextmanager
    def recorded(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """The folder while all that is written is recorded, and the environment of processes that write to it."""
        ...

    def disk(self) -> Disk:
        """What is safe before the first record."""
        ...

    @contextmanager
    def found(self, safe: dict[str, bytearray], left_over: Sequence[Entry]) -> Iterator[Path]:
        """The folder when the power is on again."""
        ...


@dataclass(frozen=True)
class WholeDisk:
    """An ext4 image on a loop device over faults.blocks."""

    folder: Path

    note = "the blocks of an ext4 file system (data=ordered) on a loop device, journal replayed by the kernel's mount"

    @property
    def recording(self) -> Path:
        """What reached the disk."""
        return self.folder / "disk.recording"

    @contextmanager
    def prepared(self) -> Iterator[Path]:
        """An empty file system."""
        with self._base.open("wb") as image:
            image.truncate(DISK_BYTES)
        options = ["-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", "-J", f"size={JOURNAL_MEGABYTES}"]
        run_tool("mkfs.ext4", "-q", "-F", "-b", "4096", *options, str(self._base))
        with _mounted(self._base, self.folder / "before") as place:
            yield place

    @contextmanager
    def recorded(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """Mounted; everything goes through the recorder."""
        live, point = self.folder / "live.img", self.folder / "point"
        shutil.copyfile(self._base, live)
        point.touch()
        command = [sys.executable, "-m", "faults.blocks", str(point), str(live), str(self.recording)]
        with ExitStack() as held:
            process = held.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            held.callback(process.kill)
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise OSError("the recording disk does not start")
            held.callback(unmount, point)
            yield held.enter_context(_mounted(point, self.folder / "live")), {}

    def disk(self) -> Disk:
        """The empty file system."""
        return Disk({"": bytearray(self._base.read_bytes())})

    @contextmanager
    def found(self, safe: dict[str, bytearray], left_over: Sequence[Entry]) -> Iterator[Path]:
        """Mounted, its journal replayed."""
        # Another file each time: mount takes up a loop device that still lies on the same one, and what it remembers.
        with tempfile.TemporaryDirectory(dir=self.folder) as named:
            image = Path(named, "image")
            restore(image, safe[""], left_over)
            with _mounted(image, self.folder / "found") as place:
                yield place

    @property
    def _base(self) -> Path:
        return self.folder / "base.img"


@dataclass(frozen=True)
class FilesAlone:
    """The files of a folder, recorded by a library that is preloaded (files.c); the file system itself is not cut."""

    folder: Path

    note = "the database's files alone, by what the process wrote and flushed; the file system itself is not cut"

    @property
    def recording(self) -> Path:
        """What was asked of the file system."""
        return self.folder / "files.recording"

    @contextmanager
    def prepared(self) -> Iterator[Path]:
        """An empty folder."""
        self._base.mkdir()
        yield self._base

    @contextmanager
    def recorded(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """A copy of it, and the library."""
        library, live = self.folder / "files.so", self.folder / "live"
        run_tool("gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl", "-lpthread")
        shutil.copytree(self._base, live)
        yield (
            live,
            {"LD_PRELOAD": str(library), "FAULTS_FOLDER": str(live), "FAULTS_RECORDING": str(self.recording)},
        )

    def disk(self) -> Disk:
        """The files that were there."""
        return Disk({file.name: bytearray(file.read_bytes()) for file in self._base.iterdir() if file.is_file()})

    @contextmanager
    def found(self, safe: dict[str, bytearray], left_over: Sequence[Entry]) -> Iterator[Path]:
        """The files as they are left."""
        with tempfile.TemporaryDirectory(dir=self.folder) as named:
            for name in {*safe, *(entry.name for entry in left_over)}:
                restore(Path(named, name), safe.get(name, b""), [one for one in left_over if one.name == name])
            yield Path(named)

    @property
    def _base(self) -> Path:
        return self.folder / "base"


def why_no_disk() -> str | None:
    """Why no whole disk can be recorded here; None where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "not root"
    for device in ("/dev/fuse", "/dev/loop-control"):
        if not Path(device).exists():
            return f"no {device}"
    for tool in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(tool, path=WHERE) is None:
            return f"no {tool}"
    with tempfile.TemporaryDirectory() as named:
        try:
            disk = WholeDisk(Path(named))
            with disk.prepared():
                pass
            with disk.recorded():
                pass
        except (OSError, subprocess.CalledProcessError) as error:
            return f"loop device or FUSE refused ({type(error).__name__})"
    return None


@contextmanager
def _mounted(image: Path, place: Path) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    run_tool("mount", "-t", "ext4", "-o", "loop,noatime", str(image), str(place))
    try:
        yield place
    finally:
        unmount(place)


def run_tool(tool: str, *arguments: str) -> None:
    """One of the system's own, to its end. Raises OSError, CalledProcessError."""
    subprocess.run([shutil.which(tool, path=WHERE) or tool, *arguments], check=True, capture_output=True)


def unmount(place: Path, at_once: bool = False) -> None:
    """The loop device goes with the mount. Whatever still holds the place is on its way out, or need not be
    (`at_once`)."""
    if at_once or not _quietly("umount", str(place)):
        _quietly("umount", "-l", str(place))


def _quietly(tool: str, *arguments: str) -> bool:
    try:
        run_tool(tool, *arguments)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
