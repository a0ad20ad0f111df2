"""The counter: a morning at the desk with its panels, the list, records, corrections, people typed in, refusals."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from hisbridge.questions import Act, Citizen, Coverage, Difference, Register, Verdict
from kiosk.queue.model import Priority
from kiosk.states import Choice, CounterReason
from tests.kiosk.people import by_chip, covered
from tests.pictures.looking import MAGNIFIED, Language, Part, Size, browsing
from tests.ui.browsing import MEASURE, served
from tests.ui.counter_desk import FULL, CounterDesk

SIZES: tuple[Size, ...] = ((1280, 800), (1024, 600), MAGNIFIED)
LONG_NAME = "Công Tằng Tôn Nữ Thử Nghiệm Thị Tên Dài"
SLOW = Coverage(verdict=Verdict.UNVERIFIED, reason="portal.timeout", act=Act.WAIT)
FORCES = Coverage(verdict=Verdict.MANUAL_CHECK, result_code="001", act=Act.INSPECT_PAPERS)
CASES = ("newborn", "no_card", "forces")

STATES = (
    "place",
    "desk-nobody",
    "list-nobody",
    "desk-called",
    "desk-transfer",
    "desk-priority",
    "desk-served",
    "desk-refused",
    "desk-held",
    "desk-without-record",
    "list",
    "list-found",
    "list-found-nobody",
    "ticket",
    "record",
    "record-cancel",
    "record-differences",
    "record-answer",
    "record-taken-over",
    "ask",
    "ask-wrong",
    "ask-forces",
    "edit",
    "edit-wrong",
    "edit-changed-meanwhile",
    "edit-line-lost",
    "enter-child",
    *(f"enter-{case}" for case in CASES),
    "enter-wrong",
    "no-such-ticket",
)


def judge(page: Page) -> list[str]:
    """Contrast, what is cut, what is wider than the page."""
    found: list[str] = page.evaluate(MEASURE)
    return found


def walk(chromium: Browser, language: Language, size: Size) -> Iterator[tuple[str, Page]]:
    """A morning at one counter."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tiepdon-pictures-")))
        desk = stack.enter_context(closing(CounterDesk(folder)))
        address = stack.enter_context(served(desk.app, desk.streams))
        context = stack.enter_context(browsing(chromium, size))
        context.add_cookies(
            [{"name": name, "value": value, "url": address} for name, value in desk.cookies(language).items()]
        )
        page = context.new_page()
        for state in _states(desk, page, address):
            yield state, page


def _states(desk: CounterDesk, page: Page, address: str) -> Iterator[str]:
    def at(path: str) -> None:
        page.goto(f"{address}{path}")
        page.wait_for_load_state()

    at("/place")
    yield "place"
    at("/counter")
    expect(page.locator("#current")).to_be_visible()
    yield "desk-nobody"
    at("/counter/list")
    expect(page.locator("#part > *").first).to_be_attached()
    yield "list-nobody"

    visit, bare = _morning(desk)
    at("/counter")
    _pressed(page, "#do-call_next", '[data-standing="called"]')
    yield "desk-called"
    yield from _panels(page)
    _pressed(page, "#do-begin", '[data-standing="served"]')
    yield "desk-served"
    page.evaluate("document.getElementById('do-finish').dataset.ticket = 'nobody'")
    _pressed(page, "#do-finish", "#told :not(:empty), #told:not(:empty)")
    yield "desk-refused"
    at("/counter")
    _pressed(page, "#do-hold", '[data-list="held"]')
    yield "desk-held"
    _until_bare(page)
    yield "desk-without-record"

    at("/counter/list")
    expect(page.locator("[data-row]").first).to_be_visible()
    yield "list"
    for text, name in (("ton nu", "list-found"), ("khong co ai", "list-found-nobody")):
        page.fill("#f-text", text)
        page.press("#f-text", "Enter")
        expect(page.locator("#found > *").first).to_be_visible()
        yield name
        page.evaluate("document.getElementById('found').replaceChildren()")
    at(f"/counter/tickets/{bare}")
    expect(page.locator("#part [data-ticket-standing]")).to_be_visible()
    yield "ticket"

    yield from _record(desk, page, f"{address}/counter/visits/{visit}")
    yield from _asked(desk, page, f"{address}/counter/ask")
    yield from _edited(desk, page, f"{address}/counter/visits/{visit}/edit", visit)
    yield from _entered(page, f"{address}/counter/enter")
    at("/counter/tickets/01234567-0000")
    yield "no-such-ticket"


def _morning(desk: CounterDesk) -> tuple[str, str]:
    """People who wait, somebody who calls for help; a visit and a ticket without one."""
    desk.desk.help.ask("kiosk-1", "start")
    first = desk.store.check_in("run-0", by_chip(full_name=LONG_NAME), covered(), Choice("KB", Priority.PREGNANT))
    answers = (SLOW, None, FULL, FORCES, *(Coverage(verdict=verdict) for verdict in Verdict))
    names = ("Trần Văn Thử", "Lê Thị Mẫu", "Y Bơ̆k Ê̆ Č Êban", LONG_NAME, "Phạm Thử", "Đỗ Mẫu")
    for number, answer in enumerate(answers, 1):
        desk.visit(f"run-{number}", answer, full_name=names[number % len(names)])
    bare = desk.store.counter_ticket("run-90", CounterReason.CHILD).ticket.ticket_id
    desk.store.counter_ticket("run-91", CounterReason.NO_CARD)
    assert first.ticket.visit_id is not None
    return first.ticket.visit_id, bare


def _pressed(page: Page, button: str, becomes: str) -> None:
    _settled(page)
    page.locator(button).click()
    expect(page.locator(becomes).first).to_be_visible()
    _settled(page)


def _settled(page: Page) -> None:
    page.wait_for_function("() => window.counter && !('busy' in document.body.dataset)")


def _panels(page: Page) -> Iterator[str]:
    for kind in ("transfer", "priority"):
        _pressed(page, f'[data-panel="{kind}"]', "#panel-title")
        yield f"desk-{kind}"
        page.keyboard.press("Escape")
        expect(page.locator("#panel")).to_be_hidden()


def _until_bare(page: Page) -> None:
    """Call and send home until somebody without a record stands there."""
    for _ in range(40):
        _settled(page)
        before = page.locator("#current").get_attribute("data-current")
        page.locator("#do-call_next").click()
        page.wait_for_function("(before) => document.getElementById('current').dataset.current !== before", arg=before)
        _settled(page)
        if page.locator("#go-type").count():
            return
    raise AssertionError("nobody without a record came")


def _record(desk: CounterDesk, page: Page, where: str) -> Iterator[str]:
    page.goto(where)
    expect(page.locator("#part [data-coverage]")).to_be_visible()
    yield "record"
    _pressed(page, '[data-panel="cancel"]', "#panel-title")
    yield "record-cancel"
    page.keyboard.press("Escape")
    differences = (
        Difference(field="full_name", card=LONG_NAME, register="Công Tằng Tôn Nữ Thử"),
        Difference(field="birth_date", card="2003-02-14", register="2003-02-15"),
    )
    desk.citizen = Citizen(verdict=Register.MISMATCH, differences=differences)
    _settled(page)
    page.keyboard.press("r")
    expect(page.locator("[data-register]")).to_be_visible()
    yield "record-differences"
    page.click("#ask-now")
    expect(page.locator("[data-answer]")).to_be_visible()
    yield "record-answer"
    page.click("#take-over")
    expect(page.locator("[data-taken]")).to_be_visible()
    expect(page.locator("#part [data-corrected]")).to_be_visible()
    yield "record-taken-over"


def _asked(desk: CounterDesk, page: Page, where: str) -> Iterator[str]:
    page.goto(where)
    yield "ask"
    page.fill("#f-full_name", "Cao Văn Thử")
    page.click("#ask-now")
    expect(page.locator("#f-birth_date")).to_be_focused()
    yield "ask-wrong"
    desk.answer = FORCES
    page.goto(f"{where}?path=forces")
    for name, text in {
        "full_name": "Cao Văn Lính",
        "birth_date": "1988",
        "insurance_number": "QN5010000000008",
    }.items():
        page.fill(f"#f-{name}", text)
    page.click("#ask-now")
    expect(page.locator("[data-answer]")).to_be_visible()
    page.fill("#f-valid_from", "x")
    page.keyboard.press("Enter")
    expect(page.locator("[data-problem]").first).to_be_visible()
    yield "ask-forces"


def _edited(desk: CounterDesk, page: Page, where: str, visit: str) -> Iterator[str]:
    page.goto(where)
    yield "edit"
    page.fill("#f-birth_date", "31/2/1990")
    page.click("#save")
    expect(page.locator("[data-problem]").first).to_be_visible()
    yield "edit-wrong"
    page.goto(where)
    was = {"was_full_name": LONG_NAME, "full_name": "Công Tằng Tôn Nữ Thử Nghiệm Hai", "reason": "sai tên"}
    desk.client().post(f"/counter/visits/{visit}/edit", data=was)
    page.fill("#f-full_name", "Công Tằng Tôn Nữ Thử Nghiệm Ba")
    page.fill("#f-reason", "dấu")
    page.click("#save")
    expect(page.locator("[data-conflict]")).to_be_visible()
    yield "edit-changed-meanwhile"
    page.route("**/edit", lambda route: route.abort())
    page.click("#save")
    expect(page.locator("#answer")).not_to_be_empty()
    expect(page.locator("[data-conflict]")).to_have_count(0)
    yield "edit-line-lost"
    page.unroute("**/edit")


def _entered(page: Page, where: str) -> Iterator[str]:
    page.goto(where)
    page.check('[name="case"][value="child"]')
    yield "enter-child"
    for case in CASES:
        page.check(f'[name="case"][value="{case}"]')
        yield f"enter-{case}"
    page.check('[name="case"][value="child"]')
    page.click("#save")
    expect(page.locator("[data-problem]").first).to_be_visible()
    yield "enter-wrong"


PART = Part("counter", STATES, SIZES, walk, judge)
