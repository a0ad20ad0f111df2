"""A TCP receiver that does exactly what a test scripts, good or bad."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

START, END = b"\x0b", b"\x1c\r"


def control_id(message: bytes) -> str:
    return message.split(b"\r")[0].split(b"|")[9].decode()


def ack(message: bytes, code: str = "AA", error: str = "", about: str | None = None) -> bytes:
    """An acknowledgement (without frame) of a message; `about` names another one."""
    told = control_id(message) if about is None else about
    lines = ["MSH|^~\\&|HIS||TIEPDON||20261121074500||ACK^A04^ACK|A1|P|2.5", f"MSA|{code}|{told}"]
    if error:
        lines.append(f"ERR||PID^1^5|{error}^words|E")
    return "".join(f"{line}\r" for line in lines).encode()


def framed(answer: bytes) -> bytes:
    return START + answer + END


Step = Callable[[socket.socket, bytes], None]  # what to do with one message; closing the socket ends the connection


def say(code: str = "AA", error: str = "") -> Step:
    return lambda connection, message: connection.sendall(framed(ack(message, code, error)))


def raw(*pieces: bytes) -> Step:
    """Send these bytes, each in its own segment."""

    def step(connection: socket.socket, message: bytes) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return step


def hang_up(connection: socket.socket, message: bytes) -> None:
    connection.close()


def mute(connection: socket.socket, message: bytes) -> None:
    pass


class Receiver:
    """Follows its script message by message over any number of connections; the last step repeats."""

    def __init__(self, script: Sequence[Step]) -> None:
        self.script = list(script)
        self.messages: list[bytes] = []
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def ids(self) -> list[str]:
        return [control_id(message) for message in self.messages]

    def close(self) -> None:
        for connection in [self._listening, *self._open]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        buffer = b""
        with contextlib.suppress(OSError):
            while True:
                while END in buffer:
                    frame, _, buffer = buffer.partition(END)
                    assert frame.startswith(START)
                    message = frame[1:]
                    self.messages.append(message)
                    step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                    step(connection, message)
                piece = connection.recv(65536)
                if not piece:
                    return
                buffer += piece


@contextmanager
def receiving(*script: Step) -> Iterator[Receiver]:
    receiver = Receiver(script)
    try:
        yield receiver
    finally:
        receiver.close()
