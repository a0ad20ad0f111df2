"""What every connector is: it renders a PatientRecord, sends it once, and says what the receiver answered.

A connector decides nothing about retries or order; `hisbridge/delivery.py` does. Must not import it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hisbridge.records import HospitalAnswer, PatientRecord


class Outcome(StrEnum):
    """What the receiver's answer means for the delivery (bridge.md 1.3)."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"  # the content is refused: a person must look
    TRY_LATER = "try_later"  # the receiver has a trouble of its own
    MISCONFIGURED = "misconfigured"  # no record will ever pass until somebody changes a setting


@dataclass(frozen=True)
class Known:
    """What the receiver told of the person before the message was made; kept with the delivery for every resend.

    `record_number`: the person's number there, None where nobody was found or nobody is asked.
    """

    record_number: str | None = None


@dataclass(frozen=True)
class Sending:
    """One attempt. `key` is the same for every attempt of one record at one destination; `attempt` counts from 1.

    From the second on an earlier one may have arrived: who cannot recognise the key is asked first.
    """

    key: str
    attempt: int


@dataclass(frozen=True)
class Receipt:
    """The receiver's answer: its outcome, its codes as short text, never its free text (it may be personal).

    `answer`: what it told of the visit, for the ticket and the counter.
    """

    outcome: Outcome
    text: str
    answer: HospitalAnswer | None = None


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

    def identify(self, record: PatientRecord) -> Known:
        """Ask the receiver for the person, where it wants that; Known() otherwise.

        Raises hisbridge.errors.DeliveryError, PersonAmbiguous.
        """
        ...

    def render(self, record: PatientRecord, known: Known) -> bytes | None:
        """The exact bytes of the message; pure, the same for every resend.

        None: this receiver is not told of such an event, and the delivery ends as acknowledged.
        """
        ...

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """Send once and wait for the answer. Raises hisbridge.errors.DeliveryError: outcome unknown."""
        ...

    def probe(self) -> None:
        """Reach the destination without sending anything. Raises hisbridge.errors.DestinationUnreachable."""
        ...

    def close(self) -> None:
        """Drop the connection, if one is held."""
        ...
