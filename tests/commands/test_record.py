"""`tiepdon record`: a schema that stands alone, and a check of one record."""

import json
import subprocess
import sys
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from config.destinations import Hl7v2Destination
from hisbridge.connectors.hl7v2 import render
from hisbridge.records import PatientRecord
from tests.hisbridge.making import record
from tests.hisbridge.strategies import records
from tiepdon.commands.record import EXAMPLE, schema
from wire.codec import from_json, to_json, to_plain
from wire.errors import MalformedMessage

HIS = Hl7v2Destination(name="his", host="127.0.0.1", port=2575)


def tiepdon(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "tiepdon.main", *arguments], input=stdin, capture_output=True)


def judge() -> Any:
    return jsonschema.Draft202012Validator(schema())


def test_the_printed_schema_is_a_valid_schema_that_needs_nothing_else() -> None:
    done = tiepdon("record", "schema")
    assert (done.returncode, done.stderr) == (0, b"")
    printed = json.loads(done.stdout)
    assert printed == schema()
    jsonschema.Draft202012Validator.check_schema(printed)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert printed["$id"].startswith("urn:")
    assert printed["type"] == "object"
    references = set(_values(printed, "$ref"))
    assert references <= {f"#/$defs/{name}" for name in printed["$defs"]}


def _values(node: Any, key: str) -> list[str]:
    below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    own = [node[key]] if isinstance(node, dict) and key in node else []
    return own + [value for child in below for value in _values(child, key)]


def test_every_field_is_described() -> None:
    made = schema()
    for name, part in {"PatientRecord": made, **made["$defs"]}.items():
        for field, told in part.get("properties", {}).items():
            described = "description" in told or "$ref" in told
            assert described, f"{name}.{field}"


def test_its_example_is_a_whole_record_that_validates_and_renders() -> None:
    (example,) = schema()["examples"]
    judge().validate(example)
    assert from_json(json.dumps(example), PatientRecord) == EXAMPLE
    assert example["synthetic"] is True
    assert b"IN1|" in render(EXAMPLE, HIS)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(plain=records)
def test_what_validates_against_the_schema_is_accepted_and_renders(plain: dict[str, Any]) -> None:
    judge().validate(plain)
    assert render(from_json(json.dumps(plain), PatientRecord), HIS).startswith(b"MSH|")


def without(*path: str) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(record())
    node = plain
    for name in path[:-1]:
        node = node[name]
    del node[path[-1]]
    return plain


def with_value(value: Any, *path: str) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(record())
    node = plain
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    return plain


BROKEN: list[tuple[Any, str]] = [
    (without("patient", "personal_id"), "personal_id"),
    (without("visit"), "visit"),
    (with_value("12", "patient", "personal_id"), "$.patient.personal_id"),
    (with_value("14/02/2003", "patient", "birth_date"), "$.patient.birth_date"),
    (with_value("Nữ", "patient", "sex"), "$.patient.sex"),
    (with_value("", "visit", "visit_id"), "$.visit.visit_id"),
    (with_value("x" * 65, "visit", "visit_id"), "$.visit.visit_id"),
    (with_value("2026-11-21 07:45", "visit", "arrived_at"), "$.visit.arrived_at"),
    (with_value("fine", "coverage", "verdict"), "$.coverage.verdict"),
    (with_value("tiepdon.patient_record/2", "version"), "$.version"),
    (with_value(1, "patient", "phone"), "$.patient.phone"),
    (with_value("x", "patient", "religion"), "religion"),
    ([], "$"),
]


@pytest.mark.parametrize(("plain", "field"), BROKEN)
def test_schema_and_decoder_refuse_the_same_records_and_name_the_field(plain: Any, field: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        judge().validate(plain)
    with pytest.raises(MalformedMessage) as caught:
        from_json(json.dumps(plain), PatientRecord)
    assert field in str(caught.value)


def test_validate_says_yes_or_names_the_field() -> None:
    good = tiepdon("record", "validate", stdin=b"\xef\xbb\xbf" + to_json(record()))
    assert (good.returncode, good.stdout, good.stderr) == (0, b"valid\n", b"")
    bad = tiepdon("record", "validate", stdin=json.dumps(BROKEN[2][0]).encode())
    assert bad.returncode == 2
    assert bad.stderr.count(b"\n") == 1
    assert b"$.patient.personal_id" in bad.stderr
    told = tiepdon("record", "validate", "--json", stdin=b"{")
    assert told.returncode == 2
    assert json.loads(told.stdout)["valid"] is False
