"""The card reader through PC/SC (pcsc-lite, pyscard). The only importer of pyscard.

Speaks the low-level API, because what matters here is exactly what pcscd reports: which layer is missing, and when.
Must not know any card command.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from smartcard import scard

from reader.chip.transport import Presence, Transport
from reader.errors import (
    CardMute,
    CardRemoved,
    CardShared,
    NoCard,
    NoReader,
    NotAllowed,
    ReaderError,
    ServiceDown,
)

PLUG_AND_PLAY = "\\\\?PnP?\\Notification"
WAIT_MS = 1000  # one blocking wait for an event; only the time to notice `close`
RETRY_SECONDS = 1.0  # pcscd is not there: nothing to wait on, so look again
SHARING_SECONDS = 2.0
SHARING_PAUSE = 0.1
REMOVAL_MS = 1500  # a contactless reader needs up to this long to notice that the card left
CONTACTLESS = re.compile(r"picc|contactless|nfc|(?<![a-z])cl\b", re.IGNORECASE)

SCARD_F_COMM_ERROR = 0x80100013  # pcsc-lite: the connection to pcscd broke; not exported by pyscard
REFUSED_PAUSE = 0.2

_SERVICE_GONE = {
    SCARD_F_COMM_ERROR,
    scard.SCARD_E_NO_SERVICE,
    scard.SCARD_E_SERVICE_STOPPED,
    scard.SCARD_E_INVALID_HANDLE,
    scard.SCARD_E_SYSTEM_CANCELLED,
}
_READER_GONE = {scard.SCARD_E_UNKNOWN_READER, scard.SCARD_E_READER_UNAVAILABLE, scard.SCARD_E_NO_READERS_AVAILABLE}
_CARD_GONE = {scard.SCARD_W_REMOVED_CARD, scard.SCARD_E_NO_SMARTCARD}
_PROTOCOLS = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1


def error_for(code: int) -> ReaderError:
    """The error that a PC/SC return code means. `pcsc` in its data is the code itself, for the technician."""
    code &= 0xFFFFFFFF
    kind: type[ReaderError] = CardMute
    if code in _SERVICE_GONE:
        kind = ServiceDown
    elif code in (scard.SCARD_W_SECURITY_VIOLATION, scard.SCARD_E_NO_ACCESS):
        kind = NotAllowed
    elif code in _READER_GONE:
        kind = NoReader
    elif code == scard.SCARD_E_NO_SMARTCARD:
        kind = NoCard
    elif code == scard.SCARD_W_REMOVED_CARD:
        kind = CardRemoved
    elif code == scard.SCARD_E_SHARING_VIOLATION:
        kind = CardShared
    return kind(pcsc=f"{code:08X}")


def choose_reader(names: list[str], wanted: str) -> str | None:
    """The reader to use: by part of its name; without one the first contactless, else the first (card.md 6)."""
    if wanted:
        return next((name for name in names if wanted.casefold() in name.casefold()), None)
    return next(filter(CONTACTLESS.search, names), names[0] if names else None)


@dataclass(frozen=True)
class _Seen:
    """What one look at the service found, and the raw state to wait from."""

    presence: Presence
    state: int


class PcscSlot:
    """The reader whose name holds `wanted` (empty: any), behind pcscd."""

    def __init__(self, wanted: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._wanted = wanted
        self._clock = clock
        self._closed = threading.Event()

    def close(self) -> None:
        """End every `watch` within one wait."""
        self._closed.set()

    def watch(self) -> Iterator[Presence]:
        """See reader.chip.transport.Slot.watch; ends after `close`."""
        last: Presence | None = None
        while not self._closed.is_set():
            try:
                with _context() as context:
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
        while not self._closed.is_set():
            seen = self._look(context)
            yield seen.presence
            waits = [(PLUG_AND_PLAY, _state_of(context, PLUG_AND_PLAY))]
            if seen.presence.reader is not None:
                waits.append((seen.presence.reader, seen.state))
            while not self._closed.is_set():
                code, _ = scard.SCardGetStatusChange(context, WAIT_MS, waits)
                if code == scard.SCARD_E_TIMEOUT:
                    if seen.presence.reader is None:
                        break  # a reader that came between the look and the wait would else be missed
                    continue
                if code != scard.SCARD_S_SUCCESS and code not in _READER_GONE:
                    raise _service_error(code)
                break

    def _look(self, context: int) -> _Seen:
        name = self._find(context)
        if name is None:
            return _Seen(Presence(service=True, reader=None, card=False, problem=NoReader.code), 0)
        state = _state_of(context, name)
        if state & (scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE | scard.SCARD_STATE_IGNORE):
            return _Seen(Presence(service=True, reader=None, card=False, problem=NoReader.code), 0)
        card = bool(state & scard.SCARD_STATE_PRESENT)
        mute = card and bool(state & scard.SCARD_STATE_MUTE)
        presence = Presence(service=True, reader=name, card=card, problem=CardMute.code if mute else None)
        return _Seen(presence, state)

    def _find(self, context: int) -> str | None:
        code, names = scard.SCardListReaders(context, [])
        if code == scard.SCARD_E_NO_READERS_AVAILABLE:
            return None
        if code != scard.SCARD_S_SUCCESS:
            raise _service_error(code)
        return choose_reader(list(names), self._wanted)

    @contextmanager
    def connect(self) -> Iterator[Transport]:
        """See reader.chip.transport.Slot.connect."""
        with _context() as context:
            name = self._find(context)
            if name is None:
                raise NoReader()
            handle, protocol = self._power(context, name)
            try:
                yield _PcscTransport(context, name, handle, protocol)
            finally:
                # Power cut: a card left in secure messaging refuses plain commands for ever (chip.md 2.7).
                if scard.SCardDisconnect(handle, scard.SCARD_UNPOWER_CARD) != scard.SCARD_S_SUCCESS:
                    scard.SCardDisconnect(handle, scard.SCARD_RESET_CARD)

    def _power(self, context: int, name: str) -> tuple[int, int]:
        """Connect alone; another program's hold is waited out for a moment."""
        until = self._clock() + SHARING_SECONDS
        while True:
            code, handle, protocol = scard.SCardConnect(context, name, scard.SCARD_SHARE_EXCLUSIVE, _PROTOCOLS)
            if code == scard.SCARD_S_SUCCESS:
                return handle, protocol
            if code != scard.SCARD_E_SHARING_VIOLATION or self._clock() >= until:
                error = error_for(code)
                raise NoCard(**error.data) if isinstance(error, CardRemoved) else error
            self._closed.wait(SHARING_PAUSE)


class _PcscTransport:
    """A powered card; see reader.chip.transport.Transport."""

    def __init__(self, context: int, name: str, handle: int, protocol: int) -> None:
        self._context = context
        self._name = name
        self._handle = handle
        self._pci = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1

    def transmit(self, command: bytes) -> bytes:
        code, answer = scard.SCardTransmit(self._handle, self._pci, list(command))
        if code != scard.SCARD_S_SUCCESS:
            raise self._explain(code & 0xFFFFFFFF)
        if not answer:
            # Some drivers (vpcd) call it a success when the card left before it could answer.
            raise self._explain(scard.SCARD_E_NOT_TRANSACTED)
        return bytes(answer)

    def _explain(self, code: int) -> ReaderError:
        """Removal shows first as a failed transmission; the reader notices the empty place a moment later."""
        if code in _CARD_GONE:
            return CardRemoved(pcsc=f"{code:08X}")
        if code in _SERVICE_GONE or code in _READER_GONE:
            return error_for(code)
        try:
            gone = _card_leaves(self._context, self._name)
        except ReaderError as error:
            return error
        return CardRemoved(pcsc=f"{code:08X}") if gone else error_for(code)


def _service_error(code: int) -> ReaderError:
    """The error when the service itself fails inside a context, where no card is involved.

    Whatever the code, the service is going: pcscd, ending, was seen to answer "communication broken" and even
    "security violation", though its policy is asked only where a context begins and where a card is connected.
    """
    error = error_for(code)
    return error if isinstance(error, NoReader) else ServiceDown(**error.data)


@contextmanager
def _context() -> Iterator[int]:
    code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if isinstance(error_for(code), NotAllowed):
        # A pcscd that is just ending refuses in the same way as one whose policy says no: ask once more.
        threading.Event().wait(REFUSED_PAUSE)
        code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if code != scard.SCARD_S_SUCCESS:
        error = error_for(code)
        raise error if isinstance(error, NotAllowed) else ServiceDown(**error.data)
    try:
        yield context
    finally:
        scard.SCardReleaseContext(context)


def _state_of(context: int, name: str) -> int:
    """The event state now, fit to wait from (without the changed bit). Raises what the service's failure means."""
    code, states = scard.SCardGetStatusChange(context, 0, [(name, scard.SCARD_STATE_UNAWARE)])
    if code == scard.SCARD_E_TIMEOUT:
        return 0
    if code in _READER_GONE:
        return int(scard.SCARD_STATE_UNKNOWN)
    if code != scard.SCARD_S_SUCCESS:
        raise _service_error(code)
    return int(states[0][1]) & ~int(scard.SCARD_STATE_CHANGED)


def _card_leaves(context: int, name: str) -> bool:
    """Whether the card is gone now or within the time a reader needs to notice."""
    state = _state_of(context, name)
    if state & scard.SCARD_STATE_PRESENT:
        code, states = scard.SCardGetStatusChange(context, REMOVAL_MS, [(name, state)])
        if code != scard.SCARD_S_SUCCESS:
            return False
        state = int(states[0][1])
    return not state & scard.SCARD_STATE_PRESENT
