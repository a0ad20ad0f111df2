"""The message desk's pages in real Chromium: what changes by itself, keys, ticks, contrast, nothing cut, the bridge
away and back."""

import json
import time

import pytest
from playwright.sync_api import Page, expect

from hisbridge.outbox import State
from tests.support.waiting import wait_until
from tests.ui.technician_browser import RECOVERS_MS, address, desk, page
from tests.ui.technician_desk import MARKUP, MESSAGES, NUMBER, MessageDesk, delivery, destination
from ui.words import Words

__all__ = ["address", "desk", "page"]

WORDS = Words("vi")
BY_ITSELF_MS = 20_000  # four seconds on a quiet machine; nothing is pressed meanwhile


def test_health_and_counters_change_by_themselves_with_one_look_for_all_pages(
    desk: MessageDesk, page: Page, address: str
) -> None:
    page.goto(address)
    others = [page.context.new_page() for _ in range(3)]
    for other in others:
        other.goto(address)
    health = page.locator('[data-destination="his"] [data-health]')
    expect(health).to_contain_text(WORDS.get("technician.condition.working"))
    page.locator("#probe-his").focus()
    desk.bridge.destinations = [destination("his", condition="failing", problem="delivery.unreachable", waiting=12)]
    for one in (page, *others):
        told = one.locator('[data-destination="his"]')
        expect(told).to_contain_text(WORDS.error("delivery.unreachable").cause, timeout=BY_ITSELF_MS)
        expect(told.locator(".counters")).to_contain_text("12")
    expect(page.locator("#probe-his")).to_be_focused()
    before, begun = desk.bridge.looks, time.monotonic()
    wait_until(lambda: desk.bridge.looks >= before + 3, what="three looks")
    assert time.monotonic() - begun > 1.9  # four pages, one look a second


def test_a_destination_is_probed_paused_and_resumed_by_keys(desk: MessageDesk, page: Page, address: str) -> None:
    desk.bridge.probe = {"ok": False, "code": "delivery.unreachable"}
    page.goto(address)
    page.locator("#probe-his").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-switched=probe]")).to_contain_text(WORDS.error("delivery.unreachable").cure)
    page.locator("#pause-his").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#f-why")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#pause-his")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#f-why")).to_be_focused()
    page.keyboard.press("Enter")  # without a reason
    expect(page.locator("[data-problem=why]")).to_be_visible()
    page.locator("#pause-his").click()
    page.fill("#f-why", "nâng cấp")
    page.keyboard.press("Enter")
    expect(page.locator("[data-paused]")).to_contain_text("nâng cấp", timeout=BY_ITSELF_MS)
    page.locator("#resume-his").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-paused]")).to_have_count(0, timeout=BY_ITSELF_MS)
    assert [name for name, _ in desk.bridge.calls] == ["probe", "pause", "resume"]


def test_ticked_deliveries_are_counted_confirmed_and_seen_to_change(
    desk: MessageDesk, page: Page, address: str
) -> None:
    desk.bridge.add(*(delivery(number, State.REJECTED, last_error="delivery.rejected") for number in range(1, 6)))
    page.goto(f"{address}/deliveries")
    page.locator("#t-5").focus()
    page.keyboard.press("Space")
    page.check("#t-3")
    expect(page.locator("#ticked")).to_have_text("2")
    page.locator('[name="act"][value="retry"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-confirm]")).to_contain_text(WORDS.get("technician.confirm.retry", count=2))
    expect(page.locator("#confirm")).to_be_focused()
    assert desk.bridge.deliveries[5].state is State.REJECTED
    page.keyboard.press("Enter")
    expect(page.locator("[data-done]")).to_contain_text(WORDS.get("technician.done.retry", count=2))
    expect(page.locator("#r-5")).to_contain_text(WORDS.get("technician.state.queued"), timeout=BY_ITSELF_MS)
    expect(page.locator("#ticked")).to_have_text("0")
    assert [one.state for one in desk.bridge.deliveries.values()].count(State.QUEUED) == 2


def test_the_list_follows_what_happens_but_takes_no_tick_away(desk: MessageDesk, page: Page, address: str) -> None:
    desk.bridge.add(delivery(1, State.QUEUED), delivery(2, State.QUEUED))
    page.goto(f"{address}/deliveries")
    expect(page.locator("[data-strip]")).to_be_visible()
    page.check("#t-2")
    desk.bridge.add(delivery(1))
    desk.bridge.destinations = [destination("his", acknowledged=1)]
    expect(page.locator("[data-strip]")).to_contain_text("1 đã xác nhận", timeout=BY_ITSELF_MS)
    expect(page.locator("#t-2")).to_be_checked()
    expect(page.locator("#r-1")).to_contain_text(WORDS.get("technician.state.queued"))
    page.uncheck("#t-2")
    expect(page.locator("#r-1")).to_contain_text(WORDS.get("technician.state.acknowledged"), timeout=BY_ITSELF_MS)


def test_a_person_is_found_by_a_number_that_no_address_or_page_holds(
    desk: MessageDesk, page: Page, address: str
) -> None:
    desk.bridge.add(*(delivery(number) for number in range(1, 4)))
    desk.bridge.persons = {NUMBER: [2]}
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.goto(f"{address}/deliveries")
    page.locator('[name="scope"][value="ticked"]').focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.fill("#f-personal_id", NUMBER)
    page.check('[name="act"][value="replay"]')
    page.locator("#ask-now").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-confirm]")).to_have_attribute("data-count", "1")
    page.keyboard.press("Enter")
    expect(page.locator("[data-done]")).to_be_visible()
    expect(page.locator("#f-personal_id")).to_have_value("")
    assert not [one for one in addresses if NUMBER in one]
    assert desk.bridge.deliveries[2].state is State.QUEUED
    assert desk.bridge.deliveries[1].state is State.ACKNOWLEDGED


def test_filter_and_pages_of_five_thousand_by_keys(desk: MessageDesk, page: Page, address: str) -> None:
    desk.bridge.add(*(delivery(number) for number in range(1, 5001)))
    desk.bridge.add(delivery(17, State.DEAD, last_error="delivery.unrenderable"))
    page.goto(f"{address}/deliveries")
    expect(page.locator("#o-5000")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#o-4900")).to_be_focused()
    page.wait_for_load_state()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#o-4899")).to_be_focused()
    page.select_option("#f-state", "bad")
    page.locator("#f-record_id").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-row]")).to_have_count(1)
    assert page.url.endswith("/deliveries?state=bad")
    expect(page.locator("#o-17")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#way")).to_contain_text(WORDS.error("delivery.unrenderable").cause)
    page.wait_for_load_state()  # the keys are listened to
    page.keyboard.press("F2")
    expect(page.locator("#o-5000")).to_be_focused()
    page.wait_for_load_state()
    page.keyboard.press("F3")
    expect(page.locator("body")).to_have_attribute("data-page", "overview")
    page.wait_for_load_state()
    page.keyboard.press("F4")
    expect(page.locator("body")).to_have_attribute("data-page", "audit")


def test_the_whole_message_is_asked_for_and_copied_exactly(desk: MessageDesk, page: Page, address: str) -> None:
    desk.bridge.add(delivery(7))
    page.goto(f"{address}/deliveries/7")
    expect(page.locator("[data-message]")).to_have_attribute("data-masked", "yes")
    page.locator("#whole-now").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-message]")).to_have_attribute("data-masked", "no")
    expect(page.locator(".segments")).to_contain_text(MARKUP)  # as text
    page.click("#copy")
    expect(page.locator("#spoken")).to_have_text(WORDS.get("technician.copied"))
    assert (
        json.loads(page.evaluate("async () => JSON.stringify(await navigator.clipboard.readText())"))
        .replace("\r\n", "\r")
        .replace("\n", "\r")
        == MESSAGES["hl7"][1]
    )
    assert page.locator("#sent :is(input, textarea, [contenteditable])").count() == 0


@pytest.mark.parametrize("path", ["", "/deliveries", "/deliveries/7"])
def test_a_bridge_that_went_away_is_said_and_comes_back_by_itself(
    desk: MessageDesk, page: Page, address: str, path: str
) -> None:
    desk.bridge.add(delivery(7, State.QUEUED))
    page.goto(f"{address}{path}")
    expect(page.locator("#part")).not_to_be_empty()
    expect(page.locator("#away")).to_be_hidden()
    desk.bridge.stop()
    expect(page.locator("#away")).to_contain_text(WORDS.get("technician.away.bridge"), timeout=RECOVERS_MS)
    desk.bridge.start()
    expect(page.locator("#away")).to_be_hidden(timeout=RECOVERS_MS)


def test_a_page_opened_while_the_bridge_was_away_comes_by_itself(desk: MessageDesk, page: Page, address: str) -> None:
    desk.bridge.stop()
    desk.bridge.add(delivery(7, State.QUEUED))
    page.goto(f"{address}/deliveries")
    expect(page.locator("[data-trouble]")).to_contain_text(WORDS.error("bridge.unreachable").cause)
    desk.bridge.start()
    expect(page.locator("#r-7")).to_be_visible(timeout=RECOVERS_MS)
