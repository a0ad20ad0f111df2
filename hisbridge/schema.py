"""The outbox table `deliveries`, as migrations. Kiosk and bridge share its database; its columns are known here only.

Must not import reader, kiosk or ui; sqlite-utils only while migrating (it is handed in).
"""

from typing import TYPE_CHECKING

from wire.database import Migration

if TYPE_CHECKING:
    import sqlite_utils


def _deliveries(database: "sqlite_utils.Database") -> None:
    table = database.table("deliveries")
    table.create(
        {
            "id": int,  # grows with time: the order in which a person's records are delivered
            "record_id": str,  # the visit's id
            "destination": str,
            "idempotency_key": str,
            "person_key": str,
            "state": str,
            "attempts": int,
            "render_failures": int,
            "next_attempt_at": float,  # seconds since the epoch
            "created_at": str,
            "finished_at": str,
            "last_error": str,
            "receipt": str,
            "payload": str,  # last, so that reading the rest never walks over it
        },
        pk="id",
        not_null={
            "record_id",
            "destination",
            "idempotency_key",
            "person_key",
            "payload",
            "state",
            "attempts",
            "render_failures",
            "next_attempt_at",
            "created_at",
        },
        strict=True,
    )
    # One delivery per visit and destination, whatever the kiosk does twice.
    table.create_index(["destination", "record_id"], unique=True)
    # The claim: what is queued for a destination in order, and whether an earlier record of the same person waits.
    table.create_index(["destination", "state", "id"])
    table.create_index(["destination", "person_key", "id"])


MIGRATIONS: tuple[Migration, ...] = (Migration("bridge-0001-deliveries", _deliveries),)
