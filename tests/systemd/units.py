"""The unit files as their text says, for tests that hold them to what they promise."""

from collections import defaultdict
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
UNITS = sorted(path for kind in ("service", "socket", "timer", "path", "target") for path in FOLDER.glob(f"*.{kind}"))
PROGRAM = "/usr/lib/tiepdon/bin/tiepdon"

DAEMONS = ("reader", "bridge", "kiosk", "desk")
ONESHOTS = ("database", "purge", "snapshot", "backup", "doctor")
PROCESSES = (*DAEMONS, *ONESHOTS)
UPDATING = ("tiepdon-update", "tiepdon-update-resume")  # they install packages

Unit = dict[str, list[str]]


def unit(name: str) -> Unit:
    """Every setting of `tiepdon-NAME`, a service unless the name says more: each value by its words."""
    found: Unit = defaultdict(list)
    file = name if "." in name else f"{name}.service"
    for line in (FOLDER / f"tiepdon-{file}").read_text("utf-8").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found[key] += value.split() or [""]
    return found
