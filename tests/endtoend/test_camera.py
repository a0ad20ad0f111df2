"""What a person holds up to the camera: sandbox camera, reader, worker, kiosk, page and card reader - all real."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.endtoend.conftest import World
from tests.endtoend.test_check_in_by_touch import shows, tap, ticket_number
from tests.support.checkin import leave, say_yes
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from ui.words import Words

pytestmark = [pytest.mark.browser, pytest.mark.pcsc]

WORDS = Words("vi")


@pytest.fixture
def at_the_start(world: World) -> Iterator[World]:
    """Nothing on the reader, nothing before the camera, and the start screen with nothing to say."""
    world.remove()
    world.take_down()
    with Screen(world.touchscreen) as screen:
        screen.touch("cancel")
        # Who was there is remembered for seconds: a code of theirs would begin nothing.
        wait_until(lambda: screen.now.name == "start" and screen.now.notice is None, 20, "a plain start screen")
    yield world
    world.remove()
    world.take_down()
    world.touch("cancel")


@pytest.fixture
def page(at_the_start: World, browser_page: Callable[[str], Page]) -> Page:
    opened = browser_page(at_the_start.touchscreen)
    shows(opened, "start")
    return opened


def test_the_front_held_up_then_the_card_placed_then_the_ticket(at_the_start: World, page: Page) -> None:
    world, before = at_the_start, len(at_the_start.received())
    world.hold_up("vi-du", "front")
    shows(page, "confirm")
    expect(page.locator("[data-name]")).to_contain_text("Dụ")
    expect(page.locator('[data-line="proof"]')).to_have_text(WORDS.get("proof.qr"))
    world.take_down()
    world.place("vi-du")
    expect(page.locator('[data-line="proof"]')).to_have_text(WORDS.get("proof.verified"))
    tap(page, "confirm")
    tap(page, "service", "KB")
    number = ticket_number(page)
    wait_until(lambda: len(world.received()) > before, 20, "the hospital has the record")
    assert world.received()[-1]["ticket_number"] == number
    world.remove()


def test_a_worn_code_leads_to_the_lines_and_they_to_the_ticket(at_the_start: World, page: Page, pictures: Path) -> None:
    world = at_the_start
    tap(page, "path", "qr")
    shows(page, "ask_qr")
    world.hold_up("het-han", "front", worn=True)
    expect(page.locator('[data-value="mrz"]')).to_be_visible()
    page.screenshot(path=pictures / "ask-qr-worn-vi.png")
    tap(page, "path", "mrz")
    shows(page, "ask_mrz")
    page.screenshot(path=pictures / "ask-mrz-vi.png")
    world.hold_up("het-han", "back")
    shows(page, "confirm")
    expect(page.locator('[data-line="proof"]')).to_have_text(WORDS.get("proof.mrz"))
    world.take_down()
    world.place("het-han")
    expect(page.locator('[data-line="proof"]')).to_have_text(WORDS.get("proof.verified"))
    expect(page.locator("[data-name]")).to_contain_text("Hạn")  # the chip knows the letters that the lines have not
    tap(page, "confirm")
    tap(page, "service", "KB")
    ticket_number(page)


def test_a_code_of_somebody_else_beside_a_card_is_refused_and_says_so(at_the_start: World) -> None:
    world, counted = at_the_start, at_the_start.count()
    with Screen(world.touchscreen) as screen:
        world.place("nie")
        screen.wait_for("ask_key")
        world.hold_up("nie", "front")
        screen.wait_for("confirm", holding=WORDS.get("proof.verified"))
        world.hold_up("eban", "back")
        refused = screen.wait_for("failed")
        assert WORDS.error("checkin.two_people").title.replace("\xa0", " ") in refused.text
        assert "staff" in refused.paths
        assert world.count() == counted


def test_a_code_left_in_view_gives_one_ticket_and_the_next_persons_another(at_the_start: World) -> None:
    world, before = at_the_start, at_the_start.count()[0]
    with Screen(world.touchscreen) as screen:
        world.hold_up("nhi", "phone")
        screen.wait_for("confirm")
        say_yes(screen)
        first = screen.wait_for("ticket")
        seen = len(screen.seen())
        leave(screen)
        world.show_qr("nhi")  # the same code by another device: it is still the same person's
        world.hold_up("the-moi", "back")
        assert "Đổi" in screen.wait_for("confirm").text
        assert not any("Nhi" in shown.text for shown in screen.seen()[seen:])
        say_yes(screen)
        assert screen.wait_for("ticket").ticket_number != first.ticket_number
        assert world.count()[0] == before + 2


def test_a_code_that_was_refused_as_not_me_is_read_again_where_it_lies_once_asked_for(at_the_start: World) -> None:
    world = at_the_start
    with Screen(world.touchscreen) as screen:
        world.hold_up("het-han", "phone")
        screen.wait_for("confirm")
        screen.touch("deny")
        screen.wait_for("start")
        screen.touch("path", "qr")
        assert "Hạn" in screen.wait_for("confirm").text


def test_a_card_lifted_off_the_reader_to_show_its_code_is_waited_for(at_the_start: World) -> None:
    world = at_the_start
    with Screen(world.touchscreen) as screen:
        world.place("vi-du")
        screen.wait_for("ask_key")
        world.remove()
        screen.wait_for("ask_qr")
        world.hold_up("vi-du", "front")
        screen.wait_for("confirm")
        world.take_down()
        world.place("vi-du")
        screen.wait_for("confirm", holding=WORDS.get("proof.verified"))


def test_the_code_of_one_and_the_card_of_another_are_two_people(at_the_start: World) -> None:
    world, counted = at_the_start, at_the_start.count()
    with Screen(world.touchscreen) as screen:
        world.place("eban")
        screen.wait_for("ask_key")
        world.hold_up("nie", "front")
        refused = screen.wait_for("failed")
        assert WORDS.error("checkin.two_people").title.replace("\xa0", " ") in refused.text
        assert world.count() == counted
