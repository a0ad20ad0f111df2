"""What a FHIR server holds already: an update takes nothing of it away, and nobody is chosen by guessing."""

import contextlib
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisbridge.connectors.contract import Outcome
from hisbridge.connectors.fhir_answers import written
from hisbridge.connectors.fhir_held import Refused, overlaid
from hisbridge.records import Event
from sandbox.fhir import RECORD_NUMBERS, FhirServer
from sandbox.web import serving
from tests.hisbridge.fhir_making import BHYT, CCCD, GOLDEN, at, bundle, fhir, merged, proven, send, visit
from tests.hisbridge.making import coverage, patient, record
from wire.server import Request, Response


@pytest.fixture
def his() -> FhirServer:
    return FhirServer()


def test_a_proven_chip_changes_only_name_birth_date_and_sex(his: FhirServer) -> None:
    theirs = his.put(
        {
            "resourceType": "Patient",
            "identifier": [{"system": CCCD, "value": "001303900017"}],
            "text": {"status": "generated", "div": "<div>NGUYEN THI</div>"},
            "name": [{"text": "NGUYEN THI", "use": "official"}],
            "telecom": [{"system": "phone", "value": "0900000001"}],
            "maritalStatus": {"text": "S"},
            "extension": [{"url": "urn:x:score", "valueDecimal": 1.5}],
        }
    )
    with at(his) as destination:
        assert send(destination, proven()).outcome is Outcome.ACKNOWLEDGED
        [kept] = his.resources("Patient")
        changed = {name for name in {**theirs, **kept} if theirs.get(name) != kept.get(name)}
        assert changed == {"name", "birthDate", "gender", "meta", "text"}
        assert "text" not in kept
        assert send(destination, proven("visit-2")).outcome is Outcome.ACKNOWLEDGED
    assert his.resources("Patient") == [kept]


def test_an_unproven_card_changes_nothing_of_the_person(his: FhirServer) -> None:
    theirs = his.put({"resourceType": "Patient", "identifier": [{"system": CCCD, "value": "001303900017"}]})
    with at(his) as destination:
        send(destination, record())
        send(destination, proven("visit-2", event=Event.UPDATED, revision=1))
    assert his.resources("Patient") == [theirs]


def test_a_birth_date_known_better_there_does_not_become_coarser(his: FhirServer) -> None:
    person = {"identifier": [{"system": CCCD, "value": "001303900017"}], "birthDate": "1948-05-12"}
    his.put({"resourceType": "Patient", **person})
    with at(his) as destination:
        send(destination, proven(patient=patient(birth_date="1948")))
    assert his.resources("Patient")[0]["birthDate"] == "1948-05-12"


def test_decimals_of_others_keep_their_digits(his: FhirServer) -> None:
    bodies: list[bytes] = []
    held = b"""{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Patient","id":"1",
        "identifier":[{"value":"001303900017"}],"extension":[{"url":"urn:x","valueDecimal":1.10}]}}]}"""

    def kept(request: Request) -> Response:
        bodies.append(request.body)
        return Response(status=422)

    with serving(
        {("POST", "/fhir"): kept, ("POST", "/fhir/Patient/_search"): lambda _: Response(body=held)}, 0
    ) as port:
        send(fhir(port), proven())
    assert b'"valueDecimal":1.10}' in bodies[0]


def test_somebody_elses_change_in_between_is_read_again(his: FhirServer) -> None:
    his.put({"resourceType": "Patient", "identifier": [{"system": CCCD, "value": "001303900017"}]})
    refused = Response(
        412, b'{"resourceType":"OperationOutcome","issue":[{"code":"conflict"}]}', "application/fhir+json"
    )
    real = his.routes()
    with serving(_Instead(real, ("POST", "/fhir"), refused), 0) as port:
        receipt = send(fhir(port), proven())
        assert (receipt.outcome, receipt.text) == (Outcome.TRY_LATER, "HTTP 412 conflict")
        assert send(fhir(port), proven(), attempt=8).outcome is Outcome.REJECTED


def test_care_that_has_begun_is_not_cancelled_by_a_machine(his: FhirServer) -> None:
    with at(his) as destination:
        send(destination, record())
        [there] = his.resources("Encounter")
        his.put({**there, "status": "in-progress"})
        receipt = send(destination, record(event=Event.CANCELLED, revision=1))
    assert (receipt.outcome, receipt.text) == (Outcome.REJECTED, "care_has_begun")
    assert his.resources("Encounter")[0]["status"] == "in-progress"


def test_an_appointment_of_theirs_becomes_arrived_and_an_unknown_one_stops_nobody(his: FhirServer) -> None:
    booked = {"resourceType": "Appointment", "id": "a-17", "status": "booked", "participant": [{"status": "accepted"}]}
    his.put(booked)
    with at(his) as destination:
        for number, appointment in (("1", "a-17"), ("2", "a-99")):
            arrived = record(visit=visit(visit_id=f"visit-{number}", appointment_id=appointment))
            assert send(destination, arrived).outcome is Outcome.ACKNOWLEDGED
    [kept] = his.resources("Appointment")
    assert (kept["status"], kept["participant"]) == ("arrived", [{"status": "accepted"}])
    first, second = his.resources("Encounter")
    assert first["appointment"] == [{"reference": "Appointment/a-17"}]
    assert "appointment" not in second


def test_two_records_of_one_person_are_linked_and_a_number_nobody_has_goes_to_a_human(his: FhirServer) -> None:
    for _ in range(2):
        his.put({"resourceType": "Patient"})
    with at(his) as destination:
        assert send(destination, merged()).outcome is Outcome.ACKNOWLEDGED
        receipt = send(destination, merged(given_up="BN000099"))
        assert (receipt.outcome, receipt.text) == (Outcome.REJECTED, "record_number_unknown")
        # The other way round would make a ring.
        receipt = send(destination, merged("BN000002", "BN000001"))
        assert (receipt.outcome, receipt.text) == (Outcome.REJECTED, "kept_was_replaced")
    kept, given_up = his.resources("Patient")
    assert given_up["link"] == [{"other": {"reference": f"Patient/{kept['id']}"}, "type": "replaced-by"}]
    assert given_up["active"] is False


def test_after_a_merge_the_number_finds_one_person_again(his: FhirServer) -> None:
    number = {"system": CCCD, "value": "001303900017"}
    for _ in range(2):
        his.put({"resourceType": "Patient", "identifier": [number]})
    with at(his) as destination:
        assert send(destination, record()).outcome is Outcome.REJECTED
        for attempt in (1, 2):
            assert send(destination, merged(), attempt).outcome is Outcome.ACKNOWLEDGED
        receipt = send(destination, record())
    assert receipt.answer is not None
    assert receipt.answer.record_number == "BN000001"
    kept, given_up = his.resources("Patient")
    assert [one["system"] for one in kept["identifier"]] == [CCCD, RECORD_NUMBERS]
    assert [one["system"] for one in given_up["identifier"]] == [RECORD_NUMBERS]


@pytest.mark.parametrize("one", [record(), proven()], ids=["condition", "reading first"])
def test_a_person_held_twice_is_a_humans_affair(his: FhirServer, one: Any) -> None:
    for _ in range(2):
        his.put({"resourceType": "Patient", "identifier": [{"system": CCCD, "value": "001303900017"}]})
    with at(his) as destination:
        receipt = send(destination, one)
    assert receipt.outcome is Outcome.REJECTED
    assert "multiple-matches" in receipt.text
    assert his.resources("Encounter") == []


def test_a_renewed_card_gets_its_new_period_and_a_new_number_is_a_card_of_its_own(his: FhirServer) -> None:
    with at(his, update_coverage=True) as destination:
        send(destination, record())
        send(destination, record("visit-2", coverage=coverage(valid_from="2027-01-01", valid_to="2027-12-31")))
        [kept] = his.resources("Coverage")
        assert kept["period"] == {"start": "2027-01-01", "end": "2027-12-31"}
        send(destination, record("visit-3", coverage=coverage(valid_from=None, valid_to=None)))
        [kept] = his.resources("Coverage")
        assert kept["period"] == {"start": "2027-01-01", "end": "2027-12-31"}  # nobody told another one
        send(destination, record("visit-4", coverage=coverage(card_number="HC4000000000017")))
        assert [one["subscriberId"] for one in his.resources("Coverage")] == ["GD4000000000017", "HC4000000000017"]


def test_of_a_renewed_card_only_what_the_insurer_confirmed_changes(his: FhirServer) -> None:
    theirs = {
        "resourceType": "Coverage",
        "identifier": [{"system": BHYT, "value": "GD4000000000017"}],
        "status": "cancelled",
        "beneficiary": {"reference": "Patient/77"},
        "payor": [{"display": "BHXH"}],
        "order": 1,
    }
    his.put({**theirs, "period": {"start": "2020-01-01"}})
    with at(his, update_coverage=True) as destination:
        send(destination, record(coverage=coverage(valid_from=None, registered_facility=None)))
    [kept] = his.resources("Coverage")
    told = {name: kept[name] for name in ("status", "beneficiary", "payor", "order", "period")}
    confirmed = {"status": "active", "period": {"start": "2020-01-01", "end": "2026-12-31"}}
    assert told == {**{name: theirs[name] for name in ("beneficiary", "payor", "order")}, **confirmed}


def test_a_card_that_was_entered_by_mistake_is_not_brought_back(his: FhirServer) -> None:
    mistake = {"identifier": [{"system": BHYT, "value": "GD4000000000017"}], "status": "entered-in-error"}
    his.put({"resourceType": "Coverage", **mistake})
    with at(his, update_coverage=True) as destination:
        assert send(destination, record()).outcome is Outcome.ACKNOWLEDGED
    assert [one["status"] for one in his.resources("Coverage")] == ["entered-in-error"]


class _Instead(dict[Any, Any]):
    """A server's routes with another answer to one call."""

    def __init__(self, real: Any, call: tuple[str, str], answer: Response) -> None:
        super().__init__()
        self._real, self._call, self._answer = real, call, answer

    def get(self, key: Any, default: Any = None) -> Any:
        return (lambda _: self._answer) if key == self._call else self._real.get(key, default)


def test_no_number_of_a_person_stands_in_an_address(his: FhirServer) -> None:
    addresses: list[str] = []

    class Noting(dict[Any, Any]):
        def get(self, key: Any, default: Any = None) -> Any:
            def noted(request: Request) -> Response:
                addresses.append(f"{request.path}?{request.query}")
                answer: Response = real.get(key, default)(request)
                return answer

            return noted

    real = his.routes()
    with serving(Noting(), 0) as port:
        assert send(fhir(port), proven()).outcome is Outcome.ACKNOWLEDGED
    assert [one.partition("?")[0] for one in addresses] == ["/fhir/Patient/_search", "/fhir"]
    assert not any("001303900017" in one for one in addresses)


NAMES = st.sampled_from(
    [
        "name",
        "use",
        "text",
        "status",
        "link",
        "other",
        "reference",
        "type",
        "identifier",
        "system",
        "value",
        "meta",
        "versionId",
        "birthDate",
        "gender",
        "period",
        "official",
        "generated",
        "id",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(held=st.dictionaries(NAMES, JSON, max_size=6), name=st.sampled_from(sorted(GOLDEN)))
@hypothesis.settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_a_server_holds_is_kept_or_refused(held: dict[str, Any], name: str) -> None:
    for one in bundle(GOLDEN[name])["entry"]:
        with contextlib.suppress(Refused):
            changed = overlaid(held, one["resource"])
            written({"resource": changed})
            touched = {key for key in held if changed.get(key) != held[key]}
            assert touched <= {*one["resource"], "text"} | {key for key in held if held[key] == []}


def test_a_server_that_searches_for_anybody_has_nobody_overwritten() -> None:
    sent: list[bytes] = []
    stranger = b"""{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Patient","id":"5",
        "identifier":[{"system":"http://fhir.hl7.org.vn/core/sid/cccd","value":"001303900099"}]}}]}"""

    def taken(request: Request) -> Response:
        sent.append(request.body)
        return Response(status=422)

    routes = {("POST", "/fhir"): taken, ("POST", "/fhir/Patient/_search"): lambda _: Response(body=stranger)}
    with serving(routes, 0) as port:
        receipt = send(fhir(port), proven())
    assert (receipt.outcome, receipt.text, sent) == (Outcome.REJECTED, "other_identifier Patient", [])
