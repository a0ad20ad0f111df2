"""`tiepdon record`: the PatientRecord's JSON Schema for integrators, and a check of records against it."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO

from hisbridge.questions import Coverage, Verdict
from hisbridge.records import Arrival, Patient, PatientRecord, Proof, ProofCheck, Site
from tiepdon.record_problems import Problem, problems, split
from wire.codec import from_json, json_schema, to_json, to_plain
from wire.errors import MalformedMessage

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = "urn:tiepdon:patient_record:1"
EXIT_MALFORMED = 2
END = r"(?![\s\S])"  # the end of the text in every dialect; `$` is not in Python, Java, .NET and PCRE

EXAMPLE = PatientRecord(
    recorded_at="2026-11-21T07:45:00+07:00",
    site=Site(facility_code="99999", facility_name="Bệnh viện Mẫu", kiosk_id="kiosk-1"),
    patient=Patient(
        personal_id="001303900017",
        full_name="Trần Thị Mẫu",
        birth_date="2003-02-14",
        sex="female",
        residence="Số 1 Đường Mẫu, Phường Mẫu, Hà Nội",
        place_of_origin="Phường Mẫu, Hà Nội",
        nationality="Việt Nam",
        ethnicity="Kinh",
        previous_id="012345678",
        issue_date="2021-05-20",
        expiry_date="2028-02-14",
        phone="0000000000",
    ),
    visit=Arrival(
        visit_id="0193f2c4a1b24c6d8e0f123456789abc",
        arrived_at="2026-11-21T07:45:00+07:00",
        service_code="KB",
        service_name="Khám bệnh",
        ticket_number="0001",
    ),
    evidence=Proof(
        source="chip",
        read_at="2026-11-21T00:44:58Z",
        checks={
            "access": ProofCheck(result="passed", protocol="PACE", algorithm="PACE-ECDH-GM-AES-CBC-CMAC-128"),
            "signature": ProofCheck(result="passed"),
            "active_authentication": ProofCheck(result="not_done", reason="chip.not_supported"),
        },
    ),
    coverage=Coverage(
        verdict=Verdict.VALID,
        result_code="000",
        card_number="GD4000000000017",
        social_security_number="0000000017",
        valid_from="2026-01-01",
        valid_to="2026-12-31",
        registered_facility="99999",
        five_year_date="2025-01-01",
        asked_at="2026-11-21T07:44:59+07:00",
        asked_by="kiosk-1",
    ),
    synthetic=True,
)


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `record` and its own commands."""
    record = subparsers.add_parser("record", help="the PatientRecord's schema", description=__doc__)
    commands = record.add_subparsers(metavar="ACTION", required=True)

    schema = commands.add_parser("schema", help="print the JSON Schema (draft 2020-12) of PatientRecord")
    schema.add_argument("--json", action="store_true", help="print JSON (always so; accepted for uniformity)")
    schema.set_defaults(run=_run_schema)

    validate = commands.add_parser(
        "validate",
        help="check PatientRecords on standard input: one, or one a line; every wrong field is named; exit 2 for any",
    )
    validate.add_argument("--json", action="store_true", help="answer as JSON, one object for each record")
    validate.set_defaults(run=_run_validate)


def schema() -> dict[str, Any]:
    """The schema as one document that needs nothing else, with a whole synthetic record as its example."""
    made = _portable(json.loads(to_json(json_schema(PatientRecord))))
    parts = dict(made["$defs"])
    root = parts.pop("PatientRecord")
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_ID,
        **root,
        "examples": [to_plain(EXAMPLE)],
        "$defs": dict(sorted(parts.items())),
    }


def read_record(stdin: BinaryIO) -> PatientRecord:
    """One PatientRecord as JSON, with or without a byte order mark. Raises MalformedMessage."""
    return from_json(stdin.read().removeprefix(b"\xef\xbb\xbf"), PatientRecord)


def malformed_line(error: MalformedMessage) -> str:
    """One line that names the field."""
    return f"tiepdon: not a PatientRecord: {error.data.get('where')}: {error.data.get('why')}\n"


def _portable(node: Any) -> Any:
    """Python's end of a text, `\\Z`, is a letter to other dialects of regular expressions."""
    if isinstance(node, list):
        return [_portable(child) for child in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value.replace(r"\Z", END) if key == "pattern" and isinstance(value, str) else _portable(value)
        for key, value in node.items()
    }


def _run_schema(options: argparse.Namespace) -> int:  # noqa: ARG001 - every command takes its options
    sys.stdout.buffer.write(json.dumps(schema(), ensure_ascii=False, indent=2).encode() + b"\n")
    return 0


def _run_validate(options: argparse.Namespace) -> int:
    records = split(sys.stdin.buffer.read().removeprefix(b"\xef\xbb\xbf"))
    several, wrong = len(records) > 1, 0
    for line, text in records:
        found = problems(text)
        wrong += bool(found)
        if options.json:
            sys.stdout.write(json.dumps(_told(found) | ({"line": line} if several else {})) + "\n")
            continue
        for problem in found:
            place = f"line {line}: " if several else ""
            sys.stderr.write(f"tiepdon: not a PatientRecord: {place}{problem.where}: {problem.why}\n")
    if not wrong and not options.json:
        sys.stdout.write(f"valid: {len(records)} records\n" if several else "valid\n")
    return EXIT_MALFORMED if wrong else 0


def _told(found: Sequence[Problem]) -> dict[str, Any]:
    if not found:
        return {"valid": True}
    told = [{"where": problem.where, "why": problem.why} for problem in found]
    return {"valid": False, **told[0], "problems": told}
