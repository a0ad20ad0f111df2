"""The calls to the resource manager (pcsc-lite, through pyscard), and what their return codes mean.

Speaks the low-level API, because what matters here is exactly what pcscd reports: which layer is missing, and when.
Decides nothing: which slot, how often and how long is up to reader.chip.pcsc.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from smartcard import scard

from reader.chip.features import Control
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

REFUSED_PAUSE = 0.2
SCARD_F_COMM_ERROR = 0x80100013  # pcsc-lite: the connection to pcscd broke; not exported by pyscard

SERVICE_GONE = {
    SCARD_F_COMM_ERROR,
    scard.SCARD_E_NO_SERVICE,
    scard.SCARD_E_SERVICE_STOPPED,
    scard.SCARD_E_INVALID_HANDLE,
    scard.SCARD_E_SYSTEM_CANCELLED,
}
READER_GONE = {scard.SCARD_E_UNKNOWN_READER, scard.SCARD_E_READER_UNAVAILABLE, scard.SCARD_E_NO_READERS_AVAILABLE}
CARD_GONE = {scard.SCARD_W_REMOVED_CARD, scard.SCARD_E_NO_SMARTCARD}
# The driver says no without having asked the card.
REFUSED_BY_DRIVER = {
    scard.SCARD_E_INSUFFICIENT_BUFFER,
    scard.SCARD_E_INVALID_PARAMETER,
    scard.SCARD_E_INVALID_VALUE,
    scard.SCARD_E_UNSUPPORTED_FEATURE,
}
UNUSABLE = int(scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE | scard.SCARD_STATE_IGNORE)
PROTOCOLS = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
_Answer = TypeVar("_Answer")


def error_for(code: int) -> ReaderError:
    """The error that a PC/SC return code means. `pcsc` in its data is the code itself, for the technician."""
    code &= 0xFFFFFFFF
    kind: type[ReaderError] = CardMute
    if code in SERVICE_GONE:
        kind = ServiceDown
    elif code in (scard.SCARD_W_SECURITY_VIOLATION, scard.SCARD_E_NO_ACCESS):
        kind = NotAllowed
    elif code in READER_GONE:
        kind = NoReader
    elif code == scard.SCARD_E_NO_SMARTCARD:
        kind = NoCard
    elif code == scard.SCARD_W_REMOVED_CARD:
        kind = CardRemoved
    elif code == scard.SCARD_E_SHARING_VIOLATION:
        kind = CardShared
    return kind(pcsc=f"{code:08X}")


def service_error(code: int) -> ReaderError:
    """The error of a call that fails inside a context, where no card is involved.

    Whatever the code, the service is going: pcscd, ending, was seen to answer "communication broken" and even
    "security violation", though its policy is asked only where a context begins and where a card is connected.
    """
    error = error_for(code)
    return error if isinstance(error, NoReader) else ServiceDown(**error.data)


@contextmanager
def context_of_service() -> Iterator[int]:
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


def reader_names(context: int) -> tuple[str, ...]:
    """Every slot that pcscd knows. Raises what the service's failure means."""
    code, names = scard.SCardListReaders(context, [])
    if code == scard.SCARD_E_NO_READERS_AVAILABLE:
        return ()
    if code != scard.SCARD_S_SUCCESS:
        raise service_error(code)
    return tuple(names)


def states_of(context: int, names: Sequence[str]) -> list[tuple[str, int, bytes]] | None:
    """Event state and ATR of each slot now; None when one of them is gone. Raises what the service's failure means."""
    if not names:
        return []
    unaware = [(name, scard.SCARD_STATE_UNAWARE) for name in names]
    code, states = scard.SCardGetStatusChange(context, 0, unaware)
    if code in READER_GONE:
        return None
    if code != scard.SCARD_S_SUCCESS:
        raise service_error(code)
    return [(str(name), int(state), bytes(atr)) for name, state, atr in states]


def state_of(context: int, name: str) -> int:
    """The event state now, fit to wait from (without the changed bit). Raises what the service's failure means."""
    code, states = scard.SCardGetStatusChange(context, 0, [(name, scard.SCARD_STATE_UNAWARE)])
    if code == scard.SCARD_E_TIMEOUT:
        return 0
    if code in READER_GONE:
        return int(scard.SCARD_STATE_UNKNOWN)
    if code != scard.SCARD_S_SUCCESS:
        raise service_error(code)
    return int(states[0][1]) & ~int(scard.SCARD_STATE_CHANGED)


def card_leaves(context: int, name: str, within_ms: int) -> bool:
    """Whether the card is gone now or within the time a reader needs to notice."""
    state = state_of(context, name)
    if state & scard.SCARD_STATE_PRESENT:
        code, states = scard.SCardGetStatusChange(context, within_ms, [(name, state)])
        if code != scard.SCARD_S_SUCCESS:
            return False
        state = int(states[0][1])
    return not state & scard.SCARD_STATE_PRESENT


def pci_of(protocol: int) -> int:
    return int(scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1)


def atr_of(handle: int) -> bytes:
    code, _, _, _, atr = scard.SCardStatus(handle)
    return bytes(atr) if code == scard.SCARD_S_SUCCESS else b""


def control_of(handle: int) -> Control:
    def control(code: int, data: bytes) -> bytes | None:
        result, answer = scard.SCardControl(handle, code, list(data))
        return bytes(answer) if result == scard.SCARD_S_SUCCESS else None

    return control


def ask_reader(context: int, name: str, question: Callable[[int], _Answer]) -> _Answer | None:
    """Ask a reader about itself without touching its card; None when another program holds it alone."""
    code, handle, _ = scard.SCardConnect(context, name, scard.SCARD_SHARE_DIRECT, 0)
    if code != scard.SCARD_S_SUCCESS:
        return None
    try:
        return question(handle)
    finally:
        scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)


def attribute_of(handle: int, attribute: int) -> bytes:
    code, value = scard.SCardGetAttrib(handle, attribute)
    return bytes(value) if code == scard.SCARD_S_SUCCESS else b""


def firmware_of(handle: int) -> str | None:
    """SCARD_ATTR_VENDOR_IFD_VERSION, 0xMMmmbbbb; libccid puts the USB device's bcdDevice there, so it is decimal."""
    value = attribute_of(handle, scard.SCARD_ATTR_VENDOR_IFD_VERSION)
    return f"{value[3]:x}.{value[2]:02x}" if len(value) == 4 else None
