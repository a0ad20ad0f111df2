"""The sandbox card behind the real pcscd, asked through pyscard."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest
from smartcard.CardConnection import CardConnection
from smartcard.Exceptions import CardConnectionException
from smartcard.System import readers

from sandbox.card.image import ATR, CARD_ACCESS
from sandbox.card.quirks import Quirks
from tests.support.pcsc import CardSlot, PcscForTests, PlacedCard, card_present
from tests.support.waiting import wait_until

pytestmark = pytest.mark.pcsc


@contextmanager
def connected(world: PcscForTests) -> Iterator[CardConnection]:
    (reader,) = [found for found in readers() if str(found) == world.reader]
    connection = reader.createConnection()
    connection.connect()
    try:
        yield connection
    finally:
        connection.disconnect()
        connection.release()


def ask(connection: CardConnection, command: str) -> tuple[bytes, int]:
    data, high, low = connection.transmit(list(bytes.fromhex(command)))
    return bytes(data), high << 8 | low


def test_the_card_tells_its_atr_and_its_access_file(
    pcsc_world: PcscForTests, placed_card: Callable[..., PlacedCard]
) -> None:
    placed = placed_card("mau")
    with connected(pcsc_world) as connection:
        assert bytes(connection.getATR()) == ATR
        assert ask(connection, "00B09C0000") == (placed.image.master_files[CARD_ACCESS], 0x9000)
        assert ask(connection, "00A4040C07A0000002471001") == (b"", 0x9000)
        assert ask(connection, "00A4020C020101") == (b"", 0x6982)


def test_a_power_cut_makes_the_chip_forget(pcsc_world: PcscForTests, placed_card: Callable[..., PlacedCard]) -> None:
    placed_card("mau")
    with connected(pcsc_world) as connection:
        assert ask(connection, "00A4040C07A0000002471001") == (b"", 0x9000)
    with connected(pcsc_world) as connection:
        assert ask(connection, "00A4020C020101") == (b"", 0x6A82)  # no applet is selected


def test_a_card_taken_away_is_seen_and_another_can_follow(card_slot: CardSlot) -> None:
    card_slot.place("mau")
    card_slot.remove()
    assert card_present() is False
    card_slot.place("thu")
    assert card_present() is True


def test_a_card_that_leaves_by_itself_is_seen_to_be_gone(
    pcsc_world: PcscForTests, placed_card: Callable[..., PlacedCard]
) -> None:
    placed_card("mau", quirks=Quirks(remove_after_apdus=1))
    with connected(pcsc_world) as connection:
        assert ask(connection, "00B09C0000")[1] == 0x9000
        with pytest.raises(CardConnectionException):
            ask(connection, "00B09C0000")
    wait_until(lambda: card_present() is False, what="an empty reader")


def test_the_card_is_found_again_after_a_restart_of_pcscd(
    pcsc_world: PcscForTests, placed_card: Callable[..., PlacedCard]
) -> None:
    placed_card("mau")
    pcsc_world.stop()
    assert card_present() is None
    pcsc_world.start()
    wait_until(card_present, what="the card behind the new pcscd")


def test_hundred_commands_do_not_wait_for_delayed_acknowledgements(
    pcsc_world: PcscForTests, placed_card: Callable[..., PlacedCard]
) -> None:
    placed_card("mau")
    with connected(pcsc_world) as connection:
        took = []
        for _ in range(100):
            begun = time.monotonic()
            assert ask(connection, "00B09C0000")[1] == 0x9000
            took.append(time.monotonic() - begun)
        # With the stall each of them takes 44 ms; a busy machine delays some, not half of them.
        assert statistics.median(took) < 0.02


def test_a_reply_of_64_kilobytes_passes_the_virtual_reader(
    pcsc_world: PcscForTests, placed_card: Callable[..., PlacedCard]
) -> None:
    big = bytes(range(256)) * 256
    placed_card(
        "mau", change=lambda card: msgspec.structs.replace(card, master_files={**card.master_files, CARD_ACCESS: big})
    )
    with connected(pcsc_world) as connection:
        read = ask(connection, "00B09C00000000")
        assert read == (big[:0xFFFD], 0x9000)
