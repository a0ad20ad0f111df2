"""The audit's head, kept beside the database and sealed: it tells what the audit itself cannot, that its newest rows
were cut off or an older database was put back.

Must not import any other package of ours.
"""

import hmac
from datetime import datetime
from pathlib import Path

from wire import chain, sqlite
from wire.chain import Head
from wire.codec import Record, from_json, to_json
from wire.durable import write_durably
from wire.errors import MalformedMessage, TiepDonError

MAX_BYTES = 1024


class AuditHeadMissing(TiepDonError):
    """The head of the audit that is kept beside the database is gone or is not ours."""

    code = "audit.head_missing"


class _Kept(Record, frozen=True, kw_only=True):
    seq: int
    mac: str
    at: str
    seal: str


class Witness:
    """The head, kept in a file beside the database and sealed: whoever cuts off the audit has to know the key too."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def keep(self, connection: sqlite.Connection, now: datetime) -> Head:
        """Keep the head as it stands; that none was kept before is written down, as somebody may have removed it.

        Raises AuditCut (the one kept before is not in this audit), OSError.
        """
        kept = self._read(connection)
        if kept is not None:
            chain.holds(connection, kept)
        elif chain.head_of(connection).seq:
            chain.note(connection, "audit.head_begun", "system", "", now, {"found": str(chain.head_of(connection))})
        head = chain.head_of(connection)
        self._write(connection, head, now)
        return head

    def check(self, connection: sqlite.Connection) -> Head:
        """The head that was kept; the audit goes through it. Raises AuditHeadMissing, AuditCut."""
        kept = self._read(connection)
        if kept is None:
            raise AuditHeadMissing
        chain.holds(connection, kept)
        return kept

    def accept(self, connection: sqlite.Connection, now: datetime, who: str, why: str) -> Head:
        """Begin anew from what there is, after a restore or a repair that somebody answers for: it is written down
        which head was expected. Raises OSError."""
        kept = self._read(connection)
        lost = {"expected": str(kept) if kept is not None else "", "found": str(chain.head_of(connection)), "why": why}
        chain.note(connection, "audit.accepted", who, "", now, lost)
        head = chain.head_of(connection)
        self._write(connection, head, now)
        return head

    def _read(self, connection: sqlite.Connection) -> Head | None:
        try:
            with self._file.open("rb") as file:
                kept = from_json(file.read(MAX_BYTES), _Kept)
            right = _seal(connection, kept.seq, kept.mac, kept.at)
        except (OSError, MalformedMessage):
            return None
        whole = hmac.compare_digest(right.encode(), kept.seal.encode("utf-8", "replace"))
        return Head(seq=kept.seq, mac=kept.mac) if whole else None

    def _write(self, connection: sqlite.Connection, head: Head, now: datetime) -> None:
        at = chain.moment(now)
        kept = _Kept(seq=head.seq, mac=head.mac, at=at, seal=_seal(connection, head.seq, head.mac, at))
        write_durably(self._file, to_json(kept))


def _seal(connection: sqlite.Connection, seq: int, mac: str, at: str) -> str:
    return chain.seal_of(connection, b"head", (seq, mac, at)).hex()
