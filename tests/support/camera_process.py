"""A process that looks through cameras, as the reader does: `camera_process.py '{"camera": {"device": ...}}'`.

Prints `[source, text]` for each text, and answers each line on standard input (see tests.support.camera.Watcher.asks).
"""

import json
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

from config.settings import CameraSettings
from reader.optical.camera import CameraSource


class Tap:
    """Wants every frame, keeps their sizes."""

    def __init__(self) -> None:
        self.wanted = True
        self.offered: list[float] = []

    def offer(self, picture: Any) -> None:
        self.offered.append(time.monotonic())
        self.size = picture.shape[::-1]


def main() -> None:
    lock = threading.Lock()

    def say(thing: Any) -> None:
        with lock:
            print(json.dumps(thing), flush=True)

    sources, stops, threads, taps = {}, {}, {}, {}
    for name, asked in json.loads(sys.argv[1]).items():
        taps[name] = Tap() if asked.pop("tap", False) else None
        source = CameraSource(CameraSettings(**asked), name, time.monotonic, taps[name])
        stop = threading.Event()
        thread = threading.Thread(
            target=source.run, args=(lambda text, name=name: say([name, text]), stop), name=name, daemon=True
        )
        sources[name], stops[name], threads[name] = source, stop, thread
        thread.start()
    for line in sys.stdin:
        question = line.strip()
        if question == "health":
            say({name: source.health() for name, source in sources.items()})
        elif question == "usage":
            say(_usage() | {name: len(tap.offered) for name, tap in taps.items() if tap})
        elif question == "again":
            for source in sources.values():
                source.again()
            say({})
        elif question == "stop":
            took = {}
            for name, stop in stops.items():
                begun = time.monotonic()
                stop.set()
                threads[name].join(10)
                took[name] = None if threads[name].is_alive() else time.monotonic() - begun
            say(took)


def _usage() -> dict[str, Any]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    written = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    files = []
    for entry in Path("/proc/self/fd").iterdir():
        if int(entry.name) <= 2:
            continue  # standard input and outputs
        try:
            files.append(str(entry.readlink()))
        except OSError:
            continue
    return {
        "cpu": used.ru_utime + used.ru_stime,
        "at": time.monotonic(),
        "rss": int(status["VmRSS"].split()[0]) // 1024,
        "peak": int(status["VmHWM"].split()[0]) // 1024,
        "written": int(written["write_bytes"]),
        "files": files,
        "threads": threading.active_count(),
    }


if __name__ == "__main__":
    main()
