"""The signature of a webhook, judged by the library that the authors of Standard Webhooks publish."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from config.destinations import WebhookDestination
from hisbridge.connectors.contract import Known, Outcome, Sending
from hisbridge.connectors.webhook import WebhookConnector
from sandbox.web import serving
from tests.hisbridge.making import record
from wire.server import Request, Response

pytestmark = pytest.mark.peer

KEYS = {name: f"whsec_{base64.b64encode(name.encode() * 6).decode()}" for name in ("first", "second", "third")}


class Library:
    """A receiver that only lets the library check."""

    def __init__(self) -> None:
        self.key = KEYS["first"]
        self.taken: list[str] = []

    def __call__(self, request: Request) -> Response:
        try:
            told = Webhook(self.key).verify(request.body.decode(), dict(request.headers))
        except WebhookVerificationError:
            return Response(status=401)
        self.taken.append(told["visit"]["visit_id"])
        return Response(status=204)


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def base(library: Library) -> Iterator[str]:
    with serving({("POST", "/"): library}, 0) as port:
        yield f"http://127.0.0.1:{port}/"


def sent(folder: Path, base: str, clock: float | None = None) -> Outcome:
    for name in ("first", "second"):
        (folder / name).write_text(KEYS[name])
        (folder / name).chmod(0o600)
    settings = WebhookDestination(
        name="hook", base_url=base, secret_file=str(folder / "first"), next_secret_file=str(folder / "second")
    )
    made = WebhookConnector(settings, clock=lambda: time.time() if clock is None else clock)
    message = made.render(record(), Known())
    assert message is not None
    try:
        return made.send(message, Sending("AAAABBBBCCCCDDDDEEEE", 1)).outcome
    finally:
        made.close()


def test_the_library_takes_what_either_secret_signed_and_nothing_else(
    tmp_path: Path, library: Library, base: str
) -> None:
    told = {}
    for name, key in KEYS.items():
        library.key = key
        told[name] = sent(tmp_path, base)
    assert told == {
        "first": Outcome.ACKNOWLEDGED,
        "second": Outcome.ACKNOWLEDGED,
        "third": Outcome.MISCONFIGURED,
    }
    assert library.taken == ["visit-1", "visit-1"]


def test_the_library_refuses_a_call_from_outside_its_window(tmp_path: Path, library: Library, base: str) -> None:
    for seconds, told in ((-290, Outcome.ACKNOWLEDGED), (-400, Outcome.MISCONFIGURED), (400, Outcome.MISCONFIGURED)):
        assert sent(tmp_path, base, time.time() + seconds) is told
