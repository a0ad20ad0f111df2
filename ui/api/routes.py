"""The API over HTTP: every operation of the table behind the same checks, every error as problem details.

Whoever asks is known before (ui/desk/app.py); here stands which of them may do what, how often, and what is understood.
No answer may be read by a page of another site: there is no CORS.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from kiosk.accounts import Role
from kiosk.machines import Scope
from ui.api import openapi, problems
from ui.api.handlers import Asked, Desk, calls_of
from ui.api.operations import BASE, OPERATIONS, STREAM, Operation
from ui.api.problems import BodyTooLarge, MethodRefused, NoSuchAddress, NotJson, TooOften
from ui.api.rates import Rates
from ui.api.stream import HEARTBEAT_SECONDS, call_events
from ui.desk.access import NotAllowed, allow, signed
from ui.desk.streams import LEASES
from ui.errors import ForbiddenCaller
from wire.codec import from_json, learnt, to_json
from wire.errors import MalformedMessage, TiepDonError

ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
JSON = "application/json"


def blueprint(desk: Desk, rates: Rates) -> Blueprint:
    """The routes below `/api/v1`."""
    pages = Blueprint("api", __name__, url_prefix=BASE)
    text = openapi.as_text().encode()
    for operation in OPERATIONS:
        # Flask's own parameters are text; what they must look like stands in the operation's type.
        pages.add_url_rule(
            re.sub(r"{(\w+)}", r"<\1>", operation.path),
            operation.name,
            _view(operation, desk, rates, text),
            methods=[operation.method],
            provide_automatic_options=False,
        )

    @pages.route("", methods=ALL_METHODS, strict_slashes=False, provide_automatic_options=False)
    @pages.route("/<path:rest>", methods=ALL_METHODS, provide_automatic_options=False)
    def anything_else(rest: str = "") -> Response:
        allowed = sorted({one.method for one in OPERATIONS if _matches(one.path, "/" + rest)})
        if allowed and request.method not in allowed:
            raise MethodRefused(allowed=", ".join(allowed))
        raise NoSuchAddress

    @pages.errorhandler(TiepDonError)
    def refused(error: TiepDonError) -> Response:
        return problems.answer(problems.of_stranger(error) if isinstance(error, ForbiddenCaller) else error)

    @pages.errorhandler(HTTPException)
    def unreadable(error: HTTPException) -> Response:
        return problems.answer(problems.of_http(error))

    @pages.errorhandler(Exception)
    def unforeseen(error: Exception) -> Response:
        return problems.answer(problems.unforeseen(error))

    return allow(pages, *Role, *Scope)


def _view(operation: Operation, desk: Desk, rates: Rates, text: bytes) -> Callable[..., Response]:
    def view(**parts: str) -> Response:
        who = signed()
        if who.role not in operation.who and not who.scopes & operation.who:
            raise NotAllowed
        if (seconds := rates.wait(f"machine {who.machine}" if who.machine else f"account {who.account}")) > 0:
            raise TooOften(seconds=round(seconds, 3))
        asked = _asked(operation, parts)
        if operation.answer == STREAM:
            return _stream(desk, asked)
        body = text if operation.handler is None else to_json(operation.handler(desk, asked))
        return _tagged(body) if operation.tagged else Response(body, mimetype=JSON)

    return view


def _asked(operation: Operation, parts: dict[str, str]) -> Asked:
    return Asked(
        path=_path(operation, parts),
        query=_query(operation),
        body=_body(operation),
        who=signed(),
        key=_key() if operation.keyed else "",
        language=problems.language(),
        sent_at=_sent_at() if operation.dated else None,
    )


def _path(operation: Operation, parts: dict[str, str]) -> Any:
    """Raises NoSuchAddress: what cannot be a name is nobody's."""
    try:
        return msgspec.convert(parts, learnt(operation.parameters), strict=False)
    except msgspec.ValidationError:
        raise NoSuchAddress from None


def _query(operation: Operation) -> Any:
    """Raises MalformedMessage for a parameter that is unknown, given twice or out of its bounds."""
    given = request.args.to_dict(flat=False)
    known = operation.query.__struct_fields__
    for name, values in given.items():
        if name not in known:
            raise MalformedMessage(where="query", why="an unknown parameter")
        if len(values) > 1:
            raise MalformedMessage(where=f"query.{name}", why="given more than once")
    try:
        return msgspec.convert(
            {name: values[0] for name, values in given.items()}, learnt(operation.query), strict=False
        )
    except msgspec.ValidationError as error:
        why, _, where = str(error).partition(" - at `")
        name = where.rstrip("`").removeprefix("$.")
        raise MalformedMessage(where=f"query.{name}" if name in known else "query", why=why) from None


def _body(operation: Operation) -> Any:
    """Raises BodyTooLarge, NotJson, MalformedMessage."""
    if operation.method == "GET":
        return None
    request.max_content_length = operation.most_bytes
    if (request.content_length or 0) > operation.most_bytes:
        raise BodyTooLarge(most=operation.most_bytes)
    data = request.get_data(cache=False)
    if operation.body is None:
        if data:
            raise MalformedMessage(where="$", why="no body is expected")
        return None
    if request.mimetype != JSON:
        raise NotJson
    return from_json(data, operation.body)


def _key() -> str:
    key = request.headers.get(openapi.KEY_HEADER, "")
    if re.search(openapi.KEY_PATTERN, key) is None:
        raise MalformedMessage(where=openapi.KEY_HEADER, why="8 to 64 letters, digits or . _ : -")
    return key


def _sent_at() -> datetime | None:
    """When the caller says that it sends, by its own clock (RFC 9110, 6.6.1)."""
    try:
        when = parsedate_to_datetime(request.headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return when if when.tzinfo is not None else None


def _tagged(body: bytes) -> Response:
    response = Response(body, mimetype=JSON)
    response.set_etag(hashlib.blake2s(body, digest_size=12).hexdigest())
    response.make_conditional(request.environ)
    return response


def _stream(desk: Desk, asked: Asked) -> Response:
    told = request.headers.get(openapi.LAST_EVENT, "")
    if told and re.search(openapi.LAST_EVENT_PATTERN, told) is None:
        raise MalformedMessage(where=openapi.LAST_EVENT, why="not the number of a call")
    counter, most = asked.query.counter, asked.query.most
    looks = current_app.extensions[LEASES].news.looks(HEARTBEAT_SECONDS)
    after = int(told) if told else None
    events = call_events(looks, lambda: calls_of(desk, counter, most).calls, desk.queue.version, after)
    response = Response(events, mimetype=STREAM)
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _matches(path: str, told: str) -> bool:
    return re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), told) is not None
