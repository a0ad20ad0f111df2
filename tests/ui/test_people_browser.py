"""Accounts, machines and sign-in through a provider in real Chromium: by keyboard, within the policy, readable."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from config.front import OidcSettings
from kiosk.accounts import Role
from kiosk.machines import Scope
from kiosk.visit_views import open_visit_views
from sandbox.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from tests.browser.axe import violations
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import HandClock
from tests.ui.browsing import MEASURE, opened_page, served
from tests.ui.people_site import PeopleSite
from ui.desk.machines import COOKIE
from ui.touchscreen.stream import Streams

pytestmark = pytest.mark.browser
EXPECTED = ("403", "404", "409", "422", "503")  # refusals are told by the browser as resources that failed


@pytest.fixture
def world() -> Iterator[IdentityProvider]:
    made = IdentityProvider({"hoa": {}, "nobody": {}}, now=lambda: HandClock().now().timestamp())
    with made.serving():
        yield made


@pytest.fixture
def desk(tmp_path: Path, world: IdentityProvider) -> Iterator[PeopleSite]:
    (tmp_path / "secret").write_text(CLIENT_SECRET)
    oidc = OidcSettings(
        enabled=True, issuer=world.issuer, client_id=CLIENT_ID, client_secret_file=str(tmp_path / "secret")
    )
    with closing(PeopleSite(tmp_path, oidc)) as made:
        yield made


@pytest.fixture
def address(desk: PeopleSite) -> Iterator[str]:
    with served(desk.app, Streams()) as found:
        yield found


@pytest.fixture
def hoa(chromium: Browser, desk: PeopleSite, address: str) -> Iterator[Page]:
    """A supervisor's browser."""
    with opened_page(chromium, address, desk.cookie(Role.SUPERVISOR), EXPECTED) as page:
        yield page


@pytest.fixture
def stranger(chromium: Browser, address: str) -> Iterator[Page]:
    with opened_page(chromium, address, {}, EXPECTED) as page:
        yield page


def test_somebody_signs_in_through_the_provider(desk: PeopleSite, address: str, stranger: Page) -> None:
    desk.account(Role.SUPERVISOR)
    stranger.goto(f"{address}/sign-in")
    stranger.click('a[href="/sign-in/oidc"]')
    stranger.fill('[name="login"]', "hoa")
    stranger.press('[name="login"]', "Enter")
    stranger.wait_for_url(lambda told: urlsplit(told).path in ("/", "/counter"))
    stranger.goto(f"{address}/probe")
    assert '"account":"hoa"' in stranger.content()
    names = {one["name"]: one for one in stranger.context.cookies()}
    assert set(names) == {"tiepdon"}
    assert names["tiepdon"].get("httpOnly")


def test_somebody_without_an_account_is_told_so_and_led_back(desk: PeopleSite, address: str, stranger: Page) -> None:
    stranger.goto(f"{address}/sign-in")
    stranger.click('a[href="/sign-in/oidc"]')
    stranger.fill('[name="login"]', "nobody")
    stranger.press('[name="login"]', "Enter")
    expect(stranger.get_by_role("alert")).to_contain_text("không có tài khoản")
    assert stranger.evaluate(MEASURE) == []
    assert violations(stranger) == []
    stranger.keyboard.press("Enter")
    stranger.wait_for_url(f"{address}/sign-in")
    assert desk.accounts.all() == []


def test_while_the_provider_is_away_a_pin_still_signs_in(
    desk: PeopleSite, world: IdentityProvider, address: str, stranger: Page
) -> None:
    from sandbox.web import Response

    world.instead["/.well-known/openid-configuration"] = lambda _: Response(status=500)
    name = desk.account(Role.SUPERVISOR)
    stranger.goto(f"{address}/sign-in")
    stranger.click('a[href="/sign-in/oidc"]')
    expect(stranger.get_by_role("alert")).to_contain_text("mã PIN")
    stranger.get_by_role("link").click()
    stranger.fill('[name="name"]', name)
    stranger.fill('[name="secret"]', "270594")
    stranger.press('[name="secret"]', "Enter")
    stranger.wait_for_url(lambda told: urlsplit(told).path in ("/", "/counter"))


def test_an_account_is_added_by_keyboard_and_its_owner_comes_in_with_the_link(
    desk: PeopleSite, address: str, hoa: Page, stranger: Page
) -> None:
    hoa.goto(f"{address}/people")
    hoa.focus("#f-full_name")
    hoa.keyboard.insert_text("Mẫu Thị Lan")
    hoa.keyboard.press("Tab")
    hoa.keyboard.type("lan@")
    hoa.keyboard.press("Enter")
    expect(hoa.locator("#came")).to_be_focused()
    link = hoa.locator("[data-whole]").input_value()
    assert hoa.evaluate(MEASURE) == []
    stranger.goto(link)
    expect(stranger.locator("[data-code]")).to_have_value(re.compile("^[A-Z0-9-]{14}$"))
    assert "#" not in stranger.url
    stranger.fill('[name="name"]', "lan@")
    for name in ("secret", "again"):
        stranger.fill(f'[name="{name}"]', "918273")
    stranger.press('[name="again"]', "Enter")
    expect(stranger.locator("[data-done]")).to_be_visible()
    assert desk.door.sign_in("lan@", "918273", "127.0.0.1")


def test_a_wrong_field_takes_the_focus(address: str, hoa: Page) -> None:
    hoa.goto(f"{address}/people")
    hoa.fill("#f-full_name", "Mẫu Thị Lan")
    hoa.fill("#f-name", "lần")
    hoa.press("#f-name", "Enter")
    expect(hoa.locator("#f-name")).to_be_focused()
    expect(hoa.locator("#f-name")).to_have_attribute("aria-invalid", "true")
    expect(hoa.locator("#f-full_name")).to_have_value("Mẫu Thị Lan")


def test_a_board_is_set_up_by_its_link_and_leaves_when_it_is_ended(
    desk: PeopleSite, address: str, hoa: Page, stranger: Page
) -> None:
    hoa.goto(f"{address}/machines")
    hoa.fill("#f-name", "Sảnh chính")
    hoa.press("#f-name", "Enter")
    expect(hoa.locator("#came")).to_be_focused()
    link = hoa.locator("[data-whole]").input_value()
    with stranger.expect_navigation(url=f"{address}/board/hall"):
        stranger.goto(link)
    (cookie,) = stranger.context.cookies()
    assert (cookie["name"], cookie.get("sameSite"), cookie.get("httpOnly")) == (COOKIE, "Strict", True)
    assert stranger.goto(f"{address}/probe").status == 200  # type: ignore[union-attr]
    hoa.reload()
    hoa.locator(".change summary").focus()
    hoa.keyboard.press("Enter")
    hoa.keyboard.press("Tab")
    hoa.keyboard.press("Enter")
    expect(hoa.locator('[data-done="revoked"]')).to_be_focused()
    stranger.goto(f"{address}/probe")
    assert urlsplit(stranger.url).path == "/sign-in"


def test_a_code_may_be_typed_on_the_board(desk: PeopleSite, address: str, stranger: Page) -> None:
    stranger.goto(f"{address}/board/enter")
    stranger.keyboard.type("wrong")
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("alert")).to_be_visible()
    assert stranger.evaluate(MEASURE) == []
    assert violations(stranger) == []
    stranger.fill("#f-code", desk.machines.new_code("Sảnh", (Scope.BOARD,), "hoa", "/probe").lower())
    stranger.press("#f-code", "Enter")
    stranger.wait_for_url(f"{address}/probe")


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(("width", "height"), [(1024, 600), (1280, 800)])
def test_the_pages_are_readable(
    desk: PeopleSite, address: str, hoa: Page, language: str, width: int, height: int
) -> None:
    desk.accounts.add("lan", "Nguyễn Phước Thị Khuyết Danh", Role.TECHNICIAN, "000088888888")
    desk.accounts.disable("lan", "hoa")
    desk.enrolled("Sảnh chính tầng một, khu khám bệnh theo yêu cầu", Scope.BOARD, page="/board/hall")
    desk.enrolled("HIS", Scope.QUEUE, Scope.CALL, page="")
    hoa.context.add_cookies([{"name": "language", "value": language, "url": address}])
    hoa.set_viewport_size({"width": width, "height": height})
    for path, scene in (("people", "#add button"), ("machines", "#add button")):
        hoa.goto(f"{address}/{path}")
        assert hoa.evaluate("document.documentElement.lang") == language
        for summary in hoa.locator("summary").all():
            summary.click()
        assert hoa.evaluate(MEASURE) == []
        assert violations(hoa) == []
        hoa.fill("#f-name", "sanh")
        if path == "people":
            hoa.fill("#f-full_name", "Mẫu Thị Sảnh")
        hoa.click(scene)
        expect(hoa.locator("[data-handed]")).to_be_visible()
        assert hoa.evaluate(MEASURE) == []
        assert violations(hoa) == []
    visit = desk.store.check_in("readable", by_chip(), covered()).ticket.visit_id
    with closing(open_visit_views(desk.settings, desk.clock)) as views:
        for page in ("visit", "take-over", "desk"):
            views.seen((str(visit),), "nguyen.phuoc.khuyet.danh", page)
    for client in ("2001:db8:1234:5678:9abc:def0:1234:5678", "192.0.2.7"):
        held = desk.sessions.find(desk.sessions.begin(desk.account(Role.RECEPTIONIST), client))
        assert held is not None
        desk.sessions.lock(held.session)
    for path in ("people/readings", "sessions"):
        hoa.goto(f"{address}/{path}")
        assert hoa.evaluate(MEASURE) == [], path
        assert violations(hoa) == [], path
    hoa.locator("[hx-post^='/sessions/']").first.focus()
    hoa.keyboard.press("Enter")
    expect(hoa.locator("[data-done=ended]")).to_be_focused()
    assert violations(hoa) == []
