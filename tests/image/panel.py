"""What must stand on the panel: the page as the kiosk in the machine gives it, drawn by the Chromium of this machine,
and how far the panel's picture is from it.
"""

import mimetypes
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Browser, Route, sync_playwright

from tests.image.guest import HEIGHT, WIDTH

LISTEN = "http://127.0.0.1:8080"
FIELDS = (128, 75)  # of 8 x 8 pixels: what is in them, not how letters' edges fall
OTHER = 40  # of 255, in any colour: a field that shows something else
ALIKE = 0.02  # of all fields may: a pointer, a focus ring

# A page without its stream takes its screen away after a moment and begins anew: ours has none, and is to stand still.
STILL = "window.setInterval = () => 0"

Ask = Callable[[str], bytes]


@dataclass(frozen=True)
class Page:
    """A page as it must look, and where its buttons are (pixels of the panel), by action and value."""

    name: str
    image: Image.Image
    buttons: dict[tuple[str, str], tuple[float, float]]


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of fields in which two pictures show something else, 0 to 1."""
    small = [image.convert("RGB").resize(FIELDS, Image.Resampling.BOX) for image in (one, other)]
    apart = ImageChops.difference(*small)
    return sum(max(field) > OTHER for field in apart.get_flattened_data()) / (FIELDS[0] * FIELDS[1])


class Drawer:
    """Draws pages of the machine. `ask` gives what its kiosk answers to a path, `static` is the package's folder."""

    def __init__(self, browser: Browser, ask: Ask, static: Path) -> None:
        self._browser, self._ask, self._static = browser, ask, static
        self._open: list[Route] = []

    def page(self) -> Page:
        """The page that is to stand there now."""
        context = self._browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, has_touch=True)
        try:
            page = context.new_page()
            page.add_init_script(STILL)
            page.route("**/*", self._answer)
            page.goto(f"{LISTEN}/", wait_until="load")
            page.evaluate("document.fonts.ready")
            name = page.locator("[data-screen]").get_attribute("data-screen") or ""
            buttons = {}
            for button in page.locator("#stage button[data-action]:visible").all():
                box = button.bounding_box()
                assert box is not None
                key = (button.get_attribute("data-action") or "", button.get_attribute("data-value") or "")
                buttons[key] = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            drawn = page.screenshot(animations="disabled")
        finally:
            while self._open:
                self._open.pop().abort()
            context.close()
        with Image.open(BytesIO(drawn)) as image:
            return Page(name, image.convert("RGB"), buttons)

    def _answer(self, route: Route) -> None:
        path = urllib.parse.urlsplit(route.request.url).path
        if path in ("/touchscreen/events", "/touchscreen/alive", "/health", "/health/live"):
            self._open.append(route)  # stays open: nothing changes
            return
        if path.startswith("/static/"):
            file = self._static / path.removeprefix("/static/")
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            route.fulfill(body=file.read_bytes(), content_type=kind)
            return
        kind = "text/css" if path.endswith(".css") else "text/html; charset=utf-8"
        route.fulfill(body=self._ask(path), content_type=kind)


@contextmanager
def drawer(ask: Ask, static: Path) -> Iterator[Drawer]:
    """One Chromium of this machine for all pages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield Drawer(browser, ask, static)
        browser.close()
