"""What the check-in looks like in numbers: counted beside the machine, from what it was, what happened and what it is.

Pure counting in memory, no word of any person: paths, outcomes, names of screens, codes of errors, seconds. Must not
import Flask, a device library or a connector.
"""

import re
from collections.abc import Callable

from kiosk.events import CommitFailed, Committed, Event, PrintEnded
from kiosk.states import (
    Adjust,
    AskQr,
    AwaitAnswer,
    Finishing,
    Goodbye,
    Help,
    OutOfOrder,
    Session,
    Start,
    State,
    TicketShown,
)
from reader.reading import Reading, Source
from wire.health import Health, health_of
from wire.meter import Amount, Meter, level

Observe = Callable[[Session, Event, Session, float], None]

CHECKINS = "tiepdon_checkins_total"
CHECKIN_SECONDS = "tiepdon_checkin_duration_seconds"
COMMIT_SECONDS = "tiepdon_commit_duration_seconds"
CODE_SECONDS = "tiepdon_code_wait_duration_seconds"
SCREENS = "tiepdon_screens_total"
SCREEN_ERRORS = "tiepdon_screen_errors_total"
PRINTED = "tiepdon_tickets_printed_total"
FAILED = "failed"
COMMIT_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds; a durable write

# Screens that begin nobody's check-in: nobody is there, it is over, or somebody looks around.
NOBODY = Start | Adjust | Help | OutOfOrder | AwaitAnswer | TicketShown | Goodbye

_PATHS = {
    Source.CHIP: "chip",
    Source.CARD_QR: "qr",
    Source.PHONE_QR: "phone",
    Source.MRZ: "mrz",
    Source.TYPED: "typed",
}
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Watching:
    """Sees every step of the machine, under the controller's lock: in order, one at a time."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._begun: float | None = None  # monotonic seconds: when the person now at the kiosk began
        self._path = "none"
        self._committing: float | None = None
        # From the first: what begins with its first failure is never seen to increase (prometheus.io, Instrumentation).
        for path in (*_PATHS.values(), "none", "other"):
            meter.count(CHECKINS, path, FAILED, by=0.0)

    def __call__(self, was: Session, event: Event, now: Session, moment: float) -> None:
        """One step. `moment`: monotonic seconds."""
        if isinstance(event, PrintEnded):
            self._meter.count(PRINTED, event.code or "printed")
        if was.state is now.state:
            return
        self._screens(was.state, now.state)
        self._follow(was, now, moment)
        if isinstance(event, Committed):
            self._ended("counter" if event.needs_counter else "ticket", moment)
        elif isinstance(event, CommitFailed) and was.presentation == event.presentation:
            self._ended(FAILED, moment)
        elif isinstance(now.state, Start) and not isinstance(was.state, Start) and self._begun is not None:
            self._ended("left", moment)

    def _screens(self, was: State, now: State) -> None:
        if type(was) is not type(now):
            self._meter.count(SCREENS, screen_name(now))
        code = code_of(now)
        if code is not None and code != code_of(was):
            self._meter.count(SCREEN_ERRORS, code)

    def _follow(self, was: Session, now: Session, moment: float) -> None:
        if self._begun is None and not isinstance(now.state, NOBODY):
            self._begun, self._path = moment, "none"
        if (reading := getattr(now.state, "reading", None)) is not None:
            self._path = path_of(reading)
        if isinstance(was.state, AskQr) and now.entry is not None and was.entry is None:
            self._meter.spread(CODE_SECONDS, moment - was.entered)
        if isinstance(now.state, Finishing) and now.state.committing and self._committing is None:
            self._committing = moment
            if now.state.reading is None:
                self._path = "none"

    def _ended(self, outcome: str, moment: float) -> None:
        self._meter.count(CHECKINS, self._path, outcome)
        if self._begun is not None and outcome in ("ticket", "counter"):
            self._meter.spread(CHECKIN_SECONDS, moment - self._begun, self._path)
        if self._committing is not None and outcome != "left":
            self._meter.spread(COMMIT_SECONDS, moment - self._committing, bounds=COMMIT_BOUNDS)
        self._begun, self._committing, self._path = None, None, "none"


def ignore(was: Session, event: Event, now: Session, moment: float) -> None:
    """An `Observe` that counts nothing."""


def path_of(reading: Reading) -> str:
    """By which way somebody was known."""
    return _PATHS.get(reading.evidence.source, "other")


def screen_name(state: State) -> str:
    """A state's name as a label: `AskQr` is `ask_qr`."""
    return _WORD.sub("_", type(state).__name__).lower()


def code_of(state: State) -> str | None:
    """The code of what a screen tells as wrong."""
    for name in ("code", "problem", "notice"):
        told = getattr(state, name, None)
        if isinstance(told, str):
            return told
    return None


def health_of_kiosk(
    session: Session, database: str | None, bridge: str | None, screen: str | None, absent: frozenset[str] = frozenset()
) -> Health:
    """Ready is a kiosk that can give a ticket: with everything else gone staff complete what it could not read.

    `database`: the code of why nothing can be read there; a write that failed is in the session. `absent`: the parts
    that this machine is meant to be without.
    """
    state = session.state
    out_of_order = state.code if isinstance(state, OutOfOrder) else None
    needed = {"checkin": out_of_order, "database": session.store_problem or database}
    helpful = {
        "reader": session.reader_problem or (None if session.reader_ready else "reader.no_reader"),
        "printer": session.printer_problem,
        "bridge": bridge,
        "screen": screen,
    }
    return health_of(needed, {name: code for name, code in helpful.items() if name not in absent})


def levels_of(session: Session) -> list[Amount]:
    """What is true of the check-in at this moment."""
    seen = session.devices
    devices = {"card_reader": session.reader_ready, "scanner": seen.scanner, "camera": seen.camera}
    told = [level("tiepdon_kiosk_device_up", float(up), name) for name, up in devices.items()]
    if session.printer_seen:
        told.append(level("tiepdon_kiosk_device_up", float(session.printer_problem is None), "printer"))
    return [*told, level("tiepdon_screen_showing", 1.0, screen_name(session.state))]
