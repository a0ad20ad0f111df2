"""The boards over HTTP: a list of them, each one's page, and the stream that keeps it true."""

from dataclasses import dataclass, field

from flask import Blueprint, Flask, Response
from flask.typing import ResponseReturnValue

from config.front import BoardSettings
from config.settings import Settings
from kiosk.accounts import Role
from kiosk.clock import Clock
from kiosk.queue.board import BoardRead
from kiosk.queue.desk import Queue
from ui.board import views
from ui.board.stream import MAX_STREAMS, board_events
from ui.board.watch import FRESH_SECONDS, Shown, Watch
from ui.desk.access import Scope, allow
from ui.desk.app import CLOSERS
from ui.desk.gate import spoken
from ui.packs import packs_of
from ui.touchscreen.stream import Streams
from ui.voice import Voice
from ui.words import Words
from wire.codec import to_json
from wire.errors import TiepDonError

ONLY_BOARD = BoardSettings(name="hall", languages=("vi", "en"))  # where the settings name none


class NoSuchBoard(TiepDonError):
    """The settings have no board of this name (`board`)."""

    code = "board.unknown"


@dataclass(frozen=True)
class Boards:
    """What the pages need: the queue, the voice, the clock, the streams that end with the server."""

    queue: Queue
    voice: Voice
    clock: Clock
    streams: Streams = field(default_factory=lambda: Streams(MAX_STREAMS))


def blueprint(app: Flask, settings: Settings, boards: Boards, build: str) -> Blueprint:
    """The routes, for all staff and for the machines that show boards. `build` names the version of the assets."""
    pages = allow(Blueprint("board", __name__, url_prefix="/board"), *Role, Scope.BOARD)
    known = {board.name: board for board in settings.queue.boards or (ONLY_BOARD,)}
    packs = packs_of(settings)
    words = {language: packs.words(language) for board in known.values() for language in board.languages}

    def render(name: str, board: BoardSettings, **context: object) -> str:
        # Streams render outside of any request: the template uses nothing of Flask's.
        said = [words[language] for language in board.languages]
        titles = [(one.language, views.title_of(board, one.language, one)) for one in said]
        template = app.jinja_env.get_template(f"board/{name}.html")
        return template.render(board=board, said=said, titles=titles, site=settings.site, build=build, **context)

    def show(board: BoardSettings, read: BoardRead) -> Shown:
        view = views.board_view(read, board, boards.queue.rules, words)
        offset = settings.site.utc_offset_minutes
        told = views.calls_told(read, board, boards.voice.clips, boards.clock.now(), offset)
        return Shown(render("part", board, view=view), to_json(told).decode())

    app.extensions[CLOSERS].append(boards.streams.close)
    watch = Watch(boards.queue, tuple(known.values()), show)

    def found(name: str) -> BoardSettings:
        if name not in known:
            raise NoSuchBoard(board=name[:32])
        return known[name]

    def listed(code: str = "") -> str:
        said = Words(spoken(settings))
        told = said.error(code) if code else None
        titled = [(board.name, views.title_of(board, said.language, said)) for board in known.values()]
        template = app.jinja_env.get_template("board/list.html")
        return template.render(told=told, boards=titled, say=said.get, language=said.language, build=build)

    @pages.errorhandler(NoSuchBoard)
    def unknown(error: NoSuchBoard) -> ResponseReturnValue:
        return listed(error.code), 404

    @pages.get("")
    def index() -> ResponseReturnValue:
        return listed()

    @pages.get("/<name>")
    def page(name: str) -> ResponseReturnValue:
        return render("page", found(name), fresh_seconds=FRESH_SECONDS)

    @pages.get("/<name>/events")
    def events(name: str) -> ResponseReturnValue:
        board = found(name)
        return Response(
            board_events(lambda: watch.look(board.name), build, boards.streams), mimetype="text/event-stream"
        )

    return pages
