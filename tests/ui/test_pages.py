"""The touchscreen's pages over HTTP: every state in both languages, hostile text, what is seen and heard."""

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from hisbridge.questions import Coverage, Verdict
from kiosk.events import (
    ConsentGiven,
)
from kiosk.states import (
    AskConsent,
    Confirm,
    Consent,
    Failed,
    NextPath,
    Session,
    Size,
    Theme,
    TicketShown,
    View,
)
from reader.reading import Check, Checks, Outcome, Source
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
from tests.ui.touchscreen_pages import TOUCH, page_of, token_of
from ui.app import create_app, keep_together
from ui.screens import proof_line
from ui.words import LANGUAGES, Words

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
