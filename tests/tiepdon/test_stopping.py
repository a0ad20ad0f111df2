"""A process told to end does, whatever it does at that moment and however often it is told."""

import os
import signal
import subprocess
import sys

from tests.support.waiting import BUSY_SECONDS

# The main thread holds the event's lock nearly always, as it does for a moment in each wait.
WAITING = """
from tiepdon.stopping import stop_on_signals
stop = stop_on_signals()
print("ready", flush=True)
while not stop.is_set():
    with stop._cond:
        sum(range(2000))
"""


def test_told_to_end_a_hundred_times_at_once_it_ends() -> None:
    process = subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for number in (signal.SIGTERM, signal.SIGINT) * 50:
            if process.poll() is None:
                os.kill(process.pid, number)
        assert process.wait(BUSY_SECONDS) in (0, -signal.SIGTERM, -signal.SIGINT)
    finally:
        process.kill()
        process.communicate()
