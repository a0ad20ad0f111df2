"""Signed calls, judged by a receiver that was written from the words of docs/integration/webhook.md alone."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.destinations import WebhookDestination
from hisbridge.connectors import make
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.webhook import WebhookConnector
from hisbridge.errors import DestinationSetup, DestinationUnreachable, GarbledAnswer, NoAnswer
from hisbridge.records import Event, PatientRecord
from sandbox.web import serving
from tests.hisbridge.making import record
from tests.hisbridge.speaking import reply, request_on, speaking
from tests.support.waiting import BUSY_SECONDS
from wire.codec import from_json
from wire.server import Request, Response

NOW = 1_795_221_900
WINDOW = 300  # seconds
FIRST = Sending("AAAABBBBCCCCDDDDEEEE", 1)
OLD, NEW = b"old secret 0123456789", b"new secret 9876543210"


class WebhookReceiver:
    """What a hospital would write: checks, remembers, answers."""

    def __init__(self, secret: bytes, now: Callable[[], float] = lambda: NOW) -> None:
        self.secret, self.now = secret, now
        self.taken: dict[str, bytes] = {}
        self.seen: list[tuple[str, str, str]] = []
        self.answer = Response(status=204)

    def __call__(self, request: Request) -> Response:
        told = request.headers
        self.seen.append((told["webhook-id"], told["idempotency-key"], told["webhook-timestamp"]))
        if abs(self.now() - int(told["webhook-timestamp"])) > WINDOW:
            return Response(status=401)
        text = told["webhook-id"].encode() + b"." + told["webhook-timestamp"].encode() + b"." + request.body
        right = "v1," + base64.b64encode(hmac.new(self.secret, text, hashlib.sha256).digest()).decode()
        if not any(hmac.compare_digest(right, one) for one in told["webhook-signature"].split(" ")):
            return Response(status=401)
        if request.method == "GET":
            return Response(status=204)
        if told["webhook-id"] in self.taken:
            return Response(status=409)
        self.taken[told["webhook-id"]] = request.body
        return self.answer


@contextmanager
def listening(handler: Callable[[Request], Response]) -> Iterator[str]:
    with serving({("POST", "/hook"): handler, ("GET", "/hook"): handler}, 0) as port:
        yield f"http://127.0.0.1:{port}/hook"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name, content in (("old", OLD + b"\n"), ("new", NEW)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def connector(base: str, secrets: Path, clock: Callable[[], float] = lambda: NOW, **more: Any) -> WebhookConnector:
    usual: dict[str, Any] = {
        "name": "hook",
        "base_url": base,
        "secret_file": str(secrets / "old"),
        "timeout_seconds": 2,
    }
    return WebhookConnector(WebhookDestination(**{**usual, **more}), clock)


def delivered(base: str, secrets: Path, told: PatientRecord | None = None, **more: Any) -> Receipt:
    made = connector(base, secrets, **more)
    message = made.render(told or record(), Known())
    assert message is not None
    try:
        return made.send(message, FIRST)
    finally:
        made.close()


def test_a_receiver_that_checks_by_the_published_words_takes_the_record(secrets: Path) -> None:
    receiver = WebhookReceiver(OLD)
    with listening(receiver) as base:
        assert delivered(base, secrets) == Receipt(Outcome.ACKNOWLEDGED, "http_204")
    assert from_json(receiver.taken[FIRST.key], PatientRecord) == record()


def test_a_receiver_with_another_secret_refuses_and_the_destination_stops(secrets: Path) -> None:
    with listening(WebhookReceiver(NEW)) as base:
        assert delivered(base, secrets) == Receipt(Outcome.MISCONFIGURED, "http_401")


def test_while_the_secret_is_changed_the_old_and_the_new_one_are_both_right(secrets: Path) -> None:
    for secret in (OLD, NEW):
        with listening(WebhookReceiver(secret)) as base:
            told = delivered(base, secrets, next_secret_file=str(secrets / "new"))
        assert told.outcome is Outcome.ACKNOWLEDGED


def test_a_secret_that_was_replaced_holds_from_the_next_call_on(secrets: Path) -> None:
    with listening(WebhookReceiver(NEW)) as base:
        made = connector(base, secrets)
        assert made.send(b"{}", FIRST).outcome is Outcome.MISCONFIGURED
        (secrets / "old").write_bytes(NEW + b"\r\n")
        assert made.send(b"{}", FIRST).outcome is Outcome.ACKNOWLEDGED
        made.close()


def test_a_secret_may_be_written_in_base64_as_the_standards_libraries_do(secrets: Path) -> None:
    (secrets / "old").write_bytes(b"whsec_" + base64.b64encode(NEW))
    with listening(WebhookReceiver(NEW)) as base:
        assert delivered(base, secrets).outcome is Outcome.ACKNOWLEDGED


def test_a_captured_call_is_refused_once_the_window_has_passed(secrets: Path) -> None:
    for late, taken in ((WINDOW - 1, Outcome.ACKNOWLEDGED), (WINDOW + 1, Outcome.MISCONFIGURED)):
        with listening(WebhookReceiver(OLD, lambda late=late: NOW + late)) as base:  # type: ignore[misc]
            assert delivered(base, secrets).outcome is taken


def test_a_changed_body_key_or_moment_is_refused(secrets: Path) -> None:
    receiver = WebhookReceiver(OLD)
    made = connector("http://127.0.0.1:9/hook", secrets)
    question = made._signed("POST", b'{"a":1}', "KEY")
    usual = Request("POST", "/hook", {}, {name.lower(): value for name, value in question.headers.items()}, b'{"a":1}')
    spoilt = (
        Request("POST", "/hook", {}, usual.headers, b'{"a":2}'),
        Request("POST", "/hook", {}, {**usual.headers, "webhook-id": "KEZ"}, usual.body),
        Request("POST", "/hook", {}, {**usual.headers, "webhook-timestamp": str(NOW + 1)}, usual.body),
    )
    assert [receiver(one).status for one in spoilt] == [401, 401, 401]
    assert receiver(usual).status == 204


def test_a_resend_bears_the_same_key_with_its_own_moment_and_a_second_copy_counts_as_taken(secrets: Path) -> None:
    receiver, clock = WebhookReceiver(OLD, lambda: NOW + 200), iter([NOW, NOW + 400])
    with listening(receiver) as base:
        made = connector(base, secrets, lambda: next(clock))
        message = made.render(record(), Known())
        assert message is not None
        told = [made.send(message, Sending(FIRST.key, attempt)) for attempt in (1, 2)]
        made.close()
    assert [one.text for one in told] == ["http_204", "http_409"]
    assert {one.outcome for one in told} == {Outcome.ACKNOWLEDGED}
    assert receiver.seen == [(FIRST.key, FIRST.key, str(NOW)), (FIRST.key, FIRST.key, str(NOW + 400))]
    assert len(receiver.taken) == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.ACKNOWLEDGED),
        (202, Outcome.ACKNOWLEDGED),
        (400, Outcome.REJECTED),
        (413, Outcome.REJECTED),
        (422, Outcome.REJECTED),
        *((status, Outcome.TRY_LATER) for status in (408, 423, 425, 429, 500, 502, 503, 504)),
        *((status, Outcome.MISCONFIGURED) for status in (301, 302, 307, 308, 401, 403, 404, 405)),
    ],
)
def test_every_status_has_its_meaning_and_no_redirect_is_followed(secrets: Path, status: int, outcome: Outcome) -> None:
    calls: list[str] = []

    def answer(request: Request) -> Response:
        calls.append(request.path)
        return Response(status=status, headers={"Location": "/hook"})

    with listening(answer) as base:
        assert delivered(base, secrets) == Receipt(outcome, f"http_{status}")
    assert calls == ["/hook"]


def test_what_the_receiver_tells_of_the_visit_is_read_field_by_field(secrets: Path) -> None:
    answer = {
        "record_number": "BN 1",
        "queue_number": 24,
        "room": "Phòng\n1",
        "visit_number": None,
        "fees": [{"name": "Khám bệnh", "amount": "38700", "insured": True}, {"amount": "1"}, "?", {"name": ["x"]}],
        "unknown": {"more": 1},
    }
    receiver = WebhookReceiver(OLD)
    receiver.answer = Response(body=json.dumps(answer).encode(), content_type="application/json")
    with listening(receiver) as base:
        told = delivered(base, secrets).answer
    assert told is not None
    assert (told.record_number, told.queue_number, told.room, told.visit_number) == ("BN 1", "24", "Phòng 1", None)
    assert [(fee.name, fee.amount, fee.insured) for fee in told.fees] == [("Khám bệnh", "38700", True)]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", "application/json"),
        (b"[]", "application/json"),
        (b'{"room":"1"}', "text/html"),
        (b"", "application/json"),
        (b'{"room":{}}', "application/json"),
        (b"[" * 100_000, "application/json"),
    ],
)
def test_an_answer_that_is_none_is_no_reason_to_send_again(secrets: Path, body: bytes, kind: str) -> None:
    with listening(lambda _: Response(body=body, content_type=kind)) as base:
        assert delivered(base, secrets) == Receipt(Outcome.ACKNOWLEDGED, "http_200")


def test_every_event_is_told(secrets: Path) -> None:
    made = connector("http://127.0.0.1:9", secrets)
    for event in Event:
        told = made.render(record(event=event, revision=1), Known())
        assert told is not None
        assert json.loads(told)["event"] == event.value
        assert made.render(record(event=event, revision=1), Known()) == told


def test_the_secret_must_be_there_hidden_and_whole(secrets: Path) -> None:
    (secrets / "empty").write_bytes(b"\n")
    (secrets / "empty").chmod(0o600)
    (secrets / "bad").write_bytes(b"whsec_*")
    (secrets / "bad").chmod(0o600)
    (secrets / "new").chmod(0o644)
    problems = {}
    for name in ("none", "empty", "new", "bad"):
        with pytest.raises(DestinationSetup) as caught:
            connector("http://127.0.0.1:9", secrets, secret_file=str(secrets / name)).send(b"{}", FIRST)
        problems[name] = caught.value.data
    assert problems == {
        "none": {"key": "secret_file", "why": "missing"},
        "empty": {"key": "secret_file", "why": "missing"},
        "new": {"key": "secret_file", "why": "exposed"},
        "bad": {"key": "secret_file", "why": "not_base64"},
    }


def test_nobody_there_is_told_apart_from_no_answer(secrets: Path) -> None:
    with pytest.raises(DestinationUnreachable):
        delivered("http://127.0.0.1:9/hook", secrets)
    with speaking(lambda _, connection: request_on(connection) and None) as (base, _), pytest.raises(NoAnswer):
        delivered(base, secrets)


def test_a_receiver_that_never_answers_holds_nobody_beyond_the_time_out(secrets: Path) -> None:
    def mute(_: int, connection: Any) -> None:
        request_on(connection)
        connection.recv(1)

    begun = time.monotonic()
    with speaking(mute) as (base, _), pytest.raises(NoAnswer) as caught:
        delivered(base, secrets, timeout_seconds=0.3)
    assert caught.value.data == {"why": "timeout"}
    assert time.monotonic() - begun < BUSY_SECONDS


def test_an_endless_answer_is_cut_off(secrets: Path) -> None:
    def pour(_: int, connection: Any) -> None:
        request_on(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"x" * 100_000)

    with speaking(pour) as (base, _):
        assert delivered(base, secrets) == Receipt(Outcome.ACKNOWLEDGED, "http_200")  # the record itself was taken


def test_an_endless_trouble_is_cut_off_too(secrets: Path) -> None:
    def pour(_: int, connection: Any) -> None:
        request_on(connection)
        connection.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"x" * 100_000)

    with speaking(pour) as (base, _), pytest.raises(GarbledAnswer) as caught:
        delivered(base, secrets)
    assert caught.value.data == {"why": "too_large", "status": 500}


def test_no_error_or_receipt_holds_a_word_of_the_person_or_the_secret(secrets: Path) -> None:
    with speaking(lambda _, connection: connection.sendall(reply(b"", status="400 " + "x" * 10))) as (base, _):
        told = repr(delivered(base, secrets))
    assert "Nguyễn" not in told
    assert OLD.decode() not in told


def test_a_probe_says_whether_the_signature_is_accepted(secrets: Path) -> None:
    with listening(WebhookReceiver(OLD)) as base:
        connector(base, secrets).probe()
    with listening(WebhookReceiver(NEW)) as base, pytest.raises(DestinationSetup) as caught:
        connector(base, secrets).probe()
    assert caught.value.data == {"key": "secret_file", "why": "http_401"}
    with listening(lambda _: Response(status=405)) as base:
        connector(base, secrets).probe()
    with listening(lambda _: Response(status=503)) as base, pytest.raises(DestinationUnreachable):
        connector(base, secrets).probe()


def test_the_settings_choose_the_connector(secrets: Path) -> None:
    made = make(WebhookDestination(name="hook", base_url="http://127.0.0.1:9", secret_file="x"))
    assert isinstance(made, WebhookConnector)
    made.close()
