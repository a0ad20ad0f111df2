"""A small HTTP server for Unix sockets and loopback: how our processes answer each other.

Standard library only: the reader and the bridge must start fast and stay small, and nobody but our own processes
(and `curl --unix-socket`) speaks to them. The people-facing pages are served by Flask and gunicorn, not here.
"""

import contextlib
import logging
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from wire.codec import to_json
from wire.errors import MalformedMessage, TiepDonError
from wire.request_id import HEADER, taken, working_for

log = logging.getLogger(__name__)

MAX_BODY = 1 << 20  # bytes; no message between our processes is near that


@dataclass(frozen=True)
class Request:
    """One request: method, path, query (first value of each name), headers in lower case, body bytes."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """One answer. `stream`, when given, is sent piece by piece until it ends or the client leaves."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterable[bytes] | None = None


Handler = Callable[[Request], Response]
Routes = Mapping[tuple[str, str], Handler]


def json_response(value: Any, status: int = 200) -> Response:
    """A record or plain value as a JSON answer."""
    return Response(status=status, body=to_json(value))


def error_response(error: TiepDonError, status: int = 400) -> Response:
    """An error as JSON: `{"code", "retriable", "data"}`."""
    return json_response({"code": error.code, "retriable": error.retriable, "data": error.data}, status)


def event_stream(events: Iterable[bytes]) -> Response:
    """A server-sent event stream (WHATWG HTML, 9.2)."""
    return Response(content_type="text/event-stream", headers={"Cache-Control": "no-store"}, stream=events)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_ServerMixin"  # type: ignore[assignment]  # typeshed wants a concrete server here
    # Headers and body in one packet: of two on a kept TCP connection the second waits for an acknowledgement, 40 ms.
    wbufsize = 1 << 16
    timeout = 30  # seconds for a client to send its request; streams are written, not read

    def _answer(self) -> None:
        with working_for(taken(self.headers.get(HEADER))):
            self._answer_it()

    def _answer_it(self) -> None:
        try:
            response = self._dispatch()
        except TiepDonError as error:
            response = error_response(error)
        except Exception:
            log.exception("unhandled error in %s %s", self.command, urlsplit(self.path).path)
            response = error_response(TiepDonError(), 500)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            self._send(response)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def _dispatch(self) -> Response:
        parts = urlsplit(self.path)
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            raise MalformedMessage(why="Content-Length", where="header") from None
        if not 0 <= length <= MAX_BODY:
            self.close_connection = True
            raise MalformedMessage(why="body too large", where="header")
        request = Request(
            method=self.command,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )
        handler = self.server.routes.get((request.method, request.path))
        if handler is None:
            return error_response(MalformedMessage(why="no such path", where="path"), 404)
        return handler(request)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.stream is None:
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)
            return
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        self.wfile.flush()
        stream = iter(response.stream)
        try:
            for piece in stream:
                self.wfile.write(piece)
                self.wfile.flush()
        finally:
            close = getattr(stream, "close", None)
            if close is not None:
                close()

    def address_string(self) -> str:
        return (
            "local" if isinstance(self.client_address, str) or not self.client_address else str(self.client_address[0])
        )

    def log_message(self, format: str, *args: Any) -> None:
        # The request line may hold a query string; only the path is ever logged.
        log.debug("%s %s", self.command or "-", urlsplit(getattr(self, "path", "")).path)


class _ServerMixin(socketserver.ThreadingMixIn):
    daemon_threads = True
    block_on_close = False
    routes: Routes

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is its own affair; anything else is logged, without what it sent."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            log.exception("a connection failed")


class _UnixServer(_ServerMixin, socketserver.UnixStreamServer):
    request_queue_size = 64


class _TcpServer(_ServerMixin, socketserver.TCPServer):
    request_queue_size = 64
    allow_reuse_address = True


# A socket that already listens is one that systemd holds for us: it outlives this process, and no client is lost.
Address = Path | tuple[str, int] | socket.socket


@contextlib.contextmanager
def serving(address: Address, routes: Routes) -> Iterator[tuple[str, int] | Path]:
    """Serve `routes` on a Unix socket (mode 0600), a TCP address or a Unix socket that already listens, in a background
    thread while the context lasts.

    Yields the bound address (with the real port where 0 was asked for). Raises OSError when it cannot bind.
    """
    server: _UnixServer | _TcpServer
    if isinstance(address, socket.socket):
        server = _UnixServer(str(address.getsockname()), _Handler, bind_and_activate=False)
        server.socket.close()
        server.socket = address
    elif isinstance(address, Path):
        _remove_stale_socket(address)
        old_mask = os.umask(0o177)
        try:
            server = _UnixServer(str(address), _Handler)
        finally:
            os.umask(old_mask)
    else:
        server = _TcpServer(address, _Handler)
    server.routes = routes
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="wire-server", daemon=True
    )
    thread.start()
    try:
        if isinstance(server, _UnixServer):
            yield Path(str(server.server_address))
        else:
            yield server.socket.getsockname()[:2]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        if isinstance(address, Path):
            address.unlink(missing_ok=True)


def _remove_stale_socket(path: Path) -> None:
    """Remove a socket left by a killed process, but never one that somebody still answers on."""
    if not path.exists():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            pass  # somebody listens whose queue is full
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise OSError(f"{path} is in use by a running process")
