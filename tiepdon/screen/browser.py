"""The command line that shows the touchscreen's page: a compositor that shows one window, and Chromium in it.

What a visitor must not reach is shut by Chromium's managed policies (systemd/chromium-policy.json), which no command
line can open again; here stands only what no policy can say. Must not start anything itself.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wire.errors import TiepDonError

COMPOSITORS = ("cage", "labwc")  # Debian's; Raspberry Pi OS's own
BROWSERS = ("chromium", "chromium-browser")
LABWC_CONFIG = "/usr/share/tiepdon/labwc"
# Where the graphics driver brings the compositor down, it draws by the processor alone (wlroots, docs/env_vars.md).
BY_PROCESSOR = {"WLR_RENDERER": "pixman"}
# https://peter.sh/experiments/chromium-command-line-switches
FLAGS = (
    "--kiosk",
    "--incognito",  # nothing of one person's session is on any disk
    "--ozone-platform=wayland",
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


class NoCompositor(TiepDonError):
    """Neither of the compositors that show one window is installed."""

    code = "screen.no_compositor"


class NoBrowser(TiepDonError):
    """Chromium is not installed."""

    code = "screen.no_browser"


def session_command(page: str, profile: Path, environ: Mapping[str, str], which: Found) -> Sequence[str]:
    """The command that shows `page`; `profile` is a folder in memory, empty at each start. In a session that already
    has a compositor (WAYLAND_DISPLAY) it is the browser alone.

    Raises NoCompositor, NoBrowser.
    """
    browser = next((path for name in BROWSERS if (path := which(name))), None)
    if browser is None:
        raise NoBrowser
    window = [browser, *FLAGS, f"--user-data-dir={profile}", page]
    if environ.get("WAYLAND_DISPLAY"):
        return window
    for name in COMPOSITORS:
        if (path := which(name)) is None:
            continue
        if name == "cage":
            return [path, "-d", "--", *window]
        # labwc goes on when its first client is gone; a screen without its page must not.
        wanted = f"{shlex.join(window)}; kill -TERM $LABWC_PID"
        return [path, "-C", LABWC_CONFIG, "-s", f"sh -c {shlex.quote(wanted)}"]
    raise NoCompositor
