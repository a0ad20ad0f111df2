"""Which delivery is being rendered: written down before, wiped afterwards, so that a process that dies has a culprit.

A plain file without a flush: it outlives the process and costs two microseconds. A power cut may leave it stale, which
is right: no record is to blame for that.
"""

import os
from pathlib import Path


class RenderingMark:
    """The mark of one destination. May be used by one thread at a time. Where the file cannot be written there is
    no mark, and a record that kills the process is found by nobody but its reader of the log."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None

    def set(self, delivery_id: int) -> None:
        """This delivery is about to be rendered."""
        self._write(delivery_id)

    def clear(self) -> None:
        """It came back."""
        self._write(0)

    def culprit(self) -> int | None:
        """The delivery that was being rendered when the last process died, and forgets it."""
        if (file := self._opened()) is None:
            return None
        try:
            left = int.from_bytes(os.pread(file, 8, 0), "big")
        except OSError:
            return None
        self._write(0)
        return left or None

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            os.close(self._file)
        self._file = None

    def _write(self, delivery_id: int) -> None:
        if (file := self._opened()) is not None:
            try:
                os.pwrite(file, delivery_id.to_bytes(8, "big"), 0)
            except OSError:  # a full disk: the eight bytes are there from the first time on
                return

    def _opened(self) -> int | None:
        if self._file is None and self._path is not None:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:
                return None
        return self._file
