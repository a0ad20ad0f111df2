"""The audit's chain against whoever holds the database file, and not the key."""

import os
import secrets
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wire import chain, sqlite
from wire.chain import AuditBroken, AuditCut, Head
from wire.chain_key import attach, audit_key
from wire.chain_witness import AuditHeadMissing, Witness
from wire.database import DatabaseFile, Migration, migrate, open_database, open_for_reading, transaction
from wire.keys import read_key, write_new_key

NOON = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
TABLES = Migration("test-0001-audit", lambda database: chain.create(database.conn.execute, secrets.token_bytes))


@pytest.fixture
def file(tmp_path: Path) -> DatabaseFile:
    """A site's plain database, so that an attacker can write to it; the audit's key is none of theirs."""
    key = tmp_path / "site.key"
    write_new_key(key)
    where = DatabaseFile(tmp_path / "state" / "site.db")
    migrate(where, [TABLES])
    return where


@pytest.fixture
def key(file: DatabaseFile, tmp_path: Path) -> bytes:
    return read_key(tmp_path / "site.key")


@pytest.fixture
def audit(file: DatabaseFile, key: bytes) -> Iterator[sqlite.Connection]:
    with closing(open_database(file)) as connection:
        attach(connection, audit_key(key))
        for number in range(1, 11):
            chain.note(connection, "visit.seen", f"staff-{number}", "", NOON + timedelta(days=number), {"n": number})
        yield connection


@pytest.fixture
def thief(file: DatabaseFile, audit: sqlite.Connection) -> Iterator[sqlite.Connection]:
    """Somebody with the file and every tool, who has taken the triggers away."""
    with closing(sqlite.connect(file.path, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection


def broken(audit: sqlite.Connection) -> tuple[object, object]:
    with pytest.raises(AuditBroken) as caught:
        chain.verify(audit)
    return caught.value.data["row"], caught.value.data["why"]


def test_what_is_noted_proves_itself(audit: sqlite.Connection) -> None:
    verified = chain.verify(audit)
    assert (verified.rows, verified.first, verified.head) == (10, 1, chain.head_of(audit))
    newest = chain.entries(audit, 1)[0]
    assert (newest.seq, newest.who, newest.data, newest.at) == (10, "staff-10", {"n": 10}, "2026-12-01T05:00:00.000Z")
    assert newest.ticks > 0


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET who = 'nobody' WHERE seq = 5", "DELETE FROM audit WHERE seq = 10", "DELETE FROM audit",
     "DELETE FROM audit_anchors", "UPDATE audit_anchors SET seq = 9"],
)  # fmt: skip
def test_the_database_itself_refuses_to_change_it(audit: sqlite.Connection, statement: str) -> None:
    with transaction(audit):
        chain.prune(audit, NOON + timedelta(days=3), NOON)
    with pytest.raises(sqlite.Error, match="audit"):
        audit.execute(statement)


@pytest.mark.parametrize("column", ["at", "boot", "ticks", "act", "who", "place", "about", "data", "mac"])
def test_a_changed_row_is_named(audit: sqlite.Connection, thief: sqlite.Connection, column: str) -> None:
    value: object = {"ticks": 1.5, "mac": bytes(32)}.get(column, "another")
    thief.execute(f"UPDATE audit SET {column} = ? WHERE seq = 5", (value,))  # noqa: S608
    assert broken(audit) == (5, "changed")


def test_a_row_taken_out_of_the_middle_is_named(audit: sqlite.Connection, thief: sqlite.Connection) -> None:
    thief.execute("DELETE FROM audit WHERE seq = 4")
    assert broken(audit) == (4, "missing")


def test_a_row_taken_out_whose_place_the_next_ones_fill_is_named(
    audit: sqlite.Connection, thief: sqlite.Connection
) -> None:
    thief.execute("DELETE FROM audit WHERE seq = 4")
    for number in range(5, 11):
        thief.execute("UPDATE audit SET seq = ? WHERE seq = ?", (number - 1, number))
    assert broken(audit) == (4, "changed")


def test_two_rows_swapped_are_named(audit: sqlite.Connection, thief: sqlite.Connection) -> None:
    for before, after in ((3, 100), (7, 3), (100, 7)):
        thief.execute("UPDATE audit SET seq = ? WHERE seq = ?", (after, before))
    assert broken(audit) == (3, "changed")


def test_a_row_put_in_is_named(audit: sqlite.Connection, thief: sqlite.Connection) -> None:
    thief.execute("INSERT INTO audit SELECT 11, at, boot, ticks, act, 'nobody', place, about, data, mac FROM audit"
                  " WHERE seq = 10")  # fmt: skip
    assert broken(audit) == (11, "changed")


def test_a_whole_chain_built_anew_without_the_key_is_recognised(
    file: DatabaseFile, audit: sqlite.Connection, thief: sqlite.Connection
) -> None:
    thief.execute("DELETE FROM audit")
    attach(thief, audit_key(secrets.token_bytes(32)))
    thief.row_factory = sqlite.Row
    for number in range(10):
        chain.note(thief, "visit.seen", "somebody else", "", NOON + timedelta(days=number))
    assert chain.verify(thief).rows == 10
    assert broken(audit) == (1, "changed")


def test_the_end_cut_off_shows_by_the_head_that_was_kept(
    audit: sqlite.Connection, thief: sqlite.Connection, tmp_path: Path
) -> None:
    witness = Witness(tmp_path / "head")
    witness.keep(audit, NOON)
    printed = chain.head_of(audit)
    thief.execute("DELETE FROM audit WHERE seq > 7")
    assert chain.verify(audit).head.seq == 7
    with pytest.raises(AuditCut) as caught:
        witness.check(audit)
    assert caught.value.data == {"row": printed.seq}
    with pytest.raises(AuditCut):
        witness.keep(audit, NOON)
    for number in range(20):
        chain.note(audit, "visit.seen", "staff", "", NOON, {"n": number})
    with pytest.raises(AuditCut):
        witness.check(audit)
    with pytest.raises(AuditCut):
        chain.holds(audit, printed)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_head_that_root_keeps_belongs_to_the_service(audit: sqlite.Connection, tmp_path: Path) -> None:
    state = tmp_path / "of-the-service"
    state.mkdir()
    os.chown(state, 65534, 65534)
    Witness(state / "head").keep(audit, NOON)
    kept = (state / "head").stat()
    assert (kept.st_uid, kept.st_gid, kept.st_mode & 0o777) == (65534, 65534, 0o600)


def test_an_older_database_put_back_shows_the_same_way(
    file: DatabaseFile, audit: sqlite.Connection, key: bytes, tmp_path: Path
) -> None:
    with closing(sqlite.connect(tmp_path / "older.db")) as older:
        audit.backup(older)
    witness = Witness(tmp_path / "head")
    chain.note(audit, "visit.seen", "staff", "", NOON)
    witness.keep(audit, NOON)
    with closing(open_database(DatabaseFile(tmp_path / "older.db"))) as restored:
        attach(restored, audit_key(key))
        chain.verify(restored)
        with pytest.raises(AuditCut):
            witness.check(restored)
        # A restore that somebody answers for goes on, and says which head it did not find.
        expected = chain.head_of(audit)
        witness.accept(restored, NOON, "command", "restore")
        assert witness.check(restored) == chain.head_of(restored)
        told = chain.entries(restored, 1)[0]
        assert (told.act, told.data["expected"]) == ("audit.accepted", str(expected))
        chain.verify(restored)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{}", b"\xff\xfe", b'{"seq": 1, "mac": "00", "at": "", "seal": "00"}'),
        '{"seq": 1, "mac": "00", "at": "", "seal": "ấ"}'.encode(),
    ],
)
def test_a_head_that_is_gone_or_forged_is_missed(audit: sqlite.Connection, tmp_path: Path, content: bytes) -> None:
    witness = Witness(tmp_path / "head")
    with pytest.raises(AuditHeadMissing):
        witness.check(audit)
    (tmp_path / "head").write_bytes(content)
    with pytest.raises(AuditHeadMissing):
        witness.check(audit)
    witness.keep(audit, NOON)
    assert chain.entries(audit, 1)[0].act == "audit.head_begun"
    assert witness.check(audit) == chain.head_of(audit)
    assert (tmp_path / "head").stat().st_mode & 0o077 == 0


def test_old_rows_go_behind_an_anchor_and_the_rest_still_proves_itself(
    audit: sqlite.Connection, tmp_path: Path
) -> None:
    witness = Witness(tmp_path / "head")
    early = chain.head_of(audit)
    witness.keep(audit, NOON)
    for days, left in ((4, 8), (4, 8), (8, 4), (400, 1)):
        with transaction(audit):
            chain.prune(audit, NOON + timedelta(days=days), NOON)
        assert chain.verify(audit).rows == left
        witness.check(audit)
    chain.note(audit, "purge", "system", "", NOON)
    with transaction(audit):
        chain.prune(audit, NOON + timedelta(days=400), NOON)
    chain.holds(audit, early)
    assert chain.verify(audit).first == 12


def test_an_anchor_of_somebody_without_the_key_is_recognised(
    audit: sqlite.Connection, thief: sqlite.Connection
) -> None:
    ((mac,),) = thief.execute("SELECT mac FROM audit WHERE seq = 6").fetchall()
    thief.execute("INSERT INTO audit_anchors VALUES (6, '2026-11-21T05:00:00.000Z', ?, ?)", (mac, bytes(32)))
    thief.execute("DELETE FROM audit WHERE seq <= 6")
    assert broken(audit) == (6, "anchor")


def test_an_anchor_taken_away_leaves_a_gap(audit: sqlite.Connection, thief: sqlite.Connection) -> None:
    with transaction(audit):
        chain.prune(audit, NOON + timedelta(days=4), NOON)
    thief.execute("DELETE FROM audit_anchors")
    assert broken(audit) == (1, "missing")


def test_another_key_seals_everything_anew_and_old_heads_on_paper_still_count(
    audit: sqlite.Connection, key: bytes
) -> None:
    with transaction(audit):
        chain.prune(audit, NOON + timedelta(days=4), NOON)
    printed, new = chain.head_of(audit), secrets.token_bytes(32)
    person = chain.reference(audit, "001303900017")
    chain.rotate(audit, key, new, NOON, "command")
    assert chain.verify(audit).rows == 8
    chain.holds(audit, printed)
    assert chain.reference(audit, "001303900017") == person
    attach(audit, audit_key(key))
    assert broken(audit) == (3, "anchor")
    with pytest.raises(AuditBroken):  # what the old key does not prove is not sealed with a new one
        chain.rotate(audit, key, new, NOON, "command")
    attach(audit, audit_key(new))
    chain.verify(audit)


def test_a_row_is_of_its_transaction(audit: sqlite.Connection) -> None:
    def half_way() -> None:
        with transaction(audit):
            chain.note(audit, "one", "staff", "", NOON)
            chain.note(audit, "two", "staff", "", NOON)
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        half_way()
    assert chain.verify(audit).rows == 10


def test_two_processes_write_one_chain(file: DatabaseFile, audit: sqlite.Connection, key: bytes) -> None:
    with closing(open_database(file)) as other:
        attach(other, audit_key(key))
        for number in range(20):
            chain.note((audit, other)[number % 2], "visit.seen", "staff", "", NOON)
    assert chain.verify(audit).rows == 30


def test_who_only_reads_can_verify(tmp_path: Path) -> None:
    write_new_key(tmp_path / "site.key")
    file = DatabaseFile(tmp_path / "sealed.db", tmp_path / "site.key")
    migrate(file, [TABLES])
    with closing(open_database(file)) as connection:
        chain.note(connection, "visit.seen", "staff", "", NOON)
    with closing(open_for_reading(file)) as reading:
        assert chain.verify(reading).rows == 1


def test_what_is_noted_stays_one_line_of_bounded_length(audit: sqlite.Connection) -> None:
    chain.note(audit, "visit.seen", "a\nb\x1b[31m\u2028" + "c" * 1000, "", NOON, {"words": "x" * 100_000})
    newest = chain.entries(audit, 1)[0]
    assert newest.who.isprintable()
    assert len(newest.who) <= 200
    assert newest.data == {"cut": 100_012}
    chain.verify(audit)


def test_a_person_is_named_by_a_reference_that_only_this_database_can_make(
    audit: sqlite.Connection, tmp_path: Path
) -> None:
    other = DatabaseFile(tmp_path / "other.db")
    migrate(other, [TABLES])
    with closing(open_database(other)) as connection:
        assert chain.reference(connection, "001303900017") != chain.reference(audit, "001303900017")
    assert chain.reference(audit, "") == ""
    assert len(chain.reference(audit, "001303900017")) == 24


def test_heads_are_written_as_people_copy_them() -> None:
    assert str(Head(seq=7, mac="ab" * 32)) == "7:" + "ab" * 32
