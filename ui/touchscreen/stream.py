"""The event stream that keeps the page in step: the whole screen, each time it looks different.

Must not import Flask.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from kiosk.events import Event
from kiosk.states import Session

HEARTBEAT_SECONDS = 10.0
LOOK_SECONDS = 0.5  # how soon a stream notices that the server stops
MAX_STREAMS = 6  # each holds a thread of the server; a touchscreen needs one


class Controller(Protocol):
    """What the pages need of the check-in's controller (kiosk/controller.py)."""

    def peek(self) -> tuple[int, Session]: ...

    def snapshot(self) -> tuple[int, Session]: ...

    def wait_for_change(self, version: int, timeout: float, over: Callable[[], bool]) -> tuple[int, Session]: ...

    def wake(self) -> None: ...

    def dispatch(self, event: Event) -> None: ...


class Streams:
    """The open streams. When one too many is opened the oldest ends: it belongs to a page that was left or reloaded."""

    def __init__(self, limit: int = MAX_STREAMS) -> None:
        self._limit = limit
        self._open: list[threading.Event] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def joined(self) -> Iterator[threading.Event]:
        """Take part; the event is set when the stream shall end."""
        ended = threading.Event()
        with self._lock:
            if self._closed:
                ended.set()
            self._open.append(ended)
            for oldest in self._open[: -self._limit]:
                oldest.set()
        try:
            yield ended
        finally:
            with self._lock:
                self._open.remove(ended)

    def close(self) -> None:
        """End every stream, also those still to come: the server is stopping."""
        with self._lock:
            self._closed = True
            for ended in self._open:
                ended.set()


def screen_events(
    controller: Controller,
    render: Callable[[Session], str],
    streams: Streams,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Bytes of the stream: the screen now, then each that differs from the one before, and heartbeats."""
    with streams.joined() as ended:
        controller.wake()  # whoever ended by this one's coming gives its thread back now, not at its next look
        version, session = controller.snapshot()
        shown = render(session)
        beat = monotonic() + HEARTBEAT_SECONDS
        yield encode("screen", shown)
        while not ended.is_set():
            version, session = controller.wait_for_change(version, LOOK_SECONDS, ended.is_set)
            html = render(session)
            if html != shown:
                shown = html
                yield encode("screen", html)
            if monotonic() >= beat:
                # A comment for whoever follows with curl; an event for the page, which is not shown comments.
                yield b": alive\n\n" + encode("alive", "")
                beat = monotonic() + HEARTBEAT_SECONDS


def encode(name: str, text: str) -> bytes:
    """One event of the stream (WHATWG HTML, 9.2): every line of the text becomes one `data` line."""
    lines = text.replace("\r", "").split("\n")
    return "".join((f"event: {name}\n", *(f"data: {line}\n" for line in lines), "\n")).encode()
