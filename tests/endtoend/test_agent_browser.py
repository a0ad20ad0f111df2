"""The local agent as real Chromium's pages meet it: a listed page, one that is not, and the agent's own page."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from config.destinations.local_agent import Screen, TypedField
from hisbridge.outbox import State
from tests.hisbridge.agents import Running, running
from tests.hisbridge.making import eventually, patient, record
from ui.words import Words, keys

SCREENS = {
    "dang-ky": Screen(
        fields=(
            TypedField(field="personal_id"),
            TypedField(field="full_name", letters="upper", tabs=2),
            TypedField(field="birth_date", dates="ddMMyyyy"),
            TypedField(field="sex"),
            TypedField(field="residence"),
        )
    )
}

ASK = """
async ({ port, path, options }) => {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, options);
    return { status: answer.status, body: await answer.text() };
  } catch (error) {
    return { refused: error.name };
  }
}
"""

LISTEN = """
({ port, path, first }) => new Promise((resolve) => {
  const told = [];
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  socket.onopen = () => first && socket.send(first);
  socket.onmessage = (event) => { told.push(JSON.parse(event.data)); if (told.length === 1) resolve(told); };
  socket.onerror = () => resolve('refused');
})
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """A hospital system's page on a port of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "index.html").write_text("<!doctype html><title>HIS</title><p>HIS", "utf-8")
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="vi-VN", permissions=["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


def fetch(tab: Page, agent: Running, path: str, token: str = "", body: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    options: dict[str, Any] = {"headers": headers}
    if body is not None:
        options |= {"method": "POST", "body": body, "headers": {**headers, "Content-Type": "application/json"}}
    return tab.evaluate(ASK, {"port": agent.port, "path": path, "options": options})


def words() -> dict[str, dict[str, str]]:
    return {
        language: {key: Words(language).get(key) for key in keys(language) if "agent." in key}
        for language in ("vi", "en")
    }


def test_a_listed_page_pairs_hears_of_an_offer_and_takes_the_record(tab: Page, tmp_path: Path) -> None:
    with site(tmp_path / "his") as his, running(tmp_path, origins=(his,), offer="at_once") as agent:
        tab.goto(his)
        paired = fetch(tab, agent, "/v1/pair", body=f'{{"code":"{agent.code()}"}}')
        token = paired["body"].split('"')[3]
        agent.put(record("v1"))
        waiting = eventually(
            lambda: found if '"offers":[{' in (found := fetch(tab, agent, "/v1/waiting", token)["body"]) else None
        )
        offer = waiting.split('"offer":"')[1].split('"')[0]
        heard = tab.evaluate(LISTEN, {"port": agent.port, "path": "/v1/feed", "first": f'{{"token":"{token}"}}'})
        assert heard[0]["event"] == "waiting"
        taken = fetch(tab, agent, "/v1/take", token, f'{{"offer":"{offer}"}}')
        assert taken["status"] == 200
        assert "Nguyễn Thị Hoài Thử" in taken["body"]
        assert agent.told("v1").state is State.ACKNOWLEDGED


def test_another_page_cannot_read_pair_listen_or_take_even_with_a_token(tab: Page, tmp_path: Path) -> None:
    with (
        site(tmp_path / "his") as his,
        site(tmp_path / "evil") as evil,
        running(tmp_path, origins=(his,), offer="at_once") as agent,
    ):
        token = agent.paired(his).token
        agent.put(record("v1"))
        tab.goto(evil)
        for path in ("/", "/v1/status", "/v1/waiting", "/v1/words"):
            assert fetch(tab, agent, path) == {"refused": "TypeError"}
            assert fetch(tab, agent, path, token) == {"refused": "TypeError"}
        assert fetch(tab, agent, "/v1/pair", body=f'{{"code":"{agent.code()}"}}') == {"refused": "TypeError"}
        for path in ("/v1/feed", "/"):
            first = f'{{"token":"{token}"}}'
            assert tab.evaluate(LISTEN, {"port": agent.port, "path": path, "first": first}) == "refused"
        framed = "(port) => { const f = document.createElement('iframe'); f.src = `http://127.0.0.1:${port}/`;"
        tab.evaluate(framed + " document.body.append(f); }", agent.port)
        assert agent.told("v1").state is State.QUEUED


def test_another_page_cannot_become_a_window_of_the_reader_feed(tab: Page, tmp_path: Path) -> None:
    with (
        site(tmp_path / "evil") as evil,
        site(tmp_path / "his") as his,
        running(tmp_path, origins=(his,), feed="cameraip", offer="at_once") as agent,
    ):
        agent.put(record("v1"))
        tab.goto(evil)
        assert tab.evaluate(LISTEN, {"port": agent.port, "path": "/", "first": ""}) == "refused"
        assert agent.told("v1").state is State.QUEUED
        tab.goto(his)
        heard = tab.evaluate(LISTEN, {"port": agent.port, "path": "/", "first": ""})
        assert heard[0] == {"NewState": "EMPTY"}
        eventually(lambda: agent.told("v1").state is State.ACKNOWLEDGED)


def test_a_clerk_pairs_the_agents_own_page_and_copies_each_text(tab: Page, tmp_path: Path) -> None:
    name = '<img src=x onerror="document.title=1">Đặng Thử'
    with running(tmp_path, origins=(), screens=SCREENS, words=words()) as agent:
        agent.put(record("v1", patient=patient(full_name=name)))
        tab.goto(f"http://127.0.0.1:{agent.port}/")
        tab.fill("#code", agent.code())
        tab.click("#pairing button")
        tab.click("#waiting button")
        tab.wait_for_selector("#blocks button")
        texts = tab.locator("#blocks .text").all_inner_texts()
        assert texts == ["001303900017", name.upper(), "14022003", "Nữ", "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội"]
        assert tab.locator("#blocks img").count() == 0
        assert tab.title() == "Tiếp Đón"
        tab.locator("#blocks button").nth(4).click()
        tab.wait_for_selector("#blocks button.copied")
        assert tab.evaluate("navigator.clipboard.readText()") == "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội"
        assert agent.told("v1").state is State.ACKNOWLEDGED
        tab.click("#done")
        assert tab.locator("#blocks button").count() == 0
        tab.reload()
        tab.wait_for_selector("#nobody:not([hidden])")


def test_the_own_page_says_in_words_why_a_code_is_refused(tab: Page, tmp_path: Path) -> None:
    with running(tmp_path, origins=(), screens=SCREENS, words=words()) as agent:
        tab.goto(f"http://127.0.0.1:{agent.port}/")
        agent.code()
        tab.fill("#code", "12345x")
        tab.click("#pairing button")
        tab.wait_for_selector("#trouble:not([hidden])")
        assert tab.locator("#trouble").inner_text() == Words("vi").get("error.agent.pairing")
        assert tab.locator("#pairing label span").inner_text() == Words("vi").get("agent.code")
