"""What the bridge's tables need after a database was restored or recovered: nothing is lost that can still be told, and
what may have been told already goes out as what it is, a repetition.

The idempotency key of a delivery follows from visit and destination, so a row made anew is the same delivery to its
receiver. Runs inside the caller's transaction. Must not import reader, kiosk or ui.
"""

from collections.abc import Sequence
from datetime import datetime

from hisbridge.outbox import enqueue
from hisbridge.records import PatientRecord
from wire import sqlite
from wire.codec import from_json, to_json
from wire.errors import MalformedMessage

# A receiver may have taken it after the copy was made: whoever can ask the receiver asks first (hisbridge.outbox).
_DOUBT = "UPDATE deliveries SET doubtful = 1 WHERE state IN ('queued', 'sending', 'held', 'dead')"
_UNOWED = """
SELECT visits.id, visits.record, destinations.value AS destination
FROM visits, json_each(:destinations) AS destinations
WHERE visits.created_at >= :since AND NOT EXISTS
  (SELECT 1 FROM deliveries WHERE record_id = visits.id AND destination = destinations.value)
"""
_DOUBT_ONE = "UPDATE deliveries SET doubtful = 1 WHERE record_id = ? AND destination = ?"
# Numbers that the kiosk has seen are above those it will be told (kiosk.changes).
_ANSWERS = """
INSERT INTO sqlite_sequence (name, seq) SELECT 'hospital_answers', ? WHERE NOT EXISTS
  (SELECT 1 FROM sqlite_sequence WHERE name = 'hospital_answers')
"""
_ANSWERS_ABOVE = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'hospital_answers'"
_LATE_ABOVE = """
INSERT INTO late_answer_numbers (id, last) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET last = max(last, excluded.last)
"""


def doubt_what_waits(connection: sqlite.Connection) -> int:
    """Every delivery that is not finished may have been carried out since; how many."""
    return connection.execute(_DOUBT).rowcount


def owe_again(connection: sqlite.Connection, destinations: Sequence[str], since: str, now: datetime) -> int:
    """Owe each visit from `since` (RFC 3339) on to every destination that has no delivery of it; how many were made.

    For when rows of the outbox were lost and the visits were not. A record that cannot be read is left out.
    """
    made = 0
    values = {"destinations": to_json(list(destinations)).decode(), "since": since}
    for visit_id, record, destination in connection.execute(_UNOWED, values).fetchall():
        try:
            enqueue(connection, from_json(record, PatientRecord), (destination,), now)
        except (MalformedMessage, sqlite.IntegrityError):
            continue
        connection.execute(_DOUBT_ONE, (visit_id, destination))
        made += 1
    return made


def answers_continue(connection: sqlite.Connection, told: int, late: int) -> None:
    """No number of an answer is given out again that the kiosk has seen: `told` of receivers, `late` of the insurer."""
    connection.execute(_ANSWERS, (told,))
    connection.execute(_ANSWERS_ABOVE, (told,))
    if late:
        connection.execute(_LATE_ABOVE, (late,))
