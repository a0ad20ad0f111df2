"""A folder of the network as a kernel shows it when its server or its stick fails: FUSE, answered from here by hand.

`unshare -m python -m tests.support.failing_folder HOW PLACE PROGRAM...` mounts it in a mount namespace of its own, runs
the program there and ends with its exit code; whatever becomes of either, no mount is left behind.
"""

import ctypes
import errno
import os
import stat
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

HOWS = (
    "silent",  # nothing is ever answered: a hard-mounted folder whose server is away
    "stale",  # the server came back and knows nothing of what was open (ESTALE)
    "hangs",  # what is written is never answered
    "pulled",  # what is written ends in an input/output error, and so does all that follows
    "gone",  # what is written finds no device any more
)
LOOKUP, FORGET, GETATTR, SETATTR, UNLINK, OPEN, WRITE, STATFS = 1, 2, 3, 4, 10, 14, 16, 17
RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, CREATE = 18, 25, 26, 27, 28, 29, 35
INTERRUPT, BATCH_FORGET = 36, 42
_FOLDER, _FILE = 1, 2
_MOST = 1 << 17
_UNIQUE = struct.Struct("<Q")
_HEAD = struct.Struct("<IIQQIIII")
LONGEST_SECONDS = 90


class FailingFolder:
    """Serves an empty folder in which one file can be made, and which fails from its first byte on."""

    def __init__(self, device: int, how: str) -> None:
        self._device = device
        self._how = how
        self._broken = False

    def serve(self) -> None:
        """Until it is unmounted."""
        while True:
            try:
                request = os.read(self._device, _MOST + 4096)
            except OSError:
                return
            _, operation, unique, node, *_ = _HEAD.unpack_from(request)
            if operation == INTERRUPT:  # whoever waits is being killed, and a network's file system lets it go
                unique = _UNIQUE.unpack_from(request, _HEAD.size)[0]
                with suppress(OSError):  # answered before
                    os.write(self._device, struct.pack("<IiQ", 16, -errno.EINTR, unique))
                continue
            if operation in (FORGET, BATCH_FORGET) or self._how == "silent":
                continue
            answer = self._answer(operation, node)
            if answer is None:
                continue
            fault, data = (answer, b"") if isinstance(answer, int) else (0, answer)
            os.write(self._device, struct.pack("<IiQ", 16 + len(data), -fault, unique) + data)

    def _answer(self, operation: int, node: int) -> bytes | int | None:
        """What is told; a number is an error, None is silence."""
        if operation == INIT:
            return struct.pack("<IIIIHHIIHHI7I", 7, 31, _MOST, 0, 16, 12, _MOST, 1, 32, 0, 0, *[0] * 7)
        if self._how == "stale" and operation not in (RELEASE, RELEASEDIR):
            return errno.ESTALE
        if operation == WRITE:
            self._broken = True
        # For what is told when a file is closed a kernel waits even where a process is being killed.
        if self._broken and operation not in (RELEASE, RELEASEDIR, *([FLUSH] if self._how == "hangs" else [])):
            return {"hangs": None, "pulled": errno.EIO, "gone": errno.ENODEV}[self._how]
        if operation in (GETATTR, SETATTR):
            return struct.pack("<QII", 0, 0, 0) + _attributes(node)
        if operation == LOOKUP:
            return errno.ENOENT
        if operation in (OPEN, OPENDIR):
            return struct.pack("<QII", 1, 0, 0)
        if operation == CREATE:
            return struct.pack("<QQQQII", _FILE, 0, 0, 0, 0, 0) + _attributes(_FILE) + struct.pack("<QII", 1, 0, 0)
        return b"" if operation in (READDIR, RELEASE, RELEASEDIR, FLUSH, UNLINK) else errno.ENOSYS


def _attributes(node: int) -> bytes:
    mode = stat.S_IFDIR | 0o755 if node == _FOLDER else stat.S_IFREG | 0o600
    return struct.pack("<6Q3I7I", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def main(how: str, place: Path, program: list[str]) -> int:
    """Mount, run, end."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mount(b"none", b"/", None, ctypes.c_ulong(1 << 18 | 1 << 14), None)  # MS_PRIVATE | MS_REC
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
    if libc.mount(b"failing", os.fsencode(place), b"fuse", ctypes.c_ulong(0), options.encode()):
        sys.stderr.write(f"cannot mount: {os.strerror(ctypes.get_errno())}\n")
        return 125
    threading.Thread(target=FailingFolder(device, how).serve, daemon=True).start()
    with subprocess.Popen(program) as running:
        try:
            return running.wait(LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            sys.stderr.write("it never ended\n")
            return 124


if __name__ == "__main__":
    # Whoever waits for an answer is let go by the end of this process, which closes the device.
    os._exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
