"""The card slot inside the reader process: presence, powering, removal, and the desk's socket."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reader.chip.access_keys import from_can
from reader.chip.session import read_card
from reader.chip.transport import Slot
from reader.errors import CardRemoved, CardShared, NoCard
from sandbox.card import files, image
from sandbox.card.chip import Chip
from sandbox.card.quirks import Quirks
from sandbox.card.trust import Authority
from sandbox.inprocess import InProcessSlot, RemoteSlot
from sandbox.people import find
from tests.reader.chip.cards import surroundings
from tests.support.terminal import Terminal, can_key

ACCESS_FILE = bytes.fromhex("00B09C0000")


@pytest.fixture(scope="module")
def card(authority: Authority) -> image.CardImage:
    return files.build(find("nhi"), None, authority)


@pytest.fixture
def slot() -> Iterator[InProcessSlot]:
    made = InProcessSlot()
    yield made
    made.close()


def test_it_is_a_slot_like_any_other(slot: InProcessSlot) -> None:
    taken: Slot = slot
    assert next(iter(taken.watch())).service


def test_a_watcher_sees_every_change_also_a_swap(slot: InProcessSlot, card: image.CardImage) -> None:
    watch = slot.watch()
    assert next(watch).card is False
    slot.place(Chip(card))
    slot.place(Chip(card))
    slot.remove()
    assert [next(watch).card for _ in range(4)] == [True, False, True, False]


def test_closing_ends_a_waiting_watcher(slot: InProcessSlot) -> None:
    seen = []
    watcher = threading.Thread(target=lambda: seen.extend(slot.watch()))
    watcher.start()
    slot.close()
    watcher.join(5)
    assert not watcher.is_alive()
    assert len(seen) == 1


def test_an_empty_slot_has_no_card_to_power(slot: InProcessSlot) -> None:
    with pytest.raises(NoCard), slot.connect():
        pass


def test_a_card_opens_through_the_slot_and_forgets_when_its_power_is_cut(
    slot: InProcessSlot, card: image.CardImage
) -> None:
    slot.place(Chip(card))
    with slot.connect() as transport:
        terminal = Terminal(transport.transmit)
        terminal.pace(can_key(card.can))
        terminal.select_applet()
        assert terminal.read(image.DG13) == card.files[image.DG13]
    with slot.connect() as transport:
        assert transport.transmit(bytes.fromhex("00A4020C020101")) == b"\x6a\x82"


def test_a_whole_reading_runs_through_the_slot(slot: InProcessSlot, card: image.CardImage) -> None:
    slot.place(Chip(card))
    result = read_card(slot, from_can(card.can or ""), surroundings(), 20)
    assert result.contents["dg13"] == card.files[image.DG13]
    assert result.reading.holder.full_name == find("nhi").full_name


def test_only_one_may_hold_the_card(slot: InProcessSlot, card: image.CardImage) -> None:
    slot.place(Chip(card))
    with slot.connect(), pytest.raises(CardShared), slot.connect():
        pass
    with slot.connect() as transport:
        assert transport.transmit(ACCESS_FILE).endswith(b"\x90\x00")


def test_a_removed_or_swapped_card_answers_no_more(slot: InProcessSlot, card: image.CardImage) -> None:
    slot.place(Chip(card))
    with slot.connect() as transport:
        slot.place(Chip(card))
        with pytest.raises(CardRemoved):
            transport.transmit(ACCESS_FILE)


def test_a_card_that_leaves_by_itself_is_gone(slot: InProcessSlot, card: image.CardImage) -> None:
    slot.place(Chip(card, Quirks(remove_after_apdus=1)))
    with slot.connect() as transport:
        transport.transmit(ACCESS_FILE)
        with pytest.raises(CardRemoved):
            transport.transmit(ACCESS_FILE)
    assert next(slot.watch()).card is False


def test_the_desk_places_and_removes_cards_through_the_socket(
    slot: InProcessSlot, card: image.CardImage, run_dir: Path
) -> None:
    with slot.serving(run_dir / "card.sock"):
        hand = RemoteSlot(run_dir / "card.sock")
        hand.place(card, Quirks(max_le=100))
        assert hand.occupied()
        with slot.connect() as transport:
            assert transport.transmit(ACCESS_FILE) == card.master_files[image.CARD_ACCESS] + b"\x90\x00"
        hand.remove()
        assert not hand.occupied()
