"""The counter in real Chromium, by keyboard alone, against the whole product: late answers, and each special path."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.people import find
from sandbox.person import Person
from tests.endtoend.conftest import World
from tests.support.screen import Screen
from ui.words import Words

pytestmark = pytest.mark.pcsc

WORDS = Words("vi")
BY_ITSELF_MS = 20_000  # the bridge's pauses and the kiosk's look together; nothing is pressed meanwhile


@pytest.fixture
def screen(world: World) -> Iterator[Screen]:
    world.remove()
    world.take_down()
    with Screen(world.touchscreen) as shown:
        shown.touch("cancel")
        shown.wait_for("start")
        yield shown
    world.mend()
    world.touch("cancel")


@pytest.fixture
def counter(world: World, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="vi-VN")
    page = context.new_page()
    page.goto(f"{world.touchscreen}counter")
    yield page
    context.close()


def checked_in(world: World, screen: Screen, person: str) -> str:
    """A person's visit by the code of the card; the number of the ticket."""
    mark = len(screen.seen())
    world.show_qr(person)
    screen.wait_for("confirm", after=mark)
    screen.touch("confirm")
    number = screen.wait_for("ticket").ticket_number
    assert number
    return number


def by_keys(page: Page, **typed: str) -> None:
    """Fill the form as a receptionist does who never touches the mouse."""
    for field, text in typed.items():
        page.locator(f"#f-{field}").focus()
        page.keyboard.press("Control+A")
        page.keyboard.type(text)


def choose(page: Page, path: str) -> None:
    order = ("usual", "old_id", "child", "newborn", "forces")
    page.locator('[name="path"]:checked').focus()
    for _ in range(order.index(path)):
        page.keyboard.press("ArrowDown")
    expect(page.locator(f'[name="path"][value="{path}"]')).to_be_checked()


def of(person: Person) -> dict[str, str]:
    return {"full_name": person.full_name, "birth_date": "/".join(reversed(person.birth_date.split("-")))}


def test_a_late_answer_appears_in_its_row_by_itself_and_the_focus_stays(
    world: World, screen: Screen, counter: Page
) -> None:
    world.fault("portal.down")
    number = checked_in(world, screen, "dia-chi-moi")
    row = counter.locator(f'[data-number="{number}"]')
    expect(row).to_contain_text(WORDS.get("counter.verdict.unverified"))
    opener = row.locator("a.open")
    opener.focus()
    world.mend()
    coverage = row.locator("[data-coverage]")
    expect(coverage).to_have_text(WORDS.get("counter.verdict.valid"), timeout=BY_ITSELF_MS)
    expect(opener).to_be_focused()
    expect(row).to_contain_text(WORDS.get("counter.task.none"))
    counter.keyboard.press("Enter")
    expect(counter.locator("[data-page=visit] h1")).to_contain_text(find("dia-chi-moi").full_name)
    counter.wait_for_load_state()  # the page's own part listens
    counter.keyboard.press("Escape")
    expect(counter.locator("[data-page=list]")).to_be_visible()


def test_an_answer_is_asked_for_and_taken_over_by_keys(world: World, screen: Screen, counter: Page) -> None:
    person = find("so-bao-hiem")
    mark = len(screen.seen())
    world.show_qr(person.key)
    screen.wait_for("confirm", after=mark)
    screen.touch("confirm")
    screen.wait_for("ask_insurance")
    screen.touch("confirm")  # goes on without the insurance card
    number = screen.wait_for("ticket").ticket_number
    row = counter.locator(f'[data-number="{number}"]')
    expect(row).to_contain_text(WORDS.get("counter.task.ask_other_number"))
    row.locator("a.open").focus()
    counter.keyboard.press("Enter")
    counter.wait_for_selector("[data-page=visit]")
    counter.wait_for_load_state()
    counter.keyboard.press("F2")
    by_keys(counter, insurance_number=person.insurance.social_security_number or "")
    counter.keyboard.press("Enter")
    take_over = counter.locator("[data-key=F4]")
    expect(take_over).to_be_focused()
    counter.keyboard.press("F4")
    expect(counter.locator("[data-taken]")).to_be_visible()
    expect(counter.locator("#part [data-tasks]")).to_contain_text(WORDS.get("counter.task.none"))
    expect(counter.locator("#part [data-coverage]")).to_contain_text(person.insurance.card_number or "")
    counter.keyboard.press("Escape")
    expect(row).to_have_class("done")


@pytest.mark.parametrize(
    ("path", "key", "reason", "verdict", "act"),
    [
        ("old_id", "so-cu", None, "valid", "counter.act.old_id.none"),
        ("child", "tre-khong-the", "child", "child_temporary", "counter.act.child.temporary_card"),
        ("newborn", "so-sinh", "newborn", "child_temporary", "counter.act.newborn.temporary_card"),
        ("forces", "quan-nhan", "forces", "manual_check", "counter.act.forces.inspect_papers"),
    ],
)
def test_each_special_path_ends_in_a_clear_act(
    world: World, screen: Screen, counter: Page, path: str, key: str, reason: str | None, verdict: str, act: str
) -> None:
    person = find(key)
    if reason is None:
        counter.keyboard.press("F2")
    else:  # the kiosk sent them here with a number and a reason
        screen.touch("path", "no_card")
        screen.wait_for("no_card")
        screen.touch("counter_ticket", reason)
        number = screen.wait_for("ticket").ticket_number
        row = counter.locator(f'[data-number="{number}"]')
        expect(row).to_contain_text(WORDS.get(f"counter.reason.{reason}"))
        row.locator("a.open").focus()
        counter.keyboard.press("Enter")
    counter.wait_for_selector("[data-page=ask]")
    counter.wait_for_load_state()
    if reason is None:
        choose(counter, path)
    expect(counter.locator(f'[name="path"][value="{path}"]')).to_be_checked()
    numbers = {
        "old_id": {"previous_id": person.previous_id or ""},
        "child": {"personal_id": person.personal_id},
        "newborn": {},
        "forces": {"insurance_number": person.insurance.card_number or ""},
    }[path]
    by_keys(counter, **of(person), **numbers)
    counter.keyboard.press("Enter")
    answer = counter.locator("[data-answer]")
    expect(answer).to_contain_text(WORDS.get(f"counter.verdict.{verdict}"))
    expect(answer.locator("[data-act]")).to_have_text(WORDS.get(act))
    if path == "forces":
        by_keys(counter, card_number=person.insurance.card_number or "", valid_from="1/1/2026")
        counter.keyboard.press("Enter")
        expect(counter.locator("[data-paper]")).to_contain_text(f"01/01/2026 đến {WORDS.get('counter.validity.open')}")
