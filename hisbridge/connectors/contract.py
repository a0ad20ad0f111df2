"""What every connector is: it renders a PatientRecord, sends it once, and says what the receiver answered.

A connector decides nothing about retries or order; `hisbridge/delivery.py` does. Must not import it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hisbridge.records import PatientRecord


class Outcome(StrEnum):
    """What the receiver's answer means for the delivery (bridge.md 1.3)."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"  # the content is refused: a person must look
    TRY_LATER = "try_later"  # the receiver has a trouble of its own
    MISCONFIGURED = "misconfigured"  # no record will ever pass until somebody changes a setting


@dataclass(frozen=True)
class Receipt:
    """The receiver's answer: its outcome and its codes as short text, never its free text (it may be personal)."""

    outcome: Outcome
    text: str


class Connector(Protocol):
    """One destination, spoken to from one thread."""

    @property
    def content_type(self) -> str:
        """Media type of a rendered message."""
        ...

    @property
    def stale_answers(self) -> int:
        """Answers to something else than what was asked, since the start."""
        ...

    def render(self, record: PatientRecord) -> bytes:
        """The exact bytes of the message; pure, the same for every resend."""
        ...

    def send(self, message: bytes, key: str) -> Receipt:
        """Send once and wait for the answer to `key`. Raises hisbridge.errors.DeliveryError: outcome unknown."""
        ...

    def probe(self) -> None:
        """Reach the destination without sending anything. Raises hisbridge.errors.DestinationUnreachable."""
        ...

    def close(self) -> None:
        """Drop the connection, if one is held."""
        ...
