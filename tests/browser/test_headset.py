"""The headset mode: everything on the screen is heard and chosen by a few keys, without seeing it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import BrowserContext, expect

from hisbridge.records import HospitalAnswer
from kiosk.events import Cancelled, Confirmed, DigitsTyped, HelpAsked
from kiosk.states import Paper, Session, TicketShown
from tests.browser.conftest import Kiosk, Screen
from tests.support.waiting import wait_until
from tests.ui.scripted import TICKET, session_of

pytestmark = pytest.mark.browser

# In place of the loudspeaker: what it was told to say, in turn.
LISTEN = """
    const said = [];
    const speech = {
        muted: false, volume: 80, said, stop() {},
        say(language, clips) { said.push([language, ...clips]); return Promise.resolve(true); },
    };
    Object.defineProperty(window, "speech", { get: () => speech, set() {} });
"""


class Listener(Screen):
    """A person who hears the screen and presses keys."""

    def press(self, *keys: str) -> None:
        self.rested()
        for key in keys:
            self.page.keyboard.press(key)

    def heard(self) -> list[str]:
        """The clips of the last thing said."""
        last: list[str] = self.page.evaluate("window.speech.said.at(-1) ?? ['']")
        return last[1:]


@pytest.fixture
def listener(context: BrowserContext, kiosk: Kiosk) -> Iterator[Listener]:
    page = context.new_page()
    page.add_init_script(LISTEN)
    screen = Listener(page, kiosk)
    screen.open()
    yield screen
    assert screen.complaints == []


def test_each_screen_says_itself_once(listener: Listener) -> None:
    listener.show(session_of("ask_key"))
    listener.show(session_of("confirm"))
    listener.show(session_of("confirm", since=5.0))
    said = listener.page.evaluate("window.speech.said")
    assert [clips[1:] for clips in said][-2:] == [["ask_key.title.both"], ["confirm.title"]]


def said(listener: Listener) -> list[list[str]]:
    """Everything said so far, and forget it."""
    told: list[list[str]] = listener.page.evaluate("window.speech.said.splice(0)")
    return [clips[1:] for clips in told]


def test_what_changes_on_a_ticket_is_said_behind_it_and_a_new_number_whole(listener: Listener) -> None:
    printing = TicketShown(TICKET, None, needs_counter=False, paper=Paper.PRINTING)
    session = Session(state=printing, entered=1.0)
    listener.show(session)
    said(listener)
    listener.kiosk.controller.show(replace(session, state=replace(printing, paper=Paper.PRINTED)))
    expect(listener.page.locator('[data-line="take_paper"]')).to_be_visible()
    assert said(listener) == [["ticket.take_paper"]]
    listener.kiosk.controller.show(replace(session, state=replace(printing, paper=Paper.PRINTED), help_call=7))
    expect(listener.page.locator(".called")).to_be_visible()
    assert said(listener) == [["help.title.called"]]
    told = replace(printing, paper=Paper.PRINTED, told=HospitalAnswer(queue_number="45"))
    listener.kiosk.controller.show(replace(session, state=told, help_call=7))
    expect(listener.page.locator("[data-ticket-number]")).to_have_text("45")
    [again] = said(listener)
    assert again[:4] == ["help.title.called", "voice.your_number", "voice.digit.4", "voice.digit.5"]


def test_digits_typed_by_a_finger_are_not_spoken(listener: Listener) -> None:
    """The loudspeaker is heard by whoever stands behind."""
    listener.show(session_of("keypad-personal_id"))
    said(listener)
    listener.type("0011")
    assert listener.typed() == "0011"
    assert said(listener) == []


def test_whoever_muted_the_voice_hears_none(listener: Listener) -> None:
    listener.show(session_of("confirm", view=session_of("start").view.__class__(muted=True)))
    assert listener.page.evaluate("window.speech.muted") is True


def test_the_first_key_begins_and_tells_which_keys_there_are(listener: Listener) -> None:
    listener.show(session_of("confirm"))
    listener.press("NumpadAdd")
    assert listener.heard() == ["confirm.title", "adjust.hint"]


def test_everything_is_heard_in_order_and_the_chosen_thing_is_pressed(listener: Listener) -> None:
    listener.show(session_of("confirm"))
    listener.press("NumpadAdd")
    order = []
    for _ in range(9):
        listener.press("NumpadAdd")
        order.append(listener.heard()[0])
    assert order[0] == "confirm.title"
    assert order[1:5] == ["confirm.born.spoken", "confirm.number.spoken", "coverage.valid", "proof.verified"]
    assert order[5:] == ["confirm.yes", "confirm.no", "language.en", "button.help"]
    listener.press("NumpadSubtract", "NumpadSubtract", "NumpadSubtract", "NumpadEnter")
    wait_until(lambda: Confirmed() in listener.kiosk.controller.events, what="yes, by keys alone")


def test_the_digits_of_the_keypad_move_where_no_number_is_asked_for(listener: Listener) -> None:
    listener.show(session_of("help"))
    listener.press("Numpad6", "Numpad6", "Numpad6", "Numpad4")
    assert listener.heard() == ["help.title"]
    listener.press("Numpad0")
    assert listener.heard()[0] == "help.title"
    listener.press("NumpadDecimal")
    wait_until(lambda: Cancelled() in listener.kiosk.controller.events, what="back")


def test_digits_are_typed_where_a_number_is_asked_for(listener: Listener) -> None:
    listener.show(session_of("keypad-card_key"))
    listener.press("NumpadAdd")
    expect(listener.page.locator("#stage")).not_to_have_attribute("data-fresh", "")
    listener.press(*(f"Numpad{digit}" for digit in "90017"))
    assert listener.heard() == ["voice.digit.7"]
    listener.press("NumpadDecimal", *(f"Numpad{digit}" for digit in "19"))
    assert listener.typed() == "900119"
    listener.press("NumpadMultiply")
    assert listener.heard()[-7:-1] == [f"voice.digit.{digit}" for digit in "900119"]
    listener.press("NumpadDecimal", "NumpadEnter")
    assert listener.heard() == ["keypad.typed", *(f"voice.digit.{digit}" for digit in "90011")]  # one is missing
    listener.press("Numpad9", "NumpadEnter")
    wait_until(lambda: DigitsTyped("900119") in listener.kiosk.controller.events, what="the digits")


def test_help_is_one_key_on_every_screen(listener: Listener) -> None:
    listener.show(session_of("keypad-personal_id"))
    listener.press("NumpadAdd", "NumpadDivide")
    wait_until(lambda: HelpAsked() in listener.kiosk.controller.events, what="help")


def test_the_mode_ends_with_the_person(listener: Listener) -> None:
    listener.show(session_of("confirm"))
    listener.press("NumpadAdd")
    expect(listener.page.locator("html[data-headset]")).to_have_count(1)
    listener.show(session_of("start"))
    expect(listener.page.locator("html[data-headset]")).to_have_count(0)


def test_the_warning_is_heard_and_answered_by_a_key(listener: Listener) -> None:
    session = session_of("confirm", warned=True, card_taken=True)
    listener.show(session)
    assert listener.heard() == ["card_taken.title", "idle.note", "card_taken.stay"]
    listener.press("NumpadAdd", "NumpadAdd", "NumpadAdd", "NumpadAdd", "NumpadEnter")
    expect(listener.page.locator("[data-screen-warning]")).to_have_count(0)
    listener.show(replace(session, entered=2.0))
    listener.press("NumpadEnter")  # what was said last is the answer, nobody has to look for it
    expect(listener.page.locator("[data-screen-warning]")).to_have_count(0)
    listener.show(replace(session, entered=3.0))
    listener.press("NumpadDivide")
    wait_until(lambda: HelpAsked() in listener.kiosk.controller.events, what="help, called from below the warning")


def test_help_is_called_by_the_first_key_too(listener: Listener) -> None:
    listener.show(session_of("confirm"))
    listener.press("NumpadDivide")
    wait_until(lambda: HelpAsked() in listener.kiosk.controller.events, what="help")


def test_a_screen_that_comes_by_itself_does_not_answer_for_the_person(listener: Listener) -> None:
    """Nobody has pressed a key on it: the machine must not take it for read."""
    listener.show(session_of("confirm"))
    listener.press("NumpadAdd")
    listener.page.clock.install()
    listener.page.clock.fast_forward(60_000)
    listener.kiosk.controller.events.clear()
    listener.show(session_of("ticket"))
    wait_until(lambda: listener.heard()[:1] == ["voice.your_number"], what="the ticket is said")
    assert listener.kiosk.controller.events == []
