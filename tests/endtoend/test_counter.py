"""The counter in real Chromium, by keyboard alone, against the whole product: late answers, and each special path."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.people import find
from sandbox.person import Person
from tests.endtoend.conftest import World, nobody_waits, sign_in
from tests.support.checkin import say_yes
from tests.support.screen import Screen
from tests.ui.browsing import settled
from ui.words import Words

pytestmark = pytest.mark.pcsc

WORDS = Words("vi")
BY_ITSELF_MS = 20_000  # the bridge's pauses and the kiosk's look together; nothing is pressed meanwhile


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A day of its own: among the tickets of all tests a row that is answered goes to another page of the list."""
    running = World(tmp_path_factory.mktemp("counter") / "state")
    yield running
    running.stop()


@pytest.fixture
def screen(world: World) -> Iterator[Screen]:
    world.remove()
    world.take_down()
    nobody_waits(world)
    with Screen(world.touchscreen) as shown:
        shown.touch("cancel")
        shown.wait_for("start")
        yield shown
    world.mend()
    world.touch("cancel")


@pytest.fixture
def counter(world: World, chromium: Browser) -> Iterator[Page]:
    """A receptionist who signed in and sits at the first counter."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="vi-VN")
    page = context.new_page()
    sign_in(page, world, "mai")
    page.goto(f"{world.facts['staff']}place")
    settled(page, "place")
    page.keyboard.press("1")
    settled(page, "desk")
    yield page
    context.close()


def checked_in(world: World, screen: Screen, person: str) -> str:
    """A person's visit by the code of the card; the number of the ticket."""
    mark = len(screen.seen())
    world.show_qr(person)
    screen.wait_for("confirm", after=mark)
    say_yes(screen)
    number = screen.wait_for("ticket", after=mark).ticket_number
    assert number
    return number


def by_keys(page: Page, **typed: str) -> None:
    """Fill the form as a receptionist does who never touches the mouse."""
    for field, text in typed.items():
        page.locator(f"#f-{field}").focus()
        page.keyboard.press("Control+A")
        page.keyboard.type(text)


def of(person: Person) -> dict[str, str]:
    return {"full_name": person.full_name, "birth_date": "/".join(reversed(person.birth_date.split("-")))}


def test_a_late_answer_appears_in_its_row_by_itself_and_the_focus_stays(
    world: World, screen: Screen, counter: Page
) -> None:
    world.fault("portal.down")
    number = checked_in(world, screen, "dia-chi-moi")
    counter.keyboard.press("F3")
    settled(counter, "list")
    row = counter.locator(f'#part [data-number="{number}"]')
    expect(row).to_contain_text(WORDS.get("counter.verdict.unverified"))
    opener = row.locator("a.open")
    opener.focus()
    world.mend()
    coverage = row.locator("[data-coverage]")
    expect(coverage).to_have_text(WORDS.get("counter.verdict.valid"), timeout=BY_ITSELF_MS)
    expect(opener).to_be_focused()
    counter.keyboard.press("Enter")
    expect(counter.locator("[data-page=visit] h1.who")).to_contain_text(find("dia-chi-moi").full_name)


@pytest.mark.parametrize(
    ("case", "key", "verdict"),
    [("child", "tre-khong-the", "child_temporary"), ("newborn", "so-sinh", "child_temporary")],
)
def test_a_number_of_the_kiosk_gets_its_person_and_the_insurance_answers_by_itself(
    world: World, screen: Screen, counter: Page, case: str, key: str, verdict: str
) -> None:
    person = find(key)
    screen.touch("path", "no_card")
    screen.wait_for("no_card")
    screen.touch("counter_ticket", case)
    number = screen.wait_for("ticket").ticket_number
    counter.keyboard.press("F9")
    expect(counter.locator(f'[data-current="{number}"]')).to_be_visible()
    settled(counter)
    counter.keyboard.press("c")
    expect(counter.locator(f'[name="case"][value="{case}"]')).to_be_focused()
    by_keys(counter, **of(person), guardian_name="Trần Thị Mẫu")
    counter.locator("#f-guardian_relation").focus()
    counter.keyboard.press("ArrowDown")
    counter.locator("#f-guardian_name").focus()
    counter.keyboard.press("Enter")
    expect(counter.locator("[data-page=visit] h1.who")).to_contain_text(person.full_name)
    told = counter.locator("#part [data-coverage]")
    expect(told).to_contain_text(WORDS.get(f"counter.verdict.{verdict}"), timeout=BY_ITSELF_MS)
    settled(counter)
    counter.keyboard.press("F4")
    # Done at reception: now they wait for what they came for.
    expect(counter.locator("#standing")).to_contain_text(WORDS.get("counter.standing.waiting"))
    expect(counter.locator("#standing")).to_contain_text("Khám bệnh")


def test_an_answer_is_asked_for_and_taken_over_by_keys(world: World, screen: Screen, counter: Page) -> None:
    person = find("so-bao-hiem")
    mark = len(screen.seen())
    world.show_qr(person.key)
    screen.wait_for("confirm", after=mark)
    say_yes(screen)
    screen.wait_for("ask_insurance", after=mark)
    screen.touch("confirm")  # goes on without the insurance card
    number = screen.wait_for("ticket", after=mark).ticket_number
    counter.keyboard.press("F3")
    settled(counter, "list")
    row = counter.locator(f'#part [data-number="{number}"]')
    expect(row).to_contain_text(WORDS.get("counter.task.ask_other_number"))
    row.locator("a.open").focus()
    counter.keyboard.press("Enter")
    settled(counter, "visit")
    counter.keyboard.press("F2")
    by_keys(counter, insurance_number=person.insurance.social_security_number or "")
    counter.keyboard.press("Enter")
    expect(counter.locator("#take-over")).to_be_focused()
    counter.keyboard.press("Enter")
    expect(counter.locator("[data-taken]")).to_be_visible()
    expect(counter.locator("#part [data-tasks]")).to_contain_text(WORDS.get("counter.task.none"))
