"""What a long-running process of threads took for a moment, it gives back."""

import json
import subprocess
import sys

# In a process of its own: how malloc is set lasts as long as the process.
CHECKED = """
import json, sys, threading
from pathlib import Path
from kiosk.secret_hash import SecretHash
from wire.memory import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

told = give_back() if sys.argv[1] == "give" else None
secrets = SecretHash()
before = resident()
kept = secrets.keep("270594")
# Each in a thread that goes on, as the server's do.
stay, done = threading.Event(), threading.Barrier(5)
def check():
    assert secrets.right(kept, "270594")
    done.wait()
    stay.wait()
threads = [threading.Thread(target=check) for _ in range(4)]
for thread in threads:
    thread.start()
done.wait()
print(json.dumps([told, resident() - before]))
stay.set()
"""


def grown(how: str) -> tuple[bool | None, float]:
    """Whether it could be set, and by how many MB the process is larger after a few PINs."""
    done = subprocess.run([sys.executable, "-c", CHECKED, how], capture_output=True, text=True, check=True)
    told, megabytes = json.loads(done.stdout)
    return told, megabytes


def test_checking_pins_leaves_nothing_behind() -> None:
    told, megabytes = grown("give")
    assert told is True
    assert megabytes < 10
    assert grown("keep")[1] > megabytes + 10  # what it is for: an arena holds the 19 MB of a PIN
