"""The touchscreen's address and the sockets behind it, attacked in the real processes over their own wires.

What one answer says is tried beside the pages (tests/ui/test_touches.py); here it is gunicorn, the reader and the
bridge themselves: bodies without end, names that are not ours, paths that lead out, clients that say half a word.
"""

import contextlib
import gzip
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.looking import screen_of
from tests.support.waiting import wait_until
from tests.ui.test_server import Process
from tiepdon.readiness import socket_answers

FORM = "application/x-www-form-urlencoded"
TOUCH = {"HX-Request": "true", "Content-Type": FORM}
SECRETS = (b"root:", b"create_app", b"[paths]", b"SQLite format")
OUT = (
    "/static/../tiepdon.toml", "/static/..%2f..%2fapp.py", "/static/%2e%2e/%2e%2e/app.py", "/static//etc/passwd",
    "/static/..\\..\\app.py", "/static/%5c..%5capp.py", "/static/%00app.py", "/static/%c0%ae%c0%ae/app.py",
    "/fonts/..%2f..%2fapp.ttf", "/fonts/../app.py", "/fonts//etc/passwd.ttf", "/fonts/%00.ttf",
    "/voice/vi/..%2f..%2f..%2fapp.ogg", "/voice/..%2f../index.json", "/voice/%2fetc/passwd.ogg", "/voice/vi/%00.ogg",
    "/voice/vi/....//....//app.ogg", "//etc/passwd", "/..;/app.py", "/%2e%2e/%2e%2e/etc/passwd",
)  # fmt: skip


class Product:
    """A kiosk process with the reader and the bridge it speaks to."""

    def __init__(self, folder: Path) -> None:
        self.kiosk = Process(folder)
        self.run = folder / "run"
        self.log = (folder / "others.log").open("wb")
        words = [sys.executable, "-m", "tiepdon.main"]
        self.others = [
            subprocess.Popen([*words, *name, "--config", self.kiosk.settings], stdout=self.log, stderr=self.log)
            for name in (("reader",), ("bridge", "serve"))
        ]
        wait_until(self.kiosk.answers, what="the kiosk")
        for name in ("reader", "bridge"):
            wait_until(lambda name=name: socket_answers(self.run / f"{name}.sock", "/v1/health"), what=name)

    def stop(self) -> None:
        for process in self.others:
            process.terminate()
        self.kiosk.stop()
        for process in self.others:
            process.wait(30)
        self.log.close()


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    folder = Path(tempfile.mkdtemp(prefix="tiepdon-"))
    made = Product(folder)
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def ask(product: Product, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    # Where the other side has closed with our bytes on the way, the kernel may keep us for a minute; it is rid of us.
    connection = http.client.HTTPConnection("127.0.0.1", product.kiosk.port, timeout=2)
    with contextlib.closing(connection):
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in {**headers, **({"Content-Length": str(len(body))} if body is not None else {})}.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()


def raw(address: Path | int, sent: bytes, seconds: float = 20) -> bytes:
    """What comes back to bytes that no client of ours would send; empty where it hung up."""
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(seconds)
        client.connect(str(address) if isinstance(address, Path) else ("127.0.0.1", address))
        told = b""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(sent)
            while piece := client.recv(65536):
                told += piece
        return told


def memory(pid: int) -> int:
    """Resident bytes of a process and all below it."""
    pages, todo = 0, [pid]
    while todo:
        one = todo.pop()
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
            todo += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    return pages * os.sysconf("SC_PAGE_SIZE")


# Names and paths.


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "127.0.0.1@evil.example", "127.1",
             "[::ffff:7f00:1]", "2130706433", "", " ", "localhost,evil.example"]
)  # fmt: skip
def test_a_name_that_was_made_to_point_here_sees_no_screen_and_presses_nothing(product: Product, host: str) -> None:
    for method, path, body in (
        ("GET", "/", b""),
        ("GET", "/touchscreen/events", b""),
        ("POST", "/touchscreen/act", b"action=help&value="),
    ):
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nHX-Request: true\r\nContent-Type: {FORM}\r\n"
        told = raw(product.kiosk.port, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert told.split(b" ")[1] in (b"400", b"403"), (host, path)
        assert b"data-screen" not in told
    assert screen_of(product.kiosk.port) == "start"


def test_two_names_in_one_request_are_not_ours(product: Product) -> None:
    for sent in (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ):
        told = raw(product.kiosk.port, sent)
        assert told.split(b" ")[1][:1] == b"4", sent
        assert b"data-screen" not in told


@pytest.mark.parametrize("path", OUT)
def test_no_path_leads_out_of_what_is_served(product: Product, path: str) -> None:
    told = raw(product.kiosk.port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = told.partition(b"\r\n\r\n")
    status = head.split(b" ")[1]
    assert status in (b"200", b"308", b"400", b"403", b"404"), told[:200]
    assert status != b"200" or body.strip() == b"{}"  # a language without clips
    assert b"Location: http://localhost/" in head if status == b"308" else b"Location" not in head
    assert not any(one in told for one in SECRETS)
    for name in ("reader", "bridge"):
        told = raw(product.run / f"{name}.sock", f"GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        assert told.split(b" ")[1][:1] == b"4"


# Too much.


def test_bodies_without_measure_are_refused_and_kept_nowhere(product: Product) -> None:
    before = memory(product.kiosk.process.pid)
    huge = b"action=help&value=" + b"x" * (8 << 20)
    assert _refused(product, huge, **TOUCH)
    assert _refused(product, gzip.compress(b"\0" * (64 << 20)), **{**TOUCH, "Content-Encoding": "gzip"})
    parts = b"".join(b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' % n for n in range(5000))
    assert _refused(product, parts + b"--x--", **{**TOUCH, "Content-Type": "multipart/form-data; boundary=x"})
    assert _refused(product, b"[" * 100_000, **{**TOUCH, "Content-Type": "application/json"})
    chunks = b"POST /touchscreen/act HTTP/1.1\r\nHost: localhost\r\nHX-Request: true\r\nContent-Type: " + FORM.encode()
    chunks += b"\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    told = raw(product.kiosk.port, chunks + (b"10000\r\n" + b"a" * 0x10000 + b"\r\n") * 64 + b"0\r\n\r\n")
    assert told == b"" or told.split(b" ")[1][:1] == b"4"
    assert screen_of(product.kiosk.port) == "start"
    assert memory(product.kiosk.process.pid) - before < 24 << 20
    assert "Traceback" not in product.kiosk.log.read_text("utf-8")


def _refused(product: Product, body: bytes, **headers: str) -> bool:
    try:
        status, _ = ask(product, "POST", "/touchscreen/act", body, Host="localhost", **headers)
    except OSError:  # it hung up before it had all
        return True
    return 400 <= status < 500


def test_the_sockets_of_reader_and_bridge_bound_what_they_are_sent(product: Product) -> None:
    pids = {name: process.pid for name, process in zip(("reader", "bridge"), product.others, strict=True)}
    before = {name: memory(pid) for name, pid in pids.items()}
    for name, call in (("reader", b"/v1/chip/open"), ("bridge", b"/v1/coverage?deadline_ms=100")):
        head = b"POST " + call + b" HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        deep = b'{"presentation":' + b"[" * 400_000
        for sent in (
            head % (1 << 40),
            head % len(deep) + deep,
            b"POST " + call + b" HTTP/1.1\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
            b"POST " + call + b" HTTP/1.1\r\nContent-Length: 1e9\r\nConnection: close\r\n\r\n",
            b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
            b"\x00" * 4096 + b"\r\n\r\n",
        ):
            told = raw(product.run / f"{name}.sock", sent)
            assert told == b"" or b" 4" in told[:14] or b"Error code: 4" in told, (name, sent[:60], told[:200])
        assert socket_answers(product.run / f"{name}.sock", "/v1/health")
        assert memory(pids[name]) - before[name] < 24 << 20
    for process in product.others:
        assert process.poll() is None
