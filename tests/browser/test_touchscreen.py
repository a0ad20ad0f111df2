"""The touchscreen as a person meets it: everything fits and can be pressed, by touch alone, in both languages."""

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from config.settings import load
from hisbridge.questions import Coverage, Verdict
from kiosk.events import (
    Cancelled,
    Confirmed,
    ConsentGiven,
    ConsentRefused,
    DigitsTyped,
    Event,
    HelpAsked,
    LanguageChosen,
    PathChosen,
    PriorityAsked,
    ServiceChosen,
    Touched,
)
from kiosk.states import Confirm, Consent, Hand, NextPath, ReadingChip, Session, Size, Theme, View
from tests.browser.conftest import Kiosk, Screen
from tests.support.waiting import wait_until
from tests.ui.scripted import EVERY_STATE, EYES, VALID, reading, session_of, settings_with
from ui.words import LANGUAGES
from wire.codec import to_plain

pytestmark = pytest.mark.browser

PIXELS_PER_MM = 6.65
MEASURES = Path(__file__).with_name("measures.js").read_text("utf-8")
SIZES = [(1024, 600), (1280, 800), (1920, 1080), (1080, 1920)]  # 7, 10 and 15 inches, also upright


def problems_of(screen: Screen, sessions: Mapping[str, Session], pictures: Path | None) -> dict[str, list[str]]:
    """What is wrong with each of these screens; their pictures, where they are asked for."""
    size = screen.page.viewport_size
    assert size is not None
    problems = {}
    for key, session in sessions.items():
        screen.show(session)
        found = screen.page.evaluate(MEASURES, PIXELS_PER_MM)
        name = f"{size['width']}x{size['height']}-{session.language}-{key}"
        if pictures is not None:
            screen.page.screenshot(path=pictures / f"{name}.png")
        if found:
            problems[name] = found
    return problems


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Path | None:
    """Where pictures are wanted; nowhere in an ordinary run, for they cost half of its time."""
    return request.getfixturevalue("pictures") if request.config.getoption("--pictures") else None


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_fits_and_can_be_read_and_pressed(screen: Screen, language: str, kept: Path | None) -> None:
    sessions = {key: session_of(key, language, card_present=True) for key in EVERY_STATE}
    for key in ("confirm", "keypad-personal_id"):
        sessions[f"{key}-warned"] = session_of(key, language, warned=True)
        sessions[f"{key}-taken"] = session_of(key, language, warned=True, card_taken=True)
    assert problems_of(screen, sessions, kept) == {}
    assert screen.complaints == []


@pytest.mark.parametrize("context", SIZES[1:], indirect=True, ids=lambda size: "x".join(map(str, size)))
def test_every_screen_fits_on_other_panels(screen: Screen, kept: Path | None) -> None:
    """Both languages by turns: what differs from panel to panel is the layout."""
    sessions = {key: session_of(key, LANGUAGES[place % 2]) for place, key in enumerate(EVERY_STATE)}
    assert problems_of(screen, sessions, kept) == {}


OTHERWISE = View(theme=Theme.CONTRAST, size=Size.LARGE, hand=Hand.LEFT)


@pytest.mark.parametrize("context", [SIZES[0], SIZES[-1]], indirect=True, ids=lambda size: "x".join(map(str, size)))
def test_every_screen_fits_in_strong_contrast_large_and_on_the_left(screen: Screen, kept: Path | None) -> None:
    step = 1 if screen.page.viewport_size == {"width": 1024, "height": 600} else 3
    keys = list(EVERY_STATE)[::step]
    sessions = {key: session_of(key, LANGUAGES[place % 2], view=OTHERWISE) for place, key in enumerate(keys)}
    assert problems_of(screen, sessions, kept) == {}


def letters(screen: Screen) -> float:
    return float(screen.page.evaluate("document.documentElement.style.getPropertyValue('--letters')"))


def test_larger_letters_are_larger_and_the_buttons_go_left(screen: Screen) -> None:
    screen.show(session_of("start"))
    assert letters(screen) == 1
    assert screen.page.evaluate("document.querySelector('.rail').getBoundingClientRect().left > innerWidth / 2")
    screen.show(session_of("help"))
    screen.show(session_of("start", view=OTHERWISE))
    assert letters(screen) > 1.1
    assert screen.page.evaluate("document.querySelector('.rail').getBoundingClientRect().right < innerWidth / 2")
    assert screen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(0, 0, 0)"


def test_letters_grow_with_the_distance_of_the_eyes(context: BrowserContext) -> None:
    far = Kiosk(settings_with({"display": {**to_plain(load().kiosk.display), "distance_cm": 75}}))
    try:
        screen = Screen(context.new_page(), far)
        screen.open()
        screen.show(session_of("ask_qr-none"))
        assert letters(screen) == 1.25
        assert problems_of(screen, {key: session_of(key) for key in list(EVERY_STATE)[::4]}, None) == {}
    finally:
        far.stop()


def test_one_service_leaves_room_for_the_priority_beside_the_name(context: BrowserContext) -> None:
    plain = Kiosk(settings_with())
    try:
        screen = Screen(context.new_page(), plain)
        screen.open()
        keys = [key for key in EVERY_STATE if key.split("-")[0] in ("confirm", "choose_priority", "no_card")]
        sessions = {f"{key}{language}": session_of(key, language) for key in keys for language in LANGUAGES}
        assert problems_of(screen, sessions, None) == {}
        screen.show(session_of("confirm"))
        heeded(screen, {("ask_priority", ""): PriorityAsked()})
    finally:
        plain.stop()


def services_shown(screen: Screen) -> list[str]:
    shown: list[str] = screen.page.eval_on_selector_all(
        '[data-action="service"]', "all => all.filter(one => one.offsetWidth).map(one => one.dataset.value)"
    )
    return shown


def test_more_services_than_fit_are_one_touch_away(screen: Screen) -> None:
    screen.show(session_of("choose_service"))
    assert services_shown(screen) == ["KB", "TMH", "MAT", "NOI"]
    screen.rested()
    screen.page.tap("[data-turn]")
    assert services_shown(screen) == ["CTCH", "SAN"]
    screen.show(replace(session_of("choose_service"), warned=True))
    screen.show(session_of("choose_service"))
    assert services_shown(screen) == ["CTCH", "SAN"]  # drawn anew, the same page
    heeded(screen, {("service", "SAN"): ServiceChosen("SAN")})
    screen.page.tap("[data-turn]")
    assert services_shown(screen) == ["KB", "TMH", "MAT", "NOI"]


@pytest.mark.parametrize("context", [SIZES[-1]], indirect=True)
def test_an_upright_panel_shows_more_services_at_once(screen: Screen) -> None:
    screen.show(session_of("choose_service"))
    assert len(services_shown(screen)) > 4


def test_a_long_consent_is_read_in_pages(screen: Screen) -> None:
    screen.show(session_of("ask_consent"))
    place = "document.querySelector('[data-scroll]').scrollTop"
    assert screen.page.evaluate(place) == 0
    screen.rested()
    screen.page.tap("[data-turn]")
    assert screen.page.evaluate(place) > 0
    heeded(screen, {("consent", ""): ConsentGiven(Consent("2026-1", "vi")), ("refuse", ""): ConsentRefused()})


def test_the_second_tap_of_a_double_tap_meets_nothing(screen: Screen) -> None:
    screen.show(session_of("start"))
    box = screen.page.locator('[data-action="help"]').bounding_box()
    assert box is not None
    screen.show(session_of("confirm"))
    assert screen.page.locator("#stage").get_attribute("data-fresh") is not None
    screen.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    screen.rested()
    assert screen.kiosk.controller.events == []
    heeded(screen, {("help", ""): HelpAsked()})


def test_the_person_adjusts_the_screen_switch_by_switch(screen: Screen) -> None:
    screen.show(session_of("adjust"))
    screen.tap("view", "theme-contrast")
    expect(screen.page.locator('[data-screen][data-theme="contrast"]')).to_be_visible()
    screen.tap("view", "hand-left")
    expect(screen.page.locator('[data-screen][data-hand="left"][data-theme="contrast"]')).to_be_visible()
    screen.tap("view", "theme-normal")
    expect(screen.page.locator('[data-screen][data-hand="left"][data-theme="normal"]')).to_be_visible()


def test_many_languages_are_a_list_over_the_screen(context: BrowserContext) -> None:
    languages = ["vi", "en", "km", "tyz", "hmn", "rad", "jra", "bdq", "sed"]
    house = Kiosk(settings_with({"display": {**to_plain(load().kiosk.display), "languages": languages}}))
    try:
        screen = Screen(context.new_page(), house)
        screen.open()
        screen.show(session_of("start"))
        screen.rested()
        screen.page.tap('[data-open="languages"]')
        screen.rested()
        assert screen.page.evaluate(MEASURES, PIXELS_PER_MM) == []
        screen.tap("language", "rad")
        expect(screen.page.locator("html")).to_have_attribute("lang", "rad")
        expect(screen.page.locator("#languages")).to_be_hidden()
        assert LanguageChosen("rad") in house.controller.events
    finally:
        house.stop()


def test_a_full_keypad_fits(screen: Screen) -> None:
    for key, digits in (("keypad-personal_id", "888888888888"), ("keypad-card_key", "888888")):
        screen.show(session_of(key))
        screen.type(digits)
        assert screen.page.evaluate(MEASURES, PIXELS_PER_MM) == []


@pytest.mark.parametrize("name", ["Công Tằng Tôn Nữ Nghiêng", "Y Bơ̆k Ê̆ Č Êban", "W" * 300, "M M M M " + "M" * 30])
def test_a_long_name_fits(screen: Screen, name: str) -> None:
    screen.show(Session(state=Confirm(reading(name), True, VALID), entered=77.0))
    assert screen.page.evaluate(MEASURES, PIXELS_PER_MM) == []


def test_a_hostile_name_stays_text(screen: Screen) -> None:
    name = "<img src=x onerror=alert(1)> <script>alert(2)</script>"
    screen.show(Session(state=Confirm(reading(name), True, VALID), entered=78.0))
    assert screen.page.locator("#stage img, #stage script").count() == 0
    assert screen.complaints == []


def test_a_touch_is_told_with_its_screen(screen: Screen) -> None:
    screen.show(session_of("confirm"))
    screen.tap("confirm")
    wait_until(lambda: screen.kiosk.controller.events == [Confirmed()], what="the confirmation")


def heeded(screen: Screen, touches: Mapping[tuple[str, str], Event]) -> None:
    """Each touch after the other, as a finger makes them: two at once may overtake each other on their way. That
    somebody touched at all is told beside, when it suits the page."""
    earlier = len(screen.kiosk.controller.events)

    def heard() -> list[Event]:
        return [one for one in screen.kiosk.controller.events[earlier:] if not isinstance(one, Touched)]

    for count, touch in enumerate(touches, 1):
        screen.tap(*touch)
        wait_until(lambda count=count: len(heard()) == count, what=f"the touch of {touch}")
    assert heard() == list(touches.values())


def test_start_offers_its_ways_and_help(screen: Screen) -> None:
    screen.show(session_of("start"))
    ways = {("path", path.value): PathChosen(path) for path in (NextPath.QR, NextPath.PERSONAL_ID)}
    heeded(screen, {**ways, ("help", ""): HelpAsked()})


def test_a_worn_code_leads_to_the_back_of_the_card(screen: Screen) -> None:
    screen.show(session_of("ask_qr"))
    assert screen.page.locator('[data-value="mrz"]').count() == 0
    worn = session_of("ask_qr")
    screen.kiosk.controller.show(replace(worn, state=replace(worn.state, mrz=True)))
    expect(screen.page.locator('[data-value="mrz"]')).to_be_visible()
    screen.tap("path", "mrz")
    wait_until(lambda: screen.kiosk.controller.events == [PathChosen(NextPath.MRZ)], what="the other way")
    screen.show(session_of("ask_mrz"))
    assert screen.page.evaluate("document.querySelector('.look-time .countdown-bar').getAnimations().length") == 1
    ways = {("path", "personal_id"): PathChosen(NextPath.PERSONAL_ID), ("cancel", ""): Cancelled()}
    heeded(screen, {**ways, ("help", ""): HelpAsked()})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", ["start", "ask_key", "ask_qr"])
def test_no_screen_asks_to_hold_a_code_where_nothing_looks(screen: Screen, key: str, language: str) -> None:
    said = {}
    for eyes in ("scanner", "camera", "none"):
        # By way of another screen: one start screen after the other keeps its name, and the old one might be read.
        screen.show(session_of("help", language))
        screen.show(session_of(key, language, devices=EYES[eyes], entered=float(500 + list(EYES).index(eyes))))
        said[eyes] = screen.page.inner_text(".main").lower()
    assert ("camera" in said["camera"]) is (key != "start")
    assert "camera" not in said["scanner"] + said["none"]
    for word in ("scanner", "máy quét", "show", "hold", "đưa"):
        assert word not in said["none"].replace("\u00a0", " ")


def test_the_language_changes_words_and_lang(screen: Screen) -> None:
    screen.show(session_of("start"))
    screen.tap("language", "en")
    expect(screen.page.locator("h1")).to_have_text("Place your ID card on the reader")
    assert screen.page.evaluate("document.documentElement.lang") == "en"
    assert screen.kiosk.controller.events == [LanguageChosen("en")]
    screen.tap("language", "vi")
    expect(screen.page.locator("h1")).to_have_text("Đặt thẻ căn cước lên đầu đọc")


def test_digits_are_typed_deleted_and_sent_once(screen: Screen) -> None:
    screen.show(session_of("keypad-card_key"))
    screen.type("12345")
    screen.tap_unheeded("digits")  # not whole yet
    screen.tap("delete")
    screen.type("56789")  # the last three find no room
    assert screen.typed() == "123456"
    screen.tap("digits")
    screen.tap_unheeded("digits")
    events = screen.kiosk.controller.events
    wait_until(lambda: DigitsTyped("123456") in events, what="the digits")
    assert screen.typed() == ""
    assert [event for event in events if isinstance(event, DigitsTyped)] == [DigitsTyped("123456")]
    assert Touched() in events  # who types is there: the machine hears of it


def test_digits_survive_a_new_drawing_of_the_same_keypad(screen: Screen) -> None:
    session = session_of("keypad-personal_id")
    screen.show(session)
    screen.type("0012")
    screen.show(replace(session, warned=True))
    screen.tap("touched")
    expect(screen.page.locator("[data-screen-warning]")).to_have_count(0)
    screen.type("03")
    assert screen.typed() == "001203"
    screen.show(replace(session, language="en"))
    assert screen.typed() == "001203"


def test_digits_of_one_person_are_gone_for_the_next(screen: Screen) -> None:
    screen.show(session_of("keypad-personal_id"))
    screen.type("001203")
    screen.show(session_of("start"))
    screen.show(session_of("keypad-personal_id", entered=900.0))
    assert screen.typed() == ""


def test_the_warning_covers_everything_and_one_touch_takes_it_away(screen: Screen) -> None:
    session = session_of("confirm")
    screen.show(replace(session, warned=True))
    assert screen.page.locator("[data-screen]").get_attribute("inert") is not None
    assert screen.page.locator(".countdown-bar").count() == 1
    screen.tap("touched")
    expect(screen.page.locator("[data-screen-warning]")).to_have_count(0)
    assert screen.kiosk.controller.events == [Touched()]
    screen.show(replace(session, warned=True, entered=2.0))
    screen.page.touchscreen.tap(5, 5)  # beside the button: a hand that means "wait" aims at nothing
    expect(screen.page.locator("[data-screen-warning]")).to_have_count(0)


def test_the_countdown_goes_on_when_the_screen_is_drawn_again(screen: Screen) -> None:
    session = session_of("confirm-running", warned=True)
    screen.show(session)
    screen.page.evaluate("document.querySelector('.countdown-bar').kept = true")
    assert isinstance(session.state, Confirm)
    answered = replace(session.state, coverage=Coverage(verdict=Verdict.NOT_INSURED))
    screen.kiosk.controller.show(replace(session, state=answered))
    expect(screen.page.locator('[data-line="coverage"]')).to_have_text("BHYT không có hiệu lực")
    assert screen.page.evaluate("document.querySelector('.countdown-bar').kept") is True


def test_progress_moves_one_and_the_same_bar(screen: Screen) -> None:
    session = Session(state=ReadingChip(20, 15))
    screen.show(session)
    screen.page.evaluate("document.querySelector('progress').kept = true")
    screen.kiosk.controller.show(replace(session, state=ReadingChip(40, 65)))
    expect(screen.page.locator(".phase")).to_have_text("Đang kiểm tra thẻ")
    assert screen.page.evaluate(
        "[document.querySelector('progress').value, document.querySelector('progress').kept]"
    ) == [
        65,
        True,
    ]


def test_the_stream_opens_also_when_the_extension_comes_late(context: BrowserContext, kiosk: Kiosk) -> None:
    kiosk.controller.show(session_of("start"))
    page = context.new_page()

    def hold_back(route: Route) -> None:
        threading.Event().wait(0.3)  # a slow line: htmx is there before its extension
        route.continue_()

    page.route("**/hx-sse.min.js*", hold_back)
    page.goto(kiosk.address)
    page.evaluate("window.opened = true")
    kiosk.controller.show(session_of("confirm"))
    expect(page.locator('[data-screen="confirm"]')).to_be_visible()
    assert page.evaluate("window.opened")  # not by the page's own remedy, a reload after 4.5 s without a stream


def test_nothing_of_a_person_stays_in_the_page(screen: Screen) -> None:
    screen.show(session_of("confirm"))
    assert "Thảo" in screen.page.content()
    screen.show(session_of("start"))
    assert "Thảo" not in screen.page.content()
    assert "0045" not in screen.page.inner_text("body")
    assert screen.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert screen.page.evaluate("[history.length, location.pathname, history.state]") == [2, "/", None]


def memory_of(page: Page) -> str:
    """Every text that the page's script can still reach."""
    debugger = page.context.new_cdp_session(page)
    kept: list[str] = []
    debugger.on("HeapProfiler.addHeapSnapshotChunk", lambda part: kept.append(part["chunk"]))
    debugger.send("HeapProfiler.enable")
    debugger.send("HeapProfiler.collectGarbage")
    debugger.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    debugger.detach()
    snapshot = json.loads("".join(kept))
    return "\n".join(snapshot["strings"])


def test_nothing_of_a_person_stays_in_the_script_s_memory_or_behind_the_page(screen: Screen) -> None:
    screen.show(session_of("keypad-personal_id"))
    screen.type("314159265358")
    assert "314159265358" in memory_of(screen.page), "the look finds what is there"
    screen.tap("digits")
    screen.show(Session(state=Confirm(reading("Lê Thị Zwxqv"), True, VALID), entered=901.0))
    screen.show(replace(session_of("ticket-told"), entered=902.0))
    screen.show(session_of("start"))
    kept = memory_of(screen.page)
    for told in ("314159265358", "Zwxqv", "••••0045", "BN000001"):
        assert told not in kept
    screen.page.goto(screen.kiosk.address + "health")
    screen.page.go_back()
    screen.page.wait_for_selector('[data-screen="start"]')
    assert "Zwxqv" not in screen.page.content()


def test_a_new_screen_is_spoken_and_has_the_focus(screen: Screen) -> None:
    screen.show(session_of("confirm"))
    expect(screen.page.locator("#spoken")).to_have_text("Đây có phải là bạn?")
    assert screen.page.evaluate("document.activeElement.textContent") == "Đây có phải là bạn?"


def test_who_wants_little_motion_sees_none_but_the_time(screen: Screen) -> None:
    screen.page.emulate_media(reduced_motion="reduce")
    for key in ("start", "ask_key", "ask_qr", "ask_mrz", "reading", "finishing", "confirm-running"):
        screen.show(session_of(key))
        endless = "document.getAnimations().filter(a => a.effect.getTiming().iterations === Infinity).length"
        assert screen.page.evaluate(endless) == 0, key
    screen.show(session_of("confirm", warned=True))
    times = "document.getAnimations().map(a => a.effect.getTiming().duration).filter(t => t > 1000)"
    assert screen.page.evaluate(times) == [20000]


def test_the_page_waits_calmly_while_the_kiosk_is_away_and_comes_back_by_itself(kiosk: Kiosk, screen: Screen) -> None:
    screen.show(session_of("confirm"))
    kiosk.stop()
    expect(screen.page.locator("#away")).to_be_visible()
    assert "Thảo" not in screen.page.content()
    assert screen.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    kiosk.controller.show(session_of("start", "en"))
    kiosk.start()
    expect(screen.page.locator("#away")).to_be_hidden()
    expect(screen.page.locator("h1")).to_have_text("Place your ID card on the reader")
    screen.tap("help")
    wait_until(lambda: HelpAsked() in kiosk.controller.events, what="a touch after the return")


def test_a_ticket_is_left_by_its_button(screen: Screen) -> None:
    screen.show(session_of("ticket", card_present=True))
    expect(screen.page.locator("[data-ticket-number]")).to_have_text("0042")
    expect(screen.page.locator('[data-line="take_card"]')).to_be_visible()
    screen.tap("done")
    wait_until(lambda: screen.kiosk.controller.events == [Cancelled()], what="done")
