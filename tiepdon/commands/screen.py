"""`tiepdon screen`: the touchscreen's browser session: waits for the kiosk, shows its page, tells systemd whether it
really shows.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from config.settings import load
from tiepdon.stopping import stop_on_signals
from wire.log import set_up

ASKED = 10.0  # seconds


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("screen", help="the touchscreen's browser session", description=__doc__)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show the page until told to stop (0) or until it does not show (1). Raises NoBrowser, NoCompositor."""
    from tiepdon.readiness import http_json
    from tiepdon.screen.browser import BY_PROCESSOR, session_command
    from tiepdon.screen.session import Kiosk, run_session
    from wire.systemd import taken_from

    settings = load(options.config)
    set_up(settings.log, "screen")
    stop, manager = stop_on_signals(), taken_from(os.environ, os.getpid())
    host, _, port = settings.kiosk.listen.rpartition(":")
    place = (host.strip("[]"), int(port))
    # Live, not ready: a kiosk that lacks its database has a page that says so, and a black screen says nothing.
    kiosk = Kiosk(lambda: bool(http_json(*place, "/health/live")), partial(http_json, *place, "/health"))
    # In the unit this is memory of its own (RuntimeDirectory=); a profile never outlives its session.
    folder = os.environ.get("RUNTIME_DIRECTORY")
    with tempfile.TemporaryDirectory(prefix="profile-", dir=folder, ignore_cleanup_errors=True) as profile:
        page = f"http://{settings.kiosk.listen}/"
        command = session_command(page, Path(profile), os.environ, shutil.which, _version)
        return run_session(command, kiosk, manager, stop, BY_PROCESSOR)


def _version(program: str) -> str:
    """What it says when it is asked; nothing where it cannot be asked."""
    try:
        return subprocess.run([program, "-v"], capture_output=True, text=True, timeout=ASKED, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
