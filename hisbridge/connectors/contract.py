"""What every connector is: it renders a PatientRecord, sends it once, and says what the receiver answered.

A connector decides nothing about retries or order; `hisbridge/delivery.py` does. Must not import it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hisbridge.records import HospitalAnswer, Known, PatientRecord

__all__ = ["Connector", "Known", "Outcome", "Receipt", "Sending"]


class Outcome(StrEnum):
    """What the receiver's answer means for the delivery (bridge.md 1.3)."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"  # the content is refused: a person must look
    TRY_LATER = "try_later"  # the receiver has a trouble of its own
    MISCONFIGURED = "misconfigured"  # no record will ever pass until somebody changes a setting


@dataclass(frozen=True)
class Sending:
    """One attempt. `key` is the same for every attempt of one record at one destination; `attempt` counts from 1.

    `doubtful`: what became of an earlier attempt is not known, it may have been carried out. Who cannot recognise the
    key is asked first.
    """

    key: str
    attempt: int
    doubtful: bool = False


@dataclass(frozen=True)
class Receipt:
    """The receiver's answer: its outcome, its codes as short text, never its free text (it may be personal).

    `answer`: what it told of the visit, for the ticket and the counter. `open_work`: the fields that somebody still has
    to complete although the record was taken, each a word without spaces such as `MA_BN:required`.
    `doubtful`: whether it may have been carried out all the same (True), or nothing of it is in doubt any more (False);
    None leaves that as it was. `retry_after_seconds`: for how long the receiver wants to be left alone.
    """

    outcome: Outcome
    text: str
    answer: HospitalAnswer | None = None
    open_work: tuple[str, ...] = ()
    doubtful: bool | None = None
    retry_after_seconds: float = 0.0


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
        """Ask the receiver for the person, where it wants that. What is known is kept and not asked for again.

        Known() where nobody is asked, or is to be asked anew before every attempt.

        Raises hisbridge.errors.DeliveryError, PersonAmbiguous, DestinationSetup.
        """
        ...

    def render(self, record: PatientRecord, known: Known) -> bytes | None:
        """The exact bytes of the message; pure, the same for every resend, and in whatever thread.

        None: this receiver is not told of such an event, and the delivery ends as acknowledged.
        """
        ...

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """Send once and wait for the answer.

        Raises hisbridge.errors.DeliveryError (its `doubtful`: whether it may have been carried out), DestinationSetup.
        """
        ...

    def probe(self) -> None:
        """Reach the destination without sending anything.

        Raises, of hisbridge.errors: DestinationUnreachable (nobody there, or down), DestinationSetup (a setting is
        wrong), NoAnswer (there, and silent), GarbledAnswer (there, and something else than what is meant).
        """
        ...

    def close(self) -> None:
        """Drop the connection, if one is held."""
        ...
