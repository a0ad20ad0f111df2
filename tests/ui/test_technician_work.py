"""What the message desk tells beyond the sending: work left for somebody, answers in words, who did what, pairing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hisbridge.outbox import State
from tests.ui.technician_desk import MARKUP, NOW, MessageDesk, delivery, destination, press, text_of
from ui.technician.bridge import utc
from ui.words import Words

WORDS = Words("vi")
OPEN = ("MA_BN:required", "MA_DICH_VU:required")
TURNED = "\u202e"


@pytest.fixture
def desk(run_dir: Path) -> Iterator[MessageDesk]:
    opened = MessageDesk(run_dir)
    yield opened
    opened.close()


@pytest.fixture
def client(desk: MessageDesk) -> FlaskClient:
    return desk.client()


def shown(client: FlaskClient, path: str = "") -> str:
    return client.get(f"/technician{path}").get_data(as_text=True)


def test_what_somebody_has_to_complete_is_counted_listed_and_named_in_words(
    desk: MessageDesk, client: FlaskClient
) -> None:
    desk.bridge.destinations = [destination("his", open_work=1)]
    desk.bridge.add(delivery(1, open_work=OPEN), delivery(2))
    overview = shown(client)
    assert WORDS.get("technician.strip.open_work", count=1) in text_of(overview)
    assert "/technician/deliveries?destination=his&amp;state=open_work" in overview
    found = shown(client, "/deliveries?state=open_work")
    assert 'data-row="1"' in found
    assert 'data-row="2"' not in found
    fields = "Mã bệnh nhân (MA_BN) (còn trống), Mã dịch vụ (MA_DICH_VU) (còn trống)"
    for page in (found, shown(client, "/deliveries/1")):
        assert WORDS.get("technician.open_work", fields=fields) in text_of(page)
    assert 'id="act-complete"' in shown(client, "/deliveries/1")
    assert 'id="act-complete"' not in shown(client, "/deliveries/2")


def test_what_was_completed_is_not_shown_as_open_any_more(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.add(delivery(1, open_work=OPEN), delivery(2))
    asked = {"act": "complete", "scope": "ticked", "number": ["1", "2"], "by": "tuan"}
    status, page = press(client, "deliveries/ask", **asked)
    assert status == 200
    assert 'data-count="1"' in page
    press(client, "deliveries/act", confirmed=page.partition('"confirmed": "')[2].partition('"')[0])
    assert desk.bridge.deliveries[1].open_work == ()
    assert "data-open-work" not in shown(client, "/deliveries/1")


def test_a_waiting_delivery_tells_what_the_receiver_last_answered(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.add(delivery(1, State.QUEUED, last_error="delivery.try_later", receipt="HTTP 503 transient"))
    for path in ("/deliveries", "/deliveries/1"):
        told = text_of(shown(client, path))
        assert WORDS.get("receipt.http.503") in told
        assert WORDS.get("receipt.word.transient") in told
        assert "HTTP 503 transient" in told


def test_a_destination_tells_the_setting_or_the_answer_it_suffers_from(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.destinations = [
        destination("his", condition="stopped", problem="delivery.misconfigured", problem_detail="http_401"),
        destination(
            "archive", condition="stopped", problem="delivery.setup", problem_detail="key=ca_file why=unusable"
        ),
    ]
    told = text_of(shown(client))
    assert f"{WORDS.get('receipt.http.401')}. http_401" in told
    assert "delivery.setup key=ca_file why=unusable" in told


@pytest.mark.parametrize("hostile", [MARKUP, f"{TURNED}AA\x00\x1b[31m", "AE " + "9" * 10_000, "</code><script>x()"])
def test_hostile_answers_names_and_reasons_do_no_harm(desk: MessageDesk, client: FlaskClient, hostile: str) -> None:
    failed = delivery(1, State.REJECTED, last_error=hostile, receipt=hostile, record_id=hostile, event=hostile)
    desk.bridge.add(failed, delivery(2, open_work=(hostile, "MA_BN:" + hostile)))
    ill = {"condition": hostile, "problem": hostile, "problem_detail": hostile}
    desk.bridge.destinations = [destination("his", paused=True, why_paused=hostile, **ill)]
    entry = {"seq": 1, "at": hostile, "who": hostile, "act": hostile, "destination": hostile}
    desk.bridge.audit = [{**entry, "selection": hostile}, {**entry, "selection": '{"record_id": "<b>x", "numbers": 7}'}]
    for path in ("", "/deliveries", "/deliveries/1", "/deliveries/2", "/audit"):
        answer = client.get(f"/technician{path}")
        page = answer.get_data(as_text=True)
        assert answer.status_code == 200, path
        assert not any(sign in page for sign in (TURNED, "\x00", "\x1b", "<script>x", "<img", "<b>x")), path
        assert "9" * 500 not in page, path


def test_the_audit_tells_who_looked_and_who_did_what_about_which(desk: MessageDesk, client: FlaskClient) -> None:
    at = utc(NOW)
    desk.bridge.audit = [
        {"seq": 3, "at": at, "who": "Lan", "act": "pause", "destination": "his"},
        {"seq": 2, "at": at, "who": "", "act": "hold", "selection": '{"states": ["queued"], "personal_id": "k9"}',
         "changed": 12},
        {"seq": 1, "at": at, "who": "Lan", "act": "message.whole", "delivery_id": 7, "destination": "his"},
    ]  # fmt: skip
    page = shown(client, "/audit")
    told = text_of(page)
    for act in ("pause", "hold", "message.whole"):
        assert WORDS.get(f"technician.audit.act.{act}") in told
    assert f"{WORDS.get('technician.audit.part.personal_id')} 12" in told.replace("&nbsp;", " ")
    assert f"{WORDS.get('technician.audit.part.states', told=WORDS.get('technician.state.queued'))}" in told
    assert "k9" not in page
    assert WORDS.get("technician.audit.nobody") in told
    assert 'href="/technician/deliveries/7"' in page


def test_an_audit_with_nothing_in_it_says_so(client: FlaskClient) -> None:
    assert WORDS.get("technician.audit.empty") in text_of(shown(client, "/audit"))


def test_a_pairing_code_is_given_for_local_agents_only(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.destinations = [destination("his"), destination("archive", connector="local_agent")]
    page = shown(client)
    assert 'id="pair-archive"' in page
    assert 'id="pair-his"' not in page
    status, told = press(client, "destinations/archive/pair")
    assert status == 200
    assert "042917" in told
    assert desk.bridge.calls == [("pair", {"destination": "archive", "by": "tuan"})]
