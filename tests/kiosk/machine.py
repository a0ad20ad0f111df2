"""The machine in a test's hands: a clock of the test's own, and what was asked of devices."""

from kiosk.checkin import step
from kiosk.events import (
    DevicesChanged,
    DigitsTyped,
    Effect,
    Event,
    IdentityRead,
    PathChosen,
    PresenceChanged,
    ReadingFailed,
    ReadingFinished,
    Tick,
)
from kiosk.policy import Policy
from kiosk.states import NO_CHOICE, Devices, Goodbye, NextPath, Session, State, Ticket
from tests.kiosk.people import by_chip

POLICY = Policy()
TICKET = Ticket(ticket_id="t", number="0001", service_code="KB", issued_at="2026-11-21T07:45:00+07:00", visit_id="v")
CARD = PresenceChanged(reader_ready=True, card_present=True)
NO_CARD = PresenceChanged(reader_ready=True, card_present=False)
NO_READER = PresenceChanged(reader_ready=False, card_present=False)
DEVICES = Devices(scanner=True, camera=True)


class Kiosk:
    """The machine with a clock of the test's own, and what it asked for."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.policy = policy
        self.now = 1000.0
        self.session = Session(language=policy.language, run="run")
        self.effects: list[Effect] = []
        self.tell(NO_CARD, DevicesChanged(DEVICES))

    def tell(self, *events: Event) -> tuple[Effect, ...]:
        """Let the events happen; the effects of the last one."""
        asked: tuple[Effect, ...] = ()
        for event in events:
            self.session, asked = step(self.session, event, self.now, self.policy)
            self.effects += asked
        return asked

    def wait(self, seconds: float) -> tuple[Effect, ...]:
        self.now += seconds
        return self.tell(Tick())

    @property
    def state(self) -> State:
        return self.session.state

    @property
    def name(self) -> str:
        return self.session.presentation


def reading_by_number(kiosk: Kiosk) -> None:
    kiosk.tell(CARD, PathChosen(NextPath.CARD_NUMBER), DigitsTyped("900017"))


def typing(kiosk: Kiosk) -> None:
    """The card's digits are being typed."""
    kiosk.tell(CARD, PathChosen(NextPath.CARD_NUMBER))


def failed(kiosk: Kiosk) -> None:
    """The chip gave nothing."""
    reading_by_number(kiosk)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.card_broken"))


def confirming_chip(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(IdentityRead(kiosk.name, by_chip()), ReadingFinished(kiosk.name, by_chip()))


def past_the_ticket(kiosk: Kiosk) -> None:
    """Nobody touches anything: the ticket that is on no paper goes, then the goodbye."""
    kiosk.wait(kiosk.policy.ticket_alone_seconds)
    assert isinstance(kiosk.state, Goodbye)
    kiosk.wait(kiosk.policy.goodbye_seconds)


def holds_nothing(session: Session) -> bool:
    kept = (session.entry, session.key, session.presentation, session.question, session.failed_keys)
    more = (
        session.asked_with,
        session.questions,
        session.insurance_asked,
        session.attempt,
        session.insurance,
        session.code_waiting,
        session.mrz_needed,
        session.chip_running,
        session.digit_failures,
        session.code_failures,
        session.line_failures,
        session.choice != NO_CHOICE,
        session.card_taken,
    )
    return not any(kept + more)
