"""How long from start to ready, and how much memory all processes hold after ten check-ins on the sandbox world."""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.table import Table
from wire.stream import decode_events

CHECK_INS = 10
SECONDS = 60.0


@dataclass(frozen=True)
class Run:
    """A running `tiepdon run`: its process, its addresses, how long it took to be ready."""

    process: "subprocess.Popen[str]"
    facts: dict[str, Any]
    seconds: float

    def desk(self, path: str, body: object) -> None:
        """One act at the sandbox desk."""
        _post(self.facts["desk"], path, json.dumps(body), {"Content-Type": "application/json"})

    def touch(self, action: str, value: str = "") -> None:
        """One touch of the screen."""
        form = urllib.parse.urlencode({"action": action, "value": value})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"}
        _post(self.facts["touchscreen"], "/touchscreen/act", form, headers)


def measure() -> list[Table]:
    """Start twice on one folder (cold, then warm), check ten people in, add up the memory."""
    with tempfile.TemporaryDirectory(prefix="tiepdon-bench-") as folder:
        with running(Path(folder)) as cold:
            cold_seconds = cold.seconds
        with running(Path(folder)) as warm:
            for number in range(CHECK_INS):
                _check_in(warm, number)
            memory = _memory(warm.process.pid)
    rows = [(name, rss, pss) for name, rss, pss in memory]
    total = ("all together", sum(row[1] for row in rows), sum(row[2] for row in rows))
    product = [row for row in rows if row[0] not in ("sandbox", "pcscd")]
    ours = ("the product alone (without sandbox and pcscd)", sum(r[1] for r in product), sum(r[2] for r in product))
    start = Table(
        "From start to ready (s)", ("", "seconds"), (("first start", cold_seconds), ("second start", warm.seconds))
    )
    notes = ("RSS counts shared pages once for each process, PSS shares them out",)
    return [start, Table(f"Memory after {CHECK_INS} check-ins (MB)", ("", "RSS", "PSS"), (*rows, ours, total), notes)]


@contextmanager
def running(state: Path) -> Iterator[Run]:
    """`tiepdon run` on the sandbox world, from when it is ready; ended by its own id."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "tiepdon.main", "run", "--state", str(state), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield Run(process, json.loads(line), time.perf_counter() - begin)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _check_in(run: Run, number: int) -> None:
    """One person through the real path: card on the reader, six digits typed, yes, ticket, card taken away."""
    people = _get(run.facts["desk"], "/people")
    person = people[number % len(people)]
    with _Screen(run.facts["touchscreen"]) as screen:
        screen.wait_for("start")
        run.desk("/card/place", {"person": person["key"]})
        screen.wait_for("ask_key")
        run.touch("path", "card_number")
        screen.wait_for("keypad")
        run.touch("digits", person["personal_id"][-6:])
        screen.wait_for("confirm")
        run.touch("confirm")
        screen.wait_for("choose_service")
        run.touch("service", "KB")
        if screen.wait_for("ticket", "ask_insurance") == "ask_insurance":
            run.touch("confirm")  # goes on without the insurance card
            screen.wait_for("ticket")
        run.desk("/card/remove", {})
        run.touch("done")
        screen.wait_for("goodbye")
        run.touch("done")


class _Screen:
    """Follows the touchscreen's event stream as its page does."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"), timeout=SECONDS)
        self._seen: str = ""
        self._changed = threading.Condition()

    def __enter__(self) -> "_Screen":
        self._connection.request("GET", "/touchscreen/events")
        response = self._connection.getresponse()
        threading.Thread(target=self._follow, args=(response,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def wait_for(self, *screens: str) -> str:
        """Until the page shows one of these screens; which."""

        def shown() -> str:
            return next((one for one in screens if f'data-screen="{one}"' in self._seen), "")

        with self._changed:
            if not self._changed.wait_for(shown, SECONDS):
                raise SystemExit(f"the screen {screens} did not come; now: {self._seen[:200]}")
            return shown()

    def _follow(self, response: http.client.HTTPResponse) -> None:
        try:
            for name, data in decode_events(iter(response.readline, b"")):
                if name != "screen":
                    continue
                with self._changed:
                    self._seen = data.decode("utf-8", "replace")
                    self._changed.notify_all()
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            return  # the connection was closed by us


def _memory(root: int) -> list[tuple[str, int, int]]:
    """(name, RSS, PSS in MB) of every process below `root`, itself included."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        todo += children.get(pid, [])
        found.append((_name(pid), _rollup(pid, "Rss"), _rollup(pid, "Pss")))
    return sorted(found)


def _name(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return words[words.index("tiepdon.main") + 1] if "tiepdon.main" in words else os.path.basename(words[0])  # noqa: PTH119


def _rollup(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) // 1024
    return 0


def _post(address: str, path: str, body: str, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"), timeout=SECONDS)
    try:
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
        if status >= 300:
            raise SystemExit(f"{path} answered {status}")
    finally:
        connection.close()


def _get(address: str, path: str) -> Any:
    connection = http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"), timeout=SECONDS)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
