"""The counter's pages in real Chromium: rows that change by themselves, keys, focus, contrast, nothing cut."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hisbridge.questions import Act, Coverage, Verdict
from kiosk.states import CounterReason
from tests.ui.browsing import MEASURE, opened_page, served
from tests.ui.counter_desk import FULL, CounterDesk
from ui.words import LANGUAGES, Words

SLOW = Coverage(verdict=Verdict.UNVERIFIED, reason="portal.timeout", act=Act.WAIT)
FORCES = Coverage(verdict=Verdict.MANUAL_CHECK, result_code="001", act=Act.INSPECT_PAPERS)
VALID = Coverage(verdict=Verdict.VALID, result_code="000", card_number="GD4010000000017")
BY_ITSELF_MS = 20_000  # two seconds on a quiet machine; nothing is pressed meanwhile
LONG_NAME = "Công Tằng Tôn Nữ Thử Nghiệm Thị Tên Dài"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CounterDesk]:
    opened = CounterDesk(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def address(desk: CounterDesk) -> Iterator[str]:
    with served(desk.app, desk.streams) as at:
        yield f"{at}/counter"


@pytest.fixture
def page(desk: CounterDesk, chromium: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    # A form or act refused with 422 or 409 is told by the browser as a resource that failed.
    cookies = desk.cookies(getattr(request, "param", "vi"))
    with opened_page(
        chromium, address.removesuffix("/counter"), cookies, ("422", "409", "503", "ERR_INTERNET")
    ) as opened:
        yield opened


def test_a_late_answer_changes_its_row_by_itself_and_the_focus_goes_with_it(
    desk: CounterDesk, page: Page, address: str
) -> None:
    late = desk.visit("run-1", SLOW)
    desk.visit("run-2", SLOW)
    page.goto(f"{address}/list")
    row, opener = page.locator('[data-number="A0001"]'), page.locator('[data-number="A0001"] a.open')
    page.keyboard.press("ArrowDown")
    expect(opener).to_be_focused()
    desk.late(late, VALID)
    said = Words("vi").get("counter.verdict.valid")
    expect(row.locator("[data-coverage]")).to_have_text(said, timeout=BY_ITSELF_MS)
    expect(row).to_have_class("done changed")  # and it has moved behind those that need the counter
    expect(page.locator("[data-row]").last).to_have_attribute("data-number", "A0001")
    expect(opener).to_be_focused()
    expect(page.locator("#spoken")).to_contain_text(f"A0001: {said}")


def test_a_new_ticket_appears_by_itself_and_takes_no_focus(desk: CounterDesk, page: Page, address: str) -> None:
    desk.visit("run-1", SLOW)
    page.goto(f"{address}/list")
    page.keyboard.press("ArrowDown")
    desk.store.counter_ticket("run-2", CounterReason.CHILD)
    expect(page.locator('[data-number="A0002"]')).to_be_visible(timeout=BY_ITSELF_MS)
    expect(page.locator('[data-number="A0001"] a.open')).to_be_focused()


def test_a_late_answer_changes_the_open_visit_and_leaves_what_is_being_typed(
    desk: CounterDesk, page: Page, address: str
) -> None:
    visit = desk.visit("run-1", SLOW)
    page.goto(f"{address}/visits/{visit}")
    page.locator("#f-insurance_number").focus()
    page.keyboard.type("01303")
    desk.late(visit, FULL)
    expect(page.locator("#part [data-coverage]")).to_contain_text("GD4010000000017", timeout=BY_ITSELF_MS)
    page.keyboard.type("90001")
    expect(page.locator("#f-insurance_number")).to_have_value("0130390001")


def test_every_row_is_reached_and_opened_by_keys(desk: CounterDesk, page: Page, address: str) -> None:
    for number in range(60):
        desk.visit(f"run-{number}", SLOW)
    page.goto(f"{address}/list")
    expect(page.locator("[data-search]")).to_be_focused()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    expect(page.locator('[data-number="A0002"] a.open')).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator('[data-number="A0051"] a.open')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("A0051")
    page.wait_for_load_state()  # the page's own part listens
    page.keyboard.press("F2")
    expect(page.locator('[name="path"]:checked')).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator('[data-number="A0051"] a.open')).to_be_focused()  # back to where the person was opened
    page.keyboard.press("Escape")
    expect(page.locator("body")).to_have_attribute("data-page", "desk")
    page.wait_for_load_state()  # the keys are listened to
    page.keyboard.press("F3")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.press("F2")
    expect(page.locator("body")).to_have_attribute("data-page", "ask")


def test_while_the_insurance_is_asked_it_is_said_and_cannot_be_asked_twice(
    desk: CounterDesk, page: Page, address: str
) -> None:
    visit = desk.visit("run-1", SLOW)
    page.goto(f"{address}/visits/{visit}")
    desk.gate.clear()
    page.locator("#f-personal_id").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".asking")).to_be_visible()
    expect(page.locator("#ask-now")).to_be_disabled()
    desk.gate.set()
    expect(page.locator("#take-over")).to_be_focused()
    expect(page.locator(".asking")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # an impatient hand
    expect(page.locator("[data-taken]")).to_be_visible()
    expect(page.locator("#part [data-corrected]")).to_be_visible(timeout=BY_ITSELF_MS)
    expect(page.locator("[data-taken] [data-focus]")).to_be_focused()
    assert len(desk.questions) == 1


def test_what_is_wrong_in_a_form_takes_the_focus(page: Page, address: str) -> None:
    page.goto(f"{address}/ask")
    page.locator("#f-full_name").focus()
    page.keyboard.insert_text("Trần Thị Mẫu")
    page.keyboard.press("Enter")
    expect(page.locator("#f-birth_date")).to_be_focused()
    expect(page.locator("#f-birth_date")).to_have_attribute("aria-invalid", "true")


def test_a_server_that_went_away_is_said(desk: CounterDesk, page: Page, address: str) -> None:
    page.goto(f"{address}/list")
    expect(page.locator("#away")).to_be_hidden()
    path = Path(desk.settings.paths.state) / "tiepdon.db"
    path.rename(path.with_name("away.db"))
    desk.counter.close()  # as after a fault: the next look opens the database anew
    expect(page.locator("#away")).to_be_visible()
    path.with_name("away.db").rename(path)
    expect(page.locator("#away")).to_be_hidden()


@pytest.mark.parametrize("page", LANGUAGES, indirect=True)
def test_every_page_has_contrast_and_nothing_is_cut(
    desk: CounterDesk, page: Page, address: str, pictures: Path, request: pytest.FixtureRequest
) -> None:
    language = request.node.callspec.params["page"]
    answers = [SLOW, None, FULL, VALID, *(Coverage(verdict=verdict) for verdict in Verdict)]
    visits = [desk.visit(f"run-{number}", told, full_name=LONG_NAME) for number, told in enumerate(answers)]
    for reason in CounterReason:
        desk.store.counter_ticket(f"run-{reason}", reason)

    def looks_right(name: str) -> None:
        assert page.evaluate(MEASURE) == [], name
        page.screenshot(path=pictures / f"counter-{name}-{language}.png")

    page.goto(f"{address}/list")
    looks_right("list")
    page.goto(f"{address}/visits/{visits[2]}")
    looks_right("visit")
    page.click("#ask-now")
    page.wait_for_selector("[data-answer]")
    looks_right("answer")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-taken]")
    looks_right("taken")
    desk.answer = FORCES
    page.goto(f"{address}/ask?path=forces")
    page.fill("#f-full_name", "Cao Văn Lính")
    page.fill("#f-birth_date", "1988")
    page.fill("#f-insurance_number", "QN5010000000008")
    page.click("#ask-now")
    page.wait_for_selector("[data-answer]")
    page.fill("#f-valid_from", "x")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-problem]")
    looks_right("forces")
