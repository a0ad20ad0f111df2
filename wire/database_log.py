"""What a write-ahead log says of itself, read without SQLite: how many commits it holds that SQLite leaves out.

SQLite ends at the first frame that does not fit and says nothing (sqlite.org, walformat.html). After a power cut that
is right: nobody was told of the torn commit. Behind a damaged frame it drops what was durable. Must not import any
other package of ours.
"""

import struct
from contextlib import closing
from pathlib import Path

from wire import sqlite
from wire.database import DatabaseUnavailable, DatabaseWrongKey, open_with

_HEADER, _FRAME_HEADER = 32, 24  # bytes
_MAGIC = (0x377F0682, 0x377F0683)
_PAGE_SIZES = {1 << power for power in range(9, 17)}


def lost_commits(path: Path, secret: str | None) -> int:
    """Commits in the log of a database that SQLite does not take for valid, without the one a power cut may tear.

    Reads only; call it before anybody opens the database, as that begins the log anew. Raises OSError.
    """
    log = path.with_name(path.name + "-wal")
    commits = _commits(log)
    if not commits:
        return 0
    whole_header = _magic(log) in _MAGIC
    try:
        with closing(open_with(path, secret, read_only=True)) as connection:
            _, valid, _ = connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
    except (sqlite.Error, DatabaseUnavailable, DatabaseWrongKey):
        return 0  # it is damaged itself, and told as that
    behind = [frame for frame in commits if frame > valid]
    # One commit at the very end is what was under way when the power went.
    return len(behind) - 1 if whole_header and behind else len(behind)


def _commits(log: Path) -> list[int]:
    """The numbers (from 1) of the frames of this generation of the log that end a transaction."""
    try:
        with log.open("rb") as file:
            header = file.read(_HEADER)
            if len(header) < _HEADER:
                return []
            (page_size,) = struct.unpack(">I", header[8:12])
            salts = header[16:24]
            if struct.unpack(">I", header[:4])[0] not in _MAGIC or page_size not in _PAGE_SIZES:
                page_size, salts = 4096, b""
            found, number = [], 0
            while len(frame := file.read(_FRAME_HEADER)) == _FRAME_HEADER:
                number += 1
                salts = salts or frame[8:16]
                if frame[8:16] == salts and struct.unpack(">I", frame[4:8])[0]:
                    found.append(number)
                file.seek(page_size, 1)
            return found
    except FileNotFoundError:
        return []


def _magic(log: Path) -> int:
    with log.open("rb") as file:
        (magic,) = struct.unpack(">I", file.read(4))
    return int(magic)
