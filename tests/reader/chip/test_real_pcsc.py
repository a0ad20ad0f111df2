"""The sandbox card through the real pcscd: reading, wrong key, removal, and a watch that survives pcscd's restart."""

import pytest

from reader.chip.access_keys import from_can
from reader.chip.pcsc import PcscSlot
from reader.chip.session import read_card
from reader.chip.task import Listener, Wanted
from reader.chip.world import real_surroundings
from reader.errors import CardRemoved, NoCard, NoReader, ReaderError, ServiceDown, WrongKey
from reader.phases import Phase
from reader.reading import Outcome
from sandbox.card.quirks import Quirks
from tests.support.pcsc import READER
from tests.support.watched import Watched

pytestmark = pytest.mark.pcsc

CAN = from_can("900017")
EVERYTHING = Wanted(everything=True)


def test_a_person_is_read_by_can_with_proof(placed_card, trust_folder):
    placed_card("mau")
    result = read_card(PcscSlot(), CAN, real_surroundings(str(trust_folder)), 20, EVERYTHING)
    assert result.reading.holder.full_name == "Trần Thị Mẫu"
    checks = result.reading.evidence.checks
    assert checks is not None
    assert checks.chain.result is Outcome.PASSED
    assert result.apdus_to_name <= 10


def test_the_same_card_is_read_again_and_again(placed_card):
    placed_card("mau")
    slot = PcscSlot()
    for _ in range(3):
        assert read_card(slot, CAN, real_surroundings(""), 20).reading.holder.personal_id == "001303900017"


def test_after_a_wrong_can_the_right_one_opens(placed_card):
    placed_card("mau")
    slot = PcscSlot()
    with pytest.raises(WrongKey):
        read_card(slot, from_can("000000"), real_surroundings(""), 20)
    assert read_card(slot, CAN, real_surroundings(""), 20).reading.holder.full_name == "Trần Thị Mẫu"


@pytest.mark.parametrize("after", [0, 4, 9, 12])
def test_a_card_pulled_away_while_long_apdus_are_sent_is_removed(placed_card, after):
    placed_card("mau", quirks=Quirks(remove_after_apdus=after))
    with pytest.raises(CardRemoved):
        read_card(PcscSlot(), CAN, real_surroundings(""), 20, EVERYTHING)


@pytest.mark.parametrize("after", [0, 4, 7, 9, 15, 40])
def test_a_card_pulled_away_at_any_time_is_removed(placed_card, after):
    placed_card("mau", quirks=Quirks(remove_after_apdus=after))
    with pytest.raises(CardRemoved):
        read_card(PcscSlot(), CAN, real_surroundings(""), 20, Wanted(everything=True, extended=False))


def test_a_card_lifted_by_hand_is_removed(card_slot):
    card_slot.place("mau")

    def lift(phase: Phase) -> None:
        if phase is Phase.PROOF:
            card_slot.remove(wait=False)

    with pytest.raises(CardRemoved) as caught:
        read_card(PcscSlot(), CAN, real_surroundings(""), 20, EVERYTHING, Listener(phase=lift))
    assert caught.value.data["phase"] == Phase.PROOF


def test_an_empty_reader_has_no_card(card_slot):
    with pytest.raises(NoCard):
        read_card(PcscSlot(), CAN, real_surroundings(""), 20)


def test_a_reader_of_another_name_is_no_reader(card_slot):
    with pytest.raises(NoReader):
        read_card(PcscSlot("no such reader"), CAN, real_surroundings(""), 20)


def test_watch_tells_of_cards_coming_and_going(card_slot):
    with Watched(PcscSlot()) as watched:
        watched.until(service=True, reader=READER, card=False)
        card_slot.place("mau")
        assert watched.until(service=True, reader=READER, card=True).problem is None
        card_slot.remove()
        watched.until(service=True, reader=READER, card=False)


def test_a_watch_for_another_reader_says_so(card_slot):
    with Watched(PcscSlot("no such reader")) as watched:
        assert watched.until(service=True, reader=None, card=False).problem == NoReader.code


def test_watch_survives_the_restart_of_pcscd(pcsc_world, card_slot):
    with Watched(PcscSlot()) as watched:
        watched.until(service=True, reader=READER, card=False)
        pcsc_world.stop()
        assert watched.until(service=False, reader=None, card=False).problem == ServiceDown.code
        with pytest.raises(ServiceDown):
            read_card(PcscSlot(), CAN, real_surroundings(""), 20)
        pcsc_world.start()
        watched.until(service=True, reader=READER, card=False)
        card_slot.place("mau")
        watched.until(service=True, reader=READER, card=True)
        assert read_card(watched.slot, CAN, real_surroundings(""), 20).reading.holder.full_name == "Trần Thị Mẫu"


def test_pcscd_stopped_in_the_middle_of_a_reading_is_an_error_and_no_hang(pcsc_world, placed_card):
    placed_card("mau")

    def stop(phase: Phase) -> None:
        if phase is Phase.PROOF:
            pcsc_world.stop()

    try:
        with pytest.raises(ReaderError) as caught:
            read_card(PcscSlot(), CAN, real_surroundings(""), 20, EVERYTHING, Listener(phase=stop))
    finally:
        pcsc_world.start()
    assert caught.value.code in (ServiceDown.code, CardRemoved.code)
