"""Keeps a set of child processes running in the foreground with one log stream; what systemd does in production.

Knows nothing of what the children do. A child that dies is started again with growing pauses; when the supervisor
itself is killed, the kernel ends its children (`setpriv --pdeathsig`).
"""

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
        self._write_line = write_line
        self._stopping = threading.Event()
        self._process = self._start()
        self._thread = threading.Thread(target=self._watch, name=f"watch-{program.name}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Process id of the present incarnation."""
        return self._process.pid

    def stop(self) -> None:
        """End the process (TERM, then KILL) and wait for it."""
        self._stopping.set()
        process = self._process
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._thread.join(STOP_SECONDS)

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
            assert self._process.stdout is not None  # noqa: S101  # opened as a pipe above
            with self._process.stdout as lines:
                for line in lines:
                    self._write_line(self.program.name, line.rstrip("\n"))
            code = self._process.wait()
            if self._stopping.is_set():
                return
            pause = FIRST_PAUSE if time.monotonic() - born > STABLE_AFTER else min(pause * 2, LONGEST_PAUSE)
            self._write_line(self.program.name, f"ended with {code}; starting again in {pause:.1f} s")
            if self._stopping.wait(pause):
                return
            self._process = self._start()


def line_writer(names: Sequence[str]) -> Callable[[str, str], None]:
    """A function that prints `name | line`, aligned, one line at a time."""
    width = max(len(name) for name in names)
    lock = threading.Lock()

    def write(name: str, line: str) -> None:
        with lock:
            sys.stderr.write(f"{name:<{width}} | {line}\n")
            sys.stderr.flush()

    return write
