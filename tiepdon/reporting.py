"""Makes the doctor's report for `tiepdon run`, as units of systemd do on an installed site: at the start of a site, and
whenever somebody asks (`wire.findings`).

Each look is a process of its own: what it loads must not stay in ours, and one that hangs is ended.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from wire.findings import REPORT, asked_at

PAUSE_SECONDS = 0.5
LONGEST_SECONDS = 30.0


@contextmanager
def reporting(
    run: Path,
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None,
    write_line: Callable[[str, str], None],
    *,
    at_once: bool,
) -> Iterator[None]:
    """While the context lasts, `command` (which takes `--write FILE`) is run when asked for; `at_once`: and now."""
    stop = threading.Event()

    def work() -> None:
        wanted, seen = at_once, None
        while not stop.is_set():
            asked = asked_at(run)
            if wanted or (
                asked is not None and asked != seen
            ):  # one that was not answered is not tried again and again
                seen = asked
                _look([*command, "--write", run / REPORT], environment, stop, write_line)
            wanted = False
            stop.wait(PAUSE_SECONDS)

    thread = threading.Thread(target=work, name="doctor", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _look(
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None,
    stop: threading.Event,
    write_line: Callable[[str, str], None],
) -> None:
    try:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", *command],
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    except OSError as error:
        write_line("doctor", f"cannot be started: {error.strerror}")
        return
    until = time.monotonic() + LONGEST_SECONDS
    while process.poll() is None and not stop.wait(PAUSE_SECONDS) and time.monotonic() < until:
        pass
    if process.poll() is None:
        process.kill()
        process.wait()
    elif process.returncode:
        write_line("doctor", f"ended with {process.returncode}")
