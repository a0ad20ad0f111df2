"""The command line that shows the touchscreen's page: a compositor that shows one window, and Chromium in it.

What a visitor must not reach is shut by Chromium's managed policies (systemd/chromium-policy.json), which no command
line can open again; here stands only what no policy can say. Must not start anything itself.
"""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wire.errors import TiepDonError

COMPOSITORS = ("cage", "labwc")  # Debian's; Raspberry Pi OS's own
# From 0.1.5 on cage ends what it tells of a finger (wl_touch.frame, its pull request 272). Chromium waits for that end
# and takes no touch without it; Xwayland, which that cage starts in any case, does not wait.
TOUCH_IS_WHOLE = (0, 1, 5)
BROWSERS = ("chromium", "chromium-browser")
LABWC_CONFIG = "/usr/share/tiepdon/labwc"
# Where the graphics driver brings the compositor down, it draws by the processor alone (wlroots, docs/env_vars.md).
BY_PROCESSOR = {"WLR_RENDERER": "pixman"}
# https://peter.sh/experiments/chromium-command-line-switches
FLAGS = (
    "--kiosk",
    "--incognito",  # nothing of one person's session is on any disk
    "--no-first-run",
    "--no-default-browser-check",
    "--noerrdialogs",
    "--hide-crash-restore-bubble",
    "--disable-breakpad",  # a crash report holds what stood on the page
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-pinch",
    "--overscroll-history-navigation=0",
    "--autoplay-policy=no-user-gesture-required",  # the voice speaks before anybody touched
    "--password-store=basic",
    "--check-for-update-interval=31536000",
    "--disable-features=Translate,MediaRouter,TouchpadOverscrollHistoryNavigation",
)

Found = Callable[[str], str | None]
Version = Callable[[str], str]  # what a program at this path says of its version; empty where it says nothing


class NoCompositor(TiepDonError):
    """Neither of the compositors that show one window is installed."""

    code = "screen.no_compositor"


class NoBrowser(TiepDonError):
    """Chromium is not installed."""

    code = "screen.no_browser"


def session_command(
    page: str, profile: Path, environ: Mapping[str, str], which: Found, version: Version
) -> Sequence[str]:
    """The command that shows `page`; `profile` is a folder in memory, empty at each start. In a session that already
    has a compositor (WAYLAND_DISPLAY) it is the browser alone.

    Raises NoCompositor, NoBrowser.
    """
    browser = next((path for name in BROWSERS if (path := which(name))), None)
    if browser is None:
        raise NoBrowser

    def window(platform: str) -> list[str]:
        return [browser, f"--ozone-platform={platform}", *FLAGS, f"--user-data-dir={profile}", page]

    if environ.get("WAYLAND_DISPLAY"):
        return window("wayland")
    for name in COMPOSITORS:
        if (path := which(name)) is None:
            continue
        if name == "cage":
            return [path, "-d", "--", *window("wayland" if _tells_touch_whole(version(path)) else "x11")]
        # labwc goes on when its first client is gone; a screen without its page must not.
        wanted = f"{shlex.join(window('wayland'))}; kill -TERM $LABWC_PID"
        return [path, "-C", LABWC_CONFIG, "-s", f"sh -c {shlex.quote(wanted)}"]
    raise NoCompositor


def _tells_touch_whole(version: str) -> bool:
    """By what `cage -v` says; a cage that says nothing readable is a new one."""
    told = re.search(r"\d+(\.\d+)+", version)
    return told is None or tuple(int(part) for part in told[0].split(".")) >= TOUCH_IS_WHOLE
