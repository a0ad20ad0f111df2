"""A FHIR server that this project did not write (Medplum's router), and judges of every golden message:
R4's official JSON Schema and fhir.resources, which together catch what each alone lets pass (bridge.md 2.3)."""

import copy
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.destinations import FhirDestination
from config.settings import database_path
from hisbridge import outbox
from hisbridge.connectors.contract import Outcome, Sending
from hisbridge.connectors.fhir import FhirConnector
from hisbridge.connectors.fhir_answers import written
from hisbridge.outbox import State
from hisbridge.records import Event
from hisbridge.service import running
from tests.hisbridge.fhir_making import CCCD, GOLDEN, bundle, fhir, merged, proven, send, visit
from tests.hisbridge.making import MOMENT, coverage, database, eventually, listed, patient, record, settings
from tests.peers.fhir_peer import Place, ask, bundle_faults, faults, fhir_server, found
from wire.database import open_database, transaction

pytestmark = pytest.mark.peer

PERSON = f"Patient?identifier={CCCD}|001303900017"
DESTINATIONS = {
    "hl7.org.vn": fhir(),
    "ministry": fhir(identifiers="vn_core_moh"),
    "own": fhir(
        identifiers="own",
        systems={"personal_id": "urn:x:cccd", "insurance": "urn:x:bhyt", "record_number": "urn:x:mrn"},
        profiles={"Patient": "http://his.example/StructureDefinition/patient"},
        update_coverage=True,
    ),
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with fhir_server() as found:
        yield found


@pytest.fixture
def server(port: int) -> Place:
    return Place(port, f"/{uuid.uuid4().hex}")


def at(server: Place, **differences: Any) -> FhirDestination:
    return fhir(server.port, server.path, **differences)


@pytest.mark.parametrize("his", DESTINATIONS)
@pytest.mark.parametrize("name", GOLDEN)
def test_the_judges_find_nothing_wrong_in_any_golden_message(name: str, his: str) -> None:
    assert bundle_faults(bundle(GOLDEN[name], DESTINATIONS[his])) == []


def test_the_schema_accepts_a_whole_bundle() -> None:
    assert faults(bundle(GOLDEN["codes"])) == []


@pytest.mark.parametrize(
    ("kind", "element", "value"),
    [
        ("Patient", "gender", "nữ"),
        ("Patient", "birthDate", "14/02/2003"),
        ("Patient", "cccd", "001303900017"),
        ("Encounter", "status", None),
        ("Coverage", "payor", None),
    ],
)
def test_the_judges_see_planted_faults(kind: str, element: str, value: Any) -> None:
    told = copy.deepcopy(bundle(record()))
    [resource] = [one["resource"] for one in told["entry"] if one["resource"]["resourceType"] == kind]
    resource.pop(element, None)
    if value is not None:
        resource[element] = value
    assert bundle_faults(told)


def test_the_first_send_creates_and_a_replay_makes_nothing_new(server: Place) -> None:
    his = at(server)
    first, again = send(his, record()), send(his, record(), attempt=2)
    assert (first.text, again.text) == ("201 201 201 201", "200 200 200 200")
    assert first.outcome is again.outcome is Outcome.ACKNOWLEDGED
    assert first.answer is not None
    assert first.answer == again.answer
    assert first.answer.record_number == found(server, PERSON)[0]["id"]
    kept = {kind: len(found(server, kind)) for kind in ("Patient", "Coverage", "Encounter", "Provenance")}
    assert kept == {"Patient": 1, "Coverage": 1, "Encounter": 1, "Provenance": 1}


def test_a_renewed_card_gets_its_new_period_and_no_second_coverage(server: Place) -> None:
    his = at(server, update_coverage=True)
    first = send(his, record())
    renewed = record("visit-2", coverage=coverage(valid_from="2027-01-01", valid_to="2027-12-31"))
    again = [send(his, renewed, attempt=attempt).text for attempt in (1, 2)]
    assert (first.text, again) == ("201 201 201 201", ["200 200 201 201", "200 200 200 200"])
    [kept] = found(server, "Coverage")
    assert kept["period"] == {"start": "2027-01-01", "end": "2027-12-31"}


def test_a_second_visit_of_the_same_citizen_is_one_encounter_more(server: Place) -> None:
    his = at(server)
    first, second = send(his, record()), send(his, record("visit-2"))
    assert second.text == "200 200 201 201"
    assert first.answer is not None
    assert second.answer is not None
    assert first.answer.record_number == second.answer.record_number
    assert first.answer.visit_number != second.answer.visit_number
    assert len(found(server, "Encounter")) == 2


@pytest.mark.parametrize("one", [record(), proven()], ids=["condition", "reading first"])
def test_two_patients_of_one_number_are_a_humans_affair(server: Place, one: Any) -> None:
    for _ in range(2):
        twin = {"resourceType": "Patient", "identifier": [{"system": CCCD, "value": "001303900017"}]}
        assert ask(server, "POST", "/Patient", twin)[0] == 201
    receipt = send(at(server), one)
    assert receipt.outcome is Outcome.REJECTED
    assert "multiple-matches" in receipt.text
    # (A failed transaction of this server leaves its other entries behind; where we read first, nothing was sent.)
    if one.evidence == proven().evidence:
        assert found(server, "Encounter") == []


def test_a_proven_chip_corrects_the_person_and_takes_nothing_away(server: Place) -> None:
    theirs = {
        "resourceType": "Patient",
        "identifier": [{"system": CCCD, "value": "001303900017"}, {"system": "urn:x:mrn", "value": "BN1"}],
        "name": [{"use": "official", "text": "Nguyen Thi Hoai Thu"}, {"use": "nickname", "text": "Bé"}],
        "telecom": [{"system": "phone", "value": "0900000001"}],
        "birthDate": "2003-02-15",
    }
    assert ask(server, "POST", "/Patient", theirs)[0] == 201
    receipt = send(at(server, systems={"record_number": "urn:x:mrn"}), proven())
    assert receipt.answer is not None
    assert receipt.answer.record_number == "BN1"
    [kept] = found(server, PERSON)
    assert kept["name"][0]["text"] == "Nguyễn Thị Hoài Thử"
    assert kept["name"][1] == {"use": "nickname", "text": "Bé"}
    assert (kept["birthDate"], kept["gender"]) == ("2003-02-14", "female")
    assert kept["telecom"] == theirs["telecom"]
    assert kept["identifier"] == theirs["identifier"]
    version = kept["meta"]["versionId"]
    send(at(server), proven(), attempt=2)
    assert found(server, PERSON)[0]["meta"]["versionId"] == version


def test_a_visit_taken_back_is_cancelled_there_and_a_later_correction_leaves_its_state_alone(server: Place) -> None:
    his = at(server)
    send(his, record())
    visit_there = found(server, "Encounter")[0]
    ask(server, "PUT", f"/Encounter/{visit_there['id']}", {**visit_there, "status": "triaged"})
    corrected = record(event=Event.UPDATED, revision=1, visit=visit(reason="Đau đầu"))
    assert send(his, corrected).outcome is Outcome.ACKNOWLEDGED
    [kept] = found(server, "Encounter")
    assert (kept["status"], kept["reasonCode"]) == ("triaged", [{"text": "Đau đầu"}])
    for attempt in (1, 2):
        assert send(his, record(event=Event.CANCELLED, revision=2), attempt).outcome is Outcome.ACKNOWLEDGED
    assert [one["status"] for one in found(server, "Encounter")] == ["cancelled"]


def test_merged_patients_point_to_each_other(server: Place) -> None:
    twin = {"resourceType": "Patient", "identifier": [{"system": CCCD, "value": "001303900017"}]}
    ids = [ask(server, "POST", "/Patient", twin)[1]["id"] for _ in range(2)]
    for attempt in (1, 2):
        assert send(at(server), merged(*ids), attempt).outcome is Outcome.ACKNOWLEDGED
    kept, given_up = (ask(server, "GET", f"/Patient/{one}")[1] for one in ids)
    assert kept["link"] == [{"other": {"reference": f"Patient/{ids[1]}"}, "type": "replaces"}]
    assert given_up["link"] == [{"other": {"reference": f"Patient/{ids[0]}"}, "type": "replaced-by"}]
    assert (kept.get("active"), given_up["active"]) == (None, False)
    # The number stays with the one kept, so the next visit finds one person.
    assert send(at(server), record()).text == "200 201 201 201"


def test_every_golden_message_is_taken(server: Place) -> None:
    ask(server, "PUT", "/Appointment/a-17", {"resourceType": "Appointment", "status": "booked"})
    his = at(server)
    taken = {name: send(his, one) for name, one in GOLDEN.items() if name != "merged"}
    assert {name: one.outcome for name, one in taken.items()} == dict.fromkeys(taken, Outcome.ACKNOWLEDGED)


def test_what_the_servers_own_rules_refuse_goes_to_a_human(server: Place) -> None:
    one = bundle(record())
    one["entry"][0]["resource"]["gender"] = ["female"]
    receipt = FhirConnector(at(server)).send(written(one), Sending("K", 1))
    assert receipt.outcome is Outcome.REJECTED
    assert receipt.text.startswith("HTTP 400")
    assert "Nguyễn" not in receipt.text


def test_the_probe_is_content(server: Place) -> None:
    FhirConnector(at(server)).probe()


def test_the_bridge_delivers_in_order_and_hands_the_numbers_back(server: Place, tmp_path: Path) -> None:
    database(tmp_path)
    made = settings(tmp_path, at(server))
    with closing(open_database(database_path(made))) as connection:
        for number in range(3):
            with transaction(connection):
                one = record(f"v{number}", patient=patient(personal_id=f"00130390000{number}"))
                outbox.enqueue(connection, one, ("his",), MOMENT)
        with running(made):
            eventually(lambda: len(listed(connection, State.ACKNOWLEDGED)) == 3)
    told = [one["identifier"][0]["value"] for one in found(server, "Encounter")]
    assert told == ["v0", "v1", "v2"]


ANYTHING = st.text(max_size=40)


@given(
    name=ANYTHING,
    residence=ANYTHING,
    service=ANYTHING,
    visit_id=st.text(min_size=1, max_size=30).filter(str.isprintable),
    birth_date=st.none() | st.text("0123456789-", max_size=10),
    arrived_at=st.sampled_from(["2026-11-21T07:45:00+07:00", "2026-11-21T00:45:00.123456Z", "2026-13-99T99:99:99Z"]),
    appointment=st.none() | ANYTHING,
)
@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
def test_whatever_a_record_holds_the_message_stays_right(
    name: str,
    residence: str,
    service: str,
    visit_id: str,
    birth_date: str | None,
    arrived_at: str,
    appointment: str | None,
) -> None:
    stay = visit(
        visit_id=f"v{visit_id}",
        service_code=service,
        service_name=service,
        ticket_number=service,
        arrived_at=arrived_at,
        reason=residence,
        appointment_id=appointment,
    )
    person = patient(full_name=name, residence=residence, birth_date=birth_date, nationality=name, phone=service)
    assert bundle_faults(bundle(record(patient=person, visit=stay))) == []
