"""One person types twelve digits and takes a ticket: the touchscreen's own HTTP, by the standard library alone.

Runs inside the container with its Python, so it imports nothing of this tree. Usage: one_check_in.py LISTEN DIGITS;
prints the ticket's number.
"""

import http.client
import re
import sys
import time
import urllib.parse

STEP_SECONDS = 30


def ask(listen: str, method: str, path: str, body: str | None = None) -> str:
    """One request; the answer's text."""
    connection = http.client.HTTPConnection(listen, timeout=10)
    headers = {"HX-Request": "true"}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status >= 300:
        raise SystemExit(f"{path}: {answer.status} {text[:300]}")
    return text


def touch(listen: str, action: str, value: str = "") -> None:
    """Press a button."""
    ask(listen, "POST", "/touchscreen/act", urllib.parse.urlencode({"action": action, "value": value}))


def page_at(listen: str, *names: str) -> str:
    """The page once it shows one of these screens."""
    give_up = time.monotonic() + STEP_SECONDS
    shown = None
    while time.monotonic() < give_up:
        page = ask(listen, "GET", "/")
        shown = re.search(r'data-screen="(\w+)"', page)
        if shown and shown[1] in names:
            return page
        time.sleep(0.05)
    raise SystemExit(f"waited for {names}, the screen is {shown and shown[1]}")


def main() -> None:
    """From the start screen to the ticket and back."""
    listen, digits = sys.argv[1:]
    page_at(listen, "start")
    touch(listen, "path", "personal_id")
    page_at(listen, "keypad")
    touch(listen, "digits", digits)
    page_at(listen, "confirm")
    touch(listen, "confirm")
    page = page_at(listen, "choose_service", "ticket")
    if service := re.search(r'data-action="service" data-value="(\w+)"', page):
        touch(listen, "service", service[1])
        page = page_at(listen, "ticket")
    found = re.search(r'data-ticket="([^"]+)"', page)
    if found is None:
        raise SystemExit("the ticket's screen has no number")
    touch(listen, "done")
    sys.stdout.write(found[1] + "\n")


main()
