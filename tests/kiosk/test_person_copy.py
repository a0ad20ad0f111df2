"""A person's copy holds every value that any table keeps of them, and nothing of anybody else."""

import html
import json
from contextlib import closing
from datetime import timedelta

import pytest

from config.settings import Settings, database_path
from hisbridge.identity import person_key
from kiosk import persons
from kiosk.person_copy import Copy, export
from kiosk.retention_rules import RULES
from kiosk.store import Store
from tests.kiosk.people import LAN, MINH
from tests.kiosk.test_retention import came, settled
from tests.kiosk.world import HandClock
from ui.person_sheet import sheet
from wire import chain, sqlite
from wire.codec import from_json, to_json
from wire.database import open_database, transaction

# What the copy does not hold, and why.
LEFT_OUT = {
    ("deliveries", "person_key"): "made of the number alone, which stands in it",
    ("coverage_answers", "sealed"): "a cache that is sealed; the answer stands in the record",
}
DERIVED = {"late_answers", "coverage_answers"}  # say nothing that another table does not


def theirs(settings: Settings, store: Store, clock: HandClock) -> str:
    """One person in every table that may know them."""
    visit = came(settings, store, clock)
    settled(settings)
    with closing(open_database(database_path(settings))) as connection, transaction(connection):
        ((ticket,),) = connection.execute("SELECT id FROM tickets WHERE visit_id = ?", (visit,)).fetchall()
        made = {
            "corrections": "(visit_id, at, field, reason, before, after)"
            f" VALUES ('{visit}', '2026-11-21T08:00:00+07:00', 'phone', 'told', '\"1\"', '\"2\"')",
            "visit_answers": "(visit_id, destination, seq, answered_at, answer)"
            f" VALUES ('{visit}', 'his', 900, '2026-11-21T01:00:00Z', '{{}}')",
            "open_questions": "(visit_id, visit_day, state, attempts, next_attempt_at, created_at, question, coverage)"
            f" VALUES ('{visit}', '2026-11-21', 'open', 0, 0.0, '2026-11-21T01:00:00Z', '{{}}', '{{}}')"
            " ON CONFLICT DO UPDATE SET question = '{}', coverage = '{}'",
            "coverage_answers": "(key, day, kept_at, sealed) VALUES ('k', '2026-11-21', '2026-11-21', x'00')",
            "arrivals": "(machine, origin, ticket_id, visit_id, revision, taken_at)"
            f" VALUES ('kiosk-2', 'o', '{ticket}', '{visit}', 1, '2026-11-21T01:00:00Z')",
            "moves": "(act, day, at, kind, ticket_id, queue, counter, by, before, since)"
            f" VALUES ('a', '2026-11-21', 1, 'call', '{ticket}', 'KB', '1', 'hoa.le', '{{}}', 1)",
            "reprints": f"(ticket_id, asked_by, asked_at) VALUES ('{ticket}', 'hoa.le', 1)",
            "person_requests": "(kind, person, asked_by, channel, asked_at, answer_due, due, latest_due, taken_by)"
            f" VALUES ('copy', '{chain.reference(connection, LAN)}', 'self', 'counter', '2026-11-21T09:00:00+07:00',"
            " '2026-11-24', '2026-12-01', '2026-12-07', 'hoa.le')",
            "erased": f"(person, at) VALUES ('{chain.reference(connection, LAN)}', '2020-01-01T00:00:00+07:00')",
            "bridge_audit": "(at, who, act, selection)"
            f" VALUES ('2026-11-21T01:00:00Z', 'an.vo', 'resend', '{{\"person\":\"{person_key(LAN)}\"}}')",
        }
        for table, rest in made.items():
            connection.execute(f"INSERT INTO {table} {rest}")
    return visit


PERSONS = [(rule.table, column) for rule in RULES for column in rule.persons.split()]


@pytest.mark.parametrize(("table", "column"), PERSONS, ids=[f"{table}.{column}" for table, column in PERSONS])
def test_a_value_in_any_column_of_a_persons_own_data_is_in_their_copy(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection, table: str, column: str
) -> None:
    theirs(settings, store, clock)
    planted = f"dấu {table} {column}"
    word = f'"{planted}"' if table in ("corrections",) else planted
    if table == "visits":
        database.execute("UPDATE visits SET record = json_set(record, '$.patient.residence', ?)", (planted,))
    elif column == "selection":
        database.execute(f"UPDATE bridge_audit SET selection = '{person_key(LAN)} {planted}'")  # noqa: S608
    elif (table, column) in LEFT_OUT:
        return
    else:
        if table == "sought":
            database.execute("DELETE FROM sought WHERE word <> (SELECT min(word) FROM sought)")
        database.execute(f"UPDATE {table} SET {column} = ?", (word,))  # noqa: S608
    copy = export(database, settings, LAN, "mai.tran", clock.now())
    assert planted in to_json(copy).decode()
    if (table, column) in {("visits", "record"), ("corrections", "before"), ("corrections", "after")}:
        assert planted in html.unescape(sheet(copy))


def test_every_table_that_leads_to_a_person_is_in_their_copy_and_gone_or_by_reference_once_they_are_erased(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    theirs(settings, store, clock)
    copy = export(database, settings, LAN, "mai.tran", clock.now())
    known = {rule.table for rule in RULES if rule.persons or rule.references}
    assert {*copy.rows, "corrections", "visit_answers"} == known - DERIVED | ({"late_answers"} & {*copy.rows})
    assert (len(copy.corrections), len(copy.answers), len(copy.records)) == (1, 1, 1)
    persons.erase(database, settings, LAN, "mai.tran", clock.now())
    for rule in RULES:
        if rule.persons and rule.table != "bridge_audit":
            assert database.execute(f"SELECT count(*) FROM {rule.table}").fetchone()[0] == 0, rule.table  # noqa: S608
    after = export(database, settings, LAN, "mai.tran", clock.now())
    assert set(after.rows) == {"audit", "consents", "erased", "person_requests"}
    assert not [row for row in after.rows["consents"] if "full_name" in json.dumps(row)]


def test_the_copy_holds_no_name_and_number_of_the_staff_but_whose_account_looked(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    theirs(settings, store, clock)
    database.execute("UPDATE corrections SET officer_name = 'LÊ THỊ MẪU', officer_id = '001300900999'")
    told = to_json(export(database, settings, LAN, "mai.tran", clock.now())).decode()
    assert "LÊ THỊ MẪU" not in told
    assert "001300900999" not in told
    assert "lan.nguyen" in told


def test_who_came_with_a_child_gets_what_stands_of_them_there_and_nothing_of_the_child(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    came(settings, store, clock, "run-2", MINH)
    guardian = json.dumps(
        {"full_name": "NGUYỄN THỊ MẸ", "relation": "mother", "personal_id": LAN, "phone": "0900000001"}
    )
    database.execute("UPDATE visits SET record = json_set(record, '$.guardian', json(?))", (guardian,))
    copy = export(database, settings, LAN, "mai.tran", clock.now())
    told = to_json(copy).decode()
    assert "0900000001" in told
    assert MINH not in told
    assert "0900000001" in sheet(copy)
    assert copy.found.guardian_of == 1
    assert "guardian" in persons.erase(database, settings, LAN, "mai.tran", clock.now()).stays


def test_a_number_typed_wrong_is_told_to_its_owner_without_the_other_and_erased_there_too(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    other = came(settings, store, clock, "run-2", MINH)
    database.executemany(
        "INSERT INTO corrections (visit_id, at, field, reason, before, after) VALUES (?, ?, ?, 'typed wrong', ?, ?)",
        [
            (other, "2026-11-21T08:00:00+07:00", "personal_id", f'"{LAN}"', f'"{MINH}"'),
            (other, "2026-11-21T08:00:00+07:00", "full_name", '"NGUYỄN THỊ LAN"', '"PHẠM VĂN MINH"'),
        ],
    )
    told = to_json(export(database, settings, LAN, "mai.tran", clock.now())).decode()
    assert LAN in told
    assert MINH not in told
    assert other not in told
    persons.erase(database, settings, LAN, "mai.tran", clock.now())
    left = database.execute("SELECT before, after FROM corrections ORDER BY id").fetchall()
    assert [tuple(row) for row in left] == [(None, f'"{MINH}"'), (None, '"PHẠM VĂN MINH"')]
    assert len(export(database, settings, MINH, "mai.tran", clock.now()).records) == 1


def test_two_who_share_a_name_and_an_insurance_card_are_not_mixed_up(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    came(settings, store, clock)
    twin = came(settings, store, clock, "run-2", MINH)  # the same name, address and insurance card
    settled(settings)
    copy = export(database, settings, LAN, "mai.tran", clock.now())
    assert MINH not in to_json(copy).decode()
    assert twin not in to_json(copy).decode()
    assert persons.erase(database, settings, LAN, "mai.tran", clock.now()).visits == 1
    left = persons.find(database, MINH)
    assert [one.visit_id for one in left.visits] == [twin]
    assert {one.state for one in left.handed} == {"acknowledged"}
    assert [one.act for one in left.consents] == ["given"]


def test_who_has_no_number_is_found_copied_and_erased_by_ours(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    visit = came(settings, store, clock)
    settled(settings)
    database.execute(
        "UPDATE visits SET record = json_set(record, '$.patient.personal_id', NULL, '$.patient.local_id', id)"
    )
    assert persons.number_of(f" {visit}\n") == visit
    copy = export(database, settings, visit, "mai.tran", clock.now())
    assert len(copy.records) == 1
    assert persons.erase(database, settings, visit, "mai.tran", clock.now()).visits == 1
    assert persons.find(database, visit).visits == ()


def test_a_damaged_record_keeps_nobody_else_from_their_rights(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    came(settings, store, clock)
    damaged = came(settings, store, clock, "run-2", MINH)
    settled(settings)
    database.execute("UPDATE visits SET record = '{\"patient\": NGUYỄN' WHERE id = ?", (damaged,))
    assert len(export(database, settings, LAN, "mai.tran", clock.now()).records) == 1
    assert persons.erase(database, settings, LAN, "mai.tran", clock.now()).visits == 1
    assert persons.reapply(database) == {}
    (told,) = export(database, settings, damaged, "mai.tran", clock.now()).records
    assert told == {"damaged": '{"patient": NGUYỄN'}


def test_the_copy_is_read_back_as_it_was_written(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    theirs(settings, store, clock)
    copy = export(database, settings, LAN, "mai.tran", clock.now() + timedelta(days=1))
    assert from_json(to_json(copy), Copy) == copy
