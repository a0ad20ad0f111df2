"""Newborns and others without a number, at every receiver: each made once, none taken for another, known by a number
later; and whoever brings them."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from config.destinations import DestinationSettings, FileDropDestination, RegistrationDestination
from config.destinations.local_agent import Screen, TypedField
from config.settings import database_path
from hisbridge import outbox
from hisbridge.agent.typing import blocks
from hisbridge.connectors import file_drop_csv, local_agent
from hisbridge.connectors.contract import Known, Outcome
from hisbridge.connectors.gaps import left_out
from hisbridge.connectors.hl7v2 import Hl7v2Connector, render
from hisbridge.connectors.registration_fields import registration
from hisbridge.connectors.rest import PERSON_UNKNOWN, RestConnector
from hisbridge.outbox import State
from hisbridge.records import Event, PatientRecord
from hisbridge.service import running
from sandbox.fhir import RECORD_NUMBERS, FhirServer
from sandbox.hospital_rest import HospitalRest
from tests.hisbridge.fhir_making import CCCD, at, send
from tests.hisbridge.making import (
    MOMENT,
    MOTHER,
    database,
    destination,
    eventually,
    listed,
    newborn,
    patient,
    record,
    settings,
)
from tests.hisbridge.rest_making import account_file, carried
from tests.hisbridge.rest_making import settings as rest_settings
from wire import sqlite
from wire.codec import from_json, to_json
from wire.database import open_database, transaction

NUMBER = "001226000017"


def numbered(visit_id: str = "visit-1", revision: int = 1, **differences: Any) -> PatientRecord:
    """The same newborn, whose number has become known."""
    return newborn(visit_id, number=NUMBER, event=Event.UPDATED, revision=revision, **differences)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite.Connection]:
    with closing(open_database(database(tmp_path))) as opened:
        yield opened


def owe(connection: sqlite.Connection, *records: PatientRecord, name: str = "his") -> None:
    for one in records:
        with transaction(connection):
            outbox.enqueue(connection, one, (name,), MOMENT)


# The outbox


def test_the_visit_orders_the_records_of_somebody_without_a_number_also_when_there_is_one(
    connection: sqlite.Connection,
) -> None:
    owe(connection, newborn("a"), newborn("b"), numbered("a"), newborn("c"))

    def due() -> list[tuple[str, int]]:
        claimed = outbox.claim(connection, "his", MOMENT, 10, 60.0)
        return [(one.record_id, from_json(one.payload, PatientRecord).revision) for one in claimed]

    assert due() == [("a", 0), ("b", 0), ("c", 0)], "nobody waits for another newborn, and the number for its arrival"
    ended = [outbox.Ended(one.delivery_id, State.ACKNOWLEDGED, MOMENT) for one in listed(connection, State.SENDING)]
    outbox.settle(connection, ended)
    assert due() == [("a", 1)]


def test_a_record_that_holds_neither_number_is_a_person_of_its_own() -> None:
    told = newborn(patient=patient(personal_id=None))
    assert told.local_id == "visit-1"
    assert record().local_id is None
    assert from_json(to_json(told), PatientRecord) == told


# HL7 v2


def segments(one: PatientRecord, **differences: Any) -> dict[str, list[str]]:
    lines = render(one, destination(**differences)).decode().split("\r")[:-1]
    return {line[:3]: line.split("|") for line in lines}


def test_hl7_names_a_newborn_by_our_own_number_and_later_by_both() -> None:
    first, later = segments(newborn()), segments(numbered())
    assert first["PID"][3] == "visit-1^^^TIEPDON^PI"
    assert later["PID"][3] == f"{NUMBER}^^^VNID^NI~visit-1^^^TIEPDON^PI"
    assert (first["MSH"][8], later["MSH"][8]) == ("ADT^A04^ADT_A01", "ADT^A08^ADT_A01")
    assert first["PV1"][19] == later["PV1"][19] == "visit-1^^^TIEPDON^VN"
    known = render(numbered(), destination(), Known("BN000001")).decode()
    assert f"{NUMBER}^^^VNID^NI~visit-1^^^TIEPDON^PI~BN000001^^^HIS^MR" in known, "as the receiver named them itself"


def test_hl7_tells_who_brings_them_and_never_as_the_patients_number() -> None:
    told = segments(newborn())
    assert list(told) == ["MSH", "EVN", "PID", "NK1", "PV1"]
    nk1 = told["NK1"]
    assert nk1[1:4] == ["1", "Trần^Mẫu^Thị^^^^L", "MTH^Mother^HL70063"]
    assert nk1[5] == "0900000002^PRN^CP^^^^^^^^^0900000002"
    assert nk1[33] == "001303900025^^^VNID^NI"
    assert "001303900025" not in "|".join(told["PID"])
    assert "NK1" not in segments(newborn(event=Event.CANCELLED, revision=1))
    assert "NK1" in segments(newborn(), about="person")


def test_nobody_is_sought_by_no_number() -> None:
    asking = Hl7v2Connector(destination(1, query="pdq"))  # nobody listens there
    for one in (newborn(), numbered()):
        assert asking.identify(one) == Known()
    asking.close()


# FHIR


@pytest.fixture
def his() -> FhirServer:
    return FhirServer()


def test_fhir_makes_each_newborn_once_and_meets_nobody_else(his: FhirServer) -> None:
    with at(his) as there:
        for visit in ("a", "b"):  # twins: the same name, day and mother
            told = [send(there, newborn(visit), attempt).text for attempt in (1, 2)]
            assert told == ["201 201 201 201", "200 200 200 200"]
        persons = his.resources("Patient")
        assert [one["identifier"][0] for one in persons] == [
            {
                "use": "temp",
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PI"}]},
                "system": "urn:tiepdon:person",
                "value": visit,
            }
            for visit in ("a", "b")
        ]
        assert CCCD not in json.dumps(persons)
        assert persons[0]["contact"][0]["name"]["text"] == MOTHER.full_name
        [mother, again] = his.resources("RelatedPerson")
        assert mother["patient"] != again["patient"]
        assert mother["relationship"][0]["coding"][0]["code"] == "MTH"
        assert mother["identifier"][1]["value"] == MOTHER.personal_id


def test_fhir_gives_the_patient_of_our_making_the_number_and_the_corrections(his: FhirServer) -> None:
    with at(his) as there:
        first = send(there, newborn())
        changed = patient(personal_id=NUMBER, local_id="visit-1", full_name="Trần An Thử", birth_date="2026-11-20")
        receipt = send(there, numbered(patient=changed))
        again = send(there, numbered(patient=changed), attempt=2)
    assert (receipt.outcome, again.outcome) == (Outcome.ACKNOWLEDGED, Outcome.ACKNOWLEDGED)
    assert receipt.open_work == ()
    assert first.answer == receipt.answer, "the same person and visit"
    [kept] = his.resources("Patient")
    assert kept["name"][0]["text"] == "Trần An Thử"
    systems = {one["system"]: one["value"] for one in kept["identifier"]}
    assert systems[CCCD] == NUMBER
    assert {"urn:tiepdon:person", RECORD_NUMBERS} <= set(systems), "nothing of theirs goes"
    assert kept["meta"]["versionId"] == "2", "and a resend changes nothing"


def test_fhir_puts_no_number_on_a_second_patient_and_lets_staff_merge(his: FhirServer) -> None:
    with at(his) as there:
        send(there, record("before", patient=patient(personal_id=NUMBER)))
        send(there, newborn())
        receipt = send(there, numbered())
        assert receipt.outcome is Outcome.ACKNOWLEDGED
        assert receipt.open_work == ("Patient.identifier:known_already",)
        later = send(there, record("after", patient=patient(personal_id=NUMBER)))
    holders = [one for one in his.resources("Patient") if NUMBER in json.dumps(one["identifier"])]
    assert len(holders) == 1
    assert later.outcome is Outcome.ACKNOWLEDGED, "or no later visit of theirs would find one person"


# A registration interface without a key


def test_rest_makes_newborns_once_each_and_the_number_goes_to_whom_it_made(tmp_path: Path) -> None:
    hospital = HospitalRest()
    database(tmp_path)
    with hospital.serving() as (_, port):
        made = settings(tmp_path, rest_settings(port, account_file(tmp_path)))
        with closing(open_database(database_path(made))) as db:
            owe(db, newborn("a"), newborn("b"), numbered("a"), name="dhg")
            with running(made):
                eventually(lambda: len(listed(db, State.ACKNOWLEDGED)) == 3)
            assert {one.open_work for one in listed(db)} == {("guardian:no_place",), ()}, "the newest of each is open"
    assert len(hospital.patients) == len(hospital.bookings) == 2
    assert [one.get("cmnd") for one in hospital.patients.values()] == [NUMBER, None]


def test_rest_never_makes_somebody_again_who_may_be_there_and_cannot_be_sought(tmp_path: Path) -> None:
    hospital = HospitalRest()
    with hospital.serving() as (_, port), closing(RestConnector(rest_settings(port, account_file(tmp_path)))) as made:
        receipt = carried(made, newborn(), attempt=2, doubtful=True)
    assert (receipt.outcome, receipt.text, receipt.doubtful) == (Outcome.REJECTED, PERSON_UNKNOWN, False)
    assert not hospital.patients


# The others


def test_each_other_form_carries_what_it_has_a_place_for() -> None:
    told = file_drop_csv.read(file_drop_csv.write(newborn(), byte_order_mark=False))
    assert (told["personal_id"], told["local_id"]) == ("", "visit-1")
    guardian = {name: told[f"guardian_{name}"] for name in ("name", "relation", "personal_id", "phone")}
    assert list(guardian.values()) == [MOTHER.full_name, "mother", MOTHER.personal_id, MOTHER.phone]
    assert local_agent.personal_info(newborn())["idCode"] == ""
    assert MOTHER.full_name in (local_agent.render(newborn(), "tiepdon") or b"").decode()
    screen = Screen(fields=tuple(TypedField(field=name) for name in ("personal_id", "guardian_name", "guardian_phone")))
    assert [one.text for one in blocks(newborn(), screen)] == ["", MOTHER.full_name, MOTHER.phone]
    body = registration(newborn(), Known(), REGISTRATION)
    assert (body["THONG_TIN_BN"]["SO_GTTT"], body["THONG_TIN_BN"]["MA_BN"]) == (None, None)


REGISTRATION = RegistrationDestination(
    name="kcb", base_url="http://127.0.0.1:1", merchant_id="KIOSK", secret_file="none"
)
XML1 = FileDropDestination(name="drop", folder="/nowhere", form="xml1")


@pytest.mark.parametrize(
    ("there", "one", "left"),
    [
        (REGISTRATION, newborn(), ("SO_GTTT:required", "guardian:no_place")),
        (REGISTRATION, numbered(), ("SO_GTTT:later", "guardian:no_place")),
        (REGISTRATION, record(), ()),
        (REGISTRATION, newborn(event=Event.CANCELLED), ()),
        (XML1, newborn(), ("guardian:no_place",)),
        (destination(), newborn(), ()),
    ],
)
def test_what_a_receiver_has_no_place_for_is_work_for_its_staff(
    there: DestinationSettings, one: PatientRecord, left: tuple[str, ...]
) -> None:
    assert left_out(one, there) == left
