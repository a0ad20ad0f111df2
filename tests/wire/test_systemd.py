"""What is said to systemd and taken from it, on real datagram sockets, real descriptors and systemd's own tool."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import wait_until
from wire.client import Client
from wire.server import Routes, json_response, serving
from wire.systemd import Attendance, Manager, answers, taken_from

ROUTES: Routes = {("GET", "/v1/health/live"): lambda _: json_response({"status": "live"})}
# What systemd does between fork and exec comes first: only there is the process's number known.
SERVES = """
import os, sys, threading
os.dup2({held}, 3)
os.environ["LISTEN_PID"] = str(os.getpid())
sys.path.insert(0, {here!r})
from wire.server import serving, json_response
from wire.systemd import taken_from
manager = taken_from(os.environ, os.getpid())
assert not [name for name in os.environ if name.startswith("LISTEN_")]
with serving(manager.sockets["reader"], {{("GET", "/who"): lambda _: json_response({{"pid": os.getpid()}})}}):
    threading.Event().wait()
"""


class Ear:
    """Where systemd would listen."""

    def __init__(self, place: Path) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(str(place))
        self._line.setblocking(False)
        self.heard: list[str] = []

    def close(self) -> None:
        self._line.close()

    def count(self, word: str) -> int:
        while True:
            try:
                self.heard.append(self._line.recv(4096).decode())
            except BlockingIOError:
                return self.heard.count(word)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "notify"


@pytest.fixture
def ear(place: Path) -> Iterator[Ear]:
    ear = Ear(place)
    yield ear
    ear.close()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_systemd_nothing_is_said_and_nothing_is_waited_for() -> None:
    manager = taken_from({}, os.getpid())
    assert manager == Manager()
    manager.tell("READY=1")
    asked: list[bool] = []
    attendance = Attendance(manager, lambda: bool(asked.append(True)), Clock())
    assert attendance.look() is None
    assert asked == []
    stop = threading.Event()
    stop.set()
    attendance.until(stop)


def test_it_is_ready_once_it_answers_and_alive_at_half_the_time_as_long_as_it_does(ear: Ear, place: Path) -> None:
    manager = taken_from({"NOTIFY_SOCKET": str(place), "WATCHDOG_USEC": "30000000"}, os.getpid())
    assert manager.watchdog_seconds == 30
    clock, alive = Clock(), [False]
    attendance = Attendance(manager, lambda: alive[0], clock)
    pause = attendance.look()
    assert pause is not None
    assert pause < 1
    assert ear.count("READY=1") == 0
    alive[0] = True
    assert attendance.look() == 15
    assert (ear.count("READY=1"), ear.count("WATCHDOG=1")) == (1, 0)
    clock.now += 14
    assert attendance.look() == 1
    assert ear.count("WATCHDOG=1") == 0
    clock.now += 1
    attendance.look()
    assert ear.count("WATCHDOG=1") == 1
    alive[0] = False
    clock.now += 15
    pause = attendance.look()
    assert pause is not None
    assert pause < 1
    assert ear.count("WATCHDOG=1") == 1
    attendance.leave()
    assert ear.count("STOPPING=1") == 1


def test_one_that_is_not_watched_says_only_that_it_is_ready(ear: Ear, place: Path) -> None:
    attendance = Attendance(taken_from({"NOTIFY_SOCKET": str(place)}, os.getpid()), lambda: True, Clock())
    assert attendance.look() is None
    assert attendance.look() is None
    assert (ear.count("READY=1"), ear.count("WATCHDOG=1")) == (1, 0)


def test_a_name_without_a_file_is_heard_too() -> None:
    name = f"\0tiepdon-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(name)
        taken_from({"NOTIFY_SOCKET": f"@{name[1:]}"}, os.getpid()).tell("STATUS=well", "READY=1")
        line.settimeout(5)
        assert line.recv(100) == b"STATUS=well\nREADY=1"


def test_a_manager_that_is_gone_or_never_was_harms_nobody(tmp_path: Path) -> None:
    for address in (str(tmp_path / "gone"), "nonsense", "/" + "x" * 300):
        Attendance(taken_from({"NOTIFY_SOCKET": address}, os.getpid()), lambda: True, Clock()).look()


def test_what_is_meant_for_another_process_or_nonsense_counts_as_nothing_said() -> None:
    other = str(os.getpid() + 1)
    environ = {
        "NOTIFY_SOCKET": "/run/nobody",
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": other,
        "LISTEN_PID": other,
        "LISTEN_FDS": "1",
        "HOME": "/",
    }
    manager = taken_from(environ, os.getpid())
    assert (manager.watchdog_seconds, dict(manager.sockets)) == (None, {})
    assert environ == {"HOME": "/"}  # a child must not speak for us
    for nonsense in ("-1", "x", "1" * 400, "٣", " 5"):
        told = {"WATCHDOG_USEC": nonsense, "LISTEN_FDS": nonsense, "LISTEN_PID": str(os.getpid())}
        assert taken_from(told, os.getpid()) == Manager()


def test_a_process_answers_itself_also_with_an_error_but_not_when_it_hangs(tmp_path: Path) -> None:
    place = tmp_path / "s.sock"
    assert not answers(place, "/v1/health/live")
    with serving(place, ROUTES):
        assert answers(place, "/v1/health/live")
        assert answers(place, "/nothing/there")
    hanging = tmp_path / "h.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(hanging))
        mute.listen()
        assert not answers(hanging, "/v1/health/live")


def test_a_socket_that_systemd_holds_outlives_the_process_and_loses_no_question(tmp_path: Path) -> None:
    """Handed over as sd_listen_fds(3) says; the process is killed and started again, and whoever asked is answered."""
    place = tmp_path / "reader.sock"
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(str(place))
        held.listen(8)

        def start() -> "subprocess.Popen[bytes]":
            program = SERVES.format(here=str(Path(__file__).parents[2]), held=held.fileno())
            told = {**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "reader"}
            return subprocess.Popen([sys.executable, "-c", program], env=told, pass_fds=(held.fileno(),))

        first = start()
        client = Client(place, 20)
        assert client.get("/who", dict[str, int])["pid"] == first.pid
        first.kill()
        first.wait()
        said: list[int] = []
        asking = threading.Thread(target=lambda: said.append(client.get("/who", dict[str, int])["pid"]))
        asking.start()  # while nobody is there
        second = start()
        try:
            wait_until(lambda: said)
            assert said == [second.pid]
            assert place.exists()
        finally:
            second.terminate()
            second.wait()
            asking.join()
        assert place.exists()  # it is not ours to remove


@pytest.mark.skipif(shutil.which("systemd-notify") is None, reason="no systemd here")
def test_our_words_are_those_of_systemd_s_own_tool(ear: Ear, place: Path) -> None:
    subprocess.run(
        ["systemd-notify", "--ready"], env={"NOTIFY_SOCKET": str(place), "PATH": os.environ["PATH"]}, check=False
    )
    Manager(address=str(place)).tell("READY=1")
    assert ear.count("READY=1") == 2
