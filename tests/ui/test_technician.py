"""The message desk over HTTP: what each page says, what an act asks of the bridge, and who may call it at all."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from hisbridge.outbox import State
from kiosk.accounts import Role
from tests.ui.technician_desk import (
    MARKUP,
    NOW,
    NUMBER,
    PRESS,
    MessageDesk,
    delivery,
    destination,
    press,
    text_of,
)
from ui.technician.bridge import Destination, Health, utc
from ui.technician.picture import picture_of
from ui.technician.watch import Sample, Watch
from ui.words import Words

WORDS = Words("vi")


@pytest.fixture
def desk(run_dir: Path) -> Iterator[MessageDesk]:
    opened = MessageDesk(run_dir)
    yield opened
    opened.close()


@pytest.fixture
def client(desk: MessageDesk) -> FlaskClient:
    return desk.client()


def ask(client: FlaskClient, act: str, **form: Any) -> str:
    """Count an act; the page's answer."""
    return press(client, "deliveries/ask", **{"act": act, "scope": "filter", **form})[1]


def confirm(client: FlaskClient, page: str) -> tuple[int, str]:
    """Press the button of the confirmation."""
    found = re.search(r"confirmed&#34;: &#34;([^&]+)&#34;|\"confirmed\": \"([^\"]+)\"", page)
    assert found, page
    return press(client, "deliveries/act", confirmed=found[1] or found[2])


# ---- Who may call


def test_no_receptionist_is_let_in_and_a_supervisor_is(desk: MessageDesk) -> None:
    for path in ("/technician", "/technician/deliveries", "/technician/audit"):
        assert desk.client(Role.RECEPTIONIST).get(path).status_code == 403, path
        assert desk.client(Role.SUPERVISOR).get(path).status_code == 200, path


def test_an_act_is_confirmed_by_whoever_asked_for_it(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.add(delivery(1))
    told = ask(client, "replay", scope="ticked", number="1")
    assert confirm(desk.client(Role.SUPERVISOR), told)[0] == 410


def test_a_press_from_another_site_is_refused(client: FlaskClient) -> None:
    assert client.post("/technician/deliveries/ask", data={"act": "retry"}).status_code == 403
    strange = {**PRESS, "Origin": "http://elsewhere.example"}
    assert client.post("/technician/destinations/his/resume", headers=strange).status_code == 403


# ---- The overview


def test_each_destination_tells_its_health_since_when_and_why_in_words(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.destinations = [
        destination("his", condition="failing", problem="delivery.unreachable", waiting=3, oldest_created_at=utc(NOW)),
        destination("archive", condition="stopped", problem="delivery.misconfigured", dead=2, held=1),
    ]
    desk.now = NOW + timedelta(minutes=75)
    told = text_of(client.get("/technician").get_data(as_text=True))
    for code in ("delivery.unreachable", "delivery.misconfigured"):
        assert WORDS.error(code).cause in told
        assert WORDS.error(code).cure in told
    assert WORDS.get("technician.condition.failing") in told
    assert WORDS.get("technician.condition.stopped") in told
    assert WORDS.get("technician.since", time="11:15 22/11/2026") in told
    assert WORDS.get("technician.age.hours", hours=1, minutes=15) in told


def test_a_condition_is_told_from_when_it_began(desk: MessageDesk) -> None:
    desk.watch.look()
    desk.now += timedelta(minutes=5)
    desk.bridge.destinations = [destination("his", condition="failing", problem="delivery.no_answer")]
    desk.watch.look()
    desk.now += timedelta(minutes=5)
    desk.watch.look()
    assert desk.watch.seen().since["his"] == NOW + timedelta(minutes=5)


def test_the_picture_keeps_a_day_and_the_highest_of_each_minute() -> None:
    now, waiting = NOW, 0

    def ask() -> Health:
        his = Destination(name="his", connector="hl7v2", condition="working", waiting=waiting)
        return Health(database=None, destinations=(his,))

    watch = Watch(ask, lambda: now)
    for minute in range(1500):
        now = NOW + timedelta(minutes=minute)
        for waiting in (1, minute, 0):  # noqa: B007 - asked for
            watch.look()
    samples = watch.seen().history["his"]
    assert len(samples) == 1440
    assert [sample.waiting for sample in samples[-3:]] == [1497, 1498, 1499]
    picture = picture_of(samples, samples[-1].minute, 1440)
    assert (picture.most, picture.path.count("M")) == (1499, 120)


def test_a_stretch_nobody_looked_at_has_no_bar() -> None:
    samples = (Sample(100, 0), Sample(103, 8), Sample(104, 4))
    assert picture_of(samples, 104, 60).path == ("M330 60v-1.5h6V60zM348 60v-58h6V60zM354 60v-29h6V60z")
    assert picture_of((), 104, 60) == picture_of((Sample(1, 5),), 104, 60)


def test_a_pause_needs_a_reason_and_is_shown_with_it(desk: MessageDesk, client: FlaskClient) -> None:
    status, told = press(client, "destinations/his/pause", why="")
    assert status == 422
    assert WORDS.get("technician.problem.why.missing") in text_of(told)
    status, told = press(client, "destinations/his/pause", why=f"Nâng cấp {MARKUP}")
    assert status == 200
    assert WORDS.get("technician.switched.pause.ok", name="his") in text_of(told)
    assert desk.bridge.calls[-1] == ("pause", {"destination": "his", "why": f"Nâng cấp {MARKUP}", "by": "tuan"})
    page = client.get("/technician").get_data(as_text=True)
    assert MARKUP not in page
    assert f"Nâng cấp {MARKUP}" in text_of(page)
    press(client, "destinations/his/resume")
    assert "data-paused" not in client.get("/technician").get_data(as_text=True)


def test_a_probe_that_fails_says_why_and_the_cure(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.probe = {"ok": False, "code": "delivery.unreachable"}
    _, told = press(client, "destinations/his/probe")
    assert WORDS.get("technician.switched.probe.failed", name="his") in text_of(told)
    assert WORDS.error("delivery.unreachable").cure in text_of(told)


def test_a_destination_or_an_act_of_no_such_name_is_refused(desk: MessageDesk, client: FlaskClient) -> None:
    assert press(client, "destinations/other/probe")[0] == 400
    assert press(client, "destinations/his/erase")[0] == 400
    assert desk.bridge.calls == []


# ---- The list


def test_the_list_is_newest_first_and_paged_through_five_thousand(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.add(*(delivery(number) for number in range(1, 5001)))
    seen: list[int] = []
    path = "/technician/deliveries"
    for _ in range(60):
        page = client.get(path).get_data(as_text=True)
        seen += map(int, re.findall(r'id="r-(\d+)"', page))
        older = re.search(r'id="older"[^>]*href="([^"]+)"', page)
        if older is None:
            break
        path = html.unescape(older[1])
    assert seen == list(range(5000, 0, -1))


def test_filters_narrow_the_list_and_moments_are_the_sites(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.add(
        delivery(1, created_at="2026-11-22T00:59:00.000Z"),
        delivery(2, created_at="2026-11-22T01:00:00.000Z"),
        delivery(3, State.REJECTED, created_at="2026-11-22T01:30:00.000Z", last_error="delivery.rejected"),
        delivery(4, destination="archive", created_at="2026-11-22T01:30:00.000Z"),
    )

    def shown(query: str) -> list[str]:
        return re.findall(r'id="r-(\d+)"', client.get(f"/technician/deliveries?{query}").get_data(as_text=True))

    assert shown("since=2026-11-22T08:00") == ["4", "3", "2"]
    assert shown("until=2026-11-22T08:00") == ["1"]
    assert shown("since=22/11/2026 08:00&until=22/11/2026 08:30") == ["2"]
    assert shown("state=bad") == ["3"]
    assert shown("destination=archive") == ["4"]
    assert shown("record_id=visit-2") == ["2"]
    wrong = client.get("/technician/deliveries?since=tomorrow").get_data(as_text=True)
    assert WORDS.get("technician.problem.moment") in wrong


def test_a_failed_delivery_says_why_with_cause_and_cure_and_when_it_is_tried_again(
    desk: MessageDesk, client: FlaskClient
) -> None:
    waiting = delivery(1, State.QUEUED, last_error="delivery.no_answer", next_attempt_at=utc(NOW), attempts=4)
    desk.bridge.add(waiting, delivery(2, State.DEAD, last_error="delivery.unrenderable"))
    told = text_of(client.get("/technician/deliveries").get_data(as_text=True))
    for code in ("delivery.no_answer", "delivery.unrenderable"):
        assert f"{WORDS.error(code).cause}. {WORDS.error(code).cure}." in told
    assert WORDS.get("technician.next", time="10:00 22/11/2026") in told


# ---- Acts


def test_an_act_is_counted_first_and_happens_only_when_confirmed(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.add(delivery(1, State.REJECTED), delivery(2, State.REJECTED), delivery(3))
    told = ask(client, "retry", scope="ticked", number=["1", "2", "3"])
    assert WORDS.get("technician.confirm.retry", count=2) in text_of(told)
    assert [name for name, _ in desk.bridge.calls] == ["count"]
    status, done = confirm(client, told)
    assert status == 200
    assert WORDS.get("technician.done.retry", count=2) in text_of(done)
    name, asked = desk.bridge.calls[-1]
    assert (name, asked["act"], asked["by"], asked["numbers"]) == ("act", "retry", "tuan", [1, 2, 3])
    assert desk.bridge.deliveries[1].state is State.QUEUED


def test_a_whole_page_of_long_numbers_can_be_ticked(desk: MessageDesk, client: FlaskClient) -> None:
    numbers = [9_000_000_000 + number for number in range(100)]
    desk.bridge.add(*(delivery(number, created_at=utc(NOW)) for number in numbers))
    assert 'data-count="100"' in ask(client, "replay", scope="ticked", number=numbers)


def test_a_confirmation_counts_once(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.add(delivery(1))
    told = ask(client, "replay", scope="ticked", number="1")
    assert confirm(client, told)[0] == 200
    status, again = confirm(client, told)
    assert status == 410
    assert WORDS.error("technician.confirmation_gone").cause in text_of(again)
    assert [name for name, _ in desk.bridge.calls].count("act") == 1


def test_nothing_to_do_is_said_and_cannot_be_confirmed(desk: MessageDesk, client: FlaskClient) -> None:
    desk.bridge.add(delivery(1))
    told = ask(client, "hold", scope="ticked", number="1")
    assert WORDS.get("technician.none.hold") in text_of(told)
    assert "confirmed" not in told


def test_a_replay_by_time_range_is_of_that_range_and_ends_where_it_was_counted(
    desk: MessageDesk, client: FlaskClient
) -> None:
    desk.bridge.add(*(delivery(number) for number in range(9_990, 10_000)))
    told = ask(client, "replay", since="2026-11-22T09:55")
    assert 'data-count="5"' in told
    desk.bridge.add(delivery(10_000, created_at=utc(NOW)))  # came after the counting
    confirm(client, told)
    _, asked = desk.bridge.calls[-1]
    assert (asked["since"], asked["until"]) == ("2026-11-22T02:55:00.000Z", utc(NOW))
    assert desk.bridge.deliveries[10_000].state is State.ACKNOWLEDGED


def test_a_replay_by_person_takes_the_number_by_post_and_never_tells_it_again(
    desk: MessageDesk, client: FlaskClient
) -> None:
    desk.bridge.add(delivery(1), delivery(2), delivery(3))
    desk.bridge.persons = {NUMBER: [1, 3]}
    told = ask(client, "replay", scope="person", personal_id="001 303 900 017")
    assert 'data-count="2"' in told
    assert NUMBER not in told
    _, done = confirm(client, told)
    assert NUMBER not in done
    assert desk.bridge.calls[-1][1]["personal_id"] == NUMBER
    assert desk.bridge.deliveries[2].state is State.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"scope": "filter"}, "scope.everything"),
        ({"scope": "ticked"}, "number.none"),
        ({"scope": "person", "personal_id": "12"}, "personal_id.digits"),
        ({"scope": "ticked", "number": "1", "act": "erase"}, "act.choose"),
        ({"scope": "all"}, "scope.choose"),
        ({"scope": "filter", "since": "soon"}, "since.moment"),
    ],
)
def test_what_is_not_said_clearly_is_not_done(
    desk: MessageDesk, client: FlaskClient, form: dict[str, str], problem: str
) -> None:
    desk.bridge.add(delivery(1))
    told = ask(client, **{"act": "replay", **form})
    assert WORDS.get(f"technician.problem.{problem}") in text_of(told)
    assert desk.bridge.calls == []
