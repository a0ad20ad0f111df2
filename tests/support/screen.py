"""The touchscreen without a browser: follows the event stream as its page does, and touches the same buttons."""

import contextlib
import html
import http.client
import re
import socket
import threading
import time
import urllib.parse
from dataclasses import dataclass
from typing import Self

from wire.stream import decode_events

AWAY = "away"  # the stream ended: the page covers itself until it is back
PATIENCE = 20.0
PAUSE = 0.05  # before the stream is taken up again; the real page waits longer


@dataclass(frozen=True)
class Shown:
    """One screen that was shown: its HTML and the moment (monotonic seconds)."""

    html: str
    at: float

    @property
    def name(self) -> str:
        found = re.search(r'data-screen="(\w+)"', self.html)
        return found[1] if found else ""

    @property
    def ticket_number(self) -> str | None:
        """The ticket's own number, also where the hospital's stands in its place."""
        found = re.search(r'data-ticket="([^"]+)"', self.html)
        return found[1] if found else None

    @property
    def called_number(self) -> str | None:
        """The number that stands large: by which its holder is called next."""
        found = re.search(r"data-ticket-number>([^<]+)<", self.html)
        return html.unescape(found[1]).strip() if found else None

    @property
    def notice(self) -> str | None:
        """The words of the band above the screen."""
        return _words(re.search(r"<p [^>]*data-notice[^>]*>(.*?)</p>", self.html, re.DOTALL))

    @property
    def text(self) -> str:
        """Its words, without what draws them."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.html)).split())

    @property
    def paths(self) -> list[str]:
        """The ways on that are offered."""
        return re.findall(r'data-action="path" data-value="(\w+)"', self.html)

    @property
    def actions(self) -> set[str]:
        return set(re.findall(r'data-action="(\w+)"', self.html))

    def line(self, role: str) -> str | None:
        """The words of one line (`coverage`, `proof`, `counter`, `reader`)."""
        return _words(re.search(rf'<p [^>]*data-line="{role}"[^>]*>(.*?)</p>', self.html, re.DOTALL))


class Screen:
    """The screen now, everything it showed, and a finger. Comes back by itself when the kiosk is started again."""

    def __init__(self, address: str) -> None:
        self._host = urllib.parse.urlsplit(address).netloc
        self._seen: list[Shown] = []
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._follow, name="screen", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait_for(*ANY)
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        with self._changed:
            self._hang_up()
        self._thread.join(PATIENCE)

    @property
    def now(self) -> Shown:
        """What is shown now."""
        with self._changed:
            return self._seen[-1]

    def seen(self) -> list[Shown]:
        """Everything shown so far."""
        with self._changed:
            return list(self._seen)

    def wait_for(self, *names: str, seconds: float = PATIENCE, after: int = 0, holding: str = "") -> Shown:
        """Until one of these screens is shown, as one of those seen from number `after` on, with this in its HTML or
        its words."""

        shown = self.comes(*names, seconds=seconds, after=after, holding=holding)
        if shown is None:
            last = self.now if self.seen() else Shown("", 0.0)
            raise AssertionError(
                f"not within {seconds} s: {names} {holding}; the screen shows {last.name}: {last.html[:2000]}"
            )
        return shown

    def comes(self, *names: str, seconds: float = PATIENCE, after: int = 0, holding: str = "") -> Shown | None:
        """As `wait_for`; None when it does not come."""

        def there() -> bool:
            if len(self._seen) <= after or self._seen[-1].name not in names:
                return False
            return holding in self._seen[-1].html or " ".join(holding.split()) in self._seen[-1].text

        with self._changed:
            return self._seen[-1] if self._changed.wait_for(there, seconds) else None

    def touch(self, action: str, value: str = "") -> None:
        """Press a button."""
        form = urllib.parse.urlencode({"action": action, "value": value})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"}
        connection = http.client.HTTPConnection(self._host, timeout=PATIENCE)
        try:
            connection.request("POST", "/touchscreen/act", form, headers)
            response = connection.getresponse()
            response.read()
            assert response.status == 204
        finally:
            connection.close()

    def _follow(self) -> None:
        while not self._closed.is_set():
            connection = http.client.HTTPConnection(self._host, timeout=PATIENCE)
            try:
                connection.request("GET", "/touchscreen/events")
                with self._changed:
                    self._socket = connection.sock
                    if self._closed.is_set():
                        self._hang_up()
                with connection.getresponse() as response:
                    self._read(response)
            except (OSError, ValueError, AttributeError, http.client.HTTPException):
                pass  # the kiosk is being started again, or we were closed
            finally:
                connection.close()
            if self.seen() and self.now.name != AWAY:
                self._show(Shown(f'data-screen="{AWAY}"', time.monotonic()))
            self._closed.wait(PAUSE)

    def _read(self, response: http.client.HTTPResponse) -> None:
        for name, data in decode_events(iter(response.readline, b"")):
            if name == "screen":
                self._show(Shown(data.decode("utf-8", "replace"), time.monotonic()))

    def _hang_up(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads; closing does not

    def _show(self, shown: Shown) -> None:
        with self._changed:
            self._seen.append(shown)
            self._changed.notify_all()


ANY = (
    *("start", "ask_key", "ask_qr", "ask_mrz", "keypad", "reading", "confirm", "finishing", "ticket", "failed", "help"),
    *("out_of_order", "ask_insurance", "ask_consent", "choose_service", "choose_priority", "adjust", "no_card"),
    "goodbye",
)


def _words(found: re.Match[str] | None) -> str | None:
    return " ".join(re.sub(r"<[^>]+>", "", found[1]).split()) if found else None
