"""The kiosk's tables, as migrations: visits, tickets, the counters that numbers come from, what staff corrected,
how the queue moved, who called for help. At the end stand all steps in order, those of `schema_staff` and `schema_care`
too.

Must not import Flask, a device library or a connector; sqlite-utils only while migrating (it is handed in).
"""

from typing import TYPE_CHECKING

from kiosk import schema_staff
from kiosk.schema_care import CARE_MIGRATIONS
from wire.database import Migration

if TYPE_CHECKING:
    import sqlite_utils


def _check_in(database: "sqlite_utils.Database") -> None:
    visits = database.table("visits")
    visits.create(
        {
            "id": str,
            "presentation": str,  # what the kiosk would name twice if it committed twice
            "created_at": str,
            "service_code": str,
            "source": str,
            "verdict": str,
            "record": str,  # the PatientRecord as handed over, JSON
        },
        pk="id",
        not_null={"id", "presentation", "created_at", "service_code", "source", "record"},
        strict=True,
    )
    visits.create_index(["presentation"], unique=True)

    tickets = database.table("tickets")
    tickets.create(
        {
            "id": str,
            "number": str,
            "prefix": str,
            "day": str,  # the site's date; never goes back, whatever the clock does
            "sequence": int,
            "service_code": str,
            "issued_at": str,
            "issued_seconds": int,  # the same moment since the epoch, for comparing
            "visit_id": str,
            "presentation": str,
            "needs_counter": int,
            "shown_at": str,
        },
        pk="id",
        foreign_keys=[("visit_id", "visits", "id")],
        not_null={
            "id",
            "number",
            "prefix",
            "day",
            "sequence",
            "service_code",
            "issued_at",
            "issued_seconds",
            "presentation",
            "needs_counter",
        },
        strict=True,
    )
    tickets.create_index(["presentation"], unique=True)
    tickets.create_index(["day", "prefix", "sequence"], unique=True)

    database.table("counters").create(
        {"name": str, "day": str, "next": int}, pk=("name", "day"), not_null={"name", "day", "next"}, strict=True
    )
    database.table("probes").create({"id": int, "at": str, "filler": bytes}, pk="id", strict=True)


def _counter_reason(database: "sqlite_utils.Database") -> None:
    # Why somebody came to the counter without identification (`kiosk.states.CounterReason`).
    database.table("tickets").add_column("reason", str)


def _late_answers(database: "sqlite_utils.Database") -> None:
    # Which of the bridge's late answers (`hisbridge.pending`, by `seq`) are in their visits.
    database.table("late_answers").create({"visit_id": str, "seq": int}, pk="seq", not_null={"visit_id"}, strict=True)


def _counter(database: "sqlite_utils.Database") -> None:
    # The day's tickets as the counter lists them: those that need it first, in order of arrival.
    database.execute(
        "CREATE INDEX idx_tickets_at_the_counter ON tickets (day, needs_counter DESC, issued_seconds, sequence)"
    )
    # Without it every answer that came late looked through all tickets there ever were.
    database.execute("CREATE INDEX idx_tickets_visit_id ON tickets (visit_id)")
    # What staff changed in a visit, who, and what stood there before. Rows are only ever added.
    corrections = database.table("corrections")
    corrections.create(
        {
            "id": int,
            "visit_id": str,
            "at": str,
            "field": str,  # which part of the PatientRecord
            "reason": str,  # `kiosk.counter.Grounds`
            "officer_name": str,
            "officer_id": str,
            "before": str,  # JSON; null: nothing stood there
            "after": str,
        },
        pk="id",
        foreign_keys=[("visit_id", "visits", "id")],
        not_null={"visit_id", "at", "field", "reason", "after"},
        strict=True,
    )
    corrections.create_index(["visit_id"])


def _hospital_answers(database: "sqlite_utils.Database") -> None:
    # What receivers told of a visit (`hisbridge.outbox_desk.answers`), all in all; `seq` is the last one's number.
    answers = database.table("visit_answers")
    answers.create(
        {"visit_id": str, "destination": str, "seq": int, "answered_at": str, "answer": str},
        pk=("visit_id", "destination"),
        not_null={"visit_id", "destination", "seq", "answered_at", "answer"},
        strict=True,
    )
    answers.create_index(["seq"])


def _queue(database: "sqlite_utils.Database") -> None:
    # Where a ticket stands (`kiosk.queue.model.Place`). Older tickets stand where they came in; their day is over.
    database.execute("ALTER TABLE tickets ADD COLUMN standing TEXT NOT NULL DEFAULT 'waiting'")
    database.execute("ALTER TABLE tickets ADD COLUMN queue TEXT NOT NULL DEFAULT ''")
    database.execute("ALTER TABLE tickets ADD COLUMN sort_at INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE tickets ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE tickets ADD COLUMN priority TEXT NOT NULL DEFAULT ''")
    database.execute("ALTER TABLE tickets ADD COLUMN priority_by TEXT")
    database.execute("ALTER TABLE tickets ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE tickets ADD COLUMN counter TEXT")
    database.execute("ALTER TABLE tickets ADD COLUMN wanted TEXT")
    database.execute("ALTER TABLE tickets ADD COLUMN calls INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE tickets ADD COLUMN missed INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE tickets ADD COLUMN since INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE tickets ADD COLUMN onward TEXT NOT NULL DEFAULT ''")
    database.execute("UPDATE tickets SET queue = service_code, sort_at = issued_seconds, since = issued_seconds")
    # Whoever waits, in the order in which they are called, found in the index alone.
    database.execute(
        "CREATE INDEX idx_tickets_waiting ON tickets (day, queue, urgent DESC, sort_at, sequence, wanted)"
        " WHERE standing = 'waiting'"
    )
    database.execute(
        "CREATE INDEX idx_tickets_at_counters ON tickets (day, counter, standing) WHERE counter IS NOT NULL"
    )
    # Everything that was done to a ticket. Rows are only ever added; an undone one is marked.
    moves = database.table("moves")
    moves.create(
        {
            "id": int,
            "act": str,  # its name: what is sent twice is done once
            "day": str,
            "at": int,  # seconds since the epoch
            "kind": str,  # `kiosk.queue.model.MoveKind`
            "ticket_id": str,
            "queue": str,  # in which it stood
            "counter": str,  # that acted; empty where no counter did
            "by": str,  # the account of whoever did it
            "reason": str,
            "before": str,  # the Place it had, JSON
            "since": int,  # since when it had it, seconds since the epoch
            "undone": int,
        },
        pk="id",
        foreign_keys=[("ticket_id", "tickets", "id")],
        not_null={"act", "day", "at", "kind", "ticket_id", "queue", "counter", "by", "before", "since", "undone"},
        defaults={"undone": 0},
        strict=True,
    )
    moves.create_index(["act"])
    moves.create_index(["ticket_id"])
    moves.create_index(["day", "counter"])
    database.execute("CREATE INDEX idx_moves_calls ON moves (day, queue) WHERE kind = 'call'")


def _consents(database: "sqlite_utils.Database") -> None:
    # A consent somebody gave: to which text, in which language, when. Rows are only ever added.
    consents = database.table("consents")
    consents.create(
        {"id": int, "ticket_id": str, "visit_id": str, "version": str, "language": str, "given_at": str},
        pk="id",
        foreign_keys=[("ticket_id", "tickets", "id")],
        not_null={"ticket_id", "version", "language", "given_at"},
        strict=True,
    )
    consents.create_index(["ticket_id"])


def _help_calls(database: "sqlite_utils.Database") -> None:
    # Help pressed at a touchscreen, and who of the staff said that they are coming.
    calls = database.table("help_calls")
    calls.create(
        {
            "id": int,
            "kiosk_id": str,
            "screen": str,  # on which it was pressed
            "at": int,  # seconds since the epoch
            "answered_at": int,
            "answered_by": str,  # the account
        },
        pk="id",
        not_null={"kiosk_id", "screen", "at"},
        strict=True,
    )
    database.execute("CREATE INDEX idx_help_calls_open ON help_calls (at) WHERE answered_at IS NULL")


def _counter_desk(database: "sqlite_utils.Database") -> None:
    # By which words the day's people are found (`kiosk.sought`); they go with their visit.
    database.execute(
        "CREATE TABLE sought (day TEXT NOT NULL, word TEXT NOT NULL,"
        " visit_id TEXT NOT NULL REFERENCES visits (id) ON DELETE CASCADE,"
        " PRIMARY KEY (day, word, visit_id)) STRICT, WITHOUT ROWID"
    )
    database.execute("CREATE INDEX idx_sought_visit ON sought (visit_id, day, word)")
    database.execute("CREATE INDEX idx_tickets_number ON tickets (day, number)")
    # Who waits longest in each queue, and whose number was given up.
    database.execute(
        "CREATE INDEX idx_tickets_longest ON tickets (day, queue, since, wanted) WHERE standing = 'waiting'"
    )
    database.execute("CREATE INDEX idx_tickets_missed ON tickets (day, queue, since) WHERE standing = 'missed'")
    # Who came with somebody that cannot speak for themselves: kept for the counter, told to nobody.
    database.execute(
        "CREATE TABLE guardians (visit_id TEXT PRIMARY KEY REFERENCES visits (id) ON DELETE CASCADE,"
        " full_name TEXT NOT NULL, relation TEXT NOT NULL, personal_id TEXT, phone TEXT) STRICT"
    )
    # The account of whoever corrected; older rows hold the portal's officer alone.
    database.execute("ALTER TABLE corrections ADD COLUMN account TEXT")


def _arrivals(database: "sqlite_utils.Database") -> None:
    # Tickets of other kiosks of the hall (`kiosk.arrivals`): under which name each told them, and the last revision.
    database.execute(
        "CREATE TABLE arrivals (machine TEXT NOT NULL, origin TEXT NOT NULL,"
        " ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE, visit_id TEXT, revision INTEGER NOT NULL,"
        " taken_at TEXT NOT NULL, PRIMARY KEY (machine, origin)) STRICT"
    )
    database.execute("CREATE INDEX idx_arrivals_ticket_id ON arrivals (ticket_id)")
    # Who was told a whole visit by the API, and when. Rows are only ever added.
    database.execute(
        "CREATE TABLE visit_views (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, by TEXT NOT NULL,"
        " visit_id TEXT NOT NULL) STRICT"
    )


def _paper(database: "sqlite_utils.Database") -> None:
    # What became of a ticket's paper (`kiosk.reprints`), and which further copies the staff asked for.
    database.execute("ALTER TABLE tickets ADD COLUMN printed_at TEXT")
    database.execute("ALTER TABLE tickets ADD COLUMN paper_code TEXT")
    database.execute("ALTER TABLE tickets ADD COLUMN paper_language TEXT")
    reprints = database.table("reprints")
    reprints.create(
        {
            "id": int,
            "ticket_id": str,
            "asked_by": str,  # the account
            "asked_at": int,  # seconds since the epoch
            "done_at": int,
            "code": str,  # of why it did not come out; null: it did
        },
        pk="id",
        foreign_keys=[("ticket_id", "tickets", "id")],
        not_null={"ticket_id", "asked_by", "asked_at"},
        strict=True,
    )
    reprints.create_index(["ticket_id"])
    database.execute("CREATE INDEX idx_reprints_open ON reprints (asked_at) WHERE done_at IS NULL")


def _guardians(database: "sqlite_utils.Database") -> None:
    # A guardian goes out with the record and stands in it; who came without a number is known by their visit.
    database.execute(
        "UPDATE visits SET record = json_set(record, '$.guardian', (SELECT json_object('full_name', full_name,"
        " 'relation', relation, 'personal_id', personal_id, 'phone', phone) FROM guardians WHERE visit_id = visits.id))"
        " WHERE id IN (SELECT visit_id FROM guardians)"
    )
    database.execute(
        "UPDATE visits SET record = json_set(record, '$.patient.personal_id', NULL, '$.patient.local_id', id)"
        " WHERE record ->> '$.patient.personal_id' = ''"
    )
    database.execute("DROP TABLE guardians")


MIGRATIONS: tuple[Migration, ...] = (
    Migration("kiosk-0001-check-in", _check_in),
    Migration("kiosk-0002-counter-reason", _counter_reason),
    Migration("kiosk-0003-late-answers", _late_answers),
    Migration("kiosk-0004-counter", _counter),
    Migration("kiosk-0005-hospital-answers", _hospital_answers),
    Migration("kiosk-0006-queue", _queue),
    Migration("kiosk-0007-consents", _consents),
    Migration("kiosk-0008-help-calls", _help_calls),
    Migration("kiosk-0009-paper", _paper),
    Migration("kiosk-0010-accounts", schema_staff.accounts),
    Migration("kiosk-0011-machines", schema_staff.machines),
    Migration("kiosk-0012-counter-desk", _counter_desk),
    Migration("kiosk-0013-arrivals", _arrivals),
    Migration("kiosk-0014-guardians", _guardians),
    Migration("kiosk-0015-readings", schema_staff.readings),
    Migration("kiosk-0016-letter-keys", schema_staff.letter_keys),
    *CARE_MIGRATIONS,
)
