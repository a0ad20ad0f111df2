"""The API's document (OpenAPI 3.1), written from the table of operations and the types they take and tell.

Must not import Flask.
"""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from kiosk.accounts import Role
from kiosk.machines import Scope
from ui.api import views
from ui.api.operations import BASE, OPERATIONS, STREAM, Operation, statuses
from ui.api.problems import MEDIA_TYPE, Problem
from ui.desk.csrf import HEADER as CSRF_HEADER

VERSION = "1.0.0"
REF = "#/components/schemas/{name}"
KEY_HEADER = "Idempotency-Key"
KEY_PATTERN = r"^[A-Za-z0-9._:-]{8,64}\Z"
COOKIE = "__Host-tiepdon"  # ui.desk.gate.cookie_name, over TLS
LAST_EVENT = "Last-Event-ID"
LAST_EVENT_PATTERN = r"^[0-9]{1,15}\Z"

MEANINGS = {
    400: "the request cannot be understood: a field is missing, unknown or out of its bounds",
    401: "nobody is signed in, or the token is not known",
    403: "not for this role or scope, or a write without the session's own token",
    404: "there is no such thing",
    409: "it does not stand so that this can be done: somebody else acted first",
    413: "the body is too large",
    415: "the body is not declared as application/json",
    429: "this caller asks too often; Retry-After says when to come again",
    500: "a fault of the desk",
    503: "the database is away for the moment; Retry-After says when to come again",
}


def document() -> dict[str, Any]:
    """The whole document."""
    types = list(_types())
    _, schemas = msgspec.json.schema_components(types, ref_template=REF)
    params = {kind.__name__ for one in OPERATIONS for kind in (one.parameters, one.query)}
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(BASE + operation.path, {})[operation.method.lower()] = _operation(operation)
    plain: dict[str, Any] = _ecma(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Tiếp Đón",
                "version": VERSION,
                "description": "The desk of a check-in: its queue, its calls, its kiosks. docs/integration/api.md",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/", "description": "the staff's own address, `[staff] listen`"}],
            "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in OPERATIONS)],
            "paths": paths,
            "components": {
                "schemas": {name: schemas[name] for name in sorted(schemas) if name not in params},
                "securitySchemes": {
                    "machine": {"type": "http", "scheme": "bearer", "description": "a machine's token; by its scopes"},
                    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "by the role"},
                    "press": {
                        "type": "apiKey",
                        "in": "header",
                        "name": CSRF_HEADER,
                        "description": "with a session, for every write: the token that its pages hold",
                    },
                },
            },
        }
    )
    return plain


def as_text() -> str:
    """The document as its file holds it."""
    return json.dumps(document(), ensure_ascii=False, indent=1, sort_keys=False) + "\n"


def _types() -> Iterable[Any]:
    yield Problem
    for one in OPERATIONS:
        yield from (one.parameters, one.query)
        if one.answer != STREAM:
            yield one.answer
        if one.body is not None:
            yield one.body
    yield views.CallView


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": list(_security(operation)),
    }
    if parameters := list(_parameters(operation)):
        told["parameters"] = parameters
    if operation.body is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": _schema(operation.body)}}}
    answers: dict[str, Any] = {"200": _answer(operation)}
    if operation.tagged:
        answers["304"] = {"description": "as it was when it had the tag that If-None-Match names"}
    problem = {MEDIA_TYPE: {"schema": _schema(Problem)}}
    for status in statuses(operation):
        answers[str(status)] = {"description": MEANINGS[status], "content": problem}
    told["responses"] = answers
    return told


def _answer(operation: Operation) -> dict[str, Any]:
    if operation.answer == STREAM:
        return {"description": operation.summary, "content": {STREAM: {"schema": {"type": "string"}}}}
    told: dict[str, Any] = {
        "description": operation.summary,
        "content": {"application/json": {"schema": _schema(operation.answer)}},
    }
    if operation.tagged:
        told["headers"] = {"ETag": {"schema": {"type": "string"}}}
    return told


def _security(operation: Operation) -> Iterable[dict[str, list[str]]]:
    scopes = sorted(one.value for one in operation.who if isinstance(one, Scope))
    roles = sorted(one.value for one in operation.who if isinstance(one, Role))
    if scopes:
        yield {"machine": scopes}
    if roles:
        yield {"session": roles} if operation.method == "GET" else {"session": roles, "press": []}


def _parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    for place, kind in (("path", operation.parameters), ("query", operation.query)):
        _, found = msgspec.json.schema_components([kind], ref_template=REF)
        own = found[kind.__name__]
        for name, schema in own["properties"].items():
            yield {"name": name, "in": place, "required": name in own.get("required", ()), "schema": schema}
    if operation.keyed:
        yield {
            "name": KEY_HEADER,
            "in": "header",
            "required": True,
            "description": "the caller's own name of this act: sent again it is not done again",
            "schema": {"type": "string", "pattern": KEY_PATTERN},
        }
    if operation.answer == STREAM:
        yield {
            "name": LAST_EVENT,
            "in": "header",
            "required": False,
            "schema": {"type": "string", "pattern": LAST_EVENT_PATTERN},
        }


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return schema


def _ecma(told: Any) -> Any:
    r"""Patterns as ECMA 262 writes them (JSON Schema core, 6.4): `\Z` is Python's own word for the end."""
    if isinstance(told, dict):
        return {
            name: value.replace(r"\Z", "$") if name == "pattern" and isinstance(value, str) else _ecma(value)
            for name, value in told.items()
        }
    return [_ecma(one) for one in told] if isinstance(told, list) else told
