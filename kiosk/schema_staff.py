"""The tables of whoever comes in by the desk, as migrations: the staff's accounts and sessions, machines that hold a
token, and who looked at which visit.

Apart from `kiosk.schema`, whose tables serve the check-in itself and which names every step in order. Must not import
Flask, a device library or a connector; sqlite-utils only while migrating (it is handed in).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite_utils


def accounts(database: "sqlite_utils.Database") -> None:
    """The staff: one account per person, who is signed in, what was tried (`kiosk.accounts`, `sessions`, `sign_in`)."""
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


def machines(database: "sqlite_utils.Database") -> None:
    """Boards, kiosks and other systems; an ended one stays, so that the audit can be understood (`kiosk.machines`)."""
    known = database.table("machines")
    known.create(
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
    known.create_index(["token_hash"], unique=True)
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


def readings(database: "sqlite_utils.Database") -> None:
    """On which page a visit was seen (`kiosk.visit_views`), and from where somebody signed in."""
    # How often the same account saw it just now.
    database.execute("ALTER TABLE visit_views ADD COLUMN page TEXT NOT NULL DEFAULT 'api'")
    database.execute("CREATE INDEX idx_visit_views_visit ON visit_views (visit_id, by, at)")
    database.execute("CREATE INDEX idx_visit_views_by ON visit_views (by)")
    # So that they know their own sessions.
    database.execute("ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT ''")


def letter_keys(database: "sqlite_utils.Database") -> None:
    """Whether single letters and digits are keys at the counter for this person (WCAG 2.2, 2.1.4)."""
    database.execute("ALTER TABLE accounts ADD COLUMN letter_keys INTEGER NOT NULL DEFAULT 1")
