"""The sandbox desk: people drawn, cards placed, codes shown, faults switched, what arrived shown as text."""

import json
import re
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.card.trust import Authority
from sandbox.desk import routes
from sandbox.his import HospitalSystem
from sandbox.people import all_people
from sandbox.portal import Portal
from sandbox.portrait import jpeg
from sandbox.view import View, empty, view_of
from sandbox.world import World
from tests.support.waiting import wait_until
from wire.server import serving

pytestmark = pytest.mark.browser

DATA = resources.files("sandbox").joinpath("data")
WORDS: dict[str, dict[str, str]] = json.loads(DATA.joinpath("desk-words.json").read_text("utf-8"))


class Plug:
    """A reader without a driver: remembers whether a card lies on it."""

    def __init__(self) -> None:
        self.card: CardImage | None = None

    def place(self, card: CardImage, _: Quirks) -> None:
        self.card = card

    def remove(self) -> None:
        self.card = None

    def occupied(self) -> bool:
        return self.card is not None


class Scanner:
    def __init__(self) -> None:
        self.shown: list[str] = []

    def show(self, text: str) -> None:
        self.shown.append(text)


class Eye:
    def __init__(self) -> None:
        self.view = empty()

    def show(self, view: View) -> None:
        self.view = view

    def clear(self) -> None:
        self.view = empty()


class Hospital(HospitalSystem):
    """The hospital system with one message that no honest sender would send."""

    hostile: list[dict[str, Any]] = []  # noqa: RUF012

    def messages(self) -> list[dict[str, Any]]:
        return [*super().messages(), *self.hostile]


class Desk:
    def __init__(self, world: World, plug: Plug, scanner: Scanner, eye: Eye, address: str) -> None:
        self.world, self.plug, self.scanner, self.eye, self.address = world, plug, scanner, eye, address


@pytest.fixture
def desk(authority: Authority) -> Iterator[Desk]:
    plug, scanner, eye, people = Plug(), Scanner(), Eye(), all_people()
    world = World(people, authority, jpeg, plug, scanner, eye, Portal(people), Hospital())
    with serving(("127.0.0.1", 0), routes(world, {})) as address:
        assert isinstance(address, tuple)
        yield Desk(world, plug, scanner, eye, f"http://127.0.0.1:{address[1]}/")
        world.events.close()


@pytest.fixture
def open_desk(chromium: Browser, desk: Desk) -> Iterator[Callable[[], Page]]:
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    complaints: list[str] = []

    def opened() -> Page:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(desk.address)
        page.wait_for_selector("[data-person]")
        return page

    yield opened
    context.close()
    assert complaints == []


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["vi"].keys() == WORDS["en"].keys()
    assert all(text.strip() for words in WORDS.values() for text in words.values())


def test_every_word_the_page_asks_for_exists() -> None:
    page = DATA.joinpath("desk.html").read_text("utf-8")
    script = DATA.joinpath("desk.js").read_text("utf-8")
    asked = {*re.findall(r'data-word="([a-z_.]+)"', page), *re.findall(r'say\("([a-z_.]+)"', script)}
    assert asked <= WORDS["vi"].keys()


def test_every_fault_has_words(desk: Desk) -> None:
    assert {f"fault.{name}" for name in desk.world.state()["faults"]} <= WORDS["vi"].keys()


def test_everybody_is_drawn_with_portrait_and_story(desk: Desk, open_desk: Callable[[], Page]) -> None:
    page = open_desk()
    assert page.locator("[data-person]").count() == len(desk.world.people)
    page.wait_for_function("() => [...document.images].every(image => image.complete && image.naturalWidth > 0)")
    first = desk.world.people[0]
    expect(page.locator(f'[data-person="{first.key}"] .about')).to_have_text(first.about_vi)
    page.click('[data-language="en"]')
    expect(page.locator(f'[data-person="{first.key}"] .about')).to_have_text(first.about_en)
    assert "data-word" not in page.inner_text("body")


def test_card_and_code_are_given_together_and_the_card_taken_back(desk: Desk, open_desk: Callable[[], Page]) -> None:
    page, person = open_desk(), desk.world.people[0]
    page.click(f'[data-person="{person.key}"] [data-do="both"]')
    expect(page.locator("#on-reader")).to_contain_text(person.full_name)
    wait_until(lambda: len(desk.scanner.shown) == 1, what="the code")
    assert desk.plug.occupied()
    expect(page.locator(".person.placed")).to_have_count(1)
    page.click('[data-do="remove"]')
    expect(page.locator("#on-reader")).to_have_text(WORDS["vi"]["now.none"])
    assert not desk.plug.occupied()


def test_a_card_is_held_up_to_the_camera_seen_and_taken_away(desk: Desk, open_desk: Callable[[], Page]) -> None:
    page, person = open_desk(), desk.world.people[0]
    # Drawn before they are asked for: two who ask for a new view at once would each be given one of their own.
    back, worn = view_of(person, "back", False), view_of(person, "front", True)
    loaded = "() => document.getElementById('camera').complete && document.getElementById('camera').naturalWidth > 0"
    page.click(f'[data-person="{person.key}"] [data-face="back"]')
    expect(page.locator("#in-view")).to_have_text(f"{person.full_name}: {WORDS['vi']['camera.back']}")
    page.wait_for_function(loaded)
    assert desk.eye.view is back
    page.check("#worn")
    page.click(f'[data-person="{person.key}"] [data-face="front"]')
    wait_until(lambda: desk.eye.view is worn, what="the worn card")
    page.click('[data-do="take-down"]')
    expect(page.locator("#in-view")).to_have_text(WORDS["vi"]["camera.none"])
    page.wait_for_function(loaded)
    assert desk.eye.view is empty()


def test_a_fault_is_switched_on_and_off(desk: Desk, open_desk: Callable[[], Page]) -> None:
    page = open_desk()
    button = page.locator('[data-fault="his.down"]')
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert desk.world.state()["faults"]["his.down"] is not None
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert desk.world.state()["faults"]["his.down"] is None


def test_every_fault_can_be_switched(desk: Desk, open_desk: Callable[[], Page]) -> None:
    page = open_desk()
    page.wait_for_selector("[data-fault]")
    for name in desk.world.state()["faults"]:
        button = page.locator(f'[data-fault="{name}"]')
        for pressed in ("true", "false"):
            button.click()
            expect(button).to_have_attribute("aria-pressed", pressed)


def test_what_the_hospital_received_is_shown_as_text(desk: Desk, open_desk: Callable[[], Page]) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    Hospital.hostile = [{"name": hostile, "ticket_number": hostile, "birth_date": "19460305", "text": hostile}]
    try:
        page = open_desk()
        expect(page.locator("#received li strong")).to_have_text(hostile)
        expect(page.locator('#received [data-part="born"]')).to_have_text("05/03/1946")
        assert page.locator("#received img").count() == 0
    finally:
        Hospital.hostile = []
