"""The kiosk's tables, as migrations: visits, tickets, the counters that numbers come from, what staff corrected,
how the queue moved, who called for help.

Must not import Flask, a device library or a connector; sqlite-utils only while migrating (it is handed in).
"""

from typing import TYPE_CHECKING

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


def _machines(database: "sqlite_utils.Database") -> None:
    # Boards, kiosks and other systems; an ended one stays, so that the audit can be understood.
    machines = database.table("machines")
    machines.create(
        {
            "id": int,
            "name": str,
            "scopes": str,  # `kiosk.machines.Scope`, with spaces between
            "page": str,  # where its browser goes on; empty for a program
            "token_hash": str,  # SHA-256, hex
            "created_at": int,  # seconds since the epoch
            "created_by": str,  # the account
            "last_seen": int,
            "ended_at": int,
            "ended_by": str,
        },
        pk="id",
        not_null={"name", "scopes", "page", "token_hash", "created_at", "created_by"},
        strict=True,
    )
    machines.create_index(["token_hash"], unique=True)
    database.execute("CREATE UNIQUE INDEX idx_machines_name ON machines (name) WHERE ended_at IS NULL")
    codes = database.table("machine_codes")
    codes.create(
        {"id": int, "code_hash": str, "name": str, "scopes": str, "page": str, "expires_at": int, "made_by": str},
        pk="id",
        not_null={"code_hash", "name", "scopes", "page", "expires_at", "made_by"},
        strict=True,
    )
    codes.create_index(["code_hash"], unique=True)
    # What was done to a machine, by whom. Rows are only ever added.
    database.table("machine_acts").create(
        {"id": int, "at": int, "machine": str, "act": str, "by": str, "scopes": str},
        pk="id",
        not_null={"at", "machine", "act", "by", "scopes"},
        strict=True,
    )
    # Who an account is at the identity provider (`kiosk.subjects`).
    database.execute(
        "CREATE TABLE account_subjects (account TEXT PRIMARY KEY REFERENCES accounts (name) ON DELETE CASCADE,"
        " issuer TEXT NOT NULL, subject TEXT NOT NULL) STRICT"
    )


def _accounts(database: "sqlite_utils.Database") -> None:
    # The staff: one account per person, who is signed in, what was tried (`kiosk.accounts`, `sessions`, `sign_in`).
    database.table("accounts").create(
        {
            "name": str,
            "full_name": str,
            "role": str,  # `kiosk.accounts.Role`
            "officer_id": str,
            "enabled": int,
            "secret": str,  # argon2id; null: none was chosen
            "code": str,  # SHA-256 of the one-time code with which one is chosen
            "code_until": int,  # seconds since the epoch
        },
        pk="name",
        not_null={"name", "full_name", "role", "officer_id", "enabled"},
        strict=True,
    )
    sessions = database.table("sessions")
    sessions.create(
        {
            "session": str,  # SHA-256 of the token
            "account": str,
            "acted_at": float,  # seconds since the epoch
            "ends_at": float,
            "locked": int,
            "wrong": int,  # PINs at the lock screen
            "place": str,  # the counter its holder sits at
        },
        pk="session",
        foreign_keys=[("account", "accounts", "name")],
        not_null={"session", "account", "acted_at", "ends_at", "locked", "wrong", "place"},
        defaults={"locked": 0, "wrong": 0, "place": ""},
        strict=True,
    )
    sessions.create_index(["account"])
    database.table("sign_in_tries").create(
        {"whom": str, "failures": int, "until": float, "last": float},
        pk="whom",
        not_null={"whom", "failures", "until", "last"},
        strict=True,
    )
    # Who did what to an account. Rows are only ever added.
    acts = database.table("account_acts")
    acts.create(
        {"id": int, "at": int, "account": str, "act": str, "by": str},
        pk="id",
        not_null={"at", "account", "act", "by"},
        strict=True,
    )
    acts.create_index(["account", "act"])


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


def _readings(database: "sqlite_utils.Database") -> None:
    # On which page a visit was seen, and how often the same account saw it just now (`kiosk.visit_views`).
    database.execute("ALTER TABLE visit_views ADD COLUMN page TEXT NOT NULL DEFAULT 'api'")
    database.execute("CREATE INDEX idx_visit_views_visit ON visit_views (visit_id, by, at)")
    database.execute("CREATE INDEX idx_visit_views_by ON visit_views (by)")
    # From where somebody signed in, so that they know their own sessions.
    database.execute("ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT ''")


def _letter_keys(database: "sqlite_utils.Database") -> None:
    # Whether single letters and digits are keys at the counter for this person (WCAG 2.2, 2.1.4).
    database.execute("ALTER TABLE accounts ADD COLUMN letter_keys INTEGER NOT NULL DEFAULT 1")


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
    Migration("kiosk-0010-accounts", _accounts),
    Migration("kiosk-0011-machines", _machines),
    Migration("kiosk-0012-counter-desk", _counter_desk),
    Migration("kiosk-0013-arrivals", _arrivals),
    Migration("kiosk-0014-guardians", _guardians),
    Migration("kiosk-0015-readings", _readings),
    Migration("kiosk-0016-letter-keys", _letter_keys),
    *CARE_MIGRATIONS,
)
