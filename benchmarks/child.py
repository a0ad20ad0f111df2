"""A receiver in a process of its own, so that the measuring process's CPU time is its own.

The module prints its port, serves until the end of its standard input, and then prints what it counted: one JSON value.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Child:
    """The other end: its port, and what it counted, once the context has ended."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.counted: Any = None


@contextmanager
def child(module: str) -> Iterator[Child]:
    """`python -m MODULE`, running."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        found = Child(int(process.stdout.readline()))
        try:
            yield found
        finally:
            process.stdin.close()
            found.counted = json.loads(process.stdout.readline())
