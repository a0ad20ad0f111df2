"""The desk's gunicorn worker: threads, with every client bounded in time and in number.

A stream holds a thread for as long as its page is open, and may (ui/desk/streams.py counts them). Whoever else holds
one for longer than any answer takes is slow or hostile and is hung up on, sooner where the threads run short; one
address never has them all.
"""

import ipaddress
import logging
import socket
import ssl
import time
from collections import Counter
from typing import Any

from gunicorn import http, sock
from gunicorn.workers.gthread import TConn

from ui.desk.streams import CLOSERS, LEASES
from ui.farewell import FarewellWorker

log = logging.getLogger(__name__)

SLOW_SECONDS = 10.0  # without a byte to read, or room to write one
LONGEST_SECONDS = 45.0  # from the first byte to the end of the answer; a stream is not bounded
ASKING_SECONDS = 10.0  # to say the whole request
SHORT_ASKING_SECONDS = 2.0  # likewise while few threads are left
SHORTEST_ASKING_SECONDS = 0.25  # likewise while there are none to spare: a browser of the house takes a tenth of it
MANY = 24  # connections that are no streams, of the threads that streams leave (ui/desk/server.py)
FLOOD = 48  # likewise; they begin to take the streams' threads too
MOST_OF_ONE_ADDRESS = 72  # connections at once, of THREADS (ui/desk/server.py); from this machine, where all may come
MOST_FROM_ELSEWHERE = 24  # likewise from another machine: a browser or two, with their streams
BARE = (
    "HTTP/1.1 {}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 0\r\nCache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'\r\n\r\n"
)


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection whose every read and write ends; the Unix socket speaks without TLS."""

    initialized: bool
    sock: Any
    request: Any = None  # once its head is read
    heard_since: float | None = None  # when a thread took it; until then it waits for us, not we for it

    def still_asking(self) -> bool:
        """Whether it has yet to say the whole request."""
        if self.request is None:
            return True
        reader = self.request.body.reader
        # By gunicorn's own readers: so many bytes to come, or chunks to come.
        return bool(getattr(reader, "length", 0) or getattr(reader, "parser", None))

    def init(self) -> None:
        if self.initialized:
            return
        self.initialized = True
        self.sock.settimeout(SLOW_SECONDS)
        if self.cfg.is_ssl and self.sock.family != socket.AF_UNIX:
            self.sock = sock.ssl_wrap_socket(self.sock, self.cfg)
            if not self.cfg.do_handshake_on_connect:
                self.sock.do_handshake()
        self.parser = http.get_parser(self.cfg, self.sock, self.client)


class DeskWorker(FarewellWorker):
    """Threads for the desk's pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._open: set[Connection] = set()
        self._of: Counter[str] = Counter()

    def accept(self, listener: Any) -> None:
        try:
            client, address = listener.accept()
        except OSError:  # whoever came has left again
            return
        whose = address[0] if isinstance(address, tuple) else ""
        if whose and self._of[whose] >= most_of(whose):
            client.close()
            return
        self._of[whose] += 1
        self.nr_conns += 1
        connection = Connection(self.cfg, client, address, listener.getsockname())
        self._open.add(connection)
        self.enqueue_req(connection)

    def handle(self, conn: Any) -> bool:
        conn.heard_since = time.monotonic()
        if super().handle(conn) is True:
            return True
        # Whoever says nothing for seconds is never put back to wait, where nothing would bound them; nor is leave
        # taken of them on the thread that accepts all others (ui/farewell.py).
        hang_up(conn.sock)
        return False

    def handle_request(self, req: Any, conn: Any) -> Any:
        conn.request = req
        return super().handle_request(req, conn)

    def handle_error(self, _: Any, client: Any, __: Any, exc: Any) -> None:
        """What is no request of a browser; neither told nor logged in its own words."""
        ours = not isinstance(exc, ssl.SSLError) and not type(exc).__module__.startswith("gunicorn.")
        log.log(logging.ERROR if ours else logging.INFO, "no answer: %s", type(exc).__name__, exc_info=ours)
        try:
            client.sendall(BARE.format("500 Internal Server Error" if ours else "400 Bad Request").encode())
        except (OSError, ValueError):  # they have gone
            return

    def finish_request(self, conn: Any, fs: Any) -> None:
        if conn in self._open:  # kept alive is nobody here: `keepalive` is 0
            self._open.remove(conn)
            whose = conn.client[0] if isinstance(conn.client, tuple) else ""
            self._of[whose] -= 1
            if self._of[whose] <= 0:
                del self._of[whose]
        super().finish_request(conn, fs)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Until something happens; where many hold threads it is looked at them sooner than once a second."""
        super().wait_for_and_dispatch_events(
            min(timeout, SHORTEST_ASKING_SECONDS if len(self._open) > MANY else timeout)
        )

    def notify(self) -> None:
        """Called at least once a second; hangs up on whoever takes too long."""
        super().notify()
        if self.wsgi is None:
            return
        streams = self.wsgi.extensions[LEASES].sockets
        now = time.monotonic()
        heard = [(one, one.heard_since) for one in list(self._open) if id(one.sock) not in streams]
        others = [(one, now - since) for one, since in heard if since is not None]
        asking = asking_seconds(len(others))
        for connection, lasts in others:
            if lasts > (asking if connection.still_asking() else LONGEST_SECONDS):
                hang_up(connection.sock)

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.alive and self.wsgi is not None:
            end_streams(self.wsgi)
        super().handle_exit(sig, frame)


def asking_seconds(others: int) -> float:
    """How long somebody may take to say the whole request while so many connections are no streams."""
    return SHORTEST_ASKING_SECONDS if others > FLOOD else SHORT_ASKING_SECONDS if others > MANY else ASKING_SECONDS


def most_of(address: str) -> int:
    """How many connections one address may have at once."""
    try:
        return MOST_OF_ONE_ADDRESS if ipaddress.ip_address(address).is_loopback else MOST_FROM_ELSEWHERE
    except ValueError:
        return MOST_FROM_ELSEWHERE


def end_streams(app: Any) -> None:
    """The server is stopping; they would otherwise outlast any patience."""
    for close in app.extensions[CLOSERS]:
        close()


def hang_up(client: Any) -> None:
    """Whatever its thread waits for ends now."""
    try:
        # Past TLS: its own farewell would wait for the other side, and another thread may be reading.
        socket.socket.shutdown(client, socket.SHUT_RDWR)
    except OSError:  # it went by itself
        return
