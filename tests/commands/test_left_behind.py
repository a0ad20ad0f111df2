"""Nothing of a person is left anywhere once they were purged or erased: raw bytes of every file that any command of
ours writes, on a plain and on an encrypted database, free pages and logs included.

Each way of writing a name that is searched for is first found where it was planted, so that a search that finds nothing
says something."""

import base64
import io
import json
import logging
import sys
import unicodedata
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings, database_file, database_path, load
from kiosk.audit import note_process
from kiosk.clock import SystemClock
from kiosk.store import open_store
from kiosk.visit_views import open_visit_views
from tests.commands.test_privacy import Then
from tests.kiosk.people import LAN, MINH, by_chip, covered
from tests.support.traces import Known, needles, traces
from tiepdon.main import main
from wire import chain, sqlite
from wire.database import open_database
from wire.database_copies import stamp, take_snapshot
from wire.keys import write_new_key

NAME, ADDRESS, HOSPITAL, PHONE = "NGUYỄN THỊ LAN", "12 Phố Thử, Phường Mẫu, Hà Nội", "BN-0077-LAN", "0912345678"
KNOWN, OTHER = Known(NAME, ADDRESS, HOSPITAL, PHONE, LAN), Known("PHẠM VĂN MINH", MINH)


class Site:
    def __init__(self, folder: Path, encrypted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch
        self.state, self.file = folder / "state", folder / "tiepdon.toml"
        (folder / "tmp").mkdir()
        monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
        key = ""
        if encrypted:
            write_new_key(folder / "site.key")
            key = f'key_file = "{folder}/site.key"\n'
        (folder / "stick").mkdir()
        self.file.write_text(
            f'[paths]\nstate = "{self.state}"\nrun = "{folder}/run"\n{key}'
            f'[backup]\nfolder = "{folder}/stick"\nanother_disk = false\n'
            '[[destinations]]\nname = "his"\nconnector = "hl7v2"\nhost = "127.0.0.1"\nport = 1\n',
            "utf-8",
        )
        (folder / "run").mkdir()
        self.run("database", "migrate")
        note_process(self.settings, "process.started", "kiosk", SystemClock())

    @property
    def settings(self) -> Settings:
        return load(self.file)

    def run(self, *words: str, typed: str = "", expected: int = 0) -> None:
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        assert main([*words, "--config", str(self.file)]) == expected

    def came(self, person: str, name: str, run: str, days: float = 0) -> None:
        clock, where = Then(days), ADDRESS if name == NAME else "9 Ngõ Khác"
        with closing(open_store(self.settings, clock)) as store:
            visit = (
                store.check_in(run, by_chip(person, run, full_name=name, residence=where), covered()).ticket.visit_id
                or ""
            )
        with closing(open_visit_views(self.settings, clock)) as views:
            views.seen((visit,), "hoa.le", "counter")

    def with_every_kind_of_row(self) -> None:
        """Receivers answered, staff corrected, somebody searched."""
        with closing(open_database(database_file(self.settings))) as connection:
            for (visit,) in connection.execute("SELECT id FROM visits").fetchall():
                mine = connection.execute(
                    "SELECT record ->> '$.patient.personal_id' = ? FROM visits WHERE id = ?", (LAN, visit)
                )
                if not mine.fetchone()[0]:
                    continue
                told = json.dumps({"record_number": HOSPITAL, "note": NAME})
                connection.execute(
                    "UPDATE deliveries SET state = 'acknowledged', receipt = ?, known = ?, answer = ?"
                    " WHERE record_id = ?",
                    (HOSPITAL, HOSPITAL, told, visit),
                )
                connection.execute(
                    "INSERT INTO hospital_answers (visit_id, destination, answered_at, answer)"
                    " VALUES (?, 'his', '2026', ?)",
                    (visit, told),
                )
                connection.execute(
                    "INSERT INTO visit_answers (visit_id, destination, seq, answered_at, answer)"
                    " VALUES (?, 'his', 1, '2026', ?)",
                    (visit, told),
                )
                connection.execute(
                    "INSERT INTO corrections (visit_id, at, field, reason, before, after)"
                    " VALUES (?, '2026', 'phone', 'told', ?, ?)",
                    (visit, json.dumps(PHONE), json.dumps(NAME)),
                )
            connection.execute("UPDATE deliveries SET state = 'acknowledged'")

    def left(self, known: Known = KNOWN) -> list[tuple[str, bytes]]:
        secret = database_file(self.settings).secret()
        return traces(self.folder, known, secret)


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, request.param, monkeypatch)


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.encode(),
        lambda text: unicodedata.normalize("NFD", text).encode(),
        lambda text: text.lower().encode("utf-16-le"),
        lambda text: json.dumps(text).encode(),
        lambda text: json.dumps(json.dumps(text)).encode(),
        lambda text: base64.b64encode(text.encode()),
        lambda text: base64.b64encode(b"a" + text.encode() + b"tail"),
        lambda text: base64.b64encode(b"ab" + text.encode() + b"tail"),
        lambda text: text.encode().hex().encode(),
    ],
)
@pytest.mark.parametrize("text", [NAME, LAN, ADDRESS])
def test_each_way_of_writing_is_found_where_it_was_planted(written: Any, text: str) -> None:
    assert Known(text).search(b"\x00\x01" + written(text) + b"\xff")
    assert not Known(text).search(written("somebody else who came today"))


@pytest.mark.parametrize("written", ["001 303 900 017", "001.303.900.017", "0013-0390-0017"])
def test_a_number_in_groups_is_found(written: str) -> None:
    assert written.encode() in needles(LAN)


def test_a_search_of_an_encrypted_file_sees_its_pages_and_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, True, monkeypatch)
    with closing(open_database(database_file(site.settings))) as holding:
        holding.execute("SELECT 1 FROM visits").fetchall()
        site.came(LAN, NAME, "run-1")
        assert {name for name, _ in site.left()} >= {"state/tiepdon.db-wal"}
    assert {name for name, _ in site.left()} == {"state/tiepdon.db"}
    assert traces(site.folder, KNOWN) == []


def test_a_purge_leaves_nobody_in_any_file(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for number in range(60):
        site.came(LAN, NAME, f"old-{number}", days=5)
    site.came(MINH, "PHẠM VĂN MINH", "new")
    site.with_every_kind_of_row()
    take_snapshot(database_file(site.settings), datetime.now(UTC))
    (site.state / "snapshots" / "20200101T000000Z.db.part").write_bytes(NAME.encode())
    site.run("doctor", "--write", str(site.folder / "run" / "doctor.json"))
    assert site.left()
    site.run("purge")
    site.run("backup", "snapshot")
    (site.folder / "log").write_text(caplog.text, "utf-8")
    site.run("support-bundle", str(site.folder / "bundle.zip"), "--log", str(site.folder / "log"))
    assert site.left() == []
    assert site.left(OTHER)  # who came today is still there
    assert not KNOWN.search(caplog.text.encode())


def test_an_erased_person_is_in_no_file_and_everybody_else_in_theirs(site: Site, tmp_path: Path) -> None:
    for number in range(40):
        site.came(LAN, NAME, f"run-{number}")
    site.came(MINH, "PHẠM VĂN MINH", "other")
    site.with_every_kind_of_row()
    take_snapshot(database_file(site.settings), datetime.now(UTC))
    site.run("person", "erase", "--yes", typed=LAN)
    site.run("person", "erase", "--yes", typed=LAN)
    assert site.left() == []
    assert site.left(OTHER)
    site.run("audit", "verify")


def test_a_database_that_was_put_aside_goes_with_the_copies_of_its_days(site: Site) -> None:
    """A damaged or replaced database holds whoever was in it: nobody has to remember to remove it."""
    from tiepdon.keeping.report import FOLDER, Report
    from wire.codec import to_json

    site.came(LAN, NAME, "old", days=9)
    made = datetime.now(UTC) - timedelta(days=9)
    aside = f"tiepdon.db.damaged-{stamp(made)}"
    with closing(sqlite.connect(site.state / aside)) as damaged:
        damaged.execute("CREATE TABLE visits (record TEXT)")
        damaged.execute("INSERT INTO visits VALUES (?)", (NAME,))
        damaged.commit()
    (site.state / f"{aside}-wal").write_bytes(NAME.encode())
    (site.state / FOLDER).mkdir()
    report = Report(at=made.isoformat(), what="pages", base="nothing", aside=aside)
    (site.state / FOLDER / f"{stamp(made)}.json").write_bytes(to_json(report))
    site.with_every_kind_of_row()
    site.run("purge")
    assert site.left() == []
    assert [file.name for file in site.state.glob("*.damaged-*")] == []
    with closing(open_database(database_file(site.settings))) as connection:
        (files,) = chain.entries(connection, 1, act="purge.files")
        assert (files.data["aside"], files.data["clean"]) == (1, True)


def test_what_a_purge_did_is_in_the_audit_by_table_and_by_purpose(site: Site) -> None:
    site.came(LAN, NAME, "old", days=9)
    site.with_every_kind_of_row()
    site.run("purge")
    with closing(open_database(database_file(site.settings))) as connection:
        (purge,) = chain.entries(connection, 1, act="purge")
        assert purge.data["removed"]["visits"] == 1
        assert {"deliveries", "hospital_answers", "visit_answers", "corrections", "sought", "tickets"} <= set(
            purge.data["removed"]
        )
        assert purge.data["purposes"]["queue"] == 1
        assert sum(purge.data["purposes"].values()) == sum(purge.data["removed"].values())
        assert chain.entries(connection, 1, act="audit.verified")
    site.run("audit", "verify")


def test_the_newest_entries_cut_off_show_once_the_doctor_came_by(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    report = str(site.folder / "run" / "doctor.json")
    site.run("doctor", "--write", report)
    site.came(LAN, NAME, "seen-by-somebody")  # who looked is the newest entry
    site.run("doctor", "--write", report)
    with closing(open_database(database_file(site.settings))) as thief:
        for (name,) in thief.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            thief.execute(f"DROP TRIGGER {name}")
        thief.execute("DELETE FROM audit WHERE act = 'visit.seen'")
    site.run("audit", "verify", expected=1)
    assert "audit.cut" in capsys.readouterr().err
    site.run("doctor", "--write", report)  # must not make it right again
    site.run("audit", "verify", expected=1)


def test_a_broken_audit_is_told_by_the_next_purge_and_its_head_is_kept_no_more(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.came(LAN, NAME, "old", days=9)
    with closing(open_database(database_file(site.settings))) as thief:
        thief.execute("DROP TRIGGER audit_kept")
        thief.execute("UPDATE audit SET who = 'nobody' WHERE act = 'visit.seen'")
    head = (site.state / "audit.head").read_bytes()
    site.with_every_kind_of_row()
    site.run("purge", expected=1)
    assert "audit.broken" in capsys.readouterr().err
    assert (site.state / "audit.head").read_bytes() == head
    assert site.left() == []  # persons go all the same
    assert database_path(site.settings).exists()
