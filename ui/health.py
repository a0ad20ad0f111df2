"""How the kiosk's and the desk's processes say that they are there and can do their work, and the kiosk's own figures.

The figures are told on the process's own Unix socket alone, never at the touchscreen's address: the desk gathers them
(ui/metrics). Everything here is cheap: no write, no wait for the outside.
"""

from collections.abc import Callable
from importlib.metadata import version

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue

from kiosk.states import Session
from kiosk.watching import health_of_kiosk, levels_of
from ui.requests import on_own_socket
from ui.touchscreen.alive import ScreenHealth, ScreenSeen
from wire.client import Client
from wire.codec import to_json
from wire.errors import TiepDonError
from wire.health import Health, Live, Look
from wire.health_routes import LIVE, METRICS
from wire.meter import Amount, Meter, Report

ASK_SECONDS = 0.3  # another process of this machine is there at once, or it is in trouble


View = Callable[[], ResponseReturnValue]


def blueprint(look: Look, public: Callable[[View], View] = lambda view: view) -> Blueprint:
    """`/health/live` and `/health/ready`, for anybody; `public` marks a page as such where pages are guarded."""
    pages = Blueprint("health", __name__)

    @pages.get("/health/live")
    @public
    def live() -> ResponseReturnValue:
        return _json(Live())

    @pages.get("/health/ready")
    @public
    def ready() -> ResponseReturnValue:
        health = look()
        return _json(health, health.http_status)

    return pages


def kiosk_blueprint(kiosk: "KioskLook", meter: Meter) -> Blueprint:
    """The same for the kiosk, with what its screen tells of itself and, on its own socket, its figures."""
    pages = blueprint(kiosk.health)

    @pages.post("/touchscreen/alive")
    def alive() -> ResponseReturnValue:
        kiosk.seen.tell(request.form)
        return "", 204

    @pages.get("/health")
    def health() -> ResponseReturnValue:
        return jsonify({**kiosk.told(), "screen": kiosk.seen_as_told(), "parts": kiosk.health().parts})

    return with_figures(pages, lambda: report(kiosk.health(), meter, kiosk.levels()))


def with_figures(
    pages: Blueprint, told: Callable[[], Report], public: Callable[[View], View] = lambda view: view
) -> Blueprint:
    """The figures of this process as its own socket tells them; elsewhere there is no such page."""

    @pages.get(METRICS)
    @public
    def figures() -> ResponseReturnValue:
        if not on_own_socket(request.environ):
            abort(404)
        return _json(told())

    return pages


class KioskLook:
    """What is looked at. `told` is the rest of `/health`; `database`, `bridge`: the code of what is wrong there;
    `absent`: the parts that this machine is meant to be without."""

    def __init__(
        self,
        session: Callable[[], Session],
        told: Callable[[], dict[str, object]],
        seen: ScreenSeen,
        database: Callable[[], str | None] = lambda: None,
        bridge: Callable[[], str | None] = lambda: None,
        absent: frozenset[str] = frozenset(),
    ) -> None:
        self.told = told
        self.seen = seen
        self._session = session
        self._database = database
        self._bridge = bridge
        self._absent = absent

    def health(self) -> Health:
        """Whether a ticket can be given, and what else is missing."""
        screen = self.seen.health().problem
        return health_of_kiosk(self._session(), self._database(), self._bridge(), screen, self._absent)

    def levels(self) -> list[Amount]:
        """The check-in and its screen at this moment."""
        return [*levels_of(self._session()), *self.seen.levels()]

    def seen_as_told(self) -> dict[str, object]:
        """`screen` of `/health`."""
        screen: ScreenHealth = self.seen.health()
        return {name: getattr(screen, name) for name in ("seen_seconds", "visible", "name", "current")}


def report(health: Health, meter: Meter, levels: list[Amount]) -> Report:
    """All that a process tells of itself at a scrape."""
    return Report(version=version("tiepdon"), health=health, figures=meter.figures(levels))


def answers(client: Client, path: str = LIVE) -> Callable[[], str | None]:
    """A look at another process: the code of why it does not answer."""

    def look() -> str | None:
        try:
            client.get(path, Live, timeout=ASK_SECONDS)
        except TiepDonError as error:
            return error.code
        return None

    return look


def _json(record: object, status: int = 200) -> Response:
    return Response(to_json(record), status, mimetype="application/json")
