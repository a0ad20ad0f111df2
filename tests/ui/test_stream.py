"""The touchscreen's stream: it begins with the screen now, sends what looks different, beats, and ends."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from kiosk.states import (
    ReadingChip,
    Session,
    Start,
)
from tests.support.waiting import BUSY_SECONDS
from tests.ui.scripted import (
    ScriptedController,
)
from ui.touchscreen.stream import HEARTBEAT_SECONDS, Streams, encode, screen_events


class Clock:
    """Time that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def next_event(stream: Iterator[bytes]) -> tuple[str, str]:
    lines = next(stream).decode().split("\n")
    name = next(line.removeprefix("event: ") for line in lines if line.startswith("event: "))
    return name, "\n".join(line.removeprefix("data: ") for line in lines if line.startswith("data: "))


def test_the_stream_begins_with_the_screen_now(client: FlaskClient) -> None:
    answer = client.get("/touchscreen/events", buffered=False)
    assert answer.mimetype == "text/event-stream"
    name, html = next_event(iter(answer.response))  # type: ignore[arg-type]
    answer.close()
    assert name == "screen"
    assert 'data-screen="start"' in html


def test_the_stream_sends_each_screen_that_looks_different() -> None:
    controller, streams = ScriptedController(), Streams()
    stream = screen_events(controller, lambda session: f"<p>{session.state}</p>", streams)
    assert next_event(stream)[1] == "<p>Start(notice=None)</p>"
    controller.show(replace(Session(), since=5.0))  # looks the same: not sent
    controller.show(Session(state=ReadingChip(20, 15)))
    assert next_event(stream) == ("screen", "<p>ReadingChip(phase=20, progress=15)</p>")
    stream.close()  # type: ignore[attr-defined]


def test_a_quiet_stream_beats() -> None:
    clock = Clock()
    stream = screen_events(ScriptedController(), lambda _: "x", Streams(), clock)
    next(stream)
    clock.now = HEARTBEAT_SECONDS
    assert next(stream).startswith(b": alive\n\nevent: alive\n")
    stream.close()  # type: ignore[attr-defined]


def test_a_stopping_server_ends_its_streams() -> None:
    streams = Streams()
    stream = screen_events(ScriptedController(), lambda _: "x", streams)
    next(stream)
    streams.close()
    assert list(stream) == []
    late = screen_events(ScriptedController(), lambda _: "x", streams)
    assert len(list(late)) == 1


def test_one_stream_too_many_ends_the_oldest() -> None:
    streams = Streams(limit=2)
    controller = ScriptedController()
    followers = [screen_events(controller, lambda session: str(session.state), streams) for _ in range(3)]
    for follower in followers:
        next(follower)
    assert list(followers[0]) == []
    controller.show(Session(state=Start("reader.card_removed")))
    assert b"card_removed" in next(followers[2])
    for follower in followers:
        follower.close()  # type: ignore[attr-defined]


def test_a_stream_that_ends_gives_its_thread_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.touchscreen.stream.LOOK_SECONDS", 600.0)
    controller, streams = ScriptedController(), Streams(limit=1)
    first = screen_events(controller, lambda _: "x", streams)
    next(first)
    waiting = threading.Thread(target=lambda: list(first), daemon=True)
    waiting.start()
    next(screen_events(controller, lambda _: "x", streams))
    waiting.join(BUSY_SECONDS)
    assert not waiting.is_alive()


def test_text_cannot_break_out_of_its_event() -> None:
    assert encode("screen", "a\r\n\nevent: x\rdata: y") == b"event: screen\ndata: a\ndata: \ndata: event: xdata: y\n\n"
