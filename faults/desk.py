"""A process that checks people in, on the product's own store and counter, and notes what was acknowledged to it.

`python -m faults.desk CONFIG DESK SEED RECORDS NOTES`, killed and started again at will: a step that was not noted is
done again as the kiosk would after its restart, under the same presentation.
"""

import argparse
import os
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from config.settings import Settings, database_path, load
from faults.script import Kind, Step, script
from hisbridge.questions import Coverage, CoverageQuestion, Verdict
from kiosk.clock import SystemClock
from kiosk.counter import Counter, open_counter
from kiosk.schema import MIGRATIONS
from kiosk.store import Store, desk_of
from reader.reading import Evidence, Holder, Reading, Sex, Source
from wire import sqlite
from wire.database import DatabaseUnavailable, open_existing

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.02
LOOK_EVERY = 25  # steps
_WAITING = "SELECT count(*) FROM deliveries WHERE state IN ('queued', 'sending')"
NAME = "Trần Thị Mẫu"
UNKNOWN = Coverage(verdict=Verdict.UNVERIFIED, reason="portal.disabled")


@dataclass(frozen=True)
class Note:
    """What a desk was told is done. `at`: how long the recording was when it was told, 0 without one."""

    at: int
    step: int
    kind: Kind
    visit_id: str
    revision: int
    number: str  # of the ticket; empty where none was given

    @property
    def line(self) -> bytes:
        """As it stands in the file."""
        return f"{self.at}\t{self.step}\t{self.kind}\t{self.visit_id}\t{self.revision}\t{self.number}\n".encode()


def notes(file: Path) -> list[Note]:
    """What the desk noted so far; a last line that is not whole was not told."""
    if not file.exists():
        return []
    whole, _, _ = file.read_text("utf-8").rpartition("\n")
    lines = (line.split("\t") for line in whole.splitlines())
    return [
        Note(int(at), int(step), Kind(kind), visit, int(rev), number) for at, step, kind, visit, rev, number in lines
    ]


class Desk:
    """The script, from where the notes end."""

    def __init__(self, store: Store, counter: Counter, steps: list[Step], name: str, file: Path) -> None:
        self._store, self._counter, self._steps, self._name = store, counter, steps, name
        done = notes(file)
        self._visits = {steps[note.step].visit: note.visit_id for note in done if note.kind is Kind.ARRIVED}
        self._next = len(done)
        self._notes = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def work(self, recorded: Callable[[], int], wait_for_room: Callable[[], None], pause: float = 0.0) -> None:
        """To the end of the script, with so many seconds between two steps."""
        begun = time.monotonic() - self._next * pause
        for number in range(self._next, len(self._steps)):
            if pause:
                threading.Event().wait(max(0.0, begun + number * pause - time.monotonic()))
            if number % LOOK_EVERY == 0:
                wait_for_room()
            step = self._steps[number]
            ticket = _patiently(partial(self._do, step))
            note = Note(recorded(), number, step.kind, self._visits[step.visit], step.revision, ticket)
            os.write(self._notes, note.line)

    def _do(self, step: Step) -> str:
        if step.kind is Kind.ARRIVED:
            ticket = self._store.check_in(f"{self._name}-{step.visit}", reading(step.person), UNKNOWN).ticket
            assert ticket.visit_id is not None
            self._visits[step.visit] = ticket.visit_id
            return ticket.number
        visit = self._visits[step.visit]
        if step.kind is Kind.CANCELLED:
            self._store.cancel(visit, "fault run", "taken back")
            return ""
        question = CoverageQuestion(
            personal_id=step.person, full_name=NAME, visit_date=self._counter.today().isoformat()
        )
        # Another answer each time: one that is as it was goes to nobody.
        answer = Coverage(verdict=Verdict.VALID, result_code="000", card_number=f"GD4000{step.revision:09}")
        self._counter.take_over(visit, question, answer)
        return ""


def reading(person: str) -> Reading:
    """A synthetic person's card, as a chip reading gives it."""
    holder = Holder(
        personal_id=person,
        full_name=NAME,
        birth_date=f"20{person[4:6]}-02-14",
        sex=Sex.FEMALE,
        residence="Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội",
    )
    evidence = Evidence(source=Source.CHIP, read_at="2026-11-21T00:45:00Z")
    return Reading(reading_id="fault-run", holder=holder, evidence=evidence)


def _patiently(action: Callable[[], str]) -> str:
    """As the kiosk does: what could not be written is tried again."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return action()
        except DatabaseUnavailable:
            if time.monotonic() > until:
                raise
            threading.Event().wait(PAUSE_SECONDS)


def _room(connection: sqlite.Connection, most: int) -> None:
    """Wait until no more than so many deliveries wait, so that all that is killed is at work all the time."""
    while most and connection.execute(_WAITING).fetchone()[0] > most:
        threading.Event().wait(PAUSE_SECONDS)


def _store(settings: Settings, synchronous: str) -> Store:
    connection = open_existing(database_path(settings), MIGRATIONS)
    if synchronous:
        connection.execute(f"PRAGMA synchronous={synchronous}")
    return Store(connection, desk_of(settings), SystemClock())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("desk")
    parser.add_argument("seed", type=int)
    parser.add_argument("records", type=int)
    parser.add_argument("notes", type=Path)
    parser.add_argument("--recording", type=Path, help="what is written to the disk is recorded here")
    parser.add_argument("--synchronous", default="", help="another mode than the product's, to see that loss is seen")
    parser.add_argument(
        "--waiting", type=int, default=0, help="put nothing in while more deliveries wait; 0: never wait"
    )
    parser.add_argument("--a-second", type=float, default=0.0, help="no more steps than so many; 0: as many as can be")
    options = parser.parse_args()
    settings = load(options.config)
    store, counter = _store(settings, options.synchronous), open_counter(settings, SystemClock())
    desk = Desk(store, counter, script(options.seed, options.desk, options.records), options.desk, options.notes)
    recording: Path | None = options.recording
    with closing(open_existing(database_path(settings), MIGRATIONS)) as looking:
        desk.work(
            lambda: recording.stat().st_size if recording is not None else 0,
            lambda: _room(looking, options.waiting),
            1 / options.a_second if options.a_second else 0.0,
        )


if __name__ == "__main__":
    main()
