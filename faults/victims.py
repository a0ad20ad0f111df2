"""The processes that are killed: each with the moments at which it dies, counted in what it has done, and its return.

The run starts again what died, as systemd does; what a process leaves behind ends with it (tiepdon/supervisor.py).
"""

import contextlib
import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faults.site import started

LATER_SECONDS = 0.03  # a kill comes up to so long after its moment, so that it falls anywhere


@dataclass
class Victim:
    """A process, how it is started, and after how much `progress` it is killed."""

    name: str
    words: tuple[str, ...]
    log: Path
    progress: Callable[[], int]
    ends: bool = False  # it comes to its end by itself
    moments: list[int] = field(default_factory=list)
    inner: bool = False  # not the process itself, but what it started (a worker) is killed
    kills: int = 0
    starts: int = 0
    done: bool = False
    process: "subprocess.Popen[bytes] | None" = None
    before: tuple[str, ...] = ()  # as `started` has it
    environment: Mapping[str, str] = field(default_factory=dict)

    def keep_alive(self) -> None:
        """Start it where it is not running and not at its end. Raises RuntimeError when it ends by itself badly."""
        code = self.process.poll() if self.process is not None else None
        if self.process is not None and code is None:
            return
        if self.process is not None:
            self._clear_away()
            if code == 0 and self.ends:
                self.done = True
            elif code not in (0, -signal.SIGKILL):
                raise RuntimeError(f"{self.name} ended with {code}: {self.log.read_text('utf-8')[-2000:]}")
        if not self.done:
            self.process = started(*self.words, log=self.log, before=self.before, environment=self.environment)
            self.starts += 1

    def kill_when_due(self, chance: random.Random) -> bool:
        """Kill it with -9 where one of its moments has come; whether that was done."""
        if not self.moments or self.done or self.process is None or self.process.poll() is not None:
            return False
        if self.progress() < self.moments[0]:
            return False
        threading.Event().wait(chance.random() * LATER_SECONDS)
        if self.process.poll() is not None or not self._kill():
            return False
        self.moments.pop(0)
        self.kills += 1
        return True

    def end(self) -> None:
        """End it and whatever it started."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(10)
            self._clear_away()

    def _kill(self) -> bool:
        assert self.process is not None
        if not self.inner:
            self.process.kill()
            # Dead when this returns: what is killed twice counts once.
            os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
            return True
        below = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii").split()
        for pid in below[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
                return True
        return False

    def _clear_away(self) -> None:
        """Each process leads a group of its own. A worker left behind would keep port and socket."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def spread(victims: Sequence[tuple[Victim, float, int]], kills: int, chance: random.Random) -> None:
    """Give out so many kills by each victim's share, at random moments of its own so many steps."""
    whole = sum(share for _, share, _ in victims)
    given = [int(kills * share / whole) for _, share, _ in victims]
    for number in range(kills - sum(given)):
        given[number % len(given)] += 1
    for (victim, _, steps), count in zip(victims, given, strict=True):
        victim.moments = sorted(chance.randrange(max(1, steps * 97 // 100)) for _ in range(count))
