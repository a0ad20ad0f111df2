"""`tiepdon purge`, `audit`, `person` and `incident`: what a technician or who answers for data protection runs."""

import io
import json
import re
import stat
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings, database_path, load
from kiosk.audit import note_process, noted
from kiosk.clock import SystemClock
from kiosk.sessions import open_sessions
from kiosk.store import open_store
from kiosk.visit_views import open_visit_views
from tests.kiosk.people import LAN, MINH, by_chip, covered
from tests.support.commands import CALLABLE
from tiepdon.main import main
from wire import chain, sqlite
from wire.database import open_database
from wire.database_copies import stamp

HOSTILE = "<script>alert(1)</script>\"'{{7*7}}"


class Then:
    """A clock that stands so many days before now."""

    def __init__(self, days: float) -> None:
        self.when = datetime.now(UTC) - timedelta(days=days)

    def monotonic(self) -> float:
        return 0.0

    def now(self) -> datetime:
        return self.when


class Site:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = folder / "state"
        self.file = folder / "tiepdon.toml"
        self.file.write_text(f'[paths]\nstate = "{self.state}"\nrun = "{folder}"\n', "utf-8")
        self._capsys, self._monkeypatch = capsys, monkeypatch
        assert main(["database", "migrate", "--config", str(self.file)]) == 0
        capsys.readouterr()

    @property
    def settings(self) -> Settings:
        return load(self.file)

    def run(self, *words: str, typed: str = "") -> tuple[int, str]:
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        code = main([*words, "--config", str(self.file)])
        told = self._capsys.readouterr()
        return code, told.out + told.err

    def answer(self, *words: str, typed: str = "") -> dict[str, Any]:
        code, told = self.run(*words, "--json", typed=typed)
        assert code == 0, told
        answer: dict[str, Any] = json.loads(told)
        return answer

    def came(self, person: str = LAN, days: float = 0, run: str = "run-1", **changes: object) -> str:
        clock = Then(days)
        with closing(open_store(self.settings, clock)) as store:
            visit = store.check_in(run, by_chip(person, run, **changes), covered()).ticket.visit_id
        assert visit is not None
        with closing(open_visit_views(self.settings, clock)) as views:
            views.seen((visit,), "hoa.le", "counter")
        return visit


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, capsys, monkeypatch)


def test_the_purge_says_what_it_removed(site: Site) -> None:
    site.came(days=3)
    assert site.answer("purge")["removed"]["visits"] == 1
    code, told = site.run("purge", "--language", "en")
    assert (code, told) == (0, "0 check-ins removed (0 rows in all)\n")


def test_a_purge_whose_clock_is_doubtful_removes_nothing_until_somebody_looked_at_it(site: Site) -> None:
    site.came(days=90)
    with closing(open_database(database_path(site.settings))) as connection:
        chain.note(connection, "purge", "system", "", Then(89).now())
    code, told = site.run("purge", "--language", "en")
    assert (code, "purge.clock_doubtful" in told, "Nothing was removed" in told) == (1, True, True)
    assert site.answer("purge", "--clock-is-right")["removed"]["visits"] == 1
    assert site.run("purge")[0] == 0


def test_the_rules_are_told_without_removing_anything(site: Site) -> None:
    site.came(days=3)
    rules = {one["table"]: one["term"] for one in site.answer("purge", "--rules")["rules"]}
    assert (rules["visits"], rules["audit"]) == ("visit_days", "audit_days")
    assert site.answer("purge")["removed"]["visits"] == 1


def test_a_whole_audit_is_verified_listed_and_its_head_printed(site: Site) -> None:
    note_process(site.settings, "process.started", "kiosk", SystemClock())
    site.came()
    head = site.run("audit", "head")[1].strip()
    site.came(run="run-2")
    told = site.answer("audit", "verify", "--head", head)
    assert told["rows"] == int(told["head"].partition(":")[0])
    assert [one["act"] for one in site.answer("audit", "list", "--act", "visit.seen")["entries"]] == ["visit.seen"] * 2
    code, listed = site.run("audit", "list", "--who", "hoa.le")
    assert code == 0
    assert LAN not in listed


def swapped(column: str) -> str:
    """What stands in one column of the first and the second row, exchanged."""
    other = f"(SELECT {column} FROM audit AS other WHERE other.seq = 3 - audit.seq)"  # noqa: S608
    return f"UPDATE audit SET {column} = {other} WHERE seq IN (1, 2)"  # noqa: S608


ATTACKS = {
    "a row changed": ("UPDATE audit SET who = 'nobody' WHERE seq = 2", "audit.broken", 2),
    "a row dropped in the middle": ("DELETE FROM audit WHERE seq = 2", "audit.broken", 2),
    "one dropped and the others moved up": (
        "DELETE FROM audit WHERE seq = 2; UPDATE audit SET seq = seq - 1 WHERE seq > 2",
        "audit.broken",
        2,
    ),
    "the first one dropped": ("DELETE FROM audit WHERE seq = 1", "audit.broken", 1),
    "the newest ones dropped": ("DELETE FROM audit WHERE seq >= 3", "audit.cut", 6),
    "everything dropped": ("DELETE FROM audit", "audit.cut", 6),
    "two rows in another order": (
        "UPDATE audit SET seq = -seq WHERE seq IN (2, 3); UPDATE audit SET seq = 5 + seq WHERE seq < 0",
        "audit.broken",
        2,
    ),
    "the data of two rows exchanged": (swapped("data"), "audit.broken", 1),
    "the persons of two rows exchanged": (swapped("about"), "audit.broken", 1),
    "a row twice": (
        "INSERT INTO audit SELECT 7, at, boot, ticks, act, who, place, about, data, mac FROM audit WHERE seq = 6",
        "audit.broken",
        7,
    ),
    "a row made without the key": (
        "INSERT INTO audit SELECT 7, at, boot, ticks, act, 'nobody', place, about, data, randomblob(32) FROM audit"
        " WHERE seq = 6",
        "audit.broken",
        7,
    ),
    "a row before the first": (
        "INSERT INTO audit SELECT 0, at, boot, ticks, act, who, place, about, data, mac FROM audit WHERE seq = 1",
        "audit.broken",
        0,
    ),
    "the newest dropped behind a head that never was": (
        "DELETE FROM audit WHERE seq >= 3; INSERT INTO audit SELECT 3, at, boot, ticks, 'audit.rotated', who, place,"
        " about, 'no json', mac FROM audit WHERE seq = 2",
        "audit.broken",
        3,
    ),
    "an anchor made without the key": (
        "INSERT INTO audit_anchors SELECT 3, at, mac, randomblob(32) FROM audit WHERE seq = 3;"
        " DELETE FROM audit WHERE seq <= 3",
        "audit.broken",
        3,
    ),
}


@pytest.mark.parametrize(("attack", "code", "row"), ATTACKS.values(), ids=ATTACKS)
def test_an_audit_that_was_changed_or_cut_fails_and_says_where(
    site: Site, attack: str, code: str, row: int | None
) -> None:
    site.came()
    site.came(MINH, run="run-2")
    for process in ("kiosk", "bridge", "desk"):
        note_process(site.settings, "process.started", process, SystemClock())
    with closing(sqlite.connect(database_path(site.settings), isolation_level=None)) as thief:
        assert thief.execute("SELECT count(*), max(seq) FROM audit").fetchone() == (6, 6)
        for (name,) in thief.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            thief.execute(f"DROP TRIGGER {name}")
        thief.executescript(attack)
    exit_code, told = site.run("audit", "verify", "--json")
    error = json.loads(told)["error"]
    assert (exit_code, error["code"], error.get("data", error).get("row")) == (1, code, row)
    assert site.run("audit", "verify", "--language", "vi")[0] == 1
    # Whatever was done to it, no process stays down for it, and none makes it right.
    with noted(site.settings, "kiosk", SystemClock()):
        pass
    assert site.run("audit", "verify")[0] == 1


def test_an_older_database_put_back_with_its_own_head_shows_by_a_head_kept_elsewhere(site: Site) -> None:
    site.came()
    note_process(site.settings, "process.started", "kiosk", SystemClock())
    head = (site.state / "audit.head").read_bytes()
    older = site.state / "older.db"
    with closing(open_database(database_path(site.settings))) as now, closing(sqlite.connect(older)) as copy:
        now.backup(copy)
    site.came(run="run-2")
    printed = site.run("audit", "head")[1].strip()
    for beside in ("-wal", "-shm"):
        (site.state / f"tiepdon.db{beside}").unlink(missing_ok=True)
    older.replace(database_path(site.settings))
    (site.state / "audit.head").write_bytes(head)
    assert site.run("audit", "verify")[0] == 0  # nothing on this machine can tell
    code, told = site.run("audit", "verify", "--head", printed, "--language", "en")
    assert (code, "audit.cut" in told) == (1, True)


@pytest.mark.parametrize("seal", ["é" * 64, "0" * 64, ""])
def test_a_head_that_is_not_ours_is_missed_and_stops_nobody(site: Site, seal: str) -> None:
    site.came()
    note_process(site.settings, "process.started", "kiosk", SystemClock())
    kept = json.loads((site.state / "audit.head").read_bytes())
    (site.state / "audit.head").write_text(json.dumps({**kept, "seal": seal}, ensure_ascii=False), "utf-8")
    code, told = site.run("audit", "verify", "--language", "en")
    assert (code, "audit.head_missing" in told) == (1, True)
    with noted(site.settings, "kiosk", SystemClock()):
        pass
    assert site.answer("audit", "list", "--act", "audit.head_begun")["entries"]


def test_an_older_database_put_back_fails_until_somebody_answers_for_it(site: Site) -> None:
    site.came()
    older = site.state / "older.db"
    with closing(open_database(database_path(site.settings))) as now, closing(sqlite.connect(older)) as copy:
        now.backup(copy)
    note_process(site.settings, "process.started", "kiosk", SystemClock())
    for beside in ("-wal", "-shm"):
        (site.state / f"tiepdon.db{beside}").unlink(missing_ok=True)
    older.replace(database_path(site.settings))
    assert site.run("audit", "verify")[0] == 1
    assert site.run("audit", "accept", "--why", "restored from the copy of Monday")[0] == 0
    assert site.run("audit", "verify")[0] == 0
    assert site.answer("audit", "list", "--act", "audit.accepted")["entries"][0]["data"]["why"].startswith("restored")


@pytest.mark.parametrize("head", ["", "7", "7:xyz", "-1:" + "a" * 64, "7:" + "a" * 63])
def test_what_is_no_head_is_refused(site: Site, head: str) -> None:
    with pytest.raises(SystemExit) as caught:
        site.run("audit", "verify", "--head", head)
    assert caught.value.code == 2


def test_no_command_takes_a_persons_number_as_an_argument() -> None:
    for words in ("person find", "person export", "person erase", "person withdraw"):
        assert [one.dest for one in CALLABLE[words]._actions if not one.option_strings] == []


@pytest.mark.parametrize("typed", ["", "123\n", "00130390001x\n", LAN + "1\n", "x" * 100_000])
def test_what_is_no_number_is_refused_and_not_repeated(site: Site, typed: str) -> None:
    code, told = site.run("person", "find", typed=typed)
    assert code == 1
    assert "123\n" not in told
    assert "00130390001" not in told


def test_a_person_is_found_copied_and_erased(site: Site, tmp_path: Path) -> None:
    site.came()
    site.came(MINH, run="run-2", full_name="TRẦN VĂN KHÁC")
    assert len(site.answer("person", "find", typed=LAN + "\n")["visits"]) == 1
    out = tmp_path / "copy"
    assert site.answer("person", "export", "--out", str(out), typed=LAN)["visits"] == 1
    copy = json.loads((out / "copy.json").read_bytes())
    assert copy["records"][0]["patient"]["full_name"] == "NGUYỄN THỊ LAN"
    sheet = (out / "copy.html").read_text("utf-8")
    assert "NGUYỄN THỊ LAN" in sheet
    assert MINH not in sheet
    assert {stat.S_IMODE(file.stat().st_mode) for file in out.iterdir()} == {0o600}
    assert site.run("person", "export", "--out", str(out), typed=LAN)[0] == 1
    assert not site.answer("person", "erase", typed=LAN)["erased"]
    told = site.answer("person", "erase", "--yes", typed=LAN)
    assert (told["erased"], told["visits"], told["clean"]) == (True, 1, True)
    assert site.answer("person", "find", typed=LAN)["visits"] == []
    assert len(site.answer("person", "find", typed=MINH)["visits"]) == 1
    assert all(LAN.encode() not in file.read_bytes() for file in site.state.rglob("*") if file.is_file())


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_stays_and_why_is_said_in_words(site: Site, language: str) -> None:
    site.came()
    code, told = site.run("person", "erase", "--yes", "--language", language, typed=LAN)
    assert code == 0
    assert LAN not in told
    assert not re.search(r"person\.[a-z_]+\.", told)
    assert len(told.splitlines()) >= 3


def test_a_sheet_carries_no_markup_of_a_card(site: Site, tmp_path: Path) -> None:
    site.came(full_name=HOSTILE, residence=HOSTILE)
    site.run("person", "export", "--out", str(tmp_path / "copy"), typed=LAN)
    sheet = (tmp_path / "copy" / "copy.html").read_text("utf-8")
    assert "<script" not in sheet
    assert "{{7*7}}" in sheet


def test_requests_are_taken_down_listed_answered_and_done(site: Site) -> None:
    made = site.answer("person", "request", "erase", "--asked-by", "parent", typed=LAN)
    assert made["answer_due"] <= made["due"] <= made["latest_due"]
    number = str(made["number"])
    assert LAN not in json.dumps(site.answer("person", "requests"))
    assert site.run("person", "answered", number)[0] == 0
    assert site.run("person", "done", number, "--outcome", "partly")[0] == 0
    assert site.run("person", "done", number)[0] == 1
    assert site.answer("person", "requests")["requests"] == []
    assert site.answer("person", "requests", "--all")["requests"][0]["outcome"] == "partly"


def test_an_incident_names_whose_data_who_saw_them_and_until_when_it_must_be_told(site: Site) -> None:
    visit = site.came()
    site.came(MINH, run="run-2")
    site.came("001200900999", days=9, run="run-3")
    window = ("--from", (datetime.now(UTC) - timedelta(days=1)).isoformat(), "--to", "2100-01-01")
    told = site.answer("incident", "report", *window, "--found", "2026-11-23T08:00")
    assert (told["persons"], told["visits"], told["not_known"]) == (2, 2, 0)
    assert told["notice_due"] == "2026-11-26T08:00:00+07:00"
    assert {"patient.full_name", "patient.personal_id", "coverage.card_number"} <= set(told["fields"])
    assert told["actors"][0]["who"] == "hoa.le"
    assert told["listed"] == []
    assert LAN not in json.dumps(told)
    listed = site.answer("incident", "report", *window, "--list")["listed"]
    assert {one["personal_id"] for one in listed} == {LAN, MINH}
    with closing(open_database(database_path(site.settings))) as connection:
        assert chain.entries(connection, 1)[0].act == "incident.reported"
        assert chain.reference(connection, LAN) in told["references"]
    assert visit


def test_a_day_named_as_the_end_of_an_incident_counts_whole(site: Site) -> None:
    site.came()
    zone = timezone(timedelta(minutes=site.settings.site.utc_offset_minutes))
    today = datetime.now(zone).date().isoformat()
    told = site.answer("incident", "report", "--from", today, "--to", today)
    assert (told["persons"], told["until"][:16]) == (1, f"{today}T23:59")


def test_who_was_seen_is_known_by_reference_after_the_persons_are_gone(site: Site) -> None:
    site.came(days=9)
    site.answer("purge")
    told = site.answer("incident", "report", "--from", "2020-01-01", "--to", "2100-01-01", "--list")
    assert (told["persons"], told["not_known"], told["fields"]) == (1, 1, [])
    assert told["listed"][0]["personal_id"] is None


def test_a_stolen_machine_is_about_everybody_who_is_kept_on_it(site: Site) -> None:
    for number, person in enumerate((LAN, MINH)):
        site.came(person, run=f"run-{number}")
    told = site.answer("incident", "report", "--kind", "device", "--from", "2026-01-01", "--to", "2026-01-02")
    assert (told["persons"], told["visits"]) == (2, 2)
    code, words = site.run("incident", "report", "--kind", "device", "--from", "2026-01-01", "--to", "2026-01-02")
    assert code == 0
    assert LAN not in words


def test_a_sign_in_is_in_the_audit_with_its_address(site: Site) -> None:
    from kiosk.accounts import Role, open_accounts

    with closing(open_accounts(site.settings, SystemClock())) as accounts:
        accounts.add("hoa.le", "Lê Thị Mẫu", Role.RECEPTIONIST)
    with closing(open_sessions(site.settings, SystemClock())) as sessions:
        sessions.begin("hoa.le", "192.0.2.7")
    newest, added = site.answer("audit", "list", "--limit", "2")["entries"]
    assert (newest["act"], newest["who"], newest["place"]) == ("account.signed_in", "hoa.le", "192.0.2.7")
    assert (added["act"], added["data"]) == ("account.added", {"account": "hoa.le"})


def test_copies_that_are_too_old_go(site: Site, tmp_path: Path) -> None:
    copies = tmp_path / "stick"
    copies.mkdir()
    site.file.write_text(site.file.read_text("utf-8") + f'[backup]\nfolder = "{copies}"\n', "utf-8")
    names = site.settings.site
    old, new = (
        copies / f"tiepdon-{names.facility_code}-{names.kiosk_id}-{stamp(datetime.now(UTC) - timedelta(days=days))}.age"
        for days in (30, 1)
    )
    for file in (old, new):
        file.write_bytes(b"")
    site.answer("purge")
    assert (old.exists(), new.exists()) == (False, True)
