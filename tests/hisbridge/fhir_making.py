"""What the FHIR tests are made of: settings, records of each event, and every golden message."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.destinations import FhirDestination
from hisbridge.connectors.contract import Known, Receipt, Sending
from hisbridge.connectors.fhir import FhirConnector
from hisbridge.connectors.fhir_bundle import render
from hisbridge.identity import idempotency_key
from hisbridge.questions import Coverage, Verdict
from hisbridge.records import AddressCodes, Arrival, Event, Guardian, Merge, Patient, PatientRecord, Proof, ProofCheck
from sandbox.fhir import RECORD_NUMBERS, FhirServer
from tests.hisbridge.making import coverage, newborn, patient, record

CCCD = "http://fhir.hl7.org.vn/core/sid/cccd"
BHYT = "http://fhir.hl7.org.vn/core/sid/bhyt"
CHECKS = ("access", "hashes", "signature", "chain", "chip_authentication", "agreement")


def fhir(port: int = 80, path: str = "/fhir", **differences: Any) -> FhirDestination:
    """One that needs no search before an arrival, unless the chip proves the person; else as the settings are."""
    usual: dict[str, Any] = {"name": "his", "base_url": f"http://127.0.0.1:{port}{path}", "timeout_seconds": 5.0}
    usual["update_coverage"] = False
    return FhirDestination(**{**usual, **differences})


def proof(source: Any = "chip", **results: Any) -> Proof:
    """A chip read with every check passed, but for those named."""
    checks = {name: ProofCheck(result=results.get(name, "passed")) for name in CHECKS}
    return Proof(source=source, read_at="2026-11-21T00:44:58Z", checks=checks if source == "chip" else {})


def proven(visit_id: str = "visit-1", **differences: Any) -> PatientRecord:
    return record(visit_id, **{"evidence": proof(), **differences})


def visit(**differences: Any) -> Arrival:
    usual: dict[str, Any] = {
        "visit_id": "visit-1",
        "arrived_at": "2026-11-21T07:45:00+07:00",
        "service_code": "KB",
        "service_name": "Khám bệnh",
        "ticket_number": "0001",
    }
    return Arrival(**{**usual, **differences})


def merged(kept: str = "BN000001", given_up: str = "BN000002") -> PatientRecord:
    merge = Merge(kept=kept, given_up=given_up, confirmed_by="Trần Thị Mẫu")
    return record(event=Event.MERGED, revision=1, merge=merge)


GOLDEN: dict[str, PatientRecord] = {
    "usual": record(),
    "proven chip": proven(),
    "typed number only": record(
        patient=Patient(personal_id="001303900017"), coverage=None, synthetic=False, evidence=proof("typed")
    ),
    "year of birth": record(patient=patient(birth_date="1948", sex="unknown", previous_id=None)),
    "impossible day": record(patient=patient(birth_date="1948-02-31")),
    "one-word name": record(patient=patient(full_name="Thử")),
    "long ethnic name": record(patient=patient(full_name="Y Bơ\u0306k Thử Niê Kđăm", ethnicity="Ê Đê", phone=None)),
    "control characters": record(
        patient=patient(residence="Số 1\x00\x0b\x1b, Phường\u2028Mẫu\r\nHà Nội", full_name="A\tB")
    ),
    "codes": proven(
        patient=patient(
            residence="Số 1 Phố Mẫu, Phường Ba Đình, Hà Nội",
            residence_codes=AddressCodes(province_code="01", ward_code="00004", detail="Số 1 Phố Mẫu"),
            ethnicity_code="01",
        )
    ),
    "province only": proven(patient=patient(residence_codes=AddressCodes(province_code="01", detail="Số 1"))),
    "not insured": record(coverage=Coverage(verdict=Verdict.NOT_INSURED, result_code="010")),
    "mismatch": record(coverage=coverage(verdict=Verdict.MISMATCH)),
    "card without dates": record(coverage=coverage(valid_from=None, valid_to=None, registered_facility=None)),
    "everything about the visit": record(
        visit=visit(reason="Đau đầu\ntừ hôm qua", visit_type="01", appointment_id="a-17", referral_number="1")
    ),
    "odd visit id": record("lượt|1,2$3\\4 &?#%"),
    "late answer": record(event=Event.UPDATED, revision=1),
    "cancelled": record(event=Event.CANCELLED, revision=2),
    "merged": merged(),
    "a newborn without a number": newborn(),
    "their number known since": newborn(number="001226000017", event=Event.UPDATED, revision=1),
    "a newborn taken back": newborn(event=Event.CANCELLED, revision=1),
    "a guardian of odd letters": record(
        guardian=Guardian(full_name="\x00 \u2028\u202e|^~\\&", relation="other", phone="\r\n\x85")
    ),
}


def bundle(one: PatientRecord, his: FhirDestination | None = None) -> dict[str, Any]:
    """The message as a receiver parses it."""
    told: dict[str, Any] = json.loads(render(one, his or fhir()) or b"null")
    return told


def resources(one: PatientRecord, kind: str, his: FhirDestination | None = None) -> list[dict[str, Any]]:
    return [each["resource"] for each in bundle(one, his)["entry"] if each["resource"]["resourceType"] == kind]


def send(his: FhirDestination, one: PatientRecord, attempt: int = 1) -> Receipt:
    """One record through a connector of its own."""
    connector = FhirConnector(his)
    try:
        message = connector.render(one, Known())
        assert message is not None
        key = idempotency_key(his.name, one.visit.visit_id, one.revision)
        return connector.send(message, Sending(key, attempt))
    finally:
        connector.close()


def secret_file(folder: Path, text: str = "bí mật thử\n") -> str:
    file = folder / "secret"
    file.write_text(text, "utf-8")
    file.chmod(0o600)
    return str(file)


@contextmanager
def at(server: FhirServer, **differences: Any) -> Iterator[FhirDestination]:
    """The sandbox's FHIR server as a destination."""
    with server.serving() as (_, port):
        yield fhir(port, **{"systems": {"record_number": RECORD_NUMBERS}, **differences})
