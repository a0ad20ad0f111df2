"""The pages over HTTP: every state in both languages, hostile text, headers, strangers, touches, the stream."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hisbridge.questions import Coverage, Verdict
from kiosk.events import (
    Cancelled,
    Confirmed,
    CounterTicketAsked,
    Denied,
    DigitsTyped,
    Event,
    HelpAsked,
    LanguageChosen,
    PathChosen,
    Touched,
)
from kiosk.states import Confirm, Failed, NextPath, ReadingChip, Session, Start, TicketShown
from reader.reading import Check, Checks, Outcome, Source
from tests.ui.scripted import (
    EVERY_STATE,
    LONG_TICKET,
    PASSED,
    VALID,
    VERIFIED,
    ScriptedController,
    reading,
    session_of,
    settings_with,
)
from ui.app import create_app, keep_together
from ui.guard import CONTENT_SECURITY_POLICY
from ui.screens import proof_line, screen_of
from ui.touchscreen.stream import HEARTBEAT_SECONDS, Streams, encode, screen_events
from ui.words import LANGUAGES, Words

TOUCH = {"HX-Request": "true"}


@pytest.fixture
def controller() -> ScriptedController:
    return ScriptedController()


@pytest.fixture
def app(controller: ScriptedController) -> Flask:
    return create_app(settings_with(), controller)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def page_of(client: FlaskClient, controller: ScriptedController, session: Session) -> str:
    controller.show(session)
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.text


def token_of(html: str) -> str:
    found = re.search(r'id="s-([0-9a-f]+)"', html)
    assert found
    return found[1]


# Screens


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", EVERY_STATE)
@pytest.mark.parametrize("warned", [False, True])
def test_every_state_has_its_screen(
    client: FlaskClient, controller: ScriptedController, key: str, language: str, warned: bool
) -> None:
    html = page_of(client, controller, session_of(key, language, warned=warned))
    assert f'data-screen="{key.split("-")[0]}"' in html
    assert f'lang="{language}"' in html
    assert "DỮ LIỆU GIẢ / SANDBOX" in html
    assert ('data-action="touched"' in html) is warned
    assert (" inert" in html) is warned


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", EVERY_STATE)
def test_no_screen_shows_a_key_instead_of_words(
    client: FlaskClient, controller: ScriptedController, key: str, language: str
) -> None:
    seen = re.sub(r"<[^>]+>", " ", page_of(client, controller, session_of(key, language)))
    known = set(re.findall(r"\b[a-z_]+\.[a-z_.]+\b", seen)) - {"database.unavailable", "0.5"}
    assert known == set()


@pytest.mark.parametrize("key", [key for key in EVERY_STATE if key.split("-")[0] not in ("out_of_order", "failed")])
def test_help_is_always_in_sight(client: FlaskClient, controller: ScriptedController, key: str) -> None:
    html = page_of(client, controller, session_of(key))
    assert 'data-action="help"' in html or 'data-screen="help"' in html


@pytest.mark.parametrize("key", [key for key in EVERY_STATE if key.startswith("failed")])
def test_a_failure_always_leads_to_the_staff(client: FlaskClient, controller: ScriptedController, key: str) -> None:
    html = page_of(client, controller, session_of(key))
    assert 'data-value="staff"' in html or 'data-action="help"' in html


def test_a_failure_without_any_path_still_offers_the_staff(client: FlaskClient, controller: ScriptedController) -> None:
    html = page_of(client, controller, Session(state=Failed("reader.failed", ())))
    assert 'data-value="staff"' in html


def test_the_paths_stand_best_first(client: FlaskClient, controller: ScriptedController) -> None:
    paths = (NextPath.QR, NextPath.PERSONAL_ID, NextPath.CARD_AGAIN)
    html = page_of(client, controller, Session(state=Failed("reader.card_mute", paths)))
    assert re.findall(r'data-action="path" data-value="([a-z_]+)"', html) == [path.value for path in paths]


def test_a_site_that_is_not_synthetic_shows_its_name_and_no_mark() -> None:
    controller = ScriptedController()
    app = create_app(settings_with(synthetic=False, facility_name="Bệnh viện Mẫu"), controller)
    html = app.test_client().get("/").text
    assert "SANDBOX" not in html
    assert "Bệnh viện Mẫu" in html


def test_name_and_number_are_masked_and_nothing_more_is_sent(
    client: FlaskClient, controller: ScriptedController
) -> None:
    html = page_of(client, controller, session_of("confirm"))
    assert "N. T. P. Thảo" in html
    assert "1946" in html
    assert "••••0045" in html
    for secret in ("Nguyễn", "Phương", "001146900045", "146900045", "1946-03", "r-1"):
        assert secret not in html


HOSTILE = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "\u202eevil\u202c Lê \u2066An\u2069",
    "A" * 10_000,
    "Lê " + "a\u0301\u0302\u0303" * 3_000,
    "data: x\n\nevent: screen\ndata: y\r\n\r\n",
    "\x00\x1b[2J\ud800 An",
    "$& $1 \\u003c ]]>",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_only_text(client: FlaskClient, controller: ScriptedController, name: str) -> None:
    html = page_of(client, controller, Session(state=Confirm(reading(name), True, VALID)))
    shown = re.search(r"<p [^>]*data-name>(.*?)</p>", html, re.DOTALL)
    assert shown
    inside = shown[1].strip().removeprefix("<bdi>").removesuffix("</bdi>")
    assert "<" not in inside
    assert ">" not in inside
    assert len(inside) < 200
    assert not set(inside) & set("\u202e\u202c\u2066\u2069\x00\x1b\n\r")
    assert html.count("<script") == 3


def test_a_hostile_ticket_number_and_error_code_are_only_text(
    client: FlaskClient, controller: ScriptedController
) -> None:
    ticket = replace(LONG_TICKET, number="<b>1</b>" * 50, service_code="<i>")
    assert "<b>1</b>" not in page_of(client, controller, Session(state=TicketShown(ticket, None, False)))
    state = Failed("<script>x</script>", (NextPath.STAFF,))
    assert "<script>x" not in page_of(client, controller, Session(state=state))


def test_only_marked_syllables_are_kept_together() -> None:
    assert keep_together("thẻ căn\u00a0cước") == 'thẻ <span class="keep">căn cước</span>'
    assert keep_together("<b>\u00a0x") == '<span class="keep">&lt;b&gt; x</span>'


@pytest.mark.parametrize("verdict", Verdict)
def test_the_insurance_answer_is_told_with_an_icon(
    client: FlaskClient, controller: ScriptedController, verdict: Verdict
) -> None:
    html = page_of(client, controller, Session(state=Confirm(reading(), True, Coverage(verdict=verdict))))
    line = re.search(r'data-line="coverage">(.*?)</p>', html, re.DOTALL)
    assert line
    assert "<svg" in line[1]
    assert Words("vi").get(f"coverage.{verdict.value}") in line[1]


# How strongly it is proven


FAILED = Check(result=Outcome.FAILED)


@pytest.mark.parametrize(
    ("checks", "key"),
    [
        (VERIFIED, "proof.verified"),
        (Checks(access=PASSED, hashes=PASSED, signature=PASSED, chain=PASSED), "proof.partial"),
        (Checks(access=PASSED, hashes=PASSED, signature=PASSED, chip_authentication=PASSED), "proof.partial"),
        (Checks(access=PASSED), "proof.partial"),
        (Checks(), "proof.partial"),
        (None, "proof.partial"),
        (Checks(hashes=FAILED), "proof.failed"),
        (Checks(agreement=FAILED, **dict.fromkeys(("hashes", "signature", "chain"), PASSED)), "proof.failed"),
    ],
)
def test_a_chip_is_called_verified_only_when_data_and_chip_are_proven(checks: Checks | None, key: str) -> None:
    words = Words("vi")
    assert proof_line(reading(checks=checks).evidence, True, words).text == words.get(key)


@pytest.mark.parametrize("source", [source for source in Source if source is not Source.CHIP])
def test_data_entry_is_never_called_verified(source: Source) -> None:
    line = proof_line(reading(source=source, checks=VERIFIED).evidence, True, Words("en"))
    assert "not verified" in line.text
    assert line.tone == "plain"


def test_a_running_proof_says_so() -> None:
    assert proof_line(reading().evidence, False, Words("en")).tone == "busy"


# Tokens: a late touch


def test_a_screen_keeps_its_token_while_only_its_content_changes() -> None:
    settings, words = settings_with(), Words("vi")
    running = session_of("confirm-running")
    assert isinstance(running.state, Confirm)
    answered = replace(running, state=replace(running.state, complete=True, coverage=VALID), warned=True)
    assert screen_of(running, settings, words).token == screen_of(answered, settings, words).token
    another = replace(running, entered=running.entered + 0.001)
    assert screen_of(running, settings, words).token != screen_of(another, settings, words).token


def test_a_touch_meant_for_a_screen_that_is_gone_does_nothing(
    client: FlaskClient, controller: ScriptedController
) -> None:
    token = token_of(page_of(client, controller, session_of("confirm")))
    controller.show(session_of("confirm", entered=99.0))
    answer = client.post("/touchscreen/act", data={"action": "confirm", "token": token}, headers=TOUCH)
    assert answer.status_code == 204
    assert controller.events == []


def test_a_touch_on_the_screen_that_stands_counts(client: FlaskClient, controller: ScriptedController) -> None:
    token = token_of(page_of(client, controller, session_of("confirm")))
    client.post("/touchscreen/act", data={"action": "confirm", "token": token}, headers=TOUCH)
    assert controller.events == [Confirmed()]


# Touches


@pytest.mark.parametrize(
    ("action", "value", "event"),
    [
        *(("path", path.value, PathChosen(path)) for path in NextPath),
        ("digits", "900017", DigitsTyped("900017")),
        ("confirm", "", Confirmed()),
        ("deny", "", Denied()),
        ("help", "", HelpAsked()),
        ("counter_ticket", "", CounterTicketAsked()),
        ("cancel", "", Cancelled()),
        ("done", "", Cancelled()),
        ("touched", "", Touched()),
        ("language", "en", LanguageChosen("en")),
    ],
)
def test_each_button_becomes_its_event(
    client: FlaskClient, controller: ScriptedController, action: str, value: str, event: Event
) -> None:
    answer = client.post("/touchscreen/act", data={"action": action, "value": value}, headers=TOUCH)
    assert answer.status_code == 204
    assert answer.data == b""
    assert controller.events == [event]


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("", ""),
        ("shutdown", ""),
        ("path", "nowhere"),
        ("path", ""),
        ("digits", ""),
        ("digits", "1234567890123"),
        ("digits", "12a456"),
        ("digits", "١٢٣٤٥٦"),
        ("digits", "900017\n"),
        ("language", "xx"),
        ("confirm", "1"),
        ("Start", ""),
    ],
)
def test_an_unknown_action_is_refused_and_not_quoted(
    client: FlaskClient, controller: ScriptedController, action: str, value: str
) -> None:
    answer = client.post("/touchscreen/act", data={"action": action, "value": value}, headers=TOUCH)
    assert answer.status_code == 400
    assert answer.get_json()["code"] == "touchscreen.unknown_action"
    assert not value.strip() or value.strip() not in answer.text
    assert controller.events == []


def test_a_huge_form_is_refused(client: FlaskClient, controller: ScriptedController) -> None:
    answer = client.post("/touchscreen/act", data={"action": "digits", "value": "1" * 100_000}, headers=TOUCH)
    assert answer.status_code == 413
    assert controller.events == []


# Strangers


@pytest.mark.parametrize("path", ["/", "/touchscreen/events", "/touchscreen/panel.css", "/health", "/static/icon.svg"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "[::2]:8080"])
def test_a_foreign_host_name_is_refused(client: FlaskClient, path: str, host: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 403
    assert answer.get_json()["code"] == "touchscreen.forbidden_caller"


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:9", "[::1]:8080", "LOCALHOST"])
def test_this_machines_own_names_are_served(client: FlaskClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HX-Request": "false"},
        {**TOUCH, "Sec-Fetch-Site": "cross-site"},
        {**TOUCH, "Sec-Fetch-Site": "same-site"},
        {**TOUCH, "Sec-Fetch-Site": "none"},
        {**TOUCH, "Origin": "http://evil.example"},
        {**TOUCH, "Origin": "http://localhost:81"},
        {**TOUCH, "Origin": "null"},
    ],
)
def test_a_press_from_another_page_is_refused(
    client: FlaskClient, controller: ScriptedController, headers: dict[str, str]
) -> None:
    answer = client.post("/touchscreen/act", data={"action": "help"}, headers=headers)
    assert answer.status_code == 403
    assert controller.events == []


def test_a_press_from_our_own_page_is_taken(client: FlaskClient, controller: ScriptedController) -> None:
    headers = {**TOUCH, "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/touchscreen/act", data={"action": "help"}, headers=headers).status_code == 204
    assert controller.events == [HelpAsked()]


def test_a_get_never_acts(client: FlaskClient, controller: ScriptedController) -> None:
    assert client.get("/touchscreen/act?action=help", headers=TOUCH).status_code == 405
    assert controller.events == []


@pytest.mark.parametrize("path", ["/", "/health", "/touchscreen/panel.css", "/static/touchscreen.css", "/nowhere"])
def test_every_answer_carries_the_safety_headers(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    headers = answer.headers
    answer.close()
    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == ("no-cache" if path.startswith("/static") else "no-store")


@pytest.mark.parametrize("key", EVERY_STATE)
def test_no_page_needs_inline_script_or_style(client: FlaskClient, controller: ScriptedController, key: str) -> None:
    html = page_of(client, controller, session_of(key, warned=True))
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]* src=)", html)
    assert not re.search(r"https?://", html)


def test_the_panels_measures_come_from_the_settings(client: FlaskClient) -> None:
    answer = client.get("/touchscreen/panel.css")
    assert answer.mimetype == "text/css"
    assert "--panel-mm: 6.65px; --warning: 20s; --ticket: 20s; --look: 30s" in answer.text


def test_health_says_which_screen_stands(client: FlaskClient, controller: ScriptedController) -> None:
    assert client.get("/health").get_json()["status"] == "ok"
    controller.show(session_of("out_of_order"))
    told = client.get("/health").get_json()
    assert (told["status"], told["problem"], told["screen"]) == (
        "out_of_order",
        "database.unavailable",
        "out_of_order",
    )


# The stream


class Clock:
    """Time that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def next_event(stream: Iterator[bytes]) -> tuple[str, str]:
    lines = next(stream).decode().split("\n")
    name = next(line.removeprefix("event: ") for line in lines if line.startswith("event: "))
    return name, "\n".join(line.removeprefix("data: ") for line in lines if line.startswith("data: "))


def test_the_stream_begins_with_the_screen_now(client: FlaskClient) -> None:
    answer = client.get("/touchscreen/events", buffered=False)
    assert answer.mimetype == "text/event-stream"
    name, html = next_event(iter(answer.response))  # type: ignore[arg-type]
    answer.close()
    assert name == "screen"
    assert 'data-screen="start"' in html


def test_the_stream_sends_each_screen_that_looks_different() -> None:
    controller, streams = ScriptedController(), Streams()
    stream = screen_events(controller, lambda session: f"<p>{session.state}</p>", streams)
    assert next_event(stream)[1] == "<p>Start(notice=None)</p>"
    controller.show(replace(Session(), since=5.0))  # looks the same: not sent
    controller.show(Session(state=ReadingChip(20, 15)))
    assert next_event(stream) == ("screen", "<p>ReadingChip(phase=20, progress=15)</p>")
    stream.close()  # type: ignore[attr-defined]


def test_a_quiet_stream_beats() -> None:
    clock = Clock()
    stream = screen_events(ScriptedController(), lambda _: "x", Streams(), clock)
    next(stream)
    clock.now = HEARTBEAT_SECONDS
    assert next(stream).startswith(b": alive\n\nevent: alive\n")
    stream.close()  # type: ignore[attr-defined]


def test_a_stopping_server_ends_its_streams() -> None:
    streams = Streams()
    stream = screen_events(ScriptedController(), lambda _: "x", streams)
    next(stream)
    streams.close()
    assert list(stream) == []
    late = screen_events(ScriptedController(), lambda _: "x", streams)
    assert len(list(late)) == 1


def test_one_stream_too_many_ends_the_oldest() -> None:
    streams = Streams(limit=2)
    controller = ScriptedController()
    followers = [screen_events(controller, lambda session: str(session.state), streams) for _ in range(3)]
    for follower in followers:
        next(follower)
    assert list(followers[0]) == []
    controller.show(Session(state=Start("reader.card_removed")))
    assert b"card_removed" in next(followers[2])
    for follower in followers:
        follower.close()  # type: ignore[attr-defined]


def test_text_cannot_break_out_of_its_event() -> None:
    assert encode("screen", "a\r\n\nevent: x\rdata: y") == b"event: screen\ndata: a\ndata: \ndata: event: xdata: y\n\n"
