"""The pages over HTTP: every state in both languages, hostile text, headers, strangers, touches, the stream."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hisbridge.questions import Coverage, Verdict
from kiosk.events import (
    AdjustAsked,
    Cancelled,
    Confirmed,
    ConsentGiven,
    ConsentRefused,
    CounterTicketAsked,
    Denied,
    DigitsTyped,
    Event,
    HelpAsked,
    LanguageChosen,
    PathChosen,
    PrintAgainAsked,
    PriorityAsked,
    PriorityChosen,
    ServiceChosen,
    Touched,
    ViewChosen,
)
from kiosk.queue.model import DECLARED, Priority
from kiosk.states import (
    AskConsent,
    Confirm,
    Consent,
    Failed,
    Hand,
    NextPath,
    ReadingChip,
    Session,
    Size,
    Start,
    Theme,
    TicketShown,
    View,
)
from reader.reading import Check, Checks, Outcome, Source
from tests.support.waiting import BUSY_SECONDS
from tests.ui.scripted import (
    CONSENT,
    EVERY_STATE,
    LONG_TICKET,
    PASSED,
    VALID,
    VERIFIED,
    ScriptedController,
    many_services,
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


@pytest.fixture(scope="module")
def script() -> ScriptedController:
    return ScriptedController()


@pytest.fixture(scope="module")
def app(script: ScriptedController) -> Flask:
    return create_app(many_services(), script)


@pytest.fixture
def controller(script: ScriptedController) -> ScriptedController:
    script.show(ScriptedController().peek()[1])
    script.events.clear()
    return script


@pytest.fixture
def client(app: Flask, controller: ScriptedController) -> FlaskClient:
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
    known = set(re.findall(r"\b[a-z_]+\.[a-z_.]+\b", seen)) - {"database.unavailable", "reader.no_reader", "0.5"}
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
    assert html.count("<script") == 7


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
    line = re.search(r'data-line="coverage"[^>]*>(.*?)</p>', html, re.DOTALL)
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
        ("refuse", "", ConsentRefused()),
        ("service", "TMH", ServiceChosen("TMH")),
        ("service", "HOI", ServiceChosen("HOI")),
        ("ask_priority", "", PriorityAsked()),
        *(("priority", priority.value, PriorityChosen(priority)) for priority in DECLARED),
        ("priority", "none", PriorityChosen(Priority.NONE)),
        ("adjust", "", AdjustAsked()),
        ("print_again", "", PrintAgainAsked()),
        ("view", "theme-contrast", ViewChosen(View(theme=Theme.CONTRAST))),
        ("view", "size-large", ViewChosen(View(size=Size.LARGE))),
        ("view", "hand-left", ViewChosen(View(hand=Hand.LEFT))),
        ("view", "voice-off", ViewChosen(View(muted=True))),
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
        ("language", "km"),
        ("consent", "2026-1"),
        ("consent", "2026-2"),
        ("refuse", "1"),
        ("service", ""),
        ("service", "NIL"),
        ("priority", ""),
        ("priority", "aged"),
        ("priority", "emergency"),
        ("view", ""),
        ("view", "theme-pink"),
        ("view", "muted"),
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


# Consent, services, how the screen is wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_consent_is_given_to_what_was_shown(
    client: FlaskClient, controller: ScriptedController, language: str
) -> None:
    html = page_of(client, controller, session_of("ask_consent", language))
    assert CONSENT[f"text_{language}"] in html
    assert "Thảo" not in html  # nothing of the person before they agree
    client.post("/touchscreen/act", data={"action": "consent", "token": token_of(html)}, headers=TOUCH)
    assert controller.events == [ConsentGiven(Consent("2026-1", language))]


def test_a_text_that_is_not_there_in_a_language_is_shown_and_kept_as_what_it_is() -> None:
    controller = ScriptedController(Session(state=AskConsent(reading(), True), language="en"))
    client = create_app(settings_with({"consent": {**CONSENT, "text_en": ""}}), controller).test_client()
    assert re.search(r'<p class="site-text" lang="vi"[^>]*>Bệnh viện', client.get("/").text)
    client.post("/touchscreen/act", data={"action": "consent"}, headers=TOUCH)
    assert controller.events == [ConsentGiven(Consent("2026-1", "vi"))]


def test_no_consent_is_taken_where_none_is_asked_for(controller: ScriptedController) -> None:
    client = create_app(settings_with(), controller).test_client()
    assert client.post("/touchscreen/act", data={"action": "consent"}, headers=TOUCH).status_code == 400
    assert controller.events == []


@pytest.mark.parametrize(("language", "name"), [("vi", "Tai mũi họng"), ("en", "Ear, nose and throat")])
def test_services_stand_in_the_persons_language(
    client: FlaskClient, controller: ScriptedController, language: str, name: str
) -> None:
    html = page_of(client, controller, session_of("choose_service", language))
    assert name in html
    assert 'data-value="HOI"' not in html  # that one asks for no identity: it is offered to whoever has no card
    assert 'data-value="HOI"' in page_of(client, controller, session_of("no_card", language))


def test_the_priority_is_asked_for_where_the_service_is_chosen_else_beside_the_name() -> None:
    for settings, asked in ((many_services(), False), (settings_with(), True)):
        controller = ScriptedController()
        html = page_of(create_app(settings, controller).test_client(), controller, session_of("confirm-priority"))
        assert ('data-action="ask_priority"' in html) is asked
        assert ('aria-label="Ưu tiên: đang mang thai"' in html) is asked


def test_the_screen_looks_as_the_person_wants_it_else_as_the_site_has_it() -> None:
    display = {"distance_cm": 60, "theme": "contrast", "size": "normal", "hand": "left", "languages": ["vi", "en"]}
    controller = ScriptedController()
    client = create_app(settings_with({"display": display}), controller).test_client()
    plain = page_of(client, controller, session_of("start"))
    assert 'data-theme="contrast" data-size="normal" data-hand="left" data-voice="on"' in plain
    wish = View(theme=Theme.NORMAL, size=Size.LARGE, muted=True)
    wanted = page_of(client, controller, session_of("start", view=wish))
    assert 'data-theme="normal" data-size="large" data-hand="left" data-voice="off"' in wanted


def test_a_range_of_minutes_is_said_to_be_about_so_much(client: FlaskClient, controller: ScriptedController) -> None:
    html = page_of(client, controller, session_of("ticket-wait"))
    assert "Trước bạn 12 người, khoảng 10–20 phút." in html
    assert "You are next, about 0–5 minutes." in page_of(client, controller, session_of("ticket-wait_next", "en"))


@pytest.mark.parametrize(
    ("key", "line", "again"),
    [("ticket-printed", "Lấy thẻ và phiếu", True), ("ticket-wait_counter", "Đang in phiếu", False)],
)
def test_the_ticket_tells_of_its_paper(
    client: FlaskClient, controller: ScriptedController, key: str, line: str, again: bool
) -> None:
    html = page_of(client, controller, session_of(key, card_present=True))
    assert line in html
    assert ('data-action="print_again"' in html) is again


@pytest.mark.parametrize("key", ["ticket-not_printed", "ticket-not_printed_counter"])
def test_whoever_gets_no_paper_is_told_to_remember_the_number(
    client: FlaskClient, controller: ScriptedController, key: str
) -> None:
    html = page_of(client, controller, session_of(key))
    assert 'data-line="paper"' in html
    assert 'data-action="print_again"' not in html


def test_a_card_taken_away_is_named_in_the_warning(client: FlaskClient, controller: ScriptedController) -> None:
    html = page_of(client, controller, session_of("confirm", warned=True, card_taken=True))
    assert "Bạn đã lấy thẻ ra" in html
    assert "card_taken.title" in html.split('data-speech="')[1].split('"')[0]


# What is heard


@pytest.mark.parametrize("key", EVERY_STATE)
def test_every_screen_and_every_button_can_be_heard(
    client: FlaskClient, controller: ScriptedController, key: str
) -> None:
    html = page_of(client, controller, session_of(key, card_present=True))
    assert re.search(r'data-speech="[a-z_]+\.[a-z_.A-Z0-9 ]+"', html)
    pressed = re.findall(r"<button [^>]*>", html)
    assert pressed
    assert [one for one in pressed if "data-digit" not in one and not re.search(r'data-clip="[^"]+"', one)] == []


def test_the_voice_never_says_who_somebody_is(client: FlaskClient, controller: ScriptedController) -> None:
    html = page_of(client, controller, session_of("confirm"))
    assert re.search(r'data-speech="([^"]*)"', html)[1] == "confirm.title"  # type: ignore[index]  # there is one


def test_the_tickets_number_is_said_sign_by_sign(client: FlaskClient, controller: ScriptedController) -> None:
    spoken = re.search(r'data-speech="([^"]*)"', page_of(client, controller, session_of("ticket-long")))
    assert spoken
    assert spoken[1].startswith(
        "voice.your_number voice.letter.K voice.letter.B voice.digit.1 voice.digit.2 voice.digit.0"
    )
    assert "ticket.counter" in spoken[1]


def test_each_language_of_the_house_is_offered_in_its_own_name() -> None:
    languages = ["vi", "en", "km", "tyz"]
    display = {"distance_cm": 60, "theme": "normal", "size": "normal", "hand": "right", "languages": languages}
    controller = ScriptedController()
    html = page_of(create_app(settings_with({"display": display}), controller).test_client(), controller, Session())
    assert re.findall(r'data-action="language" data-value="([a-z]+)"', html) == languages
    assert 'data-open="languages"' in html


def test_words_that_a_pack_lacks_say_that_they_are_vietnamese() -> None:
    """A reading voice must not say them by the rules of another language (WCAG 2.2, 3.1.2)."""
    display = {"distance_cm": 60, "theme": "normal", "size": "normal", "hand": "right", "languages": ["vi", "rad"]}
    controller = ScriptedController()
    client = create_app(settings_with({"display": display}), controller).test_client()
    for key in EVERY_STATE:
        html = page_of(client, controller, session_of(key, "rad", warned=key == "help"))
        assert 'lang="rad"' in html
        for told in re.finditer(r"<(?:h1|p|button)[^>]*data-clip=\"[a-z_.]+\".*?</(?:h1|p|button)>", html, re.DOTALL):
            assert 'lang="vi"' in told[0], (key, told[0])
        assert "lang=" not in re.sub(r'\blang="(?:rad|vi)"', "", html)
    assert '<span lang="' not in page_of(client, controller, session_of("confirm"))


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
    assert "--panel-mm: 6.65px; --far: 1; --warning: 20s; --ticket: 20s; --look: 30s" in answer.text


def test_health_says_which_screen_stands(client: FlaskClient, controller: ScriptedController) -> None:
    assert client.get("/health").get_json()["status"] == "ok"
    controller.show(session_of("out_of_order"))
    told = client.get("/health").get_json()
    assert (told["status"], told["problem"], told["showing"]) == (
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


def test_a_stream_that_ends_gives_its_thread_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.touchscreen.stream.LOOK_SECONDS", 600.0)
    controller, streams = ScriptedController(), Streams(limit=1)
    first = screen_events(controller, lambda _: "x", streams)
    next(first)
    waiting = threading.Thread(target=lambda: list(first), daemon=True)
    waiting.start()
    next(screen_events(controller, lambda _: "x", streams))
    waiting.join(BUSY_SECONDS)
    assert not waiting.is_alive()


def test_text_cannot_break_out_of_its_event() -> None:
    assert encode("screen", "a\r\n\nevent: x\rdata: y") == b"event: screen\ndata: a\ndata: \ndata: event: xdata: y\n\n"
