"""Whatever the bridge does with a question: the ticket comes in time, says unverified, and the question stays open."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from config.settings import Settings, socket_path
from hisbridge.questions import Act, Verdict
from kiosk.clock import SystemClock
from kiosk.events import Confirmed, PayloadRead
from kiosk.states import Confirm, TicketShown
from tests.kiosk.people import by_qr
from tests.kiosk.running import running
from tests.kiosk.world import rows, site
from tests.support.waiting import BUSY_SECONDS

DEADLINE_SECONDS = 0.4
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
ANSWERS = {
    "nothing": b"",
    "noise": b"\x00\xff\xfe garbage \r\n\r\n" * 20,
    "a page": OK % (15, b"<html>no</html>"),
    "half": OK % (500, b'{"verdict": "val'),
    "another verdict": OK % (20, b'{"verdict": "maybe"}'),
    "a list": OK % (2, b"[]"),
    "nested": OK % (60_000, b"[" * 60_000),
    "no text": OK % (3, b"\xff\xfe\xfd"),
    "an error": b"HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nnope",
    "an odd error": b"HTTP/1.1 500 No\r\nContent-Length: 25\r\n\r\n" + b'{"code":1,"data":[1,2,3]}',
}


@contextmanager
def bridge_that_says(path: Path, answer: bytes | None) -> Iterator[None]:
    """Reads what it is asked and says this; None: it hangs."""
    held: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with suppress(OSError):
                while True:
                    caller, _ = listener.accept()
                    caller.recv(1 << 16)
                    if answer is None:
                        held.append(caller)
                        continue
                    caller.sendall(answer)
                    caller.close()

        threading.Thread(target=serve, daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        for caller in held:
            caller.close()


@pytest.fixture
def settings(run_dir: Path) -> Settings:
    settings = site(run_dir)
    return msgspec.structs.replace(
        settings, kiosk=msgspec.structs.replace(settings.kiosk, coverage_deadline_seconds=DEADLINE_SECONDS)
    )


@pytest.mark.parametrize("answer", [*ANSWERS, "never"])
def test_the_ticket_comes_in_time_and_says_that_nobody_answered(settings: Settings, answer: str) -> None:
    says = ANSWERS.get(answer)
    with bridge_that_says(socket_path(settings, "bridge"), says), running(settings, SystemClock()) as kiosk:
        began = time.monotonic()
        kiosk.controller.dispatch(PayloadRead(by_qr()))
        kiosk.until(Confirm)
        kiosk.controller.dispatch(Confirmed())
        shown = kiosk.until(TicketShown).state
        assert time.monotonic() - began < BUSY_SECONDS
    assert isinstance(shown, TicketShown)
    assert shown.coverage is not None
    assert (shown.coverage.verdict, shown.coverage.act) == (Verdict.UNVERIFIED, Act.WAIT)
    assert shown.needs_counter
    assert rows(settings, "SELECT verdict FROM visits") == [("unverified",)]
    assert rows(settings, "SELECT state FROM open_questions") == [("open",)]
