"""`tiepdon doctor` on the real product, whole and broken: always the whole report, the right code, in time."""

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config.settings import database_file, database_path, load
from tests.support.checkin import by_number, leave
from tests.support.screen import Screen
from tests.support.waiting import BUSY_SECONDS, wait_until
from tests.support.world import World, damaged, run_command, site_settings
from tiepdon.checks.database import look_at_database
from tiepdon.doctor import GROUPS, Finding, Status, examine
from tiepdon.migrations import MIGRATIONS
from ui.words import Words, keys
from wire import sqlite
from wire.database import migrate
from wire.findings import REPORT, ask_for_report, asked_at, read_report

pytestmark = pytest.mark.pcsc

LONGEST_SECONDS = BUSY_SECONDS  # its probes' own limits, one beside the other, take less than half of it
PACE = "PACE-ECDH-GM-AES-CBC-CMAC-128"
PARTS = {  # one of these findings is there whatever is broken
    *("settings", "software", "kernel", "trust", "scanner", "camera", "database", "portal", "destination:sandbox-his"),
    *("process:reader", "process:bridge", "process:kiosk"),
}


@dataclass(frozen=True)
class Report:
    code: int
    findings: dict[str, dict[str, Any]]

    def told(self, probe: str) -> tuple[str, str | None]:
        finding = self.findings[probe]
        return finding["status"], finding["code"]

    def troubles(self) -> dict[str, str]:
        """What is wrong with this site. Whether the clips were made since the words last changed is the build's, how
        the machine is that the tests run on is not ours, and nobody opened the touchscreen's page."""
        wrong = {name: one for name, one in self.findings.items() if one["status"] != "ok"}
        return {
            name: one["code"]
            for name, one in wrong.items()
            if name not in ("voice", "screen") and one["group"] != "machine"
        }


def doctor(settings: Path, environment: dict[str, str]) -> Report:
    """Run it, and check what holds for every report."""
    began = time.monotonic()
    done = run_command("doctor", "--config", str(settings), "--json", environment=environment)
    assert time.monotonic() - began < LONGEST_SECONDS
    assert done.stderr == ""
    told = json.loads(done.stdout)
    findings = {finding["probe"]: finding for finding in told["findings"]}
    assert findings.keys() >= PARTS
    assert findings.keys() & {"pcscd", "reader"}
    for finding in findings.values():
        assert (finding["status"] == "ok") == (finding["code"] is None)
    failed = any(finding["status"] == "fail" for finding in findings.values())
    assert told["ok"] is not failed
    assert done.returncode == int(failed)
    return Report(done.returncode, findings)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    started = World(tmp_path_factory.mktemp("doctor") / "state")
    yield started
    started.stop()


@pytest.fixture
def examined(world: World) -> Callable[[], Report]:
    return lambda: doctor(world.settings, world.environment)


@pytest.fixture
def changed(world: World, tmp_path: Path) -> Callable[..., Path]:
    """The world's settings with other values, as a file of their own."""
    told = load(world.settings)
    kept = {"state": told.paths.state, "run": told.paths.run, "listen": told.kiosk.listen}
    kept["staff.listen"] = told.staff.listen
    return lambda **values: site_settings(world, tmp_path / "changed.toml", **{**kept, **values})


@contextmanager
def broken(world: World, fault: str, value: Any = True) -> Iterator[None]:
    world.fault(fault, value)
    try:
        yield
    finally:
        world.fault(fault, None)


def test_all_is_well_in_a_healthy_world(world: World, examined: Callable[[], Report]) -> None:
    report = examined()
    assert report.troubles() == {}
    assert report.code == 0
    assert report.findings["camera"]["data"]["kind"] == "stream"
    assert report.findings["card"]["data"] == {"present": False}
    assert report.findings["reader"]["data"]["name"].startswith("Virtual PCD")
    assert report.findings["reader"]["data"]["interface"] == "unknown"
    assert report.findings["slot"]["data"]["used"] is True
    assert report.findings["trust"]["data"]["certificates"] == 1


@pytest.mark.parametrize(
    ("quirks", "told"),
    [
        ({}, ("ok", None)),
        ({"no_short_file_ids": 0x6A86}, ("ok", None)),
        ({"card_access_refused": 0x6A82}, ("ok", None)),
        ({"remove_after_apdus": 0}, ("warn", "reader.card_removed")),
    ],
)
def test_a_card_on_the_reader_tells_how_it_opens(
    world: World, examined: Callable[[], Report], quirks: dict[str, Any], told: tuple[str, str | None]
) -> None:
    world.place("mau", **quirks)
    try:
        wait_until(lambda: world.reader_sees(card=True), what="the card is seen")
        report = examined()
    finally:
        world.remove()
        wait_until(lambda: world.reader_sees(card=False), what="the reader is empty")
    assert report.told("card") == told
    if told[1] is None:
        assert report.findings["card"]["data"]["present"] is True
        assert report.findings["card"]["data"]["protocol"] == ("BAC" if "card_access_refused" in quirks else PACE)


def test_without_pcscd_it_says_so_and_looks_at_the_rest(world: World) -> None:
    report = doctor(world.settings, {**world.environment, "PCSCLITE_CSOCK_NAME": "/nowhere/pcscd.comm"})
    assert report.troubles() == {"pcscd": "reader.service_down"}
    assert report.code == 1


def test_a_pcscd_that_hangs_does_not_hold_up_the_report(world: World, examined: Callable[[], Report]) -> None:
    pcscd = world.pid("pcscd")
    assert pcscd is not None
    os.kill(pcscd, signal.SIGSTOP)
    try:
        report = examined()
    finally:
        os.kill(pcscd, signal.SIGCONT)
    assert report.told("reader") == ("fail", "doctor.no_answer")
    assert report.told("database") == ("ok", None)


def test_without_a_reader_of_that_name_it_says_so(world: World, changed: Callable[..., Path]) -> None:
    report = doctor(changed(pcsc_reader="Another reader"), world.environment)
    assert report.troubles() == {"reader": "reader.no_reader"}


@pytest.mark.parametrize(
    ("setting", "probe", "told"),
    [
        ("device", "scanner", ("warn", "doctor.device_missing")),
        ("trust_folder", "trust", ("fail", "reader.trust_unusable")),
        ("password_file", "portal", ("warn", "portal.password_missing")),
        ("base_url", "portal", ("warn", "portal.not_configured")),
    ],
)
def test_a_setting_that_points_nowhere_is_told(
    world: World, changed: Callable[..., Path], setting: str, probe: str, told: tuple[str, str]
) -> None:
    report = doctor(changed(**{setting: "/nowhere/at-all"}), world.environment)
    assert report.told(probe) == told
    assert set(report.troubles()) == {probe}


@pytest.mark.parametrize(
    ("fault", "value", "code"),
    [
        ("portal.down", True, "portal.unreachable"),
        ("portal.html", True, "portal.garbled_answer"),
        ("portal.500", True, "portal.server_error"),
        ("portal.slow", 30, "portal.timeout"),
        ("portal.bad_account", True, "portal.bad_account"),
    ],
)
def test_a_portal_in_trouble_is_a_warning_because_people_can_still_check_in(
    world: World, examined: Callable[[], Report], fault: str, value: Any, code: str
) -> None:
    with broken(world, fault, value):
        report = examined()
    assert report.told("portal") == ("warn", code)
    assert report.code == 0


def test_a_hospital_that_is_down_is_a_failure(world: World, examined: Callable[[], Report]) -> None:
    with broken(world, "his.down"):
        report = examined()
    assert report.told("destination:sandbox-his") == ("fail", "delivery.unreachable")
    assert report.code == 1


def test_refused_records_and_a_stopped_destination_are_told(tmp_path: Path) -> None:
    world = World(tmp_path / "state", "--no-pcscd")
    try:
        with Screen(world.touchscreen) as screen:
            with broken(world, "his.ae"):
                by_number(screen, "001303900017")
                leave(screen)
                wait_until(lambda: world.deliveries("--state", "rejected"), 10, "refused")
            report = doctor(world.settings, world.environment)
            assert report.told("outbox:sandbox-his") == ("warn", "delivery.rejected")
            assert report.findings["outbox:sandbox-his"]["data"]["rejected"] == 1
            with broken(world, "his.ar", "201"):
                by_number(screen, "079200900024")
                leave(screen)
                wait_until(lambda: world.deliveries("--destination", "sandbox-his")[0]["last_error"], 10, "stopped")
        report = doctor(world.settings, world.environment)
    finally:
        world.stop()
    assert report.told("delivery:sandbox-his") == ("fail", "delivery.misconfigured")
    assert report.findings["outbox:sandbox-his"]["data"]["waiting"] == 1


def state_with(folder: Path, content: bytes | None) -> str:
    """A state folder whose database holds this."""
    folder.mkdir()
    if content is not None:
        (folder / "tiepdon.db").touch(mode=0o600)
        (folder / "tiepdon.db").write_bytes(content)
    return str(folder)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "doctor.no_database"),
        (b"this is no database at all", "doctor.database_damaged"),
        ("damaged", "doctor.database_damaged"),
        (b"", "database.outdated"),
    ],
)
def test_a_database_that_cannot_be_used_is_told(
    world: World,
    changed: Callable[..., Path],
    tmp_path: Path,
    content: bytes | str | None,
    code: str,
) -> None:
    held = damaged(world, 2) if isinstance(content, str) else content
    report = doctor(changed(state=state_with(tmp_path / "other", held)), world.environment)
    assert report.troubles() == {"database": code}
    assert report.told("database") == ("fail", code)


def test_a_read_only_look_leaves_no_file_behind(world: World, changed: Callable[..., Path], tmp_path: Path) -> None:
    doctor(changed(state=state_with(tmp_path / "other", None)), world.environment)
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_who_may_not_look_is_told_so(world: World) -> None:
    settings = load(world.settings)
    list(examine(settings, None))  # imports everything while it may be read
    os.seteuid(65534)
    try:
        found = {finding.probe: finding.code for finding in examine(settings, None)}
    finally:
        os.seteuid(0)
    for probe in ("database", "process:reader", "process:bridge", "process:kiosk"):
        assert found[probe] == "doctor.not_allowed"


@pytest.mark.parametrize("language", ["vi", "en"])
def test_people_read_cause_and_cure_in_their_language(world: World, language: str) -> None:
    with broken(world, "his.down"), broken(world, "portal.down"):
        done = world.run_command("doctor", "--config", str(world.settings), "--language", language)
    assert done.returncode == 1
    words = Words(language)
    for code in ("delivery.unreachable", "portal.unreachable"):
        told = words.error(code)
        assert f"{code}: {told.cause}" in done.stdout
        assert told.cure in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_of_a_site_that_is_all_dead_there_is_still_a_whole_report(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    world.stop()
    report = doctor(world.settings, world.environment)
    assert report.troubles() == {
        "pcscd": "reader.service_down",
        "scanner": "doctor.device_missing",
        "camera": "camera.missing",
        "printer": "printer.offline",
        "portal": "portal.unreachable",
        "population": "population.unreachable",
        "destination:sandbox-his": "delivery.unreachable",
        "destination:sandbox-fhir": "delivery.unreachable",
        "destination:sandbox-rest": "delivery.unreachable",
        "process:reader": "doctor.process_silent",
        "process:bridge": "doctor.process_silent",
        "process:kiosk": "doctor.process_silent",
        "process:desk": "doctor.process_silent",
    }


def test_a_probe_that_breaks_in_an_unforeseen_way_is_one_finding(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> Iterator[Finding]:
        yield Finding(probe="database", status=Status.OK)
        raise ZeroDivisionError

    monkeypatch.setattr("tiepdon.checks.database.look_at_database", breaks)
    findings = [found for found in examine(load(world.settings), None) if found.probe == "database"]
    assert [(found.status, found.code) for found in findings] == [(Status.OK, None), (Status.FAIL, "internal")]
    assert findings[1].data == {"kind": "ZeroDivisionError"}


def test_settings_that_cannot_be_read_are_told_and_the_machine_is_looked_at_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "tiepdon.toml"
    file.write_text("[site]\nkiosk_idd = 1\n", "utf-8")
    done = run_command("doctor", "--config", str(file), "--json")
    assert done.returncode == 2
    found = {finding["probe"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["settings"]["code"] == "config.unknown_key"
    assert found["settings"]["data"]["meant"] == "kiosk_id"
    assert found.keys() >= {"software", "kernel", "version", "units", "time", "rtc", "memory", "temperature"}


def test_with_everything_broken_at_once_the_report_is_whole_and_in_time(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Probes that hang, probes that raise, a database of rubbish, nothing that answers: all in one."""
    dead = load(site_settings(world, tmp_path / "dead.toml", state=state_with(tmp_path / "other", b"rubbish" * 2000)))
    released = threading.Event()

    def hangs(*_: object) -> Iterator[Finding]:
        yield Finding(probe="portal", status=Status.OK)
        released.wait()

    def raises(*_: object) -> Iterator[Finding]:
        raise RecursionError

    monkeypatch.setattr("tiepdon.checks.outside.look_at_insurance", hangs)
    monkeypatch.setattr("tiepdon.checks.disk.look_at_disks", hangs)
    for probe in ("power.look_at_memory", "clock.look_at_time", "printer.look_at_printer", "units.look_at_units"):
        monkeypatch.setattr(f"tiepdon.checks.{probe}", raises)
    began = time.monotonic()
    try:
        found = list(examine(dead, None))
    finally:
        released.set()
    assert time.monotonic() - began < 10
    told = {finding.probe: finding.code for finding in found}
    assert told["disk"] == "doctor.no_answer"
    assert told["database"] == "doctor.database_damaged"
    assert {told[name] for name in ("memory", "time", "printer", "units")} == {"internal"}
    assert {told[f"process:{name}"] for name in ("reader", "bridge", "kiosk")} == {"doctor.process_silent"}
    hung = [finding.code for finding in found if finding.probe == "portal"]
    assert hung[:2] == [None, "doctor.no_answer"]  # what it had found by then is kept
    assert {finding.group for finding in found} == set(GROUPS)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_program_reads_cause_and_cure_of_each_finding_too(world: World, language: str) -> None:
    with broken(world, "portal.down"):
        done = world.run_command("doctor", "--config", str(world.settings), "--json", "--language", language)
    told = json.loads(done.stdout)
    assert set(told) == {"made_at", "version", "seconds", "ok", "findings"}
    fields = {"probe", "status", "code", "data", "milliseconds", "group", "cause", "cure"}
    words = Words(language)
    for finding in told["findings"]:
        assert set(finding) == fields
        error = None if finding["code"] is None else words.error(finding["code"])
        assert (finding["cause"], finding["cure"]) == ((error.cause, error.cure) if error else (None, None))
    assert "portal.unreachable" in {finding["code"] for finding in told["findings"]}


def test_a_database_that_somebody_holds_is_told_as_that_and_in_time(
    world: World, changed: Callable[..., Path], tmp_path: Path
) -> None:
    state = Path(state_with(tmp_path / "other", damaged(world, 1 << 20)))  # whole
    with closing(sqlite.connect(state / "tiepdon.db", isolation_level=None)) as held:
        held.execute("PRAGMA journal_mode=WAL")
        held.execute("BEGIN IMMEDIATE")
        report = doctor(changed(state=str(state)), world.environment)
        held.execute("ROLLBACK")
    assert report.told("database") == ("fail", "database.unavailable")
    assert report.findings["database"]["data"] == {"why": "database is locked"}


def test_a_large_database_is_read_as_far_as_there_is_time(world: World, tmp_path: Path) -> None:
    settings = load(site_settings(world, tmp_path / "large.toml"))
    migrate(database_file(settings), MIGRATIONS)
    with closing(sqlite.connect(database_path(settings))) as connection:
        connection.execute("CREATE TABLE large (content BLOB)")
        connection.executemany("INSERT INTO large VALUES (randomblob(1 << 20))", [()] * 64)
        connection.commit()
    told = [next(look_at_database(settings, check_seconds=seconds)) for seconds in (0.001, 60.0)]
    assert [(found.status, found.code) for found in told] == [(Status.OK, None)] * 2
    assert [found.data["read_whole"] for found in told] == [False, True]


def test_names_that_nobody_answers_for_are_no_fault_of_the_site_and_hold_up_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is down: the system's resolver takes half a minute for every name."""
    released = threading.Event()

    asked = socket.getaddrinfo

    def hangs(host: str, *rest: Any, **more: Any) -> Any:
        if host.endswith(".invalid"):  # an address needs no resolver
            released.wait()
        return asked(host, *rest, **more)

    file = site_settings(world, tmp_path / "away.toml", base_url="https://portal.invalid")
    with file.open("a") as more:
        more.write('\n[heartbeat]\nurl = "https://watch.invalid/beat"\n')
    settings = load(file)
    migrate(database_file(settings), MIGRATIONS)
    monkeypatch.setattr("socket.getaddrinfo", hangs)
    began = time.monotonic()
    try:
        found = {finding.probe: finding for finding in examine(settings, None)}
    finally:
        released.set()
    assert time.monotonic() - began < 10
    for probe in ("portal", "clock"):
        assert found[probe].status in (Status.OK, Status.WARN), probe
    assert [one for one in found.values() if one.code == "doctor.no_answer"] == []


@pytest.mark.parametrize("address", ["https://[::1", "https://portal.invalid:99999/", "https://:x/"])
def test_an_address_that_is_none_ends_no_report(world: World, tmp_path: Path, address: str) -> None:
    found = list(examine(load(site_settings(world, tmp_path / "odd.toml", base_url=address)), None))
    assert {"portal", "database", "watchdog"} <= {finding.probe for finding in found}


def test_what_people_check_in_without_is_a_warning_also_where_it_hangs_or_breaks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update is taken back for what fails: never for a portal, a stick or a camera that hangs meanwhile."""
    released = threading.Event()

    def hangs(*_: object) -> Iterator[Finding]:
        released.wait()
        yield from ()

    def raises(*_: object) -> Iterator[Finding]:
        raise RecursionError

    monkeypatch.setattr("tiepdon.checks.outside.look_at_insurance", hangs)
    monkeypatch.setattr("tiepdon.checks.upkeep.look_at_backup", hangs)
    monkeypatch.setattr("tiepdon.checks.disk.look_at_disks", hangs)
    monkeypatch.setattr("tiepdon.checks.units.look_at_units", raises)
    try:
        found = {one.probe: one for one in examine(load(world.settings), None, longest_seconds=3.0)}
    finally:
        released.set()
    told = {probe: (found[probe].status, found[probe].code) for probe in ("portal", "backup", "disk", "units")}
    assert told == {
        "portal": (Status.WARN, "doctor.no_answer"),
        "backup": (Status.WARN, "doctor.no_answer"),
        "disk": (Status.FAIL, "doctor.no_answer"),
        "units": (Status.WARN, "internal"),
    }


def test_a_report_that_cannot_be_written_is_told(world: World, tmp_path: Path) -> None:
    where = str(tmp_path / "no" / "doctor.json")
    done = world.run_command("doctor", "--config", str(world.settings), "--write", where, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["error"]["code"] == "doctor.report_unwritable"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"= [", b"\x00" * 100, b"x" * (2 << 20)])
def test_a_settings_file_that_is_no_settings_file_still_gives_a_report(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "tiepdon.toml"
    file.write_bytes(content)
    done = run_command("doctor", "--config", str(file), "--json")
    assert (done.returncode, done.stderr) == (2, "")
    found = {finding["probe"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["settings"]["status"] == "fail"
    assert found["settings"]["cure"]
    assert found.keys() >= {"memory", "units", "time"}


def test_every_code_of_a_probe_has_words_and_every_probe_its_group(world: World) -> None:
    for finding in examine(load(world.settings), None):
        assert finding.probe.partition(":")[0] in {probe for group in GROUPS.values() for probe in group}
    known = keys("en")
    sources = [*Path("tiepdon/checks").glob("*.py"), Path("tiepdon/doctor.py")]
    told = {code for file in sources for code in re.findall(r'"(doctor\.[a-z_]+)"', file.read_text("utf-8"))}
    assert len(told) > 50
    assert {f"error.{code}{part}" for code in told for part in ("", ".cure")} <= known


def test_a_running_site_makes_a_report_when_somebody_asks(world: World) -> None:
    run = Path(load(world.settings).paths.run)
    assert not (run / REPORT).exists()  # a look touches the reader: nobody asked yet
    ask_for_report(run)
    wait_until(lambda: asked_at(run) is None, 20, "the report is made")
    report = read_report(run / REPORT)
    assert report.ok
    found = {finding.probe: finding for finding in report.findings}
    assert found["reader"].data["name"].startswith("Virtual PCD")  # type: ignore[union-attr]
    assert found["destination:sandbox-his"].data["milliseconds"] >= 0  # type: ignore[operator]
