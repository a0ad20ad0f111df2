"""A running local agent for tests, with its outbox, and small clients for it."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from config.destinations import LocalAgentDestination
from hisbridge import outbox
from hisbridge.agent import pairing
from hisbridge.agent.listener import LocalAgent
from hisbridge.desk_records import Delivery, Depth
from hisbridge.outbox import State
from hisbridge.records import PatientRecord
from hisbridge.standing import DestinationHealth
from tests.hisbridge.making import FakeClock, database, listed, patient, record
from wire.database import open_database, transaction

HIS = "https://his.benhvien.test"


def destination(**differences: Any) -> LocalAgentDestination:
    usual: dict[str, Any] = {"name": "his", "listen": "127.0.0.1:0", "origins": (HIS,)}
    return LocalAgentDestination(**{**usual, **differences})


class Running:
    """One agent with its outbox."""

    def __init__(self, folder: Path, settings: LocalAgentDestination, **more: Any) -> None:
        self.path = database(folder)
        self.clock = FakeClock()
        self.settings = settings
        self.db = open_database(self.path)
        self.agent = LocalAgent(settings, lambda: open_database(self.path), self.clock, synthetic=True, **more)

    def owe(self, *visits: str, wake: bool = True) -> None:
        """One arrival for each visit, each of a person of its own."""
        for visit in visits:
            number = f"{sum(visit.encode()) % 10**12:012}"
            self.put(record(visit, patient=patient(personal_id=number)), wake=wake)

    def put(self, made: PatientRecord, wake: bool = True) -> None:
        with transaction(self.db):
            outbox.enqueue(self.db, made, (self.settings.name,), self.clock())
        if wake:
            self.agent.wake()

    def code(self) -> str:
        return pairing.new_code(self.db, self.settings.name, self.clock(), self.settings.pairing_seconds)

    def paired(self, origin: str = HIS) -> "Page":
        page = Page(self.agent.port, origin)
        status, told = page.post("/v1/pair", {"code": self.code()})
        assert status == 200, told
        page.token = told["token"]
        return page

    def told(self, visit: str) -> Delivery:
        return next(one for one in listed(self.db) if one.record_id == visit)

    def states(self) -> dict[str, State]:
        return {one.record_id: one.state for one in listed(self.db)}

    def health(self) -> DestinationHealth:
        return self.agent.health(Depth())

    @property
    def port(self) -> int:
        return self.agent.port


@contextmanager
def running(folder: Path, **differences: Any) -> Iterator[Running]:
    words = differences.pop("words", None)
    made = Running(folder, destination(**differences), words=words)
    thread = threading.Thread(target=made.agent.run, args=(0.05,), daemon=True)
    thread.start()
    try:
        assert made.agent.listening.wait(10)
        yield made
    finally:
        made.agent.stop()
        thread.join(10)
        assert not thread.is_alive()
        made.db.close()


class Page:
    """What a page's script can do: calls that carry its origin."""

    def __init__(self, port: int, origin: str | None = HIS, token: str = "", host: str | None = None) -> None:
        self.port = port
        self.origin = origin
        self.token = token
        self.host = host

    def headers(self) -> dict[str, str]:
        told = {"Host": self.host or f"127.0.0.1:{self.port}"}
        if self.origin is not None:
            told["Origin"] = self.origin
        if self.token:
            told["Authorization"] = f"Bearer {self.token}"
        return told

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as line:
            sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            line.request(method, path, sent, {**self.headers(), **headers})
            answer = line.getresponse()
            data = answer.read()
            kind = answer.headers.get("Content-Type", "")
            told = json.loads(data) if "json" in kind else data
            return answer.status, told, {name.lower(): value for name, value in answer.headers.items()}

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        return self.ask("GET", path, **headers)[:2]

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        return self.ask("POST", path, body, **headers)[:2]

    def offered(self) -> dict[str, Any]:
        """The first waiting record, now on offer."""
        _, told = self.get("/v1/waiting")
        _, offer = self.post("/v1/offer", {"delivery": told["waiting"][0]["delivery"]})
        return dict(offer)


def raw(port: int, sent: bytes, seconds: float = 5.0) -> bytes:
    """Everything answered to these bytes until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as line:
        line.sendall(sent)
        got = b""
        while piece := line.recv(65536):
            got += piece
        return got
