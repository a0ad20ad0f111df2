"""Start a machine with a read-only root, cut its power again and again, and say what stayed. Some four minutes."""

import sys
from pathlib import Path

from tests.image.machine import Machine

SCRIPT = "tiepdon-readonly-root"
STEPS = (
    # (what is done, what is done in this start, what must be seen in it)
    (
        "as installed",
        f"{SCRIPT} prepare /dev/vdb --format && {SCRIPT} on",
        {"root": "/dev/vda", "root_marks": "0", "next": "done"},
    ),
    (
        "closed",
        "",
        {"root": "overlayroot", "state": "/dev/vdb", "settings": "/dev/vdb", "root_marks": "1", "state_marks": "1"},
    ),
    ("closed, once more", "", {"root": "overlayroot", "root_marks": "1", "state_marks": "2"}),
    ("opened for an update", f"{SCRIPT} off", {"root": "overlayroot", "state_marks": "3", "next": "done"}),
    (
        "open",
        f"{SCRIPT} on",
        {"root": "/dev/vda", "state": "/dev/vdb", "root_marks": "1", "state_marks": "4", "next": "done"},
    ),
    ("closed again", "", {"root": "overlayroot", "root_marks": "2", "state_marks": "5"}),
)


def main(folder: Path) -> int:
    """1 where a start showed something else than it must."""
    machine, wrong = Machine(folder), 0
    machine.make()
    for name, then, expected in STEPS:
        seen = machine.start(then)
        missed = {
            key: seen.get(key) for key, value in {**expected, "database": "tickets"}.items() if seen.get(key) != value
        }
        wrong += bool(missed)
        sys.stdout.write(f"{'DOES NOT HOLD' if missed else 'holds':<14}{name:<24}{seen}\n")
        sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "/var/tmp/tiepdon-image")))  # noqa: S108
