"""The local agent inside the running product: from the ticket at the kiosk to the page a clerk has open, across a
bridge that is killed."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.people import find
from tests.endtoend.test_agent_browser import site
from tests.support.checkin import by_number, leave
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from tests.support.world import World, free_port, site_settings

pytestmark = pytest.mark.pcsc

ROOT = Path(__file__).parents[2]
FIRST, SECOND, THIRD = (find(key).personal_id for key in ("mau", "thu", "vi-du"))
AGAIN_MS = 20_000  # the bridge is started anew and the page tries again
AGENTS = """
[[destinations]]
name = "counter_page"
connector = "local_agent"
listen = "127.0.0.1:{page}"
origins = ["{origin}"]
offer = "at_once"

[[destinations]]
name = "in_place_of_reader"
connector = "local_agent"
listen = "127.0.0.1:{reader}"
feed = "hn212"
offer = "at_once"
"""
# A hospital system's page as docs/integration/local-agent.md describes one: pairs by code, keeps the token, follows the
# feed, takes what is offered while somebody sits there, and begins anew when the feed ends.
PAGE = """<!doctype html><meta charset="utf-8"><title>HIS</title>
<input id="code"><button id="pair">pair</button> <input type="checkbox" id="away">
<p id="state"></p><p id="offered"></p><ol id="taken"></ol>
<script>
const agent = 'http://127.0.0.1:%d', show = (id, text) => { document.getElementById(id).textContent = text; };
const ask = async (path, body) => {
  const answer = await fetch(agent + path, { method: 'POST', body: JSON.stringify(body), headers: {
    Authorization: 'Bearer ' + localStorage.getItem('tiepdon'), 'Content-Type': 'application/json' } });
  return answer.ok ? answer.json() : null;
};
document.getElementById('pair').onclick = async () => {
  const paired = await ask('/v1/pair', { code: document.getElementById('code').value });
  if (paired) { localStorage.setItem('tiepdon', paired.token); follow(); }
};
async function take(offer) {
  show('offered', offer.ticket_number);
  if (document.getElementById('away').checked) return;
  const record = await ask('/v1/take', { offer: offer.offer, attempt: crypto.randomUUID() });
  if (!record) return;
  const line = document.createElement('li');
  line.textContent = record.visit.ticket_number + ' ' + record.patient.personal_id;
  document.getElementById('taken').append(line);
}
async function look() {
  const headers = { Authorization: 'Bearer ' + localStorage.getItem('tiepdon') };
  const waiting = await fetch(agent + '/v1/waiting', { headers });
  if (waiting.ok) { show('state', 'following'); for (const offer of (await waiting.json()).offers) take(offer); }
}
document.getElementById('away').onchange = look;
function follow() {
  const socket = new WebSocket(agent.replace('http', 'ws') + '/v1/feed');
  socket.onopen = () => { socket.send(JSON.stringify({ token: localStorage.getItem('tiepdon') })); look(); };
  socket.onmessage = (event) => { const told = JSON.parse(event.data); if (told.event === 'offer') take(told); };
  socket.onclose = () => { show('state', 'cut off'); setTimeout(follow, 100); };
}
if (localStorage.getItem('tiepdon')) follow();
</script>"""


class Counter:
    """A site of the product whose records go to two local agents, and the hospital system's page beside it."""

    def __init__(self, product: World, ports: dict[str, int], page: str) -> None:
        self.product, self.ports, self.page = product, ports, page

    def check_in(self, personal_id: str) -> str:
        """The number of the ticket."""
        with Screen(self.product.touchscreen) as screen:
            screen.touch("cancel")
            screen.wait_for("start")
            ticket = by_number(screen, personal_id).ticket_number
            leave(screen)
        assert ticket is not None
        return ticket

    def kill_bridge(self) -> None:
        """It is not there any more, and not again yet."""
        pid = self.product.pid("bridge")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.product.pid("bridge") != pid, 10, "the bridge is gone")

    def acknowledged(self, destination: str) -> int:
        told = self.product.deliveries("--destination", destination, "--state", "acknowledged")
        return len(told)

    def code(self) -> str:
        told = self.product.run_command("agent", "pair", "--config", str(self.product.settings), "--by", "Lan")
        assert told.returncode == 0, told.stderr
        assert str(self.ports["page"]) in told.stderr  # where to go with it
        return told.stdout.strip()


@pytest.fixture(scope="module")
def counter(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    folder = tmp_path_factory.mktemp("agents")
    ports = {"page": free_port(), "reader": free_port()}
    with site(folder / "his") as page:
        (folder / "his" / "index.html").write_text(PAGE % ports["page"], "utf-8")
        settings = site_settings(world, folder / "site.toml", device="")
        text = settings.read_text("utf-8").partition("[[destinations]]")[0]
        settings.write_text(text + AGENTS.format(origin=page, **ports), "utf-8")
        product = World(folder / "unused", "--config", str(settings), environment=world.facts["environment"])
        yield Counter(product, ports, page)
        product.stop()


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="vi-VN")
    yield context.new_page()
    context.close()


def test_a_ticket_reaches_the_paired_page_once_also_across_a_bridge_that_is_killed(counter: Counter, tab: Page) -> None:
    tab.goto(counter.page)
    tab.fill("#code", counter.code())
    tab.click("#pair")
    expect(tab.locator("#state")).to_have_text("following")
    tickets = [counter.check_in(FIRST)]
    taken = tab.locator("#taken li")
    expect(taken).to_have_text([f"{tickets[0]} {FIRST}"], timeout=AGAIN_MS)

    tab.check("#away")  # the next is offered and not taken
    tickets.append(counter.check_in(SECOND))
    expect(tab.locator("#offered")).to_have_text(tickets[1], timeout=AGAIN_MS)
    counter.kill_bridge()
    tickets.append(counter.check_in(THIRD))  # while nobody listens, or just again
    tab.uncheck("#away")
    lines = [f"{ticket} {one}" for ticket, one in zip(tickets, (FIRST, SECOND, THIRD), strict=True)]
    expect(taken).to_have_text(lines, timeout=AGAIN_MS)
    assert counter.acknowledged("counter_page") == 3

    counter.kill_bridge()
    expect(tab.locator("#state")).to_have_text("cut off", timeout=AGAIN_MS)
    expect(tab.locator("#state")).to_have_text("following", timeout=AGAIN_MS)
    expect(taken).to_have_count(3)
    told = counter.product.run_command("bridge", "audit", "--config", str(counter.product.settings), "--json")
    assert [(one["who"], one["act"]) for one in json.loads(told.stdout)["entries"]] == [("Lan", "agent.pair")]


@pytest.fixture
def owed(counter: Counter) -> tuple[int, int]:
    """How many records the card reader's program has, and how many wait for it: in one look, while nobody listens."""
    states = [one["state"] for one in counter.product.deliveries("--destination", "in_place_of_reader")]
    return states.count("acknowledged"), len(states) - states.count("acknowledged")


@pytest.fixture
def reader(counter: Counter, owed: tuple[int, int]) -> Iterator[Callable[[], dict[str, Any]]]:
    """A program built with socket.io-client that reads cards; gives what it heard next."""
    address = f"http://127.0.0.1:{counter.ports['reader']}"
    command = ["node", "tests/peers/socketio_reads.cjs", "socket.io-client", address, "websocket", "99", "again"]
    heard: Queue[dict[str, Any]] = Queue()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            heard.put(json.loads(line))

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    yield lambda: heard.get(timeout=20)
    process.kill()
    process.communicate()
    listener.join(5)


def test_a_card_readers_program_connects_again_after_a_kill_and_hears_each_record_once(
    counter: Counter, owed: tuple[int, int], reader: Callable[[], dict[str, Any]]
) -> None:
    def cards(count: int) -> list[str]:
        """The numbers on the next so many cards."""
        found: list[str] = []
        while len(found) < count:
            told = reader()
            if told.get("id") == 2:
                found.append(told["data"]["idCode"])
        return found

    before, waiting = owed
    cards(waiting)  # what waits there from before
    counter.check_in(FIRST)
    assert cards(1) == [FIRST]
    wait_until(lambda: counter.acknowledged("in_place_of_reader") == before + waiting + 1, 20, "it was taken")
    counter.kill_bridge()
    counter.check_in(SECOND)
    counter.check_in(THIRD)
    assert sorted(cards(2)) == sorted([SECOND, THIRD])
    wait_until(lambda: counter.acknowledged("in_place_of_reader") == before + waiting + 3, 20, "all were taken")
