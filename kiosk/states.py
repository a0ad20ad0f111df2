"""The touchscreen's check-in as data: every state, every event, every effect. Words and pictures are made in `ui/`.

Must not import Flask, a device library or a connector.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from hisbridge.records import Coverage
from reader.reading import Holder, Reading


class NextPath(StrEnum):
    """What is offered when a path failed: chip, then QR, then twelve digits, then staff (no dead end)."""

    CARD_AGAIN = "card_again"
    CARD_NUMBER = "card_number"
    QR = "qr"
    PERSONAL_ID = "personal_id"
    STAFF = "staff"


class KeypadPurpose(StrEnum):
    """What the digits on the keypad are for."""

    CARD_KEY = "card_key"  # last six digits of the ID number: the CAN that opens the chip
    PERSONAL_ID = "personal_id"  # the whole twelve digits


@dataclass(frozen=True)
class Ticket:
    """A place in the queue, durable before anyone sees it."""

    ticket_id: str
    number: str
    service_code: str
    issued_at: str
    visit_id: str | None


@dataclass(frozen=True)
class Start:
    """Waiting for a person. `notice` is an error code to show for a moment (for example: card taken away)."""

    notice: str | None = None


@dataclass(frozen=True)
class AskKey:
    """A card lies on the reader; its chip opens with the QR code or the last six digits.

    `problem` is the code of why the last code held up was not understood.
    """

    problem: str | None = None


@dataclass(frozen=True)
class AskQr:
    """The QR path was chosen: the code on the card is to be held up to scanner or camera. `problem` as in `AskKey`."""

    problem: str | None = None


@dataclass(frozen=True)
class Keypad:
    """Digits are being typed. `problem` is the code of what was wrong with the last ones."""

    purpose: KeypadPurpose
    problem: str | None = None


@dataclass(frozen=True)
class ReadingChip:
    """The chip is being read: phase number and progress in percent (see reader.phases)."""

    phase: int
    progress: int


@dataclass(frozen=True)
class Confirm:
    """The question "is this you?". The proof may still run (`complete`), the insurance answer be out (`coverage`)."""

    reading: Reading
    complete: bool
    coverage: Coverage | None = None


@dataclass(frozen=True)
class Finishing:
    """The person said yes; waiting for proof or the insurance answer (never beyond the deadline), then committing."""

    reading: Reading | None
    complete: bool
    coverage: Coverage | None = None
    committing: bool = False


@dataclass(frozen=True)
class TicketShown:
    """The ticket, after its commit."""

    ticket: Ticket
    coverage: Coverage | None
    needs_counter: bool  # the record is incomplete or unproven: staff complete it


@dataclass(frozen=True)
class Failed:
    """A path failed. `code` says why, `paths` what is offered now, best first; never empty."""

    code: str
    paths: tuple[NextPath, ...]


@dataclass(frozen=True)
class Help:
    """The person asked for help: where to go, and a number for the counter if wanted."""


@dataclass(frozen=True)
class OutOfOrder:
    """Nothing can be committed now (`code`); says where to go, leaves by itself when the part is back."""

    code: str


State = Start | AskKey | AskQr | Keypad | ReadingChip | Confirm | Finishing | TicketShown | Failed | Help | OutOfOrder


@dataclass(frozen=True)
class Session:
    """The machine's whole memory. Everything personal goes when it returns to `Start`."""

    state: State = field(default_factory=Start)
    language: str = "vi"
    presentation: str = ""  # identity of this presentation; answers to an older one are ignored
    card_present: bool = False
    reader_ready: bool = False
    chip_failures: int = 0
    key: str | None = None  # the CAN known from a QR or typed, kept for one presentation
    warned: bool = False  # "are you still there?" stands on the screen
    since: float = 0.0  # monotonic seconds: when the person last did something
    entered: float = 0.0  # monotonic seconds: when the state was entered
    warned_at: float = 0.0  # monotonic seconds: when that warning appeared
    run: str = ""  # random name of this run of the process; with `serial` it makes every presentation unique for ever
    serial: int = 0  # presentations begun in this run
    chip_running: bool = False  # a chip reading was asked for and has not ended
    chip_since: float = 0.0  # monotonic seconds: when it was asked for
    failed_keys: tuple[str, ...] = ()  # CANs tried in vain; none is tried again unasked
    entry: Reading | None = None  # what this presentation gave as data entry (QR or typed), kept beside the chip
    question: str = ""  # reading_id the insurance answer was asked for; answers for another are ignored
    asked: float = 0.0  # monotonic seconds: when it was asked
    card_waiting: bool = False  # the next person's card was placed while a ticket was still shown


# Events: from the reader, the bridge, the store, the screen, the clock.


@dataclass(frozen=True)
class PresenceChanged:
    """`problem` is the code of the layer that is missing when the reader is not ready."""

    reader_ready: bool
    card_present: bool
    problem: str | None = None


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
    """A code was held up to scanner or camera and understood."""

    reading: Reading


@dataclass(frozen=True)
class PayloadRefused:
    code: str


@dataclass(frozen=True)
class CoverageAnswered:
    presentation: str
    coverage: Coverage
    reading_id: str = ""  # the reading it was asked for; empty: not known


@dataclass(frozen=True)
class Committed:
    presentation: str
    ticket: Ticket
    needs_counter: bool


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
    """Nothing can be written (`code`), noticed while nobody was checking in."""

    code: str


@dataclass(frozen=True)
class StoreRecovered:
    pass


Event = (
    PresenceChanged | PhaseReached | IdentityRead | ReadingFinished | ReadingFailed | PayloadRead | PayloadRefused
    | CoverageAnswered | Committed | CommitFailed | Touched | PathChosen | DigitsTyped | Confirmed | Denied | HelpAsked
    | CounterTicketAsked | LanguageChosen | Cancelled | Tick | StoreLost | StoreRecovered
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
class AskCoverage:
    presentation: str
    reading: Reading


@dataclass(frozen=True)
class Commit:
    """Write visit, ticket and outbox row in one transaction. `reading` None: a ticket for the counter only."""

    presentation: str
    reading: Reading | None
    coverage: Coverage | None


@dataclass(frozen=True)
class CallStaff:
    pass


Effect = OpenChip | StopChip | AskCoverage | Commit | CallStaff
