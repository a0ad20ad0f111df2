"""Is the database there? Asked by every look at a process's health, so it writes nothing and waits for nobody.

Must not import Flask, a device library or a connector.
"""

import os
from pathlib import Path

from config.settings import Settings, database_path
from kiosk.connection import SharedConnection, site_database
from wire.database import DatabaseUnavailable
from wire.errors import TiepDonError
from wire.meter import Amount, level

WAL = "-wal"


class DatabaseLook:
    """A look from a connection of its own. Every method may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._path = database_path(settings)
        self._connection = SharedConnection(site_database(settings))
        self.close = self._connection.close

    def __call__(self) -> str | None:
        """The code of why nothing can be read or written there; None: all is well, as far as a look can tell."""
        try:
            # An open connection would still read a file that was taken away under it.
            if not self._path.exists() or os.statvfs(self._path.parent).f_flag & os.ST_RDONLY:
                return DatabaseUnavailable.code
            self._connection.version()
        except TiepDonError as error:
            return error.code
        except OSError:
            return DatabaseUnavailable.code
        return None


def sizes(settings: Settings) -> list[Amount]:
    """How large the database is and how much room it has; nothing of what is not there."""
    path = database_path(settings)
    told = [
        level(name, size)
        for name, file in (
            ("tiepdon_database_size_bytes", path),
            ("tiepdon_database_wal_size_bytes", path.with_name(path.name + WAL)),
        )
        if (size := _size(file)) is not None
    ]
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return told
    return [
        *told,
        level("tiepdon_state_filesystem_size_bytes", room.f_blocks * room.f_frsize),
        level("tiepdon_state_filesystem_avail_bytes", room.f_bavail * room.f_frsize),
        level("tiepdon_state_filesystem_readonly", float(bool(room.f_flag & os.ST_RDONLY))),
    ]


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None
