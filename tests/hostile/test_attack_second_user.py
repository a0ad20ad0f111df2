"""A second user of this machine, with a shell and no rights: what of the product's files, sockets, processes and
memory he can read, and what he can speak to.

The user is made for the test, the processes are the real ones, and what lies around them has the modes that they gave.
"""

import contextlib
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from kiosk.clock import SystemClock
from kiosk.store import open_store
from tests.hostile.looking import screen_of
from tests.kiosk.people import by_chip, covered
from tests.support.processes import children
from tests.support.waiting import wait_until
from tests.ui.test_server import free_port
from tiepdon.readiness import socket_answers

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes users")

SYSTEM_PYTHON = "/usr/bin/python3"  # one that everybody may start
USER = f"tiepdon-spy-{os.getpid()}"
MARK = "".join(chr(ord("a") + byte % 26) for byte in secrets.token_bytes(12))  # stands in no other file
NAME = f"Nguyễn Thị {MARK}"
SECRET = f"{MARK}-of-the-portal"
PROCESSES = (("reader",), ("bridge", "serve"), ("kiosk",), ("desk",))
SPY = """
import json, os, pathlib, socket, sys
told = json.load(sys.stdin)
found = {"listed": [], "read": [], "written": [], "spoken": [], "proc": [], "shared": [], "heard": {}}
def tries(what, name, action):
    try:
        if action() is not None: found[what].append(name)
    except OSError: pass
for top in told["folders"]:
    for folder, below, files in os.walk(top):
        found["listed"] += [os.path.join(folder, one) for one in below + files]
    tries("written", top, lambda: open(os.path.join(top, "planted"), "w").close() or 1)
for path in told["files"]:
    tries("read", path, lambda: open(path, "rb").read(1))
    tries("written", path, lambda: open(path, "ab").close() or 1)
for path in told["sockets"]:
    client = socket.socket(socket.AF_UNIX)
    tries("spoken", path, lambda: client.connect(path) or 1)
for pid in told["pids"]:
    for name in ("environ", "maps", "mem", "fd/0", "cwd/x", "root/etc", "io", "auxv", "stack"):
        tries("proc", f"{name} of {pid}", lambda: open(f"/proc/{pid}/{name}", "rb").read(1) or None)
    tries("proc", f"fd of {pid}", lambda: os.listdir(f"/proc/{pid}/fd"))
    tries("proc", f"signal to {pid}", lambda: os.kill(pid, 0) or 1)
    for word in told["secrets"]:
        if word.encode() in open(f"/proc/{pid}/cmdline", "rb").read(): found["proc"].append(f"cmdline of {pid}")
for place in ("/dev/shm", "/dev/mqueue", "/tmp", "/var/tmp", "/run"):
    if not os.path.isdir(place): continue
    for folder, below, files in os.walk(place):
        if folder.count("/") > 3: below.clear()
        for one in files:
            def look():
                path = os.path.join(folder, one)
                is_new = os.path.isfile(path) and os.path.getmtime(path) >= told["since"]
                if not is_new or os.path.getsize(path) > 1 << 26: return None
                data = open(path, "rb").read()
                return 1 if any(word.encode() in data for word in told["secrets"]) else None
            tries("shared", os.path.join(folder, one), look)
for name, port in told["ports"].items():
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            client.sendall(told["asks"][name].encode())
            answer = b""
            while piece := client.recv(65536): answer += piece
            found["heard"][name] = answer.decode("utf-8", "replace")
    except OSError as error: found["heard"][name] = ""
json.dump(found, sys.stdout)
"""


@dataclass(frozen=True)
class Site:
    folder: Path
    ports: dict[str, int]
    pids: list[int]

    def looks(self, user: pwd.struct_passwd) -> dict[str, Any]:
        """What the user finds."""
        run, state = self.folder / "run", self.folder / "state"
        sockets = [str(one) for one in run.rglob("*") if one.is_socket()]
        files = [str(one) for top in (run, state, self.folder / "secrets") for one in top.rglob("*") if one.is_file()]
        get = "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        asks = {"kiosk": get.format("/"), "desk": get.format("/counter/list")}
        told = {
            "folders": [str(run), str(state), str(self.folder / "secrets")],
            "files": files,
            "sockets": sockets,
            "pids": self.pids,
            "secrets": [MARK],
            "ports": self.ports,
            "asks": asks,
            "since": (self.folder / "secrets").stat().st_ctime - 1,
        }
        assert {Path(one).name for one in sockets} >= {"reader.sock", "bridge.sock", "kiosk.sock", "desk.sock"}
        assert any(one.endswith("tiepdon.db") for one in files)
        done = self.run_as(user, [SYSTEM_PYTHON, "-c", SPY], json.dumps(told))
        found: dict[str, Any] = json.loads(done)
        return found

    @staticmethod
    def run_as(user: pwd.struct_passwd, words: list[str], told: str = "") -> str:
        ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--no-new-privs"]
        return subprocess.run(
            ["setpriv", *ids, "--", *words], input=told, capture_output=True, text=True, check=True, cwd="/", timeout=60
        ).stdout


@pytest.fixture(scope="module")
def spy() -> Iterator[pwd.struct_passwd]:
    if not (shutil.which("useradd") and Path(SYSTEM_PYTHON).exists()):
        pytest.skip("no useradd, or no Python that another user may start")
    subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER], check=True)
    try:
        yield pwd.getpwnam(USER)
    finally:
        subprocess.run(["userdel", USER], check=True)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site that is no sandbox, in a folder that everybody may pass, as /var/lib and /run are."""
    folder = Path(tempfile.mkdtemp(prefix="tiepdon-"))
    folder.chmod(0o755)
    ports = {"kiosk": free_port(), "desk": free_port()}
    (folder / "secrets").mkdir(mode=0o700)
    password = folder / "secrets" / "portal"
    password.touch(0o600)
    password.write_text(SECRET, "utf-8")
    settings = folder / "secrets" / "tiepdon.toml"
    settings.write_text(
        f'[paths]\nstate = "{folder}/state"\nrun = "{folder}/run"\n'
        f'[kiosk]\nlisten = "127.0.0.1:{ports["kiosk"]}"\n[staff]\nlisten = "127.0.0.1:{ports["desk"]}"\n'
        f'[portal]\nenabled = true\nbase_url = "http://127.0.0.1:9"\nusername = "99999_BV"\n'
        f'password_file = "{password}"\nofficer_name = "Trần Thị Mẫu"\nofficer_id = "000088888888"\n',
        "utf-8",
    )
    words = [sys.executable, "-m", "tiepdon.main"]
    made = subprocess.run([*words, "database", "migrate", "--config", settings], stdout=subprocess.DEVNULL, check=True)
    assert made.returncode == 0
    before = os.umask(0o022)  # as a shell has it: what is closed must be closed by the product
    try:
        with (folder / "secrets" / "log").open("wb") as log:
            running = [
                subprocess.Popen([*words, *name, "--config", str(settings)], stdout=log, stderr=log)
                for name in PROCESSES
            ]
    finally:
        os.umask(before)
    try:
        for name, *_ in PROCESSES:
            health = "/v1/health" if name in ("reader", "bridge") else "/health"
            wait_until(partial(socket_answers, folder / "run" / f"{name}.sock", health), what=name)
        with contextlib.closing(open_store(load(settings), SystemClock())) as store:
            store.check_in("spied-on", by_chip(full_name=NAME), covered())
        pids = [one for process in running for one in (process.pid, *children(process.pid))]
        yield Site(folder, ports, pids)
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def found(site: Site, spy: pwd.struct_passwd) -> dict[str, Any]:
    return site.looks(spy)


def test_he_lists_reads_and_changes_no_file(found: dict[str, Any]) -> None:
    assert (found["listed"], found["read"], found["written"]) == ([], [], [])


def test_he_speaks_to_no_socket(found: dict[str, Any]) -> None:
    assert found["spoken"] == []


def test_he_sees_nothing_in_the_processes_and_moves_none(found: dict[str, Any]) -> None:
    assert found["proc"] == []


def test_nobody_left_a_name_or_a_secret_where_all_may_look(found: dict[str, Any]) -> None:
    assert found["shared"] == []


def test_the_touchscreens_address_says_nothing_to_him_and_the_desks_wants_a_sign_in(found: dict[str, Any]) -> None:
    assert found["heard"]["kiosk"] == ""
    assert "data-screen" not in found["heard"]["kiosk"]
    assert found["heard"]["desk"].startswith("HTTP/1.1 401") or "/sign-in" in found["heard"]["desk"]
    assert NAME not in found["heard"]["desk"]


def test_those_whose_screen_it_is_are_heard_while_he_holds_all_the_connections_he_can(
    site: Site, spy: pwd.struct_passwd
) -> None:
    hold = (
        "import socket, sys\n"
        f"held = [socket.create_connection(('127.0.0.1', {site.ports['kiosk']})) for _ in range(200)]\n"
        "for one in held:\n"
        "    try: one.sendall(b'POST /touchscreen/act HTTP/1.1\\r\\nHost: localhost\\r\\n')\n"
        "    except OSError: pass\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    ids = [f"--reuid={spy.pw_uid}", f"--regid={spy.pw_gid}", "--clear-groups"]
    holding = subprocess.Popen(
        ["setpriv", *ids, "--", SYSTEM_PYTHON, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
    )
    try:
        assert holding.stdout is not None
        assert holding.stdout.readline() == b"held\n"
        for _ in range(5):
            assert screen_of(site.ports["kiosk"]) == "start"
    finally:
        holding.communicate()


def test_a_connection_whose_other_end_is_shut_is_nobodys(site: Site, spy: pwd.struct_passwd) -> None:
    """He presses and is gone before it can be seen whose the press was."""
    press = (
        "import socket\n"
        f"one = socket.create_connection(('127.0.0.1', {site.ports['kiosk']}))\n"
        "one.sendall(b'POST /touchscreen/act HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nHX-Request: true\\r\\n'\n"
        "    b'Content-Type: application/x-www-form-urlencoded\\r\\nContent-Length: 18\\r\\n\\r\\n'\n"
        "    b'action=help&value=')\n"
        "one.close()\n"
    )
    for _ in range(10):
        site.run_as(spy, [SYSTEM_PYTHON, "-c", press])
    assert screen_of(site.ports["kiosk"]) == "start"
