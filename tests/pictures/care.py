"""What a supervisor looks after: the machine's state as doctor found it, and what persons ask of their data."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from config.settings import database_path
from kiosk.accounts import Role
from kiosk.states import Choice, Consent
from tests.kiosk.people import LAN, MINH, by_chip, covered
from tests.pictures.counter import SIZES, judge
from tests.pictures.looking import Language, Part, Size, browsing
from tests.ui.browsing import served
from tests.ui.desk_site import DeskSite
from tests.ui.doctor_site import FINDINGS, DoctorSite
from tests.ui.people_site import PeopleSite, press
from tests.ui.technician_desk import NOW
from ui.touchscreen.stream import Streams
from wire.database import open_database
from wire.findings import Status, answered

REQUESTS = "/people/requests"
STATES = (
    "doctor-none",
    "doctor",
    "doctor-looking",
    "doctor-well",
    "requests-empty",
    "requests-no-number",
    "requests",
    "requests-late",
    "requests-copy",
    "requests-erase",
    "requests-erased",
)


def walk(chromium: Browser, language: Language, size: Size) -> Iterator[tuple[str, Page]]:
    """The machine first, then the persons."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tiepdon-pictures-")))
        context = stack.enter_context(browsing(chromium, size))
        page = context.new_page()

        def opened(desk: DeskSite, path: str) -> str:
            address = stack.enter_context(served(desk.app, Streams()))
            cookies = {**desk.cookie(Role.SUPERVISOR), "language": language}
            context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
            return address + path

        (folder / "doctor").mkdir()
        machine = DoctorSite(folder / "doctor")
        stack.callback(machine.desk.close)
        for state in _machine(machine, page, opened(machine.desk, "/technician/doctor")):
            yield state, page
        (folder / "people").mkdir()
        people = stack.enter_context(closing(PeopleSite(folder / "people")))
        for state in _persons(people, page, opened(people, REQUESTS)):
            yield state, page


def _machine(site: DoctorSite, page: Page, address: str) -> Iterator[str]:
    def at() -> None:
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()

    at()
    yield "doctor-none"
    began = site.asks()  # where no report is, the page asks for one by itself
    site.found(*FINDINGS)
    answered(site.run, began + 1)
    site.now = NOW + timedelta(minutes=7)
    at()
    yield "doctor"
    page.click("[hx-post='/technician/doctor/look']")
    expect(page.locator("[data-looking]")).to_be_visible()
    yield "doctor-looking"
    began = site.asks()
    site.found(*(one for one in FINDINGS if one.status is Status.OK))
    answered(site.run, began + 1)
    at()
    yield "doctor-well"


def _persons(site: PeopleSite, page: Page, address: str) -> Iterator[str]:
    def at() -> None:
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()

    at()
    yield "requests-empty"
    page.click("#add button[type=submit]")
    expect(page.locator("#f-number[aria-invalid]")).to_be_visible()
    yield "requests-no-number"
    site.store.check_in("run-1", by_chip(LAN, "run-1"), covered(), Choice(consent=Consent("1", "vi")))
    with closing(open_database(database_path(site.settings))) as connection:
        connection.execute("UPDATE deliveries SET state = 'acknowledged'")  # else the visit waits for its receivers
    hoa = site.sign_in(Role.SUPERVISOR)
    for kind, number in (("copy", LAN), ("erase", LAN), ("correct", MINH), ("withdraw", MINH)):
        press(hoa, f"{REQUESTS}/add", kind=kind, personal_id=number, asked_by="self", channel="counter")
    at()
    page.locator("[data-request='3'] summary").click()
    yield "requests"
    site.clock.jump(days=8)
    _sign_in_again(site, page, address)
    at()
    yield "requests-late"
    _act(page, 1, "copy")
    expect(page.locator("article.sheet")).to_be_visible()
    yield "requests-copy"
    at()
    _act(page, 2, "look")
    expect(page.locator("[data-done=look]")).to_be_visible()
    yield "requests-erase"
    page.fill("#f-again", LAN)
    page.click("form[hx-post$='/erase'] button[type=submit]")
    expect(page.locator("[data-done=erased]")).to_be_visible()
    yield "requests-erased"


def _act(page: Page, number: int, act: str) -> None:
    """Somebody types the person's number at a request and presses what is to be done."""
    page.locator(f"[data-request='{number}'] summary").click()
    page.fill(f"#f-{act}-{number}", LAN)
    page.click(f"form[hx-post='{REQUESTS}/{number}/{act}'] button[type=submit]")


def _sign_in_again(site: DeskSite, page: Page, address: str) -> None:
    """A session ends with the day."""
    cookies = site.cookie(Role.SUPERVISOR)
    page.context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])


PART = Part("care", STATES, SIZES, walk, judge)
