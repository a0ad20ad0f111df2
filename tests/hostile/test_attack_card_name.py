"""A card whose name is every attack at once, on its whole way: chip, screen, database, paper, receivers, staff's
pages. And a code that carries markup, held to the scanner.

The processes of `tiepdon run` are the real ones; the card is played inside the reader process, signed by somebody whom
the reader does not know.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, expect

from config.settings import load
from hisbridge.connectors.file_drop_csv import told
from sandbox.card import files
from sandbox.card.quirks import Quirks
from sandbox.card.trust import Authority
from sandbox.inprocess import RemoteSlot
from sandbox.people import find
from tests.support.checkin import leave, say_yes
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from tests.support.world import World

SQL = "x'); DROP TABLE visits;--"
MARKUP = '"><img/src=/hit/onerror=alert(1)>{{7*7}}${7*7}'  # without spaces: the screen shows the last word
HL7 = "\\X0D\\MSH|^~\\&|A||B\rPID|1||000^^^X^NI\nZZZ|1"
ORDERS = "\x1bp0\x19\x1dVA"  # of ESC/POS: open the drawer, cut
WHO = "vi-du"
FORMULA = '=HYPERLINK("//example","x")'
NAME = f"{FORMULA} {SQL} {HL7} {ORDERS} {MARKUP}"
CODES = (
    f"001303900017||{MARKUP}|14022003|Nữ|{MARKUP}|01052021",
    f"001303900017||Trần Thị Mẫu|14022003|Nữ|{MARKUP}|{MARKUP}",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    f"GD4000000000017|{b'<img src=x onerror=alert(1)>'.hex()}|14/02/2003|2|$",
    "{{7*7}}{% include '/etc/passwd' %}",
    "001303900017' OR '1'='1",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(tmp_path_factory.mktemp("name") / "state", "--no-pcscd")
    yield running
    running.stop()


def slot(world: World) -> RemoteSlot:
    return RemoteSlot(Path(load(world.settings).paths.run) / "card.sock")


def segments(text: str) -> list[str]:
    return [line[:3] for line in text.split("\n") if line]


def checked_in(world: World, screen: Screen, name: str, authority: Authority) -> str:
    """Somebody's card under this name, by chip, to the ticket; the ticket's number."""
    person = msgspec.structs.replace(find(WHO), full_name=name)
    slot(world).place(files.build(person, None, authority), Quirks())
    screen.wait_for("ask_key")
    screen.touch("path", "card_number")
    screen.wait_for("keypad")
    screen.touch("digits", world.person(WHO)["can"])
    screen.wait_for("confirm")
    say_yes(screen)
    number = screen.wait_for("ticket").ticket_number
    assert number
    slot(world).remove()
    leave(screen)
    return number


def test_a_name_that_is_every_attack_arrives_everywhere_as_a_name(
    world: World, chromium: Browser, authority: Authority
) -> None:
    context = chromium.new_context(viewport={"width": 1024, "height": 600}, locale="vi-VN")
    page, asked, spoke = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (spoke.append(dialog.message), dialog.dismiss()))
    page.goto(world.touchscreen)
    with Screen(world.touchscreen) as screen:
        number = checked_in(world, screen, NAME, authority)
        expect(page.locator('[data-screen="start"]')).to_be_visible()
        shown = [one.html for one in screen.seen()]
    assert not spoke
    assert not [url for url in asked if "/hit" in url]
    context.close()
    assert any("&lt;img/src=" in one for one in shown)  # the confirmation shows so much of it, as text
    assert not any("<img" in one or "\x1b" in one for one in shown)

    # The database: every table is there, and the record holds the name.
    visits, tickets, _ = world.count()
    assert (visits, tickets) == (1, 1)
    with world.database() as connection:
        ticket_id, visit_id, record = connection.execute(
            "SELECT tickets.id, visit_id, record FROM tickets JOIN visits ON visits.id = visit_id WHERE number = ?",
            (number,),
        ).fetchone()
    held = json.loads(record)["patient"]["full_name"]
    assert all(part in held for part in (FORMULA, SQL, MARKUP))
    assert held.isprintable()

    # The receivers: as many segments, resources and lines as for anybody else.
    def received() -> bool:
        return all(world.received(system) for system in ("his", "fhir", "rest"))

    wait_until(received, what="the three hospital systems have the record")
    (message,) = world.received()
    names = segments(message["text"])
    assert [names.count(name) for name in ("MSH", "EVN", "PID", "PV1", "ZZZ")] == [1, 1, 1, 1, 0]
    assert " ".join(message["name"].split()) == held
    for system in ("his", "fhir", "rest"):
        (one,) = world.received(system)
        assert one["personal_id"] == find(WHO).personal_id, system
    wait_until(lambda: number in "".join(dropped(world)), what="the file lies there")
    (file,) = [one for one in dropped(world) if number in one]
    header, row = csv.reader(io.StringIO(file.removeprefix("\ufeff"), newline=""), strict=True)
    line = dict(zip(header, row, strict=True))
    assert told(line["full_name"]) == held
    assert line["full_name"].startswith("'")

    # The paper: one job, and the name is not on it.
    wait_until(lambda: len(world.desk("GET", "/state")["printed"]) == 1, what="the ticket came out")

    # The staff's pages and the board.
    for path in ("/counter/list", f"/counter/visits/{visit_id}", "/board/sanh",
                 f"/counter/visits/{visit_id}/edit", f"/counter/ask?ticket={ticket_id}"):  # fmt: skip
        text = world.staff_page(path)
        assert "<img/src=/hit" not in text, path
    page_of_visit = world.staff_page(f"/counter/visits/{visit_id}")
    assert "&lt;img/src=/hit" in page_of_visit
    assert "{{7*7}}${7*7}" in page_of_visit
    assert NAME[:20] not in world.log.read_text("utf-8")


def dropped(world: World) -> list[str]:
    return [one.read_bytes().decode() for one in world.settings.parent.rglob("his-files/*.csv")]


@pytest.mark.parametrize("code", CODES)
def test_a_code_that_carries_markup_is_refused_or_text(world: World, code: str) -> None:
    before = world.count()
    with Screen(world.touchscreen) as screen:
        screen.touch("cancel")
        screen.wait_for("start")
        mark = len(screen.seen())
        world.desk("POST", "/scanner/show", {"text": code})
        wait_until(lambda: len(screen.seen()) > mark, what="the screen says something")
        for one in screen.seen()[mark:]:
            assert "<img" not in one.html.replace('<img src="/static', "")
            assert not re.search(r"<script|javascript:|onerror=alert\(1\)>|root:", one.html)
            assert "49" not in one.text
        screen.touch("cancel")
    assert world.count() == before
