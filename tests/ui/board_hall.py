"""A hall whose boards hang in real pages: people arrive and are called on a real database, somebody is signed in."""

from collections.abc import Sequence
from pathlib import Path

from flask import Request
from flask.testing import FlaskClient

from config.front import RECEPTION, BoardSettings, CounterPlace
from config.settings import Settings
from kiosk.accounts import Role
from tests.kiosk.queue.hall import Hall, hospital, service
from tests.ui.desk_site import DeskSite
from ui.board.routes import Boards, blueprint
from ui.desk.access import Scope, Signed, allow
from ui.font_pages import blueprint as font_pages
from ui.voice import Voice
from ui.voice_pages import blueprint as voice_pages

SERVICES = (
    service("KB", name_vi="Khám bệnh", name_en="Examination", number_prefix="K"),
    service("XN", name_vi="Xét nghiệm", name_en="Laboratory", number_prefix="X"),
)
COUNTERS = (
    CounterPlace(code="1", name_vi="Quầy 1", name_en="Counter 1", queues=(RECEPTION,)),
    CounterPlace(code="2", name_vi="Quầy 2", name_en="Counter 2", queues=("KB",)),
    CounterPlace(
        code="3",
        name_vi="Phòng 204, khám Tai – Mũi – Họng và Răng – Hàm – Mặt, tầng 2 nhà B",
        name_en="Room 204, ear, nose and throat, second floor of house B",
        queues=("KB", "XN"),
    ),
    CounterPlace(code="4", name_vi="Phòng xét nghiệm", name_en="Laboratory", queues=("XN",)),
)
PLAIN = BoardSettings(name="hall", languages=("vi", "en"), title_vi="Sảnh chính", title_en="Main hall")
NAMED = BoardSettings(name="named", names="masked", languages=("vi",), counters=("2", "3"), next_up=3)
LABORATORY = BoardSettings(name="lab", languages=("en",), counters=("4",), rows=3, spoken_times=1, volume=40)
FULL = BoardSettings(name="full", names="masked", languages=("vi", "en"), rows=8, next_up=5)
BOARDS = (PLAIN, NAMED, LABORATORY, FULL)


class BoardHall:
    """`site`: the staff's pages; `hall`: what people and counters do. `voice` may be given its clips."""

    def __init__(self, folder: Path, boards: Sequence[BoardSettings] = BOARDS, voice: Voice | None = None) -> None:
        settings: Settings = hospital(folder, SERVICES, COUNTERS, boards=tuple(boards))
        voice = voice or Voice({})
        self.site = DeskSite(
            folder,
            lambda site: [
                lambda app, build: blueprint(app, site.settings, Boards(site.queue, voice, site.clock), build),
                lambda *_: allow(voice_pages(voice), *Role, Scope.BOARD),
                lambda *_: allow(font_pages({}), *Role, Scope.BOARD),
            ],
            settings,
            self._machine,
        )
        self.streams = self.site.leases
        self.hall = Hall(settings, self.site.clock, durable=False)

    def machine(self, scope: Scope) -> FlaskClient:
        """A client of a machine with a token for this."""
        client = self.site.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {scope}"
        return client

    @staticmethod
    def _machine(request: Request) -> Signed | None:
        scheme, _, scope = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return None
        return Signed("", "", None, "", machine=f"tv-{scope}", scopes=frozenset({Scope(scope)}))

    def close(self) -> None:
        self.hall.close()
        self.site.close()
