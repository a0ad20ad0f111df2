"""The day of the house with real parts: a person at the touchscreen, receptionists by keyboard alone, the board in the
hall, paper from the printer, and what the hospital is told.
"""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.endtoend.conftest import World, nobody_waits, sign_in
from tests.support.checkin import leave
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from tests.ui.browsing import settled
from tests.ui.test_board_browser import spoken, with_speaker
from ui.words import Words

pytestmark = [pytest.mark.pcsc, pytest.mark.browser]

SAY = Words("vi").get
BY_ITSELF_MS = 20_000
CHILDREN, RECEPTION = "NHI", "1"  # a service that no other test comes for, so that its queue is ours


@pytest.fixture(autouse=True)
def _empty_queues(world: World) -> None:
    nobody_waits(world)


@pytest.fixture
def desk(world: World, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """`desk("mai", "P2")`: somebody who signed in and sits at that counter, all by keyboard."""
    contexts = []

    def sit(name: str, place: str) -> Page:
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 800}, locale="vi-VN"))
        page = contexts[-1].new_page()
        sign_in(page, world, name)
        page.goto(f"{world.facts['staff']}place")
        seat = page.locator(f"#place-{place}")
        settled(page)
        page.keyboard.press(seat.get_attribute("data-key") or "")
        settled(page, "desk")
        return page

    yield sit
    for context in contexts:
        context.close()


@pytest.fixture
def screen(world: World) -> Iterator[Screen]:
    world.remove()
    with Screen(world.touchscreen) as shown:
        shown.touch("cancel")
        shown.wait_for("start")
        yield shown
    world.touch("cancel")


def press(page: Page, key: str, number: str, standing: str = "") -> None:
    """One key; then this is whom the counter has."""
    settled(page)
    page.keyboard.press(key)
    where = f'[data-current="{number}"]' + (f'[data-standing="{standing}"]' if standing else "")
    expect(page.locator(where)).to_be_visible()


def opened(page: Page, number: str) -> None:
    """Any ticket of the day, found by its number."""
    settled(page)
    page.keyboard.press("F3")
    settled(page, "list")
    page.keyboard.press("F3")
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    expect(page.locator(f'#found [data-number="{number}"]')).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1.who .number").first).to_have_text(number)
    settled(page)


def all_helped(page: Page) -> None:
    """Somebody goes to everybody who pressed for help."""
    settled(page)
    while many := page.locator("[data-help]").count():
        settled(page)
        page.keyboard.press("h")
        expect(page.locator("[data-help]")).to_have_count(many - 1)


def standing(page: Page, word: str) -> None:
    expect(page.locator("#standing")).to_contain_text(SAY(f"counter.standing.{word}"))


def tap(page: Page, action: str, value: str | None = None) -> None:
    page.locator(f'[data-action="{action}"]' + (f'[data-value="{value}"]' if value else "")).tap()


def shows(page: Page, name: str) -> None:
    expect(page.locator(f'[data-screen="{name}"]')).to_be_visible()


def checked_in(world: World, screen: Screen, person: str, priority: str = "") -> str:
    """Somebody's number for the children's clinic, by the code of the card; the kiosk is free again."""
    mark = len(screen.seen())
    world.show_qr(person)
    screen.wait_for("confirm", after=mark)
    screen.touch("confirm")
    screen.wait_for("choose_service", after=mark)
    if priority:
        screen.touch("ask_priority")
        screen.wait_for("choose_priority", after=mark)
        screen.touch("priority", priority)
        screen.wait_for("choose_service", holding=f'data-chosen="{priority}"')
    screen.touch("service", CHILDREN)
    number = screen.wait_for("ticket", after=mark).ticket_number
    assert number
    leave(screen)
    return number


def asks_something(screen: Screen) -> str:
    """The number of somebody with a question, who needs no card; the kiosk is free again."""
    mark = len(screen.seen())
    screen.touch("path", "no_card")
    screen.wait_for("no_card", after=mark)
    screen.touch("service", "HOI")
    number = screen.wait_for("ticket", after=mark).ticket_number
    assert number
    leave(screen)
    return number


def printed(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.desk("GET", "/state")["printed"]
    return found


def test_from_the_card_on_the_reader_to_what_the_hospital_knows_at_the_end(
    world: World, desk: Callable[..., Page], browser_page: Callable[[str], Page]
) -> None:
    world.remove()
    world.touch("cancel")
    person, paper = world.person("thu"), len(printed(world))
    counter = desk("mai", "P2")
    board = counter.context.new_page()
    with_speaker(board)
    board.goto(f"{world.facts['staff']}board/sanh")
    expect(board.locator("#part")).not_to_have_attribute("aria-busy", "true")

    touchscreen = browser_page(world.touchscreen)
    shows(touchscreen, "start")
    world.place("thu")
    shows(touchscreen, "ask_key")
    world.show_qr("thu")
    shows(touchscreen, "confirm")
    expect(touchscreen.locator('[data-line="coverage"]')).not_to_have_class("busy")
    tap(touchscreen, "confirm")
    shows(touchscreen, "choose_service")
    tap(touchscreen, "service", CHILDREN)
    shows(touchscreen, "ticket")
    number = touchscreen.locator("[data-ticket]").get_attribute("data-ticket") or ""
    assert number.startswith("N")
    expect(touchscreen.locator('[data-line="wait"]')).to_contain_text("phút")
    wait_until(lambda: len(printed(world)) == paper + 1, what="one ticket on paper")
    world.remove()
    tap(touchscreen, "done")
    shows(touchscreen, "goodbye")
    assert person["full_name"] not in touchscreen.content()

    expect(counter.locator("[data-list=next]")).to_contain_text(number, timeout=BY_ITSELF_MS)
    expect(counter.locator("[data-list=next]")).to_contain_text(person["full_name"])
    press(counter, "F9", number, "called")
    row = board.locator(".call").first
    expect(row.locator(".number")).to_have_text(number)
    expect(row).to_contain_text("Phòng khám 2")
    assert person["full_name"] not in board.content()
    board.wait_for_function("() => speech.told.length > 0")
    assert f"voice.digit.{number[-1]}" in spoken(board)[0]
    assert [one[0] for one in spoken(board)] == ["vi"], "one after the other, never two at once"

    press(counter, "F10", number, "served")
    settled(counter)
    counter.keyboard.press("c")
    expect(counter.locator("#f-full_name")).to_be_focused()
    counter.locator("#f-phone").focus()
    counter.keyboard.type("0900000017")
    counter.locator("#f-reason").focus()
    counter.keyboard.type("so moi")
    counter.keyboard.press("Enter")
    expect(counter.locator("#part [data-changes]")).to_contain_text("0900000017")
    settled(counter)
    counter.keyboard.press("Escape")
    press(counter, "F4", "")

    def updated() -> bool:
        mine = [one for one in world.received() if one.get("ticket_number") == number]
        return any("0900000017" in str(one) for one in mine)

    wait_until(updated, what="the hospital knows the telephone number")


def test_help_pressed_at_the_touchscreen_rings_at_a_counter_and_somebody_comes(
    world: World, desk: Callable[..., Page], browser_page: Callable[[str], Page]
) -> None:
    counter = desk("mai", RECEPTION)
    all_helped(counter)  # other tests pressed help too, and a call that is open rings once only
    world.remove()
    world.touch("cancel")
    rang = int(counter.locator("body").get_attribute("data-rang") or 0)
    touchscreen = browser_page(world.touchscreen)
    shows(touchscreen, "start")
    tap(touchscreen, "help")
    shows(touchscreen, "help")
    expect(counter.locator("[data-help]").first).to_be_visible(timeout=BY_ITSELF_MS)
    expect(counter.locator("body")).to_have_attribute("data-rang", str(rang + 1))
    all_helped(counter)
    expect(touchscreen.locator('[data-help="answered"]')).to_be_visible(timeout=BY_ITSELF_MS)
    tap(touchscreen, "cancel")
    shows(touchscreen, "start")


def test_who_goes_first_who_is_sent_on_who_never_came_and_what_is_taken_back(
    world: World, screen: Screen, desk: Callable[..., Page]
) -> None:
    counter, clinic, paper = desk("mai", "P2"), desk("lan", "P1"), len(printed(world))
    first = checked_in(world, screen, "mau")
    pregnant = checked_in(world, screen, "nie", "pregnant")
    wait_until(lambda: len(printed(world)) == paper + 2, what="both have their paper")
    # Declared at the touchscreen: goes first, and is confirmed by whoever sees it.
    press(counter, "F9", pregnant, "called")
    expect(counter.locator("[data-mine] .group.unsure")).to_be_visible()
    settled(counter)
    counter.keyboard.press("p")
    expect(counter.locator("#f-reason")).to_be_focused()
    counter.keyboard.press("F10")
    expect(counter.locator("[data-mine] .group")).to_contain_text(SAY("counter.priority.by.confirmed"))
    # Nobody came: they wait again, and the next one is called; that is taken back, once and once more.
    press(counter, "F7", "")
    expect(counter.locator("[data-list=next]")).to_contain_text(pregnant)
    press(counter, "F9", first, "called")
    press(counter, "u", "")
    press(counter, "u", pregnant, "called")
    # Sent to another service's counter, where it is called out of turn.
    settled(counter)
    counter.keyboard.press("t")
    target = counter.locator('#panel [data-queue="HEN"]:not([data-counter])')
    expect(target).to_be_visible()
    counter.keyboard.press(target.get_attribute("data-key") or "")
    expect(counter.locator('[data-current=""]')).to_be_visible()
    opened(clinic, pregnant)
    standing(clinic, "waiting")
    clinic.keyboard.press("F9")
    standing(clinic, "called")
    settled(clinic)
    # A second copy from the counter comes out at the kiosk.
    clinic.keyboard.press("i")
    expect(clinic.locator("#told")).to_contain_text(pregnant)
    wait_until(lambda: len(printed(world)) == paper + 3, what="the second copy")
    settled(clinic)
    clinic.keyboard.press("F4")
    standing(clinic, "done")
    press(counter, "F9", first, "called")
    press(counter, "F4", "")


def test_two_counters_press_at_once_and_a_desk_that_was_killed_is_back_by_itself(
    world: World, screen: Screen, desk: Callable[..., Page]
) -> None:
    for _ in range(2):
        asks_something(screen)
    pages = [desk("mai", "1"), desk("lan", "2")]
    for page in pages:
        expect(page.locator("[data-list=next] li").nth(1)).to_be_visible()
        settled(page)
    for page in pages:
        page.keyboard.press("F9")
    for page in pages:
        expect(page.locator('[data-current]:not([data-current=""])')).to_be_visible()
    called = [page.locator("[data-current]").get_attribute("data-current") or "" for page in pages]
    assert len(set(called)) == 2, "each its own person"

    page, number = pages[0], called[0]
    killed = world.pid("staff")
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: world.pid("staff") not in (None, killed), what="another desk")
    # A quick machine has it back before the page says that it is away; what comes after shows by itself all the same.
    later = asks_something(screen)
    expect(page.locator("[data-list=next]")).to_contain_text(later, timeout=3 * BY_ITSELF_MS)
    expect(page.locator(f'[data-current="{number}"]')).to_be_visible()
    expect(page.locator("#away")).to_be_hidden()
    press(page, "F10", number, "served")
    press(page, "F4", "")
    press(pages[1], "F4", "")
