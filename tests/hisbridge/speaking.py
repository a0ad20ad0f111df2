"""A server whose every byte the test chooses, for what no well-behaved one would do."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Serve = Callable[[int, socket.socket], None]


@contextmanager
def speaking(serve: Serve) -> Iterator[tuple[str, list[int]]]:
    """A server that treats its n-th connection as `serve(n, connection)` says; yields its address and the numbers."""
    seen: list[int] = []
    lock = threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with lock:
                number = len(seen)
                seen.append(number)
            self.request.settimeout(10)
            serve(number, self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", seen
        finally:
            server.shutdown()
            thread.join(5)


def request_on(connection: socket.socket) -> bytes:
    """The next whole request; empty when the client has gone."""
    told = b""
    while b"\r\n\r\n" not in told:
        piece = connection.recv(65536)
        if not piece:
            return b""
        told += piece
    head, _, body = told.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def reply(body: bytes, *, headers: str = "", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def echo(_number: int, connection: socket.socket) -> None:
    while asked := request_on(connection):
        connection.sendall(reply(asked.partition(b"\r\n\r\n")[2]))
