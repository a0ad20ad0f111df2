"""Medplum's FHIR R4 router as a server of its own process, and the judges of every FHIR message."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from jsonschema import Draft6Validator

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "node_modules" / "@medplum"
SCHEMA = MODULES / "definitions" / "dist" / "fhir" / "r4" / "fhir.schema.json"


def node() -> str:
    """The Node of the virtual environment, else the machine's."""
    own = Path(sys.executable).parent / "node"
    return str(own) if own.exists() else shutil.which("node") or "node"


@dataclass(frozen=True)
class Place:
    """One empty server: its port and the path of its base."""

    port: int
    path: str


@contextmanager
def fhir_server() -> Iterator[int]:
    """The server's port; below each first part of a path it keeps resources of their own."""
    with subprocess.Popen(
        [node(), str(Path(__file__).with_name("fhir_server.mjs"))],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(10)


def ask(place: Place, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """One request of a bystander's: status and resource."""
    connection = HTTPConnection("127.0.0.1", place.port, timeout=10)
    try:
        content = None if body is None else json.dumps(body).encode()
        connection.request(method, place.path + path, content, {"Content-Type": "application/fhir+json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def found(place: Place, search: str) -> list[dict[str, Any]]:
    """The resources a search finds."""
    return [one["resource"] for one in ask(place, "GET", f"/{search}")[1].get("entry", [])]


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))
    return schema


@cache
def _validator(kind: str) -> Draft6Validator:
    return Draft6Validator({**_schema(), "oneOf": [{"$ref": f"#/definitions/{kind}"}]})


def faults(resource: Mapping[str, Any], *, by_schema: bool = True) -> list[str]:
    """What R4's JSON Schema and fhir.resources (R4B, equal to R4 in what is sent here) find wrong."""
    kind = resource["resourceType"]
    told = []
    if by_schema:
        told = [f"{kind} {list(one.path)}: {one.message[:200]}" for one in _validator(kind).iter_errors(resource)]
    try:
        get_fhir_model_class(kind).model_validate(resource)
    except ValueError as error:
        told.append(f"{kind}: {error}")
    return told


def bundle_faults(bundle: Mapping[str, Any]) -> list[str]:
    """The same of a transaction and of each of its resources (the schema's choice of resource is slow)."""
    resources = [one["resource"] for one in bundle["entry"]]
    shell = {**bundle, "entry": [{name: one[name] for name in ("fullUrl", "request")} for one in bundle["entry"]]}
    told = [fault for one in (shell, *resources) for fault in faults(one)]
    return [*told, *faults(bundle, by_schema=False)]
