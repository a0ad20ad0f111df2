"""The counter in real Chromium by keyboard alone: a morning at the desk, the special paths, two at one record, a line
that is lost.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from hisbridge.questions import Citizen, Coverage, Difference, Register, Verdict
from kiosk.queue.model import Priority
from kiosk.states import Choice, CounterReason
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import rows
from tests.ui.browsing import MEASURE, opened_page, served, settled
from tests.ui.counter_desk import CounterDesk
from ui.words import LANGUAGES, Words

BY_ITSELF_MS = 20_000
EXPECTED = ("422", "409", "404", "ERR_INTERNET", "ERR_FAILED", "Failed to fetch")
SAY = Words("vi").get


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CounterDesk]:
    opened = CounterDesk(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def address(desk: CounterDesk) -> Iterator[str]:
    with served(desk.app, desk.streams) as at:
        yield at


@pytest.fixture
def page(desk: CounterDesk, chromium: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    cookies = desk.cookies(getattr(request, "param", "vi"))
    with opened_page(chromium, address, cookies, EXPECTED) as opened:
        opened.set_viewport_size({"width": 1280, "height": 720})
        yield opened


def keys(page: Page, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)


def fill(page: Page, **typed: str) -> None:
    for field, text in typed.items():
        page.locator(f"#f-{field}").focus()
        keys(page, "Control+A")
        # As an input method gives Vietnamese: letter by letter, those without a key overtake those that have one.
        page.keyboard.type(text) if text.isascii() else page.keyboard.insert_text(text)


def current(page: Page) -> str:
    return page.locator("[data-current]").get_attribute("data-current") or ""


def acted(page: Page, key: str, standing: str, number: str = "") -> None:
    """Press a key of the desk, and wait until it stands there."""
    settled(page)
    keys(page, key)
    where = f'[data-current="{number}"]' + (f'[data-standing="{standing}"]' if standing else "")
    expect(page.locator(where)).to_be_visible()


def test_a_person_is_called_begun_corrected_and_finished_by_keys(desk: CounterDesk, page: Page, address: str) -> None:
    desk.visit("run-1", covered())
    desk.visit("run-2", covered(), personal_id="001200900024", full_name="Lê Văn Thử")
    page.goto(f"{address}/counter")
    acted(page, "F9", "called", "A0001")
    expect(page.locator("#spoken")).to_contain_text("A0001")
    acted(page, "F10", "served", "A0001")
    settled(page)
    keys(page, "c")
    expect(page.locator("#f-full_name")).to_be_focused()
    fill(page, full_name="Nguyễn Thị Lam", reason="sai dấu")
    keys(page, "Enter")
    expect(page.locator("body[data-page=visit] h1.who")).to_contain_text("Nguyễn Thị Lam")
    keys(page, "Escape")
    expect(page.locator("body[data-page=desk]")).to_be_visible()
    acted(page, "F4", "", "")
    acted(page, "F9", "called", "A0002")
    assert rows(desk.settings, "SELECT kind FROM moves ORDER BY id") == [
        (kind,) for kind in ("call", "begin", "finish", "call")
    ]


def test_keys_pressed_before_the_scripts_are_there_are_done_when_they_are(
    desk: CounterDesk, page: Page, address: str
) -> None:
    visit = desk.visit("run-1", covered())
    held: list[Route] = []
    page.route("**/counter.js*", lambda route: held.append(route), times=1)
    page.goto(f"{address}/counter/visits/{visit}", wait_until="commit")
    expect(page.locator("h1.who")).to_be_visible()
    page.route("**/counter.js*", lambda route: held.append(route), times=1)
    keys(page, "c")
    with page.expect_request("**/counter.js*"):
        held[0].continue_()
    expect(page.locator("body[data-page=edit] #f-full_name")).to_be_visible()
    page.keyboard.type("Q7")
    held[1].continue_()
    expect(page.locator("#f-full_name")).to_have_value(re.compile("Q7"))


def test_who_does_not_come_is_missed_by_the_next_call_said_and_brought_back(
    desk: CounterDesk, page: Page, address: str
) -> None:
    for number in range(2):
        desk.visit(f"run-{number}", covered())
    page.goto(f"{address}/counter")
    acted(page, "F9", "called", "A0001")
    expect(page.locator("#do-call_next")).to_contain_text(SAY("counter.do.call_next.called", number="A0001"))
    acted(page, "F9", "called", "A0002")
    expect(page.locator("#told")).to_have_text(SAY("counter.absent.requeue", number="A0001"))
    acted(page, "u", "called", "A0001")
    expect(page.locator("#told")).to_be_empty()


def test_a_page_that_is_behind_acts_on_nobody_it_does_not_show(desk: CounterDesk, page: Page, address: str) -> None:
    for number in range(3):
        desk.visit(f"run-{number}", covered())
    page.route("**/counter/events", lambda route: route.abort())
    page.goto(f"{address}/counter")
    desk.client().post("/counter/act", data={"name": "another-page", "kind": "call_next", "page": "desk"})
    expect(page.locator("#away")).to_be_visible()  # no stream: it may be old
    settled(page)
    keys(page, "F9")
    expect(page.locator("#told")).to_contain_text(SAY("error.queue.acted_meanwhile"))
    expect(page.locator('[data-current="A0001"]')).to_be_visible()
    assert rows(desk.settings, "SELECT kind FROM moves") == [("call",)]
    page.unroute("**/counter/events")
    expect(page.locator("#away")).to_be_hidden(timeout=BY_ITSELF_MS)
    acted(page, "F9", "called", "A0002")


def test_letters_and_digits_are_no_keys_for_who_switched_them_off(desk: CounterDesk, page: Page, address: str) -> None:
    desk.visit("run-1", covered())
    page.goto(f"{address}/place")
    settled(page)
    page.locator("#letters").focus()
    keys(page, "Enter")
    expect(page.locator("#letters")).to_have_text(SAY("counter.keys.letters.on"))
    settled(page)
    keys(page, "2", "Escape")  # no digit chooses a counter
    acted(page, "F9", "called", "A0001")
    expect(page.locator("#do-transfer kbd")).to_be_hidden()
    settled(page)
    keys(page, "t", "q", "u")
    acted(page, "F10", "served", "A0001")
    expect(page.locator("#panel")).to_be_hidden()
    page.locator("#do-transfer").focus()
    keys(page, "Enter")
    expect(page.locator("#panel [data-first]")).to_be_focused()
    assert rows(desk.settings, "SELECT kind FROM moves ORDER BY id") == [("call",), ("begin",)]


def test_a_key_held_down_or_bouncing_calls_one_person(desk: CounterDesk, page: Page, address: str) -> None:
    for number in range(3):
        desk.visit(f"run-{number}", covered())
    page.goto(f"{address}/counter")
    page.keyboard.down("F9")
    for _ in range(4):
        page.keyboard.down("F9")
    page.keyboard.up("F9")
    keys(page, "F9")
    expect(page.locator('[data-current="A0001"]')).to_be_visible()
    settled(page)
    assert rows(desk.settings, "SELECT count(*) FROM moves") == [(1,)]


def test_keys_faster_than_their_answers_are_both_done(desk: CounterDesk, page: Page, address: str) -> None:
    desk.visit("run-1", covered())
    desk.visit("run-2", covered())
    page.goto(f"{address}/counter")
    acted(page, "F9", "called", "A0001")
    keys(page, "F10", "F4")
    expect(page.locator('[data-current=""]')).to_be_visible()
    settled(page)
    # What was meant for somebody who is no longer here is done to nobody else.
    held: list[Route] = []
    page.route("**/counter/act", lambda route: held.append(route), times=1)
    with page.expect_request("**/counter/act"):
        keys(page, "F9", "F10")
    held[0].continue_()
    expect(page.locator('[data-current="A0002"]')).to_be_visible()
    settled(page)
    assert rows(desk.settings, "SELECT kind FROM moves ORDER BY id") == [
        (kind,) for kind in ("call", "begin", "finish", "call")
    ]


def test_a_key_without_an_act_never_takes_the_focus_to_the_browser(desk: CounterDesk, page: Page, address: str) -> None:
    page.goto(f"{address}/counter")
    page.evaluate("addEventListener('keydown', (one) => (window.left ??= []).push(one.key, one.defaultPrevented))")
    for key in ("F1", "F6", "F7", "F10"):  # nobody is called: none of them does anything here
        page.keyboard.down(key)
        page.keyboard.down(key)  # held
        page.keyboard.up(key)
    assert page.evaluate("window.left") == [told for key in ("F1", "F6", "F7", "F10") for told in [key, True] * 2]
    assert rows(desk.settings, "SELECT count(*) FROM moves") == [(0,)]


def test_somebody_is_sent_on_and_that_is_undone(desk: CounterDesk, page: Page, address: str) -> None:
    desk.visit("run-1", covered())
    page.goto(f"{address}/counter")
    acted(page, "F9", "called", "A0001")
    settled(page)
    keys(page, "t")
    expect(page.locator("#panel")).to_be_visible()
    keys(page, "Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator("#do-transfer")).to_be_focused()
    keys(page, "t")
    laboratory = page.locator("#panel [data-queue=XN]:not([data-counter])")
    expect(laboratory).to_be_visible()
    keys(page, laboratory.get_attribute("data-key") or "")
    expect(page.locator('[data-current=""]')).to_be_visible()
    acted(page, "u", "called", "A0001")
    assert rows(desk.settings, "SELECT queue, standing FROM tickets") == [("KB", "called")]


def test_a_refused_act_says_why_and_the_focus_stays(desk: CounterDesk, page: Page, address: str) -> None:
    page.goto(f"{address}/counter")
    expect(page.locator("#part")).to_be_focused()
    settled(page)
    keys(page, "u")
    expect(page.locator("#told")).to_contain_text(SAY("error.queue.nothing_to_undo"))
    expect(page.locator("#part")).to_be_focused()


def test_a_press_whose_answer_was_lost_is_done_once(desk: CounterDesk, page: Page, address: str) -> None:
    for number in range(2):
        desk.visit(f"run-{number}", covered())
    page.goto(f"{address}/counter")
    heard: list[int] = []

    def lose_the_first_answer(route: object) -> None:
        heard.append(1)
        if len(heard) == 1:
            route.fetch()  # type: ignore[attr-defined]  # the server did it, the page never heard
            route.abort()  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    page.route("**/counter/act", lose_the_first_answer)
    settled(page)
    with page.expect_response("**/counter/act"):
        keys(page, "F9")
    expect(page.locator('[data-current="A0001"]')).to_be_visible()
    assert len(heard) == 2
    assert rows(desk.settings, "SELECT count(*) FROM moves") == [(1,)]


def test_a_help_call_rings_and_is_answered_by_a_key(desk: CounterDesk, page: Page, address: str) -> None:
    page.goto(f"{address}/counter")
    call = desk.desk.help.ask("kiosk-1", "start")
    expect(page.locator("[data-help]")).to_be_visible(timeout=BY_ITSELF_MS)
    expect(page.locator("body")).to_have_attribute("data-rang", "1")
    expect(page.locator("#spoken")).to_contain_text("kiosk-1")
    keys(page, "h")
    expect(page.locator("[data-help]")).to_have_count(0)
    assert desk.desk.help.one(call.call_id).answered_by == "mai"


def test_a_declared_priority_is_confirmed_by_keys(desk: CounterDesk, page: Page, address: str) -> None:
    desk.store.check_in("run-1", by_chip(), covered(), Choice("KB", Priority.PREGNANT))
    page.goto(f"{address}/counter")
    acted(page, "F9", "called", "A0001")
    settled(page)
    keys(page, "p")
    expect(page.locator("#f-reason")).to_be_focused()
    keys(page, "F7")
    expect(page.locator("#f-reason")).to_have_attribute("aria-invalid", "true")
    page.keyboard.type("da xem so kham thai")
    keys(page, "F10")
    expect(page.locator("[data-mine] .group")).to_contain_text(SAY("counter.priority.by.confirmed"))


@pytest.mark.parametrize("case", ["no_card", "child", "newborn", "forces"])
def test_each_special_path_gives_a_number_by_keys(desk: CounterDesk, page: Page, address: str, case: str) -> None:
    page.goto(f"{address}/counter")
    keys(page, "e")
    expect(page.locator('[name="case"][value="usual"]')).to_be_focused()
    for _ in range(("usual", "no_card", "child", "newborn", "forces").index(case)):
        keys(page, "ArrowDown")
    born = {"child": "20/11/2023", "newborn": "20/11/2026"}.get(case, "1988")
    fill(page, full_name="Trần Bé Thử", birth_date=born)
    if case in ("child", "newborn"):
        fill(page, guardian_name="Trần Thị Mẫu")
        page.locator("#f-guardian_relation").focus()
        keys(page, "ArrowDown")  # and Enter from there
    if case == "forces":
        fill(page, insurance_number="QN5010000000008")
    if case == "no_card":
        keys(page, "F8")
    keys(page, "Enter")
    expect(page.locator("body[data-page=visit] h1.who")).to_contain_text("A0001")
    expect(page.locator("body")).to_contain_text("Trần Bé Thử")
    assert rows(desk.settings, "SELECT reason FROM corrections WHERE field = 'entry'") == [(case,)]
    groups = {"no_card": "emergency", "child": "under_six", "newborn": "under_six", "forces": ""}
    assert rows(desk.settings, "SELECT priority FROM tickets") == [(groups[case],)]


def test_a_ticket_without_a_person_gets_one_by_keys(desk: CounterDesk, page: Page, address: str) -> None:
    desk.store.counter_ticket("run-1", CounterReason.NO_CARD)
    page.goto(f"{address}/counter")
    acted(page, "F9", "called", "A0001")
    settled(page)
    keys(page, "c")
    expect(page.locator('[name="case"][value="no_card"]')).to_be_focused()
    fill(page, full_name="Lê Văn Thử", birth_date="1970")
    keys(page, "Enter")
    expect(page.locator("body[data-page=visit]")).to_be_visible()
    keys(page, "Escape")
    expect(page.locator('[data-current="A0001"] .called-name')).to_have_text("Lê Văn Thử")


def test_what_was_typed_stays_on_a_lost_line_and_on_the_first_escape(
    desk: CounterDesk, page: Page, address: str
) -> None:
    page.goto(f"{address}/counter/enter")
    fill(page, full_name="Lê Văn Thử", birth_date="1970")
    page.route("**/counter/enter", lambda route: route.abort())
    keys(page, "Enter")
    expect(page.locator("#answer")).to_contain_text(SAY("counter.unsent.form"))
    expect(page.locator("#f-full_name")).to_have_value("Lê Văn Thử")
    keys(page, "F5")  # beside F4 and F6
    expect(page.locator("#answer")).to_contain_text(SAY("counter.left"))
    page.locator("#f-full_name").press("End")
    page.locator("#f-full_name").type(" ")
    keys(page, "Escape")
    expect(page.locator("#f-full_name")).to_have_value("Lê Văn Thử ")
    page.unroute("**/counter/enter")
    page.locator("#f-birth_date").focus()
    keys(page, "Enter")
    expect(page.locator("body[data-page=visit]")).to_be_visible()
    assert rows(desk.settings, "SELECT count(*) FROM tickets") == [(1,)]


def test_two_at_one_record_are_told_of_each_other(desk: CounterDesk, page: Page, address: str) -> None:
    visit = desk.visit("run-1", covered())
    page.goto(f"{address}/counter/visits/{visit}/edit")
    was = {"was_full_name": "NGUYỄN THỊ LAN", "full_name": "Nguyễn Thị Lam", "reason": "sai dấu"}
    desk.client().post(f"/counter/visits/{visit}/edit", data=was)
    fill(page, full_name="Nguyễn Thị Lâm", reason="dấu mũ")
    keys(page, "Enter")
    expect(page.locator("[data-conflict]")).to_contain_text("Nguyễn Thị Lam")
    expect(page.locator("#f-full_name")).to_have_value("Nguyễn Thị Lâm")
    page.locator("#f-full_name").focus()
    keys(page, "Enter")
    expect(page.locator("body[data-page=visit] h1.who")).to_contain_text("Nguyễn Thị Lâm")


def test_a_late_answer_comes_to_the_desk_by_itself(desk: CounterDesk, page: Page, address: str) -> None:
    visit = desk.visit("run-1", Coverage(verdict=Verdict.UNVERIFIED, reason="portal.timeout"))
    page.goto(f"{address}/counter")
    acted(page, "F9", "called", "A0001")
    page.locator("#do-finish").focus()
    desk.late(visit, covered())
    expect(page.locator("[data-record] [data-coverage]")).to_contain_text("GD4010130390001", timeout=BY_ITSELF_MS)
    expect(page.locator("#do-finish")).to_be_focused()


def test_somebody_is_found_and_opened_by_keys(desk: CounterDesk, page: Page, address: str) -> None:
    for number in range(3):
        desk.visit(f"run-{number}", covered(), full_name=f"Đặng Thử {('Một', 'Hai', 'Ba')[number]}")
    page.goto(f"{address}/counter")
    keys(page, "F3")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.type("dang hai")
    keys(page, "Enter")
    expect(page.locator("#found [data-row]")).to_have_attribute("data-number", "A0002")
    keys(page, "ArrowDown", "Enter")
    expect(page.locator("h1.who")).to_contain_text("Đặng Thử Hai")


def test_a_counter_is_chosen_by_its_digit(desk: CounterDesk, page: Page, address: str) -> None:
    page.clock.install()
    page.goto(f"{address}/counter")
    keys(page, "k")
    expect(page.locator("#place-1")).to_be_focused()
    settled(page)
    page.clock.fast_forward(60_000)
    # No stream keeps this page true, so nothing on it is ever said to be old.
    expect(page.locator("#away")).to_be_hidden()
    keys(page, "2")
    expect(page.locator("#go-place")).to_contain_text("Phòng xét nghiệm")


@pytest.mark.parametrize("page", LANGUAGES, indirect=True)
def test_every_page_has_contrast_and_loses_nothing_at_1280_and_at_200_per_cent(
    desk: CounterDesk, page: Page, address: str, pictures: Path, request: pytest.FixtureRequest
) -> None:
    language = request.node.callspec.params["page"]
    long_name = "Công Tằng Tôn Nữ Thử Nghiệm Thị Tên Dài"
    desk.desk.help.ask("kiosk-1", "start")
    first = desk.store.check_in("run-0", by_chip(full_name=long_name), covered(), Choice("KB", Priority.PREGNANT))
    for number in range(1, 6):
        desk.visit(f"run-{number}", covered() if number % 2 else None, full_name=long_name)
    bare = desk.store.counter_ticket("run-9", CounterReason.CHILD).ticket.ticket_id
    visit = first.ticket.visit_id
    difference = Difference(field="full_name", card=long_name, register="Công Tằng Tôn Nữ Thử")
    desk.citizen = Citizen(verdict=Register.MISMATCH, differences=(difference,))

    def looks_right(name: str) -> None:
        for zoom, (width, height) in {"": (1280, 720), "-200": (640, 360)}.items():
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate(MEASURE) == [], name + zoom
            page.screenshot(path=pictures / f"counter-{name}-{language}{zoom}.png", full_page=bool(zoom))
        page.set_viewport_size({"width": 1280, "height": 720})

    page.goto(f"{address}/counter")
    acted(page, "F9", "called", first.ticket.number)
    looks_right("desk")
    for kind, key in (("transfer", "t"), ("priority", "p")):
        settled(page)
        keys(page, key)
        expect(page.locator("#panel")).to_be_visible()
        looks_right(kind)
        keys(page, "Escape")
    for name, where in (
        ("place", "/place"),
        ("ticket", f"/counter/tickets/{bare}"),
        ("edit", f"/counter/visits/{visit}/edit"),
        ("enter", f"/counter/enter?ticket={bare}"),
        ("record", f"/counter/visits/{visit}"),
    ):
        page.goto(f"{address}{where}")
        looks_right(name)
    settled(page)
    keys(page, "r")
    expect(page.locator("[data-register]")).to_be_visible()
    looks_right("register")
