"""`kill -9` of every process, again and again, while people check in: no number lost or given twice, all delivered."""

import http.client
import itertools
import json
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from config.settings import load, socket_path
from sandbox.people import all_people, find
from tests.hisbridge.receiver import Receiver, Step, control_id, receiving, say
from tests.support.checkin import leave
from tests.support.pcsc import PcscForTests
from tests.support.processes import alive, child_named
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from tests.support.world import COMMANDS, World, free_port
from tiepdon.readiness import http_json
from tiepdon.supervisor import Child, Program
from tiepdon.world import Places, Ports, sandbox_settings, tiepdon
from wire.client import Client

pytestmark = pytest.mark.pcsc

KILLS_EACH = 5
SEED = 20261121
STEP_SECONDS = 3.0  # how long the person waits for the next screen before beginning anew
BEING_STARTED = (OSError, http.client.HTTPException, AssertionError)  # what a call to a dead process ends with
WITNESS = """
[[destinations]]
name = "witness"
connector = "hl7v2"
host = "127.0.0.1"
port = {port}
sending_facility = "99999"
"""


@dataclass
class Scene:
    """The product by itself (`tiepdon run --config`), the sandbox world beside it, and a hospital that never dies."""

    world: World
    sandbox: Child
    witness: Receiver
    log: list[str]

    def victims(self) -> dict[str, Callable[[], int | None]]:
        """How each process is found in its present incarnation."""
        world = self.world
        return {
            "kiosk": lambda: world.pid("kiosk"),
            "worker": lambda: next(iter(world.workers()), None),
            "bridge": lambda: world.pid("bridge"),
            "reader": lambda: world.pid("reader"),
            "sandbox": lambda: child_named(os.getpid(), *COMMANDS["sandbox"]),
        }


def say_in_a_moment(rng: random.Random) -> Step:
    """An acknowledgement that takes its time, so that the bridge is killed between message and answer too."""
    pause = threading.Event()

    def step(connection: socket.socket, message: bytes) -> None:
        pause.wait(rng.uniform(0.0, 0.4))
        say()(connection, message)

    return step


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, pcsc_world: PcscForTests) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("kill")
    places = Places(folder / "state", folder / "run")
    for made in (places.state, places.run, places.trust):
        made.mkdir()
    places.portal_password.write_text("sandbox")
    ports = Ports(free_port(), free_port(), free_port(), free_port())
    log: list[str] = []
    rng = random.Random(SEED)  # noqa: S311  # moments, not secrets
    with receiving(say_in_a_moment(rng)) as witness:
        settings = sandbox_settings(places, ports, pcsc_world.reader) + WITNESS.format(port=witness.port)
        places.settings.write_text(settings, "utf-8")
        options = ["--run", places.run, "--state", places.state, "--card", f"vpcd:{pcsc_world.port}"]
        options += [
            "--portal-port",
            str(ports.portal),
            "--his-port",
            str(ports.hospital),
            "--desk-port",
            str(ports.desk),
        ]
        sandbox = Child(Program("sandbox", tiepdon("sandbox", *options)), lambda _, line: log.append(line))
        wait_until(lambda: bool(http_json("127.0.0.1", ports.desk, "/health")), 20, "the sandbox")
        world = World(folder / "product", "--config", str(places.settings))
        world.facts["desk"] = f"http://127.0.0.1:{ports.desk}/"
        yield Scene(world, sandbox, witness, log)
        world.stop()
        sandbox.stop()


@dataclass
class Crowd:
    """People who check in one after the other, each giving up and making room when the machine falls under them."""

    scene: Scene
    screen: Screen
    attempts: list[str] = field(default_factory=list)  # whose, in order
    shown: dict[str, int] = field(default_factory=dict)  # ticket number: the attempt in which it was first shown

    def check_in(self, person: str, way: str) -> bool:
        """One attempt; whether it ended with a ticket."""
        self.attempts.append(find(person).personal_id)
        done = False
        with suppress(*BEING_STARTED):
            if self._identify(person, way) and self.screen.comes("confirm", seconds=STEP_SECONDS):
                self.screen.touch("confirm")
                if self.screen.comes("choose_service", seconds=STEP_SECONDS):
                    self.screen.touch("service", "KB")
                done = self.screen.comes("ticket", seconds=STEP_SECONDS) is not None
        self._note_tickets()
        self._make_room()
        return done

    def _identify(self, person: str, way: str) -> bool:
        world, screen = self.scene.world, self.screen
        if way == "code":
            return self._at_the_desk(lambda: world.show_qr(person))
        if way == "card":
            self._at_the_desk(lambda: world.place(person))
            if not screen.comes("ask_key", seconds=STEP_SECONDS):
                return False
            screen.touch("path", "card_number")
        else:
            screen.touch("path", "personal_id")
        if not screen.comes("keypad", seconds=STEP_SECONDS):
            return False
        number = find(person).personal_id
        screen.touch("digits", number[-6:] if way == "card" else number)
        return True

    def _at_the_desk(self, act: Callable[[], None]) -> bool:
        """The person holds out card or code until the sandbox world is there again."""
        pause = threading.Event()
        until = time.monotonic() + STEP_SECONDS
        while time.monotonic() < until:
            with suppress(*BEING_STARTED):
                act()
                return True
            pause.wait(0.1)
        return False

    def _make_room(self) -> None:
        """Back to the start, whatever it takes; a ticket that comes up on the way is looked at."""

        def at_the_start() -> bool:
            with suppress(*BEING_STARTED):
                self.scene.world.remove()
            with suppress(*BEING_STARTED):
                self.screen.touch("cancel")
            self._note_tickets()
            return self.screen.comes("start", seconds=0.5) is not None

        wait_until(at_the_start, 30, "the start screen")

    def _note_tickets(self) -> None:
        for shown in self.screen.seen():
            if shown.ticket_number is not None:
                self.shown.setdefault(shown.ticket_number, len(self.attempts) - 1)


def kill_at_random(scene: Scene, rng: random.Random, done: threading.Event, killed: list[str]) -> None:
    """Each victim several times, in random order, at random moments."""
    order = [name for name in scene.victims() for _ in range(KILLS_EACH)]
    rng.shuffle(order)
    pause = threading.Event()
    for name in order:
        pause.wait(rng.uniform(0.05, 1.0))
        find_pid = scene.victims()[name]
        wait_until(lambda find_pid=find_pid: find_pid() is not None, 30, f"{name} runs")
        pid = find_pid()
        if pid is not None and alive(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append(name)
    done.set()


def plain_start(screen: Screen) -> bool:
    """The start with nothing to say: the reader has seen the last card leave."""
    return screen.now.name == "start" and screen.now.notice is None


def test_whatever_is_killed_whenever_every_number_shown_stands_and_every_record_arrives_once(scene: Scene) -> None:
    world = scene.world
    rng = random.Random(SEED)  # noqa: S311  # moments, not secrets
    done, killed = threading.Event(), []
    killer = threading.Thread(target=kill_at_random, args=(scene, rng, done, killed), daemon=True)
    people = itertools.cycle([person.key for person in all_people()])
    ways = itertools.cycle(["number", "code", "number", "card"])
    with Screen(world.touchscreen) as screen:
        crowd = Crowd(scene, screen)
        killer.start()
        while not done.is_set():
            crowd.check_in(next(people), next(ways))
        killer.join()
        for way in ("number", "code", "card"):  # and in peace again
            wait_until(lambda way=way: crowd.check_in(next(people), way), 60, f"a ticket by {way}")
        wait_until(lambda: plain_start(screen), what="no card is there any more")
    assert len(killed) >= 20
    assert len(crowd.shown) >= 5

    with world.database() as connection:
        tickets = connection.execute("SELECT * FROM tickets").fetchall()
        visits = {row["id"]: json.loads(row["record"]) for row in connection.execute("SELECT * FROM visits")}
        owed = connection.execute("SELECT record_id, destination FROM deliveries WHERE revision = 0").fetchall()
        later = connection.execute("SELECT record_id, destination, revision FROM deliveries WHERE revision").fetchall()
    numbers = [row["number"] for row in tickets]
    assert len(set(numbers)) == len(numbers)
    assert set(crowd.shown) <= set(numbers)
    # Each visit has one ticket, and is owed to each destination once.
    assert sorted(row["visit_id"] for row in tickets if row["visit_id"]) == sorted(visits)
    assert sorted(map(tuple, owed)) == sorted(itertools.product(visits, ["sandbox-his", "witness"]))
    # What became known later goes to both as well, each revision once.
    assert len(set(map(tuple, later))) == len(later)
    assert set(Counter((visit, number) for visit, _, number in later).values()) <= {2}
    # A number stands for the person it was shown to: of this attempt, or of one whose screen died before it.
    visit_of = {row["number"]: row["visit_id"] for row in tickets}
    for number, attempt in crowd.shown.items():
        shown_by_then = {at for at in crowd.shown.values() if at < attempt}
        open_attempts = [who for at, who in enumerate(crowd.attempts[: attempt + 1]) if at not in shown_by_then]
        assert visits[visit_of[number]]["patient"]["personal_id"] in open_attempts

    def all_acknowledged() -> bool:
        with world.database() as connection:
            states = connection.execute("SELECT DISTINCT state FROM deliveries").fetchall()
        return [row[0] for row in states] == ["acknowledged"]

    wait_until(all_acknowledged, 30, "everything is acknowledged")
    by_identity = {control_id(message): message for message in scene.witness.messages}
    with world.database() as connection:
        expected = connection.execute("SELECT count(*) FROM deliveries WHERE destination = 'witness'").fetchone()[0]
    assert len(by_identity) == expected
    arrivals = [message for message in by_identity.values() if b"|ADT^A04" in message]
    for visit in visits:
        assert sum(visit.encode() in message for message in arrivals) == 1
    # A message that came twice was the same to the last byte.
    assert len(set(scene.witness.messages)) == len(by_identity)


def health(world: World) -> dict[str, Any]:
    return Client(socket_path(load(world.settings), "kiosk")).get("/health", dict[str, Any])


def test_a_ticket_committed_and_never_shown_is_shown_when_the_kiosk_is_back(scene: Scene) -> None:
    world = scene.world
    wait_until(lambda: world.pid("kiosk") and world.workers(), 20, "the kiosk runs")
    # Nobody follows the screen: a stream whose page was closed ends when it is written to.
    for language in ("en", "vi"):
        world.touch("language", language)
    for action, value in (("path", "personal_id"), ("digits", "001303900017"), ("confirm", "")):
        world.touch(action, value)
    # Whoever watches over the machine asks how it is; that is not a person who sees the ticket.
    wait_until(lambda: health(world)["showing"] == "ticket", 10, "the ticket is committed")
    with world.database() as connection:
        number, shown_at = connection.execute("SELECT number, shown_at FROM tickets ORDER BY rowid DESC").fetchone()
    assert shown_at is None
    master, workers = world.pid("kiosk"), world.workers()
    assert master is not None
    for pid in (master, *workers):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in (master, *workers)), 10, "the kiosk is dead")
    with Screen(world.touchscreen) as screen:
        assert screen.wait_for("ticket").ticket_number == number
        leave(screen)


def test_no_log_line_holds_anything_of_a_person(scene: Scene) -> None:
    lines = scene.world.log.read_text("utf-8") + "\n".join(scene.log)
    with scene.world.database() as connection:
        ((visits,),) = connection.execute("SELECT count(*) FROM visits").fetchall()
    assert visits  # there were persons to tell of
    assert "bridge ready" in lines
    for person in all_people():
        assert person.personal_id not in lines
        assert person.full_name not in lines
        assert person.insurance.card_number is None or person.insurance.card_number not in lines
