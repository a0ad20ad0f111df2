"""Server-sent events: a topic that many can follow, and the bytes on the wire."""

import queue
import threading
from collections.abc import Iterator
from typing import Any

from wire.codec import Record, to_json

HEARTBEAT_SECONDS = 10.0
QUEUE_SIZE = 256


class Event(Record, frozen=True, kw_only=True):
    """One event: its name and its data (a record or plain JSON value)."""

    name: str
    data: Any = None


class Topic:
    """Events to any number of followers. A follower that falls behind is dropped and reconnects to fresh state."""

    def __init__(self) -> None:
        self._followers: set[queue.Queue[Event | None]] = set()
        self._lock = threading.Lock()

    def publish(self, event: Event) -> None:
        """Hand the event to every follower; never blocks."""
        with self._lock:
            for follower in list(self._followers):
                try:
                    follower.put_nowait(event)
                except queue.Full:
                    self._followers.discard(follower)
                    _drain(follower)

    def follow(self, first: Event | None = None) -> Iterator[bytes]:
        """Bytes of an event stream, beginning with `first` (the state now), with heartbeats while nothing happens.

        The follower is registered before this returns, so no event between `first` and the stream is lost.
        """
        mailbox: queue.Queue[Event | None] = queue.Queue(QUEUE_SIZE)
        with self._lock:
            self._followers.add(mailbox)
        return self._stream(mailbox, first)

    def close(self) -> None:
        """End every stream."""
        with self._lock:
            for follower in self._followers:
                _drain(follower)
            self._followers.clear()

    def _stream(self, mailbox: "queue.Queue[Event | None]", first: Event | None) -> Iterator[bytes]:
        try:
            if first is not None:
                yield encode_event(first)
            while True:
                try:
                    event = mailbox.get(timeout=HEARTBEAT_SECONDS)
                except queue.Empty:
                    yield b": alive\n\n"
                    continue
                if event is None:
                    return
                yield encode_event(event)
        finally:
            with self._lock:
                self._followers.discard(mailbox)


def _drain(mailbox: "queue.Queue[Event | None]") -> None:
    while True:
        try:
            mailbox.get_nowait()
        except queue.Empty:
            mailbox.put_nowait(None)
            return


def encode_event(event: Event) -> bytes:
    """One event as the bytes of the stream; JSON data stands on one line."""
    return b"event: " + event.name.encode() + b"\ndata: " + to_json(event.data) + b"\n\n"


def decode_events(lines: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """(name, data) of each event in a stream of lines; comments and heartbeats are passed over."""
    name: str = "message"
    data: list[bytes] = []
    for raw in lines:
        line = raw.rstrip(b"\r\n")
        if not line:
            if data:
                yield name, b"\n".join(data)
            name, data = "message", []
        elif line.startswith(b"event:"):
            name = line[6:].strip().decode("utf-8", "replace")
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
