"""The touchscreen's check-in as data: every state and the session they are in. Words and pictures are made in `ui/`.

Must not import Flask, a device library or a connector.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from config.front import Device
from hisbridge.questions import Coverage
from hisbridge.records import HospitalAnswer
from kiosk.queue.model import Priority, Wait
from reader.reading import InsuranceCard, Reading


class NextPath(StrEnum):
    """What is offered when a path failed: chip, then QR or printed lines, then twelve digits, then staff."""

    CARD_AGAIN = "card_again"
    CARD_NUMBER = "card_number"
    QR = "qr"
    MRZ = "mrz"
    PERSONAL_ID = "personal_id"
    NO_CARD = "no_card"
    STAFF = "staff"


class CounterReason(StrEnum):
    """Why a number for the counter was asked for without identification: what the staff will see to (services.md 2.4,
    2.5)."""

    NONE = ""
    CHILD = "child"  # under six: the card or the birth certificate is enough
    NEWBORN = "newborn"  # no number yet
    FORCES = "forces"  # army, police, cipher: their own cards
    NO_CARD = "no_card"


class KeypadPurpose(StrEnum):
    """What the digits on the keypad are for."""

    CARD_KEY = "card_key"  # last six digits of the ID number: the CAN that opens the chip
    PERSONAL_ID = "personal_id"  # the whole twelve digits


@dataclass(frozen=True)
class Consent:
    """A consent that was given: the version of its text (`kiosk.consent.version`), the language it was shown in."""

    version: str
    language: str


@dataclass(frozen=True)
class Choice:
    """What the person chose besides who they are: the service (empty: the first that is offered), a priority they
    declared, the consent they gave."""

    service_code: str = ""
    priority: Priority = Priority.NONE
    consent: Consent | None = None


NO_CHOICE = Choice()


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


class Theme(StrEnum):
    """How the screen is coloured."""

    NORMAL = "normal"
    CONTRAST = "contrast"


class Size(StrEnum):
    """How large its letters are."""

    NORMAL = "normal"
    LARGE = "large"


class Hand(StrEnum):
    """On which side its buttons are."""

    RIGHT = "right"
    LEFT = "left"


@dataclass(frozen=True)
class View:
    """How this person wants the screen; None: as the site has it. Forgotten with the person."""

    theme: Theme | None = None
    size: Size | None = None
    hand: Hand | None = None
    muted: bool = False


class Paper(StrEnum):
    """What became of the ticket on paper."""

    NONE = "none"  # this kiosk has no printer, or it did not come out: the number stays large and is spoken
    PRINTING = "printing"
    PRINTED = "printed"


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
    """Digits are being typed. `problem` is the code of what was wrong with the last ones.

    A card whose key is typed may be lifted for reading its digits: they wait for it (`moves.CARD_AWAITED`).
    """

    purpose: KeypadPurpose
    problem: str | None = None


@dataclass(frozen=True)
class ReadingChip:
    """The chip is being read: phase number and progress in percent (see reader.phases)."""

    phase: int
    progress: int


@dataclass(frozen=True)
class Confirm:
    """The question "is this you?". The proof may still run (`complete`), the insurance answer be out (`coverage`).

    `problem` is the code of why an insurance card held up beside it was not taken.
    """

    reading: Reading
    complete: bool
    coverage: Coverage | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Finishing:
    """The person said yes; waiting for proof or the insurance answer (never beyond the deadline), then committing."""

    reading: Reading | None
    complete: bool
    coverage: Coverage | None = None
    committing: bool = False


@dataclass(frozen=True)
class AskInsurance:
    """The person said yes, and the insurer knows nothing of this ID number: the insurance card's code is to be held up
    or its ten digits typed, or the visit goes on without. `problem` is the code of what was wrong with the last one.

    `typed`: codes were held up in vain, so only the digits are asked for.
    """

    reading: Reading
    coverage: Coverage
    problem: str | None = None
    typed: bool = False


@dataclass(frozen=True)
class AskConsent:
    """The site must ask before anything is handed over: whoever was read agrees (`kiosk.consent`) or gets a number for
    the counter. Nothing of the person is shown yet, and nobody was asked about them."""

    reading: Reading
    complete: bool


@dataclass(frozen=True)
class ChooseService:
    """The person said yes; more than one service is offered. The insurance answer may still be out."""

    reading: Reading
    complete: bool
    coverage: Coverage | None = None


@dataclass(frozen=True)
class ChoosePriority:
    """Why the person goes first, if they say so: pregnant, severe disability, merit. `back`: where it leads on from."""

    back: "Confirm | ChooseService"


@dataclass(frozen=True)
class Adjust:
    """How the screen shall look and sound for this person: contrast, size, side of the buttons, voice."""


@dataclass(frozen=True)
class NoCard:
    """The person has no card: a child, a newborn, somebody of the forces, it is at home; or wants a service that asks
    for none (`identity = false`)."""


@dataclass(frozen=True)
class AwaitAnswer:
    """The ticket is durable, and the hospital's own answer is waited for a moment (`Policy.answer_wait_seconds`): who
    has seen one number is not shown another. Only whom the ticket sends to wait, not to the counter."""

    ticket: Ticket
    coverage: Coverage | None
    wait: Wait | None = None  # the last three as in `TicketShown`
    paper: Paper = Paper.NONE
    paper_problem: str | None = None


@dataclass(frozen=True)
class TicketShown:
    """The ticket, after its commit. `told` is what the hospital said of the visit so far: its own number, the room;
    `told_by` which destination did."""

    ticket: Ticket
    coverage: Coverage | None
    needs_counter: bool  # the record is incomplete or unproven: staff complete it
    told: HospitalAnswer | None = None
    told_by: str = ""
    wait: Wait | None = None  # when it was made; None: nobody calls it, or it is not known
    paper: Paper = Paper.NONE
    paper_problem: str | None = None  # code of why it did not come out
    printed_again: int = 0  # how often the person asked for another copy


@dataclass(frozen=True)
class Goodbye:
    """The ticket was taken; a moment to say where to go and not to forget the card. `room`: as the hospital told it."""

    needs_counter: bool
    room: str = ""


@dataclass(frozen=True)
class Failed:
    """A path failed. `code` says why, `paths` what is offered now, best first; never empty."""

    code: str
    paths: tuple[NextPath, ...]


@dataclass(frozen=True)
class Help:
    """The person asked for help: the counter is called, and a number for it may be had. `call_id` is known once the
    call is on the counters' pages, `answered` once somebody there said that they are coming."""

    call_id: int | None = None
    answered: bool = False


@dataclass(frozen=True)
class OutOfOrder:
    """Nothing can be committed now (`code`), or a device that the site requires is missing (`device`, whose code it
    is); says where to go, outlives a restart, leaves by itself when the part is back."""

    code: str
    device: Device | None = None


State = (
    Start | Adjust | AskKey | AskQr | AskMrz | Keypad | ReadingChip | AskConsent | Confirm | ChooseService
    | ChoosePriority | Finishing | AskInsurance | NoCard | AwaitAnswer | TicketShown | Goodbye | Failed | Help
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
    reader_problem: str | None = None  # code of the layer that is missing while it is not
    chip_failures: int = 0
    code_failures: int = 0  # codes held up in this presentation that were of no use
    lifted: int = 0  # cards taken away too soon in a row, also across presentations: by whoever stands there
    line_failures: int = 0  # looks for the machine-readable lines that ended without them
    digit_failures: tuple[KeypadPurpose, ...] = ()  # what was typed wrong, each time
    key: str | None = None  # the CAN known from a QR or typed, kept for one presentation
    warned: bool = False  # "are you still there?" stands on the screen
    since: float = 0.0  # monotonic seconds: when the person last did something
    entered: float = 0.0  # monotonic seconds: when the state was entered
    warned_at: float = 0.0  # monotonic seconds: when that warning appeared
    started: float = 0.0  # monotonic seconds: when this run began; devices have a while to tell of themselves
    run: str = ""  # random name of this run of the process; with `serial` it makes every presentation unique for ever
    serial: int = 0  # presentations begun in this run
    chip_running: bool = False  # a chip reading was asked for and has not ended
    chip_since: float = 0.0  # monotonic seconds: when it was asked for
    attempt: str = ""  # what the chip was last tried with: its CAN, and dates
    failed_keys: tuple[str, ...] = ()  # attempts made in vain; none is made again unasked
    mrz_needed: bool = False  # the chip said that it opens with what stands in the machine-readable lines only
    entry: Reading | None = None  # what this presentation gave as data entry (code, lines, typed), kept beside the chip
    insurance: InsuranceCard | None = None  # an insurance card held up in this presentation
    insurance_asked: int = 0  # how often its number was asked for in this presentation
    question: str = ""  # what the insurance was asked last (see `events.AskCoverage`); other answers are ignored
    questions: int = 0  # how often it was asked in this presentation
    asked_with: InsuranceCard | None = None  # the insurance card whose number was asked with the last question
    asked: float = 0.0  # monotonic seconds: when it was asked
    card_waiting: bool = False  # the next person's card was placed while a ticket was still shown
    code_waiting: Reading | None = None  # the next person's code was held up while a ticket was still shown
    devices: Devices = Devices()
    choice: Choice = NO_CHOICE  # service, declared priority and consent of this presentation
    view: View = View()
    card_taken: bool = False  # the warning stands because the card was taken away, not because nobody touched
    help_call: int | None = None  # the open call for help of this kiosk
    printer_problem: str | None = None  # code of why the printer would not print now; None: it would, or is none
    printer_seen: bool = False  # whether the printer has told of itself in this run
    store_problem: str | None = None  # code of why nothing can be written; None: it can, as far as is known
    lately: str = ""  # whose code or ticket was the last one (see `moves.mark_of`); forgotten after a few seconds
    lately_at: float = 0.0  # monotonic seconds: when that code was last seen, or its presentation left; 0: not seen
