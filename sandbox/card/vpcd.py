"""Plug a sandbox card into the real pcscd through the vpcd driver, over its TCP port on this machine.

The protocol (vsmartcard, "Virtual Smart Card Architecture"): messages with a two-byte length; one byte is a control
(0 power off, 1 power on, 2 reset, 4 tell the ATR), anything longer a command APDU. Connected means card present.
"""

import contextlib
import socket
import threading
import time

from sandbox.card.chip import CardGone, Chip
from sandbox.errors import ReaderUnreachable
from sandbox.pcscd import DEFAULT_PORT, HOST

POWER_OFF, POWER_ON, RESET, TELL_ATR = 0, 1, 2, 4
LONGEST_MESSAGE = 0xFFFF  # bytes
RETRY_SECONDS = 0.05
# pcscd looks every 400 ms, and a swap between two looks can leave it believing in an empty reader for ever (seen with
# 1.9.9 when the old card left while it was powered): the reader stays empty for longer than one look.
EMPTY_SECONDS = 0.6


class VirtualReader:
    """The slot of one vpcd port. `place` and `remove` may be called from any thread."""

    def __init__(self, port: int = DEFAULT_PORT) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._pause = threading.Event()
        self._plug: _Plug | None = None
        self._empty_since = 0.0

    def place(self, chip: Chip, timeout: float = 5.0) -> None:
        """Put a card on the reader, taking away the one that lies there.

        Raises ReaderUnreachable when vpcd does not take the connection in `timeout` seconds. A card once placed
        stays until it is removed, also over a restart of pcscd.
        """
        with self._lock:
            self._take_away()
            self._pause.wait(self._empty_since + EMPTY_SECONDS - time.monotonic())
            plug = _Plug(self._port, chip)
            if not plug.connected.wait(timeout):
                plug.close()
                raise ReaderUnreachable(port=self._port)
            self._plug = plug

    def remove(self) -> None:
        """Take the card away; nothing happens when none is there."""
        with self._lock:
            self._take_away()

    def occupied(self) -> bool:
        """Does a card lie on the reader (also while pcscd is down)?"""
        plug = self._plug
        return plug is not None and not plug.gone.is_set()

    def _take_away(self) -> None:
        if self._plug is not None:
            self._plug.close()
            self._empty_since = self._plug.left_at
            self._plug = None


class _Plug:
    """One card in the slot: a thread that connects, serves, and connects again when pcscd went away."""

    def __init__(self, port: int, chip: Chip) -> None:
        self._port = port
        self._chip = chip
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self.left_at = 0.0
        self.connected = threading.Event()
        self.gone = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-card", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.gone.set()
        with self._lock:
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _run(self) -> None:
        while not self.gone.is_set():
            try:
                with socket.create_connection((HOST, self._port), timeout=1.0) as connection:
                    connection.settimeout(None)
                    self._serve(connection)
            except CardGone:
                self.gone.set()
            except OSError:
                pass  # pcscd is not there, or went away
            self.gone.wait(RETRY_SECONDS)

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            if self.gone.is_set():
                return
            self._socket = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connected.set()
        try:
            while (message := _receive(connection)) is not None:
                answer = self._answer(message)
                if answer is not None:
                    carried = answer[:LONGEST_MESSAGE]  # a card that says more than asked for may say too much
                    connection.sendall(len(carried).to_bytes(2, "big") + carried)
        finally:
            self._chip.power_off()
            self.left_at = time.monotonic()
            with self._lock:
                self._socket = None

    def _answer(self, message: bytes) -> bytes | None:
        if len(message) != 1:
            return self._chip.transmit(message)
        control = message[0]
        if control == TELL_ATR:
            return self._chip.atr
        if control in (POWER_ON, RESET):
            self._chip.power_on()
        elif control == POWER_OFF:
            self._chip.power_off()
        return None


def _receive(connection: socket.socket) -> bytes | None:
    head = _exactly(connection, 2)
    return None if head is None else _exactly(connection, int.from_bytes(head, "big"))


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    """`count` bytes, or None when the other side left.

    vpcd writes length and body apart: without a quick acknowledgement each message waits 44 ms for the delayed
    one (measured), and Linux forgets the option, so it is set again after every receive.
    """
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            return None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        data += piece
    return data
