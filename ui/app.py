"""The pages as one Flask application: guarded, with the touchscreen on it; other pages join as blueprints."""

import hashlib
import logging
import re
from pathlib import Path

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from jinja2 import StrictUndefined
from markupsafe import Markup, escape

from config.settings import Settings
from ui import guard
from ui.counter import routes as counter
from ui.errors import ForbiddenCaller
from ui.technician import routes as technician
from ui.touchscreen.routes import blueprint
from ui.touchscreen.stream import Controller, Streams
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

MAX_FORM_BYTES = 2048


def create_app(
    settings: Settings,
    controller: Controller,
    streams: Streams | None = None,
    desk: counter.Desk | None = None,
    message_desk: technician.Technician | None = None,
) -> Flask:
    """The application for a running controller. `streams` lets the server end the open streams when it stops.

    Without a `desk` there is no counter, without a `message_desk` nothing for technicians: the addresses do not exist.
    """
    app = Flask("ui", static_folder="static", template_folder="templates")
    app.config.update(MAX_CONTENT_LENGTH=MAX_FORM_BYTES, MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES, MAX_FORM_PARTS=8)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["keep"] = keep_together
    guard.install(app, settings.kiosk.listen)
    build = build_of(Path(app.root_path))
    app.register_blueprint(blueprint(app, settings, controller, streams or Streams(), build))
    if desk is not None:
        app.register_blueprint(counter.blueprint(app, settings, desk, build))
    if message_desk is not None:
        app.register_blueprint(technician.blueprint(app, settings, message_desk, build))

    @app.errorhandler(TiepDonError)
    def refused(error: TiepDonError) -> ResponseReturnValue:
        status = 403 if isinstance(error, ForbiddenCaller) else 400
        log.info("refused: %s", error)
        return jsonify(code=error.code, retriable=error.retriable, data=error.data), status

    return app


def keep_together(text: str) -> Markup:
    """Syllables joined by a no-break space in the catalogue stay on one line: `căn cước` is one word in Vietnamese."""
    joined = re.sub(r"[^\s\xa0]+(?:\xa0[^\s\xa0]+)+", _as_one_word, str(escape(text)))
    return Markup(joined)  # noqa: S704  # escaped above; only our own span is added


def _as_one_word(found: re.Match[str]) -> str:
    return f'<span class="keep">{found[0].replace(chr(0xA0), " ")}</span>'


def build_of(folder: Path) -> str:
    """A short name for this version of pages and assets, so that an open page can tell it is an old one."""
    digest = hashlib.blake2s(digest_size=6)
    for name in ("templates", "static", "locales"):
        for path in sorted((folder / name).rglob("*")):
            if path.is_file() and path.suffix != ".ttf":
                digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
