"""The tables of what keeps a site honest for years, as migrations: the audit's chain, consents that outlive their
visit, what persons asked for, who was erased.

Apart from `kiosk.schema`, whose tables serve the check-in itself. Must not import Flask, a device library or a
connector; sqlite-utils only while migrating (it is handed in).
"""

import secrets
from typing import TYPE_CHECKING

from wire import chain
from wire.database import Migration

if TYPE_CHECKING:
    import sqlite_utils


def _audit(database: "sqlite_utils.Database") -> None:
    chain.create(database.conn.execute, secrets.token_bytes)


def _rights(database: "sqlite_utils.Database") -> None:
    # A consent outlives its visit as a proof (`kiosk.legal_basis`): it names the person by a reference and the text by
    # its hash. An older row has neither; it counts for as long as its visit is there. Rows are only ever added, by a
    # program of before this too: what it does not know has a default (`Migration.additive`).
    database.execute("ALTER TABLE consents RENAME TO consents_before")
    database.execute(
        "CREATE TABLE consents (id INTEGER PRIMARY KEY, act TEXT NOT NULL DEFAULT 'given', purpose TEXT NOT NULL"
        " DEFAULT 'check_in', basis TEXT NOT NULL DEFAULT 'consent', person TEXT NOT NULL DEFAULT '', ticket_id TEXT,"
        " visit_id TEXT, version TEXT NOT NULL, text_hash TEXT NOT NULL DEFAULT '', language TEXT NOT NULL,"
        " channel TEXT NOT NULL DEFAULT 'kiosk', given_at TEXT NOT NULL,"
        " by TEXT NOT NULL DEFAULT '') STRICT"
    )
    database.execute(
        "INSERT INTO consents (id, purpose, basis, person, ticket_id, visit_id, version, text_hash, language, channel,"
        " given_at) SELECT id, 'check_in', 'consent', '', ticket_id, visit_id, version, '', language, 'kiosk', given_at"
        " FROM consents_before"
    )
    database.execute("DROP TABLE consents_before")
    database.execute("CREATE INDEX idx_consents_ticket_id ON consents (ticket_id)")
    database.execute("CREATE INDEX idx_consents_person ON consents (person)")
    # On which legal basis each purpose stands, in which words, since when.
    database.execute(
        "CREATE TABLE legal_bases (id INTEGER PRIMARY KEY, purpose TEXT NOT NULL, basis TEXT NOT NULL,"
        " source TEXT NOT NULL, version TEXT NOT NULL, text_hash TEXT NOT NULL, since TEXT NOT NULL) STRICT"
    )
    # What persons asked for (`kiosk.requests`): the person by reference, dates as YYYY-MM-DD.
    database.execute(
        "CREATE TABLE person_requests (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, person TEXT NOT NULL,"
        " asked_by TEXT NOT NULL, channel TEXT NOT NULL, asked_at TEXT NOT NULL, answer_due TEXT NOT NULL,"
        " due TEXT NOT NULL, latest_due TEXT NOT NULL, taken_by TEXT NOT NULL, answered_at TEXT, done_at TEXT,"
        " done_by TEXT, outcome TEXT) STRICT"
    )
    database.execute("CREATE INDEX idx_person_requests_open ON person_requests (due) WHERE done_at IS NULL")
    database.execute("CREATE INDEX idx_person_requests_person ON person_requests (person)")
    # Who was erased, and up to which visit: a copy that is put back erases them again.
    database.execute("CREATE TABLE erased (person TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT")


def _statistics(database: "sqlite_utils.Database") -> None:
    # What happened how often, by nobody's name (`wire.tally`).
    database.execute(
        "CREATE TABLE tallies (day TEXT NOT NULL, hour INTEGER NOT NULL, kiosk TEXT NOT NULL, kind TEXT NOT NULL,"
        " name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (day, hour, kiosk, kind, name)) STRICT, WITHOUT ROWID"
    )
    # Which days were counted (`kiosk.statistics`), and of how many tickets and visits, so that a later look knows
    # whether more came since or only some were removed.
    database.execute(
        "CREATE TABLE statistics_days (day TEXT PRIMARY KEY, closed_at TEXT NOT NULL, tickets INTEGER NOT NULL,"
        " visits INTEGER NOT NULL) STRICT"
    )
    # The exact counts of months that still run; they go when the month is closed.
    database.execute(
        "CREATE TABLE statistics_exact (day TEXT NOT NULL, figure TEXT NOT NULL, name TEXT NOT NULL,"
        " count INTEGER NOT NULL, PRIMARY KEY (day, figure, name)) STRICT, WITHOUT ROWID"
    )
    # The counts as they are told, for good: null is hidden; the empty name is what the hidden ones are together.
    database.execute(
        "CREATE TABLE statistics_told (day TEXT NOT NULL, figure TEXT NOT NULL, name TEXT NOT NULL, count INTEGER,"
        " PRIMARY KEY (day, figure, name)) STRICT, WITHOUT ROWID"
    )
    # Of a month that is over: sums of a name's hidden counts.
    database.execute(
        "CREATE TABLE statistics_months (month TEXT NOT NULL, figure TEXT NOT NULL, name TEXT NOT NULL,"
        " count INTEGER NOT NULL, PRIMARY KEY (month, figure, name)) STRICT, WITHOUT ROWID"
    )
    # How many took how many minutes: JSON, minutes to count.
    database.execute(
        "CREATE TABLE statistics_times (day TEXT NOT NULL, side TEXT NOT NULL, name TEXT NOT NULL,"
        " measure TEXT NOT NULL, minutes TEXT NOT NULL, PRIMARY KEY (day, side, name, measure)) STRICT, WITHOUT ROWID"
    )
    # What became of the day's messages, by destination.
    database.execute(
        "CREATE TABLE statistics_deliveries (day TEXT NOT NULL, destination TEXT NOT NULL, outcome TEXT NOT NULL,"
        " count INTEGER NOT NULL, PRIMARY KEY (day, destination, outcome)) STRICT, WITHOUT ROWID"
    )


CARE_MIGRATIONS: tuple[Migration, ...] = (
    Migration("kiosk-0017-audit", _audit, "0.2.0", additive=True),
    Migration("kiosk-0018-rights", _rights, "0.2.0", additive=True),
    Migration("kiosk-0019-statistics", _statistics, "0.2.0", additive=True),
)
