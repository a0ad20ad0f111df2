"""The counter's pages on a real database, with a bridge whose answers the test sets."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from flask.testing import FlaskClient

from config.front import RECEPTION, CounterPlace, ServiceSettings
from config.settings import Settings, database_path
from hisbridge.questions import Citizen, CitizenQuestion, Coverage, CoverageQuestion, Entitlement, Register, Verdict
from kiosk.accounts import Role
from kiosk.counter import Counter
from kiosk.store import Store
from tests.kiosk.people import by_chip
from tests.kiosk.world import site
from tests.ui.desk_site import DeskSite
from ui.counter import routes
from ui.counter.desk import Desk, open_desk
from ui.desk import csrf
from ui.desk.gate import cookie_name
from wire.database import open_database

PRESS = {"HX-Request": "true"}
FULL = Coverage(
    verdict=Verdict.VALID_NEW_CARD,
    result_code="004",
    found_by="personal_id",
    card_number="GD4010000000017",
    other_card_number="DN4010000000017",
    social_security_number="0000000017",
    valid_from="2026-01-01",
    valid_to="2026-12-05",
    registered_facility="01028",
    five_year_date="2025-03-01",
    asked_at="2026-11-21T07:45:00+07:00",
    asked_by="kiosk-1",
    entitlement=Entitlement(
        benefit_level="4",
        benefit_percent=80,
        route="registered",
        object_code="1.1",
        five_years_reached=True,
        expires_in_days=14,
    ),
)


SERVICES = (
    ServiceSettings(code="KB", name_vi="Khám bệnh", name_en="Examination"),
    ServiceSettings(code="XN", name_vi="Xét nghiệm", name_en="Laboratory", number_prefix="X"),
)
COUNTERS = (
    CounterPlace(code="1", name_vi="Quầy 1", name_en="Counter 1", queues=(RECEPTION, "KB")),
    CounterPlace(code="2", name_vi="Phòng xét nghiệm", name_en="Laboratory room", queues=("XN",)),
)


def hospital(folder: Path) -> Settings:
    """Two services, a reception counter that also examines, a laboratory."""
    settings = site(folder)
    return msgspec.structs.replace(
        settings,
        kiosk=msgspec.structs.replace(settings.kiosk, services=SERVICES),
        queue=msgspec.structs.replace(settings.queue, counters=COUNTERS),
    )


class CounterDesk:
    """A site with its kiosk's store and the counter's pages; `answer` is what the insurer says next, `citizen` the
    population register. Whoever signs in sits at `place`."""

    def __init__(self, folder: Path, place: str = "1") -> None:
        self.answer = FULL
        self.citizen = Citizen(verdict=Register.FOUND)
        self.gate = threading.Event()
        self.gate.set()
        self.questions: list[CoverageQuestion] = []
        self.reprinted: list[tuple[str, str]] = []
        self.place = place
        self.site = DeskSite(folder, self._parts, hospital(folder))
        self.settings, self.clock, self.app = self.site.settings, self.site.clock, self.site.app
        self.streams = self.site.leases

    def _parts(self, site: DeskSite) -> list[Any]:
        opened = open_desk(site.settings, site.clock, site.sessions.sit)
        self.desk: Desk = replace(
            opened, ask=self._ask, look_up=self._look_up, reprint=lambda *told: self.reprinted.append(told)
        )
        self.counter: Counter = self.desk.counter
        self.store: Store = self.desk.store
        return [lambda app, build: routes.blueprint(app, site.settings, self.desk, build)]

    def _ask(self, question: CoverageQuestion) -> Coverage:
        self.questions.append(question)
        self.gate.wait(20)
        return self.answer

    def _look_up(self, _: CitizenQuestion) -> Citizen:
        return self.citizen

    def client(self, role: Role = Role.RECEPTIONIST, language: str = "vi", place: str | None = None) -> FlaskClient:
        """Somebody signed in, sitting at their counter."""
        token = self._seated(role, place)
        client = self.site.stranger()
        client.set_cookie(cookie_name(self.settings), token)
        client.set_cookie("language", language)
        client.environ_base["HTTP_X_CSRF_TOKEN"] = csrf.token_for(token)
        return client

    def cookies(self, language: str = "vi", place: str | None = None) -> dict[str, str]:
        """The cookies of somebody signed in, for a browser."""
        return {cookie_name(self.settings): self._seated(Role.RECEPTIONIST, place), "language": language}

    def _seated(self, role: Role, place: str | None) -> str:
        token = self.site.token(role)
        held = self.site.sessions.find(token)
        assert held is not None
        self.site.sessions.sit(held.session, self.place if place is None else place)
        return token

    def visit(self, presentation: str, coverage: Coverage | None = None, **person: Any) -> str:
        """Check somebody in; returns the visit."""
        visit = self.store.check_in(presentation, by_chip(**person), coverage).ticket.visit_id
        assert visit is not None
        return visit

    def ticket_of(self, visit_id: str) -> str:
        """The ticket of a visit."""
        return self.counter.visit(visit_id).row.ticket_id

    def late(self, visit_id: str, coverage: Coverage) -> None:
        """The bridge finds the answer, the kiosk takes it into the visit."""
        from hisbridge import pending

        connection = open_database(database_path(self.settings))
        assert pending.answer(connection, visit_id, coverage, self.clock.now()) is not None
        connection.close()
        self.store.take_late_answers()

    def close(self) -> None:
        self.gate.set()
        self.desk.close()
        self.site.close()
