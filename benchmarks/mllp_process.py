"""python-hl7's own MLLP server in a process of its own, so that the sending process's CPU time is its own.

`python -m benchmarks.mllp_process`: prints its port, accepts every message until the end of standard input, then
prints how many it took.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hl7.mllp import start_hl7_server


class MllpProcess:
    """The receiver: its port, and how many messages it took once it has ended."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.taken = 0


@contextmanager
def mllp_process() -> Iterator[MllpProcess]:
    """A running receiver; its count is known when the context has ended."""
    command = [sys.executable, "-m", "benchmarks.mllp_process"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        found = MllpProcess(int(process.stdout.readline()))
        try:
            yield found
        finally:
            process.stdin.close()
            found.taken = int(process.stdout.readline())


async def _serve() -> int:
    taken = 0

    async def converse(reader: Any, writer: Any) -> None:
        nonlocal taken
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                message = await reader.readmessage()
                taken += 1
                writer.writemessage(message.create_ack("AA"))
                await writer.drain()
        writer.close()

    server = await start_hl7_server(converse, "127.0.0.1", 0, encoding="utf-8", limit=1 << 20)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    return taken


def main() -> None:
    """Serve until the end of standard input."""
    sys.stdout.write(f"{asyncio.run(_serve())}\n")


if __name__ == "__main__":
    main()
