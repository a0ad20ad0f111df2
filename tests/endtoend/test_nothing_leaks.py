"""Whatever becomes of a look-up in the three running processes, nothing they write tells whom it was about or a secret.

Looked at: the log of all processes at debug level, with tracebacks and the last words of killed ones, and every file of
the run. A visit's own row may hold its record; people who were only asked about stand nowhere.
"""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.settings import load, socket_path
from hisbridge.questions import Citizen, CitizenQuestion, Coverage, CoverageQuestion
from sandbox.people import find
from sandbox.person import Person
from tests.endtoend.conftest import World
from tests.hisbridge.test_secrets_in_logs import spellings
from tests.support.checkin import say_yes
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from tests.support.world import run_command
from wire import sqlite
from wire.client import Client
from wire.errors import TiepDonError

pytestmark = pytest.mark.pcsc

PASSWORD = "mật-khẩu-bí-mật-7391"
MARK = "token-mark-5f3c9a77-"
SECRETS = {
    "password": PASSWORD,
    "MD5 of the password": hashlib.md5(PASSWORD.encode(), usedforsecurity=False).hexdigest(),
    "token": MARK,
    "register's account as HTTP writes it": "c2FuZGJveC1raW9zazo",
    "query string": "?token=",
    "second half of the query string": "&id_token=",
}
ASKED = ("thu", "dat-dau", "khac-ten", "hai-the")  # only asked about
CHECKED_IN = ("vi-du", "eban")
# Columns of a visit that may hold what is known of its person.
VISITS = {
    *("visits.record", "deliveries.payload", "open_questions.question", "open_questions.coverage"),
    "sought.word",  # by which the counter finds them; goes with the visit
}
OWN_FILES = ("portal-password", "population-secret", "tiepdon.toml")  # where a secret or an officer belongs
Faults = dict[str, tuple[object, str | None]]  # the fault's value, and the reason that tells that it was met
PORTAL: Faults = {
    "portal.html": (True, "portal.garbled_answer"),
    "portal.500": (True, "portal.server_error"),
    "portal.half": (True, "portal.garbled_answer"),
    "portal.slow_lookup": (5, "portal.timeout"),
    "portal.bad_account": (True, "portal.bad_account"),
    "portal.tls": ("name", "portal.certificate"),
    "portal.code": ("060", None),
}
REGISTER: Faults = {
    "population.500": (True, "population.server_error"),
    "population.bomb": (True, "population.garbled_answer"),
    "population.fault": (True, "population.fault"),
    "population.mismatch": (True, "population.name_disagrees"),
}


def about(person: Person) -> dict[str, str]:
    """What is known of a person and told to nobody."""
    born = person.birth_date.split("-")
    known = {
        "name": person.full_name,
        "name in capitals": person.full_name.upper(),
        "number": person.personal_id,
        "card": person.insurance.card_number or "",
        "social security number": person.insurance.social_security_number or "",
    }
    if len(born) == 3:
        known |= {
            "born": person.birth_date,
            "born for the portal": "/".join(reversed(born)),
            "born bare": "".join(born),
        }
    return {f"{person.key}'s {name}": text for name, text in known.items() if text}


PROMISED = {**SECRETS, **{name: text for key in (*ASKED, *CHECKED_IN) for name, text in about(find(key)).items()}}


def found(written: bytes, promised: dict[str, str] = PROMISED) -> list[str]:
    return [name for name, text in promised.items() if any(way in written for way in spellings(text))]


@dataclass
class Session:
    """A run in which every process tells all it can; what its commands wrote on standard error."""

    world: World
    state: Path
    switches: Path
    environment: dict[str, str]
    commands: list[str] = field(default_factory=list)

    def bridge(self) -> Client:
        return Client(socket_path(load(self.world.settings), "bridge"))

    def coverage(self, key: str) -> Coverage:
        who = find(key)
        question = CoverageQuestion(
            personal_id=who.personal_id, full_name=who.full_name, birth_date=who.birth_date, visit_date="2026-11-22"
        )
        path = "/v1/coverage/fresh?deadline_ms=800"
        return self.bridge().post(path, question, Coverage, timeout=5)

    def citizen(self, key: str) -> Citizen:
        who = find(key)
        question = CitizenQuestion(personal_id=who.personal_id, full_name=who.full_name, birth_date=who.birth_date)
        return self.bridge().post("/v1/citizen?deadline_ms=800", question, Citizen, timeout=5)

    def command(self, what: str, key: str, *more: str) -> None:
        who = find(key)
        options = ("--personal-id", who.personal_id, "--name", who.full_name, "--birth", who.birth_date)
        done = run_command("lookup", what, *options, *more, environment=self.environment)
        self.commands.append(done.stderr)

    def log(self) -> bytes:
        return self.world.log.read_bytes() + "".join(self.commands).encode()

    def files(self) -> dict[str, bytes]:
        """Every file of the run but those whose purpose is to hold a secret, and keys of the sandbox's own."""
        return {
            path.name: path.read_bytes()
            for path in self.state.rglob("*")
            if path.is_file() and path.name not in OWN_FILES
        }

    def columns(self) -> dict[str, bytes]:
        """What stands in the database besides the visits' own records, by table and column."""
        with closing(sqlite.connect(self.state / "tiepdon.db")) as connection:
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            told: dict[str, bytes] = {}
            for table in tables:
                rows = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # names from the database itself
                names = [f"{table}.{column[0]}" for column in rows.description]
                for row in rows:
                    for name, value in zip(names, row, strict=True):
                        told[name] = told.get(name, b"") + (value if isinstance(value, bytes) else str(value).encode())
        return told


def met(session: Session, faults: Faults, ask: Callable[[str], Coverage | Citizen]) -> None:
    """Ask under each fault until it was really met: a line that failed a moment ago is not waited for."""
    for number, (fault, (value, reason)) in enumerate(faults.items()):
        session.world.fault(fault, value)

        def is_met(who: str = ASKED[number % len(ASKED)], reason: str | None = reason) -> bool:
            return ask(who).reason == reason

        wait_until(is_met, 10, f"{fault} is met")
        session.world.mend()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("leaks")
    switches = folder / "switches"
    switches.mkdir()
    watching = {
        "PYTHONPATH": os.pathsep.join((str(Path(__file__).with_name("watching")), str(Path(__file__).parents[2]))),
        "WATCHING": str(switches),
        "MARK": MARK,
        "PYTHONDEVMODE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SSLKEYLOGFILE": str(folder / "state" / "tls-keys"),
    }
    world = World(folder / "state", environment=watching)
    (folder / "state" / "portal-password").write_text(PASSWORD, "utf-8")
    made = Session(world, folder / "state", switches, {**world.environment, **watching})
    yield made
    world.stop()


def killed_on_the_way(world: World, screen: Screen, key: str, process: str, number: signal.Signals) -> None:
    """Somebody checks in while the portal is slow, and a process ends under them."""
    world.fault("portal.slow", 3)
    screen.touch("cancel")
    screen.wait_for("start")
    world.show_qr(key)
    screen.wait_for("confirm")
    victim = world.pid(process)
    assert victim is not None
    os.kill(victim, number)
    wait_until(lambda: world.pid(process) not in (None, victim), 20, f"{process} is back")
    if process == "bridge":
        say_yes(screen)
        screen.wait_for("ticket")
    world.mend()


@pytest.fixture(scope="module")
def after_everything(session: Session) -> Session:
    world = session.world
    for key in ASKED:
        assert session.coverage(key).result_code is not None
        assert session.citizen(key).reason is None or key == "dat-dau"
    met(session, PORTAL, session.coverage)
    met(session, REGISTER, session.citizen)
    session.command("coverage", ASKED[0], "--config", str(world.settings), "--visit-date", "14/02/2003")
    session.command("coverage", ASKED[0], "--config", str(world.settings), "--fresh", "--json")

    (session.switches / "break").touch()  # with a token in hand nobody hashes: a fault that costs the token first
    world.fault("portal.token_expired", "always")
    wait_until(lambda: session.coverage(ASKED[1]).reason not in ("lookup.offline", None), 10, "the error inside")
    alone = session.state.parent / "alone.toml"
    text = world.settings.read_text("utf-8").replace(str(session.state / "run"), str(session.state / "nobody"))
    alone.write_text(text, "utf-8")
    session.command("coverage", ASKED[1], "--config", str(alone))
    (session.switches / "break").unlink()
    world.mend()

    with Screen(world.touchscreen) as screen:
        killed_on_the_way(world, screen, CHECKED_IN[0], "bridge", signal.SIGABRT)
        killed_on_the_way(world, screen, CHECKED_IN[1], "kiosk", signal.SIGKILL)

    def answers() -> bool:
        try:
            return session.coverage(ASKED[0]).result_code == "000"
        except TiepDonError:
            return False

    wait_until(answers, 20, "the bridge is back")
    return session


def test_the_log_is_of_processes_that_told_all_they_could(after_everything: Session) -> None:
    log = after_everything.log()
    for sign in (
        b"DEBUG",
        b'"level": "debug"',
        b'"request_id": "',
        b"a question failed with LookupError",
        b"Fatal Python error: Aborted",
        b"Current thread",
    ):
        assert sign in log
    assert b"internal kind=LookupError" in log  # the command without a bridge, in one line


def test_no_log_and_no_command_tells_a_person_or_a_secret(after_everything: Session) -> None:
    assert found(after_everything.log()) == []


def test_people_who_were_only_asked_about_and_secrets_stand_in_no_file(after_everything: Session) -> None:
    files = after_everything.files()
    assert {"tiepdon.db", "tiepdon.db-wal"} <= files.keys()
    promised = {**SECRETS, **{name: text for key in ASKED for name, text in about(find(key)).items()}}
    assert {name: told for name, content in files.items() if (told := found(content, promised))} == {}
    assert "tls-keys" not in files


def test_who_checked_in_stands_in_the_visits_own_records_alone(after_everything: Session) -> None:
    with after_everything.world.database() as connection:
        records = [row[0] for row in connection.execute("SELECT record FROM visits")]
    assert any(find(CHECKED_IN[0]).personal_id in record for record in records)
    columns = after_everything.columns()
    assert {name: told for name, content in columns.items() if name not in VISITS and (told := found(content))} == {}


def test_a_leak_that_is_planted_is_found(after_everything: Session) -> None:
    """Last: it spoils the log."""
    (after_everything.switches / "leak").touch()
    after_everything.world.fault("portal.token_expired", "always")
    after_everything.coverage(ASKED[0])
    wait_until(lambda: "password" in found(after_everything.log()), 10, "the planted leak")
    (after_everything.state / "planted").write_text(f"?token={MARK}", "utf-8")
    assert found(after_everything.files()["planted"]) == ["token", "query string"]
    for key in ASKED:
        for name, text in about(find(key)).items():
            assert name in found(f"x{text}y".encode())
