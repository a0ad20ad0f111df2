"""A visit removed, with all that is kept of it in every table: one place that knows them all.

On the caller's connection and inside the caller's transaction. Must not import Flask, a device library or a connector.
"""

from collections import Counter
from collections.abc import Sequence

from wire import sqlite

BATCH = 200  # visits in one transaction

# With a visit, those that refer to it first.
_OF_VISIT = (
    ("corrections", "DELETE FROM corrections WHERE visit_id IN ({})"),
    ("sought", "DELETE FROM sought WHERE visit_id IN ({})"),
    ("visit_answers", "DELETE FROM visit_answers WHERE visit_id IN ({})"),
    ("open_questions", "DELETE FROM open_questions WHERE visit_id IN ({})"),
    ("hospital_answers", "DELETE FROM hospital_answers WHERE visit_id IN ({})"),
    (
        "deliveries",
        "DELETE FROM deliveries WHERE destination IN (SELECT DISTINCT destination FROM deliveries)"
        " AND record_id IN ({})",
    ),
    (None, "UPDATE arrivals SET visit_id = NULL WHERE visit_id IN ({})"),
    (None, "UPDATE tickets SET visit_id = NULL WHERE visit_id IN ({})"),
    ("visits", "DELETE FROM visits WHERE id IN ({})"),
)
# The last number stays: whoever follows the numbers asks for those above it.
LATE = (
    "DELETE FROM late_answers WHERE visit_id NOT IN (SELECT id FROM visits)"
    " AND seq < (SELECT max(seq) FROM late_answers)"
)


def remove_visits(connection: sqlite.Connection, visits: Sequence[str]) -> Counter[str]:
    """Remove these visits, and all that is kept with them; returns rows by table. Inside the caller's transaction; at
    most BATCH."""
    places, gone = ", ".join("?" * len(visits)), Counter[str]()
    for table, statement in _OF_VISIT:
        rows = connection.execute(statement.format(places), tuple(visits)).rowcount
        if table is not None:
            gone[table] += rows
    gone["late_answers"] += connection.execute(LATE).rowcount
    return +gone
