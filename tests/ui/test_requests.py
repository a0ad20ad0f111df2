"""The name of a request goes wherever its work goes: into a lane's thread, and into a stream that outlives it."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask, Response
from werkzeug.test import EnvironBuilder

from kiosk.lanes import Lane
from tests.support.waiting import wait_until
from ui import requests
from wire.request_id import HEADER, begin, current, working_for

NAME = "0123456789abcdef"


def test_a_lane_works_under_the_name_of_whoever_put_the_job_and_between_two_under_none() -> None:
    """Paper and help are lanes: what they log of a ticket is found by the press that asked for it."""
    told: list[tuple[str, str]] = []

    def between() -> float:
        told.append(("between", current()))
        return 0.01

    lane: Lane[str] = Lane("test", lambda job: told.append((job, current())), between)
    with working_for(NAME):
        lane.put("first")
    lane.put("second")
    lane.start()
    wait_until(lambda: len(told) > 3, 5, "both jobs and some rounds")
    lane.stop()
    assert told[:2] == [("first", NAME), ("second", "")]
    assert {name for what, name in told if what == "between"} == {""}


def test_a_job_that_fails_is_logged_under_its_own_request(caplog: pytest.LogCaptureFixture) -> None:
    names: list[str] = []
    caplog.handler.addFilter(lambda _: names.append(current()) or True)
    ended = threading.Event()

    def work(_: int) -> None:
        ended.set()
        raise ZeroDivisionError

    lane: Lane[int] = Lane("test", work, lambda: None)
    with working_for(NAME):
        lane.put(1)
    lane.start()
    wait_until(lambda: names, 5, "the fault is logged")
    lane.stop()
    assert ended.is_set()
    assert names == [NAME]


class Pieces:
    """A stream that notes for whom each piece is made, and that it was let go."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(2):
            self.told.append(current())
            yield b"x"

    def close(self) -> None:
        self.told.append(f"closed {current()}")


def test_a_stream_is_written_under_the_name_of_the_request_that_opened_it() -> None:
    pieces, app = Pieces(), Flask(__name__)
    requests.install(app)
    app.add_url_rule("/events", view_func=lambda: Response(pieces, mimetype="text/event-stream"))
    answer = app.test_client().get("/events", buffered=False)
    name = answer.headers[HEADER]
    begin("")  # the request is over, as far as its thread is concerned
    stream = iter(answer.response)
    assert next(stream) == b"x"
    assert current() == ""  # between two pieces the thread is nobody's
    assert next(stream) == b"x"
    answer.close()
    assert pieces.told == [name, name, f"closed {name}"]


def test_a_stream_nobody_reads_is_let_go_too() -> None:
    pieces, app, heads = Pieces(), Flask(__name__), []
    requests.install(app)
    app.add_url_rule("/events", view_func=lambda: Response(pieces, mimetype="text/event-stream"))

    def start_response(_status: str, headers: list[tuple[str, str]], *_: object) -> None:
        heads.append(dict(headers))

    app.wsgi_app(EnvironBuilder("/events").get_environ(), start_response).close()  # type: ignore[attr-defined]
    assert pieces.told == [f"closed {heads[0][HEADER]}"]
