"""The message desk on the real bridge with five thousand deliveries: the pages and the bridge mean the same."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from config.settings import Settings, database_path
from hisbridge import outbox
from hisbridge.service import running
from kiosk.accounts import Role
from tests.hisbridge.making import patient, record
from tests.kiosk.world import rows, site
from tests.ui.desk_site import DeskSite
from tests.ui.technician_desk import NOW, PRESS
from ui.technician.bridge import Bridge
from ui.technician.routes import Technician, blueprint
from ui.technician.watch import Watch
from ui.words import Words
from wire.client import Client
from wire.database import open_database, transaction

WORDS = Words("vi")
MANY = 5_000
PERSON = "001303900017"
QUICK_SECONDS = 2.0  # for a page, on a machine that does much else


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A site whose receiver refuses every connection, and which owes it much."""
    made = site(tmp_path_factory.mktemp("desk"), destinations=("his",))
    with closing(open_database(database_path(made))) as connection, transaction(connection):
        for number in range(MANY):
            person = PERSON if number % 1000 == 7 else f"{79_200_000_000 + number:012d}"
            made_record = record(f"visit-{number}", patient=patient(personal_id=person))
            outbox.enqueue(connection, made_record, ["his"], NOW - timedelta(hours=1))
        connection.execute("UPDATE deliveries SET state = 'acknowledged', receipt = 'AA' WHERE id <= 4000")
    return made


@pytest.fixture
def client(settings: Settings) -> Iterator[FlaskClient]:
    with running(settings) as socket:
        line = Bridge(Client(socket))
        desk = Technician(line, Watch(line.health, lambda: NOW), lambda: NOW)
        folder = database_path(settings).parent
        pages = DeskSite(folder, lambda _: [lambda app, build: blueprint(app, settings, desk, build)], settings)
        yield pages.sign_in(Role.TECHNICIAN)
        desk.close()
        pages.close()


def test_the_list_of_five_thousand_comes_quickly_and_is_paged_to_its_end(client: FlaskClient) -> None:
    seen: list[str] = []
    path = "/technician/deliveries"
    while path:
        begun = time.process_time()  # bridge and pages together, on however busy a machine
        page = client.get(path).get_data(as_text=True)
        assert time.process_time() - begun < QUICK_SECONDS
        seen += re.findall(r'id="r-(\d+)"', page)
        older = re.search(r'id="older"[^>]*href="([^"]+)"', page)
        path = older[1].replace("&amp;", "&") if older else ""
    assert [int(number) for number in seen] == list(range(MANY, 0, -1))


def test_the_overview_counts_what_the_bridge_counts(client: FlaskClient) -> None:
    page = client.get("/technician").get_data(as_text=True)
    assert ">1000</a></dd>" in page
    assert ">4000</a></dd>" in page


def test_a_persons_deliveries_are_counted_and_a_hold_is_audited(client: FlaskClient, settings: Settings) -> None:
    form = {"act": "replay", "scope": "person", "personal_id": PERSON}
    told = client.post("/technician/deliveries/ask", data=form, headers=PRESS).get_data(as_text=True)
    assert 'data-count="4"' in told
    form = {"act": "hold", "scope": "ticked", "number": "5000"}
    told = client.post("/technician/deliveries/ask", data=form, headers=PRESS).get_data(as_text=True)
    found = re.search(r'"confirmed": "([^"]+)"', told)
    assert found
    done = client.post("/technician/deliveries/act", data={"confirmed": found[1]}, headers=PRESS)
    assert 'data-count="1"' in done.get_data(as_text=True)
    assert rows(settings, "SELECT who, act FROM bridge_audit") == [("tuan", "hold")]
    assert rows(settings, "SELECT state FROM deliveries WHERE id = 5000") == [("held",)]


def test_a_message_is_masked_by_the_bridge_and_a_probe_says_why(client: FlaskClient) -> None:
    page = client.get("/technician/deliveries/8").get_data(as_text=True)
    assert PERSON not in page
    assert 'title="PID-5"' in page
    told = client.post("/technician/destinations/his/probe", headers=PRESS)
    assert WORDS.error("delivery.unreachable").cause in told.get_data(as_text=True)
