"""The WebSocket and event-stream feeds, and the cameraip reader's, with frames nobody should send."""

import contextlib
import http.client
import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wsproto
from wsproto.events import AcceptConnection, CloseConnection, Ping, Pong, RejectConnection, Request, TextMessage

from hisbridge.agent import calls
from hisbridge.outbox import State
from hisbridge.records import Event
from tests.hisbridge.agents import HIS, Page, running
from tests.hisbridge.making import eventually, record


class Socket:
    """A page's WebSocket, on wsproto's client side."""

    def __init__(self, port: int, path: str, origin: str | None = HIS) -> None:
        self.line = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.frames = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        extra = [] if origin is None else [(b"Origin", origin.encode())]
        self.line.sendall(self.frames.send(Request(host=f"127.0.0.1:{port}", target=path, extra_headers=extra)))
        self.waiting: list[Any] = []
        self.answers_pings = True
        self.first = self.next()

    def next(self) -> Any:
        """The next event that is no ping."""
        while True:
            if not self.waiting:
                data = self.line.recv(65536)
                self.frames.receive_data(data or None)
                self.waiting = list(self.frames.events())
                if not data and not self.waiting:
                    return CloseConnection(1006)
            if not self.waiting:
                continue
            event = self.waiting.pop(0)
            if isinstance(event, Ping):
                with contextlib.suppress(wsproto.utilities.LocalProtocolError):  # a ping just before a goodbye
                    if self.answers_pings:
                        self.line.sendall(self.frames.send(event.response()))
            elif not isinstance(event, Pong):
                return event

    def say(self, text: str) -> None:
        self.line.sendall(self.frames.send(TextMessage(text)))

    def told(self) -> dict[str, Any]:
        event = self.next()
        assert isinstance(event, TextMessage), event
        return dict(json.loads(event.data))


@contextlib.contextmanager
def feed(port: int, path: str = "/v1/feed", origin: str | None = HIS) -> Iterator[Socket]:
    made = Socket(port, path, origin)
    with made.line:
        yield made


def test_a_page_hears_of_offers_over_a_websocket_and_takes_by_a_post(tmp_path: Path) -> None:
    with running(tmp_path, offer="at_once") as agent:
        page = agent.paired()
        with feed(agent.port) as hears:
            assert isinstance(hears.first, AcceptConnection)
            hears.say(json.dumps({"token": page.token}))
            assert hears.told() == {"event": "waiting", "count": 0}
            agent.put(record("v1"))
            told = [hears.told(), hears.told()]
            offer = next(one for one in told if one["event"] == "offer")
            assert set(offer) == {"event", "offer", "ticket_number", "service_name", "arrived_at", "seconds"}
            assert page.post("/v1/take", {"offer": offer["offer"]})[0] == 200
            assert hears.told() == {"event": "closed", "offer": offer["offer"], "why": "taken"}


@pytest.mark.parametrize("first", ['{"token":"made up"}', "{}", "no json", '{"token":""}'])
def test_a_websocket_without_a_token_hears_nothing(first: str, tmp_path: Path) -> None:
    with running(tmp_path) as agent, feed(agent.port) as hears:
        agent.put(record("v1"))
        hears.say(first)
        closed = hears.next()
        assert isinstance(closed, CloseConnection)
        assert closed.code == 1008


@pytest.mark.parametrize("kind", ["tiepdon", "hn212", "cameraip"])
@pytest.mark.parametrize("origin", ["https://evil.test", "null"])
def test_a_websocket_of_another_page_is_refused_at_the_door(kind: str, origin: str, tmp_path: Path) -> None:
    path = {"tiepdon": "/v1/feed", "hn212": "/socket.io/?EIO=4&transport=websocket", "cameraip": "/"}[kind]
    with running(tmp_path, feed=kind) as agent, feed(agent.port, path, origin) as hears:
        assert isinstance(hears.first, RejectConnection)
        assert hears.first.status_code == 403


def test_a_page_hears_of_offers_as_server_sent_events(tmp_path: Path) -> None:
    with running(tmp_path, offer="at_once") as agent:
        page = agent.paired()
        line = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)
        with contextlib.closing(line):
            line.request("GET", "/v1/events", headers=page.headers())
            stream = line.getresponse()
            assert stream.headers["Content-Type"] == "text/event-stream"
            assert stream.headers["Access-Control-Allow-Origin"] == HIS
            agent.put(record("v1"))
            names = []
            while "offer" not in names:
                if (text := stream.readline().decode()).startswith("event: "):
                    names.append(text.removeprefix("event: ").strip())
        assert names[0] == "waiting"


def test_more_feeds_than_a_counter_can_have_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_FEEDS", 2)
    with running(tmp_path) as agent, contextlib.ExitStack() as lines:
        page = agent.paired()
        for _ in range(2):
            hears = lines.enter_context(feed(agent.port))
            hears.say(json.dumps({"token": page.token}))
            hears.told()
        assert page.get("/v1/events")[0] == 429


def test_cameraip_events_carry_the_names_in_use(tmp_path: Path) -> None:
    with running(tmp_path, feed="cameraip", offer="at_once") as agent, feed(agent.port, "/") as hears:
        agent.put(record("v1"))
        assert [hears.told(), hears.told()] == [{"NewState": "EMPTY"}, {"EventName": "READ"}]
        card = hears.told()
        assert card["EventName"] == "CARD_RESULT"
        assert card["PersonalInfo"]["personName"] == "Nguyễn Thị Hoài Thử"
        assert card["PersonalInfo"]["residencePlace"] == "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội"
        assert "ChipFace" not in card
        hears.line.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            hears.next()  # answers the ping that follows
        eventually(lambda: agent.told("v1").state is State.ACKNOWLEDGED)


def test_a_window_that_does_not_answer_has_not_taken_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hisbridge.agent.readers.PROOF_SECONDS", 0.2)
    with running(tmp_path, feed="cameraip", offer="at_once", offer_seconds=1.0) as agent:
        with feed(agent.port, "/") as hears:
            hears.answers_pings = False
            agent.put(record("v1"))
            assert [hears.told() for _ in range(3)][2]["EventName"] == "CARD_RESULT"
            assert agent.told("v1").state is State.QUEUED
        assert agent.told("v1").state is State.QUEUED


def test_a_readers_feed_is_told_of_arrivals_alone(tmp_path: Path) -> None:
    with running(tmp_path, feed="hn212", offer="at_once") as agent:
        agent.put(record("v1", event=Event.CANCELLED, revision=1))
        told = eventually(lambda: one if (one := agent.told("v1")).state is State.ACKNOWLEDGED else None)
        assert told.receipt == "not told"


def test_a_click_offers_a_record_to_the_reader_feed_too(tmp_path: Path) -> None:
    with running(tmp_path, feed="cameraip") as agent, feed(agent.port, "/") as hears:
        page = agent.paired()
        agent.put(record("v1"))
        page.offered()
        assert [hears.told() for _ in range(3)][2]["PersonalInfo"]["idCode"] == "001303900017"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\xff" + struct.pack(">Q", 1 << 40) + b"\0\0\0\0" + b"x" * 60_000, 1009),  # a text of a terabyte
        (b"\x81\xff" + struct.pack(">Q", 1 << 63) + b"mask", 1002),
        (b"\x81\x05hello", 1002),  # not masked
        (b"\x82\x81mask\x00", 1003),  # binary
        (b"\x89\xfe\x10\x00mask", 1002),  # a ping of four kilobytes
        (b"\xf1\x81mask\x00", 1002),  # reserved bits
        (b"\x01\x81mask\x00" + b"\x01\x81mask\x00", 1002),  # a text begun twice
    ],
)
def test_a_frame_nobody_should_send_ends_its_own_connection(sent: bytes, code: int, tmp_path: Path) -> None:
    with running(tmp_path, feed="cameraip") as agent:
        with feed(agent.port, "/") as hears, contextlib.suppress(ConnectionError):
            hears.answers_pings = False  # a pong would stand inside an unfinished frame
            hears.line.sendall(sent)
            closed = hears.next()
            assert isinstance(closed, CloseConnection)
            assert closed.code == code
        assert Page(agent.port).get("/v1/status")[0] == 200


def test_a_flood_of_messages_ends_its_own_connection(tmp_path: Path) -> None:
    with running(tmp_path, feed="cameraip") as agent:
        with feed(agent.port, "/") as hears, contextlib.suppress(ConnectionError):
            for _ in range(500):
                hears.say("x")
            assert isinstance(hears.next(), CloseConnection)
        assert Page(agent.port).get("/v1/status")[0] == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"99:4", b"9999999999999999:40", b"-1:4", b"a:4", b"1:", "1:\U0001f600".encode(), b"1:4" * 500, b"\xff"],
)  # fmt: skip
@pytest.mark.parametrize("protocol", ["3", "4"])
def test_a_payload_that_is_none_ends_nothing_but_itself(protocol: str, body: bytes, tmp_path: Path) -> None:
    with running(tmp_path, feed="hn212") as agent:
        page = Page(agent.port, None)
        _, opened = page.get(f"/socket.io/?EIO={protocol}&transport=polling")
        sid = opened.split(b'"sid":')[1].split(b'"')[1].decode()
        status, _ = page.post(f"/socket.io/?EIO={protocol}&transport=polling&sid={sid}", body)
        assert status in (200, 400)
        assert page.get("/v1/status")[0] == 200


def test_a_session_is_of_use_to_the_page_that_opened_it_only(tmp_path: Path) -> None:
    with running(tmp_path, feed="hn212", origins=(HIS, "https://other.test")) as agent:
        _, opened = Page(agent.port, HIS).get("/socket.io/?EIO=4&transport=polling")
        sid = opened.split(b'"sid":')[1].split(b'"')[1].decode()
        for origin in ("https://other.test", None):
            assert Page(agent.port, origin).post(f"/socket.io/?EIO=4&transport=polling&sid={sid}", b"40")[0] == 400
        assert Page(agent.port, HIS).post(f"/socket.io/?EIO=4&transport=polling&sid={sid}", b"40")[0] == 200


def test_a_program_that_names_the_address_it_calls_as_its_page_keeps_its_session(tmp_path: Path) -> None:
    # python-socketio: no origin while polling, the called address as origin over WebSocket.
    with running(tmp_path, feed="hn212") as agent:
        _, opened = Page(agent.port, None).get("/socket.io/?EIO=4&transport=polling")
        sid = opened.split(b'"sid":')[1].split(b'"')[1].decode()
        with feed(
            agent.port, f"/socket.io/?EIO=4&transport=websocket&sid={sid}", f"http://127.0.0.1:{agent.port}"
        ) as hears:
            hears.say("2probe")
            answer = hears.next()
            assert isinstance(answer, TextMessage)
            assert answer.data == "3probe"


@pytest.mark.parametrize("protocol", ["3", "4"])
def test_a_session_that_nobody_came_back_to_gets_no_record(protocol: str, tmp_path: Path) -> None:
    # On an address that is not this machine's own an image of a foreign page opens one and cannot read its name.
    with running(tmp_path, feed="hn212", offer="at_once") as agent:
        opened = [Page(agent.port, None).get(f"/socket.io/?EIO={protocol}&transport=polling") for _ in range(2)]
        sid = opened[0][1].split(b'"sid":')[1].split(b'"')[1].decode()
        address = f"/socket.io/?EIO={protocol}&transport=polling&sid={sid}"
        Page(agent.port, None).post(address, b"40" if protocol == "4" else b"1:2")
        agent.put(record("v1"))
        heard = b""
        while b"idCode" not in heard:  # the other session, opened later, is not asked first
            heard = Page(agent.port, None).get(address)[1]
