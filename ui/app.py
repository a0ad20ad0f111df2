"""The touchscreen's Flask application: guarded, and with nothing of the staff's on it (ui/desk is another process)."""

import hashlib
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from jinja2 import StrictUndefined
from markupsafe import Markup, escape

from config.settings import Settings
from ui import font_pages, guard, health, requests, voice_pages
from ui.errors import ForbiddenCaller
from ui.packs import languages_of, with_languages
from ui.saying import Said, clips_of
from ui.touchscreen.alive import ScreenSeen
from ui.touchscreen.routes import blueprint, told_of
from ui.touchscreen.stream import Controller, Streams
from wire.errors import TiepDonError
from wire.meter import Meter

log = logging.getLogger(__name__)

MAX_FORM_BYTES = 2048
AT_A_TOUCHSCREEN = frozenset({"reader", "screen"})  # parts that a machine with the staff's pages alone does not have


@dataclass(frozen=True)
class Care:
    """What the kiosk's health is looked at with: its figures, seconds that never jump, and the code of what is wrong
    with the database and with the bridge."""

    meter: Meter = field(default_factory=Meter)
    monotonic: Callable[[], float] = time.monotonic
    database: Callable[[], str | None] = lambda: None
    bridge: Callable[[], str | None] = lambda: None


def create_app(
    settings: Settings, controller: Controller, streams: Streams | None = None, care: Care | None = None
) -> Flask:
    """The application for a running controller. `streams` lets the server end the open streams when it stops."""
    care = care or Care()
    app = Flask("ui", static_folder="static", template_folder="templates")
    app.config.update(MAX_CONTENT_LENGTH=MAX_FORM_BYTES, MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES, MAX_FORM_PARTS=8)
    set_templates(app)
    requests.install(app)
    guard.install(app, settings.kiosk.listen)
    build = build_of(Path(app.root_path))
    languages = languages_of(settings)
    offering = with_languages(settings, languages)
    app.register_blueprint(blueprint(app, offering, controller, streams or Streams(), build, languages.words))
    looked_at = health.KioskLook(
        lambda: controller.peek()[1],
        lambda: told_of(controller.peek(), offering, languages.words, build),
        ScreenSeen(care.monotonic, build),
        care.database,
        care.bridge,
        frozenset() if settings.kiosk.touchscreen else AT_A_TOUCHSCREEN,
    )
    app.register_blueprint(health.kiosk_blueprint(looked_at, care.meter))
    app.register_blueprint(voice_pages.blueprint(languages.voice))
    app.register_blueprint(font_pages.blueprint(languages.fonts))

    @app.errorhandler(TiepDonError)
    def refused(error: TiepDonError) -> ResponseReturnValue:
        status = 403 if isinstance(error, ForbiddenCaller) else 400
        log.info("refused: %s", error)
        return jsonify(code=error.code, retriable=error.retriable, data=error.data), status

    return app


def set_templates(app: Flask) -> None:
    """How the templates of every application of ours are read."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["keep"] = keep_together
    app.jinja_env.filters["foreign"] = foreign
    app.jinja_env.filters["clips"] = lambda text: " ".join(clips_of(text))


def keep_together(text: str) -> Markup:
    """Syllables joined by a no-break space in the catalogue stay on one line: `căn cước` is one word in Vietnamese.

    Words that are not in the screen's language say in which they are.
    """
    joined = re.sub(r"[^\s\xa0]+(?:\xa0[^\s\xa0]+)+", _as_one_word, str(escape(text)))
    if isinstance(text, Said) and text.foreign:
        joined = f'<span lang="{escape(text.foreign)}">{joined}</span>'
    return Markup(joined)  # noqa: S704  # escaped above; only our own spans are added


def foreign(text: str) -> Markup:
    """The attribute of an element whose label is not in the screen's language; nothing where it is."""
    return Markup(' lang="{}"').format(text.foreign) if isinstance(text, Said) and text.foreign else Markup("")


def _as_one_word(found: re.Match[str]) -> str:
    return f'<span class="keep">{found[0].replace(chr(0xA0), " ")}</span>'


def build_of(folder: Path) -> str:
    """A short name for this version of pages and assets, so that an open page can tell it is an old one."""
    digest = hashlib.blake2s(digest_size=6)
    for name in ("templates", "static", "locales"):
        for path in sorted((folder / name).rglob("*")):
            if path.is_file() and path.suffix not in (".ttf", ".ogg"):
                digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
