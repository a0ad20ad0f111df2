"""The bridge's audit: who looked at a person's message, who did what to deliveries. Rows are never changed, but that
the count of an act that goes on grows.

Holds no personal data but the name of who acted: a person is named by key. Knows no connector and no network.
"""

from datetime import datetime

from hisbridge.outbox import moment
from wire import chain, sqlite
from wire.codec import Record, to_json

MAX_NAME = 200  # characters of a name or a reason

_NOTE = """
INSERT INTO bridge_audit (at, who, act, delivery_id, destination, selection, changed) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_PERSON = """
SELECT ifnull(payload ->> '$.patient.personal_id', payload ->> '$.patient.local_id') AS person, record_id
FROM deliveries WHERE id = ?
"""
_LIST = "SELECT * FROM bridge_audit WHERE ? IS NULL OR at >= ? ORDER BY seq DESC LIMIT ?"


class Entry(Record, frozen=True, kw_only=True):
    """One row: `at` is UTC, RFC 3339; `selection` is JSON; `changed` is how many deliveries an act changed."""

    seq: int
    at: str
    who: str
    act: str
    delivery_id: int | None = None
    destination: str | None = None
    selection: str | None = None
    changed: int | None = None


def note(
    connection: sqlite.Connection,
    who: str,
    act: str,
    now: datetime,
    *,
    delivery_id: int | None = None,
    destination: str | None = None,
    selection: object = None,
    changed: int | None = None,
) -> int:
    """Write one row, inside the caller's transaction or as one of its own. Returns its number."""
    meant = None if selection is None else to_json(selection).decode()
    name = who[:MAX_NAME].encode("utf-8", "replace").decode()
    row = connection.execute(_NOTE, (moment(now), name, act, delivery_id, destination, meant, changed))
    told = {"delivery": delivery_id, "destination": destination, "changed": changed}
    about = "" if delivery_id is None else _about(connection, delivery_id)
    chain.note(connection, f"delivery.{act}", name, about, now, told, place="bridge")
    return int(row.lastrowid or 0)


def count_up(connection: sqlite.Connection, seq: int, more: int) -> None:
    """The act of this row changed so many more."""
    connection.execute("UPDATE bridge_audit SET changed = changed + ? WHERE seq = ?", (more, seq))


def entries(connection: sqlite.Connection, limit: int = 100, since: datetime | None = None) -> list[Entry]:
    """The latest rows, newest first; with `since` none before it."""
    least = None if since is None else moment(since)
    return [Entry(**dict(row)) for row in connection.execute(_LIST, (least, least, max(0, limit)))]


def _about(connection: sqlite.Connection, delivery_id: int) -> str:
    """The reference of a delivery's person, as the kiosk names them too."""
    try:
        row = connection.execute(_PERSON, (delivery_id,)).fetchone()
    except sqlite.OperationalError:  # a damaged payload: who looked at it is noted all the same
        row = connection.execute(
            "SELECT NULL AS person, record_id FROM deliveries WHERE id = ?", (delivery_id,)
        ).fetchone()
    return "" if row is None else chain.reference(connection, row["person"] or row["record_id"])
