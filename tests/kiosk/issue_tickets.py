"""A process that only issues tickets: `issue_tickets.py FOLDER RUN [HOW_MANY]`. Prints each number after its commit.

Started and killed by `test_store_killed.py`.
"""

import itertools
import sys
from pathlib import Path

from kiosk.clock import SystemClock
from kiosk.store import open_store
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import site


def main(folder: str, run: str, how_many: str = "") -> None:
    store = open_store(site(Path(folder)), SystemClock())
    print("ready", flush=True)
    for turn in itertools.count() if not how_many else range(int(how_many)):
        if turn % 5 == 4:
            issued = store.counter_ticket(f"{run}-{turn}")
        else:
            issued = store.check_in(f"{run}-{turn}", by_chip(), covered())
        print(issued.ticket.number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
