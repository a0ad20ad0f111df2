import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from wire.client import Client
from wire.codec import Record, from_json
from wire.errors import RemoteError, ServiceTimeout, ServiceUnreachable, TiepDonError
from wire.server import Request, Response, Routes, event_stream, json_response, serving
from wire.stream import Event, Topic


class Note(Record, frozen=True, kw_only=True):
    text: str


class Refused(TiepDonError):
    code = "test.refused"
    retriable = True


def echo(request: Request) -> Response:
    return json_response(from_json(request.body, Note))


def refuse(request: Request) -> Response:
    raise Refused(count=3)


def crash(request: Request) -> Response:
    raise ZeroDivisionError


ROUTES: Routes = {("POST", "/echo"): echo, ("GET", "/refuse"): refuse, ("GET", "/crash"): crash}


def test_a_record_goes_there_and_back(tmp_path: Path) -> None:
    with serving(tmp_path / "s.sock", ROUTES):
        note = Note(text="Nguyễn Văn Thử")
        assert Client(tmp_path / "s.sock").post("/echo", note, Note) == note


def test_only_the_owner_may_open_the_socket(tmp_path: Path) -> None:
    with serving(tmp_path / "s.sock", ROUTES):
        assert stat.S_IMODE((tmp_path / "s.sock").stat().st_mode) == 0o600


def test_an_error_keeps_its_code_and_data_across_the_socket(tmp_path: Path) -> None:
    with serving(tmp_path / "s.sock", ROUTES), pytest.raises(RemoteError) as caught:
        Client(tmp_path / "s.sock").get("/refuse", Note)
    assert (caught.value.code, caught.value.retriable, caught.value.data) == ("test.refused", True, {"count": 3})


def test_a_crash_in_a_handler_answers_and_tells_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(tmp_path / "s.sock", ROUTES), pytest.raises(RemoteError) as caught:
        Client(tmp_path / "s.sock").get("/crash", Note)
    assert caught.value.code == "internal"
    assert "ZeroDivisionError" in caplog.text


def test_an_unknown_path_is_an_error_record(tmp_path: Path) -> None:
    with serving(tmp_path / "s.sock", ROUTES), pytest.raises(RemoteError) as caught:
        Client(tmp_path / "s.sock").get("/nowhere", Note)
    assert caught.value.code == "wire.malformed"


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnreachable):
        Client(tmp_path / "none.sock").get("/echo", Note)


def test_no_answer_in_time_is_a_timeout(tmp_path: Path) -> None:
    release = threading.Event()

    def slow(request: Request) -> Response:
        release.wait(10)
        return json_response(None)

    with serving(tmp_path / "s.sock", {("GET", "/slow"): slow}):
        with pytest.raises(ServiceTimeout):
            Client(tmp_path / "s.sock").get("/slow", Note, timeout=0.1)
        release.set()


def full(path: Path) -> tuple[socket.socket, socket.socket]:
    """A socket whose queue is full, and the connection that fills it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(0)
    queued = socket.socket(socket.AF_UNIX)
    queued.connect(str(path))
    return listener, queued


def test_a_full_queue_is_waited_for_as_long_as_for_an_answer(tmp_path: Path) -> None:
    listener, queued = full(tmp_path / "s.sock")
    with listener, queued, pytest.raises(ServiceTimeout):
        Client(tmp_path / "s.sock", timeout=0.2).get("/echo", Note)


def test_a_caller_in_a_rush_is_answered_when_its_turn_comes(tmp_path: Path) -> None:
    listener, queued = full(tmp_path / "s.sock")
    told: list[Note] = []
    with listener, queued:
        caller = threading.Thread(target=lambda: told.append(Client(tmp_path / "s.sock").get("/echo", Note)))
        caller.start()
        listener.accept()[0].close()  # the one that filled the queue; the next is the caller
        with listener.accept()[0] as connection:
            connection.recv(4096)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"text":"x"}')
        caller.join(5)
    assert told == [Note(text="x")]


def test_a_socket_whose_queue_is_full_is_left_alone(tmp_path: Path) -> None:
    listener, queued = full(tmp_path / "s.sock")
    with listener, queued, pytest.raises(OSError, match="in use"), serving(tmp_path / "s.sock", ROUTES):
        pass


def test_a_socket_left_by_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with serving(path, ROUTES):
        assert Client(path).post("/echo", Note(text="x"), Note).text == "x"


def test_a_socket_somebody_answers_on_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with serving(path, ROUTES):
        with pytest.raises(OSError, match="in use"), serving(path, ROUTES):
            pass
        assert Client(path).post("/echo", Note(text="x"), Note).text == "x"


@pytest.mark.parametrize("length", ["-1", "99999999999", "abc"])
def test_a_lying_content_length_is_refused(tmp_path: Path, length: str) -> None:
    with serving(tmp_path / "s.sock", ROUTES), socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(5)
        raw.connect(str(tmp_path / "s.sock"))
        raw.sendall(f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert raw.recv(64).startswith(b"HTTP/1.1 400")


def test_a_follower_hears_the_state_now_and_every_event_after(tmp_path: Path) -> None:
    topic = Topic()
    routes: Routes = {("GET", "/events"): lambda _: event_stream(topic.follow(Event(name="now", data=0)))}
    with serving(tmp_path / "s.sock", routes):
        events = Client(tmp_path / "s.sock").events("/events")
        assert next(events) == ("now", b"0")
        topic.publish(Event(name="more", data={"text": "ạ"}))
        assert next(events) == ("more", '{"text":"ạ"}'.encode())
        topic.close()
        assert list(events) == []


def test_a_follower_that_falls_behind_is_dropped_and_nobody_waits_for_it() -> None:
    topic = Topic()
    stream = topic.follow()
    for number in range(10_000):
        topic.publish(Event(name="n", data=number))
    assert list(stream) == []


def test_the_stream_ends_as_unreachable_when_the_process_dies(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def die_mid_stream() -> None:
            connection, _ = listener.accept()
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: now\ndata: 1\n\n")
            os.close(connection.detach())

        thread = threading.Thread(target=die_mid_stream)
        thread.start()
        assert list(Client(path).events("/events")) == [("now", b"1")]
        thread.join()


def test_a_client_that_resets_the_connection_leaves_no_trace(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with serving(("127.0.0.1", 0), ROUTES) as address:
        assert isinstance(address, tuple)
        for _ in range(20):
            with socket.create_connection(address) as raw:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                raw.sendall(b"GET /refuse HTTP/1.1\r\nHost: x\r\n")
        # A whole question after them: by its answer the resets have been handled too.
        with socket.create_connection(address) as raw:
            raw.sendall(b"GET /refuse HTTP/1.1\r\nHost: x\r\n\r\n")
            assert raw.recv(64).startswith(b"HTTP/1.1 400")
    assert capfd.readouterr().err == ""
    assert "Traceback" not in caplog.text
