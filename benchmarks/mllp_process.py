"""python-hl7's own MLLP server, as a `benchmarks.child`: accepts every message and counts them."""

import asyncio
import contextlib
import sys
from typing import Any

from hl7.mllp import start_hl7_server


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
