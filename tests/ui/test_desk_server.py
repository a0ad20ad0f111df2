"""The desk process itself: gunicorn with every part on the staff's address, with and without TLS."""

import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from config.settings import load
from tests.support.waiting import BUSY_SECONDS, LONG_SECONDS, wait_until
from tests.ui.desk_tls import certificate
from tests.ui.technician_desk import PretendBridge
from tests.ui.test_server import free_port
from tiepdon.main import main
from tiepdon.readiness import http_json, socket_answers
from ui.desk import csrf
from ui.desk.streams import MOST_OF_ONE
from ui.desk.worker import MOST_OF_ONE_ADDRESS

PIN = "270594"
PRESS = {"HX-Request": "true", "Content-Type": "application/x-www-form-urlencoded"}


class Desk:
    """The process, and somebody who signs in to it."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.port = free_port()
        self.settings, self.log = folder / "tiepdon.toml", folder / "desk.log"
        self.settings.write_text(
            f'[site]\nsynthetic = true\n[paths]\nstate = "{folder}/state"\nrun = "{folder}/run"\n'
            f'[staff]\nlisten = "127.0.0.1:{self.port}"\n{more}',
            "utf-8",
        )
        assert self.command("database", "migrate").returncode == 0
        command = [sys.executable, "-m", "tiepdon.main", "desk", "--config", str(self.settings)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log)
        unix = Path(load(self.settings).paths.run) / "desk.sock"
        wait_until(lambda: self.process.poll() is not None or socket_answers(unix, "/health"), 30, "the desk process")
        assert self.process.poll() is None, self.log.read_text("utf-8")

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        asked = [sys.executable, "-m", "tiepdon.main", *words, "--config", str(self.settings)]
        return subprocess.run(asked, capture_output=True, text=True, check=False)

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG_SECONDS)

    def post(self, path: str, cookie: str = "", **form: str) -> http.client.HTTPResponse:
        more = {"Cookie": f"tiepdon={cookie}", csrf.HEADER: csrf.token_for(cookie)} if cookie else {}
        connection = self.connection()
        connection.request("POST", path, urlencode(form), {**PRESS, **more})
        return connection.getresponse()

    def get(self, path: str, cookie: str = "") -> int:
        connection = self.connection()
        connection.request("GET", path, headers={"Cookie": f"tiepdon={cookie}"})
        return connection.getresponse().status

    def somebody(self, name: str, role: str) -> str:
        """The cookie of somebody made on the command line, who chose a PIN and signed in."""
        made = json.loads(self.command("account", "add", name, "Mẫu", "--role", role, "--json").stdout)
        assert made["link"].endswith(f"/secret#{made['code']}")
        assert self.post("/secret", name=name, code=made["code"], secret=PIN, again=PIN).status == 200
        return self.signed_in(name)

    def signed_in(self, name: str) -> str:
        told = self.post("/sign-in", name=name, secret=PIN)
        assert told.status == 204
        return (told.getheader("Set-Cookie") or "").partition(";")[0].partition("=")[2]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(LONG_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def desk(run_dir: Path) -> Iterator[Desk]:
    started = Desk(run_dir)
    yield started
    started.stop()


def test_somebody_signs_in_and_streams_end_with_the_session_and_delay_no_stop(desk: Desk) -> None:
    bridge = PretendBridge(Path(load(desk.settings).paths.run) / "bridge.sock")
    bridge.start()
    cookie, other = desk.somebody("tuan", "technician"), desk.somebody("lan", "technician")
    assert (desk.get("/technician", cookie), desk.get("/counter", cookie), desk.get("/people", cookie)) == (
        200,
        403,
        403,
    )
    streams = []
    for whose in (cookie, other):
        connection = desk.connection()
        connection.request("GET", "/technician/events", headers={"Cookie": f"tiepdon={whose}"})
        streams.append(connection.getresponse())
        assert streams[-1].readline() == b"event: part\n"
    assert desk.command("account", "disable", "tuan").returncode == 0
    assert b"event: over" in streams[0].read()  # within a heartbeat, and nothing of the page after it
    assert desk.get("/technician", cookie) == 401
    desk.process.send_signal(signal.SIGTERM)
    streams[1].read()  # ends properly: a worker killed once its patience is over would leave it incomplete
    assert desk.process.wait(LONG_SECONDS) == 0
    bridge.stop()
    told = desk.log.read_text("utf-8")
    assert PIN not in told
    assert cookie not in told


def test_clients_that_say_nothing_shut_nobody_out(desk: Desk) -> None:
    silent = [socket.create_connection(("127.0.0.1", desk.port)) for _ in range(MOST_OF_ONE_ADDRESS - 2)]
    for one in silent:
        one.sendall(b"GET /health HTTP/1.1\r\n")
    assert http_json("127.0.0.1", desk.port, "/health") == {"status": "ok"}
    for one in silent:
        one.close()


def test_a_page_that_was_left_takes_no_place_from_the_next(desk: Desk) -> None:
    """Whoever goes from page to page opens a stream on each: far more in a heartbeat than one account may have."""
    cookie = desk.somebody("lan", "receptionist")
    for number in range(MOST_OF_ONE + 3):
        connection = desk.connection()
        connection.request("GET", "/counter/list/events", headers={"Cookie": f"tiepdon={cookie}"})
        stream = connection.getresponse()
        assert stream.status == 200, f"stream {number}"
        assert stream.readline() == b"event: part\n"
        stream.close()
        connection.close()


def test_clients_that_never_hang_up_keep_nobody_waiting(desk: Desk) -> None:
    """gunicorn waits for each of them two seconds, and meanwhile accepts nobody (ui/farewell.py)."""
    began = time.monotonic()
    staying = [socket.create_connection(("127.0.0.1", desk.port)) for _ in range(20)]
    for one in staying:
        one.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        while one.recv(4096):  # the whole answer, and that nothing more comes
            pass
    assert http_json("127.0.0.1", desk.port, "/health") == {"status": "ok"}
    assert time.monotonic() - began < BUSY_SECONDS  # in turn they would take twice that
    for one in staying:
        one.close()


def test_with_a_certificate_it_speaks_tls_of_today_and_nothing_else(run_dir: Path) -> None:
    certificate_file, key_file = certificate(run_dir, "tiepdon.example.test")
    desk = Desk(run_dir, f'certificate_file = "{certificate_file}"\nkey_file = "{key_file}"\n')
    trusting = ssl.create_default_context(cafile=str(certificate_file))
    for name, status in (("127.0.0.1", 200), ("tiepdon.example.test", 200), ("elsewhere.example", 403)):
        connection = http.client.HTTPSConnection("127.0.0.1", desk.port, context=trusting, timeout=LONG_SECONDS)
        connection.request("GET", "/sign-in", headers={"Host": name})
        assert connection.getresponse().status == status
        connection.close()
    made = json.loads(desk.command("account", "add", "lan", "Mẫu", "--role", "supervisor", "--json").stdout)
    told = None
    for path, form in (
        ("/secret", {"name": "lan", "code": made["code"], "secret": PIN, "again": PIN}),
        ("/sign-in", {"name": "lan", "secret": PIN}),
    ):
        connection = http.client.HTTPSConnection("127.0.0.1", desk.port, context=trusting, timeout=LONG_SECONDS)
        connection.request("POST", path, urlencode(form), PRESS)
        told = connection.getresponse().getheader("Set-Cookie") or ""
        connection.close()
    assert told is not None
    assert told.startswith("__Host-tiepdon=")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} == set(told.split("; ")[1:])
    old = ssl.create_default_context(cafile=str(certificate_file))
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", desk.port)) as plain, pytest.raises(ssl.SSLError):
        old.wrap_socket(plain, server_hostname="127.0.0.1")
    assert desk.stop() == 0


@pytest.mark.parametrize(
    ("staff", "code"),
    [
        ("", "desk.no_address"),
        ('listen = "0.0.0.0:8443"', "config.wrong_type"),
        ('listen = "127.0.0.1:8443"\ncertificate_file = "/nowhere"\nkey_file = "/nowhere"', "desk.certificate"),
    ],
)
def test_an_address_that_cannot_be_safe_is_refused_with_a_code_and_a_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], staff: str, code: str
) -> None:
    file = tmp_path / "tiepdon.toml"
    file.write_text(f'[paths]\nstate = "{tmp_path}"\nrun = "{tmp_path}"\n[staff]\n{staff}\n', "utf-8")
    assert main(["desk", "--config", str(file)]) != 0
    assert code in capsys.readouterr().err
