"""The desk: a page and an HTTP API on loopback to place cards, show codes, break things and see what arrived.

No web page elsewhere may drive it: the Host must be this machine (against rebound names), and every POST must be
JSON, which a foreign page cannot send without a permission that this server never gives.
"""

import mimetypes
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal

from sandbox.card.quirks import Quirks
from sandbox.errors import ForbiddenCaller
from sandbox.insurance_card import insurance_number
from sandbox.people import qr_text
from sandbox.view import Shown
from sandbox.world import World
from wire.codec import Record, from_json, to_plain
from wire.errors import MalformedMessage
from wire.server import Handler, Request, Response, Routes, error_response, event_stream, json_response
from wire.stream import Event

PAGE = "desk.html"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; frame-ancestors 'none'; form-action 'none'"
    ),
}
_OWN_NAMES = frozenset({"localhost", "127.0.0.1"})
_PLAIN_PAGE = b"""<!doctype html><meta charset="utf-8"><title>Sandbox</title><h1>Sandbox</h1>
<p>The desk page is not installed; its API is: GET /people, POST /card/place, POST /card/remove, POST /scanner/show.
"""


class PlaceCard(Record, frozen=True, kw_only=True):
    """Body of `POST /card/place`: whose card, and how it differs from a good one."""

    person: str
    quirks: Quirks = Quirks()


class ShowCode(Record, frozen=True, kw_only=True):
    """Body of `POST /scanner/show`: the code of a person's citizen or insurance card, or any text."""

    person: str | None = None
    text: str | None = None
    card: Literal["citizen", "insurance"] = "citizen"


class HoldUp(Record, frozen=True, kw_only=True):
    """Body of `POST /camera/show`: whose card, which face of it, and whether its code is worn off."""

    person: str
    face: Literal["front", "back", "phone"]
    worn: bool = False


class SetFault(Record, frozen=True, kw_only=True):
    """Body of `POST /faults`: which fault, and its value (`off`, null or false mends it)."""

    name: str
    value: str | bool | int | float | None = None


def routes(world: World, addresses: Mapping[str, Any]) -> Routes:
    """Every call of the desk; `addresses` says where the parts are (`GET /health`)."""

    def people(_: Request) -> Response:
        return _json(
            [
                {
                    **to_plain(person),
                    "can": person.can,
                    "qr": qr_text(person),
                    "insurance_number": insurance_number(person),
                }
                for person in world.people
            ]
        )

    def place(request: Request) -> Response:
        wanted = from_json(request.body, PlaceCard)
        world.place(wanted.person, wanted.quirks)
        return _json(world.state())

    def remove(_: Request) -> Response:
        world.remove()
        return _json(world.state())

    def show(request: Request) -> Response:
        wanted = from_json(request.body, ShowCode)
        if (wanted.person is None) == (wanted.text is None):
            raise MalformedMessage(why="either person or text", where="$")
        if wanted.person is not None and wanted.card == "insurance":
            world.show_insurance(wanted.person)
        elif wanted.person is not None:
            world.show_code(wanted.person)
        else:
            world.show_text(wanted.text or "")
        return _json(world.state())

    def hold_up(request: Request) -> Response:
        wanted = from_json(request.body, HoldUp)
        world.hold_up(Shown(person=wanted.person, face=wanted.face, worn=wanted.worn))
        return _json(world.state())

    def take_down(_: Request) -> Response:
        world.take_down()
        return _json(world.state())

    def preview(_: Request) -> Response:
        return Response(body=world.preview(), content_type="image/jpeg", headers=HEADERS)

    def faults(request: Request) -> Response:
        wanted = from_json(request.body, SetFault)
        world.set_fault(wanted.name, wanted.value)
        return _json(world.state())

    def mend(_: Request) -> Response:
        world.mend()
        return _json(world.state())

    def portrait(request: Request) -> Response:
        picture = world.portrait(request.query.get("person", ""))
        return Response(body=picture, content_type="image/jpeg", headers=HEADERS)

    def ticket(request: Request) -> Response:
        picture = world.printed(request.query.get("name", ""))
        return Response(body=picture, content_type="image/png", headers=HEADERS)

    def events(_: Request) -> Response:
        return event_stream(world.events.follow(Event(name="state", data=world.state())))

    calls: dict[tuple[str, str], Handler] = {
        ("GET", "/people"): people,
        ("POST", "/card/place"): place,
        ("POST", "/card/remove"): remove,
        ("POST", "/scanner/show"): show,
        ("POST", "/camera/show"): hold_up,
        ("POST", "/camera/clear"): take_down,
        ("GET", "/camera/picture"): preview,
        ("GET", "/faults"): lambda _: _json(world.faults()),
        ("POST", "/faults"): faults,
        ("POST", "/faults/mend"): mend,
        ("GET", "/his/messages"): lambda _: _json(world.messages()),
        ("GET", "/state"): lambda _: _json(world.state()),
        ("GET", "/portrait"): portrait,
        ("GET", "/printer/ticket"): ticket,
        ("GET", "/events"): events,
        ("GET", "/health"): lambda _: _json({"synthetic": True, **addresses}),
        **_page_routes(),
    }
    return {call: _guarded(handler) for call, handler in calls.items()}


def _page_routes() -> dict[tuple[str, str], Handler]:
    """The desk's page at `/`, and whatever lies beside it under its own name."""
    found: dict[tuple[str, str], Handler] = {("GET", "/"): _file(_PLAIN_PAGE, "text/html; charset=utf-8")}
    folder = resources.files("sandbox").joinpath("data")
    if folder.is_dir():
        for entry in folder.iterdir():
            if not entry.is_file():
                continue
            kind = mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
            kind = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
            path = "/" if entry.name == PAGE else f"/{entry.name}"
            found["GET", path] = _file(entry.read_bytes(), kind)
    return found


def _file(content: bytes, kind: str) -> Handler:
    return lambda _: Response(body=content, content_type=kind, headers=HEADERS)


def _json(value: Any) -> Response:
    answer = json_response(value)
    return Response(body=answer.body, headers=HEADERS)


def _guarded(handler: Handler) -> Handler:
    def checked(request: Request) -> Response:
        host = request.headers.get("host", "").partition(":")[0].lower()
        if host not in _OWN_NAMES:
            return error_response(ForbiddenCaller(why="host"), 403)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and kind != "application/json":
            return error_response(ForbiddenCaller(why="content type"), 403)
        return handler(request)

    return checked
