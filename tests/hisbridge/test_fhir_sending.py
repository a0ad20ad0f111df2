"""A FHIR server as the bridge meets it: its answers, refusals, faults and lies, each to its outcome."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from config.settings import database_path
from hisbridge import outbox, outbox_desk
from hisbridge.connectors.contract import Outcome
from hisbridge.errors import DestinationUnreachable, GarbledAnswer, NoAnswer
from hisbridge.outbox import State
from hisbridge.service import running
from sandbox.fhir import VISIT_NUMBERS, FhirServer
from sandbox.web import serving
from tests.hisbridge import hostile
from tests.hisbridge.fhir_making import at, bundle, fhir, send
from tests.hisbridge.making import MOMENT, database, eventually, listed, record, settings
from wire.database import open_database, transaction
from wire.server import Request, Response


@pytest.fixture
def his() -> FhirServer:
    return FhirServer()


def test_the_hospitals_own_numbers_come_back(his: FhirServer) -> None:
    with at(his) as destination:
        receipt = send(destination, record())
    assert receipt.outcome is Outcome.ACKNOWLEDGED
    assert receipt.answer is not None
    assert (receipt.answer.record_number, receipt.answer.visit_number) == ("BN000001", "LK000001")


def test_without_a_system_for_record_numbers_the_resources_id_is_told(his: FhirServer) -> None:
    with at(his, systems={}) as destination:
        receipt = send(destination, record())
    assert receipt.answer is not None
    assert receipt.answer.record_number == "patient-1"


def test_a_server_that_answers_without_resources_still_tells_where_they_are(his: FhirServer) -> None:
    his.set_fault("fhir.minimal", True)
    with at(his, systems={}) as destination:
        receipt = send(destination, record())
    assert receipt.answer is not None
    assert (receipt.answer.record_number, receipt.answer.visit_number) == ("patient-1", "encounter-1")


def test_the_request_says_what_it_is_and_carries_the_key() -> None:
    told: list[Request] = []

    def kept(request: Request) -> Response:
        told.append(request)
        return Response(status=422)

    with serving({("POST", "/fhir"): kept}, 0) as port:
        send(fhir(port), record())
    [request] = told
    assert request.headers["content-type"].startswith("application/fhir+json")
    assert request.headers["accept"].startswith("application/fhir+json")
    assert request.headers["prefer"] == "return=representation"
    assert request.headers["idempotency-key"] == bundle(record())["identifier"]["value"]
    assert json.loads(request.body) == bundle(record())


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Outcome.REJECTED),
        (401, Outcome.MISCONFIGURED),
        (403, Outcome.MISCONFIGURED),
        (404, Outcome.MISCONFIGURED),
        (405, Outcome.MISCONFIGURED),
        (406, Outcome.MISCONFIGURED),
        (409, Outcome.TRY_LATER),
        (410, Outcome.REJECTED),
        (412, Outcome.REJECTED),
        (413, Outcome.REJECTED),
        (415, Outcome.MISCONFIGURED),
        (422, Outcome.REJECTED),
        (429, Outcome.TRY_LATER),
        (500, Outcome.TRY_LATER),
        (501, Outcome.MISCONFIGURED),
        (503, Outcome.TRY_LATER),
    ],
)
def test_each_refusal_has_its_outcome_and_no_word_of_its_text(his: FhirServer, status: int, outcome: Outcome) -> None:
    his.set_fault("fhir.status", str(status))
    with at(his) as destination:
        receipt = send(destination, record())
    # (The pretend server names the person in `diagnostics`, as real ones do.)
    assert (receipt.outcome, receipt.text) == (outcome, f"HTTP {status} exception")


def test_a_conflict_that_lasts_goes_to_a_human(his: FhirServer) -> None:
    his.set_fault("fhir.status", "409")
    with at(his) as destination:
        assert send(destination, record(), attempt=8).outcome is Outcome.REJECTED


def test_a_redirect_is_not_followed() -> None:
    moved = Response(307, headers={"Location": "http://127.0.0.1:1/"})
    with serving({("POST", "/fhir"): lambda _: moved}, 0) as port:
        assert send(fhir(port), record()).outcome is Outcome.MISCONFIGURED


def test_a_server_that_answers_200_and_refuses_an_entry_is_understood() -> None:
    entries = [{"response": {"status": "201 Created"}} for _ in range(3)]
    bad = {"status": "422 Unprocessable", "outcome": {"resourceType": "OperationOutcome", "issue": [{"code": "value"}]}}
    body = json.dumps({"resourceType": "Bundle", "type": "batch-response", "entry": [*entries, {"response": bad}]})
    with serving({("POST", "/fhir"): lambda _: Response(body=body.encode())}, 0) as port:
        receipt = send(fhir(port), record())
    assert (receipt.outcome, receipt.text) == (Outcome.REJECTED, "HTTP 422 value")


def test_codes_that_are_none_are_not_told() -> None:
    issues = [{"code": "Nguyễn Văn Thử"}, {"code": 7}, {"code": "x" * 99}, "nonsense", {"code": "invalid"}]
    body = json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()
    with serving({("POST", "/fhir"): lambda _: Response(400, body)}, 0) as port:
        assert send(fhir(port), record()).text == "HTTP 400 invalid"


@pytest.mark.parametrize(("asked", "most"), [("7", 7.0), ("Sat, 21 Nov 2099 00:00:00 GMT", 1e10), ("soon", 0.0)])
def test_how_long_a_server_in_trouble_wants_peace_is_told(asked: str, most: float) -> None:
    def busy(_: Request) -> Response:
        return Response(503, headers={"Retry-After": asked})

    with serving({("POST", "/fhir"): busy}, 0) as port:
        told = send(fhir(port), record())
    assert told.outcome is Outcome.TRY_LATER
    assert most / 100 <= told.retry_after_seconds <= most


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"<html></html>",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b'{"resourceType":"Patient"}',
        b'{"resourceType":"OperationOutcome","issue":[]}',
        b'{"resourceType":"Bundle"}',
        b'{"resourceType":"Bundle","entry":7}',
        b'{"resourceType":"Bundle","entry":[]}',
        b'{"resourceType":"Bundle","entry":[1,2,3,4]}',
        b'{"resourceType":"Bundle","entry":[{},{},{},{}]}',
        b'{"resourceType":"Bundle","entry":[{"response":7},{},{},{}]}',
        b'{"resourceType":"Bundle","entry":[{"response":{"status":"fine"}},{},{},{}]}',
    ],
    ids=range(16),
)
def test_an_answer_that_is_none_leaves_the_outcome_unknown(body: bytes) -> None:
    with serving({("POST", "/fhir"): lambda _: Response(body=body)}, 0) as port, pytest.raises(GarbledAnswer):
        send(fhir(port), record())


@pytest.mark.parametrize(
    ("misbehave", "error"),
    [
        (hostile.nothing, NoAnswer),
        (hostile.drip_head, NoAnswer),
        (hostile.drip_body, NoAnswer),
        (hostile.cut, NoAnswer),
        (hostile.not_http, NoAnswer),
        (hostile.flood, GarbledAnswer),
    ],
)
def test_a_lying_server_is_left_in_time(misbehave: hostile.Misbehave, error: type[Exception]) -> None:
    with hostile.lying(misbehave) as port, pytest.raises(error):
        send(fhir(port, timeout_seconds=0.5), record())


def test_odd_resources_in_the_answer_tell_nothing_and_harm_nothing() -> None:
    odd: list[Any] = [
        {"response": {"status": "201", "location": "../../etc"}, "resource": {"resourceType": "Patient", "id": 7}},
        {"response": {"status": "201"}},
        {
            "response": {"status": "201", "location": 9},
            "resource": {"identifier": [None, {"value": 3}, {"value": " "}]},
        },
        {"response": {"status": "201"}, "resource": []},
    ]
    body = json.dumps({"resourceType": "Bundle", "entry": odd}).encode()
    with serving({("POST", "/fhir"): lambda _: Response(body=body)}, 0) as port:
        receipt = send(fhir(port), record())
    assert receipt.outcome is Outcome.ACKNOWLEDGED
    assert receipt.answer is None


def test_nobody_there_is_no_attempt(his: FhirServer) -> None:
    his.set_fault("fhir.down", True)
    with at(his) as destination, pytest.raises(DestinationUnreachable):
        send(destination, record())


def test_an_answer_torn_on_the_way_is_sent_again_and_makes_nothing_new(his: FhirServer) -> None:
    with at(his) as destination:
        his.set_fault("fhir.reset", True)
        with pytest.raises(NoAnswer):
            send(destination, record())
        his.set_fault("fhir.reset", None)
        assert send(destination, record(), attempt=2).text == "200 200 200 200"
    assert len(his.resources()) == 4


def test_the_bridge_delivers_through_faults_and_each_visit_is_there_once(his: FhirServer, tmp_path: Path) -> None:
    database(tmp_path)
    with at(his) as destination:
        made = settings(tmp_path, destination)
        his.set_fault("fhir.500", True)
        with closing(open_database(database_path(made))) as connection:
            for number in range(5):
                with transaction(connection):
                    outbox.enqueue(connection, record(f"visit-{number}"), ("his",), MOMENT)
            with running(made):
                eventually(lambda: his.counts()["refused"] or listed(connection)[-1].attempts)
                his.set_fault("fhir.500", None)
                his.set_fault("fhir.reset", True)
                eventually(lambda: his.counts()["transactions"] >= 2)
                his.set_fault("fhir.reset", None)
                eventually(lambda: len(listed(connection, State.ACKNOWLEDGED)) == 5)
            told = outbox_desk.answers(connection, 0, 10)
    ids = [one["identifier"][0]["value"] for one in his.resources("Encounter")]
    assert ids == [f"visit-{number}" for number in range(5)]
    assert len(his.resources("Patient")) == 1
    assert {one.answer.record_number for one in told} == {"BN000001"}
    assert VISIT_NUMBERS in json.dumps(his.resources("Encounter"))
