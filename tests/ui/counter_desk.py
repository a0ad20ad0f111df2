"""The counter's pages on a real database, with a bridge whose answers the test sets."""

import threading
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from config.settings import Settings, database_path
from hisbridge.questions import Coverage, CoverageQuestion, Entitlement, Verdict
from kiosk.counter import Counter, open_counter
from kiosk.store import Store, open_store
from tests.kiosk.people import by_chip
from tests.kiosk.world import HandClock, site
from tests.ui.scripted import ScriptedController
from ui.app import create_app
from ui.counter.routes import Desk
from ui.touchscreen.stream import Streams
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


class CounterDesk:
    """A site with its kiosk's store, its counter and the pages; `answer` is what the insurer says next."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = site(folder)
        self.clock = HandClock()
        self.store: Store = open_store(self.settings, self.clock)
        self.counter: Counter = open_counter(self.settings, self.clock)
        self.answer = FULL
        self.gate = threading.Event()
        self.gate.set()
        self.questions: list[CoverageQuestion] = []
        self.streams = Streams(8)
        desk = Desk(self.counter, self._ask, 10.0, self.streams)
        self.app: Flask = create_app(self.settings, ScriptedController(), None, desk)

    def _ask(self, question: CoverageQuestion) -> Coverage:
        self.questions.append(question)
        self.gate.wait(20)
        return self.answer

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def visit(self, presentation: str, coverage: Coverage | None = None, **person: Any) -> str:
        """Check somebody in; returns the visit."""
        visit = self.store.check_in(presentation, by_chip(**person), coverage).ticket.visit_id
        assert visit is not None
        return visit

    def late(self, visit_id: str, coverage: Coverage) -> None:
        """The bridge finds the answer, the kiosk takes it into the visit."""
        from hisbridge import pending

        connection = open_database(database_path(self.settings))
        assert pending.answer(connection, visit_id, coverage, self.clock.now()) is not None
        connection.close()
        self.store.take_late_answers()

    def close(self) -> None:
        self.gate.set()
        self.streams.close()
        self.counter.close()
        self.store.close()
