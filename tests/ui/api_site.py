"""The desk's API on a real database, with machines let in as each test needs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config.front import RECEPTION, CounterPlace, ServiceSettings
from config.settings import Settings
from kiosk.machines import Machines, Scope, open_machines
from kiosk.states import Choice
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import site
from tests.ui.desk_site import DeskSite
from ui.api.handlers import Desk
from ui.api.rates import Rates
from ui.api.routes import blueprint
from ui.desk.machines import finder
from ui.desk.streams import Leases

BASE = "/api/v1"


def house(folder: Path, **changed: Any) -> Settings:
    """A site with two services, a counter of reception and one of a clinic."""
    settings = site(folder, **changed)
    services = (
        ServiceSettings(code="KB", name_vi="Khám bệnh", name_en="Examination"),
        ServiceSettings(code="XN", name_vi="Xét nghiệm", name_en="Laboratory", number_prefix="X", identity=False),
    )
    counters = (
        CounterPlace(code="1", name_vi="Quầy 1", name_en="Counter 1", queues=(RECEPTION, "KB")),
        CounterPlace(code="2", name_vi="Phòng 2", name_en="Room 2", queues=("XN",)),
    )
    kiosk = msgspec.structs.replace(settings.kiosk, services=services)
    return msgspec.structs.replace(
        settings, kiosk=kiosk, queue=msgspec.structs.replace(settings.queue, counters=counters)
    )


class ApiSite(DeskSite):
    """The staff's application with the API on it."""

    def __init__(
        self,
        folder: Path,
        settings: Settings | None = None,
        per_second: float = 1000.0,
        burst: float = 1000.0,
        leases: Leases | None = None,
    ) -> None:
        told = settings or house(folder)
        self.machines: Machines | None = None
        super().__init__(
            folder,
            lambda made: [lambda _app, _build: blueprint(made.api, Rates(made.clock.monotonic, per_second, burst))],  # type: ignore[attr-defined]
            told,
            lambda request: finder(self.let_in())(request),
            leases,
        )

    @property
    def api(self) -> Desk:
        if not hasattr(self, "_api"):
            self._api = Desk(self.settings, self.clock)
        return self._api

    def let_in(self) -> Machines:
        if self.machines is None:
            self.machines = open_machines(self.settings, self.clock)
        return self.machines

    def bearer(self, *scopes: Scope, name: str = "machine") -> str:
        """A token of a machine with these scopes."""
        machines = self.let_in()
        return machines.enrol(machines.new_code(name, scopes, "hoa")).token

    def program(self, *scopes: Scope, name: str = "machine") -> "Program":
        return Program(self.app.test_client(), self.bearer(*scopes, name=name))

    def person(self, presentation: str, service: str = "KB", priority: str = "") -> str:
        """Somebody checked in; their ticket."""
        choice = Choice(service_code=service, priority=msgspec.convert(priority, type(Choice().priority)))
        return self.store.check_in(presentation, by_chip(), covered(), choice).ticket.ticket_id

    def number(self, presentation: str, service: str = "KB") -> str:
        """Somebody with a number alone; their ticket."""
        return self.store.counter_ticket(presentation, choice=Choice(service_code=service)).ticket.ticket_id

    def close(self) -> None:
        self.api.close()
        self.let_in().close()
        super().close()


class Program:
    """A program that calls the API with its token."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self._client = client
        self._token = token
        self._keys = 0

    def get(self, path: str, **headers: str) -> TestResponse:
        return self._client.get(BASE + path, headers=self._headers(headers))

    def post(self, path: str, body: Any = None, key: str | None = None, **headers: str) -> TestResponse:
        self._keys += 1
        told = {"Idempotency-Key": key or f"key-{self._keys:06d}", **headers}
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._client.post(BASE + path, data=data, content_type="application/json", headers=self._headers(told))

    def send(self, method: str, path: str) -> TestResponse:
        return self._client.open(BASE + path, method=method, headers=self._headers({}))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token}",
            **{name.replace("_", "-"): told for name, told in more.items()},
        }


@contextmanager
def api_site(folder: Path, **how: Any) -> Iterator[ApiSite]:
    made = ApiSite(folder, **how)
    try:
        yield made
    finally:
        made.close()
