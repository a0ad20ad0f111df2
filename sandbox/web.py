"""The pretend systems' HTTP server: like any other, but it can lie about a length, drip, reset and mis-certify.

The product's own small server (`wire.server`) must not be able to do such things; its Request and Response are shared.
"""

import contextlib
import os
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from wire.server import Request, Response, Routes

HOST = "127.0.0.1"
MAX_BODY = 1 << 20  # bytes
REQUEST_SECONDS = 30

Tls = Callable[[], ssl.SSLContext]


@dataclass(frozen=True)
class Spoilt(Response):
    """An answer that breaks HTTP's promises: tells `length` whatever the body's is, and may end with a reset."""

    length: int | None = None  # bytes, the Content-Length that is told; None: the true one
    reset: bool = False  # the connection is torn (TCP RST) once the body is sent


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = REQUEST_SECONDS
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait 40 ms for the first one's ACK
    server: "_Server"

    def setup(self) -> None:
        if self.server.tls is not None:
            self.request.settimeout(REQUEST_SECONDS)
            self.request = self.server.tls().wrap_socket(self.request, server_side=True)
        self.server.live.add(self.request)
        super().setup()

    def finish(self) -> None:
        self.server.live.discard(self.request)
        super().finish()
        if self.server.tls is not None:
            self.request.close()  # the server itself closes only what it accepted

    def _answer(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY:
            self.close_connection = True
            return self._send(Response(status=400))
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )
        folder = request.path.rpartition("/")[0] + "/"  # a path that ends with / stands for all below it
        handler = self.server.routes.get((request.method, request.path)) or self.server.routes.get(
            (request.method, folder)
        )
        return self._send(handler(request) if handler else Response(status=404, content_type="text/plain"))

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def _send(self, response: Response) -> None:
        told = response.length if isinstance(response, Spoilt) else None
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.stream is None or told is not None:
            self.send_header("Content-Length", str(len(response.body) if told is None else told))
        if response.stream is not None or isinstance(response, Spoilt):
            # A body shorter than was told ends the connection, else the client would wait for the rest.
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        for piece in (response.body,) if response.stream is None else response.stream:
            self.wfile.write(piece)
        if isinstance(response, Spoilt) and response.reset:
            # Closed with nothing lingering: the kernel answers with RST where it would have said good-bye.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the request line holds secrets."""


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    request_queue_size = 64
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    routes: Routes
    tls: Tls | None

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler)
        self.live: set[socket.socket] = set()

    def server_close(self) -> None:
        """Off the network at once: also connections that were kept open."""
        super().server_close()
        self.cut()

    def cut(self) -> None:
        """End every connection there is; new ones are taken as before."""
        for connection in list(self.live):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves, or will not have our certificate, is its own affair."""


@contextmanager
def serving(routes: Routes, port: int, tls: Tls | None = None) -> Iterator[int]:
    """Serve on loopback while the context lasts; yields the real port. `tls` gives each connection its certificate."""
    with _listening(routes, port, tls) as server:
        yield int(server.server_address[1])


@contextmanager
def _listening(routes: Routes, port: int, tls: Tls | None) -> Iterator[_Server]:
    server = _Server((HOST, port))
    server.routes, server.tls = routes, tls
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox-web", daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Switchboard:
    """Takes a system off the network and puts it back on the same port."""

    def __init__(self, routes: Routes, port: int, tls: Tls | None = None) -> None:
        self.port = port
        self._routes = routes
        self._tls = tls
        self._open: contextlib.ExitStack | None = None
        self._server: _Server | None = None
        self._lock = threading.Lock()

    def follow(self, *, down: bool) -> None:
        """Listen, or do not."""
        with self._lock:
            if down and self._open is not None:
                self._open.close()
                self._open = self._server = None
            elif not down and self._open is None:
                self._open = contextlib.ExitStack()
                self._server = self._open.enter_context(_listening(self._routes, self.port, self._tls))
                self.port = int(self._server.server_address[1])

    def greet_anew(self) -> None:
        """Where TLS is spoken, end the connections that were kept open: a certificate is looked at when one is made."""
        with self._lock:
            if self._server is not None and self._tls is not None:
                self._server.cut()
