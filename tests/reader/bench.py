"""The reader process as its tests run it: a slot, sources and lines that the test moves by hand, and what is said."""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from config.settings import ReaderSettings, load
from reader.chip.transport import Presence
from reader.reading import Holder
from tests.reader.chip.cards import InProcessSlot
from wire.client import Client
from wire.codec import to_plain

READY = Presence(service=True, reader="Reader 0", card=False)


class Bench:
    """A slot whose presence the test moves by hand."""

    def __init__(self) -> None:
        self.card: InProcessSlot | None = None
        self._changes: queue.Queue[Presence | None] = queue.Queue()

    def watch(self) -> Iterator[Presence]:
        while (presence := self._changes.get()) is not None:
            yield presence

    @contextmanager
    def connect(self):
        assert self.card is not None
        with self.card.connect() as transport:
            yield transport

    def show(self, presence: Presence | None) -> None:
        self._changes.put(presence)

    def place(self, card: InProcessSlot) -> None:
        self.card = card
        self.show(Presence(service=True, reader="Reader 0", card=True))


class Source:
    """A payload source that the test speaks through, and plugs in and out."""

    def __init__(self, name: str = "scanner", **about: object) -> None:
        self.name = name
        self.state = "open"
        vars(self).update(about)
        self.on_text: Callable[[str], None] | None = None
        self.started = threading.Event()
        self.failures = 0

    def run(self, on_text: Callable[[str], None], stop: threading.Event) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("001303900017")
        self.on_text = on_text
        self.started.set()
        stop.wait()

    def health(self) -> dict[str, object]:
        return {"state": self.state, "problem": None}


class Lines:
    """Finds the lines when the test says so."""

    def __init__(self) -> None:
        self.on_read: Callable[[tuple[str, ...]], None] | None = None
        self.seconds = 0.0
        self.started = self.stopped = 0

    def start(self, on_read: Callable[[tuple[str, ...]], None], seconds: float) -> None:
        self.on_read, self.seconds = on_read, seconds
        self.started += 1

    def stop(self) -> None:
        self.stopped += 1


class Clock:
    """Monotonic seconds that run by themselves, and can be moved forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Running:
    """The service under test, and what it says."""

    def __init__(self, path: Path, bench: Bench, sources: Sequence[Source], clock: Clock, lines: Lines) -> None:
        self.client = Client(path)
        self.bench, self.scanner, self.clock, self.lines = bench, sources[0], clock, lines
        self.sources = {source.name: source for source in sources}
        self.events: queue.Queue[tuple[str, dict]] = queue.Queue()
        self.devices: queue.Queue[dict] = queue.Queue()  # told beside everything else, at moments of their own
        self.following = threading.Thread(target=self._follow, daemon=True)
        self.following.start()
        self.first = self.events.get(timeout=10)  # now it follows; nothing said from here on is missed

    def _follow(self) -> None:
        for name, data in self.client.events("/v1/events"):
            if name == "devices":
                self.devices.put(json.loads(data))
            else:
                self.events.put((name, json.loads(data)))

    def next(self, name: str) -> dict:
        """The data of the next event of this name."""
        while True:
            seen, data = self.events.get(timeout=10)
            if seen == name:
                return data

    def sees(self, **devices: bool) -> None:
        """Wait until the stream says that these see codes, and no others."""
        wanted = {"scanner": False, "keyboard": False, "camera": False, **devices}
        while self.devices.get(timeout=10) != wanted:
            pass

    def look(self, presentation: str = "p1") -> dict:
        return self.client.post("/v1/mrz/look", {"presentation": presentation}, dict)

    def stop_looking(self, presentation: str = "p1") -> dict:
        return self.client.post("/v1/mrz/stop", {"presentation": presentation}, dict)

    def ready(self) -> None:
        self.bench.show(READY)
        while not self.next("presence")["service"]:
            pass

    def place(self, card: InProcessSlot) -> None:
        self.bench.place(card)
        while not self.next("presence")["card"]:
            pass

    def open(self, presentation: str = "p1", can: str = "900017", printed: Holder | None = None) -> dict:
        body = {"presentation": presentation, "can": can}
        if printed is not None:
            body["printed"] = to_plain(printed)
        return self.client.post("/v1/chip/open", body, dict)


def settings(**differences: object) -> ReaderSettings:
    return msgspec.structs.replace(load().reader, **differences)
