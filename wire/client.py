"""Ask another process of ours over its Unix socket."""

import http.client
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from wire.codec import from_json, to_json
from wire.errors import MalformedMessage, RemoteError, ServiceTimeout, ServiceUnreachable
from wire.request_id import HEADER, current
from wire.stream import HEARTBEAT_SECONDS, decode_events

T = TypeVar("T")
MAX_ANSWER = 16 << 20


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path
        self._seconds = timeout

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Waits for a place in a full queue; with Python's own time-out a Unix socket would refuse at once (unix(7)).
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(self._seconds))
        try:
            self.sock.connect(str(self._path))
        except BlockingIOError:
            raise TimeoutError from None
        self.sock.settimeout(self._seconds)


class Client:
    """A process of ours, reached through its Unix socket; one connection per call."""

    def __init__(self, path: Path, timeout: float = 5.0) -> None:
        self._path = path
        self._timeout = timeout

    def get(self, path: str, kind: type[T], timeout: float | None = None) -> T:
        """GET `path` and decode the answer as `kind`; raises ServiceUnreachable, ServiceTimeout, RemoteError."""
        return from_json(self._call("GET", path, None, timeout), kind)

    def post(self, path: str, body: Any, kind: type[T], timeout: float | None = None) -> T:
        """POST a record and decode the answer as `kind`; raises as `get` does."""
        return from_json(self._call("POST", path, to_json(body), timeout), kind)

    def events(self, path: str) -> Iterator[tuple[str, bytes]]:
        """Follow an event stream: (name, JSON data) of each event, until the other side ends it.

        Raises ServiceUnreachable when the process is not there, ServiceTimeout when even heartbeats stop.
        """
        with self._connection(HEARTBEAT_SECONDS * 2.5) as connection:
            connection.request("GET", path, headers={"Accept": "text/event-stream", **_named()})
            response = connection.getresponse()
            if response.status != 200:
                raise _remote_error(response.read(MAX_ANSWER))
            yield from decode_events(iter(response.readline, b""))

    def _call(self, method: str, path: str, body: bytes | None, timeout: float | None) -> bytes:
        with self._connection(timeout or self._timeout) as connection:
            connection.request(method, path, body, _named() | ({"Content-Type": "application/json"} if body else {}))
            response = connection.getresponse()
            answer = response.read(MAX_ANSWER)
        if response.status >= 400:
            raise _remote_error(answer)
        return answer

    @contextmanager
    def _connection(self, seconds: float) -> Iterator[_UnixConnection]:
        """A connection whose failures are told as the product's errors, closed at the end."""
        connection = _UnixConnection(self._path, seconds)
        try:
            yield connection
        except TimeoutError:
            raise ServiceTimeout(socket=self._path.name) from None
        except (OSError, http.client.HTTPException):
            raise ServiceUnreachable(socket=self._path.name) from None
        finally:
            connection.close()


def _named() -> dict[str, str]:
    """The request this thread works for, so that the other process's log tells it by the same name."""
    return {HEADER: name} if (name := current()) else {}


def _timeval(seconds: float) -> bytes:
    whole = int(seconds)
    # Never zero, which the kernel reads as for ever.
    return struct.pack("ll", whole, max(int((seconds - whole) * 1_000_000), 1))


def _remote_error(answer: bytes) -> Exception:
    try:
        told = json.loads(answer)
        return RemoteError(str(told["code"]), bool(told["retriable"]), **told["data"])
    except (ValueError, KeyError, TypeError):
        return MalformedMessage(why="not an error record", where="$")
