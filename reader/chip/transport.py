"""The whole hardware seam: one method, bytes in, bytes out. Must not import any device library."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from wire.codec import Record


class Transport(Protocol):
    """A powered card."""

    def transmit(self, command: bytes) -> bytes:
        """Send one command APDU, return the response APDU (data, SW1, SW2) (ISO/IEC 7816-3).

        Raises reader.errors.CardRemoved when the card left, reader.errors.CardMute when it does not answer.
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
        """Yield the presence now and after every change, for ever; survives a restart of the resource manager."""
        ...

    def connect(self) -> AbstractContextManager[Transport]:
        """Power the card and hold it; leaving the context cuts its power (so that no session stays open in it).

        Raises reader.errors.ServiceDown, NoReader, NoCard, CardMute, CardShared.
        """
        ...
