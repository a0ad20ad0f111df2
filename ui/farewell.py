"""The end of a connection, in the thread that served it: gunicorn's gthread takes leave of a client on the one thread
that also accepts all others.

RFC 9112, 9.6: a server that closes says so first and waits a moment for the client's own end, lest what the client
still sends cut off the answer. gunicorn 27 waits up to two seconds for that between two looks at its listening sockets,
so whoever never hangs up would keep everybody out. Must not import Flask.
"""

import socket
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

LINGER_SECONDS = 2.0
MOST_BYTES = 65536


class FarewellWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads that take leave of their own clients."""

    def handle(self, conn: Any) -> Any:
        result = super().handle(conn)
        if result is False:  # the connection ends; a kept or a postponed one has another result
            take_leave(conn.sock)
        return result


def take_leave(client: Any) -> None:
    """Say that nothing more comes, and hear the client out for at most LINGER_SECONDS; afterwards nothing waits."""
    # Past TLS, as its own farewell would wait for the other side.
    raw, until, heard = socket.socket, time.monotonic() + LINGER_SECONDS, 0
    try:
        raw.shutdown(client, socket.SHUT_WR)
        while heard < MOST_BYTES and (left := until - time.monotonic()) > 0:
            client.settimeout(left)
            piece = raw.recv(client, 4096)
            if not piece:
                break
            heard += len(piece)
        raw.shutdown(client, socket.SHUT_RDWR)  # what reads now reads the end at once
    except OSError:  # it went by itself, or did not go
        try:
            raw.shutdown(client, socket.SHUT_RDWR)
        except OSError:
            return
