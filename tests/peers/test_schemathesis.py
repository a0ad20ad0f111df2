"""The API judged by Schemathesis: what the document promises is what is answered, with every check it has.

The application is the real one, on a database with people in its queue; a token of every scope calls it, so that
refusals by scope do not hide what lies behind them.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from kiosk.machines import Scope
from kiosk.queue.model import Act
from tests.ui.api_site import ApiSite, api_site

pytestmark = pytest.mark.peer

STREAM = "/api/v1/calls/events"  # never ends by itself; tests/ui/test_api.py reads it
LONGEST_SECONDS = 150  # on a busy machine; a quiet one needs a quarter


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ApiSite]:
    with api_site(tmp_path, burst=1e9) as made:
        for number in range(12):
            made.person(f"person {number}", ("KB", "XN")[number % 2])
            made.number(f"number {number}")
        with made.queue.acting() as acts:
            acts.call_next(Act("seeded", "1", "hoa"))
        made.api.help.ask("kiosk-9", "start")
        yield made


@pytest.fixture
def address(site: ApiSite) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.timeout(180)
def test_what_is_answered_is_what_the_document_promises(site: ApiSite, address: str, tmp_path: Path) -> None:
    judge = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{address}/api/v1/openapi.json",
            f"--header=Authorization: Bearer {site.bearer(*Scope)}",
            "--checks=all",
            "--phases=examples,coverage,fuzzing",
            f"--exclude-path={STREAM}",
            "--mode=all",
            "--max-examples=8",
            "--seed=7",
            "--generation-deterministic",
            "--request-timeout=20",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    assert judge.returncode == 0, judge.stdout[-60000:] + judge.stderr[-2000:]
