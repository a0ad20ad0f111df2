"""The whole hardware seam: one method, bytes in, bytes out. Must not import any device library."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from wire.codec import Record


class NotTransmitted(Exception):
    """An extended APDU did not get through, though the card is still there: reader or driver cannot carry it.

    Internal to reader.chip: whoever sent it goes on with short ones. `pcsc` is the driver's code, eight hex digits.
    """

    def __init__(self, pcsc: str = "") -> None:
        super().__init__(pcsc)
        self.pcsc = pcsc


class Transport(Protocol):
    """A powered card."""

    @property
    def reader(self) -> str:
        """The slot the card is in, by the name the resource manager gives it."""
        ...

    @property
    def atr(self) -> bytes:
        """The answer to reset; of a contactless card the one its reader makes up (PC/SC part 3, 3.1.3.2.3)."""
        ...

    @property
    def max_apdu_data(self) -> int | None:
        """Most bytes of data in one APDU as the driver tells (PC/SC part 10, dwMaxAPDUDataSize).

        0: short APDUs only. None: the driver does not say. A promise of the driver only: NotTransmitted may follow.
        """
        ...

    def transmit(self, command: bytes) -> bytes:
        """Send one command APDU, return the response APDU (data, SW1, SW2) (ISO/IEC 7816-3).

        Raises reader.errors.CardRemoved when the card left, reader.errors.CardMute when it does not answer, and
        NotTransmitted when it stays but this extended APDU does not get to it or its answer not back.
        """
        ...


class Presence(Record, frozen=True, kw_only=True):
    """What is true of the reader now. `service` is the resource manager (pcscd), `card` is on the reader.

    `problem` is the error code that says which layer is missing, None when all is well.
    """

    service: bool
    reader: str | None
    card: bool
    problem: str | None = None


class Slot(Protocol):
    """The card reader: watch it, and power the card that lies on it."""

    def watch(self) -> Iterator[Presence]:
        """Yield the presence now and after every change, for ever; survives a restart of the resource manager.

        Another card is two changes: away, and there again.
        """
        ...

    def connect(self) -> AbstractContextManager[Transport]:
        """Power the card and hold it; leaving the context cuts its power (so that no session stays open in it).

        Raises reader.errors.ServiceDown, NoReader, NoCard, CardMute, CardShared.
        """
        ...
