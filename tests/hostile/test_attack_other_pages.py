"""A page of somebody else in a real Chromium of this machine or of a receptionist: what it can read, press, frame and
open of the touchscreen and of the staff's pages. The processes are the real ones; other origins are served here.
"""

import http.server
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.hostile.looking import screen_of
from tests.support.waiting import wait_until
from tests.ui.test_desk_server import Desk
from tests.ui.test_server import Process

pytestmark = pytest.mark.browser

# Whatever a page may try to learn of another address, each try told as what came of it.
READS = """
async (address) => {
  const told = {};
  const within = (promise) => Promise.race([promise, new Promise((done) => setTimeout(() => done("nothing"), 1500))]);
  const fetched = (options) => fetch(address, options).then(
    async (answer) => answer.type === "opaque" ? "opaque" : "read " + (await answer.text()).slice(0, 40),
    () => "refused");
  told.cors = await within(fetched({ credentials: "include" }));
  told.opaque = await within(fetched({ mode: "no-cors", credentials: "include" }));
  told.stream = await within(new Promise((done) => {
    const stream = new EventSource(address, { withCredentials: true });
    for (const name of ["screen", "part", "message"]) stream.addEventListener(name, () => done("read"));
    stream.onerror = () => { stream.close(); done("refused"); };
  }));
  const element = (name, attribute) => within(new Promise((done) => {
    const made = document.createElement(name);
    made.onload = () => done("loaded"); made.onerror = () => done("refused");
    made[attribute] = address; if (name === "link") made.rel = "stylesheet";
    document.body.append(made);
  }));
  told.script = await element("script", "src");
  told.image = await element("img", "src");
  told.style = await element("link", "href");
  return told;
}
"""
PRESSES = """
async ([address, form]) => {
  const told = [];
  for (const headers of [{}, { "HX-Request": "true" }]) {
    for (const type of ["application/x-www-form-urlencoded", "text/plain"]) {
      for (const mode of ["no-cors", "cors"]) {
        try { await fetch(address, { method: "POST", mode, credentials: "include", body: form,
                                     headers: { "Content-Type": type, ...headers } }); told.push("sent"); }
        catch { told.push("refused"); }
      }
    }
  }
  navigator.sendBeacon(address, new URLSearchParams(form));
  const hidden = document.createElement("iframe"); hidden.name = "hidden"; document.body.append(hidden);
  const made = document.createElement("form");
  made.action = address; made.method = "post"; made.target = "hidden";
  for (const [name, value] of new URLSearchParams(form)) {
    const field = document.createElement("input"); field.name = name; field.value = value; made.append(field);
  }
  document.body.append(made); made.submit();
  await new Promise((done) => setTimeout(done, 300));
  return told;
}
"""

FRAME = "own => { const made = document.createElement('iframe'); made.src = own; document.body.append(made); }"


@contextmanager
def another_site() -> Iterator[str]:
    """A page of another origin; yields its address."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>another</title><body>another</body>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def kiosk() -> Iterator[Process]:
    folder = Path(tempfile.mkdtemp(prefix="tiepdon-"))
    made = Process(folder)
    wait_until(made.answers, what="the kiosk process")
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    folder = Path(tempfile.mkdtemp(prefix="tiepdon-"))
    made = Desk(folder)
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context()
    yield made
    made.close()


def test_another_page_reads_nothing_of_the_touchscreen_and_of_its_stream(
    kiosk: Process, context: BrowserContext
) -> None:
    page = context.new_page()
    with another_site() as address:
        page.goto(address)
        for path in ("/touchscreen/events", "/", "/health", "/static/touchscreen.js"):
            told = page.evaluate(READS, f"http://127.0.0.1:{kiosk.port}{path}")
            assert set(told.values()) <= {"refused", "nothing"}, (path, told)


def test_another_page_presses_nothing_at_the_touchscreen(kiosk: Process, context: BrowserContext) -> None:
    page = context.new_page()
    with another_site() as address:
        page.goto(address)
        page.evaluate(PRESSES, [f"http://127.0.0.1:{kiosk.port}/touchscreen/act", "action=help&value="])
    assert screen_of(kiosk.port) == "start"


def test_another_page_shows_neither_in_a_frame_nor_holds_what_it_opened(
    kiosk: Process, desk: Desk, context: BrowserContext
) -> None:
    """Clickjacking, and a window's handle."""
    page = context.new_page()
    with another_site() as address:
        for own in (f"http://127.0.0.1:{kiosk.port}/", f"http://127.0.0.1:{desk.port}/sign-in"):
            page.goto(address)
            with page.expect_event("requestfailed") as failed:
                page.evaluate(FRAME, own)
            assert failed.value.url == own
            assert failed.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"
            with context.expect_page() as opened:
                page.evaluate("own => { window.held = window.open(own); }", own)
            opened.value.wait_for_load_state()
            wait_until(lambda: page.evaluate("window.held.closed"), what="the opener lets go")
            assert opened.value.evaluate("window.opener") is None
            opened.value.close()


def test_a_name_that_was_made_to_point_here_shows_a_browser_nothing(
    kiosk: Process, desk: Desk, chromium: Browser
) -> None:
    """DNS rebinding as the browser meets it: a name of somebody else, whose address is ours by now."""
    rebound = chromium.browser_type.launch(
        executable_path="/usr/bin/chromium",
        args=["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP rebound.example 127.0.0.1"],
    )
    try:
        page = rebound.new_page()
        for port, path in ((kiosk.port, "/"), (kiosk.port, "/touchscreen/events"), (desk.port, "/sign-in")):
            answer = page.goto(f"http://rebound.example:{port}{path}")
            assert answer is not None
            assert answer.status == 403
            assert "data-screen" not in page.content()
            assert page.evaluate("path => fetch(path).then((answer) => answer.status)", path) == 403
        page.goto(f"http://rebound.example:{kiosk.port}/")
        page.evaluate(PRESSES, ["/touchscreen/act", "action=help&value="])
        assert screen_of(kiosk.port) == "start"
    finally:
        rebound.close()


def test_another_page_has_nothing_of_a_receptionists_session(desk: Desk, context: BrowserContext) -> None:
    cookie = desk.somebody("mai", "receptionist")
    own = f"http://127.0.0.1:{desk.port}"
    context.add_cookies([{"name": "tiepdon", "value": cookie, "url": own, "httpOnly": True, "sameSite": "Strict"}])
    page = context.new_page()
    with another_site() as address:
        page.goto(address.replace("127.0.0.1", "localhost"))  # another site; the same one on another port below
        for path in ("/counter/list/events", "/counter/list", "/sessions", "/api/v1/queues"):
            told = page.evaluate(READS, own + path)
            assert set(told.values()) <= {"refused", "nothing"}, (path, told)
        page.evaluate(PRESSES, [f"{own}/sign-out", ""])
        page.goto(address)
        for path in ("/counter/list/events", "/counter/list"):
            told = page.evaluate(READS, own + path)
            assert set(told.values()) <= {"refused", "nothing"}, (path, told)
        page.evaluate(PRESSES, [f"{own}/sign-out", ""])
        page.evaluate(PRESSES, [f"{own}/lock", ""])
    assert desk.get("/counter/list", cookie) == 200
