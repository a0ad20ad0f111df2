"""The letters of every language the kiosk may offer, drawn in Debian's Chromium: by our fonts, whole, and stacked."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request
from PIL import Image
from playwright.sync_api import Browser, Page

import config.settings
from config.settings import Settings
from kiosk.states import Devices, Session
from tests.ui.browsing import served
from tests.ui.scripted import ScriptedController
from ui import guard
from ui.app import create_app
from ui.touchscreen.stream import Streams
from ui.words import Words
from wire.codec import from_plain, to_plain

pytestmark = pytest.mark.browser

STACKED = "ơ̆ ư̆ ê̆ ô̆ Ơ̆ Ư̆ Ê̆ Ô̆ ậ ẫ ệ Ẫ Ẳ ợ"
TAY_NGUYEN = "ƀ Ƀ č Č ĕ ĭ ŏ ŭ ñ Ñ đ Đ"
KHMER = "ស្ត្រី ខ្មែរ ក្រុម ព្រះ ញ៉ាំ ប៊ី ធ្វើឱ្យ ឆ្នាំ ជំនួយ"
LINE_HEIGHT = 1.4  # of the touchscreen's words; the sheet of the fonts has another for Khmer
OVER = 0.12  # of the letters' size: so far a stacked capital may reach out of its line, where nothing else stands
PIXELS = 64  # of the letters: about a capital's 7.3 mm on the 7-inch panel
AROUND = 60
INK = 128


def page_of(text: str, language: str, weight: int, line_height: float) -> str:
    return (
        f'<!DOCTYPE html><html lang="{language}"><title>x</title><link rel="stylesheet" href="/static/fonts.css">'
        f'<link rel="stylesheet" href="/style.css?{weight}-{line_height}"><p id="line">{text}</p>'
    )


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    app = Flask("ui", static_folder="static")
    guard.install(app, "127.0.0.1:0")

    @app.get("/style.css")
    def style() -> Response:
        weight, height = request.query_string.decode().split("-")
        css = (
            f'p {{ font: {weight} {PIXELS}px / {height} "Noto Sans"; margin: {AROUND}px; '
            "white-space: nowrap; width: max-content; color: #000; background: #fff; }"
        )
        return Response(css, mimetype="text/css")

    @app.get("/<language>/<int:weight>/<height>/<path:text>")
    def page(language: str, weight: int, height: str, text: str) -> str:
        return page_of(text, language, weight, float(height))

    with served(app, Streams()) as base:
        yield base


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    made = chromium.new_page(viewport={"width": 1600, "height": 300})
    yield made
    made.close()


def show(page: Page, address: str, text: str, language: str = "vi", weight: int = 400, height: float = 1.4) -> None:
    page.goto(f"{address}/{language}/{weight}/{height}/{text}")
    page.evaluate("document.fonts.ready.then(() => true)")


def fonts_of(page: Page, selector: str) -> set[tuple[str, bool]]:
    """By which fonts the letters of an element were really drawn, and whether each came from our server."""
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    node = session.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
    told: list[dict[str, Any]] = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    session.detach()
    return {(font["familyName"], font["isCustomFont"]) for font in told}


def ink(page: Page, selector: str) -> tuple[int, int, int]:
    """First and last row of ink, and how high the line's box is, in pixels from the box's top; a picture's rows."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    clip = {"x": box["x"], "y": box["y"] - AROUND, "width": box["width"], "height": box["height"] + 2 * AROUND}
    picture = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("L")
    found = picture.point(lambda grey: 255 if grey < INK else 0).getbbox()
    assert found is not None, "nothing was drawn"
    return found[1] - AROUND, found[3] - AROUND, round(box["height"])


@pytest.mark.parametrize("weight", [400, 700])
@pytest.mark.parametrize(
    ("text", "language", "font"),
    [
        (STACKED, "rad", "Noto Sans"),
        (TAY_NGUYEN, "bdq", "Noto Sans"),
        (KHMER, "km", "Noto Sans Khmer"),
        ("Đặt thẻ căn cước lên đầu đọc", "vi", "Noto Sans"),
    ],
)
def test_every_letter_is_drawn_by_our_own_font_and_none_is_cut(
    page: Page, address: str, text: str, language: str, font: str, weight: int
) -> None:
    show(page, address, text, language, weight, LINE_HEIGHT)
    drawn = fonts_of(page, "#line")
    assert (font, True) in drawn
    assert drawn <= {(font, True), ("Noto Sans", True)}, "a space of the Khmer line may be the Latin font's"
    top, bottom, box = ink(page, "#line")
    assert bottom - top <= box, f"lines would touch: ink {top} to {bottom} of {box}"
    assert -OVER * PIXELS <= top < bottom <= box + OVER * PIXELS, f"ink {top} to {bottom} of {box}"


@pytest.mark.parametrize(("whole", "base"), [("ơ̆", "ơ"), ("ư̆", "ư"), ("ê̆", "ê"), ("ô̆", "ô"), ("Ơ̆", "Ơ")])
def test_a_stacked_mark_stands_above_its_letter(page: Page, address: str, whole: str, base: str) -> None:
    """Neither beside it, nor through it, nor as a circle of its own."""
    heights, widths = [], []
    for text in (whole, base):
        show(page, address, text, "rad")
        heights.append(ink(page, "#line")[0])
        widths.append(page.evaluate("document.querySelector('#line').getBoundingClientRect().width"))
    assert heights[0] <= heights[1] - PIXELS // 12
    assert widths[0] == pytest.approx(widths[1], abs=0.5)


def test_khmer_letters_are_joined_into_clusters(page: Page, address: str) -> None:
    """A subscript takes its place below: the cluster is narrower and deeper than its letters side by side."""
    measured = {}
    for text in ("ស្ត្រី", "សតរ"):
        show(page, address, text, "km")
        width = page.evaluate("document.querySelector('#line').getBoundingClientRect().width")
        measured[text] = (width, ink(page, "#line")[1])
    (joined, depth), (apart, level) = measured.values()
    assert joined < apart
    assert depth > level


def test_a_letter_that_no_font_of_ours_has_would_be_noticed(page: Page, address: str) -> None:
    show(page, address, "ꦲ", "jv")
    assert not fonts_of(page, "#line") <= {("Noto Sans", True), ("Noto Sans Khmer", True)}


# ---- The real touchscreen in a pack's language


PACK = """format = 1
language = "{language}"
name = "{name}"
script = "{script}"
font = "{font}"
[words]
reviewed_by = "the test"
"""


def pack(folder: Path, language: str, name: str, script: str, font: str, **texts: str) -> None:
    own = folder / language
    own.mkdir()
    (own / "pack.toml").write_text(PACK.format(language=language, name=name, script=script, font=font))
    words = [f'msgid "{key.replace("__", ".")}"\nmsgstr "{text}"\n' for key, text in texts.items()]
    (own / "words.po").write_text("\n".join(words))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("packs")
    pack(folder, "rad", "Êđê", "Latn", "Noto Sans", start__place_card="Ơ̆ ư̆ ê̆ ô̆ ƀ č ĕ ĭ ŏ ŭ ñ", button__help="Ê̆ Ư̆")
    pack(folder, "km", "ខ្មែរ", "Khmr", "Noto Sans Khmer", start__place_card="ស្ត្រី ឆ្នាំ ញ៉ាំ")
    (folder / "xyz").mkdir()
    plain = to_plain(config.settings.load())
    plain["kiosk"]["display"].update(packs_folder=str(folder), languages=["vi", "en", "rad", "km", "xyz"])
    return from_plain(plain, Settings)


def start(language: str) -> Session:
    return Session(language=language, devices=Devices(scanner=True), reader_ready=True)


@pytest.fixture(scope="module")
def kiosk(settings: Settings) -> Iterator[tuple[str, ScriptedController]]:
    controller = ScriptedController()
    streams = Streams(limit=6)
    with served(create_app(settings, controller, streams), streams) as base:
        yield base, controller


@pytest.mark.parametrize(
    ("language", "heading", "family"),
    [("rad", "Ơ̆ ư̆ ê̆ ô̆ ƀ č ĕ ĭ ŏ ŭ ñ", "Noto Sans"), ("km", "ស្ត្រី ឆ្នាំ ញ៉ាំ", "Noto Sans Khmer")],
)
def test_the_touchscreen_speaks_a_packs_language_and_vietnamese_where_it_has_no_word(
    chromium: Browser, kiosk: tuple[str, ScriptedController], language: str, heading: str, family: str
) -> None:
    address, controller = kiosk
    controller.show(start(language))
    page = chromium.new_page(viewport={"width": 1024, "height": 600})
    page.goto(address)
    page.wait_for_selector("[data-screen='start']")
    assert page.get_attribute("html", "lang") == language
    assert page.inner_text("[data-heading]").replace("\n", " ") == heading
    assert (family, True) in fonts_of(page, "[data-heading]")
    assert Words("vi").get("start.type_number").replace("\xa0", " ") in page.inner_text("main").replace("\n", " ")
    cut = page.eval_on_selector("[data-heading]", "heading => heading.scrollHeight > heading.clientHeight + 1")
    assert not cut
    page.close()


def test_a_broken_pack_is_not_offered_on_the_touchscreen(
    chromium: Browser, kiosk: tuple[str, ScriptedController]
) -> None:
    address, controller = kiosk
    controller.show(start("vi"))
    page = chromium.new_page(viewport={"width": 1024, "height": 600})
    page.goto(address)
    page.wait_for_selector("[data-screen='start']")
    offered = page.eval_on_selector_all('[data-action="language"]', "found => found.map((one) => one.dataset.value)")
    assert {"en", "rad", "km"} <= {*offered}
    assert "xyz" not in offered
    names = page.eval_on_selector_all('[data-action="language"]', "found => found.map((one) => one.textContent.trim())")
    assert {"Êđê", "ខ្មែរ"} <= {*names}
    page.close()
