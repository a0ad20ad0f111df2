"""The local agent against what any page, program or machine may try."""

import contextlib
import gc
import socket
import warnings
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from hisbridge.agent import web
from hisbridge.agent.access import access
from hisbridge.agent.errors import AgentForbidden
from hisbridge.outbox import State
from tests.hisbridge.agents import HIS, Page, destination, raw, running
from tests.hisbridge.making import eventually, patient, record

PATHS = ("/", "/v1/status", "/v1/waiting", "/v1/events", "/v1/words", "/agent.js")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.test", "null", "", "https://his.benhvien.test.evil.test", "https://his.benhvien.test:444",
     "http://his.benhvien.test", "HTTPS://HIS.BENHVIEN.TEST", "https://his.benhvien.test/", "file://"],
)  # fmt: skip
def test_a_page_that_is_not_listed_exactly_is_told_nothing(origin: str, tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        token = agent.paired().token
        stranger = Page(agent.port, origin, token)
        agent.put(record("v1"))
        for path in PATHS:
            status, told, headers = stranger.ask("GET", path)
            assert (status, told["code"]) == (403, "agent.forbidden")
            assert "access-control-allow-origin" not in headers
        status, _, headers = stranger.ask(
            "OPTIONS", "/v1/take", **{"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}
        )
        assert status == 403
        assert not any(name.startswith("access-control-") for name in headers)
        assert stranger.post("/v1/pair", {"code": agent.code()})[0] == 403


@pytest.mark.parametrize("host", ["evil.test", "evil.test:{port}", "127.0.0.1", "127.0.0.1:1", "10.0.0.1:{port}", ""])
def test_a_name_that_was_made_to_point_here_is_refused(host: str, tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        page.host = host.format(port=agent.port) or " "
        assert page.get("/v1/waiting")[1]["data"] == {"why": "host"}
        # A rebound page is of the same origin as its name, so it sends none, or its own.
        page.origin = None
        assert page.get("/v1/status")[0] == 403


def test_the_names_of_this_machine_are_answered(tmp_path: Path) -> None:
    with running(tmp_path, hosts=("quay-3.benhvien.test",)) as agent:
        page = agent.paired()
        for name in ("localhost", "LocalHost", "127.0.0.1", "[::1]", "quay-3.benhvien.test"):
            page.host = f"{name}:{agent.port}"
            assert page.get("/v1/waiting")[0] == 200


def test_a_token_is_worth_nothing_on_another_listed_page(tmp_path: Path) -> None:
    with running(tmp_path, origins=(HIS, "https://other.test")) as agent:
        token = agent.paired(HIS).token
        agent.put(record("v1"))
        for origin in ("https://other.test", f"http://127.0.0.1:{agent.port}", None):
            assert Page(agent.port, origin, token).get("/v1/waiting")[1]["code"] == "agent.not_paired"


@pytest.mark.parametrize("token", ["", "x", "Bearer", "' OR 1=1 --", "\x7f", "A" * 4000])
def test_a_made_up_token_is_refused(token: str, tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        agent.paired()
        assert Page(agent.port, HIS, token).get("/v1/waiting")[1]["code"] == "agent.not_paired"


def test_a_script_or_image_of_a_foreign_page_gets_nothing_though_it_has_no_origin(tmp_path: Path) -> None:
    with running(tmp_path, feed="hn212") as agent:
        for site in ("cross-site", "same-site"):
            for path in ("/v1/status", "/socket.io/?EIO=4&transport=polling", "/agent.js"):
                page = Page(agent.port, None)
                assert page.ask("GET", path, **{"Sec-Fetch-Site": site})[1]["data"] == {"why": "site"}
        told = Page(agent.port, None).get("/socket.io/?EIO=3&transport=polling&j=0")
        assert told[1]["data"] == {"why": "jsonp"}


@pytest.mark.parametrize("address", ["192.168.5.7", "8.8.8.8", "fe80::1%eth0", "::ffff:10.0.0.3", "nonsense"])
def test_another_machine_is_refused_unless_the_settings_name_it(address: str) -> None:
    doors = access(destination(listen="0.0.0.0:8000", lan=True, clients=("192.168.5.9",)), 8000)
    with pytest.raises(AgentForbidden) as refused:
        doors.caller(address, {"host": "127.0.0.1:8000"})
    assert refused.value.data == {"why": "address"}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "192.168.5.9", "10.1.2.3"])
def test_this_machine_and_those_in_the_settings_are_let_in(address: str) -> None:
    doors = access(destination(listen="192.168.5.1:8000", lan=True, clients=("192.168.5.9", "10.0.0.0/8")), 8000)
    assert doors.caller(address, {"host": "192.168.5.1:8000"}).origin == ""


def test_a_listed_page_gets_the_headers_its_browser_asks_for(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        wanted = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
            "Access-Control-Request-Private-Network": "true",
        }
        status, _, headers = Page(agent.port).ask("OPTIONS", "/v1/take", **wanted)
        assert status == 204
        assert headers["access-control-allow-origin"] == HIS
        assert headers["access-control-allow-private-network"] == "true"
        assert headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in headers
        assert "*" not in headers["access-control-allow-headers"]


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n", b"GET\r\n\r\n", b"\x00" * 100, b"\x16\x03\x01\x02\x00\x01" + b"x" * 600,
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /v1/pair HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/pair HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(5000)) + b"\r\n",
        b"POST /v1/pair HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 1_000_000,
        b"POST /v1/pair HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_http_is_answered_shortly_and_hurts_nobody(sent: bytes, tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        with contextlib.suppress(ConnectionError):  # closed while we were still sending
            assert len(raw(agent.port, sent)) < 2000
        assert agent.paired().get("/v1/waiting")[0] == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"code":1}', b'{"code":"1","more":1}', b"\xff\xfe", b"[" * 16000, b'{"code":"\\ud800"}'],
)
def test_a_body_that_is_no_message_is_named_so(body: bytes, tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        status, told = Page(agent.port).post("/v1/pair", body)
        assert status == 400
        assert told["code"] in ("wire.malformed", "agent.pairing")


def test_a_caller_that_sends_its_request_byte_by_byte_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "REQUEST_SECONDS", 0.3)
    with running(tmp_path) as agent, socket.create_connection(("127.0.0.1", agent.port), timeout=5) as line:
        line.sendall(b"GET /v1/status HTTP/1.1\r\n")
        try:
            for _ in range(200):
                line.sendall(b"X")
                line.settimeout(0.05)
                try:
                    assert line.recv(100) == b""
                    break
                except TimeoutError:
                    continue
            else:
                pytest.fail("still connected")
        except ConnectionError:
            pass


def test_a_page_gets_through_while_a_hundred_connections_say_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as agent, ExitStack() as open_lines:
        page = agent.paired()
        for _ in range(100):
            open_lines.enter_context(closing(socket.create_connection(("127.0.0.1", agent.port))))
        agent.put(record("v1"))
        assert page.post("/v1/take", {"offer": page.offered()["offer"]})[0] == 200


def test_a_flood_is_cut_off_and_ends(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        statuses = [page.get("/v1/status")[0] for _ in range(150)]
        assert 429 in statuses
        assert eventually(lambda: page.get("/v1/status")[0] == 200)


def test_strangers_cannot_use_up_the_pages_calls(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        for _ in range(150):
            assert Page(agent.port, "https://evil.test").get("/v1/status")[0] == 403
        assert page.get("/v1/status")[0] == 200


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "Nguyễn\r\nX: y", "\u202eẢO", "{{7*7}}"]
)
def test_markup_in_a_name_stays_a_name(name: str, tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        agent.put(record("v1", patient=patient(full_name=name)))
        status, told, headers = page.ask("POST", "/v1/take", {"offer": page.offered()["offer"]})
        assert status == 200
        assert told["patient"]["full_name"] == name
        assert headers["content-type"] == "application/json"
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**30])
def test_a_number_that_no_delivery_can_have_is_refused(number: int, tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        status, told = agent.paired().post("/v1/offer", {"delivery": number})
        assert (status, told["code"]) == (400, "wire.malformed")


def test_nothing_of_a_person_or_a_token_is_ever_logged(tmp_path: Path, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    with running(tmp_path) as agent:
        page = agent.paired()
        agent.put(record("v1"))
        page.post("/v1/take", {"offer": page.offered()["offer"]})
        page.post("/v1/pair", {"code": "135790"})
        Page(agent.port, "https://evil.test").get("/v1/status?name=NguyenThu")
        person = record("v1").patient
        for secret in (person.full_name, person.personal_id, page.token, "135790", "evil", "NguyenThu"):
            assert str(secret) not in caplog.text
        assert agent.told("v1").state is State.ACKNOWLEDGED


def test_an_agent_that_stops_leaves_no_connection_open_however_many_just_came(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as told, ExitStack() as held:
        warnings.simplefilter("always", ResourceWarning)
        with running(tmp_path) as agent:
            callers = [held.enter_context(socket.socket()) for _ in range(2 * web.MAX_CONNECTIONS)]
            for number, caller in enumerate(callers):
                caller.setblocking(False)
                caller.connect_ex(("127.0.0.1", agent.port))
                if number % 2:
                    with contextlib.suppress(OSError):
                        caller.send(b"GET / HTTP/1.1\r\n")
        gc.collect()
    assert [str(one.message) for one in told if "transport" in str(one.message)] == []
