"""Whoever does not see the screen hears it: every screen, every thing on it, with clips that there are."""

import re

import pytest
from flask import Flask

from kiosk.states import Failed, NextPath, Session
from tests.ui.scripted import EVERY_STATE, ScriptedController, session_of
from ui.screens import PLACE_AGAIN
from ui.voice import CONSENT, PLACE, SERVICE, WHERE, scripts
from ui.words import LANGUAGES, Words

THING = re.compile(r"<(?:button|p|h1|div|span)\b[^>]*>")
RECORDED = (SERVICE, CONSENT, PLACE, WHERE)  # the site's own, beside what is always said


def shown(app: Flask, script: ScriptedController, session: Session) -> str:
    script.show(session)
    return app.test_client().get("/").text


def clips(told: str) -> list[str]:
    """Those that every house has."""
    return [clip for clip in told.split() if not clip.startswith(RECORDED)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", EVERY_STATE)
def test_every_screen_and_every_thing_on_it_is_heard(
    app: Flask, script: ScriptedController, key: str, language: str
) -> None:
    made = scripts(language).keys() | scripts("en" if language == "vi" else "vi").keys()
    for more in ({}, {"warned": True}, {"help_call": 7}):
        html = shown(app, script, session_of(key, language, **more))
        speech = re.search(r'data-speech="([^"]*)"', html)
        assert speech
        assert clips(speech[1]), "a screen that says nothing"
        assert set(clips(speech[1])) <= scripts(language).keys()
        for thing in THING.findall(html):
            told = re.search(r'data-clip="([^"]*)"', thing)
            assert told is None or set(clips(told[1])) <= made, thing
            digit = "data-digit" in thing  # typed by the keys themselves, and heard then
            assert not thing.startswith("<button") or digit or (told and clips(told[1])), f"a silent button: {thing}"


def test_the_warning_is_said_and_nothing_else(app: Flask, script: ScriptedController) -> None:
    for taken, first in ((False, "idle.title"), (True, "card_taken.title")):
        html = shown(app, script, session_of("confirm", warned=True, card_taken=taken))
        assert f'data-speech="{first} idle.note' in html


def test_a_ticket_says_what_it_shows(app: Flask, script: ScriptedController) -> None:
    """Number, room, what to do, how long: whoever does not see it is not told less."""
    told = shown(app, script, session_of("ticket-told_room"))
    speech = re.search(r'data-speech="([^"]*)"', told)
    assert speech
    assert speech[1].split()[-2:] == ["voice.room_named", "ticket.next.room"]
    for key in EVERY_STATE:
        html = shown(app, script, session_of(key))
        speech = re.search(r'data-speech="([^"]*)"', html)
        assert speech
        for line in ("room", 'line="counter', 'line="next', 'line="wait', 'line="paper'):
            found = re.search(rf'data-{line}"? data-clip="([^"]*)"', html)
            if key.startswith("ticket") and found:
                assert f" {found[1]} " in f"{speech[1]} ", (key, line)


def test_every_ticket_says_in_words_what_to_do_next(app: Flask, script: ScriptedController) -> None:
    wanted = re.compile(r'ticket\.title\.room|data-line="(counter|next|wait|paper)"')
    for key in EVERY_STATE:
        html = shown(app, script, session_of(key))
        led = Words("vi").get("ticket.title.room") in html.replace("\xa0", " ")
        assert not key.startswith("ticket") or led or wanted.search(html), key


@pytest.mark.parametrize("code", sorted(PLACE_AGAIN))
def test_nobody_is_told_to_lay_a_card_there_again_that_is_not_asked_for(
    app: Flask, script: ScriptedController, code: str
) -> None:
    assert "đặt lại" in Words("vi").get(f"error.{code}.title")
    for paths, told in (((NextPath.CARD_AGAIN, NextPath.STAFF), True), ((NextPath.QR, NextPath.STAFF), False)):
        html = shown(app, script, Session(state=Failed(code, paths)))
        assert ("Mời đặt lại" in html.replace("\xa0", " ")) is told


def test_the_goodbye_sends_nobody_elsewhere_than_the_ticket_did(app: Flask, script: ScriptedController) -> None:
    html = shown(app, script, session_of("goodbye-room"))
    assert "Mời bạn đến Phòng khám Nội tổng quát 3." in html.replace("\xa0", " ")
    assert "goodbye.wait" not in html


def test_no_screen_says_by_itself_who_somebody_is(app: Flask, script: ScriptedController) -> None:
    """The loudspeaker is heard by the whole hall: of a person it says no digit, but of a ticket."""
    for key in EVERY_STATE:
        told = re.search(r'data-speech="([^"]*)"', shown(app, script, session_of(key)))
        assert told
        assert key.startswith("ticket") or not re.search(r"voice\.(digit|letter)|confirm\.(born|number)", told[1])


@pytest.mark.parametrize("key", ["ticket", "out_of_order-device"])
def test_help_that_was_called_is_seen_and_heard(app: Flask, script: ScriptedController, key: str) -> None:
    before = shown(app, script, session_of(key))
    assert 'data-action="help"' in before
    assert "Đã gọi" not in before
    after = shown(app, script, session_of(key, help_call=7))
    assert "<span>Đã gọi</span>" in after
    assert 'data-speech="help.title.called ' in after


def test_where_nothing_can_be_written_no_call_is_promised(app: Flask, script: ScriptedController) -> None:
    lost = shown(app, script, session_of("out_of_order"))
    assert 'data-action="help"' not in lost
