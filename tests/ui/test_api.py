"""The API: each operation through the real application, each refusal as problem details."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from kiosk.accounts import Role
from kiosk.machines import Scope
from tests.kiosk.world import rows
from tests.ui.api_site import ApiSite, Program, api_site
from ui.api import openapi
from ui.api.operations import OPERATIONS
from ui.desk.streams import Leases

DOCUMENT = Path(__file__).parents[2] / "docs" / "integration" / "openapi.json"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ApiSite]:
    with api_site(tmp_path) as made:
        yield made


@pytest.fixture
def counter(site: ApiSite) -> Program:
    return site.program(Scope.CALL)


def problem(answer: TestResponse, status: int) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    told = answer.get_json(force=True)
    assert set(told) == {"type", "title", "status", "detail", "code", "retriable", "data"}
    assert told["status"] == status
    return dict(told)


def test_the_published_document_is_the_one_the_routes_are_made_from() -> None:
    assert DOCUMENT.read_text("utf-8") == openapi.as_text(), (
        "run `tiepdon desk --openapi > docs/integration/openapi.json`"
    )


def test_the_served_document_is_the_published_one(site: ApiSite) -> None:
    assert site.program(Scope.BOARD).get("/openapi.json").get_json() == json.loads(DOCUMENT.read_text("utf-8"))


def test_queues_tell_how_many_wait_and_how_long_it_may_take(site: ApiSite, counter: Program) -> None:
    site.person("one")
    site.number("two")
    site.number("three", "XN")
    told = {one["queue"]: one for one in counter.get("/queues").get_json()["queues"]}
    assert {name: one["waiting"] for name, one in told.items()} == {"RECEPTION": 2, "KB": 1, "XN": 0}
    assert told["KB"]["wait"]["ahead"] == 1


def test_a_counter_calls_serves_and_finishes_and_the_board_sees_it(site: ApiSite, counter: Program) -> None:
    ticket = site.person("one")
    called = counter.post("/counters/1/call-next").get_json()["ticket"]
    assert (called["ticket_id"], called["standing"], called["counter"]) == (ticket, "called", "1")
    assert counter.post(f"/tickets/{ticket}/recall", {"counter": "1"}).get_json()["calls"] == 2
    board = site.program(Scope.BOARD, name="board").get("/calls").get_json()["calls"]
    assert [(one["number"], one["counter"], one["again"]) for one in board] == [(called["number"], "1", True)]
    assert counter.post(f"/tickets/{ticket}/begin", {"counter": "1"}).get_json()["standing"] == "served"
    assert counter.get("/counters/1").get_json()["current"]["ticket_id"] == ticket
    assert counter.post(f"/tickets/{ticket}/finish", {"counter": "1"}).get_json()["standing"] == "done"
    assert counter.post("/counters/1/call-next").get_json() == {"ticket": None}


def test_hold_return_transfer_miss_call_and_undo(site: ApiSite, counter: Program) -> None:
    ticket = site.person("one")
    counter.post("/counters/1/call-next")
    assert counter.post(f"/tickets/{ticket}/hold", {"counter": "1", "reason": "paper"}).get_json()["standing"] == "held"
    assert counter.post(f"/tickets/{ticket}/call", {"counter": "1"}).get_json()["standing"] == "called"
    assert counter.post(f"/tickets/{ticket}/return", {"counter": "1"}).get_json()["standing"] == "waiting"
    undone = counter.post("/counters/1/undo").get_json()["tickets"]
    assert [one["standing"] for one in undone] == ["called"]
    assert counter.post(f"/tickets/{ticket}/miss", {"counter": "1"}).get_json()["missed"] == 1
    moved = counter.post(f"/tickets/{ticket}/transfer", {"counter": "1", "queue": "XN", "to_counter": "2"}).get_json()
    assert (moved["queue"], moved["standing"]) == ("XN", "waiting")


def test_the_same_request_under_the_same_key_is_done_once(site: ApiSite, counter: Program) -> None:
    first, second = site.person("one"), site.person("two")
    called = [counter.post("/counters/1/call-next", key="the-same-key").get_json()["ticket"] for _ in range(3)]
    assert {one["ticket_id"] for one in called} == {first}
    other = site.program(Scope.CALL, name="another").post("/counters/1/call-next", key="the-same-key")
    assert other.get_json()["ticket"]["ticket_id"] == second, "another caller's key is another act"


def test_an_act_needs_a_key(counter: Program) -> None:
    assert problem(counter.post("/counters/1/call-next", key="short"), 400)["data"] == {
        "where": "Idempotency-Key",
        "why": "8 to 64 letters, digits or . _ : -",
    }


def test_one_ticket_is_found_by_its_number_and_tells_its_wait(site: ApiSite, counter: Program) -> None:
    ticket = site.person("one")
    number = counter.get(f"/tickets/{ticket}").get_json()
    assert number["wait"]["ahead"] == 0
    found = counter.get(f"/tickets?number={number['ticket']['number']}").get_json()["tickets"]
    assert [one["ticket_id"] for one in found] == [ticket]
    assert counter.get("/tickets?number=Z9").get_json() == {"tickets": []}


def test_nothing_the_queue_tells_holds_a_name_or_a_number_of_a_person(site: ApiSite) -> None:
    site.person("one")
    program = site.program(Scope.QUEUE, Scope.CALL)
    program.post("/counters/1/call-next")
    for path in ("/queues", "/counters/1", "/calls", "/figures?first=2026-11-01&last=2026-11-30"):
        told = program.get(path).text
        assert "Nguyễn" not in told
        assert "0012" not in told.replace("A0012", "")


def test_a_whole_visit_is_told_to_whom_it_is_for_and_written_down(site: ApiSite) -> None:
    site.person("one")
    ((visit,),) = rows(site.settings, "SELECT id FROM visits")
    reader = site.program(Scope.RECORDS, name="archive")
    told = reader.get(f"/visits/{visit}").get_json()
    assert told["version"] == "tiepdon.patient_record/1"
    assert told["visit"]["visit_id"] == visit
    assert rows(site.settings, "SELECT by, visit_id FROM visit_views") == [("machine:archive", visit)]
    assert site.sign_in(Role.RECEPTIONIST).get(f"/api/v1/visits/{visit}").status_code == 200
    problem(site.program(Scope.CALL, Scope.QUEUE, name="caller").get(f"/visits/{visit}"), 403)
    problem(site.sign_in(Role.TECHNICIAN).get(f"/api/v1/visits/{visit}"), 403)
    assert len(rows(site.settings, "SELECT 1 FROM visit_views")) == 2
    assert problem(reader.get(f"/visits/{'0' * 32}"), 404)["code"] == "counter.no_such_visit"


def test_every_operation_refuses_whom_it_is_not_for(site: ApiSite) -> None:
    programs = {scope: site.program(scope, name=scope.value) for scope in Scope}
    for operation in OPERATIONS:
        path = operation.path.format(counter="1", ticket_id="0" * 32, visit_id="0" * 32, call_id=1, code="internal")
        for scope, program in programs.items():
            answer = program.get(path) if operation.method == "GET" and operation.name != "callEvents" else None
            answer = answer or (program.post(path) if operation.method == "POST" else None)
            if answer is not None:
                assert (answer.status_code == 403) is (scope not in operation.who), (operation.name, scope)
        stranger = site.app.test_client().open("/api/v1" + path, method=operation.method)
        assert stranger.status_code in (401, 403), operation.name


def test_a_stranger_is_told_how_to_come_in(site: ApiSite) -> None:
    answer = site.app.test_client().get("/api/v1/queues", headers={"Authorization": "Bearer tdm_nothing"})
    assert problem(answer, 401)["code"] == "desk.not_signed_in"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_session_writes_only_with_the_token_of_its_pages(site: ApiSite) -> None:
    client = site.sign_in(Role.RECEPTIONIST)
    headers = {"Idempotency-Key": "press-0001"}
    assert client.post("/api/v1/counters/1/call-next", headers=headers).status_code == 200
    client.environ_base["HTTP_X_CSRF_TOKEN"] = "another"
    assert problem(client.post("/api/v1/counters/1/call-next", headers=headers), 403)["retriable"] is False


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "api.no_such_address"),
        ("GET", "", 404, "api.no_such_address"),
        ("GET", "/", 404, "api.no_such_address"),
        ("DELETE", "/queues", 405, "api.method_refused"),
        ("OPTIONS", "/queues", 405, "api.method_refused"),
        ("POST", "/queues", 405, "api.method_refused"),
        ("GET", "/queues?unknown=1", 400, "wire.malformed"),
        ("GET", "/calls?most=0", 400, "wire.malformed"),
        ("GET", "/calls?most=1&most=2", 400, "wire.malformed"),
        ("GET", "/calls?most=1e3", 400, "wire.malformed"),
        ("GET", "/calls?most=%FF", 400, "wire.malformed"),
        ("GET", "/tickets", 400, "wire.malformed"),
        ("GET", "/tickets/xyz", 404, "api.no_such_address"),
        ("GET", f"/tickets/{'0' * 32}", 404, "queue.no_such_ticket"),
        ("GET", "/counters/99", 404, "queue.no_such_counter"),
        ("GET", "/problems/no.such", 404, "api.no_such_problem"),
        ("POST", "/help/99999999999999999999/answer", 404, "api.no_such_address"),
    ],
)
def test_what_cannot_be_is_a_problem_with_its_code(
    counter: Program, method: str, path: str, status: int, code: str
) -> None:
    answer = counter.send(method, path)
    assert problem(answer, status)["code"] == code
    if status == 405:
        assert answer.headers["Allow"] == "GET"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "wire.malformed"),
        (b"\xff\xfe", 400, "wire.malformed"),
        (b"[" * 3000, 400, "wire.malformed"),
        (b'{"counter": "1", "extra": 1}', 400, "wire.malformed"),
        (b'{"counter": 1}', 400, "wire.malformed"),
        (b'{"counter": "1", "reason": "' + b"a" * 5000 + b'"}', 413, "api.body_too_large"),
        (b'{"counter": "9"}', 404, "queue.no_such_counter"),
        (b'{"counter": "1"}', 409, "queue.not_possible"),
    ],
)
def test_a_body_is_read_strictly(site: ApiSite, counter: Program, body: bytes, status: int, code: str) -> None:
    ticket = site.person("one")
    assert problem(counter.post(f"/tickets/{ticket}/finish", body), status)["code"] == code


def test_a_body_must_say_that_it_is_json(site: ApiSite) -> None:
    client = site.app.test_client()
    headers = {"Authorization": f"Bearer {site.bearer(Scope.KIOSK)}"}
    assert (
        problem(client.post("/api/v1/help", data={"screen": "start"}, headers=headers), 415)["code"] == "api.not_json"
    )


def test_a_problem_is_told_in_the_language_asked_for_and_its_kind_can_be_read(counter: Program) -> None:
    vietnamese = counter.get("/counters/99", Accept_Language="vi-VN, en;q=0.5")
    english = counter.get("/counters/99", Accept_Language="fr, en;q=0.5")
    told = problem(vietnamese, 404)
    assert vietnamese.headers["Content-Language"] == "vi"
    assert told["title"] != problem(english, 404)["title"]
    kind = counter.get(str(told["type"]).removeprefix("/api/v1"), Accept_Language="vi").get_json()
    assert (kind["cause"], kind["cure"]) == (told["title"], told["detail"])


def test_an_answer_that_did_not_change_is_not_sent_again(site: ApiSite, counter: Program) -> None:
    first = counter.get("/queues")
    again = counter.get("/queues", If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    site.person("one")
    assert counter.get("/queues", If_None_Match=first.headers["ETag"]).status_code == 200


def test_who_asks_too_often_waits(tmp_path: Path) -> None:
    with api_site(tmp_path, per_second=0.1) as site:
        program = site.program(Scope.QUEUE)
        for _ in range(1000):
            last = program.get("/services")
        assert last.status_code == 200
        answer = program.get("/services")
        assert problem(answer, 429)["retriable"] is True
        assert int(answer.headers["Retry-After"]) == 10
        assert site.program(Scope.QUEUE, name="another").get("/services").status_code == 200
        site.clock.seconds += 10
        assert program.get("/services").status_code == 200


def test_a_fault_of_the_desk_tells_nothing_of_itself(site: ApiSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("Nguyễn Văn Thử")

    monkeypatch.setattr(site.api.queue, "day", fails)
    told = problem(site.program(Scope.QUEUE).get("/health"), 500)
    assert (told["code"], told["data"]) == ("internal", {})


def test_help_is_called_answered_and_known_by_the_kiosks_own_name(site: ApiSite) -> None:
    kiosk, staff = site.program(Scope.KIOSK, name="kiosk-2"), site.program(Scope.CALL, name="desk")
    asked = [kiosk.post("/help", {"screen": "confirm"}).get_json() for _ in range(2)]
    assert asked[0] == asked[1] == {"call_id": asked[0]["call_id"], "answered": False}
    (waiting,) = staff.get("/help").get_json()["calls"]
    assert (waiting["kiosk_id"], waiting["screen"]) == ("kiosk-2", "confirm")
    own, foreign = kiosk, site.program(Scope.KIOSK, name="kiosk-3")
    assert own.get(f"/help/{waiting['call_id']}").get_json()["answered"] is False
    assert problem(foreign.get(f"/help/{waiting['call_id']}"), 404)["code"] == "help.no_such_call"
    assert staff.post(f"/help/{waiting['call_id']}/answer").get_json()["answered_by"] == "machine:desk"
    assert own.get(f"/help/{waiting['call_id']}").get_json()["answered"] is True
    assert staff.get("/help").get_json() == {"calls": []}
    assert problem(staff.post("/help/12345/answer"), 404)["code"] == "help.no_such_call"


def test_figures_of_fewer_than_five_people_are_told_of_nobody(site: ApiSite) -> None:
    program = site.program(Scope.QUEUE, Scope.CALL)
    for name in range(6):
        site.number(f"clinic {name}", "XN")
    for name in range(3):
        site.person(f"person {name}")
    for counter, times in (("1", 3), ("2", 6)):
        for _ in range(times):
            program.post(f"/counters/{counter}/call-next")
    told = program.get("/figures?first=2026-11-01&last=2026-11-30").get_json()["figures"]
    waits = {one["queue"]: one for one in told if one["measure"] == "wait"}
    assert waits
    for one in told:
        assert (one["count"] is None) is one["few"]
        assert one["few"] or one["count"] >= 5


def test_no_other_site_may_read_an_answer(counter: Program) -> None:
    answer = counter.get("/queues", Origin="https://elsewhere.example")
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_calls_stream_goes_on_behind_the_last_that_was_heard(site: ApiSite, counter: Program) -> None:
    site.person("one")
    site.person("two")
    first = counter.post("/counters/1/call-next").get_json()["ticket"]
    stream = counter.get("/calls/events").iter_encoded()
    assert next(stream).startswith(b"retry:")
    event = next(stream).decode()
    sequence = event.split("\n")[0].removeprefix("id: ")
    assert json.loads(event.split("data: ")[1])["number"] == first["number"]
    second = counter.post("/counters/1/call-next").get_json()["ticket"]
    assert second["number"] in next(stream).decode()
    later = counter.get("/calls/events", Last_Event_ID=sequence).iter_encoded()
    next(later)
    assert second["number"] in next(later).decode()
    problem(counter.get("/calls/events", Last_Event_ID="x"), 400)


def test_a_stream_too_many_is_told_as_a_problem(tmp_path: Path) -> None:
    with api_site(tmp_path, leases=Leases(most=1)) as site:
        program = site.program(Scope.BOARD)
        first = program.get("/calls/events")
        answer = program.get("/calls/events")
        assert problem(answer, 503)["code"] == "desk.too_many_streams"
        assert "Retry-After" in answer.headers
        first.close()
        again = program.get("/calls/events")
        assert again.status_code == 200
        again.close()
