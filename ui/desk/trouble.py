"""Refusals and errors of the staff's application, in words, in the shape asked for: page, part of one, JSON."""

import logging
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from config.settings import Settings
from kiosk.accounts import AccountUnusable, LastSupervisor, NameTaken, NoSuchAccount
from kiosk.secret_hash import Busy, SecretUnusable
from kiosk.sign_in import CodeRefused, SignInRefused, SignInWait
from ui.desk.access import Locked, NotAllowed, NotSignedIn
from ui.desk.pages import StaffPages
from ui.desk.streams import RETRY_SECONDS, TooManyStreams
from ui.errors import ForbiddenCaller
from wire.database import DatabaseOutdated, DatabaseUnavailable
from wire.errors import TiepDonError
from wire.request_id import current

log = logging.getLogger(__name__)

STATUS: dict[type[TiepDonError], int] = {
    NotSignedIn: 401,
    Locked: 401,
    NotAllowed: 403,
    ForbiddenCaller: 403,
    SignInRefused: 401,
    CodeRefused: 401,
    SignInWait: 429,
    TooManyStreams: 503,
    Busy: 503,
    DatabaseUnavailable: 503,
    DatabaseOutdated: 503,
    NoSuchAccount: 404,
    NameTaken: 409,
    LastSupervisor: 409,
    SecretUnusable: 422,
    AccountUnusable: 422,
}


class NoSuchPage(TiepDonError):
    """There is no such page."""

    code = "desk.no_such_page"


class UnusableRequest(TiepDonError):
    """The request is not one of our pages' (`status`: HTTP's own word for it)."""

    code = "desk.unusable_request"


class Failed(TiepDonError):
    """The page failed by an error of our own; the log says how."""

    code = "desk.failed"


def install(app: Flask, settings: Settings, build: str) -> None:
    """Answer errors; a blueprint's own handlers come first."""
    staff = StaffPages(app, settings, "staff", build)

    @app.errorhandler(TiepDonError)
    def refused(error: TiepDonError) -> ResponseReturnValue:
        status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)
        log.info("refused: %s", error)
        return answer(staff, error, status)

    @app.errorhandler(HTTPException)
    def unusable(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        told = {404: NoSuchPage(), 500: Failed()}.get(status) or UnusableRequest(status=status)
        log.info("refused: %s", told)  # so that the page's request is found again
        response = answer(staff, told, status)
        if allow := error.get_response().headers.get("Allow"):
            response.headers["Allow"] = allow
        return response


def answer(staff: StaffPages, error: TiepDonError, status: int) -> Response:
    """The error as whoever asked can use it."""
    response = _told(staff, error, status)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    if isinstance(error, SignInWait):
        response.headers["Retry-After"] = str(error.data["seconds"])
    return response


def _told(staff: StaffPages, error: TiepDonError, status: int) -> Response:
    by_page = request.headers.get("HX-Request") == "true"
    if isinstance(error, NotSignedIn | Locked):
        where = _door(error, by_page)
        if by_page:
            response = Response(status=status)
            response.headers["HX-Redirect"] = where
            return response
        if _wants_page():
            return Response(status=303, headers={"Location": where})
    if not by_page and not _wants_page():
        response = jsonify(code=error.code, retriable=error.retriable, data=error.data)
        response.status_code = status
        return response
    said = staff.said()
    told = said.error(error.code)
    more = said.get("sign_in.wait", seconds=error.data["seconds"]) if isinstance(error, SignInWait) else ""
    page = staff.render("problem" if by_page else "trouble", said, told=told, more=more, request_name=current())
    return Response(page, status, mimetype="text/html")


def back_of(told: str) -> str:
    """Where to go on: a path of ours, or nothing where it is anything else."""
    if not told.startswith("/") or told[1:2] in ("/", "\\") or not (told.isascii() and told.isprintable()):
        return ""
    return "" if len(told) > 300 or told.startswith(("/sign-in", "/lock", "/secret")) else told


def _door(error: TiepDonError, by_page: bool) -> str:
    """Where somebody comes in again, and back to where they were."""
    here = request.full_path.rstrip("?") if request.method == "GET" else ""
    if by_page:
        at = urlsplit(request.headers.get("HX-Current-URL", ""))
        here = f"{at.path}?{at.query}".rstrip("?")
    back = back_of(here)
    door = "/lock" if isinstance(error, Locked) else "/sign-in"
    return f"{door}?{urlencode({'back': back})}" if back and back != "/" else door


def _wants_page() -> bool:
    return "text/html" in request.headers.get("Accept", "")
