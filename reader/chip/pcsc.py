"""The card reader through PC/SC: every slot that pcscd has, watched at once, as one reader that follows the card.

With reader.chip.pcsc_calls the only importer of pyscard. Must not know any card command.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from smartcard import scard

from reader.chip import features
from reader.chip.pcsc_calls import (
    CARD_GONE,
    PROTOCOLS,
    READER_GONE,
    REFUSED_BY_DRIVER,
    SCARD_F_COMM_ERROR,
    SERVICE_GONE,
    UNUSABLE,
    ask_reader,
    atr_of,
    attribute_of,
    card_leaves,
    context_of_service,
    control_of,
    error_for,
    firmware_of,
    pci_of,
    reader_names,
    service_error,
    state_of,
    states_of,
)
from reader.chip.readers import model_of
from reader.chip.slots import (
    Interface,
    Known,
    SlotState,
    ToldBy,
    choose,
    interface_by_icc_type,
    interface_of,
    is_another_card,
    usable,
)
from reader.chip.transport import NotTransmitted, Presence, Transport
from reader.errors import CardMute, CardRemoved, NoCard, NoReader, ReaderError

PLUG_AND_PLAY = "\\\\?PnP?\\Notification"
WAIT_MS = 1000  # one blocking wait for an event; only the time to notice `close`
RETRY_SECONDS = 1.0  # pcscd is not there: nothing to wait on, so look again
SHARING_SECONDS = 2.0
SHARING_PAUSE = 0.1
REMOVAL_MS = 1500  # a contactless reader needs up to this long to notice that the card left
STAYS_MS = 600  # pcscd looks for cards every 400 ms: one that is still there after this was not the trouble
MAX_SLOTS = 15  # pcsc-lite waits for 16 at once, and one is for readers that come
MAX_LOOKS = 8  # readers that come and go between two calls of one look


@dataclass(frozen=True)
class ReaderFacts:
    """One slot as `PcscSlot.examine` finds it. `chosen`: it is THE reader now. `firmware`: "major.minor"."""

    name: str
    slot: SlotState
    usable: bool
    chosen: bool
    properties: features.Properties
    firmware: str | None


@dataclass(frozen=True)
class _Look:
    """What one look at the service found, and the raw states to wait from."""

    names: tuple[str, ...]
    slots: tuple[SlotState, ...]
    waits: list[tuple[str, int]]


class PcscSlot:
    """Every reader behind pcscd whose name holds `wanted` (empty: all), as one: it follows the card.

    `silent` has readers whose buzzer is known turn it off when a card is first powered.
    """

    def __init__(self, wanted: str = "", clock: Callable[[], float] = time.monotonic, silent: bool = False) -> None:
        self._wanted = wanted
        self._clock = clock
        self._silent = silent
        self._closed = threading.Event()
        self._current: str | None = None  # who of equals is chosen; `watch` and `connect` must agree
        self._properties: dict[str, features.Properties] = {}

    def close(self) -> None:
        """End every `watch` within one wait."""
        self._closed.set()

    def watch(self) -> Iterator[Presence]:
        """See reader.chip.transport.Slot.watch; ends after `close`."""
        last: Presence | None = None
        while not self._closed.is_set():
            try:
                with context_of_service() as context:
                    for presence in self._follow(context):
                        if presence != last:
                            last = presence
                            yield presence
            except ReaderError as error:
                down = Presence(service=False, reader=None, card=False, problem=error.code)
                if down != last:
                    last = down
                    yield down
                self._closed.wait(RETRY_SECONDS)

    def _follow(self, context: int) -> Iterator[Presence]:
        """The presence now and whenever something moved, until the service fails (raises) or `close`."""
        before: SlotState | None = None
        while not self._closed.is_set():
            look = self._look(context)
            now = self._choose(look)
            if before is not None and before.card and now is not None and now.card and is_another_card(before, now):
                yield _presence(replace(now, card=False, mute=False))
            yield _presence(now)
            before = now
            self._wait(context, look)

    def _wait(self, context: int, look: _Look) -> None:
        """Until an event of any slot, a reader that came or went, or `close`."""
        while not self._closed.is_set():
            code, _ = scard.SCardGetStatusChange(context, WAIT_MS, look.waits)
            if code == scard.SCARD_S_SUCCESS or code in READER_GONE:
                return
            if code != scard.SCARD_E_TIMEOUT:
                raise service_error(code)
            # pcsc-lite before 2 tells of a reader only when it comes during the wait, not between look and wait.
            if reader_names(context) != look.names:
                return

    def _look(self, context: int) -> _Look:
        """Every usable slot now. A reader that goes meanwhile has it look again."""
        for _ in range(MAX_LOOKS):
            arrivals = state_of(context, PLUG_AND_PLAY)
            names = reader_names(context)
            watched = usable(names, self._wanted)[:MAX_SLOTS]
            states = states_of(context, watched)
            if states is not None:
                break
        else:
            states = []
        slots = tuple(_slot(name, names, state, atr) for name, state, atr in states if not state & UNUSABLE)
        waits = [(name, state & ~int(scard.SCARD_STATE_CHANGED)) for name, state, _ in states]
        return _Look(names, self._told_apart(context, slots), [(PLUG_AND_PLAY, arrivals), *waits])

    def _told_apart(self, context: int, slots: tuple[SlotState, ...]) -> tuple[SlotState, ...]:
        """Several cards, and none known to be contactless: the drivers are asked. Rare, for it means connecting."""
        cards = [slot for slot in slots if slot.card]
        if len(cards) < 2 or any(slot.interface is Interface.CONTACTLESS for slot in cards):
            return slots
        return tuple(replace(slot, known=_by_driver(context, slot)) if slot.card else slot for slot in slots)

    def _choose(self, look: _Look) -> SlotState | None:
        chosen = choose(look.slots, self._current)
        self._current = chosen.name if chosen is not None else None
        return chosen

    @contextmanager
    def connect(self) -> Iterator[Transport]:
        """See reader.chip.transport.Slot.connect."""
        with context_of_service() as context:
            chosen = self._choose(self._look(context))
            if chosen is None:
                raise NoReader()
            handle, protocol = self._power(context, chosen.name)
            try:
                yield self._transport(context, chosen.name, handle, protocol)
            finally:
                # Power cut: a card left in secure messaging refuses plain commands for ever (chip.md 2.7).
                if scard.SCardDisconnect(handle, scard.SCARD_UNPOWER_CARD) != scard.SCARD_S_SUCCESS:
                    scard.SCardDisconnect(handle, scard.SCARD_RESET_CARD)

    def _power(self, context: int, name: str) -> tuple[int, int]:
        """Connect alone; another program's hold is waited out for a moment, its reset of the card tried over once."""
        until = self._clock() + SHARING_SECONDS
        resets = 0
        while True:
            code, handle, protocol = scard.SCardConnect(context, name, scard.SCARD_SHARE_EXCLUSIVE, PROTOCOLS)
            if code == scard.SCARD_S_SUCCESS:
                return handle, protocol
            if code == scard.SCARD_W_RESET_CARD and not resets:
                resets += 1
                continue
            if code != scard.SCARD_E_SHARING_VIOLATION or self._clock() >= until:
                error = error_for(code)
                raise NoCard(**error.data) if isinstance(error, CardRemoved) else error
            self._closed.wait(SHARING_PAUSE)

    def _transport(self, context: int, name: str, handle: int, protocol: int) -> "PcscTransport":
        if name not in self._properties:
            # Asked once for a reader: what it can do does not change, and every question is a round trip.
            self._properties[name] = features.ask(control_of(handle))
            model = model_of(name)
            if self._silent and model is not None and model.silence is not None:
                scard.SCardTransmit(handle, scard.SCARD_PCI_T1, list(model.silence))  # a refusal does no harm
        return PcscTransport(context, name, handle, protocol, self._properties[name].max_apdu_data)

    def examine(self) -> tuple[ReaderFacts, ...]:
        """Every slot of every reader, also those that are never used, as pcscd and the drivers tell of them.

        A reader that another program holds alone tells nothing of itself. Raises ServiceDown, NotAllowed.
        """
        with context_of_service() as context:
            chosen = self._choose(self._look(context))
            names = reader_names(context)
            states = states_of(context, names[:MAX_SLOTS]) or []
            return tuple(
                ReaderFacts(
                    name=name,
                    slot=_slot(name, names, state, atr),
                    usable=name in usable(names, self._wanted) and not state & UNUSABLE,
                    chosen=chosen is not None and chosen.name == name,
                    properties=ask_reader(context, name, lambda handle: features.ask(control_of(handle)))
                    or features.Properties(),
                    firmware=ask_reader(context, name, firmware_of),
                )
                for name, state, atr in states
            )


class PcscTransport:
    """A powered card; see reader.chip.transport.Transport."""

    def __init__(
        self,
        context: int,
        name: str,
        handle: int,
        protocol: int,
        max_apdu_data: int | None,
        share: int = scard.SCARD_SHARE_EXCLUSIVE,
    ) -> None:
        self.reader = name
        self.atr = atr_of(handle)
        self.max_apdu_data = max_apdu_data
        self._context = context
        self._handle = handle
        self._share = share
        self._pci = pci_of(protocol)
        self._resets = 0

    def transmit(self, command: bytes) -> bytes:
        """See reader.chip.transport.Transport.transmit."""
        code, answer = scard.SCardTransmit(self._handle, self._pci, list(command))
        if code == scard.SCARD_W_RESET_CARD and self._connect_again():
            # The card has forgotten everything. A command of a session it refuses by itself, and says so in plain.
            code, answer = scard.SCardTransmit(self._handle, self._pci, list(command))
        if code != scard.SCARD_S_SUCCESS:
            raise self._explain(code & 0xFFFFFFFF, command)
        if not answer:
            # Some drivers (vpcd) call it a success when the card left before it could answer.
            raise self._explain(scard.SCARD_E_NOT_TRANSACTED, command)
        return bytes(answer)

    def _connect_again(self) -> bool:
        """After another program reset the card; once, for a program that does it twice will not stop."""
        self._resets += 1
        if self._resets > 1:
            return False
        code, protocol = scard.SCardReconnect(self._handle, self._share, PROTOCOLS, scard.SCARD_LEAVE_CARD)
        self._pci = pci_of(protocol)
        return bool(code == scard.SCARD_S_SUCCESS)

    def _explain(self, code: int, command: bytes) -> Exception:
        """Removal shows first as a failed transmission; the reader notices the empty place a moment later."""
        if code in CARD_GONE:
            return CardRemoved(pcsc=f"{code:08X}")
        if code in SERVICE_GONE - {SCARD_F_COMM_ERROR} or code in READER_GONE:
            return error_for(code)
        extended = is_extended(command)
        if extended and code in REFUSED_BY_DRIVER:
            return NotTransmitted(f"{code:08X}")
        try:
            gone = card_leaves(self._context, self.reader, STAYS_MS if extended else REMOVAL_MS)
        except ReaderError as error:
            return error
        if gone:
            return CardRemoved(pcsc=f"{code:08X}")
        if extended:
            return NotTransmitted(f"{code:08X}")
        return error_for(code)


def is_extended(command: bytes) -> bool:
    """Is a command APDU in extended form, in either direction? (ISO/IEC 7816-3, 12.1.3: a fifth byte of zero)."""
    return len(command) >= 7 and command[4] == 0


def _presence(slot: SlotState | None) -> Presence:
    if slot is None:
        return Presence(service=True, reader=None, card=False, problem=NoReader.code)
    problem = CardMute.code if slot.card and slot.mute else None
    return Presence(service=True, reader=slot.name, card=slot.card, problem=problem)


def _slot(name: str, names: tuple[str, ...], state: int, atr: bytes) -> SlotState:
    card = bool(state & scard.SCARD_STATE_PRESENT)
    return SlotState(
        name=name,
        known=interface_of(name, names, atr if card else b""),
        card=card,
        mute=card and bool(state & scard.SCARD_STATE_MUTE),
        counter=state >> 16 & 0xFFFF,
    )


def _by_driver(context: int, slot: SlotState) -> Known:
    told = ask_reader(context, slot.name, lambda handle: attribute_of(handle, scard.SCARD_ATTR_ICC_TYPE_PER_ATR))
    interface = interface_by_icc_type(told[0]) if told else Interface.UNKNOWN
    return slot.known if interface is Interface.UNKNOWN else (interface, ToldBy.DRIVER)
