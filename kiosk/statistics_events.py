"""What of a check-in's course is counted that no table remembers: failures by device and code, where people gave up,
the language they were served in. Pure; the words are the program's own, nothing of a person is among them.

Must not import Flask, a device library or a connector.
"""

from collections.abc import Callable

from kiosk.events import (
    CommitFailed,
    Committed,
    Event,
    MrzFailed,
    PayloadRefused,
    PresenceChanged,
    PrintEnded,
    ReadingFailed,
    StoreLost,
)
from kiosk.states import (
    AskConsent,
    AskInsurance,
    AskKey,
    AskMrz,
    AskQr,
    ChoosePriority,
    ChooseService,
    Confirm,
    Failed,
    Finishing,
    Goodbye,
    Keypad,
    NoCard,
    ReadingChip,
    Session,
    Start,
)
from kiosk.watching import Observe, screen_name

FAILURE, ABANDONED, LANGUAGE = "failure", "abandoned", "language"  # kinds of `wire.tally`

_UNDER_WAY = (
    AskConsent
    | AskInsurance
    | AskKey
    | AskMrz
    | AskQr
    | ChoosePriority
    | ChooseService
    | Confirm
    | Failed
    | Finishing
    | Keypad
    | NoCard
    | ReadingChip
)


def tallying(add: Callable[[str, str], None], beside: Observe) -> Observe:
    """An `Observe` that adds to a tally what `counted` tells, `beside` another one."""

    def observe(was: Session, event: Event, now: Session, moment: float) -> None:
        beside(was, event, now, moment)
        for kind, name in counted(was, event, now):
            add(kind, name)

    return observe


def counted(before: Session, event: Event, after: Session) -> list[tuple[str, str]]:
    """What this step adds to the tally, as kind and name."""
    found = [(FAILURE, told)] if (told := _failure(before, event)) else []
    if isinstance(event, Committed) and after is not before:
        found.append((LANGUAGE, after.language))
    if isinstance(before.state, _UNDER_WAY) and isinstance(after.state, Start | Goodbye):
        found.append((ABANDONED, screen_name(before.state)))
    return found


def _failure(before: Session, event: Event) -> str | None:
    """The device and the code, `chip:card.removed`; a state that was known before is no new failure."""
    match event:
        case ReadingFailed(_, code):
            return f"chip:{code}"
        case PayloadRefused(code):
            return f"code:{code}"
        case MrzFailed(_, code):
            return f"camera:{code}"
        case PrintEnded(_, str(code)):
            return f"printer:{code}"
        case PresenceChanged(problem=str(code)) if before.reader_problem != code:
            return f"reader:{code}"
        case CommitFailed(_, code):
            return f"store:{code}"
        case StoreLost(code) if before.store_problem is None:
            return f"store:{code}"
        case _:
            return None
