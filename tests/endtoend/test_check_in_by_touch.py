"""A person at the touchscreen: browser, kiosk, reader, pyscard, pcscd, vpcd, card, portal, hospital - all real."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.endtoend.conftest import World
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.pcsc]


@pytest.fixture
def screen(world: World, browser_page: Callable[[str], Page]) -> Iterator[Page]:
    """The touchscreen at its start, with no card on the reader."""
    world.remove()
    page = browser_page(world.touchscreen)
    shows(page, "start")
    yield page
    world.remove()
    world.touch("cancel")


def shows(page: Page, name: str) -> None:
    expect(page.locator(f'[data-screen="{name}"]')).to_be_visible()


def tap(page: Page, action: str, value: str | None = None) -> None:
    selector = f'[data-action="{action}"]' + (f'[data-value="{value}"]' if value else "")
    page.locator(selector).tap()


def type_digits(page: Page, digits: str) -> None:
    for digit in digits:
        page.locator(f'[data-digit="{digit}"]').tap()
    tap(page, "digits")


def picture_of_the_desk(page: Page, world: World, path: Path) -> None:
    """The sandbox desk as the README shows it, with the record the hospital just received."""
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB")
    desk = context.new_page()
    desk.goto(world.facts["desk"])
    desk.get_by_role("button", name="English").click()
    expect(desk.get_by_text("Place card + QR").first).to_be_visible()
    expect(desk.get_by_text("001303900017").nth(1)).to_be_visible()
    desk.screenshot(path=path)
    context.close()


def counting(page: Page) -> None:
    """Count the touches from now on."""
    page.evaluate("() => { window.touches = 0; addEventListener('pointerup', () => { window.touches += 1; }, true); }")


def touches(page: Page) -> int:
    return int(page.evaluate("window.touches"))


def ticket_number(page: Page) -> str:
    shows(page, "ticket")
    return page.locator("[data-ticket]").get_attribute("data-ticket") or ""


def test_card_six_digits_yes_ticket_and_the_hospital_has_the_record(world: World, screen: Page, pictures: Path) -> None:
    person = world.person("mau")
    before = len(world.received())
    screen.screenshot(path=pictures / "start-vi.png")
    counting(screen)
    world.place("mau")
    shows(screen, "ask_key")
    screen.screenshot(path=pictures / "ask-key-vi.png")
    tap(screen, "path", "card_number")
    shows(screen, "keypad")
    screen.screenshot(path=pictures / "keypad-vi.png")
    type_digits(screen, person["personal_id"][-6:])
    shows(screen, "confirm")
    expect(screen.locator('[data-line="coverage"]')).to_have_class(re.compile("good|ok"))
    expect(screen.locator('[data-line="proof"]')).not_to_have_class(re.compile("busy"))
    screen.screenshot(path=pictures / "confirm-vi.png")
    shown = screen.locator('[data-screen="confirm"]').inner_text()
    assert person["full_name"] not in shown
    assert person["personal_id"] not in shown
    tap(screen, "confirm")
    tap(screen, "service", "KB")
    number = ticket_number(screen)
    assert touches(screen) == 10  # six digits and their button, yes, the service: the longest way with a chip
    screen.screenshot(path=pictures / "ticket-vi.png")
    assert re.fullmatch(r"[A-Z0-9-]*\d{4,}", number)
    wait_until(lambda: len(world.received()) > before, what="the hospital has the record")
    message = world.received()[-1]
    assert message["name"] == person["full_name"]
    assert message["birth_date"] == "20030214"
    identity = {"id": person["personal_id"], "authority": "VNID", "type": "NI"}
    assert identity in message["identifiers"]
    assert message["ticket_number"] == number
    picture_of_the_desk(screen, world, pictures / "desk-en.png")


def test_the_code_held_up_opens_the_chip_without_typing(world: World, screen: Page) -> None:
    counting(screen)
    world.place("thu")
    shows(screen, "ask_key")
    world.show_qr("thu")
    shows(screen, "confirm")
    expect(screen.locator('[data-line="proof"]')).to_be_visible()
    tap(screen, "confirm")
    tap(screen, "service", "KB")
    ticket_number(screen)
    assert touches(screen) == 2  # yes, and the service


def test_a_code_alone_is_enough_for_a_ticket(world: World, screen: Page) -> None:
    world.show_qr("mau")
    shows(screen, "confirm")
    tap(screen, "confirm")
    tap(screen, "service", "KB")
    ticket_number(screen)


def test_twelve_digits_alone_are_enough_for_a_ticket(world: World, screen: Page) -> None:
    tap(screen, "path", "personal_id")
    shows(screen, "keypad")
    type_digits(screen, "001303900017")
    shows(screen, "confirm")
    tap(screen, "confirm")
    tap(screen, "service", "KB")
    ticket_number(screen)


def test_help_is_always_there_and_gives_a_number(world: World, screen: Page) -> None:
    tap(screen, "help")
    shows(screen, "help")
    tap(screen, "counter_ticket")
    ticket_number(screen)


def test_the_language_changes_with_one_touch(world: World, screen: Page) -> None:
    tap(screen, "language", "en")
    expect(screen.locator('[data-screen="start"]')).to_contain_text("card")
    tap(screen, "language", "vi")
    expect(screen.locator('[data-screen="start"]')).to_contain_text("thẻ")


def test_a_wrong_key_is_said_and_leads_to_the_next_path(world: World, screen: Page) -> None:
    world.place("mau")
    shows(screen, "ask_key")
    tap(screen, "path", "card_number")
    type_digits(screen, "000000")
    expect(screen.locator("[data-notice]")).to_be_visible()
    type_digits(screen, "111111")
    shows(screen, "failed")
    assert screen.locator('[data-action="path"]').count() >= 2


def test_a_card_taken_away_is_waited_for_with_its_code_and_the_way_back_is_one_touch(
    world: World, screen: Page
) -> None:
    world.place("mau")
    shows(screen, "ask_key")
    world.remove()
    shows(screen, "ask_qr")
    tap(screen, "cancel")
    shows(screen, "start")


def test_this_is_not_me_leaves_nothing_of_the_person(world: World, screen: Page) -> None:
    world.show_qr("thu")
    shows(screen, "confirm")
    tap(screen, "deny")
    shows(screen, "start")
    assert "Thử" not in screen.content()
