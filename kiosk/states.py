"""The touchscreen's check-in as data: every state, every event, every effect. Words and pictures are made in `ui/`.

Must not import Flask, a device library or a connector.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from hisbridge.records import Coverage
from reader.reading import Holder, InsuranceCard, Reading


class NextPath(StrEnum):
    """What is offered when a path failed: chip, then QR or printed lines, then twelve digits, then staff."""

    CARD_AGAIN = "card_again"
    CARD_NUMBER = "card_number"
    QR = "qr"
    MRZ = "mrz"
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
class Devices:
    """Which devices can see a code now; none until the reader process has told."""

    scanner: bool = False
    keyboard: bool = False  # a scanner that acts as a keyboard
    camera: bool = False

    @property
    def scans(self) -> bool:
        """Whether there is a scanner of either kind."""
        return self.scanner or self.keyboard

    @property
    def sees_codes(self) -> bool:
        """Whether it is of any use to hold up a code."""
        return self.scans or self.camera


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
    """The QR path was chosen: the code on the card is to be held up to scanner or camera. `problem` as in `AskKey`.

    `mrz`: the code was tried in vain and there is a camera, so the lines on the back are offered too.
    """

    problem: str | None = None
    mrz: bool = False


@dataclass(frozen=True)
class AskMrz:
    """The camera looks for the machine-readable lines: the back of the card is to be held up to it."""


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


State = (
    Start | AskKey | AskQr | AskMrz | Keypad | ReadingChip | Confirm | Finishing | TicketShown | Failed | Help
    | OutOfOrder
)  # fmt: skip


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
    attempt: str = ""  # what the chip was last tried with: its CAN, and dates
    failed_keys: tuple[str, ...] = ()  # attempts made in vain; none is made again unasked
    mrz_needed: bool = False  # the chip said that it opens with what stands in the machine-readable lines only
    entry: Reading | None = None  # what this presentation gave as data entry (code, lines, typed), kept beside the chip
    insurance: InsuranceCard | None = None  # an insurance card held up in this presentation
    question: str = ""  # reading_id the insurance answer was asked for; answers for another are ignored
    asked: float = 0.0  # monotonic seconds: when it was asked
    card_waiting: bool = False  # the next person's card was placed while a ticket was still shown
    code_waiting: Reading | None = None  # the next person's code was held up while a ticket was still shown
    devices: Devices = Devices()
    lately: str = ""  # whose code or ticket was the last one (see `moves.mark_of`); forgotten after a few seconds
    lately_at: float = 0.0  # monotonic seconds: when that code was last seen, or its presentation left; 0: not seen


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
    PresenceChanged | DevicesChanged | PhaseReached | IdentityRead | ReadingFinished | ReadingFailed | PayloadRead
    | PayloadRefused | MrzFailed | CoverageAnswered | Committed | CommitFailed | Touched | PathChosen | DigitsTyped
    | Confirmed | Denied | HelpAsked | CounterTicketAsked | LanguageChosen | Cancelled | Tick | StoreLost
    | StoreRecovered
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


Effect = OpenChip | StopChip | LookForLines | StopLooking | AskCoverage | Commit | CallStaff
