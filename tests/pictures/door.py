"""The staff's door and what supervisors keep: signing in, lock, PIN, the first page, accounts, persons' requests,
machines, refusals."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import segno
from flask import Blueprint
from playwright.sync_api import Browser, BrowserContext, Page, expect

from config.front import OidcSettings
from kiosk.accounts import Role
from kiosk.machines import Scope
from kiosk.person_desk import open_person_desk
from kiosk.requests import Asker, Kind, Outcome
from kiosk.states import Choice, Consent
from tests.kiosk.people import LAN, MINH, by_chip, covered
from tests.pictures.counter import SIZES, judge
from tests.pictures.looking import Language, Part, Size, browsing
from tests.ui.browsing import served
from tests.ui.desk_site import PIN, DeskSite
from tests.ui.people_site import PeopleSite
from ui.desk.access import allow
from ui.touchscreen.stream import Streams

STATES = (
    "sign-in",
    "sign-in-refused",
    "sign-in-provider-away",
    "secret",
    "secret-unequal",
    "secret-chosen",
    "home-receptionist",
    "home-supervisor",
    "not-allowed",
    "no-such-page",
    "lock",
    "lock-refused",
    "people",
    "people-open",
    "people-wrong",
    "people-code",
    "requests",
    "requests-open",
    "requests-wrong",
    "requests-erase",
    "requests-copy",
    "machines",
    "machines-open",
    "machines-code",
    "board-enter",
    "board-enter-refused",
)
CODE = "ABCD-EFGH-JKLM"
LINK = f"https://tiepdon.example/secret#{CODE}"
# What is made by chance, and the address, stand on a picture as an example.
_EXAMPLE = """([code, link, drawn]) => {
  document.querySelector("[data-handed]").textContent = code;
  for (const one of document.querySelectorAll("[data-whole]")) one.value = link;
  for (const one of document.querySelectorAll(".handed svg")) one.outerHTML = drawn;
}"""
_EXAMPLE_ASKED = """() => {
  const example = { 32: "0123456789abcdef".repeat(2), 8: "01ab23cd" };
  for (const one of document.querySelectorAll(".rows th small, .sheet td:not(:has(*))")) {
    one.textContent = one.textContent.replace(/\\b([0-9a-f]{32}|[0-9a-f]{8})$/, (told) => example[told.length]);
  }
}"""


class House(PeopleSite):
    """The page everybody begins at knows the other parts too; nothing stands on them here."""

    def _parts(self, site: DeskSite) -> tuple[Any, ...]:
        roles = {"counter": (Role.RECEPTIONIST, Role.SUPERVISOR), "technician": (Role.TECHNICIAN, Role.SUPERVISOR)}
        others = [allow(Blueprint(name, __name__), *roles.get(name, Role)) for name in (*roles, "board")]
        return (*super()._parts(site), *((lambda _app, _build, one=one: one) for one in others))


def walk(chromium: Browser, language: Language, size: Size) -> Iterator[tuple[str, Page]]:
    """Strangers, a receptionist, a supervisor."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tiepdon-pictures-")))
        (folder / "secret").write_text("nobody is there")
        provider = OidcSettings(
            enabled=True, issuer="http://127.0.0.1:9", client_id="x", client_secret_file=str(folder / "secret")
        )
        desk = stack.enter_context(closing(House(folder, provider)))
        address = stack.enter_context(served(desk.app, Streams()))
        context = stack.enter_context(browsing(chromium, size))
        context.add_cookies([{"name": "language", "value": language, "url": address}])
        page = context.new_page()
        for state in _states(desk, context, page, address):
            yield state, page


def _states(desk: PeopleSite, context: BrowserContext, page: Page, address: str) -> Iterator[str]:
    code = desk.accounts.add("lan", "Nguyễn Phước Thị Khuyết Danh", Role.TECHNICIAN, "000088888888")
    page.goto(f"{address}/sign-in")
    yield "sign-in"
    page.fill("[name=name]", "lan")
    page.fill("[name=secret]", "918274")
    page.click("form .primary")
    expect(page.locator("#told")).not_to_be_empty()
    yield "sign-in-refused"
    page.goto(f"{address}/sign-in/oidc")
    expect(page.get_by_role("alert")).to_be_visible()
    yield "sign-in-provider-away"
    page.goto(f"{address}/secret")
    yield "secret"
    for name, text in {"name": "lan", "code": code, "secret": PIN, "again": "1"}.items():
        page.fill(f"[name={name}]", text)
    page.click("form .primary")
    expect(page.locator("#told")).not_to_be_empty()
    page.fill("[name=code]", "ABCD-EFGH-JKLM")
    yield "secret-unequal"
    page.fill("[name=code]", code)
    page.fill("[name=again]", PIN)
    page.click("form .primary")
    expect(page.locator("[data-done]")).to_be_visible()
    page.evaluate("() => { for (const one of document.querySelectorAll('[data-code]')) one.value = 'ABCD-EFGH-JKLM'; }")
    yield "secret-chosen"
    yield from _inside(desk, context, page, address)
    context.clear_cookies(name="tiepdon")
    page.goto(f"{address}/board/enter")
    yield "board-enter"
    page.fill("#f-code", "wrong")
    page.press("#f-code", "Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    yield "board-enter-refused"


def _inside(desk: PeopleSite, context: BrowserContext, page: Page, address: str) -> Iterator[str]:
    def become(role: Role) -> None:
        context.add_cookies(
            [{"name": name, "value": value, "url": address} for name, value in desk.cookie(role).items()]
        )

    become(Role.RECEPTIONIST)
    for name, path in (("home-receptionist", "/"), ("not-allowed", "/people"), ("no-such-page", "/nowhere")):
        page.goto(f"{address}{path}")
        yield name
    page.goto(f"{address}/")
    page.click("[hx-post='/lock']")
    page.wait_for_url("**/lock**")
    yield "lock"
    page.fill("[name=secret]", "918274")
    page.click("form .primary")
    expect(page.locator("#told")).not_to_be_empty()
    yield "lock-refused"
    become(Role.SUPERVISOR)
    page.goto(f"{address}/")
    yield "home-supervisor"
    yield from _kept(desk, page, address)


def _kept(desk: PeopleSite, page: Page, address: str) -> Iterator[str]:
    """Accounts and machines."""
    desk.accounts.disable("lan", "hoa")
    desk.enrolled("Sảnh chính tầng một, khu khám bệnh theo yêu cầu", Scope.BOARD, page="/board/hall")
    desk.enrolled("HIS", Scope.QUEUE, Scope.CALL, page="")
    for kind in ("people", "machines"):
        page.goto(f"{address}/{kind}")
        yield kind
        for summary in page.locator("summary").all():
            summary.click()
        yield f"{kind}-open"
        page.goto(f"{address}/{kind}")
        if kind == "people":
            page.fill("#f-full_name", "Mẫu Thị Sảnh")
            page.fill("#f-name", "sảnh")
            page.press("#f-name", "Enter")
            expect(page.locator("#f-name")).to_have_attribute("aria-invalid", "true")
            yield "people-wrong"
        page.fill("#f-name", "sanh")
        page.press("#f-name", "Enter")
        expect(page.locator("[data-handed]")).to_be_visible()
        page.evaluate(
            _EXAMPLE, [CODE, LINK, segno.make_qr(LINK).svg_inline(border=4, light="#fff", omitsize=True, svgclass="qr")]
        )
        yield f"{kind}-code"
    yield from _asked(desk, page, address)


def _asked(desk: PeopleSite, page: Page, address: str) -> Iterator[str]:
    """What persons ask of their data: late, answered, waiting, done."""
    desk.store.check_in("asked", by_chip(LAN, "asked"), covered(), Choice(consent=Consent("1", "vi")))
    with closing(open_person_desk(desk.settings, desk.clock)) as requests:
        for kind in (Kind.CORRECT, Kind.WITHDRAW, Kind.COPY):
            requests.add(kind, MINH, Asker.PARENT, "letter", "hoa")
        requests.finish(3, Outcome.PARTLY, "hoa")
        requests.answer(2, "hoa")
        desk.clock.jump(days=4)
        for kind in (Kind.ERASE, Kind.COPY):
            requests.add(kind, LAN, Asker.SELF, "counter", "hoa")
    become = desk.cookie(Role.SUPERVISOR)
    page.context.add_cookies([{"name": name, "value": value, "url": address} for name, value in become.items()])
    page.goto(f"{address}/people/requests")
    page.evaluate(_EXAMPLE_ASKED)
    yield "requests"
    page.locator("[data-request='4'] summary").click()
    page.locator(".history summary").click()
    page.evaluate(_EXAMPLE_ASKED)
    yield "requests-open"
    page.fill("#f-number", "12345")
    page.press("#f-number", "Enter")
    expect(page.locator("#f-number")).to_be_focused()
    page.evaluate(_EXAMPLE_ASKED)
    yield "requests-wrong"
    page.locator("[data-request='4'] summary").click()
    page.fill("#f-look-4", LAN)
    page.press("#f-look-4", "Enter")
    expect(page.locator("[data-done='look']")).to_be_visible()
    page.evaluate(_EXAMPLE_ASKED)
    yield "requests-erase"
    page.goto(f"{address}/people/requests")
    page.locator("[data-request='5'] summary").click()
    page.fill("#f-copy-5", LAN)
    page.press("#f-copy-5", "Enter")
    expect(page.locator("article.sheet")).to_be_visible()
    page.evaluate(_EXAMPLE_ASKED)
    yield "requests-copy"


PART = Part("door", STATES, SIZES, walk, judge)
