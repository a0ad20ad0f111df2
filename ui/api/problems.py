"""What goes wrong under `/api`, as every answer tells it: problem details (RFC 9457) with our stable code.

The words are the catalogue's, in the language that was asked for. An error that nobody foresaw tells its code alone.
"""

import logging
import math
from collections.abc import Mapping

from flask import Response, g, request
from msgspec import field
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, RequestTimeout

from kiosk.arrivals import ArrivalNotOurs
from kiosk.changes import NoSuchVisit, VisitCancelled
from kiosk.help_calls import NoSuchHelpCall
from kiosk.queue.errors import NoSuchCounter, NoSuchQueue, NoSuchTicket, NothingToUndo, NotPossible
from ui.desk.access import Locked, NotAllowed, NotSignedIn
from ui.desk.streams import TooManyStreams
from ui.errors import ForbiddenCaller
from ui.words import FALLBACK, LANGUAGES, Words
from wire.codec import Record, to_json
from wire.database import DatabaseOutdated, DatabaseUnavailable
from wire.errors import Datum, MalformedMessage, TiepDonError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
KINDS = "/api/v1/problems/"
AGAIN_SECONDS = 2  # after which what is retriable may be tried again


class NoSuchAddress(TiepDonError):
    """The API has nothing under this path."""

    code = "api.no_such_address"


class MethodRefused(TiepDonError):
    """The path is there, but not for this method (`allowed`)."""

    code = "api.method_refused"


class BodyTooLarge(TiepDonError):
    """The request's body is larger than this operation takes (`most`, bytes)."""

    code = "api.body_too_large"


class NotJson(TiepDonError):
    """The request's body is not declared as application/json."""

    code = "api.not_json"


class TooOften(TiepDonError):
    """This caller asks more often than it may (`seconds`: wait so long)."""

    code = "api.too_often"
    retriable = True


class PressRefused(TiepDonError):
    """A write in a session's name without that session's own token (`why`: what was missing or another's)."""

    code = "api.press_refused"


class NoSuchProblem(TiepDonError):
    """There is no error of that code."""

    code = "api.no_such_problem"


class Problem(Record, frozen=True, kw_only=True):
    """A problem (RFC 9457). `code` is stable; `retriable`: the same request may succeed later; `data`: facts, never
    personal ones."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retriable: bool
    data: dict[str, Datum] = field(default_factory=dict)


STATUS: Mapping[type[TiepDonError], int] = {
    NotSignedIn: 401,
    Locked: 401,
    NotAllowed: 403,
    ForbiddenCaller: 403,
    PressRefused: 403,
    MalformedMessage: 400,
    NoSuchAddress: 404,
    NoSuchProblem: 404,
    NoSuchTicket: 404,
    NoSuchCounter: 404,
    NoSuchQueue: 409,
    NoSuchVisit: 404,
    NoSuchHelpCall: 404,
    MethodRefused: 405,
    NotPossible: 409,
    NothingToUndo: 409,
    VisitCancelled: 409,
    ArrivalNotOurs: 409,
    BodyTooLarge: 413,
    NotJson: 415,
    TooOften: 429,
    TooManyStreams: 503,
    DatabaseUnavailable: 503,
    DatabaseOutdated: 503,
}


def language() -> str:
    """The best of our languages for whoever asks (RFC 9110, 12.5.4)."""
    wanted = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())
    return next((tag for tag in wanted if tag in LANGUAGES), FALLBACK)


def answer(error: TiepDonError) -> Response:
    """The error as an answer; what has no status of its own is nothing that a caller could mend."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    spoken = language()
    told = Words(spoken).error(error.code)
    problem = Problem(
        type=f"{KINDS}{error.code}",
        title=told.cause,
        status=status,
        detail=told.cure,
        code=error.code,
        retriable=error.retriable,
        # What could not be foreseen is told to the log alone.
        data=error.data if status != 500 else {},
    )
    response = Response(to_json(problem), status, mimetype=MEDIA_TYPE)
    response.headers["Content-Language"] = spoken
    response.headers["Vary"] = "Accept-Language"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="tiepdon"'  # RFC 6750, 3
    if isinstance(error, MethodRefused):
        response.headers["Allow"] = str(error.data["allowed"])
    if status in (429, 503):
        response.headers["Retry-After"] = str(math.ceil(float(error.data.get("seconds") or AGAIN_SECONDS)))
    return response


def of_stranger(error: ForbiddenCaller) -> TiepDonError:
    """Who calls from elsewhere or without a session's token; who shows nothing at all has to come in first."""
    if error.data.get("why") == "host":
        return error
    return NotSignedIn() if g.get("signed") is None else PressRefused(**error.data)


def of_http(error: HTTPException) -> TiepDonError:
    """What Flask itself refuses, in our words; what ended an answer that was made already, in its own."""
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, TiepDonError):
        return cause
    if isinstance(error, RequestEntityTooLarge):
        return BodyTooLarge()
    if isinstance(error, RequestTimeout) or (error.code is not None and error.code < 500):
        return MalformedMessage(where="$", why="not a request that can be read")
    return TiepDonError()


def unforeseen(error: Exception) -> TiepDonError:
    """Whatever else: the type to the log, for its text may be personal; nothing of it to the caller."""
    log.error("unforeseen in %s: %s", request.endpoint, type(error).__name__)
    return TiepDonError()
