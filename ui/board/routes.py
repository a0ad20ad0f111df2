"""The boards over HTTP: a list of them, each one's page, and the stream that keeps it true."""

from dataclasses import dataclass

from flask import Blueprint, Flask, Response
from flask.typing import ResponseReturnValue

from config.front import BoardSettings
from config.settings import Settings
from kiosk.accounts import Role
from kiosk.clock import Clock
from kiosk.queue.desk import Queue
from ui.board import views
from ui.board.stream import Shown, board_events
from ui.desk.access import Scope, allow
from ui.desk.gate import spoken
from ui.desk.news import News
from ui.desk.shared import Shared
from ui.desk.streams import LEASES
from ui.packs import offered_packs
from ui.touchscreen.stream import HEARTBEAT_SECONDS
from ui.voice import Voice
from ui.words import Words
from wire.errors import TiepDonError

FRESH_SECONDS = 600  # so long a call may still wait for its turn at the loudspeaker
LATE_SECONDS = 6 * HEARTBEAT_SECONDS  # a board that comes back speaks no call that is older
ONLY_BOARD = BoardSettings(name="hall", languages=("vi", "en"))  # where the settings name none


class NoSuchBoard(TiepDonError):
    """The settings have no board of this name (`board`)."""

    code = "board.unknown"


@dataclass(frozen=True)
class Boards:
    """What the pages need: the queue, the voice, the clock."""

    queue: Queue
    voice: Voice
    clock: Clock


def blueprint(app: Flask, settings: Settings, boards: Boards, build: str) -> Blueprint:
    """The routes, for all staff and for the machines that show boards. `build` names the version of the assets."""
    pages = allow(Blueprint("board", __name__, url_prefix="/board"), *Role, Scope.BOARD)
    known = {board.name: board for board in settings.queue.boards or (ONLY_BOARD,)}
    languages = {language for board in known.values() for language in board.languages}
    packs = offered_packs(settings, languages)
    words = {language: packs.words(language) for language in languages}

    def render(name: str, board: BoardSettings, **context: object) -> str:
        # Streams render outside of any request: the template uses nothing of Flask's.
        said = [words[language] for language in board.languages]
        template = app.jinja_env.get_template(f"board/{name}.html")
        return template.render(
            board=board,
            first=said[0],
            titles=views.titles_of(board, said),
            told=lambda key: views.told_in(key, said),
            site=settings.site,
            build=build,
            **context,
        )

    def show(board: BoardSettings) -> Shown:
        (read,) = boards.queue.boards((board,), FRESH_SECONDS)
        view = views.board_view(read, board, boards.queue.rules, words)
        offset = settings.site.utc_offset_minutes
        told = views.calls_told(read, board, boards.voice.clips, offset)
        return Shown(render("part", board, view=view), told, lambda: boards.clock.now().timestamp())

    shared: Shared[Shown] = Shared(lambda: (boards.queue.version(), boards.queue.day()))

    def found(name: str) -> BoardSettings:
        if name not in known:
            raise NoSuchBoard(board=name[:32])
        return known[name]

    def listed(code: str = "") -> str:
        said = Words(spoken(settings))
        told = said.error(code) if code else None
        titled = [(board.name, views.titles_of(board, [said])[0].text) for board in known.values()]
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
        return render("page", found(name), keep=FRESH_SECONDS, late=LATE_SECONDS, beat=HEARTBEAT_SECONDS)

    @pages.get("/<name>/events")
    def events(name: str) -> ResponseReturnValue:
        board = found(name)
        news: News = app.extensions[LEASES].news
        events = board_events(news.looks(), lambda: news.in_turn(lambda: shared.get(name, lambda: show(board))), build)
        return Response(events, mimetype="text/event-stream")

    return pages
