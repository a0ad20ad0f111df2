"""Live and ready, asked of the real kiosk process under trouble, and of the pages; and the names requests go by."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import database_path, load, socket_path
from kiosk.accounts import Role
from tests.support.processes import children
from tests.support.waiting import BUSY_SECONDS, wait_until
from tests.ui.desk_site import DeskSite
from tests.ui.test_server import Process
from tiepdon.readiness import http_json
from ui.words import Words
from wire.client import Client
from wire.errors import MalformedMessage, RemoteError, TiepDonError
from wire.health import Health, Live, Status
from wire.health_routes import health_routes
from wire.meter import Meter, Report
from wire.request_id import HEADER
from wire.server import serving


class Running(Process):
    """A kiosk process and what it says of itself on its own socket."""

    @property
    def client(self) -> Client:
        return Client(socket_path(load(self.settings), "kiosk"))

    def parts(self) -> dict[str, str | None]:
        """Of a kiosk that is ready; its words come with an error status where it is not."""
        return self.client.get("/health/ready", Health).parts

    def is_unready(self) -> bool:
        try:
            self.client.get("/health/ready", Health)
        except (RemoteError, MalformedMessage):
            return True
        return False


@pytest.fixture
def kiosk(run_dir: Path) -> Iterator[Running]:
    process = Running(run_dir)
    wait_until(process.answers, BUSY_SECONDS, "the kiosk process")
    yield process
    process.stop()


def test_a_kiosk_without_anything_else_is_ready_for_it_gives_tickets(kiosk: Running) -> None:
    told = kiosk.client.get("/health/ready", Health)
    assert told.status is Status.DEGRADED
    assert told.parts["database"] is told.parts["checkin"] is None
    assert (told.parts["bridge"], told.parts["reader"]) == ("wire.unreachable", "wire.unreachable")
    assert told.parts["screen"] == "screen.never_seen"
    assert kiosk.client.get("/health/live", Live) == Live()
    assert http_json("127.0.0.1", kiosk.port, "/health/live") == {"status": "live"}


def test_a_bridge_that_comes_and_goes_is_told_and_makes_no_kiosk_unready(kiosk: Running) -> None:
    def well() -> Health:
        return Health(status=Status.READY, parts={})

    place = socket_path(load(kiosk.settings), "bridge")
    with serving(place, health_routes(well, Meter(), lambda: ())):
        assert kiosk.parts()["bridge"] is None
    assert kiosk.parts()["bridge"] == "wire.unreachable"


def test_a_kiosk_whose_database_is_gone_is_unready_and_still_live(kiosk: Running) -> None:
    database = database_path(load(kiosk.settings))
    away = database.with_name("away.db")
    assert not kiosk.is_unready()
    database.rename(away)
    wait_until(kiosk.is_unready, BUSY_SECONDS, "unready")
    assert kiosk.client.get("/health/live", Live) == Live()
    away.rename(database)
    wait_until(lambda: not kiosk.is_unready(), BUSY_SECONDS, "ready again")


def test_a_look_writes_nothing(kiosk: Running) -> None:
    kiosk.parts()
    folder = database_path(load(kiosk.settings)).parent

    def written() -> dict[str, int]:
        return {file.name: file.stat().st_mtime_ns for file in folder.iterdir() if not file.name.endswith("-shm")}

    before = written()
    for _ in range(50):
        kiosk.parts()
    assert written() == before


def test_its_figures_are_on_its_own_socket_and_survive_nobody_asking(kiosk: Running) -> None:
    report = kiosk.client.get("/v1/metrics", Report)
    assert report.health.status is Status.DEGRADED
    assert report.figures.process.resident_bytes > 20_000_000
    assert http_json("127.0.0.1", kiosk.port, "/v1/metrics") == {}


def test_a_kiosk_that_is_stopped_is_not_live(kiosk: Running) -> None:
    everybody = [kiosk.process.pid, *children(kiosk.process.pid)]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TiepDonError, match=r"wire\.timeout"):
            kiosk.client.get("/health/live", Live, timeout=0.5)
    finally:
        for pid in everybody:
            os.kill(pid, signal.SIGCONT)
    wait_until(kiosk.answers, BUSY_SECONDS, "it goes on")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskSite]:
    made = DeskSite(tmp_path)
    yield made
    made.close()


def test_an_error_page_of_the_desk_names_its_request(desk: DeskSite) -> None:
    client = desk.sign_in(Role.TECHNICIAN)
    client.environ_base.pop("HTTP_HX_REQUEST")
    answer = client.get("/nowhere?name=secret", headers={"Accept": "text/html"})
    name = answer.headers[HEADER]
    assert re.fullmatch("[0-9a-f]{16}", name)
    assert Words("vi").get("staff.request", name=name) in answer.text
    assert client.get("/nowhere", headers={"Accept": "text/html"}).headers[HEADER] != name


def test_a_browsers_own_name_for_a_request_is_not_taken(desk: DeskSite) -> None:
    sent: dict[str, Any] = {HEADER: "0123456789abcdef"}
    assert desk.stranger().get("/sign-in", headers=sent).headers[HEADER] != "0123456789abcdef"
