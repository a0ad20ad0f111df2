"""TCP servers that answer HTTP the way a broken or lying portal does."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.waiting import LONG_SECONDS

Misbehave = Callable[[socket.socket, threading.Event], None]


@contextmanager
def lying(misbehave: Misbehave) -> Iterator[int]:
    """Serve every connection by `misbehave(connection, stop)`; yields the port."""
    stop = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def converse(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            misbehave(connection, stop)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=converse, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        stop.set()
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def answer(body: bytes, status: str = "200 OK", content_type: str = "application/json") -> Misbehave:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return lambda connection, _stop: connection.sendall(head + body)


def nothing(connection: socket.socket, stop: threading.Event) -> None:
    stop.wait(LONG_SECONDS)


def drip_head(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not stop.wait(0.02):
        connection.sendall(b"x")


def drip_body(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not stop.wait(0.02):
        connection.sendall(b" ")


def flood(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not stop.is_set():
        connection.sendall(b" " * 65536)


def bomb(connection: socket.socket, stop: threading.Event) -> None:
    import gzip

    body = gzip.compress(b" " * (64 << 20))
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def cut(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"maKetQua":')


def not_http(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46 SSH-2.0\r\n\r\n")


def redirect(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/steal\r\nContent-Length: 0\r\n\r\n")
