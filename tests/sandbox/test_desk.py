"""The desk: its API, its guard, and the whole world as `tiepdon sandbox` starts it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import serial
from PIL import Image

from sandbox.camera import camera
from sandbox.card import trust
from sandbox.desk import routes
from sandbox.fhir import FhirServer
from sandbox.his import HospitalSystem
from sandbox.inprocess import InProcessSlot, RemoteSlot
from sandbox.people import all_people, find, qr_text
from sandbox.population import Population
from sandbox.portal import Portal
from sandbox.portrait import jpeg
from sandbox.scanner import scanner
from sandbox.world import World
from tests.support.pcsc import PcscForTests, card_present
from tests.support.terminal import Terminal, can_key
from tests.support.waiting import wait_until
from wire.server import serving

JSON = {"Content-Type": "application/json"}


class Desk:
    """A caller of the desk."""

    def __init__(self, port: int) -> None:
        self.port = port

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, JSON if headers is None else headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        status, answer = self.call("GET", path)
        assert status == 200, answer
        return json.loads(answer)

    def post(self, path: str, body: Any) -> Any:
        status, answer = self.call("POST", path, body)
        assert status == 200, answer
        return json.loads(answer)


@pytest.fixture
def slot() -> Iterator[InProcessSlot]:
    made = InProcessSlot()
    yield made
    made.close()


@pytest.fixture
def desk(run_dir: Path, slot: InProcessSlot) -> Iterator[Desk]:
    """The desk over a world whose card lies in this process."""
    with (
        slot.serving(run_dir / "card.sock"),
        scanner(run_dir / "scanner") as made,
        camera(run_dir / "camera") as eye,
    ):
        plug = RemoteSlot(run_dir / "card.sock")
        outside = Portal(all_people()), HospitalSystem(), Population(all_people())
        world = World(all_people(), trust.create(), jpeg, plug, made, eye, *outside, fhir=FhirServer())
        with serving(("127.0.0.1", 0), routes(world, {"desk": "here"})) as address:
            assert isinstance(address, tuple)
            yield Desk(address[1])
        world.events.close()


def test_what_is_held_up_to_the_camera_is_told_and_pictured(desk: Desk) -> None:
    asked = {"person": "thu", "face": "back", "worn": True}
    assert desk.post("/camera/show", asked)["in_view"] == asked
    status, picture = desk.call("GET", "/camera/picture")
    assert status == 200
    with Image.open(BytesIO(picture)) as shown:
        assert shown.width == 480
    assert desk.post("/camera/clear", {})["in_view"] is None
    assert desk.call("GET", "/camera/picture")[1] != picture


def test_everybody_is_listed_with_key_and_code(desk: Desk) -> None:
    people = desk.get("/people")
    assert [person["key"] for person in people] == [person.key for person in all_people()]
    (shown,) = [person for person in people if person["key"] == "mau"]
    assert shown["can"] == "900017"
    assert shown["qr"] == qr_text(find("mau"))
    assert shown["insurance"]["result_code"] == "000"


def test_a_placed_card_is_on_the_reader_until_removed(desk: Desk, slot: InProcessSlot) -> None:
    assert desk.post("/card/place", {"person": "thu"})["card"] == "thu"
    with slot.connect() as transport:
        terminal = Terminal(transport.transmit)
        terminal.pace(can_key("900024"))
    assert desk.get("/state")["card"] == "thu"
    assert desk.post("/card/remove", {})["card"] is None
    assert desk.get("/state")["card"] is None


def test_the_same_persons_card_stays_the_same_card(desk: Desk, slot: InProcessSlot) -> None:
    read = []
    for _ in range(2):
        desk.post("/card/place", {"person": "nhi"})
        with slot.connect() as transport:
            terminal = Terminal(transport.transmit)
            terminal.pace(can_key("900048"))
            terminal.select_applet()
            read.append(terminal.read(0x011D))
    assert read[0] == read[1]


def test_a_card_that_left_by_itself_is_no_longer_shown(desk: Desk, slot: InProcessSlot) -> None:
    desk.post("/card/place", {"person": "mau", "quirks": {"remove_after_apdus": 0}})
    with slot.connect() as transport, pytest.raises(Exception, match="card_removed"):
        transport.transmit(bytes.fromhex("00B09C0000"))
    assert desk.get("/state")["card"] is None


def test_a_shown_code_reaches_the_scanners_line(desk: Desk, run_dir: Path) -> None:
    with serial.Serial(str(run_dir / "scanner"), 115200, timeout=5) as line:
        assert desk.post("/scanner/show", {"person": "vi-du"})["scanned"] == "vi-du"
        assert line.read_until(b"\r").decode() == qr_text(find("vi-du")) + "\r"
        assert desk.post("/scanner/show", {"text": "một mã lạ"})["scanned"] is None
        assert line.read_until(b"\r").decode() == "một mã lạ\r"


def test_an_insurance_card_is_held_to_the_scanner_by_those_who_have_one(desk: Desk, run_dir: Path) -> None:
    with serial.Serial(str(run_dir / "scanner"), 115200, timeout=5) as line:
        desk.post("/scanner/show", {"person": "so-bao-hiem", "card": "insurance"})
        assert line.read_until(b"\r").startswith(b"0000000003|")
    status, answer = desk.call("POST", "/scanner/show", {"person": "khong-bao-hiem", "card": "insurance"})
    assert (status, json.loads(answer)["code"]) == (400, "wire.malformed")


def test_faults_go_to_the_system_that_has_them(desk: Desk) -> None:
    assert desk.post("/faults", {"name": "his.ae", "value": "on"})["faults"]["his.ae"] == "on"
    assert desk.post("/faults", {"name": "portal.html", "value": True})["faults"]["portal.html"] == "on"
    assert desk.post("/faults", {"name": "population.slow", "value": 3})["faults"]["population.slow"] == "3"
    assert desk.post("/faults", {"name": "his.ae", "value": None})["faults"]["his.ae"] is None
    status, answer = desk.call("POST", "/faults", {"name": "nothing.here", "value": "on"})
    assert (status, json.loads(answer)["code"]) == (400, "sandbox.unknown_fault")


def test_every_fault_is_told_system_by_system_and_has_words_in_both_languages(desk: Desk) -> None:
    told = list(desk.get("/state")["faults"])
    systems = list(dict.fromkeys(name.partition(".")[0] for name in told))
    assert systems == ["portal", "population", "his", "fhir"]
    assert sorted(told, key=lambda name: systems.index(name.partition(".")[0])) == told
    words = desk.get("/desk-words.json")
    for language in ("vi", "en"):
        assert {f"fault.{name}" for name in told} <= words[language].keys()
        assert {f"faults.group.{system}" for system in systems} <= words[language].keys()


def test_every_fault_stands_in_the_manual(desk: Desk) -> None:
    manual = Path("docs/operations.md").read_text("utf-8").partition("## Codes")[0]
    for name in desk.get("/state")["faults"]:
        assert f"`{name}`" in manual or f"`{name.partition('.')[2]}`" in manual, name


def test_a_code_for_one_person_is_refused_for_somebody_who_does_not_exist(desk: Desk) -> None:
    fault = "portal.person_code"
    assert desk.post("/faults", {"name": fault, "value": "mau=010,thu=060"})["faults"][fault] == "mau=010,thu=060"
    status, answer = desk.call("POST", "/faults", {"name": fault, "value": "nobody=010"})
    assert (status, json.loads(answer)["code"]) == (400, "sandbox.unknown_fault")


def test_portraits_are_pictures(desk: Desk) -> None:
    status, picture = desk.call("GET", "/portrait?person=nie")
    assert status == 200
    with Image.open(BytesIO(picture)) as decoded:
        assert decoded.format == "JPEG"


def test_the_page_stands_at_the_root(desk: Desk) -> None:
    status, page = desk.call("GET", "/")
    assert status == 200
    assert page.lstrip().lower().startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/card/place", {"person": "nobody"}, "sandbox.unknown_person"),
        ("/card/place", {"person": "mau", "quirk": 1}, "wire.malformed"),
        ("/card/place", {"person": "mau", "quirks": {"no_such": True}}, "wire.malformed"),
        ("/card/place", ["mau"], "wire.malformed"),
        ("/scanner/show", {}, "wire.malformed"),
        ("/scanner/show", {"person": "mau", "text": "x"}, "wire.malformed"),
        ("/scanner/show", {"person": "nobody"}, "sandbox.unknown_person"),
        ("/camera/show", {"person": "nobody", "face": "front"}, "sandbox.unknown_person"),
        ("/camera/show", {"person": "mau", "face": "edge"}, "wire.malformed"),
        ("/camera/show", {"person": "mau"}, "wire.malformed"),
        ("/scanner/show", {"text": "x" * 5000}, "wire.malformed"),
        ("/faults", {"name": "x", "value": {"deep": 1}}, "wire.malformed"),
    ],
)
def test_bad_requests_get_a_clear_error(desk: Desk, path: str, body: Any, code: str) -> None:
    status, answer = desk.call("POST", path, body)
    assert (status, json.loads(answer)["code"]) == (400, code)


def test_another_name_for_this_machine_is_refused(desk: Desk) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", ""):
        status, answer = desk.call("GET", "/people", headers={"Host": host})
        assert (status, json.loads(answer)["code"]) == (403, "sandbox.forbidden_caller")
    status, _ = desk.call("GET", "/people", headers={"Host": f"localhost:{desk.port}"})
    assert status == 200


def test_only_json_may_change_anything(desk: Desk) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        status, answer = desk.call("POST", "/card/place", {"person": "mau"}, headers={"Content-Type": kind})
        assert (status, json.loads(answer)["code"]) == (403, "sandbox.forbidden_caller")
    assert desk.get("/state")["card"] is None


def test_a_reader_that_is_not_there_is_told(run_dir: Path) -> None:
    with scanner(run_dir / "scanner") as made, camera(run_dir / "camera") as eye:
        plug = RemoteSlot(run_dir / "nowhere.sock")
        world = World(all_people(), trust.create(), jpeg, plug, made, eye, Portal(all_people()), HospitalSystem())
        with serving(("127.0.0.1", 0), routes(world, {})) as address:
            assert isinstance(address, tuple)
            status, answer = Desk(address[1]).call("POST", "/card/place", {"person": "nhi"})
    assert (status, json.loads(answer)["code"]) == (400, "wire.unreachable")


# The command


@contextmanager
def started(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[tuple[dict[str, Any], int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tiepdon.main", "sandbox", "--json", *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    try:
        assert process.stdout is not None
        with process.stdout as output:
            yield json.loads(output.readline()), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def events_of(port: int) -> tuple[http.client.HTTPConnection, Callable[[], tuple[str, Any]]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/events")
    stream = connection.getresponse()

    def following() -> tuple[str, Any]:
        name = ""
        while True:
            line = stream.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                return name, json.loads(line[6:])

    return connection, following


def test_the_command_starts_a_whole_world(
    run_dir: Path, tmp_path: Path, pcsc_world: PcscForTests, card_slot: object
) -> None:
    where = ("--run", str(run_dir), "--state", str(tmp_path), "--card", f"vpcd:{pcsc_world.port}")
    with started(*where) as (addresses, pid):
        desk = Desk(int(addresses["desk"].rpartition(":")[2]))
        for part in ("portal", "portal_tls", "portal_ca", "population", "his"):
            assert desk.get("/health")[part] == addresses[part]
        assert desk.get("/health")["synthetic"] is True
        assert (tmp_path / "trust" / "csca.cer").exists()
        assert Path(addresses["scanner"]).exists()
        assert Path(addresses["camera"]).is_socket()
        connection, following = events_of(desk.port)
        assert following()[1]["card"] is None
        desk.post("/card/place", {"person": "dia-chi-dai"})
        assert following() == ("state", desk.get("/state"))
        wait_until(card_present, what="the card, seen by pcscd")
        desk.post("/card/remove", {})
        assert following()[1]["card"] is None
        wait_until(lambda: card_present() is False, what="the empty reader, seen by pcscd")
        desk.post("/card/place", {"person": "mau"})
        connection.close()
        memory = Path(f"/proc/{pid}/status").read_text("ascii").split("VmRSS:")[1].split()[0]
        assert int(memory) < 60_000  # kB; the figure itself is measured by the benchmarks
    wait_until(lambda: card_present() is False, what="the reader, emptied at the end")


def test_a_hospital_message_reaches_the_followers(run_dir: Path, tmp_path: Path) -> None:
    import socket

    message = "MSH|^~\\&|A|B|C|D|20260101||ADT^A04^ADT_A01|one|P|2.5\rPID|||000000000000^^^VNID^NI||Thử^Văn\r"
    with started("--run", str(run_dir), "--state", str(tmp_path)) as (addresses, _):
        connection, following = events_of(int(addresses["desk"].rpartition(":")[2]))
        following()
        host, _, port = addresses["his"].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5) as line:
            line.sendall(b"\x0b" + message.encode() + b"\x1c\r")
            assert b"MSA|AA|one" in line.recv(4096)
        told = dict(following() for _ in range(2))
        assert told["state"]["messages"] == 1
        assert told["messages"][0]["control_id"] == "one"
        connection.close()


@pytest.mark.parametrize("place", ["vpcd", "vpcd:x", "vpcd:0", "vpcd:99999", "socket:", "usb:1", "vpcd:²"])
def test_a_wrong_card_place_is_named(place: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tiepdon.main", "sandbox", "--card", place),
            *("--run", str(tmp_path), "--state", str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "vpcd:PORT" in done.stderr


def test_every_fault_tells_its_value_and_what_it_takes(desk: Desk) -> None:
    faults = desk.get("/faults")
    assert faults.keys() == desk.get("/state")["faults"].keys()
    assert all(fault["takes"] and fault["value"] is None for fault in faults.values())
    assert faults["portal.tls"]["takes"] == "on, name, expired, self_signed"
    desk.post("/faults", {"name": "portal.slow", "value": 6})
    assert desk.get("/faults")["portal.slow"]["value"] == "6"


def test_a_value_that_a_fault_does_not_take_is_refused_with_those_it_takes(desk: Desk) -> None:
    status, answer = desk.call("POST", "/faults", {"name": "portal.half", "value": "third"})
    assert status >= 400
    assert json.loads(answer)["data"] == {"name": "portal.half", "takes": "on, body, length"}


def test_one_call_mends_everything(desk: Desk) -> None:
    for name in ("portal.down", "population.500", "his.mute"):
        desk.post("/faults", {"name": name, "value": True})
    assert set(desk.post("/faults/mend", {})["faults"].values()) == {None}


def test_every_fault_is_explained_in_the_operations_manual(desk: Desk) -> None:
    manual = Path("docs/operations.md").read_text("utf-8")
    table = manual.partition("| fault |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([a-z0-9_.]+)`", table))
    for name in desk.get("/faults"):
        assert name in named or name.partition(".")[2] in named, name
