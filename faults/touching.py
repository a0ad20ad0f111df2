"""People at the touchscreen while the machine falls under them: the kiosk's own HTTP, as its page uses it."""

import contextlib
import http.client
import re
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager

from faults.script import PERSONS, personal_id

STEP_SECONDS = 3.0  # how long a person waits for the next screen before beginning anew
LOOK_SECONDS = 0.01
DOWN = (OSError, http.client.HTTPException)


class Crowd:
    """One after the other types a number and takes a ticket. `shown`: the ticket numbers that stood on the screen."""

    def __init__(self, listen: str) -> None:
        self._listen = listen
        self.shown: set[str] = set()
        self.stop = threading.Event()

    def run(self) -> None:
        """Until `stop`."""
        turn = 0
        while not self.stop.is_set():
            with contextlib.suppress(*DOWN):
                self._check_in(personal_id(turn % PERSONS))
            turn += 1

    def _check_in(self, person: str) -> None:
        if not self._at("start", undo=True):
            return
        self._touch("path", "personal_id")
        if not self._at("keypad"):
            return
        self._touch("digits", person)
        if not self._at("confirm"):
            return
        self._touch("confirm")
        page = self._at("choose_service", "ticket")  # a site with one service asks for none
        if service := re.search(r'data-action="service" data-value="(\w+)"', page):
            self._touch("service", service[1])
            page = self._at("ticket")
        if found := re.search(r'data-ticket="([^"]+)"', page):
            self.shown.add(found[1])
            self._touch("done")

    def _at(self, *names: str, undo: bool = False) -> str:
        """The page once it shows one of these screens, empty when it does not in time."""
        until = time.monotonic() + STEP_SECONDS
        while time.monotonic() < until and not self.stop.is_set():
            with contextlib.suppress(*DOWN):
                page = self._page()
                shown = re.search(r'data-screen="(\w+)"', page)
                if shown and shown[1] in names:
                    return page
                if shown and undo:
                    self._touch("done" if shown[1] in ("ticket", "goodbye") else "cancel")
            self.stop.wait(LOOK_SECONDS)
        return ""

    def _page(self) -> str:
        return self._ask("GET", "/", "")

    def _touch(self, action: str, value: str = "") -> None:
        self._ask("POST", "/touchscreen/act", urllib.parse.urlencode({"action": action, "value": value}))

    def _ask(self, method: str, path: str, form: str) -> str:
        connection = http.client.HTTPConnection(self._listen, timeout=STEP_SECONDS)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"} if form else {}
        try:
            connection.request(method, path, form or None, headers)
            return connection.getresponse().read().decode("utf-8", "replace")
        finally:
            connection.close()


@contextmanager
def crowd_at(listen: str) -> Iterator[Crowd]:
    """People come while the context lasts."""
    crowd = Crowd(listen)
    thread = threading.Thread(target=crowd.run, name="crowd", daemon=True)
    thread.start()
    try:
        yield crowd
    finally:
        crowd.stop.set()
        thread.join(4 * STEP_SECONDS)
