"""The message desk over HTTP: one delivery with its message, and what every page says while the bridge is away."""

import html
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hisbridge.outbox import State
from kiosk.accounts import Role
from tests.support.waiting import wait_until
from tests.ui.technician_desk import MARKUP, MESSAGES, NOW, NUMBER, PRESS, MessageDesk, delivery, press, text_of
from ui.technician.bridge import Health, utc
from ui.technician.watch import Watch
from ui.words import Words
from wire.errors import ServiceTimeout

WORDS = Words("vi")


@pytest.fixture
def desk(run_dir: Path) -> Iterator[MessageDesk]:
    opened = MessageDesk(run_dir)
    yield opened
    opened.close()


@pytest.fixture
def client(desk: MessageDesk) -> FlaskClient:
    return desk.client()


# ---- One delivery


def test_one_delivery_tells_its_way_its_receipt_and_what_came_back(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.add(delivery(7, receipt="AE 207", attempts=3, finished_at=utc(NOW), revision=1, event="updated"))
    desk.bridge.answer = {"record_number": "BN0012345", "queue_number": "A17", "room": "P. 12", "fees": []}
    page = client.get("/technician/deliveries/7").get_data(as_text=True)
    told = text_of(page)
    for part in (
        "AE 207",
        "KEY7",
        "10:00 22/11/2026",
        "A17",
        "P. 12",
        "••••45",
        f"{WORDS.get('technician.event.updated')} · 1",
    ):
        assert part in told
    assert "BN0012345" not in page


def test_the_message_is_masked_until_somebody_asks(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.add(delivery(7))
    page = client.get("/technician/deliveries/7").get_data(as_text=True)
    assert NUMBER not in page
    assert WORDS.get("technician.message.masked") in page
    assert WORDS.get("technician.whole.supervisor") in page
    assert press(client, "deliveries/7/message")[0] == 403  # no person's record for a technician
    supervisor = desk.client(Role.SUPERVISOR)
    assert WORDS.get("technician.whole.audited") in supervisor.get("/technician/deliveries/7").get_data(as_text=True)
    assert [asked["whole"] for _, asked in desk.bridge.calls] == [False, False]
    _, told = press(supervisor, "deliveries/7/message")
    assert NUMBER in told
    assert desk.bridge.calls[-1] == ("message", {"number": 7, "whole": True, "by": "hoa"})


@pytest.mark.parametrize("kind", ["hl7", "json", "xml", "csv"])
def test_every_kind_of_message_is_laid_out_as_text_and_copied_whole(desk: MessageDesk, kind: str) -> None:
    desk.bridge.add(delivery(7))
    desk.bridge.kind = kind
    _, told = press(desk.client(Role.SUPERVISOR), "deliveries/7/message")
    copied = re.search(r'data-copy="([^"]*)"', told)
    assert copied
    assert json.loads(html.unescape(copied[1])) == MESSAGES[kind][1]
    assert MARKUP not in told
    assert {"hl7": 'title="PID-3"', "json": "  &#34;a&#34;: {", "xml": "  &lt;CT&gt;", "csv": "<td>Trần, Mai</td>"}[
        kind
    ] in told


def test_no_such_delivery_is_said(client: FlaskClient) -> None:
    answer = client.get("/technician/deliveries/99")
    assert answer.status_code == 404
    assert WORDS.error("delivery.unknown").cause in answer.get_data(as_text=True)


# ---- The bridge away


def test_a_bridge_that_hangs_is_waited_for_once_however_many_ask() -> None:
    asked, go_on = [], threading.Event()

    def ask_bridge() -> Health:
        asked.append(1)
        go_on.wait(10)
        raise ServiceTimeout(socket="bridge.sock")

    watch = Watch(ask_bridge, lambda: NOW)
    waiting = [threading.Thread(target=watch.look) for _ in range(8)]
    for thread in waiting:
        thread.start()
    wait_until(lambda: asked, what="the first question")
    go_on.set()
    for thread in waiting:
        thread.join(10)
    assert len(asked) <= 2  # a thread may have come only after the answer
    with pytest.raises(ServiceTimeout):
        watch.seen()


def test_a_bridge_that_is_away_is_said_on_every_page(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.stop()
    for path in ("", "/deliveries", "/deliveries/7"):
        answer = client.get(f"/technician{path}")
        assert answer.status_code == 503
        assert WORDS.error("bridge.unreachable").cause in answer.get_data(as_text=True)
    status, told = press(client, "destinations/his/probe")
    assert status == 503
    assert WORDS.error("bridge.unreachable").cure in text_of(told)
    desk.bridge.start()
    assert client.get("/technician").status_code == 200


def test_pages_hold_no_script_or_style_of_their_own(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.add(delivery(7, State.REJECTED, last_error="delivery.rejected"))
    for path in ("", "/deliveries", "/deliveries/7"):
        page = re.sub(r'"[^"]*"', '""', client.get(f"/technician{path}").get_data(as_text=True))
        assert re.search(r"<script(?![^>]*src=)|<style|<[^>]*\s(style|on\w+)=", page) is None


def test_the_language_is_chosen_and_kept(client: FlaskClient) -> None:
    assert client.post("/language", data={"language": "en"}, headers=PRESS).status_code == 204
    assert Words("en").get("technician.title") in client.get("/technician").get_data(as_text=True)
    assert client.post("/language", data={"language": "xx"}, headers=PRESS).status_code == 400
