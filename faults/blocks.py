"""A disk that records what reaches it: one file in user space (FUSE), which the kernel's loop device lies on.

`python -m faults.blocks PLACE IMAGE RECORDING` mounts itself over the file PLACE, serves IMAGE, and writes down every
write and every flush before it answers. Linux, root. The protocol is the kernel's `include/uapi/linux/fuse.h`, 7.31;
where device-mapper is there, dm-log-writes does the same.
"""

import ctypes
import errno
import os
import struct
import sys
from pathlib import Path

from faults.recording import HEAD, Operation

LOOKUP_FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS = 2, 3, 4, 14, 15, 16, 17
RELEASE, FSYNC, FLUSH, INIT, INTERRUPT, DESTROY, BATCH_FORGET = 18, 20, 25, 26, 36, 38, 42
UNANSWERED = (LOOKUP_FORGET, INTERRUPT, BATCH_FORGET)
MOUNT_FLAGS = 2 | 4  # MS_NOSUID, MS_NODEV
BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22
MOST = 1 << 20  # bytes written at once
FILE_MODE = 0o100600
IN_HEAD = 40
VERSION = (7, 31)


class Blocks:
    """One file, whose every byte lies in `image`."""

    def __init__(self, device: int, image: int, recording: int) -> None:
        self._device, self._image, self._recording = device, image, recording
        size = os.fstat(image).st_size
        self._attributes = struct.pack("<6Q10I", 1, size, size // 512, 0, 0, 0, 0, 0, 0, FILE_MODE, 1, 0, 0, 0, 4096, 0)

    def serve(self) -> None:
        """Until it is unmounted."""
        while True:
            try:
                request = os.read(self._device, 2 * MOST)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                raise
            _, operation, unique = struct.unpack_from("<IIQ", request)
            if operation not in UNANSWERED:
                self._answer(unique, self._do(operation, request[IN_HEAD:]))

    def _do(self, operation: int, body: bytes) -> bytes | None:
        if operation == WRITE:
            _, offset, length = struct.unpack_from("<QQI", body)
            data = body[40 : 40 + length]
            self._record(Operation.WRITE, offset, data)
            os.pwrite(self._image, data, offset)
            return struct.pack("<II", length, 0)
        if operation == FSYNC:
            self._record(Operation.FLUSH, 0, b"")
            return b""
        if operation == READ:
            _, offset, length = struct.unpack_from("<QQI", body)
            return os.pread(self._image, length, offset)
        if operation in (GETATTR, SETATTR):
            return struct.pack("<QII", 3600, 0, 0) + self._attributes
        if operation == INIT:
            flags = BIG_WRITES | MAX_PAGES
            return struct.pack("<IIIIHHIIHHI7I", *VERSION, MOST, flags, 16, 12, MOST, 1, MOST // 4096, 0, 0, *[0] * 7)
        if operation == OPEN:
            return struct.pack("<QII", 1, 0, 0)
        if operation == STATFS:
            return struct.pack("<5Q10I", 1 << 20, 0, 0, 1, 0, 4096, 255, 4096, 0, *[0] * 6)
        return b"" if operation in (RELEASE, FLUSH, DESTROY) else None

    def _record(self, operation: Operation, offset: int, data: bytes) -> None:
        os.writev(self._recording, [HEAD.pack(operation, 0, offset, len(data)), data])

    def _answer(self, unique: int, data: bytes | None) -> None:
        fault = -errno.ENOSYS if data is None else 0
        told = data or b""
        os.write(self._device, struct.pack("<IiQ", 16 + len(told), fault, unique) + told)


def main(place: str, image: str, recording: str) -> int:
    """Mount and serve; says `ready` once mounted."""
    device = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode={FILE_MODE:o},user_id=0,group_id=0"
    if libc.mount(b"fault-run", os.fsencode(place), b"fuse", MOUNT_FLAGS, options.encode()):
        sys.stderr.write(f"cannot mount: {os.strerror(ctypes.get_errno())}\n")
        return 1
    kept = os.open(recording, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    Blocks(device, os.open(Path(image), os.O_RDWR), kept).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
