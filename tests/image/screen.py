"""`make screen-test`: the package shows the touchscreen on a panel, and shows it again after whatever happens to it.

A Debian with the built package and all it recommends is started in QEMU, set up by one file as a technician does it,
and looked at from outside: the picture that its graphics card sends to the panel. Says what it saw and how long it
took in seconds of the machine; ends with 1 where something did not hold. Some twenty minutes; pictures stay in FOLDER.

Usage: python -m tests.image.screen PACKAGE [--release bookworm] [--labwc] [--only WORD] [--folder FOLDER]
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tests.image.debian import KEPT, disk_with
from tests.image.guest import HEIGHT, WIDTH, Guest, Silent, until
from tests.image.panel import ALIKE, LISTEN, Drawer, Page, difference, drawer

NEEDED = ("qemu-system-x86_64", "debootstrap", "systemd-nspawn", "dpkg-deb", "mkfs.ext4", "chromium")
STATIC = "usr/lib/tiepdon/lib/common/ui/static"
TOUCH = Path(__file__).with_name("touch.py")
UNIT = "tiepdon-screen.service"
CLICKS, CLICKED = 3, 60.0
BOOT, SHOWN = 900.0, 900.0  # of ours, on a machine that has other things to do; what it took is told
ANSWERS = """
[site]
facility_code = "01001"
facility_name = "Bệnh viện thử màn hình"
"""


@dataclass
class Kiosk:
    """The machine, what it must show, and where pictures of it stay."""

    guest: Guest
    drawer: Drawer
    folder: Path
    pictures: int = 0

    def health(self) -> dict[str, Any]:
        """What the kiosk says of itself; empty while it does not answer."""
        try:
            done = self.guest.run("curl", "-s", "-m", "10", f"{LISTEN}/health")
            return dict(json.loads(done.said)) if done.code == 0 else {}
        except (OSError, Silent, ValueError):
            return {}

    def showing(self, name: str) -> Page:
        """Wait until the panel shows the screen of that name, as the kiosk has it; the page. Raises AssertionError."""
        until(lambda: self.health().get("showing") == name, SHOWN, f"the kiosk has {name}")
        page = self.drawer.page()
        assert page.name == name, page.name
        page.image.save(self.folder / f"wanted-{name}.png")
        try:
            until(lambda: difference(self.guest.picture(), page.image) <= ALIKE, SHOWN, f"the panel shows {name}")
        finally:
            self.keep(name)
        return page

    def pressed(self, at: tuple[float, float], name: str) -> Page:
        """Click there until the panel shows that screen: a window never pointed at may take the first click for
        the pointer's arrival. Raises AssertionError."""
        for _ in range(CLICKS - 1):
            self.guest.click(*at)
            with contextlib.suppress(AssertionError):
                until(lambda: self.health().get("showing") == name, CLICKED, f"a click leads to {name}")
                return self.showing(name)
        self.guest.click(*at)
        return self.showing(name)

    def keep(self, name: str) -> Image.Image:
        """The panel's picture, kept."""
        self.pictures += 1
        picture = self.guest.picture()
        picture.save(self.folder / f"{self.pictures:02d}-{name}.png")
        return picture

    def main(self) -> str:
        """The process id of the session, 0: it does not run."""
        return self.guest.must("systemctl", "show", "-p", "MainPID", "--value", UNIT).strip()

    def log(self) -> str:
        """The session's last lines."""
        return self.guest.run("journalctl", "-q", "-n", "40", "-o", "cat", "--no-pager", "-u", UNIT).said

    def browser(self) -> str:
        """The process id of Chromium itself."""
        told = self.guest.shell(
            "for p in $(pgrep -u tiepdon-screen chromium); do grep -qe --type= /proc/$p/cmdline || echo $p; done"
        )
        return told.split()[0]

    def pages(self) -> list[str]:
        """The process ids of what draws pages."""
        return self.guest.shell("pgrep -f -u tiepdon-screen -- --type=renderer").split()

    def seen_anew(self, before: str, since: float) -> float:
        """Until another session than `before` shows the start page; the machine's seconds since `since`."""
        until(lambda: self.main() not in ("0", before), SHOWN, "another session")
        until(self._is_seen, SHOWN, "the kiosk hears of the page")
        took = self.guest.clock() - since
        self.showing("start")
        return took

    def _is_seen(self) -> bool:
        shown = self.guest.must("systemctl", "show", "-p", "StatusText", "--value", UNIT).strip() == "the page shows"
        return shown and bool(self.health().get("screen", {}).get("visible"))


def set_up_by_one_file_it_shows_the_start_page(kiosk: Kiosk) -> str:
    """From the first start of a machine to the panel."""
    guest = kiosk.guest
    booted = guest.clock()
    answers, begin = guest.put("answers.toml", ANSWERS), guest.clock()
    done = guest.run("tiepdon", "setup", "--from", answers, "--json", seconds=1200)
    told = json.loads(done.said[done.said.index("{") :]) if "{" in done.said else {}
    assert told.get("late") == [], done.said
    ready = guest.clock()
    kiosk.showing("start")
    until(kiosk._is_seen, SHOWN, "the kiosk hears of the page")
    screen = kiosk.health()["screen"]
    assert screen["visible"] is True, screen
    assert screen["name"] == "start", screen
    return f"up after {booted:.0f} s, set up in {ready - begin:.0f} s, the page {guest.clock() - ready:.0f} s later"


def a_click_and_a_finger_reach_the_page(kiosk: Kiosk) -> str:
    """By a pointer that QEMU plugs in, and by a touch panel that the kernel gets later."""
    start = kiosk.showing("start")
    keypad = kiosk.pressed(start.buttons["path", "personal_id"], "keypad")
    kiosk.pressed(keypad.buttons["cancel", ""], "start")
    kiosk.guest.shell("modprobe uinput")
    touch = kiosk.guest.put("touch.py", TOUCH.read_text("utf-8"))
    x, y = start.buttons["path", "personal_id"]
    kiosk.guest.must("python3", touch, f"{x:.0f}", f"{y:.0f}", str(WIDTH), str(HEIGHT))
    kiosk.showing("keypad")  # where no time-out leads
    return "tablet: to the keypad and back; touch panel, plugged in meanwhile: to the keypad"


def the_session_is_confined(kiosk: Kiosk) -> str:
    """As whom it runs, what it sees, and that Chromium's own sandbox holds in it."""
    guest, main = kiosk.guest, kiosk.main()
    page = kiosk.pages()[0]
    told = guest.shell(f"grep -hE '^(Uid|Seccomp|NoNewPrivs|CapEff):' /proc/{main}/status /proc/{page}/status")
    assert told.count("Seccomp:\t2") == 2, told
    assert told.count("NoNewPrivs:\t1") == 2, told
    spaces = {guest.must("readlink", f"/proc/{one}/ns/user") for one in ("1", main, page)}
    assert len(spaces) == 3, spaces
    command = guest.shell(f"tr '\\0' ' ' </proc/{kiosk.browser()}/cmdline")
    assert "--no-sandbox" not in command, command
    return "three user namespaces, seccomp in session and page"


def chromium_killed_comes_back(kiosk: Kiosk) -> str:
    """kill -9 of the browser, then of what a page is drawn by, then of the compositor."""
    took = []
    victims: Mapping[str, Callable[[], list[str]]] = {
        "browser": lambda: [kiosk.browser()],
        "compositor": lambda: kiosk.guest.shell("pgrep -u tiepdon-screen -x 'cage|labwc'").split(),
        "page": kiosk.pages,
    }
    for victim, find in victims.items():
        before, since = kiosk.main(), kiosk.guest.clock()
        kiosk.guest.must("kill", "-9", *find())
        took.append(f"{victim} {kiosk.seen_anew(before, since):.0f} s")
    return ", ".join(took)


def a_page_that_hangs_is_started_anew(kiosk: Kiosk) -> str:
    """SIGSTOP of the renderer: every process is there, and nothing moves on the panel."""
    before, since = kiosk.main(), kiosk.guest.clock()
    kiosk.guest.must("kill", "-STOP", *kiosk.pages())
    took = kiosk.seen_anew(before, since)
    assert "watchdog" in kiosk.guest.must("journalctl", "-q", "-o", "cat", "-u", UNIT).lower()
    return f"shown again after {took:.0f} s"


def the_watchdog_is_armed(kiosk: Kiosk) -> str:
    """systemd has it, by our file alone, and the doctor says so."""
    guest = kiosk.guest
    told = guest.must("systemctl", "show", "-p", "RuntimeWatchdogUSec", "-p", "WatchdogDevice")
    assert "RuntimeWatchdogUSec=15s" in told, told
    assert guest.shell("cat /sys/class/watchdog/watchdog0/state /sys/class/watchdog/watchdog0/timeout").split() == [
        "active",
        "15",
    ]
    report = json.loads(guest.run("tiepdon", "doctor", "--json").said)
    codes = {finding["code"]: finding["status"] for finding in report["findings"]}
    assert not {"doctor.no_watchdog", "doctor.watchdog_off"} & set(codes), codes
    bad = sorted(f"{status} {code}" for code, status in codes.items() if status in ("warn", "fail"))
    return f"{' '.join(told.split())}; doctor: {', '.join(bad)}"


def a_systemd_that_hangs_is_reset(kiosk: Kiosk) -> str:
    """A fault in process 1: it stops and does nothing any more, and so feeds no watchdog."""
    return _reset(kiosk, "kill -SEGV 1")


def a_kernel_that_hangs_is_reset(kiosk: Kiosk) -> str:
    """A panic without a restart of its own: the kernel stands still. With two seconds in the place of fifteen, for the
    loop it stands still in takes an emulated processor a quarter of an hour."""
    place = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    kiosk.guest.must("busctl", "set-property", *place, "RuntimeWatchdogUSec", "t", "2000000")
    return _reset(kiosk, "echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger")


def _reset(kiosk: Kiosk, how: str) -> str:
    guest = kiosk.guest
    start = guest.must("cat", "/proc/sys/kernel/random/boot_id")
    guest.happened("WATCHDOG")
    begin = time.monotonic()
    # Its agent may be gone before it can answer.
    guest.shell(f"(sleep 1; {how}) >/dev/null 2>&1 &")
    until(lambda: guest.happened("WATCHDOG"), BOOT, "the watchdog resets the machine")
    reset = time.monotonic() - begin
    kiosk.keep("reset")
    until(guest.answers, BOOT, "the machine is up again")
    assert guest.must("cat", "/proc/sys/kernel/random/boot_id") != start
    until(lambda: kiosk.main() != "0", SHOWN, "a session")
    until(kiosk._is_seen, SHOWN, "the kiosk hears of the page")
    shown = guest.clock()
    kiosk.showing("start")
    return f"reset after {reset:.0f} s of ours, the page {shown:.0f} s after the start"


CHECKS: Sequence[Callable[[Kiosk], str]] = (
    set_up_by_one_file_it_shows_the_start_page,
    a_click_and_a_finger_reach_the_page,
    the_session_is_confined,
    the_watchdog_is_armed,
    chromium_killed_comes_back,
    a_page_that_hangs_is_started_anew,
    a_systemd_that_hangs_is_reset,
    a_kernel_that_hangs_is_reset,
)


def main(arguments: Sequence[str]) -> int:
    """0: everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("--release", default="bookworm")
    parser.add_argument("--labwc", action="store_true", help="with labwc in the place of cage")
    parser.add_argument("--only", action="append", help="besides the first, checks whose name holds this")
    parser.add_argument("--folder", type=Path, default=KEPT / "pictures")
    options = parser.parse_args(arguments)
    if missing := [name for name in NEEDED if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]:
        sys.stdout.write(f"NOT RUN: {', '.join(missing)} missing; make setup-machines installs what is needed\n")
        return 1
    if os.geteuid() != 0:
        sys.stdout.write("NOT RUN: containers and disks need root\n")
        return 1
    more, instead = (("labwc",), ("cage",)) if options.labwc else ((), ())
    begin = time.monotonic()
    disk = disk_with(options.package, options.release, more, instead)
    sys.stdout.write(f"the disk is there ({time.monotonic() - begin:.0f} s)\n")
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    checks = [
        check
        for check in CHECKS
        if check is CHECKS[0] or not options.only or any(word in check.__name__ for word in options.only)
    ]
    with tempfile.TemporaryDirectory(prefix="tiepdon-screen-") as sockets, Guest(disk, Path(sockets)) as guest:
        until(guest.answers, BOOT, "the machine is up")
        with drawer(lambda path: guest.must("curl", "-s", f"{LISTEN}{path}").encode(), disk.tree / STATIC) as drawing:
            return _run(Kiosk(guest, drawing, options.folder), checks)


def _run(kiosk: Kiosk, checks: Sequence[Callable[[Kiosk], str]]) -> int:
    failed = 0
    for check in checks:
        name, begin = check.__name__.replace("_", " "), time.monotonic()
        try:
            said = check(kiosk)
        except Exception as error:
            failed += 1
            sys.stdout.write(f"FAIL  {name}: {type(error).__name__}: {error}\n")
            kiosk.keep("failed")
            if kiosk.guest.answers():
                sys.stdout.write(kiosk.log())
            if check is CHECKS[0]:
                break
        else:
            sys.stdout.write(f"ok    {name}: {said} ({time.monotonic() - begin:.0f} s of ours)\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the machine ends with it
    sys.exit(main(sys.argv[1:]))
