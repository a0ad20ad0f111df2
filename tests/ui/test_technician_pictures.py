"""Every page of the message desk as people see it: contrast, nothing cut, in both languages."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hisbridge.outbox import State
from tests.ui.browsing import MEASURE
from tests.ui.technician_browser import RECOVERS_MS, address, desk, page
from tests.ui.technician_desk import MESSAGES, NOW, MessageDesk, delivery, destination
from ui.technician.bridge import utc
from ui.words import LANGUAGES

__all__ = ["address", "desk", "page"]


@pytest.mark.parametrize("page", LANGUAGES, indirect=True)
def test_every_page_has_contrast_and_nothing_is_cut(
    desk: MessageDesk, page: Page, address: str, pictures: Path, request: pytest.FixtureRequest
) -> None:
    language = request.node.callspec.params["page"]
    desk.bridge.destinations = [
        destination("his", condition="failing", problem="delivery.unreachable", waiting=37, oldest_created_at=utc(NOW)),
        destination(
            "archive",
            connector="local_agent",
            paused=True,
            why_paused="Nâng cấp máy chủ",
            paused_at=utc(NOW),
            acknowledged=12_345,
        ),
        destination("drafts", connector="checkin_xml", acknowledged=88, open_work=88),
        destination(
            "registry",
            condition="stopped",
            problem="delivery.misconfigured",
            problem_detail="http_404",
            rejected=2,
            dead=1,
            held=4,
        ),
    ]
    codes = ["delivery.no_answer", "delivery.rejected", "delivery.unrenderable", "delivery.person_ambiguous"]
    for number, state in enumerate(State, 1):
        code = codes[number % 4] if state is not State.ACKNOWLEDGED else None
        waits = utc(NOW) if state is State.QUEUED else None
        record = "0193b1a2-7c4d-7e6f-8a9b-0c1d2e3f4a5b"
        desk.bridge.add(delivery(number, state, last_error=code, next_attempt_at=waits, record_id=record))
    fields = tuple(f"{field}:required" for field in ("MA_BN", "MA_DOITUONG_KCB", "NGAY_YL", "MA_DICH_VU"))
    desk.bridge.add(delivery(20, open_work=fields, receipt=f"draft a.incomplete (open {','.join(fields)})"))
    refused = {"last_error": "delivery.rejected", "receipt": "AE 101 PID^1^5"}
    desk.bridge.add(delivery(21, State.REJECTED, **refused))
    entry = {"at": utc(NOW), "who": "Lê Văn Kỹ", "destination": "his"}
    desk.bridge.audit = [
        {"seq": 2, "act": "hold", "selection": '{"states": ["queued"]}', "changed": 12, **entry},
        {"seq": 1, "act": "message.whole", "delivery_id": 20, **entry},
    ]
    desk.bridge.answer = {"record_number": "BN0012345", "queue_number": "A17", "room": "P. 12"}

    def looks_right(name: str, path: str = "") -> None:
        if path:
            page.goto(f"{address}{path}")
            page.wait_for_function("() => document.getElementById('part')?.childElementCount")
        assert page.evaluate(MEASURE) == [], name
        page.screenshot(path=pictures / f"technician-{name}-{language}.png")

    for minute, waiting in enumerate((0, 2, 5, 9, 14, 22, 31, 37, 37, 20, 8, 3)):
        desk.now = NOW + timedelta(minutes=20 * minute)
        desk.bridge.destinations[0]["waiting"] = waiting
        desk.watch.look()
    desk.bridge.destinations[0]["waiting"] = 37
    desk.watch.look()
    looks_right("overview", "?span=360")
    page.click("#pause-his")
    page.wait_for_selector("#f-why")
    looks_right("pausing")
    page.click("#pair-archive")
    page.wait_for_selector("[data-paired-code]")
    looks_right("paired")
    looks_right("audit", "/audit")
    looks_right("list", "/deliveries")
    page.check("#tick-all")
    page.click("#ask-now")
    page.wait_for_selector("[data-confirm]")
    looks_right("confirm")
    for kind in MESSAGES:
        desk.bridge.kind = kind
        looks_right(f"delivery-{kind}", "/deliveries/5")
    looks_right("open-work", "/deliveries/20")
    page.click("#whole-now")
    page.wait_for_selector('[data-masked="no"]')
    looks_right("whole")
    desk.bridge.stop()
    expect(page.locator("#away")).to_be_visible(timeout=RECOVERS_MS)
    page.goto(f"{address}/deliveries")
    expect(page.locator("#away")).to_be_visible(timeout=RECOVERS_MS)
    looks_right("away")
