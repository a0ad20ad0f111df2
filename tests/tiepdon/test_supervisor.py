import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import alive
from tests.support.waiting import wait_until
from tiepdon.supervisor import Child, Program


class Log:
    """Collects the one log stream and lets a test wait for a line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, name: str, line: str) -> None:
        with self._changed:
            self.lines.append(f"{name}: {line}")
            self._changed.notify_all()

    def wait_for(self, text: str, times: int = 1) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: sum(text in line for line in self.lines) >= times, timeout=20)


ENDLESS = "import os, time; print('born', os.getpid(), flush=True); time.sleep(3600)"


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def child(log: Log) -> Iterator[Child]:
    started = Child(Program("one", [sys.executable, "-c", ENDLESS]), log)
    yield started
    started.stop()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_childs_words_reach_the_one_log(child: Child, log: Log) -> None:
    assert log.wait_for("one: born")


def test_a_killed_child_is_started_again(child: Child, log: Log) -> None:
    assert log.wait_for("born")
    first = child.pid
    os.kill(first, signal.SIGKILL)
    assert log.wait_for("born", times=2)
    assert child.pid != first


def test_a_stopped_child_stays_stopped(log: Log) -> None:
    child = Child(Program("one", [sys.executable, "-c", ENDLESS]), log)
    assert log.wait_for("born")
    pid = child.pid
    child.stop()
    assert not is_alive(pid)


def test_a_child_deaf_to_term_is_killed(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiepdon.supervisor.STOP_SECONDS", 0.3)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('born', flush=True); time.sleep(3600)"
    child = Child(Program("one", [sys.executable, "-c", deaf]), log)
    assert log.wait_for("born")
    pid = child.pid
    child.stop()
    assert not is_alive(pid)


def test_the_kernel_ends_the_children_of_a_killed_supervisor(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from tiepdon.supervisor import Child, Program\n"
        f"program = Program('one', [sys.executable, '-c', {ENDLESS!r}])\n"
        "child = Child(program, lambda name, line: print(line, flush=True))\n"
        "time.sleep(3600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[1])
        parent.kill()
    deadline = threading.Event()
    for _ in range(200):
        if not is_alive(pid):
            break
        deadline.wait(0.05)
    assert not is_alive(pid)


WITH_A_WORKER = (
    "import os, subprocess, sys, time\n"
    "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])\n"
    "print('worker', worker.pid, flush=True)\n"
    "time.sleep(3600)\n"
)


def workers(log: Log) -> list[int]:
    return [int(line.split()[-1]) for line in log.lines if "worker" in line]


def test_a_killed_child_takes_its_own_children_with_it_and_is_started_again(log: Log) -> None:
    child = Child(Program("one", [sys.executable, "-c", WITH_A_WORKER]), log)
    try:
        assert log.wait_for("worker")
        os.kill(child.pid, signal.SIGKILL)
        assert log.wait_for("worker", times=2)  # an orphan that holds the log's pipe would prevent it
        wait_until(lambda: not alive(workers(log)[0]), what="the worker of the killed one is gone")
    finally:
        child.stop()
    wait_until(lambda: not any(alive(pid) for pid in workers(log)), what="no worker is left")


def test_the_first_restart_comes_at_once_and_the_next_ones_later(log: Log) -> None:
    child = Child(Program("one", [sys.executable, "-c", "pass"]), log)
    try:
        assert log.wait_for("starting again", times=2)
    finally:
        child.stop()
    assert [line.split()[-2] for line in log.lines[:2]] == ["0.2", "0.4"]
    assert child.ended >= 2


def test_a_child_stopped_in_the_pause_before_its_restart_is_not_started_again(log: Log) -> None:
    child = Child(Program("one", [sys.executable, "-c", "print('born', flush=True)"]), log)
    assert log.wait_for("starting again")
    child.stop()
    born = sum("born" in line for line in log.lines)
    assert not is_alive(child.pid)
    assert born == child.ended


def test_a_program_that_cannot_be_started_again_is_tried_again(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    child = Child(Program("one", [sys.executable, "-c", ENDLESS]), log)
    try:
        assert log.wait_for("born")
        real, failures = child._start, [OSError(12, "Cannot allocate memory")]
        monkeypatch.setattr(child, "_start", lambda: (_ for _ in ()).throw(failures.pop()) if failures else real())
        os.kill(child.pid, signal.SIGKILL)
        assert log.wait_for("cannot be started: Cannot allocate memory")
        assert log.wait_for("born", times=2)
    finally:
        child.stop()
