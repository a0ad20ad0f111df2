"""Touches on the pages: each becomes its event, one meant for a screen that is gone does nothing, and no stranger's
counts: another page's, another host's.
"""

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from kiosk.events import (
    AdjustAsked,
    Cancelled,
    Confirmed,
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
    Confirm,
    Hand,
    NextPath,
    Size,
    Theme,
    View,
)
from tests.ui.scripted import (
    EVERY_STATE,
    VALID,
    ScriptedController,
    session_of,
    settings_with,
)
from tests.ui.touchscreen_pages import TOUCH, page_of, token_of
from ui.guard import CONTENT_SECURITY_POLICY
from ui.screens import screen_of
from ui.words import Words

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
