"""Whether the file that a connection has open is the one that lies at its path now.

A disk that failed is checked and mounted anew below running processes: they hold the file of the old mount, write
nothing to the new one, and SQLite takes the two for the same, because it compares inode numbers alone (os_unix.c,
fileHasMoved).
"""

import contextlib
import ctypes
import logging
import os
from pathlib import Path
from typing import Any

from wire import sqlite

log = logging.getLogger(__name__)


class PlacedConnection(sqlite.Connection):
    """A connection that knows which file it has open."""

    _path: Path | None = None
    _opened: os.stat_result | None = None
    _kept = False

    def opened(self, path: Path) -> None:
        """Note the file at this path as the one that was opened. Raises OSError."""
        self._path, self._opened = path, path.stat()

    def in_place(self) -> bool:
        """Whether that file lies there still."""
        now = self._now()
        return self._opened is None or (now is not None and os.path.samestat(now, self._opened))

    def close(self) -> None:
        """Close, except where another disk's file with the same inode number lies there: closing the old one would
        take away the log (`-wal`) of the new one, which others write to. What is not closed ends with the process.
        """
        if not self._set_aside():
            super().close()

    def __del__(self) -> None:
        self._set_aside()  # whoever drops it closes it too

    def _set_aside(self) -> bool:
        now = self._now()
        if not self._opened or not now or now.st_dev == self._opened.st_dev or now.st_ino != self._opened.st_ino:
            return False
        if not self._kept:
            log.warning("a connection to a disk that is gone stays open until this process ends")
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))  # not even the interpreter's end may close it
            self._kept = True
        return True

    def _now(self) -> os.stat_result | None:
        with contextlib.suppress(OSError):
            return None if self._path is None else self._path.stat()
        return None


def in_place(connection: Any) -> bool:
    """Whether a connection has open what lies at its path. One in memory is always in place."""
    return not isinstance(connection, PlacedConnection) or connection.in_place()
