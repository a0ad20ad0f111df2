"""The staff's own Flask application: guarded, signed in, and deny by default; its pages join as blueprints.

It is another application than the touchscreen's, in another process: nothing of it can be reached from there.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, Request, Response, current_app, g, request

from config.settings import Settings
from kiosk.accounts import Accounts
from kiosk.connection import SharedConnection, site_database
from kiosk.sessions import Sessions
from kiosk.sign_in import SignIn
from ui import guard, requests
from ui.app import build_of, set_templates
from ui.desk import sign_in, trouble
from ui.desk.access import Signed
from ui.desk.gate import Gate
from ui.desk.hosts import allowed_hosts
from ui.desk.streams import CLOSERS as CLOSERS
from ui.desk.streams import LEASES, Leases, Place, TooManyStreams, hung_up

log = logging.getLogger(__name__)

MAX_FORM_BYTES = 8192
MAX_FORM_PARTS = 200
Part = Callable[[Flask, str], Blueprint]  # application and build to pages that `allow` somebody
FindMachine = Callable[[Request], Signed | None]


@dataclass(frozen=True)
class Staff:
    """Who works here and who is signed in."""

    accounts: Accounts
    sessions: Sessions
    sign_in: SignIn

    def close(self) -> None:
        """Let the database go."""
        self.accounts.close()
        self.sessions.close()


def create_desk(
    settings: Settings,
    staff: Staff,
    parts: Sequence[Part] = (),
    machine: FindMachine = lambda _: None,
    leases: Leases | None = None,
) -> Flask:
    """The application. `machine` tells which machine's token a request carries. Raises CertificateUnusable.

    What shall end when the server stops is called from `extensions[CLOSERS]`, a list.
    """
    app = Flask("ui", static_folder="static", template_folder="templates")
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES, MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES, MAX_FORM_PARTS=MAX_FORM_PARTS
    )
    set_templates(app)
    build = build_of(Path(app.root_path))
    held_streams = leases or Leases()
    watched = SharedConnection(site_database(settings))  # its own: it never waits for somebody's write
    held_streams.news.version = watched.version
    app.extensions[LEASES] = held_streams
    app.extensions[CLOSERS] = [held_streams.close, watched.close]
    gate = Gate(settings, staff.sessions, machine, allowed_hosts(settings.staff))
    app.jinja_env.globals["desk"] = gate.page
    requests.install(app)
    app.before_request(gate.judge)
    app.after_request(lambda response: _watched(response, gate, held_streams))
    app.after_request(guard.mark)
    trouble.install(app, settings, build)
    app.register_blueprint(sign_in.blueprint(app, settings, staff.sessions, staff.sign_in, build))
    for part in parts:
        app.register_blueprint(part(app, build))
    return app


def _watched(response: Response, gate: Gate, leases: Leases) -> Response:
    """A stream has a place of its own and ends with the session that opened it; a press is told to all of them."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        response.call_on_close(leases.news.hurry)  # whoever pressed has their answer first
    if response.mimetype != "text/event-stream":
        return response
    who: Signed | None = g.get("signed")
    if who is None:
        return response
    client = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    place = Place(
        f"machine:{who.machine}" if who.machine else who.account, lambda: client is not None and hung_up(client)
    )
    try:
        leases.take(place)
    except TooManyStreams as error:
        return current_app.make_response(current_app.handle_user_exception(error))
    leases.sockets.add(id(client))

    def over() -> None:
        leases.sockets.discard(id(client))
        leases.give_back(place)

    events = response.response
    response.response = leases.watched(events, gate.stands(who), place)  # type: ignore[arg-type]  # our streams are bytes
    if hasattr(events, "close"):
        response.call_on_close(events.close)
    response.call_on_close(over)
    return response
