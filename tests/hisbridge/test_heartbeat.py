"""The sign of life: what it says, whom it tells, and that no receiver, however bad, holds up anything of the bridge."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.care import HeartbeatSettings
from config.settings import ConfigWrongType, Settings, load
from hisbridge.errors import PortalCaFile
from hisbridge.heartbeat import FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS, Body, Heart
from hisbridge.http import Answer
from hisbridge.service import Surroundings, running
from sandbox.people import everybody
from tests.hisbridge import hostile
from tests.hisbridge.certificates import authority, authority_file, server_certificate
from tests.hisbridge.making import database, destination, eventually
from tests.hisbridge.making import settings as made_settings
from tests.hisbridge.receiver import mute, receiving, say
from tests.hisbridge.test_http_tls import portal, tls
from tests.hisbridge.test_service import bridge, owe, states
from tests.support.waiting import BUSY_SECONDS, wait_until
from wire.client import Client
from wire.findings import REPORT, Finding, Report, Status, write_report
from wire.health import health_of
from wire.meter import Meter
from wire.server import Request, Response, json_response, serving

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
KIOSK = {
    "status": "ok",
    "screen": {"seen_seconds": 2.0, "visible": True, "name": "start", "current": True},
    "parts": {"database": None, "screen": None},
    "build": "x",
}


class Receiver:
    """A real HTTP server that keeps what it is told; `answer` may be changed."""

    def __init__(self) -> None:
        self.beats: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer = Response(status=204)

    def take(self, request: Request) -> Response:
        self.beats.append(json.loads(request.body))
        self.headers.append(dict(request.headers))
        return self.answer

    @contextmanager
    def open(self) -> Iterator[str]:
        with serving(("127.0.0.1", 0), {("POST", "/beat"): self.take}) as address:
            assert isinstance(address, tuple)
            yield f"http://127.0.0.1:{address[1]}/beat"


def heart(folder: Path, url: str, **more: Any) -> Heart:
    body = Body(
        version="1.2.3",
        facility_code="01001",
        kiosk_id="kiosk-1",
        bridge=lambda: (health_of({"database": None}), ()),
        kiosk=Client(folder / "kiosk.sock"),
        doctor_file=folder / REPORT,
        now=lambda: NOW,
    )
    return Heart(HeartbeatSettings(url=url, timeout_seconds=0.5, **more), body, Meter(), lambda: 0.5)


@contextmanager
def kiosk(folder: Path) -> Iterator[None]:
    with serving(folder / "kiosk.sock", {("GET", "/health"): lambda _: json_response(KIOSK)}):
        yield


def counted(one: Heart) -> dict[str, float]:
    return {amount.labels[0]: amount.value for amount in one._meter.figures().counts}


def test_it_tells_how_the_kiosk_the_screen_the_outbox_and_the_doctor_are(run_dir: Path) -> None:
    findings = (
        Finding(probe="disk", status=Status.WARN, code="doctor.disk_low"),
        Finding(probe="time", status=Status.OK),
    )
    write_report(
        run_dir / REPORT,
        Report(made_at="2026-11-23T06:58:00Z", version="1", seconds=1.0, ok=True, findings=findings),
    )
    receiver = Receiver()
    with kiosk(run_dir), receiver.open() as url:
        pause = heart(run_dir, url).beat()
    assert receiver.beats == [
        {
            "format": 1,
            "version": "1.2.3",
            "facility_code": "01001",
            "kiosk_id": "kiosk-1",
            "sent_at": "2026-11-23T07:00:00+00:00",
            "clock_offset_seconds": None,
            "uptime_seconds": 0,
            "status": "well",
            "parts": {"kiosk.database": None, "kiosk.screen": None, "bridge.database": None},
            "screen": {"seen_seconds": 2.0, "visible": True},
            "outbox": {"waiting": 0, "held": 0, "rejected": 0, "dead": 0, "oldest_seconds": None},
            "doctor": {"worst": "warn", "codes": ["doctor.disk_low"], "age_seconds": 120},
        }
    ]
    assert pause == pytest.approx(300, rel=0.06)


def test_a_kiosk_that_is_gone_and_a_doctor_that_never_looked_are_told_as_such(run_dir: Path) -> None:
    receiver = Receiver()
    with receiver.open() as url:
        heart(run_dir, url).beat()
        (run_dir / REPORT).write_text('{"findings": [1, {"status": 7}]}')
        heart(run_dir, url).beat()
    for beat in receiver.beats:
        assert (beat["status"], beat["parts"]["kiosk.process"]) == ("trouble", "wire.unreachable")
        assert beat["screen"] is beat["doctor"] is None


def test_the_token_goes_along_and_a_changed_one_needs_no_restart(run_dir: Path) -> None:
    token, receiver = run_dir / "token", Receiver()
    token.write_text("first\n")
    token.chmod(0o600)
    with receiver.open() as url:
        one = heart(run_dir, url, token_file=str(token))
        one.beat()
        token.write_text("second")
        one.beat()
        token.chmod(0o644)  # everybody on the machine reads it: not used
        one.beat()
    assert [told["authorization"] for told in receiver.headers] == ["Bearer first", "Bearer second"]
    assert one.sent.problem == "delivery.setup"


def test_behind_tls_only_whoever_the_sites_authority_vouches_for_is_told(run_dir: Path) -> None:
    ours, theirs = authority(), authority("Somebody Else")
    ca = str(authority_file(run_dir, ours))
    with portal(tls(server_certificate(run_dir, ours))) as (base, heard):
        good = heart(run_dir, f"{base}/beat", ca_file=ca)
        good.beat()
        assert good.sent.problem is None
        assert b'"kiosk_id":"kiosk-1"' in b"".join(heard)
    with portal(tls(server_certificate(run_dir, theirs))) as (base, heard):
        bad = heart(run_dir, f"{base}/beat", ca_file=ca)
        bad.beat()
        assert bad.sent.problem == "portal.certificate"
        assert heard == []
    with pytest.raises(PortalCaFile):
        heart(run_dir, "https://127.0.0.1:1/", ca_file=str(run_dir / "nowhere"))


BAD = {
    "hangs": hostile.nothing,
    "drips its head": hostile.drip_head,
    "drips its body": hostile.drip_body,
    "floods": hostile.flood,
    "sends a bomb": hostile.bomb,
    "breaks off": hostile.cut,
    "speaks another language": hostile.not_http,
    "sends us elsewhere": hostile.redirect,
}


@pytest.mark.parametrize("how", BAD)
def test_a_receiver_that_misbehaves_costs_its_own_time_out_and_nothing_else(run_dir: Path, how: str) -> None:
    with hostile.lying(BAD[how]) as port:
        one = heart(run_dir, f"http://127.0.0.1:{port}/beat")
        began = time.monotonic()
        pause = one.beat()
        assert time.monotonic() - began < BUSY_SECONDS
    assert one.sent.problem is not None
    assert one.sent.at is None
    assert FIRST_RETRY_SECONDS / 2 <= pause <= FIRST_RETRY_SECONDS * 1.5  # sooner than the next beat would be
    assert counted(one) == {one.sent.problem: 1.0}


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Nov 99999999999999999999 07:00:00 GMT", "\x00" * 40])
def test_a_receiver_with_a_clock_of_its_own_mind_does_no_harm(run_dir: Path, date: str) -> None:
    one = heart(run_dir, "http://127.0.0.1:1/")
    one._compare_clocks(Answer(200, b"", date=date))
    assert one.sent.clock_offset is None


def test_what_the_receivers_clock_says_is_told_with_the_next_beat(run_dir: Path) -> None:
    receiver = Receiver()
    receiver.answer = Response(status=204, headers={"Date": "Mon, 23 Nov 2026 07:05:00 GMT"})
    with hostile.lying(
        lambda connection, _: connection.sendall(
            b"HTTP/1.1 204 No Content\r\nDate: Mon, 23 Nov 2026 07:05:00 GMT\r\n\r\n"
        )
    ) as port:
        one = heart(run_dir, f"http://127.0.0.1:{port}/beat")
        one.beat()
    assert one.sent.clock_offset == 300
    assert {amount.name for amount in one.levels()} == {
        "tiepdon_heartbeat_sent_timestamp_seconds",
        "tiepdon_heartbeat_clock_offset_seconds",
    }


@pytest.mark.parametrize(("asked", "least", "most"), [("90", 90, 90), ("999999999", 3600, 3600), ("soon", 10, 30)])
def test_a_receiver_in_trouble_is_left_alone_within_bounds(
    run_dir: Path, asked: str, least: float, most: float
) -> None:
    receiver = Receiver()
    receiver.answer = Response(status=503, headers={"Retry-After": asked})
    with receiver.open() as url:
        one = heart(run_dir, url)
        assert least <= one.beat() <= most <= LONGEST_RETRY_SECONDS
    assert one.sent.problem == "heartbeat.refused"


def test_failures_back_off_to_the_usual_pace_and_never_beyond(run_dir: Path) -> None:
    one = heart(run_dir, "http://127.0.0.1:1/beat")
    pauses = [one.beat() for _ in range(12)]
    assert pauses[0] < 30
    assert pauses == sorted(pauses)
    assert pauses[-1] <= 300 + FIRST_RETRY_SECONDS


def with_heartbeat(folder: Path, url: str, port: int) -> Settings:
    database(folder)
    made = made_settings(folder, destination(port))
    return msgspec.structs.replace(
        made, heartbeat=HeartbeatSettings(url=url, seconds=30, timeout_seconds=60.0), site=load().site
    )


def test_deliveries_go_on_under_a_receiver_that_hangs_and_the_bridge_stops_at_once(tmp_path: Path) -> None:
    with receiving(say("AA")) as his, hostile.lying(hostile.nothing) as port:
        settings = with_heartbeat(tmp_path, f"http://127.0.0.1:{port}/beat", his.port)
        owe(settings, *(f"v{number}" for number in range(20)))
        with bridge(settings) as client:
            eventually(lambda: len(his.messages) == 20)
            assert {state.value for state in states(client)} <= {"acknowledged", "sending"}
        assert not [one for one in threading.enumerate() if one.name.startswith("courier") and one.is_alive()]


def test_the_bridge_beats_and_nothing_of_a_person_is_in_it(
    tmp_path: Path,
) -> None:
    receiver = Receiver()
    with receiver.open() as url, receiving(mute) as his:
        settings = with_heartbeat(tmp_path, url, his.port)
        owe(settings, "v1", "v2", "v3")
        with running(settings, Surroundings(draw=lambda: 0.0)):
            wait_until(lambda: receiver.beats, BUSY_SECONDS, "a beat")
    (beat, *_) = receiver.beats
    assert beat["outbox"]["waiting"] == 3
    text = json.dumps(beat, ensure_ascii=False)
    people = [text for one in everybody() for text in (one.full_name, one.personal_id) if text]
    assert not [one for one in people if one in text]
    assert not re.search(r"\d{9,}", text)


@pytest.mark.parametrize("url", ["http://province.example/beat", "ftp://x", "province.example", "https://a b"])
def test_an_address_that_would_show_the_token_or_is_none_is_refused_in_the_settings(tmp_path: Path, url: str) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f'[heartbeat]\nurl = "{url}"\n', "utf-8")
    with pytest.raises(ConfigWrongType):
        load(site)
