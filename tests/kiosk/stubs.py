"""Reader and bridge as scripted servers that speak our own protocol over real Unix sockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hisbridge.questions import Coverage, CoverageQuestion
from reader.chip.transport import Presence
from tests.kiosk.people import covered
from tests.support.waiting import LONG_SECONDS
from wire.codec import from_json
from wire.errors import TiepDonError
from wire.server import Request, Response, event_stream, json_response, serving
from wire.stream import Event, Topic

HERE = Presence(service=True, reader="Stub 00", card=True)
EMPTY = Presence(service=True, reader="Stub 00", card=False)


class StubReader:
    """Says what the test tells it to; remembers what it was asked."""

    def __init__(self) -> None:
        self.topic = Topic()
        self.presence = EMPTY
        self.opened: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        self.looks: list[str] = []  # presentations, in the order they were asked for and, with a minus, stopped
        self.refusals: list[TiepDonError] = []

    def place(self) -> None:
        self._now(HERE)

    def remove(self) -> None:
        self._now(EMPTY)

    def tell(self, name: str, **data: Any) -> None:
        self.topic.publish(Event(name=name, data=data))

    def _now(self, presence: Presence) -> None:
        self.presence = presence
        self.topic.publish(Event(name="presence", data=presence))

    def sees(self, **devices: bool) -> None:
        """Which devices see a code from now on."""
        self.tell("devices", **{"scanner": False, "keyboard": False, "camera": False, **devices})

    def _events(self, _request: Request) -> Response:
        return event_stream(self.topic.follow(Event(name="presence", data=self.presence)))

    def _look(self, request: Request) -> Response:
        if self.refusals:
            raise self.refusals.pop(0)
        self.looks.append(from_json(request.body, dict[str, str])["presentation"])
        return json_response({"accepted": True})

    def _stop_looking(self, request: Request) -> Response:
        self.looks.append("-" + from_json(request.body, dict[str, str])["presentation"])
        return json_response({"accepted": True})

    def _open(self, request: Request) -> Response:
        if self.refusals:
            raise self.refusals.pop(0)
        asked = from_json(request.body, dict[str, Any])
        self.tell("phase", presentation=asked["presentation"], phase=20, progress=15)
        self.opened.append(asked)
        return json_response({"accepted": True})

    def _cancel(self, request: Request) -> Response:
        self.cancelled.append(from_json(request.body, dict[str, str])["presentation"])
        return json_response({"accepted": True})

    @contextmanager
    def serving(self, path: Path) -> Iterator[None]:
        routes = {
            ("GET", "/v1/events"): self._events,
            ("POST", "/v1/chip/open"): self._open,
            ("POST", "/v1/chip/cancel"): self._cancel,
            ("POST", "/v1/mrz/look"): self._look,
            ("POST", "/v1/mrz/stop"): self._stop_looking,
        }
        with serving(path, routes):
            try:
                yield
            finally:
                self.topic.close()


class StubBridge:
    """Answers every question with `answer`, as soon as `gate` is open."""

    def __init__(self) -> None:
        self.answer: Coverage = covered()
        self.gate = threading.Event()
        self.gate.set()
        self.questions: list[CoverageQuestion] = []
        self.deadlines: list[str] = []
        self.woken = 0

    def _coverage(self, request: Request) -> Response:
        self.questions.append(from_json(request.body, CoverageQuestion))
        self.deadlines.append(request.query["deadline_ms"])
        answer = self.answer
        self.gate.wait(LONG_SECONDS)
        return json_response(answer)

    def _wake(self, _request: Request) -> Response:
        self.woken += 1
        return json_response({})

    @contextmanager
    def serving(self, path: Path) -> Iterator[None]:
        routes = {("POST", "/v1/coverage"): self._coverage, ("POST", "/v1/wake"): self._wake}
        with serving(path, routes):
            try:
                yield
            finally:
                self.gate.set()
