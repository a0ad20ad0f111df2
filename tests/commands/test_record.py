"""`tiepdon record`: a schema that stands alone, and a check of one record."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.destinations import Hl7v2Destination
from hisbridge.connectors.hl7v2 import render
from hisbridge.records import PatientRecord
from tests.hisbridge.making import record
from tests.hisbridge.strategies import records
from tiepdon.commands.record import EXAMPLE, schema
from tiepdon.record_problems import BESIDES, problems
from wire.codec import from_json, to_json, to_plain
from wire.errors import MalformedMessage

HIS = Hl7v2Destination(name="his", host="127.0.0.1", port=2575)

PUBLISHED = Path(__file__).parents[2] / "docs" / "integration" / "patient-record.schema.json"
JUDGE = jsonschema.Draft202012Validator(schema())


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


def test_the_published_schema_is_the_one_that_is_printed() -> None:
    """`tiepdon record schema > docs/integration/patient-record.schema.json` after every change of the record."""
    published = PUBLISHED.read_bytes()
    assert published == tiepdon("record", "schema").stdout
    assert json.loads(published) == schema()


def test_its_patterns_mean_the_same_in_every_dialect() -> None:
    patterns = _values(schema(), "pattern")
    assert patterns
    for pattern in patterns:
        assert pattern.startswith("^")
        assert pattern.endswith(r"(?![\s\S])")
        assert not re.search(r"\\[ZAz]|\$", pattern)


def test_every_text_is_bounded() -> None:
    """But for what has a pattern, a list of values, or is a name of our own."""

    def texts(node: Any) -> Iterator[dict[str, Any]]:
        below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
        if isinstance(node, dict) and node.get("type") == "string":
            yield node
        for child in below:
            yield from texts(child)

    made = schema()
    del made["examples"]
    assert [text for text in texts(made) if not {"maxLength", "pattern", "enum", "const"} & text.keys()] == []


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
    (with_value("001303900017\n", "patient", "personal_id"), "$.patient.personal_id"),
    (with_value("2003\n", "patient", "birth_date"), "$.patient.birth_date"),
    (with_value("2028-02-14\n", "patient", "expiry_date"), "$.patient.expiry_date"),
    (with_value("2026-11-21T07:45:00+07:00\n", "visit", "arrived_at"), "$.visit.arrived_at"),
    (with_value("01028\n", "site", "facility_code"), "$.site.facility_code"),
    (with_value("x" * 256, "patient", "full_name"), "$.patient.full_name"),
    (with_value("x" * 1025, "patient", "residence"), "$.patient.residence"),
    (with_value("1\n", "visit", "accident_code"), "$.visit.accident_code"),
    (with_value({"province_code": "01", "ward_code": "1"}, "patient", "residence_codes"), "residence_codes.ward_code"),
    (with_value(-1, "revision"), "$.revision"),
    (with_value("told", "event"), "$.event"),
    ([], "$"),
]


@pytest.mark.parametrize(("plain", "field"), BROKEN)
def test_schema_and_decoder_refuse_the_same_records_and_name_the_field(plain: Any, field: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        judge().validate(plain)
    with pytest.raises(MalformedMessage) as caught:
        from_json(json.dumps(plain), PatientRecord)
    assert field in str(caught.value)


# What an independent judge says of records that are good, and of the same with one thing broken.

broken_values = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 10_001), st.text(max_size=12), st.just("x" * 2000), st.just([]),
    st.just({}), st.floats(allow_nan=False, allow_infinity=False, width=16), st.just("2026-11-21\n"), st.just("1.1\n"),
)  # fmt: skip


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return (
        [path, *(place for key, child in below for place in _places(child, (*path, key)))]
        if path
        else [place for key, child in below for place in _places(child, (key,))]
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(plain=records, data=st.data())
def test_an_independent_judge_agrees_with_the_decoder(plain: dict[str, Any], data: st.DataObject) -> None:
    whole = copy.deepcopy(data.draw(st.sampled_from([plain, to_plain(EXAMPLE)])))
    place = data.draw(st.sampled_from(_places(whole)))
    node = whole
    for key in place[:-1]:
        node = node[key]
    match data.draw(st.sampled_from(["set", "remove", "add", "leave"])):
        case "set":
            node[place[-1]] = data.draw(broken_values)
        case "remove":
            del node[place[-1]]
        case "add" if isinstance(node, dict):
            node[data.draw(st.text(max_size=5))] = "x"
    accepted = JUDGE.is_valid(whole)
    found = [problem for problem in problems(json.dumps(whole).encode()) if problem.why not in BESIDES]
    assert accepted is (found == []), found


# The command.


def test_validate_says_yes_or_names_the_field() -> None:
    good = tiepdon("record", "validate", stdin=b"\xef\xbb\xbf" + to_json(record()))
    assert (good.returncode, good.stdout, good.stderr) == (0, b"valid\n", b"")
    bad = tiepdon("record", "validate", stdin=json.dumps(BROKEN[1][0]).encode())
    assert bad.returncode == 2
    assert bad.stderr.count(b"\n") == 1
    assert b"$.patient.personal_id" in bad.stderr
    told = tiepdon("record", "validate", "--json", stdin=b"{")
    assert told.returncode == 2
    assert json.loads(told.stdout)["valid"] is False


def test_validate_names_every_wrong_field_and_no_value() -> None:
    plain = to_plain(record())
    plain["patient"] |= {"personal_id": "SECRET-1", "birth_date": "SECRET-2", "religion": "SECRET-3"}
    plain["visit"] |= {"visit_id": ""}
    plain["evidence"]["checks"]["access"]["result"] = "SECRET-4"
    del plain["site"]["kiosk_id"]
    bad = tiepdon("record", "validate", stdin=json.dumps(plain, indent=1).encode())
    assert bad.returncode == 2
    places = [line.split(": ")[2] for line in bad.stderr.decode().splitlines()]
    assert places == [
        "$.site.kiosk_id",
        "$.patient.personal_id",
        "$.patient.birth_date",
        "$.patient",
        "$.visit.visit_id",
        "$.evidence.checks['access'].result",
    ]
    assert b"SECRET" not in bad.stderr


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"event": "merged"}, "$.merge"),
        ({"merge": {"kept": "1", "given_up": "2", "confirmed_by": "Lan"}}, "$.merge"),
        ({"revision": 2}, "$.revision"),
        ({"recorded_at": "2026-02-31T07:45:00+07:00"}, "$.recorded_at"),
        ({"recorded_at": "2026-13-41T99:99:99Z"}, "$.recorded_at"),
    ],
)
def test_validate_finds_what_no_single_field_shows(changed: dict[str, Any], where: str) -> None:
    (problem,) = problems(json.dumps(to_plain(record()) | changed).encode())
    assert problem.where == where


def test_validate_takes_one_record_a_line_and_says_which_is_wrong() -> None:
    good, bad = to_json(record()), json.dumps(BROKEN[1][0]).encode()
    done = tiepdon("record", "validate", stdin=b"\n".join([good, b"", good, good]) + b"\n")
    assert (done.returncode, done.stdout) == (0, b"valid: 3 records\n")
    done = tiepdon("record", "validate", stdin=b"\n".join([good, bad, b"{", good]))
    assert done.returncode == 2
    lines = done.stderr.decode().splitlines()
    assert [line.split(": ")[2] for line in lines] == ["line 2", "line 3"]
    told = tiepdon("record", "validate", "--json", stdin=b"\n".join([good, bad, good]))
    said = [json.loads(line) for line in told.stdout.splitlines()]
    assert [(one["line"], one["valid"]) for one in said] == [(1, True), (2, False), (3, True)]
    assert said[1]["problems"][0]["where"] == "$.patient.personal_id"


@pytest.mark.parametrize("nothing", [b"", b"\n", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_record_at_all_is_refused_in_one_line(nothing: bytes) -> None:
    done = tiepdon("record", "validate", stdin=nothing)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
