"""The message desk of technicians: every destination, the list, one delivery in each kind, acts, the bridge away."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from hisbridge.outbox import State
from kiosk.accounts import Role
from tests.pictures.counter import SIZES, judge
from tests.pictures.looking import Language, Part, Size, browsing
from tests.ui.browsing import served
from tests.ui.technician_desk import MESSAGES, NOW, MessageDesk, delivery, destination
from ui.technician.bridge import utc

RECORD = "0193b1a2-7c4d-7e6f-8a9b-0c1d2e3f4a5b"
STATES = (
    "overview-quiet",
    "list-empty",
    "audit-empty",
    "overview",
    "probed",
    "pausing",
    "pausing-without-reason",
    "paired",
    "audit",
    "list",
    "confirm",
    "done",
    "list-wrong-moment",
    *(f"delivery-{kind}" for kind in MESSAGES),
    "delivery-open-work",
    "delivery-whole",
    "no-such-delivery",
    "away",
    "away-list",
)


def walk(chromium: Browser, language: Language, size: Size) -> Iterator[tuple[str, Page]]:
    """A technician's day."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tiepdon-pictures-")))
        desk = stack.enter_context(closing(MessageDesk(folder)))
        address = stack.enter_context(served(desk.app, desk.streams))
        context = stack.enter_context(browsing(chromium, size))
        cookies = {"language": language, **desk.site.cookie(Role.SUPERVISOR)}
        context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
        page = context.new_page()
        for state in _states(desk, page, f"{address}/technician"):
            yield state, page


def _states(desk: MessageDesk, page: Page, address: str) -> Iterator[str]:
    def at(path: str = "") -> None:
        page.goto(f"{address}{path}")
        page.wait_for_function("() => document.getElementById('part')?.childElementCount")

    desk.watch.look()
    for name, path in (("overview-quiet", ""), ("list-empty", "/deliveries"), ("audit-empty", "/audit")):
        at(path)
        yield name
    _trouble(desk)
    at("?span=360")
    yield "overview"
    desk.bridge.probe = {"ok": False, "code": "delivery.unreachable"}
    page.click("#probe-his")
    expect(page.locator("[data-switched=probe]")).to_be_visible()
    yield "probed"
    page.click("#pause-his")
    expect(page.locator("#f-why")).to_be_focused()
    yield "pausing"
    page.keyboard.press("Enter")
    expect(page.locator("[data-problem=why]")).to_be_visible()
    yield "pausing-without-reason"
    page.click("#pair-archive")
    expect(page.locator("[data-paired-code]")).to_be_visible()
    yield "paired"
    at("/audit")
    yield "audit"
    at("/deliveries")
    yield "list"
    page.check("#tick-all")
    page.click("#ask-now")
    expect(page.locator("[data-confirm]")).to_be_visible()
    yield "confirm"
    page.click("#confirm")
    expect(page.locator("[data-done]")).to_be_visible()
    yield "done"
    at("/deliveries?since=x")
    yield "list-wrong-moment"
    for kind in MESSAGES:
        desk.bridge.kind = kind
        at("/deliveries/5")
        yield f"delivery-{kind}"
    at("/deliveries/20")
    yield "delivery-open-work"
    page.click("#whole-now")
    expect(page.locator('[data-masked="no"]')).to_be_visible()
    yield "delivery-whole"
    page.goto(f"{address}/deliveries/999")
    expect(page.locator("[data-trouble]")).to_be_visible()
    yield "no-such-delivery"
    at()
    desk.bridge.stop()
    desk.watch.look()
    expect(page.locator("#away")).to_be_visible()
    yield "away"
    page.goto(f"{address}/deliveries")
    expect(page.locator("[data-trouble]")).to_be_visible()
    yield "away-list"


def _trouble(desk: MessageDesk) -> None:
    """A morning with a destination that fails, one paused, one stopped; deliveries in every state."""
    failing = {"condition": "failing", "problem": "delivery.unreachable", "oldest_created_at": utc(NOW)}
    paused = {"paused": True, "why_paused": "Nâng cấp máy chủ", "paused_at": utc(NOW), "acknowledged": 12_345}
    stopped = {"problem": "delivery.misconfigured", "problem_detail": "http_404", "rejected": 2, "dead": 1, "held": 4}
    desk.bridge.destinations = [
        destination("his", waiting=37, **failing),
        destination("archive", connector="local_agent", **paused),
        destination("drafts", connector="checkin_xml", acknowledged=88, open_work=88),
        destination("registry", condition="stopped", **stopped),
    ]
    codes = ["delivery.no_answer", "delivery.rejected", "delivery.unrenderable", "delivery.person_ambiguous"]
    for number, state in enumerate(State, 1):
        code = codes[number % 4] if state is not State.ACKNOWLEDGED else None
        waits = utc(NOW) if state is State.QUEUED else None
        desk.bridge.add(delivery(number, state, last_error=code, next_attempt_at=waits, record_id=RECORD))
    fields = tuple(f"{field}:required" for field in ("MA_BN", "MA_DOITUONG_KCB", "NGAY_YL", "MA_DICH_VU"))
    desk.bridge.add(delivery(20, open_work=fields, receipt=f"draft a.incomplete (open {','.join(fields)})"))
    desk.bridge.add(delivery(21, State.REJECTED, last_error="delivery.rejected", receipt="AE 101 PID^1^5"))
    entry = {"at": utc(NOW), "who": "Lê Văn Kỹ", "destination": "his"}
    desk.bridge.audit = [
        {"seq": 2, "act": "hold", "selection": '{"states": ["queued"]}', "changed": 12, **entry},
        {"seq": 1, "act": "message.whole", "delivery_id": 20, **entry},
    ]
    desk.bridge.answer = {"record_number": "BN0012345", "queue_number": "A17", "room": "P. 12"}
    for minute, waiting in enumerate((0, 2, 5, 9, 14, 22, 31, 37, 37, 20, 8, 3, 37)):
        desk.now = NOW + timedelta(minutes=20 * min(minute, 11))
        desk.bridge.destinations[0]["waiting"] = waiting
        desk.watch.look()


PART = Part("messages", STATES, SIZES, walk, judge)
