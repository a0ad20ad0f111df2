"""Who opened whose record at the counter: written down before it is shown, once for what draws itself anew."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from config.settings import database_path
from kiosk.accounts import Role
from tests.ui.counter_desk import PRESS, CounterDesk
from wire.database import open_database


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CounterDesk]:
    opened = CounterDesk(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def client(desk: CounterDesk) -> FlaskClient:
    return desk.client()


def readings(desk: CounterDesk) -> list[tuple[str, str]]:
    return [(one.by, one.page) for one in reversed(desk.desk.views.newest(100))]


def test_whoever_opens_a_record_is_written_down_before_it_is_shown(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("one")
    assert "001303900017" in client.get(f"/counter/visits/{visit}").text
    for _ in range(3):  # it draws itself anew
        client.get(f"/counter/visits/{visit}")
        client.get(f"/counter/tickets/{desk.ticket_of(visit)}/events", buffered=False).close()
    client.get(f"/counter/visits/{visit}/edit")
    client.post(f"/counter/visits/{visit}/edit", data={}, headers=PRESS)
    client.post(f"/counter/visits/{visit}/register", headers=PRESS)
    assert readings(desk) == [("mai", "visit"), ("mai", "edit"), ("mai", "register")]
    desk.clock.jump(seconds=61)
    client.get(f"/counter/visits/{visit}")
    desk.client(Role.SUPERVISOR).get(f"/counter/visits/{visit}")
    assert readings(desk)[3:] == [("mai", "visit"), ("hoa", "visit")]
    told = desk.desk.views.newest(1)[0]
    assert (told.number, told.day) == (desk.counter.visit(visit).row.number, "2026-11-21")
    assert desk.desk.views.newest(100, number=told.number, day=told.day, by="hoa") == [told]
    assert desk.desk.views.newest(100, number=told.number, day="2026-11-20") == []
    assert desk.desk.views.newest(100, before=told.reading, by="hoa") == []


def test_every_address_of_a_visit_writes_down_who_asked(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("one")
    of_visits = [rule for rule in desk.app.url_map.iter_rules() if "visit_id" in rule.arguments]
    assert len(of_visits) >= 6
    for rule in of_visits:
        method = "POST" if "POST" in rule.methods else "GET"
        client.open(rule.rule.replace("<visit_id>", visit), method=method, headers=PRESS)
        assert readings(desk)[-1][0] == "mai"
        desk.clock.jump(seconds=61)
    assert len(readings(desk)) == len(of_visits)
    client.get("/counter/visits/0123")
    assert len(readings(desk)) == len(of_visits)  # nobody's


def test_who_was_found_by_a_search_is_written_down_and_what_was_typed_is_not(
    desk: CounterDesk, client: FlaskClient
) -> None:
    desk.visit("one")
    assert "data-row" in client.post("/counter/search", data={"text": "001303900017"}, headers=PRESS).text
    client.post("/counter/search", data={"text": "nobody"}, headers=PRESS)
    assert readings(desk) == [("mai", "search")]


def test_a_colleague_who_looks_at_the_same_counter_is_written_down_and_whoever_called_is_with_the_call(
    desk: CounterDesk, client: FlaskClient
) -> None:
    desk.visit("one")
    called = client.post("/counter/act", data={"kind": "call_next", "name": "0" * 32}, headers=PRESS)
    assert "001303900017" in called.text
    assert "001303900017" in client.get("/counter").text
    assert readings(desk) == []
    assert "001303900017" in desk.client(Role.SUPERVISOR).get("/counter").text
    assert readings(desk) == [("hoa", "desk")]


def test_a_record_that_cannot_be_written_down_as_seen_is_not_shown(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("one")
    with closing(open_database(database_path(desk.settings))) as other:
        other.execute("DROP TABLE visit_views")
    told = client.get(f"/counter/visits/{visit}")
    assert told.status_code == 503
    assert "001303900017" not in told.text
