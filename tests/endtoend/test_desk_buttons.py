"""The desk's buttons on the real page: what they break is broken for the whole product, what they mend is mended."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from config.settings import load, socket_path
from hisbridge.questions import Citizen, CitizenQuestion, Coverage, CoverageQuestion
from sandbox.insurance_card import insurance_number
from sandbox.people import all_people, find
from tests.endtoend.conftest import World
from tests.support.checkin import say_yes
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from ui.words import Words
from wire.client import Client

pytestmark = [pytest.mark.pcsc, pytest.mark.browser]

WORDS = Words("vi")
HELD = "so-bao-hiem"  # found by the number of the insurance card alone


@pytest.fixture
def desk(world: World, chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page as a trainer opens it; a picture of its end lies beside the test's other files."""
    world.mend()
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, locale="vi-VN")
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(world.facts["desk"])
    page.wait_for_selector("[data-fault]")
    yield page
    page.screenshot(path=tmp_path / "desk.png")
    context.close()
    world.mend()
    assert complaints == []


@pytest.fixture
def screen(world: World) -> Iterator[Screen]:
    world.remove()
    with Screen(world.touchscreen) as shown:
        shown.touch("cancel")
        shown.wait_for("start")
        yield shown
    world.touch("cancel")


def insurance_says(world: World) -> str | None:
    """Why the insurance has no answer now, as the counter would be told; None when it has one."""
    who = find("mau")
    question = CoverageQuestion(
        personal_id=who.personal_id, full_name=who.full_name, birth_date=who.birth_date, visit_date="2026-11-22"
    )
    client = Client(socket_path(load(world.settings), "bridge"))
    return client.post("/v1/coverage/fresh?deadline_ms=5000", question, Coverage, timeout=6).reason


def register_says(world: World) -> str | None:
    """The same of the population register."""
    who = find("mau")
    question = CitizenQuestion(personal_id=who.personal_id, full_name=who.full_name, birth_date=who.birth_date)
    client = Client(socket_path(load(world.settings), "bridge"))
    return client.post("/v1/citizen?deadline_ms=5000", question, Citizen, timeout=6).reason


def press(desk: Page, fault: str, pressed: bool) -> None:
    button = desk.locator(f'[data-fault="{fault}"]')
    button.click()
    expect(button).to_have_attribute("aria-pressed", str(pressed).lower())


@pytest.mark.parametrize(
    ("fault", "reason"), [("portal.tls", "portal.certificate"), ("portal.500", "portal.server_error")]
)
def test_a_portal_broken_and_mended_by_one_button_is_so_for_the_bridge(
    world: World, desk: Page, fault: str, reason: str
) -> None:
    wait_until(lambda: insurance_says(world) is None, 10, "all is well before")
    press(desk, fault, True)
    assert insurance_says(world) == reason
    press(desk, fault, False)
    wait_until(lambda: insurance_says(world) is None, 10, "the mended portal is asked again")


def test_one_button_mends_everything_there_is_and_rests_until_something_breaks(world: World, desk: Page) -> None:
    mend = desk.locator('[data-do="mend"]')
    expect(mend).to_be_disabled()
    for fault in ("portal.down", "population.500", "his.ae"):
        press(desk, fault, True)
    expect(desk.locator('[data-fault][aria-pressed="true"]')).to_have_count(3)
    assert insurance_says(world) == "portal.unreachable"
    assert register_says(world) == "population.server_error"
    mend.click()
    expect(desk.locator('[data-fault][aria-pressed="true"]')).to_have_count(0)
    expect(mend).to_be_disabled()
    assert set(world.desk("GET", "/state")["faults"].values()) == {None}
    wait_until(lambda: insurance_says(world) is None and register_says(world) is None, 10, "both answer again")


def test_what_a_script_breaks_is_seen_on_the_page(world: World, desk: Page) -> None:
    world.fault("portal.slow", 6)
    expect(desk.locator('[data-fault="portal.slow"]')).to_have_attribute("aria-pressed", "true")
    world.desk("POST", "/faults/mend", {})
    expect(desk.locator('[data-fault="portal.slow"]')).to_have_attribute("aria-pressed", "false")


def test_everybody_with_an_insurance_card_has_a_button_for_it_and_nobody_else(desk: Page) -> None:
    for person in all_people():
        button = desk.locator(f'[data-person="{person.key}"] [data-do="insure"]')
        number = insurance_number(person)
        if number is None:
            expect(button).to_be_hidden()
        else:
            expect(button).to_be_visible()
            expect(button).to_contain_text(number)


def test_an_insurance_card_held_up_at_the_desk_finds_whom_the_id_number_does_not(desk: Page, screen: Screen) -> None:
    held = desk.locator(f'[data-person="{HELD}"]')
    held.locator('[data-do="show"]').click()
    screen.wait_for("confirm")
    say_yes(screen)
    screen.wait_for("ask_insurance")
    held.locator('[data-do="insure"]').click()
    expect(desk.locator("#scanned")).to_contain_text(find(HELD).full_name)
    assert screen.wait_for("ticket").line("coverage") == WORDS.get("coverage.valid")


def test_an_insurance_card_by_itself_is_understood_and_the_id_card_asked_for(desk: Page, screen: Screen) -> None:
    # Another one than above: the same code held up again within three seconds counts once.
    desk.locator('[data-person="mau"] [data-do="insure"]').click()
    asked = screen.wait_for("start", "ask_qr", "failed", holding=WORDS.error("checkin.insurance_only").title)
    assert asked.name != "ticket"
