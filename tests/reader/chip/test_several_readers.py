"""Several readers behind the real pcscd: the card is followed, contactless first; readers come and go meanwhile."""

from collections.abc import Iterator

import pytest
from smartcard import scard

from reader.chip.pcsc import SHARING_SECONDS, PcscSlot, PcscTransport
from reader.chip.pcsc_calls import context_of_service
from reader.chip.slots import Interface, ToldBy
from reader.chip.transport import NotTransmitted
from reader.errors import CardMute, CardRemoved, CardShared, NoCard, NoReader
from sandbox.card.vpcd import VirtualReader
from tests.support.pcsc import READER, CardSlot, PcscForTests, card_present
from tests.support.plug import BANK_ATR, CONTACTLESS_ATR, UsbReaders, name_of, usb_readers
from tests.support.waiting import wait_until
from tests.support.watched import Watched

pytestmark = pytest.mark.pcsc

SECOND = "Virtual PCD 00 01"
PICC, SAM, ICC = "ACR1252 Dual Reader PICC", "ACR1252 Dual Reader SAM", "ACR1252 Dual Reader ICC"
SELECT = bytes.fromhex("00A4040C07A0000002471001")
SHORT = bytes.fromhex("0084000008")
EXTENDED_LE = bytes.fromhex("00B09C00000FA0")


@pytest.fixture
def second_slot(pcsc_world: PcscForTests, card_slot: CardSlot) -> Iterator[VirtualReader]:
    """The other slot of the virtual reader, empty before and after."""
    reader = VirtualReader(pcsc_world.port + 1)
    yield reader
    reader.remove()
    wait_until(lambda: card_present(SECOND) is False, what="the second slot is empty")


@pytest.fixture(scope="module")
def usb_world(pcsc_world: PcscForTests) -> Iterator[UsbReaders]:
    with usb_readers(pcsc_world.daemon) as readers:
        yield readers


@pytest.fixture
def usb(usb_world: UsbReaders) -> Iterator[UsbReaders]:
    """USB readers of model ACR1252 to plug, none there before and after."""
    yield usb_world
    usb_world.clear()
    wait_until(lambda: all(card_present(name_of(PICC, n)) is None for n in range(3)), what="no USB reader is left")


class Yes:
    """A card that says yes to everything: these tests are about readers."""

    atr = CONTACTLESS_ATR

    def power_on(self) -> None: ...

    def power_off(self) -> None: ...

    def transmit(self, _command: bytes) -> bytes:
        return b"\x90\x00"


def test_a_card_in_the_second_slot_is_found(card_slot: CardSlot, second_slot: VirtualReader) -> None:
    with Watched(PcscSlot()) as watched:
        watched.until(service=True, reader=READER, card=False)
        second_slot.place(Yes())
        watched.until(service=True, reader=SECOND, card=True)
        with watched.slot.connect() as card:
            assert card.reader == SECOND
            assert card.transmit(SELECT)[-2:] == b"\x90\x00"
        second_slot.remove()
        watched.until(service=True, reader=READER, card=False)


def test_of_two_cards_alike_the_one_that_was_first_stays(card_slot: CardSlot, second_slot: VirtualReader) -> None:
    with Watched(PcscSlot()) as watched:
        second_slot.place(Yes())
        watched.until(service=True, reader=SECOND, card=True)
        card_slot.insert(Yes())
        with watched.slot.connect() as card:
            assert card.reader == SECOND
        second_slot.remove()
        # Another card is two changes, so that whoever reads the first one notices that it left.
        told = [watched.next(), watched.next()]
        assert [(presence.reader, presence.card) for presence in told] == [(READER, False), (READER, True)]


def test_a_name_limits_which_slots_are_looked_at(card_slot: CardSlot, second_slot: VirtualReader) -> None:
    card_slot.insert(Yes())
    with Watched(PcscSlot("00 01")) as watched:
        watched.until(service=True, reader=SECOND, card=False)
        with pytest.raises(NoCard), watched.slot.connect():
            pass
        second_slot.place(Yes())
        watched.until(service=True, reader=SECOND, card=True)


def test_a_powered_card_tells_reader_and_atr(card_slot: CardSlot) -> None:
    card_slot.insert(Yes())
    with PcscSlot().connect() as card:
        assert (card.reader, card.atr) == (READER, Yes.atr)
        # Older drivers of the virtual reader say nothing, newer ones the most there is.
        assert card.max_apdu_data in (None, 0x10000)


def test_a_card_that_another_program_holds_is_waited_for(card_slot: CardSlot) -> None:
    card_slot.insert(Yes())
    with context_of_service() as other:
        code, held, _ = scard.SCardConnect(other, READER, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T1)
        assert code == scard.SCARD_S_SUCCESS
        looks = 0

        def clock() -> float:
            nonlocal looks
            looks += 1
            if looks == 3:
                scard.SCardDisconnect(held, scard.SCARD_LEAVE_CARD)
            return 0.0

        with PcscSlot(clock=clock).connect() as card:
            assert card.transmit(SELECT)[-2:] == b"\x90\x00"


def test_a_card_that_another_program_keeps_is_shared(card_slot: CardSlot) -> None:
    card_slot.insert(Yes())
    seconds = iter((0.0, SHARING_SECONDS))
    with (
        PcscSlot().connect(),
        pytest.raises(CardShared),
        PcscSlot(clock=lambda: next(seconds)).connect(),
    ):
        pass


def test_after_another_program_reset_the_card_the_command_is_sent_once_more(card_slot: CardSlot) -> None:
    card_slot.insert(Yes())
    with context_of_service() as ours, context_of_service() as theirs:

        def connect(context: int) -> tuple[int, int]:
            code, handle, protocol = scard.SCardConnect(
                context, READER, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T1
            )
            assert code == scard.SCARD_S_SUCCESS
            return handle, protocol

        handle, protocol = connect(ours)
        card = PcscTransport(ours, READER, handle, protocol, None, scard.SCARD_SHARE_SHARED)
        assert card.transmit(SELECT)[-2:] == b"\x90\x00"
        scard.SCardDisconnect(connect(theirs)[0], scard.SCARD_RESET_CARD)
        assert card.transmit(SELECT)[-2:] == b"\x90\x00"
        scard.SCardDisconnect(connect(theirs)[0], scard.SCARD_RESET_CARD)
        with pytest.raises(CardMute) as twice:
            card.transmit(SELECT)
        assert twice.value.data == {"pcsc": f"{scard.SCARD_W_RESET_CARD & 0xFFFFFFFF:08X}"}
        scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)


def test_a_reader_that_is_pulled_and_plugged_again_is_followed(usb: UsbReaders) -> None:
    with Watched(PcscSlot("ACR1252")) as watched:
        assert watched.until(service=True, reader=None, card=False).problem == NoReader.code
        for _ in range(3):
            usb.plug(0, PICC)
            assert watched.until(service=True, reader=name_of(PICC), card=False).problem is None
            usb.insert(0, CONTACTLESS_ATR)
            watched.until(service=True, reader=name_of(PICC), card=True)
            usb.unplug(0)
            assert watched.until(service=True, reader=None, card=False).problem == NoReader.code
            with pytest.raises(NoReader), watched.slot.connect():
                pass
            usb.remove(0)


def test_while_one_reader_is_pulled_another_takes_over(usb: UsbReaders) -> None:
    usb.plug(0, PICC)
    with Watched(PcscSlot()) as watched:
        watched.until(service=True, reader=name_of(PICC), card=False)
        usb.unplug(0)
        watched.until(service=True, reader=READER, card=False)
        usb.plug(0, PICC)
        watched.until(service=True, reader=name_of(PICC), card=False)


def test_a_reader_pulled_with_a_powered_card_in_it_is_an_error_and_no_hang(usb: UsbReaders) -> None:
    usb.plug(0, PICC)
    usb.insert(0, CONTACTLESS_ATR)
    wait_until(lambda: card_present(name_of(PICC)), what="the card is seen")
    with PcscSlot("ACR1252").connect() as card:
        assert card.transmit(SHORT) == b"\x6d\x00"
        usb.unplug(0)
        wait_until(lambda: card_present(name_of(PICC)) is None, what="the reader is gone")
        with pytest.raises((NoReader, CardRemoved)):
            card.transmit(SHORT)


def test_a_slot_for_security_modules_is_never_the_reader(usb: UsbReaders) -> None:
    usb.plug(0, SAM)
    usb.insert(0, BANK_ATR)
    wait_until(lambda: card_present(name_of(SAM)), what="the module is seen")
    for wanted in ("ACR1252", "SAM"):
        with pytest.raises(NoReader), PcscSlot(wanted).connect():
            pass


def test_a_bank_card_in_the_contact_slot_does_not_win_over_the_contactless_one(usb: UsbReaders) -> None:
    usb.plug(0, ICC)
    usb.plug(1, PICC)
    usb.insert(0, BANK_ATR)
    with Watched(PcscSlot("ACR1252")) as watched:
        watched.until(service=True, reader=name_of(ICC), card=True)
        usb.insert(1, CONTACTLESS_ATR)
        assert watched.next().card is False
        watched.until(service=True, reader=name_of(PICC, 1), card=True)
        with watched.slot.connect() as card:
            assert card.reader == name_of(PICC, 1)
        usb.remove(1)
        watched.until(service=True, reader=name_of(ICC), card=True)


def test_where_names_say_nothing_the_driver_tells_which_card_is_contactless(usb: UsbReaders) -> None:
    usb.plug(0, "Reader A")
    usb.plug(1, "Reader B")
    usb.insert(0, BANK_ATR, icc_type=1)
    usb.insert(1, BANK_ATR, icc_type=5)
    names = name_of("Reader A"), name_of("Reader B", 1)
    for name in names:
        wait_until(lambda name=name: card_present(name), what=f"the card in {name} is seen")
    with PcscSlot("ACR1252").connect() as card:
        assert card.reader == names[1]


def test_a_mute_card_is_told_and_not_powered(usb: UsbReaders) -> None:
    usb.plug(0, PICC)
    with Watched(PcscSlot("ACR1252")) as watched:
        watched.until(service=True, reader=name_of(PICC), card=False)
        usb.insert(0, b"")
        assert watched.until(service=True, reader=name_of(PICC), card=True).problem == CardMute.code
        with pytest.raises(CardMute), watched.slot.connect():
            pass


def test_a_reader_for_short_apdus_says_so_and_fails_alone(usb: UsbReaders) -> None:
    usb.plug(0, PICC)
    usb.insert(0, CONTACTLESS_ATR)
    wait_until(lambda: card_present(name_of(PICC)), what="the card is seen")
    with PcscSlot("ACR1252").connect() as card:
        assert card.max_apdu_data == 0
        with pytest.raises(NotTransmitted) as refused:
            card.transmit(EXTENDED_LE)
        assert refused.value.pcsc == "80100016"
        assert card.transmit(SHORT) == b"\x6d\x00"
        usb.remove(0)
        with pytest.raises(CardRemoved):
            card.transmit(EXTENDED_LE)


def test_an_examination_tells_what_each_reader_is(usb: UsbReaders) -> None:
    usb.plug(0, PICC)
    usb.plug(1, SAM)
    wait_until(lambda: card_present(name_of(SAM, 1)) is False, what="both readers are there")
    facts = {reader.name: reader for reader in PcscSlot().examine()}
    picc, sam, virtual = facts[name_of(PICC)], facts[name_of(SAM, 1)], facts[READER]
    assert (picc.usable, picc.chosen, picc.slot.known) == (True, True, (Interface.CONTACTLESS, ToldBy.NAME))
    assert (picc.properties.max_apdu_data, picc.properties.usb, picc.firmware) == (0, (0x072F, 0x223B), "2.06")
    assert (sam.usable, sam.chosen, sam.slot.interface) == (False, False, Interface.SAM)
    assert (virtual.usable, virtual.chosen, virtual.slot.interface) == (True, False, Interface.UNKNOWN)
    usb.insert(0, CONTACTLESS_ATR)
    wait_until(lambda: card_present(name_of(PICC)), what="the card is seen")
    with PcscSlot().connect():
        held = {reader.name: reader for reader in PcscSlot().examine()}[name_of(PICC)]
    assert (held.properties.max_apdu_data, held.firmware, held.slot.card) == (None, None, True)
