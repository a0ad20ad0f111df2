"""What persons ask of their data, on the supervisors' page: in time, for the right person, and nothing told twice."""

import html
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from config.settings import database_path
from kiosk.accounts import Role
from kiosk.states import Choice, Consent
from tests.kiosk.people import LAN, MINH, by_chip, covered
from tests.kiosk.world import rows
from tests.ui.people_site import PeopleSite, press, text_of
from wire import chain
from wire.database import open_database

PAGE = "/people/requests"
NAME = "NGUYỄN THỊ LAN"
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[PeopleSite]:
    with closing(PeopleSite(tmp_path)) as made:
        yield made


@pytest.fixture
def hoa(desk: PeopleSite) -> FlaskClient:
    """A supervisor."""
    return desk.sign_in(Role.SUPERVISOR)


def ask(client: FlaskClient, kind: str, number: str = LAN) -> tuple[int, str]:
    return press(client, f"{PAGE}/add", kind=kind, personal_id=number, asked_by="self", channel="counter")


def came(desk: PeopleSite, person: str = LAN, run: str = "run-1", **changes: object) -> None:
    """Checked in, with consent, and no receiver waits for it."""
    desk.store.check_in(run, by_chip(person, run, **changes), covered(), Choice(consent=Consent("1", "vi")))
    with closing(open_database(database_path(desk.settings))) as connection:
        connection.execute("UPDATE deliveries SET state = 'acknowledged'")


def noted(desk: PeopleSite) -> list[tuple[str, str]]:
    """What the audit says of persons and requests, oldest first; it proves itself."""
    with closing(open_database(database_path(desk.settings))) as connection:
        chain.verify(connection)
        told = [(one.act, one.who) for one in chain.entries(connection, 1000)]
    return [one for one in reversed(told) if one[0].startswith(("person.", "consent."))]


def shown(page: str) -> list[str]:
    """The numbers of the requests that wait, as they stand on the page."""
    return re.findall(r'data-request="([0-9]+)"', page)


def test_a_request_is_taken_down_answered_and_closed_with_who_and_when(desk: PeopleSite, hoa: FlaskClient) -> None:
    status, page = ask(hoa, "correct")
    assert (status, shown(page)) == (200, ["1"])
    assert "24/11/2026" in text_of(page)  # two working days after Saturday: the answer
    page = press(hoa, f"{PAGE}/1/answered")[1]
    assert "01/12/2026" in text_of(page)  # ten days after it was asked: the whole
    assert 'hx-post="/people/requests/1/answered"' not in page
    status, page = press(hoa, f"{PAGE}/1/finish", outcome="partly")
    assert (status, shown(page)) == (200, [])
    assert rows(desk.settings, "SELECT done_by, outcome, done_at NOTNULL FROM person_requests") == [
        ("hoa", "partly", 1)
    ]
    assert noted(desk) == [("person.asked", "hoa"), ("person.answered", "hoa"), ("person.finished", "hoa")]


def test_what_is_late_is_marked_and_what_is_due_first_stands_first(desk: PeopleSite, hoa: FlaskClient) -> None:
    ask(hoa, "erase")
    press(hoa, f"{PAGE}/1/answered")  # due in twenty days
    desk.clock.jump(days=8)
    hoa = desk.sign_in(Role.SUPERVISOR)
    ask(hoa, "copy", MINH)  # its answer is due in two
    page = hoa.get(PAGE).get_data(as_text=True)
    assert (shown(page), "data-late" in page) == (["2", "1"], False)
    desk.clock.jump(days=14)
    page = desk.sign_in(Role.SUPERVISOR).get(PAGE).get_data(as_text=True)
    assert re.findall(r'data-request="([0-9]+)" data-late', page) == ["2", "1"]


def test_a_persons_number_stands_in_no_address_and_on_no_page(desk: PeopleSite, hoa: FlaskClient) -> None:
    came(desk)
    pages = [ask(hoa, "erase")[1], press(hoa, f"{PAGE}/1/look", personal_id=LAN)[1], hoa.get(PAGE).text]
    pages.append(ask(hoa, "view", LAN + "1")[1])
    for page in pages:
        assert LAN not in page
    assert not [rule for rule in desk.app.url_map.iter_rules() if rule.rule.startswith(PAGE) and "GET" in rule.methods
                and rule.arguments]  # fmt: skip


@pytest.mark.parametrize("typed", ["", "12345678901", "ABCDEFGHIJKL", LAN + "1", "'; DROP TABLE visits; --"])
def test_what_is_no_number_is_refused_at_its_field_and_not_repeated(hoa: FlaskClient, typed: str) -> None:
    status, page = ask(hoa, "copy", typed)
    assert (status, 'aria-invalid="true"' in page, shown(page)) == (422, True, [])
    assert not typed or html.escape(typed) not in page


def test_a_copy_is_shown_to_read_and_print_and_carries_no_markup_of_a_card(desk: PeopleSite, hoa: FlaskClient) -> None:
    came(desk, full_name=MARKUP)
    ask(hoa, "copy")
    status, page = press(hoa, f"{PAGE}/1/copy", personal_id=LAN)
    assert (status, "data-print" in page) == (200, True)
    assert MARKUP not in page
    assert html.escape(MARKUP) in page
    assert "<style" not in page
    assert ("person.exported", "hoa") in noted(desk)


@pytest.mark.parametrize("act", ["copy", "look", "erase", "withdraw"])
def test_nothing_is_told_or_removed_of_somebody_who_did_not_ask(desk: PeopleSite, hoa: FlaskClient, act: str) -> None:
    came(desk)
    for kind in ("copy", "erase", "withdraw"):
        ask(hoa, kind, MINH)
    before = noted(desk)
    for number in (1, 2, 3, 4):  # three of another's, one that is nobody's
        status, page = press(hoa, f"{PAGE}/{number}/{act}", personal_id=LAN)
        assert (status, NAME in html.unescape(page)) == (422, False)
    assert rows(desk.settings, "SELECT count(*) FROM visits") == [(1,)]
    assert noted(desk) == before


def test_who_asked_to_see_their_data_is_not_erased(desk: PeopleSite, hoa: FlaskClient) -> None:
    came(desk)
    ask(hoa, "view")
    assert press(hoa, f"{PAGE}/1/erase", personal_id=LAN)[0] == 422
    assert rows(desk.settings, "SELECT count(*) FROM visits") == [(1,)]


def test_erasing_asks_again_says_what_stays_by_law_and_leaves_nothing(desk: PeopleSite, hoa: FlaskClient) -> None:
    came(desk)
    came(desk, MINH, "run-2", full_name="PHẠM VĂN MINH")
    ask(hoa, "erase")
    page = press(hoa, f"{PAGE}/1/look", personal_id=LAN)[1]
    assert rows(desk.settings, "SELECT count(*) FROM visits") == [(2,)]
    assert 'hx-post="/people/requests/1/erase"' in page
    for stays in ("nhật ký", "Nghị định 356/2025/NĐ-CP", "Luật 15/2023/QH15"):
        assert stays in text_of(page)
    status, page = press(hoa, f"{PAGE}/1/erase", personal_id=LAN)
    assert (status, 'data-done="erased"' in page) == (200, True)
    assert "his" in text_of(page)  # holds its own copy
    assert rows(desk.settings, "SELECT record ->> '$.patient.personal_id' FROM visits") == [(MINH,)]
    for file in Path(desk.settings.paths.state).rglob("*"):
        held = file.read_bytes() if file.is_file() else b""
        assert not [text for text in (NAME, LAN) if text.encode() in held], file
    acts = [("person.asked", "hoa"), ("person.found", "hoa"), ("person.erased", "hoa")]
    assert [one for one in noted(desk) if one[0].startswith("person.")] == acts


def test_consent_is_taken_back_once(desk: PeopleSite, hoa: FlaskClient) -> None:
    came(desk)
    ask(hoa, "withdraw")
    assert press(hoa, f"{PAGE}/1/withdraw", personal_id=LAN)[0] == 200
    assert press(hoa, f"{PAGE}/1/withdraw", personal_id=LAN)[0] == 422
    assert ("consent.withdrawn", "hoa") in noted(desk)


def test_what_is_closed_is_not_done_again(hoa: FlaskClient) -> None:
    ask(hoa, "copy")
    press(hoa, f"{PAGE}/1/finish", outcome="done")
    for act in ("answered", "finish", "copy"):
        assert press(hoa, f"{PAGE}/1/{act}", outcome="done", personal_id=LAN)[0] == 422, act


@pytest.mark.parametrize(
    "changed", [{"kind": "everything"}, {"asked_by": "nobody"}, {"channel": MARKUP}, {"kind": MARKUP}]
)
def test_what_cannot_be_chosen_is_refused(desk: PeopleSite, hoa: FlaskClient, changed: dict[str, str]) -> None:
    form = {"kind": "copy", "personal_id": LAN, "asked_by": "self", "channel": "counter", **changed}
    status, page = press(hoa, f"{PAGE}/add", **form)
    assert status >= 400
    assert MARKUP not in page
    assert rows(desk.settings, "SELECT count(*) FROM person_requests") == [(0,)]


@pytest.mark.parametrize("role", [Role.RECEPTIONIST, Role.TECHNICIAN])
def test_nobody_else_comes_here(desk: PeopleSite, role: Role) -> None:
    client = desk.sign_in(role)
    assert client.get(PAGE).status_code == 403
    assert ask(client, "copy")[0] == 403
