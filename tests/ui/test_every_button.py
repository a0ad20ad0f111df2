"""Every button of every screen that can be come to, pressed on the real machine: each does something, none is an end.

The walk begins at the start screen and goes on by what a person and the devices can do, breadth first; screens are
those that the application really renders.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import pytest

from config.settings import Settings
from kiosk.checkin import step
from kiosk.events import (
    AskCoverage,
    CallStaff,
    Commit,
    Committed,
    CoverageAnswered,
    DevicesChanged,
    Effect,
    Event,
    HelpCalled,
    IdentityRead,
    LookForLines,
    MrzFailed,
    OpenChip,
    PayloadRead,
    PayloadRefused,
    PresenceChanged,
    PrintEnded,
    PrintTicket,
    ReadingFailed,
    ReadingFinished,
    Tick,
)
from kiosk.policy import policy_of
from kiosk.queue.model import Wait
from kiosk.states import (
    AskKey,
    AskQr,
    ChoosePriority,
    Devices,
    Goodbye,
    Keypad,
    Session,
    Start,
    TicketShown,
)
from kiosk.timing import wake_at
from tests.kiosk.people import LAN, by_chip, by_qr, covered, unlinked
from tests.ui.scripted import CONSENT, SERVICES, TICKET, ScriptedController, settings_with
from ui.app import create_app
from ui.touchscreen.actions import event_of

BUTTON = re.compile(r'<button [^>]*data-action="(\w+)"(?: data-value="([^"]*)")?')
WARNING = re.compile(r"data-screen-warning")
CARD = PresenceChanged(reader_ready=True, card_present=True)
AWAY = PresenceChanged(reader_ready=True, card_present=False)
MOST = 4000  # screens; a walk that finds more does not tell the same screen again

PRINTER = {"kind": "file", "address": "/dev/null"}
HOUSES = {
    "one service": {},
    "services, consent, paper": {"services": SERVICES, "consent": CONSENT, "printer": PRINTER},
}


@dataclass(frozen=True)
class Found:
    """A screen that was come to: its session, its name, what may be pressed on it, by which way."""

    session: Session
    now: float
    name: str
    warned: bool
    buttons: tuple[tuple[str, str], ...]
    length: int  # of the number that is asked for; 0: none is
    way: tuple[str, ...]


class House:
    """A kiosk of these settings: the machine, and what its page shows."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.policy = settings, policy_of(settings)
        self._script = ScriptedController()
        self._client = create_app(settings, self._script).test_client()

    def found(self, session: Session, now: float, way: tuple[str, ...]) -> Found:
        self._script.show(session)
        html = self._client.get("/").text
        name = re.search(r'data-screen="(\w+)"', html)
        assert name
        cover = WARNING.search(html)
        shown = html[cover.start() :] if cover else html
        buttons = tuple((action, value) for action, value in BUTTON.findall(shown) if action != "delete")
        asks = re.search(r'data-length="(\d+)"', html)
        return Found(session, now, name[1], bool(cover), buttons, int(asks[1]) if asks else 0, way)

    def pressed(self, found: Found, action: str, value: str) -> list[tuple[str, Session, tuple[Effect, ...]]]:
        """What comes of it: digits are typed right and wrong."""
        values = [value]
        if action == "digits":
            values = [LAN[-found.length :], "9" * found.length]
        made = []
        for one in values:
            event = event_of(action, one, found.session, self.settings)
            made.append((f"{action} {value}", *step(found.session, event, found.now, self.policy)))
        return made

    def answers(self, effects: tuple[Effect, ...]) -> Iterator[tuple[str, tuple[Event, ...]]]:
        """What devices, store and bridge may say to these effects."""
        for effect in effects:
            match effect:
                case OpenChip(presentation=name):
                    yield "read", (IdentityRead(name, by_chip()), ReadingFinished(name, by_chip()))
                    yield "broken", (ReadingFailed(name, "reader.card_broken"),)
                    yield "wrong key", (ReadingFailed(name, "reader.wrong_key"),)
                case AskCoverage():
                    yield "covered", (CoverageAnswered(effect.presentation, covered(), effect.name),)
                    yield "unlinked", (CoverageAnswered(effect.presentation, unlinked(), effect.name),)
                case Commit():
                    made = Committed(effect.presentation, TICKET, effect.reading is None, Wait(3, 5, 10))
                    yield "committed", (made,)
                case PrintTicket():
                    yield "printed", (PrintEnded(effect.ticket.ticket_id, None),)
                    yield "no paper", (PrintEnded(effect.ticket.ticket_id, "printer.no_paper"),)
                case LookForLines(presentation=name):
                    yield "no lines", (MrzFailed(name, "mrz.not_found"),)
                case CallStaff():
                    yield "called", (HelpCalled(7),)
                case _:
                    pass

    def happens(self, session: Session) -> Iterator[tuple[str, tuple[Event, ...]]]:
        """What a person may do with card and code on a screen that waits for it."""
        state = session.state
        if isinstance(state, Start | AskKey | AskQr | TicketShown):
            yield "code", (PayloadRead(by_qr()),)
        if isinstance(state, AskQr | AskKey):
            yield "worn code", (PayloadRefused("payload.damaged"),)
        if isinstance(state, Start | Goodbye | Keypad):
            yield "card", (CARD if not session.card_present else AWAY,)
        if session.card_present and not isinstance(state, Start):
            yield "card taken", (AWAY,)


def key_of(found: Found) -> tuple[object, ...]:
    """Screens that differ by what their buttons do; not by who stands there, when, and how it looks."""
    one, state = found.session, found.session.state
    pressed = tuple(button for button in found.buttons if button[0] not in ("language", "view"))
    told = (one.card_present, bool(one.key), one.chip_failures, one.mrz_needed, one.chip_running, bool(one.entry))
    kind = (type(state).__name__, getattr(state, "problem", None), type(getattr(state, "back", None)))
    coverage = getattr(state, "coverage", None)
    return (
        found.name,
        found.warned,
        pressed,
        told,
        kind,
        coverage and coverage.act,
        getattr(state, "printed_again", None),
    )


@cache
def walked(house: str) -> tuple[House, list[Found], dict[tuple[object, ...], set[tuple[object, ...]]], list[str]]:
    """Every screen, where each leads, and the buttons that did nothing."""
    kiosk = House(settings_with(HOUSES[house]))
    session = Session(run="run", language=kiosk.policy.language)
    for event in (AWAY, DevicesChanged(Devices(scanner=True, camera=True))):
        session, _ = step(session, event, 1000.0, kiosk.policy)
    first = kiosk.found(session, 1000.0, ())
    seen = {key_of(first): first}
    leads: dict[tuple[object, ...], set[tuple[object, ...]]] = {}
    dead: list[str] = []
    to_do = deque([first])

    def come(origin: Found, session: Session, now: float, why: str) -> Found:
        found = kiosk.found(session, now, (*origin.way, why))
        key = key_of(found)
        leads.setdefault(key_of(origin), set()).add(key)
        if key not in seen:
            assert len(seen) < MOST
            seen[key] = found
            to_do.append(found)
        return found

    def follow(origin: Found, session: Session, effects: tuple[Effect, ...], now: float, why: str) -> None:
        """The screen itself, and those after each answer to what it asked for."""
        come_to = come(origin, session, now, why)
        for said, events in kiosk.answers(effects):
            after, asked = session, ()
            for event in events:
                after, more = step(after, event, now, kiosk.policy)
                asked += more
            if after != session:
                follow(come_to, after, asked, now, said)

    while to_do:
        found = to_do.popleft()
        now = found.now + 1.0
        there = replace(found, now=now)
        for action, value in found.buttons:
            for why, after, effects in kiosk.pressed(there, action, value):
                same = replace(after, since=0.0, lately_at=0.0) == replace(found.session, since=0.0, lately_at=0.0)
                if same and not effects:
                    dead.append(f"{found.name}: {why}, by way of {found.way}")
                follow(found, after, effects, now, why)
        for why, events in kiosk.happens(found.session):
            after, asked = found.session, ()
            for event in events:
                after, more = step(after, event, now, kiosk.policy)
                asked += more
            if after != found.session:
                follow(found, after, asked, now, why)
        due = wake_at(found.session, kiosk.policy)
        if due is not None:
            due = max(due, now)
            after, asked = step(found.session, Tick(), due, kiosk.policy)
            if after != found.session:
                follow(found, after, asked, due, "time")
    return kiosk, list(seen.values()), leads, dead


@pytest.mark.parametrize("house", HOUSES)
def test_no_button_is_without_effect(house: str) -> None:
    _, _, _, dead = walked(house)
    assert dead == []


@pytest.mark.parametrize("house", HOUSES)
def test_back_leads_back_from_every_question_beside_the_way(house: str) -> None:
    kiosk, screens, _, _ = walked(house)
    beside = [found for found in screens if isinstance(found.session.state, ChoosePriority) and not found.warned]
    assert beside
    for found in beside:
        [(_, after, effects)] = kiosk.pressed(found, "cancel", "")
        assert after.state == found.session.state.back
        assert after.choice == found.session.choice
        assert effects == ()


def test_the_walk_comes_to_every_screen() -> None:
    names = {found.name for found in walked("services, consent, paper")[1]}
    assert names == {
        *("start", "adjust", "ask_key", "ask_qr", "ask_mrz", "keypad", "reading", "ask_consent", "confirm"),
        *("choose_service", "choose_priority", "finishing", "ask_insurance", "no_card", "ticket", "goodbye"),
        *("failed", "help"),
    }


@pytest.mark.parametrize("house", HOUSES)
@pytest.mark.parametrize("goal", ["ticket", "start"])
def test_from_every_screen_there_is_a_way_to_a_ticket_and_home(house: str, goal: str) -> None:
    _, screens, leads, _ = walked(house)
    reached = {key_of(found) for found in screens if found.name == goal}
    grown = True
    while grown:
        grown = False
        for key, to in leads.items():
            if key not in reached and to & reached:
                reached.add(key)
                grown = True
    assert [found.way for found in screens if key_of(found) not in reached] == []
