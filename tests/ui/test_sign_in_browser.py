"""Signing in, choosing a PIN and the lock screen in real Chromium."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from flask import Blueprint, Flask
from playwright.sync_api import Browser, Page, expect

from hisbridge.questions import Act, Coverage, Verdict
from kiosk.accounts import Role
from kiosk.clock import SystemClock
from tests.kiosk.world import site
from tests.ui.browsing import MEASURE, opened_page, served
from tests.ui.counter_desk import FULL, CounterDesk
from tests.ui.desk_site import PIN, DeskSite
from ui.desk.access import allow
from ui.touchscreen.stream import Streams
from ui.words import LANGUAGES, Words

EXPECTED = ("401", "403", "404")


def part(app: Flask, build: str) -> Blueprint:
    """A page of the counter's with somebody's record on it."""
    pages = Blueprint("counter", __name__, url_prefix="/counter")

    @pages.get("")
    def page() -> str:
        words = Words("vi")
        told = app.jinja_env.get_template("staff/home.html").render(
            say=words.get, language="vi", site=site_settings(), build=build, places=()
        )
        return told.replace("<h1>", '<h1 id="record">MẪU THỊ NGƯỜI BỆNH ')

    def site_settings() -> object:
        return app.config["SITE"]

    return allow(pages, Role.RECEPTIONIST)


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[DeskSite]:
    settings = site(tmp_path)
    staff = msgspec.structs.replace(settings.staff, idle_lock_seconds=getattr(request, "param", 300.0))
    settings = msgspec.structs.replace(settings, staff=staff)
    made = DeskSite(tmp_path, lambda _: [part], settings)
    made.app.config["SITE"] = settings.site
    yield made
    made.close()


@pytest.fixture
def address(desk: DeskSite) -> Iterator[str]:
    with served(desk.app, Streams()) as at:
        yield at


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    with opened_page(chromium, address, {}, EXPECTED) as opened:
        yield opened


def asked(page: Page, where: str) -> None:
    """The page called `where` stands, its scripts listen and what is typed goes into its first field."""
    page.wait_for_function(
        """(where) => document.readyState === "complete" && document.body.dataset.page === where
          && document.activeElement === document.querySelector("main input:not([type=hidden], .unseen)")""",
        arg=where,
    )


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/counter")
    asked(page, "sign_in")
    page.keyboard.type("mai")
    page.keyboard.press("Tab")
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    expect(page.locator("#record")).to_be_visible()
    page.wait_for_function("() => document.readyState === 'complete'")  # its scripts listen


def test_somebody_signs_in_with_the_keyboard_alone_and_out_again(desk: DeskSite, page: Page, address: str) -> None:
    desk.account(Role.RECEPTIONIST)
    sign_in(page, address)
    page.click("[hx-post='/sign-out']")
    expect(page.locator("body")).to_have_attribute("data-page", "sign_in")
    page.go_back()
    expect(page.locator("body")).to_have_attribute("data-page", "sign_in")
    expect(page.locator("#record")).to_have_count(0)


def test_a_code_in_the_link_chooses_a_pin_and_goes_to_no_server(desk: DeskSite, page: Page, address: str) -> None:
    code = desk.accounts.add("lan", "Mẫu Thị Lan", Role.RECEPTIONIST)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/secret#{code}")
    expect(page.locator("[name=code]")).to_have_value(code)
    assert code not in page.url
    page.fill("[name=name]", "lan")
    page.fill("[name=secret]", PIN)
    page.fill("[name=again]", PIN)
    page.keyboard.press("Enter")
    expect(page.locator("[data-done]")).to_be_visible()
    assert not [one for one in asked if code in one or not one.startswith(address)]


@pytest.mark.parametrize("desk", [3.0], indirect=True)
def test_a_page_left_alone_goes_to_the_lock_screen_and_leaves_nothing_on_it(
    desk: DeskSite, page: Page, address: str
) -> None:
    desk.account(Role.RECEPTIONIST)
    clock = SystemClock()
    desk.clock.now = clock.now  # type: ignore[method-assign]  # the page counts real seconds
    sign_in(page, address)
    asked(page, "lock")
    assert "NGƯỜI BỆNH" not in page.content()
    page.keyboard.type("999999")
    page.keyboard.press("Enter")
    expect(page.locator("[data-error]")).to_be_visible()
    page.fill("[name=secret]", PIN)
    page.keyboard.press("Enter")
    expect(page.locator("#record")).to_be_visible()
    assert page.url == f"{address}/counter"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_the_door_is_read_easily_and_cut_nowhere(
    desk: DeskSite, page: Page, address: str, language: str
) -> None:
    page.context.add_cookies([{"name": "language", "value": language, "url": address}])
    for width, height in ((1024, 600), (360, 640)):
        page.set_viewport_size({"width": width, "height": height})
        for path in ("/sign-in", "/secret"):
            page.goto(f"{address}{path}")
            assert page.evaluate(MEASURE) == [], (path, width)
    page.context.add_cookies(
        [{"name": name, "value": value, "url": address} for name, value in desk.cookie(Role.RECEPTIONIST).items()]
    )
    for path in ("/", "/own-secret", "/nowhere", "/lock"):
        if path == "/lock":
            page.click("[hx-post='/lock']")
            page.wait_for_url("**/lock?back=%2F")
        else:
            page.goto(f"{address}{path}")
        assert page.evaluate(MEASURE) == [], path
        if path == "/nowhere":
            page.goto(f"{address}/")


def test_one_key_locks_wherever_somebody_is_and_the_pin_is_changed_with_the_old_one(
    desk: DeskSite, page: Page, address: str
) -> None:
    desk.account(Role.RECEPTIONIST)
    sign_in(page, address)
    expect(page.locator("[data-lock] kbd")).to_have_text("Alt+L")
    page.goto(f"{address}/own-secret")
    asked(page, "own_secret")
    page.keyboard.type(PIN)
    page.keyboard.press("Alt+l")  # while a field has the focus
    asked(page, "lock")
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    asked(page, "own_secret")
    for secret in (PIN, "150397", "150397"):
        page.keyboard.type(secret)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-done]")).to_be_visible()
    desk.door.sign_in("mai", "150397", "127.0.0.1")


# What was typed outlasts a lock


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[CounterDesk]:
    made = CounterDesk(tmp_path)
    made.clock.now = SystemClock().now  # type: ignore[method-assign]  # the page counts real seconds
    yield made
    made.close()


def test_what_was_typed_is_there_again_after_the_lock_and_only_for_whoever_typed_it(
    counter: CounterDesk, chromium: Browser
) -> None:
    slow = Coverage(verdict=Verdict.UNVERIFIED, reason="portal.timeout", act=Act.WAIT)
    visit = counter.visit("one", slow, full_name="MẪU THỊ NGƯỜI BỆNH")
    token = counter.cookies()
    with (
        served(counter.app, counter.streams) as address,
        opened_page(chromium, address, token, EXPECTED) as page,
    ):
        page.goto(f"{address}/counter/visits/{visit}")
        opened(page, "visit")
        page.fill("#ask [name=insurance_number]", "DN4010000000017")
        page.keyboard.press("Alt+l")
        opened(page, "lock")
        expect(page.locator("[name=secret]")).to_be_focused()
        assert page.url == f"{address}/counter/visits/{visit}"
        for hidden in ("NGƯỜI BỆNH", "DN4010000000017"):
            assert hidden not in page.content()
            assert hidden not in page.evaluate("JSON.stringify([localStorage, sessionStorage, name, history.state])")
        page.keyboard.type("999999")
        page.keyboard.press("Enter")
        expect(page.locator("[data-error]")).to_be_visible()
        page.keyboard.press("Escape")  # nothing of the page under it is pressed
        page.keyboard.type(PIN)
        page.keyboard.press("Enter")
        opened(page, "visit")
        expect(page.locator("#ask [name=insurance_number]")).to_have_value("DN4010000000017")
        expect(page.locator("#ask [name=insurance_number]")).to_be_focused()
        counter.late(visit, FULL)  # and the page goes on changing by itself
        expect(page.locator("#part")).to_contain_text("GD4010000000017")
        page.click("[data-lock]")
        opened(page, "lock")
        page.click("[hx-post='/sign-out']")
        opened(page, "sign_in")
        counter.site.account(Role.SUPERVISOR)
        page.fill("[name=name]", "hoa")
        page.fill("[name=secret]", PIN)
        page.keyboard.press("Enter")
        opened(page, "place")
        page.goto(f"{address}/counter/visits/{visit}")
        opened(page, "visit")
        expect(page.locator("#ask [name=insurance_number]")).not_to_have_value("DN4010000000017")


def opened(page: Page, name: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-page", name)
    page.wait_for_function("() => document.readyState === 'complete'")
