"""The loudspeaker in Debian's Chromium: real clips, really played, one after the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response
from playwright.sync_api import Browser, Page, Route

from tests.ui.browsing import served
from ui import guard, voice_pages
from ui.touchscreen.stream import Streams
from ui.voice import MADE as CLIPS
from ui.voice import Clip, Voice, voice_of

pytestmark = pytest.mark.browser

FOUR, NINE, CALL = "voice.digit.4", "voice.digit.9", "voice.call"
GONE = "help.title"  # told in the index, its file removed since

# Every <audio> that is made says when it plays and when it stops.
LISTEN = """() => {
  const Plain = window.Audio;
  window.heard = [];
  window.players = [];
  window.Audio = function () {
    const audio = new Plain();
    window.players.push(audio);
    const clip = () => decodeURI(audio.currentSrc).split("/").pop().split(".ogg")[0];
    for (const kind of ["playing", "ended", "pause"]) {
      audio.addEventListener(kind, () => window.heard.push(
        { kind, clip: clip(), at: performance.now(), time: audio.currentTime, length: audio.duration }));
    }
    return audio;
  };
}"""


def browser_with(chromium: Browser, policy: str) -> Browser:
    """Another Chromium, with its own word on who may make a sound."""
    return chromium.browser_type.launch(
        executable_path="/usr/bin/chromium",
        args=["--no-sandbox", "--disable-gpu", "--no-first-run", f"--autoplay-policy={policy}"],
    )


@pytest.fixture(scope="module")
def loud(chromium: Browser) -> Iterator[Browser]:
    """A browser started as the kiosk's is: it may speak without a touch."""
    browser = browser_with(chromium, "no-user-gesture-required")
    yield browser
    browser.close()


@pytest.fixture
def strict(chromium: Browser) -> Iterator[Browser]:
    """A browser as it comes: sound only after a key or a touch."""
    browser = browser_with(chromium, "document-user-activation-required")
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    app = Flask("ui", static_folder="static")
    guard.install(app, "127.0.0.1:0")
    made = voice_of({}, ("vi", "en"))
    clips = {name: made.clips("vi")[name] for name in (FOUR, NINE, CALL, "start.place_card")}
    app.register_blueprint(voice_pages.blueprint(Voice({"vi": {**clips, GONE: Clip(CLIPS / "vi" / "gone.ogg", "0")}})))

    @app.get("/")
    def page() -> Response:
        return Response(
            '<!DOCTYPE html><html lang="vi"><title>x</title><body><script src="/static/speech.js"></script>'
        )

    with served(app, Streams()) as base:
        yield base


def opened(browser: Browser, address: str) -> Page:
    page = browser.new_page()
    page.add_init_script(f"({LISTEN})()")
    page.goto(address)
    return page


@pytest.fixture
def page(loud: Browser, address: str) -> Iterator[Page]:
    made = opened(loud, address)
    yield made
    made.close()


def say(page: Page, *clips: str) -> bool:
    """Say it and wait to its end."""
    heard: bool = page.evaluate("clips => speech.say('vi', clips)", list(clips))
    return heard


def heard(page: Page, *kinds: str) -> list[tuple[str, str]]:
    """What happened, in order, as (kind, clip). A busy machine may let a clip stop for breath: it plays on as one."""
    told: list[dict[str, Any]] = page.evaluate("heard")
    rows = [(one["kind"], one["clip"]) for one in told if one["kind"] in (kinds or ("playing", "ended"))]
    return [row for before, row in zip([None, *rows], rows, strict=False) if row[0] != "playing" or row != before]


def test_clips_are_played_to_their_end_one_after_the_other(page: Page) -> None:
    assert say(page, FOUR, NINE, NINE)
    assert heard(page, "ended") == [("ended", FOUR), ("ended", NINE), ("ended", NINE)]
    # A busy machine may let a clip stop for breath: it then says again that it plays.
    told = page.evaluate(
        "heard.filter(one => one.kind !== 'pause').filter((one, at, all) => one.kind !== all[at - 1]?.kind)"
    )
    assert [one["kind"] for one in told] == ["playing", "ended"] * 3, "one at a time"
    for begun, ended in zip(told[::2], told[1::2], strict=True):
        assert ended["time"] == pytest.approx(ended["length"], abs=0.06)
        assert ended["at"] - begun["at"] > 600 * ended["length"], "ended sooner than it can have been heard"


def test_a_clip_is_a_sound_and_not_silence(page: Page) -> None:
    loudest = page.evaluate(
        """async (clip) => {
            const context = new AudioContext();
            const source = context.createMediaElementSource(players[0]);
            const analyser = context.createAnalyser();
            source.connect(analyser).connect(context.destination);
            const samples = new Float32Array(analyser.fftSize);
            let most = 0;
            const watch = setInterval(() => {
                analyser.getFloatTimeDomainData(samples);
                for (const sample of samples) most = Math.max(most, Math.abs(sample));
            }, 15);
            await speech.say("vi", [clip]);
            clearInterval(watch);
            return most;
        }""",
        "start.place_card",
    )
    assert loudest > 0.05


def test_a_second_utterance_waits_for_the_first(page: Page) -> None:
    both = page.evaluate(
        "([one, other]) => Promise.all([speech.say('vi', [one]), speech.say('vi', [other])])", [FOUR, NINE]
    )
    assert both == [True, True]
    assert heard(page) == [("playing", FOUR), ("ended", FOUR), ("playing", NINE), ("ended", NINE)]
    assert page.evaluate("players.length") == 1, "one element: two sounds at once cannot be"


def test_an_interruption_ends_what_is_being_said_and_what_waits(page: Page) -> None:
    page.evaluate(
        """([long, other]) => {
            window.first = speech.say("vi", [long, long]);
            window.second = speech.say("vi", [other]);
        }""",
        ["start.place_card", FOUR],
    )
    page.wait_for_function("() => heard.some(one => one.kind === 'playing')")
    told = page.evaluate("clip => Promise.all([first, second, speech.say('vi', [clip], { interrupt: true })])", NINE)
    assert told == [False, False, True]
    assert heard(page) == [("playing", "start.place_card"), ("playing", NINE), ("ended", NINE)]


def test_mute_ends_the_sound_at_once_and_nothing_is_made_up_for_later(page: Page) -> None:
    page.evaluate("clip => { window.first = speech.say('vi', [clip]); }", "start.place_card")
    page.wait_for_function("() => heard.some(one => one.kind === 'playing')")
    page.evaluate("speech.muted = true")
    assert page.evaluate("first") is False
    assert page.evaluate("players[0].paused")
    assert not say(page, FOUR)
    page.evaluate("speech.muted = false")
    assert say(page, NINE)
    assert heard(page) == [("playing", "start.place_card"), ("playing", NINE), ("ended", NINE)]


def test_the_volume_is_that_of_the_sound_and_none_is_silence(page: Page) -> None:
    page.evaluate("speech.volume = 40")
    assert say(page, FOUR)
    assert page.evaluate("players[0].volume") == pytest.approx(0.4)
    page.evaluate("speech.volume = 900")
    assert page.evaluate("speech.volume") == 100
    page.evaluate("speech.volume = 'loud'")
    assert page.evaluate("speech.volume") == 100
    page.evaluate("speech.volume = 0")
    assert not say(page, FOUR)


def test_a_clip_that_is_missing_does_not_hold_up_the_others(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    assert say(page, "no.such.clip", GONE, "../../etc/passwd", FOUR)
    assert heard(page) == [("playing", FOUR), ("ended", FOUR)]
    assert not [url for url in asked if "no.such" in url or "passwd" in url]


def test_a_clip_that_never_comes_is_left_out(page: Page) -> None:
    page.clock.install()
    held: list[Route] = []
    page.route(f"**/{NINE}.ogg*", lambda route: held.append(route))
    page.evaluate("clips => { window.first = speech.say('vi', clips); }", [NINE, FOUR])
    page.wait_for_function("() => speech.speaking && players[0].src.includes('voice.digit.9')")
    page.clock.fast_forward(5000)
    assert page.evaluate("first") is True
    assert heard(page) == [("playing", FOUR), ("ended", FOUR)]
    for route in held:
        route.abort()


def test_while_the_server_is_away_nothing_is_said_and_afterwards_it_is(page: Page) -> None:
    page.route("**/index.json", lambda route: route.abort())
    assert not say(page, FOUR)
    page.unroute("**/index.json")
    assert say(page, FOUR)


def test_what_waits_is_bounded_and_the_oldest_is_dropped(page: Page) -> None:
    told = page.evaluate(
        """([first, other]) => {
            const all = [speech.say("vi", Array(500).fill(first))];
            for (let number = 0; number < 30; number++) all.push(speech.say("vi", [other]));
            const waiting = speech.waiting;
            speech.stop();
            return Promise.all(all).then((said) => [waiting, said.filter(Boolean).length]);
        }""",
        [FOUR, NINE],
    )
    assert told == [8, 0]


# Playwright's own calls count as a touch, so this page speaks by itself and tells when it may not.
SPEAK_UNASKED = """(clips) => addEventListener("DOMContentLoaded", () => {
  window.said = clips.map((clip) => speech.say("vi", [clip]));
  const watch = setInterval(() => {
    if (!speech.blocked) return;
    clearInterval(watch);
    console.log(`blocked ${speech.waiting} ${speech.speaking}`);
  }, 10);
})"""


def test_a_browser_that_forbids_sound_speaks_after_the_first_key(strict: Browser, address: str) -> None:
    page = strict.new_page()
    page.add_init_script(f"({LISTEN})(); ({SPEAK_UNASKED})({[CALL, FOUR, NINE, FOUR]})")
    with page.expect_console_message(lambda one: one.type == "log") as told:
        page.goto(address)
    assert told.value.text == "blocked 2 false"
    page.keyboard.press("a")
    assert page.evaluate("Promise.all(said)") == [False, False, True, True]
    assert heard(page) == [("playing", NINE), ("ended", NINE), ("playing", FOUR), ("ended", FOUR)]


def test_the_page_s_policy_allows_the_clips_and_they_are_kept_by_their_tag(page: Page, address: str) -> None:
    first = page.request.get(f"{address}/voice/vi/{FOUR}.ogg")
    assert first.headers["content-type"] == "audio/ogg"
    assert "media-src 'self'" in first.headers["content-security-policy"]
    again = page.request.get(f"{address}/voice/vi/{FOUR}.ogg", headers={"If-None-Match": first.headers["etag"]})
    assert again.status == 304
    part = page.request.get(f"{address}/voice/vi/{FOUR}.ogg", headers={"Range": "bytes=0-99"})
    assert (part.status, len(part.body())) == (206, 100)
    for wrong in ("vi/no.such", "vi/..%2f..%2fspeech", "vi/" + GONE):
        assert page.request.get(f"{address}/voice/{wrong}.ogg").status == 404


def test_the_made_clips_are_here() -> None:
    assert Path(CLIPS / "index.json").is_file(), "make setup makes them"
