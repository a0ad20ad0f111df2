"""Real Chromium in a desktop without a screen, led to every way out of the page; tells which of them were open.

Runs alone in a mount and a network namespace (test_policies.py makes them), whose /etc/chromium is its own and whose
port 8080 is the kiosk's. Usage: python -m tests.systemd.policed FOLDER SECONDS;
SECONDS: how long each is waited for; prints a JSON list of names.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from PIL import ImageGrab

from tests.support.waiting import wait_until

KIOSK, ELSEWHERE = 8080, 9090
HOME = f"http://127.0.0.1:{KIOSK}"
AWAY = f"http://127.0.0.1:{ELSEWHERE}"
STARTED = 60.0
STILL = 20  # pictures in a row that are the same
CHROMIUM = (
    *("/usr/bin/chromium", "--no-sandbox", "--no-first-run", "--no-default-browser-check", "--disable-gpu"),
    *("--password-store=basic", "--disable-background-networking", "--disable-component-update"),
    *("--disable-dev-shm-usage", "--window-position=0,0", "--window-size=900,700", "--force-device-scale-factor=1"),
    "--test-type",  # no bar that warns of the flags above: it would change the page's size
)
# The keys that lead out of a page, and what is then seen from outside of the browser.
KEYS = {
    "ctrl+u": "source of the page (ctrl+u)",
    "ctrl+o": "a file of the machine (ctrl+o)",
    "F12": "developer tools (F12)",
}
PAGES = {
    # Tells each key and each change of its size; asks what it would be granted.
    "/": """<title>kiosk</title><body>kiosk<script>
      const tell = (what) => fetch("/told/" + what);
      addEventListener("keydown", (event) => tell("key-" + event.key));
      addEventListener("resize", () => tell("resized"));
      for (const name of ["geolocation", "notifications", "camera", "microphone", "clipboard-read"])
        navigator.permissions.query({ name }).then((asked) => tell(`${name}-${asked.state}`));
      tell("ready");
    </script>""",
    "/frame": f'<iframe src="{AWAY}/framed"></iframe>',
    "/download": '<a id="a" download="loot.bin" href="/loot.bin">x</a><script>a.click()</script>',
    "/login": """<title>login</title><form action="/welcome" method="post">
      <input name="user" autocomplete="username" autofocus><input name="secret" type="password"
      autocomplete="current-password"><button>in</button></form>""",
    "/welcome": """<title>welcome</title><script>fetch("/told/welcome")</script>""",
    "/print": """<title>print</title><script>
      onload = async () => { await fetch("/told/printing"); print(); fetch("/told/printed"); };
    </script>""",
}


class House:
    """The kiosk's port and another one, and who asked there for what."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @contextmanager
    def served(self) -> Iterator[None]:
        """Both answer."""
        house = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                port, path = self.server.server_address[1], urlsplit(self.path).path
                house.asked.append(f"{port}{path}")
                if path == "/away":
                    self.send_response(302)
                    self.send_header("Location", f"{AWAY}/redirected")
                    self.end_headers()
                    return
                self.send_response(200)
                kind = "application/octet-stream" if path.endswith(".bin") else "text/html"
                self.send_header("Content-Type", kind)
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # whoever asked has left
                    self.wfile.write(PAGES.get(path, "x").encode())

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        servers = [ThreadingHTTPServer(("127.0.0.1", port), Handler) for port in (KIOSK, ELSEWHERE)]
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()

    def told(self, what: str) -> int:
        """How often a page told this."""
        return self.asked.count(f"{KIOSK}/told/{what}")


@contextmanager
def desktop(folder: Path) -> Iterator[dict[str, str]]:
    """A screen in memory; yields what a program needs to find it."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1000x800x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as file:
            display = f":{file.readline().strip()}"
        yield {
            "PATH": os.environ["PATH"],
            "DISPLAY": display,
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
        }
    finally:
        server.terminate()
        server.wait()


class Desk:
    """The windows of a desktop, and its keyboard."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._environ = environ

    def ask(self, *words: str) -> str:
        """What xdotool says."""
        done = subprocess.run(["xdotool", *words], env=self._environ, capture_output=True, text=True, check=False)
        return done.stdout

    def windows(self) -> dict[str, str]:
        """The name of each visible window that has one, by its number."""
        found = {}
        for number in self.ask("search", "--onlyvisible", "--name", "").split():
            if name := self.ask("getwindowname", number).strip():
                found[number] = name
        return found

    def bar(self) -> bytes:
        """The picture of the address bar behind the address, where the browser offers things, once it moves no more."""
        seen = [b""]

        def still() -> bool:
            seen.append(ImageGrab.grab((400, 48, 690, 78), xdisplay=self._environ["DISPLAY"]).tobytes())
            return len(seen) > STILL and len(set(seen[-STILL:])) == 1

        wait_until(still, STARTED, "a bar that does not move")
        return seen[-1]

    def browser(self) -> str:
        """The browser's own window: the first."""
        return next((number for number, name in self.windows().items() if "Chromium" in name), "")

    def press(self, *keys: str) -> None:
        """Keys, into the browser's window."""
        self.ask("windowfocus", "--sync", self.browser(), "key", "--clearmodifiers", *keys)


def main(folder: Path, seconds: float) -> list[str]:
    """What was open."""
    (folder / "machine.html").write_text(f'<img src="{HOME}/told/file">', "utf-8")
    house, found = House(), list[str]()
    typed = [
        f"{HOME}/",
        f"file://{folder}/machine.html",
        f"{AWAY}/typed",
        "http://127.0.0.2:8080/typed",
        f"{HOME}/frame",
        f"{HOME}/away",
    ]
    with house.served(), desktop(folder) as environ:
        command = [*CHROMIUM, f"--user-data-dir={folder}/profile", *typed]
        with (folder / "chromium.log").open("wb") as log:
            browser = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
        try:
            desk = Desk(environ)
            wait_until(lambda: house.told("ready"), STARTED, "the page")
            wait_until(lambda: [*desk.windows().values()] == ["kiosk - Chromium"], STARTED, "a window")
            for key, what in KEYS.items():
                if _opens(house, desk, key, seconds):
                    found.append(what)

            def show(path: str) -> None:
                # The browser that runs takes it over.
                subprocess.run([*command[: -len(typed)], f"{HOME}{path}"], env=environ, capture_output=True, check=True)

            found += _walk(house, desk, folder, show, seconds)
        finally:
            browser.terminate()
            browser.wait()
    asked = set(house.asked)
    for name, path in {
        "file://": f"{KIOSK}/told/file",
        "another host": f"{ELSEWHERE}/typed",
        "another host in a frame": f"{ELSEWHERE}/framed",
        "another host by a redirect": f"{ELSEWHERE}/redirected",
    }.items():
        if path in asked:
            found.append(name)
    found += sorted(one.partition("/told/")[2] for one in asked if one.endswith(("-granted", "-prompt", "-denied")))
    return sorted(found)


def _opens(house: House, desk: Desk, key: str, seconds: float) -> bool:
    """Whether a key changes anything that is not the page's; afterwards its window or page is shut again."""

    def state() -> tuple[int, frozenset[str], int]:
        return house.told("resized"), frozenset(desk.windows().values()), house.asked.count(f"{KIOSK}/")

    before = state()
    desk.press(key)
    if not _comes(lambda: state() != before, seconds):
        desk.press("Escape")  # what says that it is not allowed
        return False
    if key == "F12":
        return True  # what comes next comes in a tab of its own
    if key == "ctrl+u":
        wait_until(
            lambda: any(name.startswith("view-source:") for name in desk.windows().values()), STARTED, "a source"
        )
        desk.press("ctrl+w")
    else:
        for number, name in desk.windows().items():
            if "Chromium" not in name:
                desk.ask("windowclose", number)
    wait_until(lambda: frozenset(desk.windows().values()) == before[1], STARTED, f"all as before {key}")
    return True


def _walk(house: House, desk: Desk, folder: Path, show: Callable[[str], None], seconds: float) -> list[str]:
    """What only a page that stands in front can try: signing in, then taking a file, then printing."""
    found = []
    show("/login")
    wait_until(lambda: "login - Chromium" in desk.windows().values(), STARTED, "the sign-in")
    bar = desk.bar()
    desk.press("u", "Tab", "s", "e", "c", "Return")
    wait_until(lambda: house.told("welcome"), STARTED, "signed in")
    if _comes(lambda: desk.bar() != bar, seconds):
        found.append("offer to keep a password")
    show("/download")
    wait_until(lambda: f"{KIOSK}/loot.bin" in house.asked, STARTED, "the page that takes a file")
    if _comes(lambda: any((folder / "Downloads").glob("loot*")), seconds):
        found.append("download")
    show("/print")
    wait_until(lambda: house.told("printing"), STARTED, "the page that prints")
    # print() comes back at once where nothing is printed, and else when its window is closed.
    if not _comes(lambda: house.told("printed"), seconds):
        found.append("printing")
    return sorted(found)


def _comes(condition: Callable[[], object], seconds: float) -> bool:
    try:
        wait_until(condition, seconds)
    except AssertionError:
        return False
    return True


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), float(sys.argv[2]))))
