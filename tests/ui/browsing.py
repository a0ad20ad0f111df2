"""Pages in real Chromium: the application on a loopback port, a page whose complaints fail the test, and what is
measured of how it looks."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from flask import Flask
from playwright.sync_api import Browser, Page
from werkzeug.serving import WSGIRequestHandler, make_server

from ui.desk.streams import Leases
from ui.touchscreen.stream import Streams

# Text with less than 7:1 to what is behind it, and what is wider than the page.
MEASURE = """() => {
  const wrong = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) wrong.push("the page is too wide");
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim());
    if (!text || !element.getClientRects().length || element.closest(".unseen, script")) continue;
    if (element.closest(":disabled")) continue;
    if (getComputedStyle(element).clipPath === "inset(50%)") continue; // words for whoever listens
    const both = [luminance(colour(getComputedStyle(element).color)), luminance(behind(element))];
    const [dark, light] = both.sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 7) wrong.push(`${element.textContent.trim().slice(0, 30)}: ${ratio.toFixed(1)}`);
    if (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline") {
      wrong.push(`${element.textContent.trim().slice(0, 30)} is cut`);
    }
  }
  return wrong;
}"""


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(app: Flask, streams: Streams | Leases) -> Iterator[str]:
    """The application on a free port; yields its address. Its streams end with it."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        streams.close()
        server.shutdown()
        server.server_close()


@contextmanager
def opened_page(
    chromium: Browser, address: str, cookies: Mapping[str, str], expected: Sequence[str], clipboard: bool = False
) -> Iterator[Page]:
    """An empty page. Whatever it complains of in its console fails the test, but what holds one of `expected`."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="vi-VN")
    if clipboard:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
    yield page
    context.close()
    unexpected = [told for told in complaints if not any(one in told for one in expected)]
    assert not unexpected, unexpected


def settled(page: Page, where: str = "") -> None:
    """This is the page called `where`, its scripts have put the focus where it belongs, no act is under way, and the
    next key is not taken for a bounce."""
    page.wait_for_function(
        """(where) => document.readyState === "complete" && "ready" in document.body.dataset
          && (!where || document.body.dataset.page === where) && !("busy" in document.body.dataset)""",
        arg=where,
    )
