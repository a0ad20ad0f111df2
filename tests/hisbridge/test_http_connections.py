"""Connections are kept, bounded and given up in time, and no answer goes to somebody else's question."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpcore
import pytest

from hisbridge.connections import Connections
from hisbridge.errors import PortalTimeout, PortalTooLarge, PortalUnreachable
from hisbridge.http import CONNECT_SECONDS, MAX_CONNECTIONS, Poster, Question
from tests.hisbridge.speaking import echo, reply, request_on, speaking
from tests.support.waiting import BUSY_SECONDS, LONG_SECONDS
from wire.names import Resolver


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def put(url: str, body: bytes = b"{}", **more: object) -> Question:
    return Question(url, body, "application/json", {}, **more)  # type: ignore[arg-type]


@contextmanager
def asking(limit: int = 1 << 20, **more: object) -> Iterator[Poster]:
    post = Poster(limit, **more)  # type: ignore[arg-type]
    try:
        yield post
    finally:
        post.close()


def test_a_connection_is_kept_and_used_again() -> None:
    with speaking(echo) as (base, connections), asking() as post:
        told = [post(put(base, str(number).encode()), soon()).body for number in range(20)]
    assert told == [str(number).encode() for number in range(20)]
    assert len(connections) == 1


def test_many_threads_get_each_their_own_answer_over_a_bounded_number_of_connections() -> None:
    with speaking(echo) as (base, connections), asking() as post, ThreadPoolExecutor(24) as threads:
        bodies = [f'{{"number":{number}}}'.encode() for number in range(300)]
        assert [answer.body for answer in threads.map(lambda body: post(put(base, body), soon(20)), bodies)] == bodies
    assert len(connections) <= MAX_CONNECTIONS


def test_who_waits_for_a_free_connection_waits_no_longer_than_the_deadline() -> None:
    held = threading.Event()

    def hold(_number: int, connection: socket.socket) -> None:
        request_on(connection)
        held.wait(LONG_SECONDS)

    with speaking(hold) as (base, _), asking() as post, ThreadPoolExecutor(MAX_CONNECTIONS + 4) as threads:
        begun = time.monotonic()
        calls = [threads.submit(post, put(base), soon(0.5)) for _ in range(MAX_CONNECTIONS + 4)]
        assert {type(call.exception()) for call in calls} == {PortalTimeout}
        assert time.monotonic() - begun < BUSY_SECONDS
        held.set()


def test_a_kept_connection_that_the_server_gave_up_meanwhile_costs_no_answer() -> None:
    closed = threading.Event()

    def once(_number: int, connection: socket.socket) -> None:
        connection.sendall(reply(request_on(connection)[-1:]))
        connection.close()
        closed.set()

    with speaking(once) as (base, connections), asking() as post:
        for number in range(3):
            assert post(put(base, str(number).encode()), soon()).body == str(number).encode()
            assert closed.wait(5)
            closed.clear()
    assert len(connections) == 3


def gives_up_at_the_second(number: int, connection: socket.socket) -> None:
    """Reads the second question of its first connection, and hangs up instead of answering."""
    connection.sendall(reply(request_on(connection)[-1:]))
    if number == 0:
        request_on(connection)
        return
    echo(number, connection)


def test_a_connection_given_up_just_as_it_is_used_costs_one_silent_retry() -> None:
    with speaking(gives_up_at_the_second) as (base, connections), asking() as post:
        assert [post(put(base, body), soon()).body for body in (b"1", b"2")] == [b"1", b"2"]
    assert len(connections) == 2


def test_the_silent_retry_of_a_signed_question_is_signed_anew() -> None:
    with speaking(gives_up_at_the_second) as (base, _), asking() as post:
        post(put(base, b"1"), soon())
        assert post(put(base, b"2", anew=lambda: put(base, b"3")), soon()).body == b"3"


def test_what_must_not_be_asked_twice_is_not() -> None:
    with speaking(gives_up_at_the_second) as (base, connections), asking() as post:
        post(put(base, b"1"), soon())
        with pytest.raises(PortalUnreachable):
            post(put(base, b"2", repeatable=False), soon())
    assert len(connections) == 1


def test_the_silent_retry_is_one_and_its_failure_is_told() -> None:
    def serve(number: int, connection: socket.socket) -> None:
        if number == 0:
            gives_up_at_the_second(number, connection)
        else:
            request_on(connection)

    with speaking(serve) as (base, connections), asking() as post:
        post(put(base, b"1"), soon())
        with pytest.raises(PortalUnreachable):
            post(put(base, b"2"), soon())
    assert len(connections) == 2


def test_half_an_answer_on_a_kept_connection_is_not_asked_again_in_silence() -> None:
    def serve(_number: int, connection: socket.socket) -> None:
        connection.sendall(reply(request_on(connection)[-1:]))
        request_on(connection)
        connection.sendall(reply(b"0123456789")[:-5])

    with speaking(serve) as (base, connections), asking() as post:
        post(put(base, b"1"), soon())
        with pytest.raises(PortalUnreachable):
            post(put(base, b"2"), soon())
    assert len(connections) == 1


def test_an_answer_that_nobody_asked_for_is_never_the_next_persons() -> None:
    def serve(_number: int, connection: socket.socket) -> None:
        while asked := request_on(connection):
            connection.sendall(reply(asked[-1:]) + reply(b"somebody else's"))

    with speaking(serve) as (base, _), asking() as post:
        assert [post(put(base, body), soon()).body for body in (b"1", b"2", b"3")] == [b"1", b"2", b"3"]


def test_dripping_on_a_kept_connection_ends_with_its_own_calls_deadline() -> None:
    stop = threading.Event()

    def serve(_number: int, connection: socket.socket) -> None:
        connection.sendall(reply(request_on(connection)[-1:]))
        request_on(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not stop.wait(0.02):
            connection.sendall(b" ")

    with speaking(serve) as (base, _), asking() as post:
        post(put(base, b"1"), soon(60))
        begun = time.monotonic()
        with pytest.raises(PortalTimeout):
            post(put(base, b"2"), soon(0.4))
        assert time.monotonic() - begun < BUSY_SECONDS
        stop.set()


def test_method_headers_and_content_type_go_both_ways() -> None:
    heard: list[bytes] = []

    def serve(_number: int, connection: socket.socket) -> None:
        while asked := request_on(connection):
            heard.append(asked)
            connection.sendall(reply(b"<a/>", headers="Content-Type: Text/XML; charset=UTF-8\r\n"))

    with speaking(serve) as (base, _), asking() as post:
        headers = {"SOAPAction": '"x"', "Accept": "text/xml"}
        answer = post(Question(f"{base}/a?b=1", b"", "", {"c": "d e"}, method="GET", headers=headers), soon())
    assert answer.content_type == "text/xml; charset=utf-8"
    head = heard[0].decode()
    assert head.startswith("GET /a?b=1&c=d+e HTTP/1.1\r\n")
    lines = head.lower().split("\r\n")
    assert 'soapaction: "x"' in lines
    assert [line for line in lines if line.startswith("accept:")] == ["accept: text/xml"]
    assert not [line for line in lines if line.startswith(("content-type:", "cookie:", "authorization:"))]


def test_an_answer_without_a_type_has_none() -> None:
    with speaking(echo) as (base, _), asking() as post:
        assert post(put(base), soon()).content_type == ""


def test_no_redirect_is_followed_and_no_cookie_kept() -> None:
    heard: list[bytes] = []

    def serve(_number: int, connection: socket.socket) -> None:
        while asked := request_on(connection):
            heard.append(asked)
            extra = "Location: /elsewhere\r\nSet-Cookie: session=1\r\n"
            connection.sendall(reply(b"", headers=extra, status="302 Found"))

    with speaking(serve) as (base, _), asking() as post:
        assert [post(put(base), soon()).status for _ in range(2)] == [302, 302]
    assert len(heard) == 2
    assert b"cookie" not in heard[1].lower()


def test_a_header_that_would_break_the_request_is_not_sent() -> None:
    with speaking(echo) as (base, connections), asking() as post:
        with pytest.raises(PortalUnreachable):
            post(put(base, headers={"X-Note": "a\r\nX-Other: b"}), soon())
        assert post(put(base), soon()).status == 200
    assert len(connections) <= 2


def test_the_time_to_connect_is_shorter_than_the_time_to_answer() -> None:
    given: list[float] = []

    def resolve(_host: str, _port: int, seconds: float) -> list[str]:
        given.append(seconds)
        raise TimeoutError

    with asking(resolve=resolve) as post:
        for seconds in (20.0, 0.5):
            with pytest.raises(PortalTimeout):
                post(put("http://portal.invalid/"), soon(seconds))
    assert CONNECT_SECONDS - 0.5 < given[0] <= CONNECT_SECONDS
    assert given[1] <= 0.5


def test_an_address_that_swallows_everything_leaves_time_for_the_next_one() -> None:
    with speaking(echo) as (base, _), socket.socket() as silent, socket.socket() as first:
        port = int(base.rpartition(":")[2])
        silent.bind(("127.0.0.2", port))
        silent.listen(0)
        first.connect(("127.0.0.2", port))  # fills its queue: the kernel drops whoever comes next
        with asking(resolve=lambda *_: ["127.0.0.2", "127.0.0.1"]) as post:
            assert post(put(f"http://portal.invalid:{port}"), soon(2)).status == 200


def test_a_resolver_that_hangs_is_asked_once_and_left_behind() -> None:
    hanging, asked = threading.Event(), []

    def system(host: str, _port: int) -> list[str]:
        asked.append(host)
        hanging.wait(10)
        return ["127.0.0.1"]

    resolve = Resolver(system)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            resolve("portal.invalid", 443, 0.02)
    assert asked == ["portal.invalid"]
    hanging.set()
    assert resolve("portal.invalid", 443, 5) == ("127.0.0.1",)


def test_a_resolver_without_room_for_a_thread_fails_at_once_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = Resolver(lambda _host, _port: ["127.0.0.1"])
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_room)
        with pytest.raises(OSError):  # names.py promises no more
            resolve("portal.invalid", 443, 5)
    assert resolve("portal.invalid", 443, 5) == ("127.0.0.1",)


def no_room(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_an_answer_larger_than_allowed_ends_the_connection_and_not_the_door() -> None:
    def serve(number: int, connection: socket.socket) -> None:
        if number == 0:
            request_on(connection)
            connection.sendall(reply(b" " * 5000))
        else:
            echo(number, connection)

    with speaking(serve) as (base, connections), asking(1000) as post:
        with pytest.raises(PortalTooLarge):
            post(put(base), soon())
        assert post(put(base), soon()).body == b"{}"
    assert len(connections) == 2


def test_an_error_keeps_nothing_of_what_was_sent() -> None:
    with asking() as post, pytest.raises(PortalUnreachable) as caught:
        post(put("http://127.0.0.1:9/?token=secret"), soon())
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


class Stub:
    """As much of a connection as a place in the pool takes."""

    def __init__(self, origin: httpcore.Origin) -> None:
        self.origin = origin
        self.closed = False

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        return origin == self.origin

    def has_expired(self) -> bool:
        return False

    def is_idle(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def origin(number: int) -> httpcore.Origin:
    return httpcore.Origin(b"http", f"h{number}.invalid".encode(), 80)


def test_idle_connections_to_other_sides_make_room_for_new_ones() -> None:
    made: list[Stub] = []

    def make(wanted: httpcore.Origin) -> Stub:
        made.append(Stub(wanted))
        return made[-1]

    connections = Connections(make, 2)  # type: ignore[arg-type]
    for number in range(4):
        connections.give(connections.take(origin(number), 1))
        assert sum(not stub.closed for stub in made) <= 2
    assert connections.take(origin(3), 1) is made[3]  # type: ignore[comparison-overlap]
    connections.take(origin(2), 1)
    with pytest.raises(httpcore.PoolTimeout):
        connections.take(origin(0), 0.01)


def test_a_connection_that_cannot_even_be_made_takes_nobodys_place() -> None:
    def make(_origin: httpcore.Origin) -> httpcore.HTTPConnection:
        raise KeyError

    connections = Connections(make, 1)
    for _ in range(3):
        with pytest.raises(KeyError):
            connections.take(origin(0), 0.01)


def test_a_connection_given_back_after_the_end_is_closed() -> None:
    connections = Connections(Stub, 1)  # type: ignore[arg-type]
    held = connections.take(origin(0), 1)
    connections.close()
    connections.give(held)
    assert held.is_closed()
