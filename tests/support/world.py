"""A running `tiepdon run`: its desk, its database, its processes."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from config.settings import Settings, database_path, load, socket_path
from kiosk.accounts import Role, open_accounts
from kiosk.clock import SystemClock
from kiosk.sessions import open_sessions
from tests.support.processes import child_named, children
from ui.desk.gate import cookie_name
from wire import sqlite
from wire.client import Client

START_SECONDS = 60
TIEPDON = (sys.executable, "-m", "tiepdon.main")
COMMANDS = {  # how each process is told from its siblings
    "pcscd": ("pcscd", "--foreground"),
    "sandbox": ("tiepdon.main", "sandbox"),
    "reader": ("tiepdon.main", "reader"),
    "bridge": ("tiepdon.main", "bridge", "serve"),
    "kiosk": ("tiepdon.main", "kiosk"),
    "staff": ("tiepdon.main", "desk"),
}


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run_command(*arguments: str, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """One `tiepdon` command, to its end."""
    return subprocess.run(
        [*TIEPDON, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


class World:
    """A running `tiepdon run` and its desk. `state` is its folder; the log is kept beside it."""

    def __init__(self, state: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        self.log = state.with_name(state.name + ".log")
        self._cookie = ""
        ports = ("--port", str(free_port()), "--desk-port", str(free_port()), "--staff-port", str(free_port()))
        if "--config" in options or "--port" in options:
            ports = ()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*TIEPDON, "run", "--state", str(state), "--json", *ports, *options],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **(environment or {})},
                text=True,
            )
        self.facts = self._first_line()
        self.touchscreen: str = self.facts.get("touchscreen", "")  # none on a machine with the staff's pages alone
        self.settings = Path(self.facts["settings"])
        self.environment = {**os.environ, **self.facts.get("environment", {})}
        self.pids: dict[str, int] = self.facts["pids"]

    def _first_line(self) -> dict[str, Any]:
        timer = threading.Timer(START_SECONDS, self.process.kill)
        timer.start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            self._end()
            raise AssertionError(f"tiepdon run did not start:\n{self.log.read_text('utf-8')[-4000:]}")
        facts: dict[str, Any] = json.loads(line)
        return facts

    # The desk.

    def desk(self, method: str, path: str, body: Any = None) -> Any:
        host = self.facts["desk"].removeprefix("http://").rstrip("/")
        connection = http.client.HTTPConnection(host, timeout=10)
        try:
            data = json.dumps(body) if body is not None else None
            connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
            response = connection.getresponse()
            text = response.read()
            assert response.status < 300, (response.status, text)
            return json.loads(text) if text else None
        finally:
            connection.close()

    def place(self, person: str, **quirks: Any) -> None:
        self.desk("POST", "/card/place", {"person": person, "quirks": quirks})

    def remove(self) -> None:
        self.desk("POST", "/card/remove", {})

    def reader_sees(self, card: bool) -> bool:
        """Does the reader process see a card, or none? It takes pcscd a moment after the desk."""
        told = Client(socket_path(load(self.settings), "reader")).get("/v1/health", dict[str, Any])
        return bool(told["presence"]["card"]) is card

    def show_qr(self, person: str) -> None:
        self.desk("POST", "/scanner/show", {"person": person})

    def hold_up(self, person: str, face: str, worn: bool = False) -> None:
        """A card's face, or a telephone with its code, to the camera."""
        self.desk("POST", "/camera/show", {"person": person, "face": face, "worn": worn})

    def take_down(self) -> None:
        self.desk("POST", "/camera/clear", {})

    def fault(self, name: str, value: Any = True) -> None:
        self.desk("POST", "/faults", {"name": name, "value": value})

    def mend(self) -> None:
        """Every fault off."""
        for name, value in self.desk("GET", "/state")["faults"].items():
            if value is not None:
                self.fault(name, None)

    def touch(self, action: str, value: str = "") -> None:
        """A touch by somebody who does not see the screen."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"}
        connection = http.client.HTTPConnection(self.touchscreen.removeprefix("http://").rstrip("/"), timeout=10)
        try:
            connection.request("POST", "/touchscreen/act", f"action={action}&value={value}", headers)
            response = connection.getresponse()
            response.read()
            assert response.status == 204
        finally:
            connection.close()

    def received(self, system: str = "his") -> list[dict[str, Any]]:
        """What one of the hospital systems has: his (over MLLP), fhir or rest."""
        return [message for message in self.desk("GET", "/his/messages") if message["system"] == system]

    def person(self, key: str) -> dict[str, Any]:
        people: list[dict[str, Any]] = self.desk("GET", "/people")
        return next(person for person in people if person["key"] == key)

    def staff_page(self, path: str) -> str:
        """A page of the staff's address as a receptionist sees it who signed in."""
        settings = load(self.settings)
        if not self._cookie:
            self._cookie = f"{cookie_name(settings)}={_signed_in(settings)}"
        connection = http.client.HTTPConnection(settings.staff.listen, timeout=10)
        try:
            connection.request("GET", path, headers={"Cookie": self._cookie})
            response = connection.getresponse()
            text = response.read().decode()
            assert response.status == 200, (response.status, text)
            return text
        finally:
            connection.close()

    # The command line and the database.

    def run_command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return run_command(*arguments, environment=self.environment)

    def deliveries(self, *options: str) -> list[dict[str, Any]]:
        """What `tiepdon bridge deliveries` tells, newest first."""
        told = self.run_command("bridge", "deliveries", "--config", str(self.settings), "--json", *options)
        assert told.returncode == 0, told.stderr
        found: list[dict[str, Any]] = json.loads(told.stdout)["deliveries"]
        return found

    @contextmanager
    def database(self) -> Iterator[sqlite.Connection]:
        """The database, for looking only."""
        path = database_path(load(self.settings))
        with closing(sqlite.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite.Row
            yield connection

    def count(self) -> tuple[int, int, int]:
        """(visits, tickets with a visit, arrivals owed or delivered to each destination): one snapshot."""
        with self.database() as connection:
            row = connection.execute(
                "WITH arrivals AS (SELECT count(*) AS many FROM deliveries WHERE revision = 0 GROUP BY destination) "
                "SELECT (SELECT count(*) FROM visits), (SELECT count(*) FROM tickets WHERE visit_id IS NOT NULL), "
                "(SELECT ifnull(max(many), 0) FROM arrivals), (SELECT ifnull(min(many), 0) FROM arrivals)"
            ).fetchone()
        assert row[2] == row[3]  # a visit is owed to every destination, or to none
        return row[0], row[1], row[2]

    # The processes.

    def pid(self, name: str) -> int | None:
        """The process that plays this part now; None while there is none."""
        return child_named(self.process.pid, *COMMANDS[name])

    def workers(self) -> list[int]:
        """The kiosk's worker processes."""
        master = self.pid("kiosk")
        return children(master) if master is not None else []

    def stop(self, number: int = signal.SIGTERM) -> str:
        """End it; returns what it still wrote on standard output."""
        self.process.send_signal(number)
        try:
            self.process.wait(30)
        finally:
            rest = self._end()
        return rest

    def _end(self) -> str:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            return stdout.read()


@contextmanager
def running(state: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[World]:
    """A world that is stopped in the end."""
    world = World(state, *options, environment=environment)
    try:
        yield world
    finally:
        world.stop()


def _signed_in(settings: Settings) -> str:
    """A session of a receptionist, whose account is made where there is none."""
    clock = SystemClock()
    with closing(open_accounts(settings, clock)) as accounts, closing(open_sessions(settings, clock)) as sessions:
        if "reader" not in {account.name for account in accounts.all()}:
            accounts.add("reader", "Mẫu Thị Đọc", Role.RECEPTIONIST)
        return sessions.begin("reader")


def damaged(world: World, whole_pages: int) -> bytes:
    """The world's database with rubbish behind its first so many pages (0: behind the file's header)."""
    with world.database() as connection, tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.db"
        connection.execute("VACUUM INTO ?", (str(whole),))
        content = whole.read_bytes()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    kept = max(whole_pages * size, 100)
    return content[:kept] + b"\xa5" * (len(content) - kept)


def site_settings(world: World, file: Path, more: str = "", **values: str) -> Path:
    """The settings of a sandbox run as those of a site beside it: folders and a port of its own.

    `values` take the place of the settings of that name; `more` is put at the end.
    """
    changed = {
        "state": str(file.parent / "site-state"),
        "run": str(file.parent / "site-run"),
        "listen": f"127.0.0.1:{free_port()}",
        "staff.listen": "",  # it asks for no pages of the staff
        **values,
    }
    text = world.settings.read_text("utf-8")
    for name, value in changed.items():
        text, times = re.subn(rf"^{re.escape(name)} = .*$", f"{name} = {json.dumps(value)}", text, flags=re.MULTILINE)
        assert times == 1
    file.write_text(text + more, "utf-8")
    return file
