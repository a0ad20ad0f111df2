"""`tiepdon card read` as its users run it: a process, an exit code, one JSON object on standard output."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LONGEST_SECONDS = 20.0  # what the command promises, whatever the card does
MOST_MEMORY = 512 << 20  # bytes of address space: far more than a reading needs, far less than a kiosk has


@dataclass(frozen=True)
class CardAnswer:
    """What one run gave. `told` is exit code and error code."""

    code: int
    answer: dict[str, Any]
    stderr: str
    seconds: float

    @property
    def told(self) -> tuple[int, str]:
        return self.code, self.answer["error"]["code"]


CardCommand = Callable[..., CardAnswer]


def read_card_command(environment: dict[str, str], *arguments: str) -> CardAnswer:
    """Run it with `--json` and check what holds for every card: one object, silence beside it, an end in time."""
    began = time.monotonic()
    done = subprocess.run(
        ["prlimit", f"--as={MOST_MEMORY}", sys.executable, "-m", "tiepdon.main", "card", "read", *arguments, "--json"],
        capture_output=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **environment},
        check=False,
    )
    seconds = time.monotonic() - began
    stderr = done.stderr.decode()
    assert stderr == ""
    assert done.stdout.count(b"\n") == 1
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    assert set(answer) == {"error"} or {"holder", "evidence", "timings_ms", "apdus", "bytes"} <= set(answer)
    assert (done.returncode == 0) == ("error" not in answer)
    assert seconds < LONGEST_SECONDS
    return CardAnswer(done.returncode, answer, stderr, seconds)
