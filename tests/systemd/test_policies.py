"""What our policies keep real Chromium from: each way out of the page is tried with them and without.

Without them nearly all are open, so that what is shut with them is shut by them.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.systemd.units import FOLDER

POLICIES = FOLDER / "chromium" / "tiepdon.json"
WAYS = {
    "developer tools (F12)",
    "source of the page (ctrl+u)",
    "a file of the machine (ctrl+o)",
    "offer to keep a password",
    "download",
    "printing",
    "file://",
    "another host",
    "another host in a frame",
    "another host by a redirect",
}
GRANTS = ("camera", "clipboard-read", "geolocation", "microphone", "notifications")
NEEDED = ("chromium", "Xvfb", "xdotool", "unshare", "ip")
PATHS = f"{os.environ['PATH']}:/usr/sbin:/sbin"
# A network of its own, in which the kiosk's port is free, and an /etc/chromium that this machine never sees.
ALONE = """
ip link set lo up && mount -t tmpfs none /etc/chromium && mkdir -p /etc/chromium/policies/managed || exit 9
[ -z "$1" ] || cp "$1" /etc/chromium/policies/managed/ || exit 9
shift; exec "$@"
"""

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a process an /etc of its own"),
    pytest.mark.skipif(
        any(shutil.which(name, path=PATHS) is None for name in NEEDED) or not Path("/etc/chromium").is_dir(),
        reason=f"one of {', '.join(NEEDED)} is missing",
    ),
]


OPENED, IN_VAIN = 30, 3  # seconds; what is open comes as soon as it does


def tried(policies: Path | None, module: str, *words: object) -> object:
    """What a module of the tests says in there."""
    command = [sys.executable, "-m", module, *(str(word) for word in words)]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", ALONE, "sh", str(policies or ""), *command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PATH": PATHS},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_page_has_no_way_out_with_our_policies_and_each_without(tmp_path: Path) -> None:
    with_them, without = tmp_path / "with", tmp_path / "without"
    with_them.mkdir()
    without.mkdir()
    open_ways = {*WAYS, *(f"{name}-prompt" for name in GRANTS)}
    with ThreadPoolExecutor() as both:  # they mostly wait
        shut = both.submit(tried, POLICIES, "tests.systemd.policed", with_them, IN_VAIN)
        assert tried(None, "tests.systemd.policed", without, OPENED) == sorted(open_ways)
        assert shut.result() == sorted(f"{name}-denied" for name in GRANTS)


def test_chromium_knows_every_policy_and_takes_each_value(tmp_path: Path) -> None:
    # Those two keep Chromium's own page about policies, and whoever reads it here, away as well.
    shut = ("URLBlocklist", "DeveloperToolsAvailability")
    readable = {name: value for name, value in json.loads(POLICIES.read_text("utf-8")).items() if name not in shut}
    place = tmp_path / "readable.json"
    place.write_text(json.dumps(readable), "utf-8")
    told = tried(place, "tests.systemd.policies_told")
    assert isinstance(told, dict)
    assert told.keys() == readable.keys()
    # "Deprecated" is still obeyed.
    assert {name: said for name, said in told.items() if said not in ("OK", "Deprecated")} == {}
