"""A kiosk that checks people in, a bridge that delivers and a purge, as processes of their own that never rest.

`python -m tests.tiepdon.never_resting WHAT FOLDER NOTES`: WHAT is `kiosk`, `kiosk-that-never-waits`, `bridge` or
`purge`. The kiosk notes a line for each ticket once its screen was shown: the ticket, when it began and how long it
took.
"""

import itertools
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen

import msgspec

from config.settings import Settings, database_file
from hisbridge import outbox
from hisbridge.outbox import Ended, State
from kiosk.clock import SystemClock
from kiosk.retention import purge
from kiosk.store import Store, open_store
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import HandClock, site
from tests.support.waiting import wait_until
from wire import database

PAUSE_SECONDS = 0.01
LONG_AGO = timedelta(days=40)  # what such a check-in leaves is purged as soon as it is delivered
EACH_OLD = 4  # one of so many


def settings_of(folder: Path) -> Settings:
    """Of the site in this folder, which was made before."""
    settings = site(folder / "state", make=False)
    key = folder / "site.key"
    return msgspec.structs.replace(
        settings, paths=msgspec.structs.replace(settings.paths, key_file=str(key) if key.exists() else "")
    )


@dataclass(frozen=True)
class Shown:
    """A ticket that stood on the screen. Seconds of the machine's running clock."""

    ticket: str
    began: float
    took: float

    @property
    def ended(self) -> float:
        return self.began + self.took


def shown(notes: Path) -> list[Shown]:
    """What the kiosk has noted so far."""
    lines = notes.read_text("ascii").split("\n")[:-1] if notes.exists() else []
    return [Shown(ticket, float(began), float(took)) for ticket, began, took in map(str.split, lines)]


@contextmanager
def never_resting(folder: Path, *what: str) -> Iterator[Path]:
    """These processes run within; where the kiosk's notes are."""
    notes = folder / "notes"
    started = [
        Popen([sys.executable, "-m", "tests.tiepdon.never_resting", one, str(folder), str(notes)]) for one in what
    ]
    try:
        wait_until(lambda: len(shown(notes)) > 5, 60.0, "the kiosk does not check in")
        yield notes
        assert [process.poll() for process in started] == [None] * len(started), "one of them ended by itself"
    finally:
        for process in started:
            process.kill()
            process.wait()


def check_ins(settings: Settings, notes: Path) -> None:
    """One after the other, of people who never came before; some are of long ago and not noted."""
    now = datetime.now(UTC)
    with (
        closing(open_store(settings, HandClock(now))) as store,
        closing(open_store(settings, HandClock(now - LONG_AGO))) as earlier,
        notes.open("a", 1, encoding="ascii") as told,
    ):
        for number in itertools.count():
            if number % EACH_OLD == 0:
                check_in(earlier, number)
                continue
            began = time.monotonic()
            ticket = check_in(store, number)
            took = time.monotonic() - began
            store.mark_shown(ticket)
            told.write(f"{ticket} {began} {took}\n")
            threading.Event().wait(PAUSE_SECONDS)


def check_in(store: Store, number: int) -> str:
    """One person's, by number; the ticket."""
    reading = by_chip(f"0013039{number:05d}", f"chip-{number}")
    return store.check_in(f"run-{number}", reading, covered()).ticket.ticket_id


def deliver(settings: Settings) -> None:
    """Every receiver takes what it is sent."""
    with closing(database.open_database(database_file(settings))) as connection:
        while True:
            for destination in settings.destinations:
                now = datetime.now(UTC)
                taken = outbox.claim(connection, destination.name, now, 20, 3600.0)
                outbox.settle(connection, [Ended(one.delivery_id, State.ACKNOWLEDGED, now) for one in taken])
            threading.Event().wait(PAUSE_SECONDS)


def main(what: str, folder: Path, notes: Path) -> None:
    """Until somebody ends the process."""
    settings = settings_of(folder)
    if what == "bridge":
        deliver(settings)
    while what == "purge":
        purge(settings, SystemClock())
        threading.Event().wait(PAUSE_SECONDS)
    if what == "kiosk-that-never-waits":
        database.BUSY_TIMEOUT_MS = 0
    check_ins(settings, notes)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
