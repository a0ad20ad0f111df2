"""What the hospital tells back about a visit, from its own server to the ticket and the counter; and what it is told
when a visit changes."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hisbridge.records import PatientRecord
from tests.support.checkin import leave, say_yes
from tests.support.pcsc import PcscForTests
from tests.support.screen import Screen, Shown
from tests.support.waiting import BUSY_SECONDS, wait_until
from tests.support.world import World, free_port
from tiepdon.readiness import http_json
from tiepdon.supervisor import Child, Program
from tiepdon.world import Places, Ports, sandbox_settings, tiepdon
from ui.words import Words
from wire.codec import from_json

pytestmark = pytest.mark.pcsc

WORDS = Words("vi")
WAIT_SECONDS = 4.0  # kiosk.answer_wait_seconds of this site
TOLD = {
    "record_number": "BN000017",
    "queue_number": "45",
    "room": "12",
    "fees": [{"name": "Khám bệnh", "amount": "38700", "insured": True}],
}
DESTINATION = """
[[destinations]]
name = "hospital"
connector = "webhook"
base_url = "http://127.0.0.1:{port}/visits"
secret_file = "{secret}"
"""


@dataclass
class Hospital:
    """A hospital's own web server: takes records, and tells `answer` when `gate` is open."""

    answer: dict[str, Any] = field(default_factory=lambda: dict(TOLD))
    gate: threading.Event = field(default_factory=threading.Event)
    records: list[PatientRecord] = field(default_factory=list)

    def start(self) -> ThreadingHTTPServer:
        hospital = self
        self.gate.set()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                record = from_json(self.rfile.read(int(self.headers["Content-Length"])), PatientRecord)
                hospital.gate.wait(20)
                hospital.records.append(record)
                body = json.dumps(hospital.answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: pytest shows what matters."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server

    def told(self, visit_id: str) -> list[tuple[str, int, str | None]]:
        """What it was told of one visit, in order: event, revision, insurance verdict."""
        mine = [record for record in self.records if record.visit.visit_id == visit_id]
        return [(one.event.value, one.revision, one.coverage and one.coverage.verdict.value) for one in mine]


@dataclass
class Scene:
    world: World
    hospital: Hospital


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, pcsc_world: PcscForTests) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("answers")
    places = Places(folder / "state", folder / "run")
    for made in (places.state, places.run, places.trust):
        made.mkdir()
    places.portal_password.write_text("sandbox")
    secret = folder / "webhook-secret"
    secret.touch(0o600)
    secret.write_text("synthetic-secret-of-thirty-two-bytes")
    ports = Ports(free_port(), free_port(), free_port(), free_port(), staff=free_port())
    hospital = Hospital()
    server = hospital.start()
    settings = sandbox_settings(places, ports, pcsc_world.reader)
    settings = settings.replace("[kiosk]\n", f"[kiosk]\nanswer_wait_seconds = {WAIT_SECONDS}\n", 1)
    settings = settings.partition("[[destinations]]")[0]  # the sandbox's own hospital would tell too
    settings += DESTINATION.format(port=server.server_address[1], secret=secret)
    places.settings.write_text(settings, "utf-8")
    options = ["--run", places.run, "--state", places.state, "--card", f"vpcd:{pcsc_world.port}"]
    options += ["--portal-port", str(ports.portal), "--his-port", str(ports.hospital), "--desk-port", str(ports.desk)]
    sandbox = Child(Program("sandbox", tiepdon("sandbox", *options)), lambda _, __: None)
    wait_until(lambda: bool(http_json("127.0.0.1", ports.desk, "/health")), 20, "the sandbox")
    world = World(folder / "product", "--config", str(places.settings))
    world.facts["desk"] = f"http://127.0.0.1:{ports.desk}/"
    yield Scene(world, hospital)
    hospital.gate.set()
    world.stop()
    sandbox.stop()
    server.shutdown()
    server.server_close()


@pytest.fixture
def screen(scene: Scene) -> Iterator[Screen]:
    scene.hospital.answer = dict(TOLD)
    scene.hospital.gate.set()
    with Screen(scene.world.touchscreen) as shown:
        shown.touch("cancel")
        shown.wait_for("start")
        yield shown
    scene.hospital.gate.set()
    scene.world.mend()
    scene.world.touch("cancel")


def check_in(scene: Scene, screen: Screen, person: str) -> int:
    """Up to the yes; the number of the next screen."""
    mark = len(screen.seen())
    scene.world.show_qr(person)
    screen.wait_for("confirm", after=mark)
    mark = len(screen.seen())
    say_yes(screen)
    return mark


def visit_of(scene: Scene, number: int = 0) -> tuple[str, str]:
    """The newest visit's id and its ticket's own number."""
    with scene.world.database() as connection:
        query = "SELECT visit_id, number FROM tickets WHERE visit_id IS NOT NULL ORDER BY rowid DESC LIMIT 1 OFFSET ?"
        visit, own = connection.execute(query, (number,)).fetchone()
    return visit, own


def at_the_counter(scene: Scene, path: str = "/list") -> str:
    return scene.world.staff_page(f"/counter{path}")


def test_the_ticket_shows_the_hospitals_number_and_room_and_no_other_number(scene: Scene, screen: Screen) -> None:
    mark = check_in(scene, screen, "mau")
    ticket = screen.wait_for("ticket", after=mark)
    visit, own = visit_of(scene)
    assert (ticket.called_number, ticket.ticket_number) == ("45", own)
    assert "Phòng 12" in ticket.text
    assert "38.700" in ticket.text
    assert not [shown for shown in screen.seen()[mark:] if own in shown.text]
    assert scene.hospital.told(visit)[0] == ("arrived", 0, "valid")


def test_a_hospital_that_is_slow_costs_the_site_its_seconds_and_is_told_of_when_it_comes(
    scene: Scene, screen: Screen
) -> None:
    scene.hospital.gate.clear()
    mark = check_in(scene, screen, "nie")
    waiting = screen.wait_for("finishing", after=mark, holding="answer-time")
    ticket = screen.wait_for("ticket", after=mark)
    visit, own = visit_of(scene)
    assert ticket.called_number == own
    assert ticket.at - screen.seen()[mark - 1].at >= WAIT_SECONDS  # from before the kiosk could begin to wait
    assert ticket.at - waiting.at < WAIT_SECONDS + BUSY_SECONDS
    scene.hospital.gate.set()
    told: Shown = screen.wait_for("ticket", after=mark, holding="Phòng 12")
    assert (told.called_number, told.ticket_number) == ("45", own)
    leave(screen)
    assert "Phòng 12, số 45" in at_the_counter(scene)
    assert "BN000017" in at_the_counter(scene, f"/visits/{visit}")


def test_an_answer_after_the_ticket_is_gone_reaches_the_counter_by_itself_and_no_other_screen(
    scene: Scene, screen: Screen
) -> None:
    scene.hospital.gate.clear()
    scene.hospital.answer = {"queue_number": "46", "room": "Phòng khám Nội"}
    mark = check_in(scene, screen, "eban")
    screen.wait_for("ticket", after=mark)
    visit, _ = visit_of(scene)
    leave(screen)
    scene.hospital.gate.set()
    wait_until(lambda: "Phòng khám Nội, số 46" in at_the_counter(scene), 10, "the counter knows")
    assert "Phòng khám Nội" in at_the_counter(scene, f"/visits/{visit}")
    assert "Phòng khám Nội" not in screen.now.text


def test_a_hostile_answer_is_text_and_stays_in_its_place(scene: Scene, screen: Screen) -> None:
    scene.hospital.answer = {"queue_number": "<i>" + "9" * 5000, "room": "<script>\u202ealert(1)</script>\u0000" * 40}
    mark = check_in(scene, screen, "nam-sinh")
    ticket = screen.wait_for("ticket", after=mark, holding="&lt;script&gt;")
    assert "<script>" not in ticket.html
    assert ticket.called_number == "<i>" + "9" * 13
    assert "\u202e" not in ticket.html
    assert len(ticket.text) < 600


def test_a_late_insurance_answer_is_told_to_the_hospital_behind_the_arrival(scene: Scene, screen: Screen) -> None:
    scene.world.fault("portal.down")
    mark = check_in(scene, screen, "hai-the")
    screen.wait_for("ticket", after=mark, holding=WORDS.get("coverage.unverified"))
    visit, _ = visit_of(scene)
    wait_until(lambda: len(scene.hospital.told(visit)) == 1, 10, "the arrival")
    scene.world.fault("portal.down", None)
    wait_until(lambda: len(scene.hospital.told(visit)) == 2, 20, "the change")
    assert scene.hospital.told(visit) == [("arrived", 0, "unverified"), ("updated", 1, "valid_new_card")]
