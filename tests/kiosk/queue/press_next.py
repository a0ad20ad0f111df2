"""A process of several counters that press `next` as fast as they can: `press_next.py FOLDER NOW TIMES COUNTER...`.

NOW is the moment of every act in epoch seconds: a crowd that waits since before midnight has gone home after it.

Prints each ticket it called after the act, and last the CPU seconds of all acts. Started by `test_crowd.py`.
"""

import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from kiosk.queue.desk import open_queue
from kiosk.queue.model import Act
from tests.kiosk.queue.hall import crowded_hospital
from tests.kiosk.world import HandClock


def main(folder: str, now: str, times: str, *counters: str) -> None:
    settings = crowded_hospital(Path(folder), make=False)
    clock = HandClock(datetime.fromtimestamp(int(now), UTC))

    def press(code: str) -> list[str]:
        with closing(open_queue(settings, clock)) as queue:
            called = []
            for _ in range(int(times)):
                with queue.acting() as acts:
                    entry = acts.call_next(Act(uuid.uuid4().hex, code, "nurse"))
                    if entry is not None:
                        acts.begin(Act(uuid.uuid4().hex, code, "nurse"), entry.ticket_id)
                called.append(entry.ticket_id if entry else "")
        return called

    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.process_time()
    with ThreadPoolExecutor(len(counters)) as pool:
        for called in pool.map(press, counters):
            print(*called, sep="\n")
    print(time.process_time() - begun, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
