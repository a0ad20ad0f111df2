"""Signing in, the lock screen, choosing a PIN, signing out, and the page everybody begins at."""

from dataclasses import dataclass

from flask import Blueprint, Flask, Response, current_app, g, redirect, request
from flask.typing import ResponseReturnValue

from config.settings import Settings
from kiosk.accounts import Role
from kiosk.sessions import Held, Sessions
from kiosk.sign_in import SignIn, SignInRefused
from ui.desk.access import for_anybody, for_staff, signed, while_locked
from ui.desk.gate import LANGUAGE_COOKIE, cookie_name
from ui.desk.pages import StaffPages
from ui.desk.trouble import back_of
from ui.errors import UnknownAction
from ui.words import LANGUAGES

MOST_LETTERS = 200
MINE = "/own-secret"


@dataclass(frozen=True)
class Place:
    """A part of the staff's pages, as the page everybody begins at shows it."""

    blueprint: str
    address: str
    title: str
    symbol: str


PLACES = (
    Place("counter", "/counter", "counter.title", "desk"),
    Place("technician", "/technician", "technician.title", "lines"),
    Place("statistics", "/statistics", "statistics.title", "check"),
    Place("people", "/people", "people.title", "person"),
    Place("machines", "/machines", "machines.title", "keypad"),
    Place("board", "/board", "board.title", "voice"),
)


def blueprint(app: Flask, settings: Settings, sessions: Sessions, door: SignIn, build: str) -> Blueprint:
    """The routes. `build` names the version of the assets."""
    pages, staff = Blueprint("staff", __name__), StaffPages(app, settings, "staff", build)
    secure = bool(settings.staff.certificate_file)

    def render(name: str, **context: object) -> str:
        return staff.render(name, staff.said(), **context)

    @pages.get("/sign-in")
    @for_anybody
    def sign_in_page() -> ResponseReturnValue:
        held: Held | None = g.held
        if held is not None:
            return redirect("/lock" if held.locked else "/", 303)
        return render("sign_in", back=back_of(request.args.get("back", "")), oidc=settings.staff.oidc.enabled)

    @pages.post("/sign-in")
    @for_anybody
    def sign_in() -> ResponseReturnValue:
        name, secret = _typed("name"), _typed("secret")
        if not name or not secret:
            raise SignInRefused
        token = door.sign_in(name, secret, request.remote_addr or "")
        if g.held is not None:
            sessions.end(g.held.session)  # never a session within a session
        held = sessions.find(token)
        where = back_of(_typed("back")) or home_of(held.account.role if held else None)
        return entered(Response(status=204, headers={"HX-Redirect": where}), settings, token)

    @pages.get("/lock")
    @while_locked
    def lock_page() -> ResponseReturnValue:
        held: Held = g.held
        if not held.locked:
            return redirect(back_of(request.args.get("back", "")) or "/", 303)
        return render("lock", back=back_of(request.args.get("back", "")), who=held.account.full_name)

    @pages.post("/lock")
    @while_locked
    def lock() -> ResponseReturnValue:
        sessions.lock(g.held.session)
        return Response(status=204, headers={"HX-Redirect": "/lock"})

    @pages.post("/unlock")
    @while_locked
    def unlock() -> ResponseReturnValue:
        door.unlock(g.held, _typed("secret"))
        return Response(status=204, headers={"HX-Redirect": back_of(_typed("back")) or "/"})

    @pages.post("/sign-out")
    @while_locked
    def sign_out() -> ResponseReturnValue:
        sessions.end(g.held.session)
        response = Response(status=204, headers={"HX-Redirect": "/sign-in"})
        response.delete_cookie(cookie_name(settings), secure=secure, httponly=True, samesite="Strict")
        return response

    @pages.get("/secret")
    @for_anybody
    def secret_page() -> ResponseReturnValue:
        return render("secret")

    @pages.post("/secret")
    @for_anybody
    def choose() -> ResponseReturnValue:
        secret, again = request.form.get("secret", "")[:MOST_LETTERS], request.form.get("again", "")[:MOST_LETTERS]
        if secret != again:
            return render("unequal"), 422
        door.choose(_typed("name"), _typed("code"), secret, request.remote_addr or "")
        return render("chosen")

    @pages.get(MINE)
    @for_staff
    def own_secret_page() -> ResponseReturnValue:
        return render("own_secret", who=signed().account)

    @pages.post(MINE)
    @for_staff
    def change_own() -> ResponseReturnValue:
        secret, again = request.form.get("secret", "")[:MOST_LETTERS], request.form.get("again", "")[:MOST_LETTERS]
        if secret != again:
            return render("unequal"), 422
        door.change(g.held, _typed("old"), secret)
        return render("changed")

    @pages.get("/session")
    @for_anybody
    def state() -> ResponseReturnValue:
        held: Held | None = g.held
        if held is None:
            return {"state": "over", "lock_seconds": 0}
        return {"state": "locked" if held.locked else "open", "lock_seconds": held.lock_seconds}

    @pages.post("/awake")
    @for_staff
    def awake() -> ResponseReturnValue:
        return Response(status=204)  # that somebody is there was noted where every press is

    @pages.post("/language")
    @for_anybody
    def choose_language() -> ResponseReturnValue:
        told = _typed("language")
        if told not in LANGUAGES:
            raise UnknownAction(why="language")
        response = Response(status=204)
        response.set_cookie(LANGUAGE_COOKIE, told, secure=secure, httponly=True, samesite="Strict", max_age=31_536_000)
        return response

    @pages.get("/")
    @for_staff
    def home() -> ResponseReturnValue:
        return render("home", places=places_of(signed().role))

    @pages.get("/health")
    @for_anybody
    def health() -> ResponseReturnValue:
        return {"status": "ok"}

    return pages


def entered(response: Response, settings: Settings, token: str) -> Response:
    """The answer to somebody who has just signed in, with their session's cookie."""
    secure = bool(settings.staff.certificate_file)
    response.set_cookie(cookie_name(settings), token, path="/", secure=secure, httponly=True, samesite="Strict")
    return response


def home_of(role: Role | None) -> str:
    """Where somebody of this role begins."""
    wanted = "technician" if role is Role.TECHNICIAN else "counter"
    return next((place.address for place in places_of(role) if place.blueprint == wanted), "/")


def places_of(role: Role | None) -> tuple[Place, ...]:
    """Where somebody of this role may go."""
    known = current_app.blueprints
    return tuple(
        place for place in PLACES if role in getattr(known.get(place.blueprint), "allowed", frozenset[object]())
    )


def _typed(name: str) -> str:
    return request.form.get(name, "")[:MOST_LETTERS]
