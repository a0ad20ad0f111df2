"""The message desk in real Chromium against the whole product: the hospital away and back, a refusal with its reason,
and a replay that reaches the receiver as a copy under the same key."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.people import find
from tests.endtoend.conftest import World, sign_in
from tests.support.checkin import by_number, leave
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from ui.words import Words

pytestmark = pytest.mark.pcsc

WORDS = Words("vi")
PERSON = find("mau")
BY_ITSELF_MS = 20_000  # the bridge's pauses and the page's look together; nothing is pressed meanwhile


@pytest.fixture
def desk(world: World, chromium: Browser) -> Iterator[Page]:
    world.mend()
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="vi-VN")
    page = context.new_page()
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    sign_in(page, world, "tuan")
    page.goto(f"{world.facts['staff']}technician")
    yield page
    context.close()
    world.mend()
    assert not [address for address in addresses if PERSON.personal_id in address]


def checked_in(world: World) -> int:
    """One more visit of the person; the number of its delivery to the hospital system over MLLP."""
    with Screen(world.touchscreen) as screen:
        screen.touch("cancel")
        screen.wait_for("start")
        by_number(screen, PERSON.personal_id)
        leave(screen)
    with world.database() as connection:
        newest = connection.execute("SELECT max(id) FROM deliveries WHERE destination = 'sandbox-his'").fetchone()
    return int(newest[0])


def row(world: World, number: int) -> dict[str, Any]:
    with world.database() as connection:
        return dict(connection.execute("SELECT * FROM deliveries WHERE id = ?", (number,)).fetchone())


def state_of(world: World, number: int) -> str:
    return str(row(world, number)["state"])


def confirmed(page: Page, count: int) -> None:
    """The counted act is confirmed by keys."""
    expect(page.locator("[data-confirm]")).to_have_attribute("data-count", str(count))
    expect(page.locator("#confirm")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-done]")).to_have_attribute("data-count", str(count))


def test_a_hospital_that_is_down_is_shown_and_after_mending_a_retry_delivers(world: World, desk: Page) -> None:
    world.fault("his.down")
    number = checked_in(world)
    his = desk.locator('[data-destination="sandbox-his"]')
    expect(his.locator("[data-health]")).to_contain_text(
        WORDS.get("technician.condition.failing"), timeout=BY_ITSELF_MS
    )
    expect(his).to_contain_text(WORDS.error("delivery.unreachable").cure)
    desk.click("#probe-sandbox-his")
    expect(desk.locator("[data-switched=probe]")).to_contain_text(
        WORDS.error("delivery.unreachable").cause, timeout=BY_ITSELF_MS
    )
    desk.goto(f"{world.facts['staff']}technician/deliveries?state=open")
    line = desk.locator(f"#r-{number}")
    expect(line).to_contain_text(WORDS.error("delivery.unreachable").cause)
    world.mend()
    desk.check(f"#t-{number}")
    desk.check('[name="act"][value="retry"]')
    desk.click("#ask-now")
    # It may go out by itself at any moment now; then nothing is left to retry, and that is said.
    expect(desk.locator("[data-confirm]")).to_be_visible()
    desk.keyboard.press("Enter")
    wait_until(lambda: state_of(world, number) == "acknowledged", 20, "the record arrived")
    desk.goto(f"{world.facts['staff']}technician/deliveries/{number}")
    expect(desk.locator("#way")).to_contain_text(WORDS.get("technician.state.acknowledged"))
    desk.goto(f"{world.facts['staff']}technician")
    expect(his.locator("[data-health]")).to_contain_text(WORDS.get("technician.condition.working"))
    desk.click("#probe-sandbox-his")
    expect(desk.locator("[data-switched=probe]")).to_have_attribute("data-ok", "yes")


def test_a_rejected_record_is_shown_with_its_reason_and_goes_out_after_mending(world: World, desk: Page) -> None:
    world.fault("his.ae", "101")
    number = checked_in(world)
    wait_until(lambda: state_of(world, number) == "rejected", 20, "the rejection")
    desk.goto(f"{world.facts['staff']}technician/deliveries?state=bad")
    line = desk.locator(f"#r-{number}")
    expect(line).to_contain_text(WORDS.error("delivery.rejected").cause)
    expect(line).to_contain_text("101")
    world.mend()
    desk.locator(f"#o-{number}").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#way")).to_contain_text("101")
    desk.wait_for_load_state()  # the page's scripts are there
    desk.click("#act-retry")
    confirmed(desk, 1)
    expect(desk.locator("#way")).to_contain_text(WORDS.get("technician.state.acknowledged"), timeout=BY_ITSELF_MS)


def test_a_replay_by_person_reaches_the_receiver_as_a_copy_under_the_same_key(world: World, desk: Page) -> None:
    number = checked_in(world)
    wait_until(lambda: state_of(world, number) == "acknowledged", 20, "the record arrived")
    delivered = row(world, number)

    def copies() -> int:
        return next(one["copies"] for one in world.received() if one["control_id"] == delivered["idempotency_key"])

    before, received = copies(), len(world.received())
    desk.goto(f"{world.facts['staff']}technician/deliveries?record_id={delivered['record_id']}&destination=sandbox-his")
    desk.check('[name="scope"][value="person"]')
    desk.fill("#f-personal_id", PERSON.personal_id)
    desk.check('[name="act"][value="replay"]')
    desk.click("#ask-now")
    confirmed(desk, 1)
    wait_until(lambda: copies() == before + 1, 20, "the copy")
    assert len(world.received()) == received
    expect(desk.locator(f"#r-{number}")).to_contain_text(
        WORDS.get("technician.state.acknowledged"), timeout=BY_ITSELF_MS
    )


def test_a_paused_destination_gets_nothing_until_it_is_resumed(world: World, desk: Page) -> None:
    desk.click("#pause-sandbox-his")
    desk.fill("#f-why", "Nâng cấp máy chủ")
    desk.keyboard.press("Enter")
    expect(desk.locator("[data-paused]")).to_contain_text("Nâng cấp máy chủ", timeout=BY_ITSELF_MS)
    number = checked_in(world)
    counters = desk.locator('[data-destination="sandbox-his"] .counters')
    expect(counters).to_contain_text("1", timeout=BY_ITSELF_MS)
    assert state_of(world, number) == "queued"
    desk.click("#resume-sandbox-his")
    wait_until(lambda: state_of(world, number) == "acknowledged", 20, "the record arrived")


def test_a_stopped_destination_says_so_and_goes_on_when_resumed(world: World, desk: Page) -> None:
    world.fault("his.ar", "200")
    number = checked_in(world)
    health = desk.locator('[data-destination="sandbox-his"] [data-health]')
    expect(health).to_contain_text(WORDS.get("technician.condition.stopped"), timeout=BY_ITSELF_MS)
    world.mend()
    desk.click("#resume-sandbox-his")
    expect(desk.locator("[data-switched=resume]")).to_have_attribute("data-ok", "yes")
    wait_until(lambda: state_of(world, number) == "acknowledged", 20, "the record arrived")
    expect(health).to_contain_text(WORDS.get("technician.condition.working"), timeout=BY_ITSELF_MS)


def test_the_person_is_masked_until_somebody_asks_and_the_asking_is_audited(world: World, desk: Page) -> None:
    number = checked_in(world)
    desk.goto(f"{world.facts['staff']}technician/deliveries/{number}")
    expect(desk.locator("#sent [data-message]")).to_have_attribute("data-masked", "yes")
    expect(desk.locator("#whole-now")).to_have_count(0)  # a technician sees no person's record
    desk.context.clear_cookies()
    sign_in(desk, world, "hoa")
    desk.goto(f"{world.facts['staff']}technician/deliveries/{number}")
    sent = desk.locator("#sent")
    expect(sent.locator("[data-message]")).to_have_attribute("data-masked", "yes")
    assert PERSON.personal_id not in desk.content()
    desk.click("#whole-now")
    expect(sent.locator("[data-message]")).to_have_attribute("data-masked", "no")
    expect(sent).to_contain_text(PERSON.personal_id)
    with world.database() as connection:
        told = connection.execute("SELECT * FROM bridge_audit ORDER BY seq DESC").fetchone()
    assert (told["who"], told["delivery_id"]) == ("hoa", number)


def test_a_bridge_that_hangs_is_said_and_comes_back(world: World, desk: Page) -> None:
    expect(desk.locator("#away")).to_be_hidden()
    bridge = world.pid("bridge")
    assert bridge is not None
    os.kill(bridge, signal.SIGSTOP)
    try:
        expect(desk.locator("#away")).to_contain_text(WORDS.get("technician.away.bridge"), timeout=BY_ITSELF_MS)
    finally:
        os.kill(bridge, signal.SIGCONT)
    expect(desk.locator("#away")).to_be_hidden(timeout=BY_ITSELF_MS)
