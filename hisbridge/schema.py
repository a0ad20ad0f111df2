"""The bridge's tables, as migrations: what is owed, the day's insurance answers, the questions left open.

Kiosk and bridge share the database; these columns are known to the bridge only.

Must not import reader, kiosk or ui; sqlite-utils only while migrating (it is handed in).
"""

import secrets
from typing import TYPE_CHECKING

from hisbridge.agent.schema import AGENT_MIGRATION
from wire import chain
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


def _coverage(database: "sqlite_utils.Database") -> None:
    answers = database.table("coverage_answers")
    answers.create(
        {
            "key": str,  # a keyed hash of all that was asked; says nothing without the key
            "day": str,  # the site's date on which it was asked
            "kept_at": str,
            "sealed": bytes,  # the answer, encrypted
        },
        pk="key",
        not_null={"key", "day", "kept_at", "sealed"},
        strict=True,
    )
    answers.create_index(["day"])

    questions = database.table("open_questions")
    questions.create(
        {
            "visit_id": str,
            "visit_day": str,  # the site's date of the visit: the question is given up when it is over
            "state": str,
            "reason": str,  # why the last attempt left it open
            "attempts": int,
            "next_attempt_at": float,  # seconds since the epoch
            "created_at": str,
            "answered_at": str,
            "seq": int,  # grows with every late answer, over all visits
            "coverage": str,
            "question": str,  # JSON; erased as soon as it is not open any more
        },
        pk="visit_id",
        not_null={"visit_id", "visit_day", "state", "attempts", "next_attempt_at", "created_at"},
        strict=True,
    )
    questions.create_index(["seq"], unique=True)  # any number of NULLs
    questions.create_index(["state", "visit_day"])
    # One row: the last `seq` that was given out, also where its row has been purged since.
    database.table("late_answer_numbers").create({"id": int, "last": int}, pk="id", not_null={"last"}, strict=True)


def _revisions(database: "sqlite_utils.Database") -> None:
    table = database.table("deliveries")
    table.add_column("revision", int, not_null_default=0)  # of the visit's record; 0 is the arrival
    table.add_column("event", str, not_null_default="arrived")
    table.add_column("suspicion", int, not_null_default=0)  # of having killed a process, hisbridge.outbox.Claimed
    table.add_column("known", str)  # the person's number at the receiver, once it was told
    table.add_column("answer", str)  # what the receiver told back, JSON
    database.execute("DROP INDEX idx_deliveries_destination_record_id")
    database.execute("DROP INDEX idx_deliveries_destination_state_id")
    table.create_index(["destination", "record_id", "revision"], unique=True)
    # The claim reads nothing else of the rows it passes over.
    table.create_index(["destination", "state", "id", "next_attempt_at", "person_key"])
    table.create_index(["created_at"])

    answers = database.table("hospital_answers")
    answers.create(
        {"seq": int, "visit_id": str, "destination": str, "answered_at": str, "answer": str},
        pk="seq",
        not_null={"visit_id", "destination", "answered_at", "answer"},
        strict=True,
    )
    switches = database.table("destination_switches")
    switches.create({"destination": str, "paused_at": str, "why": str}, pk="destination", strict=True)


def _desk(database: "sqlite_utils.Database") -> None:
    table = database.table("deliveries")
    table.add_column("receiver_tries", int, not_null_default=0)  # hisbridge.outbox.Claimed
    # Who waits behind whom is told by the index alone.
    database.execute("DROP INDEX idx_deliveries_destination_person_key_id")
    table.create_index(["destination", "person_key", "id", "state"])
    database.table("bridge_audit").create(
        {
            "seq": int,
            "at": str,
            "who": str,
            "act": str,
            "delivery_id": int,  # where it was one
            "destination": str,
            "selection": str,  # JSON; which deliveries were meant, the person by key
            "changed": int,  # how many the act changed
        },
        pk="seq",
        not_null={"at", "who", "act"},
        strict=True,
    )


def _open_work(database: "sqlite_utils.Database") -> None:
    # What somebody still has to complete of an acknowledged record, hisbridge.connectors.contract.Receipt.
    database.table("deliveries").add_column("open_work", str)
    database.execute(
        "CREATE INDEX idx_deliveries_open_work ON deliveries (state, id, destination) WHERE open_work IS NOT NULL"
    )


def _claim(database: "sqlite_utils.Database") -> None:
    # Whether a record of the person waits ahead is one step, however many of the person's were acknowledged before.
    database.execute("DROP INDEX idx_deliveries_destination_person_key_id_state")
    database.table("deliveries").create_index(["destination", "person_key", "state", "id"])


def _doubts(database: "sqlite_utils.Database") -> None:
    table = database.table("deliveries")
    # hisbridge.outbox.Claimed; `known` is empty where the receiver was asked and told no number.
    table.add_column("doubtful", int, not_null_default=0)
    table.add_column("known_visit", str)
    # Of what an older version tried nobody knows it any more.
    database.execute("UPDATE deliveries SET doubtful = 1 WHERE attempts > 0 AND state IN ('queued', 'held', 'dead')")
    # AUTOINCREMENT: a number is never given out twice, so that whoever has seen answer N misses none after rows are
    # deleted (SQLite, autoinc.html).
    database.execute("ALTER TABLE hospital_answers RENAME TO answers_before")
    database.execute(
        "CREATE TABLE hospital_answers (seq INTEGER PRIMARY KEY AUTOINCREMENT, visit_id TEXT NOT NULL, "
        "destination TEXT NOT NULL, answered_at TEXT NOT NULL, answer TEXT NOT NULL) STRICT"
    )
    database.execute(
        "INSERT INTO hospital_answers SELECT seq, visit_id, destination, answered_at, answer FROM answers_before"
    )
    database.execute("DROP TABLE answers_before")


def _audit(database: "sqlite_utils.Database") -> None:
    chain.create(database.conn.execute, secrets.token_bytes)


MIGRATIONS: tuple[Migration, ...] = (
    Migration("bridge-0001-deliveries", _deliveries),
    Migration("bridge-0002-coverage", _coverage),
    Migration("bridge-0003-revisions", _revisions),
    Migration("bridge-0004-desk", _desk),
    AGENT_MIGRATION,
    Migration("bridge-0006-open-work", _open_work),
    Migration("bridge-0007-doubts", _doubts),
    Migration("bridge-0008-claim", _claim),
    Migration("bridge-0009-audit", _audit, "0.2.0", additive=True),
)
