"""The touchscreen's session: what systemd hears of it, with a real process for the browser."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import alive
from tests.support.waiting import wait_until
from tests.wire.test_systemd import Ear
from tiepdon.screen.browser import NoBrowser, NoCompositor, session_command
from tiepdon.screen.session import FRESH_SECONDS, Kiosk, run_session, shows
from wire.systemd import Manager

# Writes down who it is and what it started, and stays.
BROWSER = """
import os, pathlib, subprocess, sys, time
below = subprocess.Popen(["sleep", "600"])
pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()} {below.pid}")
time.sleep(600)
"""


class Site:
    """A kiosk as the session knows it: what it says can be changed."""

    def __init__(self) -> None:
        self.live = False
        self.told: dict[str, object] = {}

    def screen(self, seen: float | None, visible: bool = True) -> None:
        self.told = {"screen": {"seen_seconds": seen, "visible": visible}}


class Running:
    def __init__(
        self, site: Site, place: Path, command: list[str], ear: Ear, watchdog: float, otherwise: dict[str, str] | None
    ) -> None:
        self.ear, self.code, self.stop = ear, list[int](), threading.Event()
        manager = Manager(address=str(place), watchdog_seconds=watchdog)
        kiosk = Kiosk(lambda: site.live, lambda: site.told)
        self.thread = threading.Thread(
            target=lambda: self.code.append(run_session(command, kiosk, manager, self.stop, otherwise))
        )
        self.thread.start()


Start = Callable[..., Running]


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    return tmp_path / "pids"


@pytest.fixture
def start(tmp_path: Path, site: Site, pids: Path) -> Iterator[Start]:
    running: list[Running] = []
    ear = Ear(tmp_path / "notify")

    def begin(
        watchdog: float = 2.0, command: list[str] | None = None, otherwise: dict[str, str] | None = None
    ) -> Running:
        usual = [sys.executable, "-c", BROWSER, str(pids)]
        running.append(Running(site, tmp_path / "notify", command or usual, ear, watchdog, otherwise))
        return running[-1]

    yield begin
    for one in running:
        one.stop.set()
        one.thread.join()
    ear.close()


def test_the_browser_waits_for_the_kiosk_and_is_ready_when_the_page_shows(start: Start, site: Site, pids: Path) -> None:
    session = start()
    wait_until(lambda: session.ear.count("STATUS=waiting for the kiosk"))
    assert not pids.exists()
    site.live = True
    wait_until(lambda: pids.exists() and pids.read_text())
    assert session.ear.count("READY=1") == 0
    site.screen(0.0)
    wait_until(lambda: session.ear.count("READY=1"))
    wait_until(lambda: session.ear.count("WATCHDOG=1"))
    session.stop.set()
    session.thread.join()
    assert (session.code, session.ear.count("STOPPING=1")) == ([0], 1)
    wait_until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


def test_systemd_hears_nothing_while_the_page_does_not_show_and_again_when_it_does(start: Start, site: Site) -> None:
    site.live = True
    site.screen(0.0)
    session = start(watchdog=0.2)
    wait_until(lambda: session.ear.count("WATCHDOG=1"))
    for hidden in ((FRESH_SECONDS + 1, True), (0.0, False), (None, True)):
        site.screen(*hidden)
        # What was under way may still come; then the kiosk was asked twice more and nothing came.
        _asked(site, 2)
        heard = session.ear.count("WATCHDOG=1")
        _asked(site, 2)
        assert session.ear.count("WATCHDOG=1") == heard
        site.screen(0.0)
        wait_until(lambda heard=heard: session.ear.count("WATCHDOG=1") > heard)


def _asked(site: Site, times: int) -> None:
    """Until the session looked at what the kiosk says so many times."""
    told, looks = site.told, [0]

    class Counting(dict[str, object]):
        def get(self, key: str, default: object = None) -> object:
            looks[0] += 1
            return super().get(key, default)

    site.told = Counting(told)
    wait_until(lambda: looks[0] >= times)


def test_a_kiosk_that_says_nothing_is_no_fault_of_the_screen(start: Start, site: Site) -> None:
    site.live = True
    site.screen(0.0)
    session = start(watchdog=0.2)
    wait_until(lambda: session.ear.count("READY=1"))
    site.told = {}
    heard = session.ear.count("WATCHDOG=1")
    wait_until(lambda: session.ear.count("WATCHDOG=1") > heard + 2)


def test_what_an_earlier_browser_showed_is_not_this_one_s(start: Start, site: Site, pids: Path) -> None:
    site.live = True
    site.screen(FRESH_SECONDS - 1)
    session = start()
    wait_until(lambda: pids.exists() and pids.read_text())
    _asked(site, 3)
    assert session.ear.count("READY=1") == 0


def test_a_browser_that_ends_is_told_as_a_failure_and_takes_what_it_started_along(
    start: Start, site: Site, pids: Path
) -> None:
    site.live = True
    session = start()
    wait_until(lambda: pids.exists() and pids.read_text())
    browser, below = (int(pid) for pid in pids.read_text().split())
    os.kill(browser, 9)
    session.thread.join()
    assert session.code == [1]
    wait_until(lambda: not alive(below))


def test_where_no_page_came_another_way_of_drawing_is_tried_once(start: Start, site: Site, pids: Path) -> None:
    site.live = True
    fails = "import os, pathlib, sys; way = os.environ.get('WAY', '-'); open(sys.argv[1], 'a').write(f'{way} ')"
    session = start(command=[sys.executable, "-c", fails, str(pids)], otherwise={"WAY": "plain"})
    session.thread.join()
    assert (session.code, pids.read_text()) == ([1], "- plain ")


def test_a_browser_whose_page_did_show_is_not_drawn_another_way(start: Start, site: Site, pids: Path) -> None:
    site.live = True
    session = start(otherwise={"WAY": "plain"})
    wait_until(lambda: pids.exists() and pids.read_text())
    site.screen(0.0)
    wait_until(lambda: session.ear.count("READY=1"))
    os.kill(int(pids.read_text().split()[0]), 9)
    session.thread.join()
    assert session.code == [1]


def test_stopped_before_there_is_a_kiosk_it_ends_at_once(start: Start) -> None:
    session = start()
    session.stop.set()
    session.thread.join()
    assert session.code == [0]


@pytest.mark.parametrize(
    "screen",
    [
        None,
        {"visible": True},
        {"visible": True, "seen_seconds": -1},
        {"visible": True, "seen_seconds": "0"},
        {"visible": "yes", "seen_seconds": 0},
    ],
)
def test_only_a_page_that_was_seen_counts_as_shown(screen: object) -> None:
    assert not shows({"screen": screen})
    assert not shows({})


def which(*there: str) -> Callable[[str], str | None]:
    return lambda name: f"/usr/bin/{name}" if name in there else None


def new_cage(_: str) -> str:
    return "Cage version 0.2.0\n"


def test_the_page_stands_in_the_first_compositor_there_is_with_a_profile_in_memory() -> None:
    page, profile = "http://127.0.0.1:8080/", Path("/run/tiepdon-screen/p")
    cage = session_command(page, profile, {}, which("chromium", "cage", "labwc"), new_cage)
    assert (cage[0], cage[-1]) == ("/usr/bin/cage", page)
    assert {"--kiosk", "--incognito", f"--user-data-dir={profile}"} <= set(cage)
    labwc = session_command(page, profile, {}, which("chromium-browser", "labwc"), new_cage)
    assert labwc[0] == "/usr/bin/labwc"
    assert page in labwc[-1]
    assert "LABWC_PID" in labwc[-1]
    inside = session_command(page, profile, {"WAYLAND_DISPLAY": "wayland-0"}, which("chromium"), new_cage)
    assert inside[0] == "/usr/bin/chromium"
    with pytest.raises(NoCompositor):
        session_command(page, profile, {}, which("chromium"), new_cage)
    with pytest.raises(NoBrowser):
        session_command(page, profile, {}, which("cage"), new_cage)


@pytest.mark.parametrize(
    ("told", "platform"),
    [
        ("Cage version 0.1.4\n", "x11"),
        ("Cage version 0.1.4-4+deb12u1", "x11"),
        ("0.1.5", "wayland"),
        ("Cage version 0.2.0\n", "wayland"),
        ("Cage version 1.0", "wayland"),
        ("", "wayland"),
    ],
)
def test_a_cage_that_never_ends_a_touch_shows_the_page_through_xwayland(told: str, platform: str) -> None:
    """Seen on a panel in QEMU: with Debian 12's cage a finger did nothing."""
    command = session_command("http://x/", Path("/run/p"), {}, which("chromium", "cage"), lambda _: told)
    assert [word for word in command if word.startswith("--ozone-platform")] == [f"--ozone-platform={platform}"]
