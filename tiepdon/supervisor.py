"""Keeps a set of child processes running in the foreground with one log stream; what systemd does in production.

Knows nothing of what the children do. A child that dies takes what it started with it and is started again with
growing pauses; when the supervisor itself is killed, the kernel ends its children (`setpriv --pdeathsig`).
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

FIRST_PAUSE = 0.2  # seconds before the first restart
LONGEST_PAUSE = 10.0
STABLE_AFTER = 30.0  # seconds of life after which a child's pauses start small again
STOP_SECONDS = 5.0  # how long a child may take to stop before it is killed


@dataclass(frozen=True)
class Program:
    """One child: its name in the log, its command line, its environment (None: ours)."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None


class Child:
    """One supervised process."""

    def __init__(self, program: Program, write_line: Callable[[str, str], None]) -> None:
        self.program = program
        self.ended = 0  # how often it ended without being told to
        self._write_line = write_line
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # held where a process begins: none may begin behind `stop`'s back
        self._process = self._start()
        self._thread = threading.Thread(target=self._watch, name=f"watch-{program.name}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Process id of the present incarnation."""
        return self._process.pid

    def stop(self) -> None:
        """End the process (TERM, then KILL) and wait for it."""
        self.tell_to_stop()
        if not self._thread_ends(STOP_SECONDS):
            self._write_line(self.program.name, f"did not stop within {STOP_SECONDS:.0f} s: killed")
            _kill_group(self._process.pid)
            self._thread_ends(STOP_SECONDS)

    def tell_to_stop(self) -> None:
        """Send TERM and do not wait, so that several can end at the same time; `stop` then waits."""
        with self._lock:
            if not self._stopping.is_set():
                self._stopping.set()
                self._process.send_signal(signal.SIGTERM)

    def _thread_ends(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", *self.program.command],
            env=dict(self.program.environment) if self.program.environment is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def _watch(self) -> None:
        pause = FIRST_PAUSE
        while True:
            born = time.monotonic()
            code = self._see_to_its_end()
            if self._stopping.is_set():
                return
            self.ended += 1
            if time.monotonic() - born > STABLE_AFTER:
                pause = FIRST_PAUSE
            self._write_line(self.program.name, f"ended with {code}; starting again in {pause:.1f} s")
            while not self._begin_again(pause):
                if self._stopping.is_set():
                    return
            pause = min(pause * 2, LONGEST_PAUSE)

    def _begin_again(self, pause: float) -> bool:
        """Start the next incarnation after the pause, unless it is to stop or the machine has no room for it now."""
        self._stopping.wait(pause)
        with self._lock:
            if self._stopping.is_set():
                return False
            try:
                self._process = self._start()
            except OSError as error:
                self._write_line(self.program.name, f"cannot be started: {error.strerror}")
                return False
        return True

    def _see_to_its_end(self) -> int:
        """Pass its lines on until it has ended, and end with it whatever it started; returns its exit code."""
        process = self._process
        lines = threading.Thread(target=self._pass_on, args=(process,), name=f"log-{self.program.name}", daemon=True)
        lines.start()
        # Not reaped yet, so that its number is still its own. A worker left behind would keep port and socket.
        with contextlib.suppress(ChildProcessError):  # `tell_to_stop` found it dead and reaped it
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        _kill_group(process.pid)
        lines.join(STOP_SECONDS)
        return process.wait()

    def _pass_on(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None  # noqa: S101  # opened as a pipe above
        with process.stdout as lines:
            for line in lines:
                self._write_line(self.program.name, line.rstrip("\n"))


def _kill_group(leader: int) -> None:
    """Each child leads a process group of its own, which holds everything it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def line_writer(names: Sequence[str]) -> Callable[[str, str], None]:
    """A function that prints `name | line`, aligned, one line at a time."""
    width = max(len(name) for name in names)
    lock = threading.Lock()

    def write(name: str, line: str) -> None:
        with lock:
            sys.stderr.write(f"{name:<{width}} | {line}\n")
            sys.stderr.flush()

    return write
