"""The pretend hospital system's line: a socket with MLLP frames, plain or TLS, cut and put back on command."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

MAX_FRAME = 1 << 20
START, END = b"\x0b", b"\x1c"


class Listener:
    """The listening socket and its connections; taken off the network and put back on the same port."""

    def __init__(self, port: int, converse: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self._converse = converse
        self._tls = tls
        self._lock = threading.Lock()
        self._listening: socket.socket | None = None
        self._connections: set[socket.socket] = set()

    def follow(self, *, down: bool) -> None:
        """Be on the network or off it."""
        with self._lock:
            if down and self._listening is not None:
                _hang_up(self._listening)
                for connection in self._connections:
                    _hang_up(connection)
                self._listening = None
            elif not down and self._listening is None:
                listening = socket.create_server(("127.0.0.1", self.port), backlog=16)
                self.port = listening.getsockname()[1]
                self._listening = listening
                threading.Thread(target=self._accept, args=(listening,), name="his", daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with self._lock:
                if self._listening is not listening:
                    connection.close()
                    return
                self._connections.add(connection)
            threading.Thread(target=self._run, args=(connection,), name="his-connection", daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):
                connection = self._shaken(connection)
                self._converse(connection)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _shaken(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            return connection
        speaking = self._tls.wrap_socket(connection, server_side=True)
        with self._lock:  # the plain one is empty-handed now
            self._connections.discard(connection)
            self._connections.add(speaking)
        return speaking


def framed(message: bytes) -> bytes:
    """A message in its MLLP frame."""
    return START + message + END + b"\r"


def next_frame(connection: socket.socket, buffer: bytes, cuts: Callable[[], bool]) -> tuple[bytes | None, bytes]:
    """The next frame and what came after it; None when the other side left, or is to be left in mid-message."""
    while True:
        begin = buffer.find(START)
        end = buffer.find(END, begin + 1) if begin >= 0 else -1
        if end >= 0:
            return buffer[begin + 1 : end], buffer[end + 1 :]
        if len(buffer) > MAX_FRAME:
            return None, b""
        # Asked when a message begins to come, not when the connection does: it may stand for hours.
        piece = connection.recv(65536)
        if not piece or cuts():
            return None, b""
        buffer += piece


def _hang_up(connection: socket.socket) -> None:
    # shutdown wakes a thread that is blocked in accept or recv; close alone does not.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        connection.close()
