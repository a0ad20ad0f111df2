"""The card's end of the virtual reader's line, against a listener that writes as vpcd does."""

import socket
import statistics
import threading
import time
from collections.abc import Callable

import pytest

from sandbox.card import vpcd
from sandbox.card.chip import Chip
from sandbox.card.image import ATR
from sandbox.card.quirks import Quirks
from sandbox.card.vpcd import VirtualReader
from tests.sandbox.bare_cards import card

READ_ACCESS_FILE = bytes.fromhex("00B09C0007")
ROUNDS = 15


class Line:
    """vpcd's side of one connection: length and message in two writes, with Nagle's algorithm on, as vpcd has it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def tell(self, message: bytes) -> None:
        self.connection.sendall(len(message).to_bytes(2, "big"))
        self.connection.sendall(message)

    def ask(self, message: bytes) -> bytes:
        self.tell(message)
        return self._exactly(int.from_bytes(self._exactly(2), "big"))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.connection.recv(count - len(data))
            assert piece
            data += piece
        return data


def on_a_line(chip: Chip, talk: Callable[[Line], None]) -> None:
    """Place the card on a reader of the test's own and talk to it as pcscd would."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        reader = VirtualReader(listener.getsockname()[1])
        placing = threading.Thread(target=reader.place, args=(chip,))
        placing.start()
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            talk(Line(connection))
            placing.join()
            reader.remove()


def test_the_card_answers_controls_and_commands() -> None:
    def talk(line: Line) -> None:
        line.tell(b"\x01")  # power on: no answer
        assert line.ask(b"\x04") == ATR
        assert line.ask(READ_ACCESS_FILE) == b"\x31\x05infos\x90\x00"
        line.tell(b"\x02")
        line.tell(b"\x00")
        assert line.ask(b"\x04") == ATR

    on_a_line(Chip(card()), talk)


@pytest.mark.parametrize("quirks", [Quirks(mute_from=1), Quirks(extra_bytes_per_reply=0xFFFF)])
def test_a_reply_of_any_length_leaves_the_line_in_order(quirks: Quirks) -> None:
    def talk(line: Line) -> None:
        first, second = line.ask(READ_ACCESS_FILE), line.ask(READ_ACCESS_FILE)
        assert first == second
        assert line.ask(b"\x04") == ATR

    on_a_line(Chip(card(), quirks), talk)


def median_round(receive: Callable[[socket.socket], bytes | None]) -> float:
    """Seconds for one command and its answer, with this way of receiving on the card's side."""
    took: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        cards_end = socket.create_connection(listener.getsockname())
        readers_end, _ = listener.accept()

    def ask() -> None:
        line = Line(readers_end)
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            line.ask(READ_ACCESS_FILE)
            took.append(time.perf_counter() - begun)

    with cards_end, readers_end:
        cards_end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asking = threading.Thread(target=ask)
        asking.start()
        for _ in range(ROUNDS):
            assert receive(cards_end) == READ_ACCESS_FILE
            cards_end.sendall(b"\x00\x02\x90\x00")
        asking.join()
    return statistics.median(took)


def plainly(connection: socket.socket) -> bytes | None:
    data = b""
    while len(data) < 2 + len(READ_ACCESS_FILE):
        data += connection.recv(64)
    return data[2:]


def test_no_command_waits_for_a_delayed_acknowledgement() -> None:
    # Measured: 44 ms without the cure, 0.1 ms with it. The two medians are of the same machine in the same second.
    assert median_round(vpcd._receive) * 4 < median_round(plainly)
