"""What happens to the check-in (events) and what it asks to be done (effects), as data; its states are in `states.py`.

Must not import Flask, a device library or a connector.
"""

from dataclasses import dataclass

from hisbridge.questions import Coverage
from hisbridge.records import HospitalAnswer
from kiosk.queue.model import Priority, Wait
from kiosk.states import NO_CHOICE, Choice, Consent, CounterReason, Devices, NextPath, Ticket, View
from reader.reading import Holder, Reading

# Events: from the reader, the bridge, the store, the screen, the clock.


@dataclass(frozen=True)
class PresenceChanged:
    """`problem` is the code of the layer that is missing when the reader is not ready."""

    reader_ready: bool
    card_present: bool
    problem: str | None = None


@dataclass(frozen=True)
class DevicesChanged:
    devices: Devices


@dataclass(frozen=True)
class PhaseReached:
    presentation: str
    phase: int
    progress: int


@dataclass(frozen=True)
class IdentityRead:
    """Name and number are known; proof still runs."""

    presentation: str
    reading: Reading


@dataclass(frozen=True)
class ReadingFinished:
    presentation: str
    reading: Reading


@dataclass(frozen=True)
class ReadingFailed:
    presentation: str
    code: str


@dataclass(frozen=True)
class PayloadRead:
    """A code was held up to scanner or camera and understood.

    `presentation` is there when it is the answer to `LookForLines`.
    """

    reading: Reading
    presentation: str = ""


@dataclass(frozen=True)
class PayloadRefused:
    code: str


@dataclass(frozen=True)
class MrzFailed:
    """The camera's look for the machine-readable lines ended without them."""

    presentation: str
    code: str


@dataclass(frozen=True)
class CoverageAnswered:
    presentation: str
    coverage: Coverage
    question: str = ""  # as in `AskCoverage`; empty: not known


@dataclass(frozen=True)
class CoverageCameLate:
    """The insurance answered after this visit's ticket was made; it is in the visit already."""

    visit_id: str
    coverage: Coverage
    needs_counter: bool


@dataclass(frozen=True)
class HospitalAnswered:
    """A receiver told something of this visit; it is with the visit already."""

    visit_id: str
    answer: HospitalAnswer
    destination: str = ""


@dataclass(frozen=True)
class Committed:
    presentation: str
    ticket: Ticket
    needs_counter: bool
    wait: Wait | None = None


@dataclass(frozen=True)
class CommitFailed:
    presentation: str
    code: str


@dataclass(frozen=True)
class Touched:
    """A press of a button that is not one of the below: the person is still there."""


@dataclass(frozen=True)
class PathChosen:
    path: NextPath


@dataclass(frozen=True)
class DigitsTyped:
    """Digits from the keypad, with identity and moment of the reading they may become: the machine makes none."""

    digits: str
    reading_id: str = ""
    read_at: str = ""


@dataclass(frozen=True)
class Confirmed:
    pass


@dataclass(frozen=True)
class Denied:
    """The person said: this is not me."""


@dataclass(frozen=True)
class HelpAsked:
    pass


@dataclass(frozen=True)
class CounterTicketAsked:
    """A number for the counter, without identification."""

    reason: CounterReason = CounterReason.NONE


@dataclass(frozen=True)
class ConsentGiven:
    """The person agrees to what they were shown: that version, in that language."""

    consent: Consent


@dataclass(frozen=True)
class ConsentRefused:
    """The person does not agree: nothing is handed over, a number for the counter is given."""


@dataclass(frozen=True)
class ServiceChosen:
    """What the person came for. At `NoCard` it is one that asks for no identity, and gives its number at once."""

    code: str


@dataclass(frozen=True)
class PriorityAsked:
    """The person wants to say why they go first."""


@dataclass(frozen=True)
class PriorityChosen:
    """Of `kiosk.queue.model.DECLARED`, or NONE: taken back."""

    priority: Priority


@dataclass(frozen=True)
class AdjustAsked:
    """The person wants the screen otherwise."""


@dataclass(frozen=True)
class ViewChosen:
    """How the person wants the screen from now on; valid in every state."""

    view: View


@dataclass(frozen=True)
class PrintAgainAsked:
    """The person wants the ticket on the screen printed once more."""


@dataclass(frozen=True)
class PrintEnded:
    """The ticket came out (`code` None), or why it did not."""

    ticket_id: str
    code: str | None = None


@dataclass(frozen=True)
class PrinterTold:
    """How the printer is, looked at while nobody prints: the code of why it would not print, None: it would."""

    code: str | None


@dataclass(frozen=True)
class HelpCalled:
    """The call for help is on the counters' pages, or (`call_id` None) cannot be put there."""

    call_id: int | None


@dataclass(frozen=True)
class HelpAnswered:
    """Somebody of the staff is coming."""

    call_id: int


@dataclass(frozen=True)
class LanguageChosen:
    language: str


@dataclass(frozen=True)
class Cancelled:
    pass


@dataclass(frozen=True)
class Tick:
    """Time passed; the machine looks at its deadlines."""


@dataclass(frozen=True)
class StoreLost:
    """Nothing can be written (`code`): the kiosk is out of order as soon as nobody is checking in."""

    code: str


@dataclass(frozen=True)
class StoreRecovered:
    pass


PersonDid = (
    PayloadRead | PayloadRefused | Touched | PathChosen | DigitsTyped | Confirmed | Denied | ConsentGiven
    | ConsentRefused | ServiceChosen | PriorityAsked | PriorityChosen | AdjustAsked | PrintAgainAsked | HelpAsked
    | CounterTicketAsked | Cancelled
)  # fmt: skip
Event = (
    PersonDid | PresenceChanged | DevicesChanged | PhaseReached | IdentityRead | ReadingFinished | ReadingFailed
    | MrzFailed | CoverageAnswered | CoverageCameLate | HospitalAnswered | Committed | CommitFailed | ViewChosen
    | PrintEnded | PrinterTold | HelpCalled | HelpAnswered | LanguageChosen | Tick | StoreLost | StoreRecovered
)  # fmt: skip


# Effects: what the controller must do. The machine itself does nothing.


@dataclass(frozen=True)
class OpenChip:
    """`printed` is the holder as the card's QR code or the person told it, for the chip to be compared with."""

    presentation: str
    can: str
    printed: Holder | None = None


@dataclass(frozen=True)
class StopChip:
    presentation: str


@dataclass(frozen=True)
class LookForLines:
    """Let the camera look for the machine-readable lines, for at most `reader.mrz_seconds`."""

    presentation: str


@dataclass(frozen=True)
class StopLooking:
    presentation: str


@dataclass(frozen=True)
class TellAgain:
    """A code is asked for: what lies in view already is to be told once more, as if it were held up now."""


@dataclass(frozen=True)
class AskCoverage:
    """`question` tells it from others of the same reading; the first one's is the reading's own identity."""

    presentation: str
    reading: Reading
    question: str = ""

    @property
    def name(self) -> str:
        """What its answer is known by."""
        return self.question or self.reading.reading_id


@dataclass(frozen=True)
class Commit:
    """Write visit, ticket and outbox row in one transaction. `reading` None: a ticket for the counter only."""

    presentation: str
    reading: Reading | None
    coverage: Coverage | None
    reason: CounterReason = CounterReason.NONE
    choice: Choice = NO_CHOICE


@dataclass(frozen=True)
class PrintTicket:
    """Put the committed ticket on paper, in the language it was made in; `again`: a person asked for a second copy."""

    ticket: Ticket
    language: str
    wait: Wait | None = None
    needs_counter: bool = False
    again: bool = False


@dataclass(frozen=True)
class CallStaff:
    """Let the counters know that somebody at this kiosk wants help; `screen`: the state's name where it was pressed."""

    screen: str = ""


Effect = (
    OpenChip | StopChip | LookForLines | StopLooking | TellAgain | AskCoverage | Commit | PrintTicket | CallStaff
)  # fmt: skip
