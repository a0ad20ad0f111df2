"""The MLLP client: stop and wait, one message out at a time, one deadline over the whole exchange (bridge.md 1.4).

Real receivers split acknowledgements anywhere, forget the CR, add a LF, answer late and answer twice. So an answer
counts only when it names our message, and a connection that disappointed once is never used again.
"""

import contextlib
import socket
import time
from collections.abc import Callable

from config.destinations import Hl7v2Destination
from hisbridge.connectors.contract import Receipt
from hisbridge.connectors.hl7ack import is_interim, judge, parse
from hisbridge.errors import DestinationUnreachable, GarbledAnswer, NoAnswer

START, END = b"\x0b", b"\x1c"
MAX_ANSWER = 1 << 20  # bytes received for one message, stale answers included
_BETWEEN_FRAMES = b"\r\n \x00"


class MllpClient:
    """One receiver. `stale_answers` counts acknowledgements of something else than what was asked."""

    def __init__(self, destination: Hl7v2Destination, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._destination = destination
        self._monotonic = monotonic
        self._socket: socket.socket | None = None
        self._buffer = bytearray()
        self.stale_answers = 0

    def exchange(self, message: bytes, control_id: str) -> Receipt:
        """Send one message and wait for the acknowledgement whose MSA-2 is `control_id`.

        Raises DestinationUnreachable (nothing was sent), NoAnswer or GarbledAnswer (the outcome is not known).
        """
        deadline = self._monotonic() + self._destination.timeout_seconds
        reused = self._is_usable()
        try:
            try:
                receipt = self._attempt(message, control_id, deadline)
            except _PeerLeft:
                if not reused:
                    raise
                # The peer had left this idle connection before our frame reached it; its own time-out, not a failure.
                self.close()
                receipt = self._attempt(message, control_id, deadline)
        except BaseException:
            self.close()
            raise
        if self._destination.connection == "per_message":
            self.close()
        return receipt

    def connect(self, timeout: float | None = None) -> None:
        """Hold a connection, made within `timeout` seconds. Raises DestinationUnreachable."""
        if self._socket is not None:
            return
        address = (self._destination.host, self._destination.port)
        try:
            connection = socket.create_connection(address, timeout or self._destination.timeout_seconds)
            # Without it the answer waits for Nagle and delayed ACK: 35 ms a message were measured.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, UnicodeError) as error:
            # UnicodeError: a host name that cannot be one at all.
            raise DestinationUnreachable(why=type(error).__name__) from None
        self._socket = connection
        self._buffer.clear()

    def close(self) -> None:
        """Drop the connection, if one is held."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        self._socket = None
        self._buffer.clear()

    def _attempt(self, message: bytes, control_id: str, deadline: float) -> Receipt:
        self.connect(self._left(deadline))
        self._send(START + message + END + b"\r", deadline)
        allowance = MAX_ANSWER
        interim: Receipt | None = None
        while True:
            try:
                frame, used = self._frame(deadline, allowance)
            except NoAnswer:
                if interim is None:
                    raise
                # Stored by the receiver (CA) and no verdict followed: it took over the responsibility.
                self.close()
                return interim
            allowance -= used
            answer = parse(frame)
            if answer.control_id != control_id:
                self.stale_answers += 1
            elif is_interim(answer):
                interim = judge(answer)
            else:
                return judge(answer)

    def _send(self, frame: bytes, deadline: float) -> None:
        """The whole frame in one write: receivers exist that lose a message split over two segments."""
        connection = self._connection()
        try:
            connection.settimeout(self._left(deadline))
            connection.sendall(frame)
        except TimeoutError:
            raise NoAnswer(why="time-out while sending") from None
        except OSError:
            raise _PeerLeft(why="connection lost while sending") from None

    def _frame(self, deadline: float, allowance: int) -> tuple[bytes, int]:
        """The next frame's content and how many bytes were received for it."""
        received = 0
        while True:
            begun = self._buffer.lstrip(_BETWEEN_FRAMES)
            if begun and begun[:1] != START:
                raise GarbledAnswer(why="no start of frame")
            end = begun.find(END)
            if end >= 0:
                self._buffer = begun[end + 1 :]
                return bytes(begun[1:end]), received
            if received > allowance:
                raise GarbledAnswer(why="answer too large")
            piece = self._receive(deadline)
            if not piece:
                raise _PeerLeft(why="connection closed") if received == 0 else NoAnswer(why="connection closed")
            received += len(piece)
            self._buffer += piece

    def _receive(self, deadline: float) -> bytes:
        connection = self._connection()
        try:
            connection.settimeout(self._left(deadline))
            return connection.recv(65536)
        except TimeoutError:
            raise NoAnswer(why="time-out") from None
        except OSError:
            raise _PeerLeft(why="connection lost") from None

    def _left(self, deadline: float) -> float:
        left = deadline - self._monotonic()
        if left <= 0:
            raise NoAnswer(why="time-out")
        return left

    def _connection(self) -> socket.socket:
        if self._socket is None:
            raise DestinationUnreachable(why="not connected")
        return self._socket

    def _is_usable(self) -> bool:
        """Whether the held connection still stands and is silent; drops it when not."""
        if self._socket is None:
            return False
        try:
            self._socket.setblocking(False)
            early = self._socket.recv(4096)
        except BlockingIOError:
            return True
        except OSError:
            early = b""
        # Line ends after the last frame are harmless; the end of the stream or a late answer is not.
        if early and not early.strip(_BETWEEN_FRAMES):
            return True
        self.close()
        return False


class _PeerLeft(NoAnswer):
    """The connection ended before a single byte of the answer."""
