"""Later records of a visit: what is owed when a visit that receivers were told of is known better, or taken back.

Always a further row behind the earlier ones, never a change of one that waits. An arrival that has not left yet stays
what it is: it opens the visit at the receiver, its bytes and key are the same on every resend, and the courier may have
it in its hands. There is no flood, for a visit changes by one late insurance answer and by hand only, and by nothing
that leaves the record as it was. The outbox keeps a person's records in order (hisbridge/outbox.py).
"""

from collections.abc import Sequence
from datetime import datetime

from hisbridge.outbox import enqueue
from hisbridge.records import PatientRecord
from wire import sqlite

_TOLD = "SELECT 1 FROM deliveries WHERE destination = ? AND record_id = ? LIMIT 1"


def enqueue_later(
    connection: sqlite.Connection, record: PatientRecord, destinations: Sequence[str], now: datetime
) -> None:
    """Owe a later record to those of `destinations` that were owed the visit's earlier ones.

    One that was added since never heard of the visit and is not told of its change. Inserts only: the caller begins
    and commits the transaction. Raises sqlite.IntegrityError as `enqueue`.
    """
    visit = record.visit.visit_id
    told = [name for name in destinations if connection.execute(_TOLD, (name, visit)).fetchone() is not None]
    enqueue(connection, record, told, now)
