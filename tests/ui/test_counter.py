"""The counter's pages over HTTP: who may call, what stands there, hostile text, questions, the stream."""

import re
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hisbridge.questions import Act, Coverage, Verdict
from kiosk.counter_acts import Strength, Task
from kiosk.counter_question import NUMBERS
from kiosk.counter_question import Path as Way
from kiosk.states import CounterReason
from tests.kiosk.world import rows
from tests.ui.counter_desk import FULL, PRESS, CounterDesk
from ui.counter.stream import part_events
from ui.guard import CONTENT_SECURITY_POLICY
from ui.words import LANGUAGES, Words
from wire.database import DatabaseUnavailable

SLOW = Coverage(verdict=Verdict.UNVERIFIED, reason="portal.timeout", act=Act.WAIT)
UNLINKED = Coverage(verdict=Verdict.UNVERIFIED, result_code="050", act=Act.ASK_OTHER_NUMBER)
LAN = {"full_name": "Nguyễn Thị Lan", "birth_date": "14/02/2003", "personal_id": "001303900017"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CounterDesk]:
    opened = CounterDesk(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def client(desk: CounterDesk) -> FlaskClient:
    return desk.client()


def spoken(client: FlaskClient, language: str) -> None:
    assert client.post("/language", data={"language": language}, headers=PRESS).status_code == 204


def asked(client: FlaskClient, where: str = "/counter/ask", **typed: str) -> str:
    answer = client.post(where, data=LAN | typed, headers=PRESS)
    assert answer.status_code == 200, answer.text
    return answer.text


def name_of(html: str) -> str:
    found = re.search(r"answer&#34;: &#34;([\w-]+)|answer\": \"([\w-]+)|name=\"answer\" value=\"([\w-]+)\"", html)
    assert found, html
    return next(part for part in found.groups() if part)


# Who may call


def test_a_form_of_another_site_asks_nothing(desk: CounterDesk, client: FlaskClient) -> None:
    assert client.post("/counter/ask", data=LAN, headers={"HX-Request": "false"}).status_code == 403
    assert client.post("/counter/ask", data=LAN, headers=PRESS | {"Origin": "http://x.example"}).status_code == 403
    assert client.post("/counter/ask", data=LAN, headers=PRESS | {"X-CSRF-Token": "0"}).status_code == 403
    assert desk.questions == []


def test_the_touchscreen_knows_no_way_to_the_counter() -> None:
    for name in ("touchscreen.js", "speech.js"):
        path = Path(__file__).parents[2] / "ui/static" / name
        assert not path.exists() or "/counter" not in path.read_text("utf-8")


def test_every_answer_carries_the_policy_and_is_not_kept(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("run-1", FULL)
    for path in ("/counter/list", f"/counter/visits/{visit}", "/counter/ask"):
        answer = client.get(path)
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script>|\bstyle=|\bon[a-z]+=|javascript:", answer.text)


def test_too_long_a_form_is_refused_and_a_long_name_is_not(client: FlaskClient) -> None:
    assert client.post("/counter/ask", data=LAN | {"full_name": "ễ" * 190}, headers=PRESS).status_code == 200
    assert client.post("/counter/ask", data=LAN | {"full_name": "x" * 20000}, headers=PRESS).status_code == 413


# What stands there


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_every_case_are_there(language: str) -> None:
    words = Words(language)
    keys = [f"counter.verdict.{verdict.value}" for verdict in Verdict]
    keys += [
        f"counter.{kind}.{act.value}" for act in Act for kind in ("act", "task") if (kind, act) != ("task", "none")
    ]
    keys += [f"counter.task.{task.value}" for task in Task]
    keys += [f"counter.proof.{strength.value}" for strength in Strength]
    keys += [
        f"counter.{kind}.{reason.value or 'none'}" for reason in CounterReason for kind in ("reason", "task.reason")
    ]
    keys += [f"counter.path.{way.value}{more}" for way in Way for more in ("", ".how")]
    keys += [f"counter.form.{field}" for numbers in NUMBERS.values() for field in numbers]
    assert [key for key in keys if key not in words] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_is_shown_in_place_of_words(desk: CounterDesk, client: FlaskClient, language: str) -> None:
    visits = [desk.visit(f"run-{verdict}", Coverage(verdict=verdict)) for verdict in Verdict]
    visits += [desk.visit("run-full", FULL), desk.visit("run-none", None)]
    tickets = [desk.store.counter_ticket(f"run-{reason}", reason).ticket.ticket_id for reason in CounterReason]
    spoken(client, language)
    pages = ["/counter/list", *(f"/counter/visits/{visit}" for visit in visits)]
    pages += [f"/counter/ask?ticket={ticket}" for ticket in tickets]
    for page in pages:
        text = client.get(page).text
        assert f'<html lang="{language}">' in text
        assert not re.search(r"\b(counter|card|error)\.[a-z_]+(\.[a-z_]+)*\b(?!js|css)", re.sub(r"<[^>]+>", " ", text))


def test_names_stand_there_whole_and_the_number_only_in_the_visit(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("run-1", SLOW, full_name="Công Tằng Tôn Nữ Thử")
    listed, opened = client.get("/counter/list").text, client.get(f"/counter/visits/{visit}").text
    assert "Công Tằng Tôn Nữ Thử" in listed
    assert "001303900017" not in listed
    assert "Công Tằng Tôn Nữ Thử" in opened
    assert "001303900017" in opened


def test_a_hostile_name_is_text(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("run-1", SLOW, full_name="<img src=x> \u202e'\"><script>alert(1)</script>")
    for page in ("/counter/list", f"/counter/visits/{visit}"):
        text = client.get(page).text
        assert "<img" not in text
        assert "<script>alert" not in text
        assert "\u202e" not in re.sub(r"<input[^>]*>", "", text)


def test_a_visit_shows_old_and_new_card_and_marks_every_hint_as_a_proposal(
    desk: CounterDesk, client: FlaskClient
) -> None:
    visit = desk.visit("run-1", FULL)
    spoken(client, "en")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get(f"/counter/visits/{visit}").text))
    for told in (
        "Insurance card GD4010000000017",
        "Other card DN4010000000017",
        "Valid 01/01/2026 to 05/12/2026",
        "First facility 01028",
        "Found by ID number",
        "Asked 07:45 21/11/2026, by kiosk-1",
        "Read at 07:45 21/11/2026",
        "Benefit level 4: 80 % proposal",
        "MA_DOITUONG_KCB 1.1 proposal",
        "Right facility registered here proposal",
        "Five years reached proposal",
        "Expiry 14 days left proposal",
    ):
        assert told in text
    assert text.count(" proposal ") == 5


def test_a_visit_or_ticket_that_is_not_there_is_said_in_words(client: FlaskClient) -> None:
    spoken(client, "en")
    for path in ("/counter/visits/0", "/counter/ask?ticket=0"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert Words("en").get("error.counter.no_such_visit") in answer.text


@pytest.mark.parametrize("page", ["0", "-1", "9999999", "x", "1;2"])
def test_a_page_that_is_none_is_the_first_or_last(client: FlaskClient, page: str) -> None:
    assert client.get(f"/counter/list?page={page}").status_code == 200


def test_a_ticket_without_a_visit_opens_its_own_way_of_asking(desk: CounterDesk, client: FlaskClient) -> None:
    ticket = desk.store.counter_ticket("run-1", CounterReason.NEWBORN).ticket
    assert f"/counter/tickets/{ticket.ticket_id}" in client.get("/counter/list").text
    assert f"/counter/ask?ticket={ticket.ticket_id}" in client.get(f"/counter/tickets/{ticket.ticket_id}").text
    opened = client.get(f"/counter/ask?ticket={ticket.ticket_id}").text
    assert 'value="newborn" checked' in opened
    assert ticket.number in opened


# Questions


def test_what_cannot_be_asked_is_named_and_nobody_is_asked(desk: CounterDesk, client: FlaskClient) -> None:
    answer = client.post("/counter/ask", data={"birth_date": "31/2/1990"}, headers=PRESS)
    assert answer.status_code == 422
    assert set(re.findall(r'data-problem="(\w+)"', answer.text)) == {"full_name", "birth_date", "personal_id"}
    assert desk.questions == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("act", Act)
def test_every_way_ends_in_an_act(desk: CounterDesk, client: FlaskClient, language: str, way: Way, act: Act) -> None:
    spoken(client, language)
    desk.answer = Coverage(verdict=Verdict.UNVERIFIED, result_code="050", act=act)
    told = asked(client, path=way.value, birth_date="20/11/2025", insurance_number="QN5010000000008")
    found = re.search(r"data-act>.*?<span>(.*?)</span>", told, re.DOTALL)
    assert found
    assert len(found[1]) > 15
    assert "counter.act" not in found[1]


def test_a_question_without_a_visit_offers_nothing_to_take_over(desk: CounterDesk, client: FlaskClient) -> None:
    assert "/take-over" not in asked(client)
    assert (desk.questions[0].personal_id, desk.questions[0].birth_date) == ("001303900017", "2003-02-14")


def test_an_answer_is_taken_over_once_and_the_visit_shows_it(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("run-1", SLOW)
    where = f"/counter/visits/{visit}"
    name = name_of(asked(client, where + "/ask"))
    taken = client.post(where + "/take-over", data={"answer": name}, headers=PRESS)
    assert "data-taken" in taken.text
    assert "GD4010000000017" in client.get(where).text
    assert "data-corrected" in client.get(where).text
    assert client.post(where + "/take-over", data={"answer": name}, headers=PRESS).status_code == 410
    assert rows(desk.settings, "SELECT count(*) FROM corrections") == [(1,)]


def test_an_answer_is_good_for_no_other_visit(desk: CounterDesk, client: FlaskClient) -> None:
    one, other = desk.visit("run-1", SLOW), desk.visit("run-2", SLOW, personal_id="001200900024")
    name = name_of(asked(client, f"/counter/visits/{one}/ask"))
    for answer in (name, "", "0"):
        put = client.post(f"/counter/visits/{other}/take-over", data={"answer": answer}, headers=PRESS)
        assert put.status_code == 410


def test_another_persons_answer_is_shown_and_not_offered(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("run-1", SLOW)
    told = asked(client, f"/counter/visits/{visit}/ask", personal_id="001200900024")
    assert "data-stranger" in told
    assert "/take-over" not in told


@pytest.mark.parametrize("coverage", [SLOW, Coverage(verdict=Verdict.CONFIGURATION_ERROR, result_code="054")])
def test_no_answer_is_not_offered_to_be_taken_over(desk: CounterDesk, client: FlaskClient, coverage: Coverage) -> None:
    visit = desk.visit("run-1", SLOW)
    desk.answer = coverage
    assert "/take-over" not in asked(client, f"/counter/visits/{visit}/ask")


def test_a_forces_card_is_typed_from_the_paper_and_taken_over(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("run-1", SLOW)
    where = f"/counter/visits/{visit}"
    desk.answer = Coverage(verdict=Verdict.MANUAL_CHECK, result_code="001", act=Act.INSPECT_PAPERS)
    told = asked(client, where + "/ask", path="forces")
    assert "/take-over" not in told  # not without what the card says
    card = {"answer": name_of(told), "card_number": "QN5010000000008", "valid_from": "1/1/2026"}
    assert client.post(where + "/paper", data=card | {"valid_from": "x"}, headers=PRESS).status_code == 422
    assert "data-taken" in client.post(where + "/paper", data=card, headers=PRESS).text
    record = desk.counter.visit(visit)
    assert record.record.coverage is not None
    assert (record.record.coverage.valid_from, record.record.coverage.valid_to) == ("2026-01-01", None)
    assert record.record.coverage.entitlement is not None
    assert record.record.coverage.entitlement.benefit_percent == 100
    assert not record.row.needs_counter


def test_a_forces_card_without_a_visit_is_checked_and_written_nowhere(desk: CounterDesk, client: FlaskClient) -> None:
    desk.answer = SLOW
    told = asked(client, path="forces")
    card = {"answer": name_of(told), "card_number": "QN5010000000008", "valid_from": "1/1/2026"}
    assert "data-paper" in client.post("/counter/paper", data=card, headers=PRESS).text
    assert rows(desk.settings, "SELECT * FROM visits") == []


def test_a_forces_card_that_the_portal_does_not_know_is_typed_whatever_way_was_chosen(
    desk: CounterDesk, client: FlaskClient
) -> None:
    reason = "coverage.forces_card_not_found"
    desk.answer = Coverage(verdict=Verdict.MANUAL_CHECK, result_code="050", reason=reason, act=Act.INSPECT_PAPERS)
    assert 'name="valid_from"' in asked(client, insurance_number="QN5010000000008")
    desk.answer = Coverage(verdict=Verdict.UNVERIFIED, reason="portal.disabled", act=Act.INSPECT_PAPERS)
    assert 'name="valid_from"' not in asked(client)


@pytest.mark.parametrize("way", ["child", "newborn"])
@pytest.mark.parametrize("act", [Act.INSPECT_PAPERS, Act.WAIT, Act.TEMPORARY_CARD, Act.ASK_OTHER_NUMBER])
def test_a_child_is_never_sent_for_an_id_card(desk: CounterDesk, client: FlaskClient, way: str, act: Act) -> None:
    spoken(client, "en")
    desk.answer = Coverage(verdict=Verdict.UNVERIFIED, act=act)
    told = asked(client, path=way, birth_date="20/11/2025")
    found = re.search(r"data-act>.*?<span>(.*?)</span>", told, re.DOTALL)
    assert found
    assert "birth" in found[1]


def test_without_a_database_the_page_says_so(desk: CounterDesk, client: FlaskClient) -> None:
    spoken(client, "en")
    (Path(desk.settings.paths.state) / "tiepdon.db").rename(Path(desk.settings.paths.state) / "away.db")
    answer = client.get("/counter/list")
    assert answer.status_code == 503
    assert Words("en").get("error.database.unavailable").split("{")[0] in answer.text


# The stream


def test_the_stream_sends_what_changed_and_nothing_else(desk: CounterDesk) -> None:
    made: list[int] = []

    def render() -> str:
        made.append(1)
        return " ".join(row.number for row in desk.counter.page().rows) or "none"

    stream = part_events(repeat(None), desk.counter.version, render, monotonic=lambda: 0.0)
    events = filter(None, stream)
    assert next(events) == b"event: part\ndata: none\n\n"
    desk.visit("run-1", SLOW)
    assert next(events) == b"event: part\ndata: A0001\n\n"
    desk.store.probe()  # somebody wrote, nothing looks different
    desk.visit("run-2", SLOW)
    assert next(events) == b"event: part\ndata: A0001 A0002\n\n"
    assert len(made) <= 4
    stream.close()  # type: ignore[attr-defined]


def test_the_stream_says_that_the_database_is_away_and_begins_anew_when_it_is_back() -> None:
    broken = [True]

    def version() -> tuple[int, int, int]:
        if broken.pop() if broken else False:
            raise DatabaseUnavailable(why="test")
        return (1, 1, 1)

    events = filter(None, part_events(repeat(None), version, lambda: "all"))
    assert next(events) == b"event: trouble\ndata: database.unavailable\n\n"
    assert next(events) == b"event: part\ndata: all\n\n"
