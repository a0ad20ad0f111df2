"""A worker that asks open questions again, with its database, a stand-in insurer and a clock that moves when told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hisbridge import pending
from hisbridge.asking_again import AskingAgain
from hisbridge.pacing import Backoff
from hisbridge.pending import State
from hisbridge.questions import Coverage
from hisbridge.site_time import SiteTime
from tests.hisbridge.insurer import Insurer, question
from tests.hisbridge.making import FakeClock, database
from wire import sqlite
from wire.database import open_database, transaction

FULL = Backoff(first_seconds=30.0, longest_seconds=1800.0, draw=lambda: 1.0)


class Bench:
    """A worker with its database, a stand-in insurer and a clock that moves only when told."""

    def __init__(self, folder: Path, *answers: Coverage | Exception) -> None:
        self.path = database(folder)
        self.db = open_database(self.path)
        self.insurer = Insurer(*answers)
        self.clock = FakeClock()
        self.worker = self.new_worker()

    def new_worker(self, most: int = 200, **differences: Any) -> AskingAgain:
        return AskingAgain(
            differences.pop("lookup", self.insurer),
            differences.pop("opens", lambda: open_database(self.path)),
            differences.pop("backoff", FULL),
            SiteTime(420, self.clock),
            most,
            **differences,
        )

    def note(self, *visits: str, **differences: Any) -> None:
        for visit in visits:
            with transaction(self.db):
                pending.note_open_question(self.db, visit, question(**differences), "portal.timeout", self.clock.moment)

    def row(self, visit: str = "v1") -> sqlite.Row:
        (row,) = self.db.execute("SELECT * FROM open_questions WHERE visit_id = ?", (visit,)).fetchall()
        assert isinstance(row, sqlite.Row)
        return row

    def state(self, visit: str = "v1") -> State:
        return State(self.row(visit)["state"])

    def close(self) -> None:
        self.worker.stop()
        self.worker.run(0.01)  # lets the connection go
        self.db.close()


@contextmanager
def bench(folder: Path, *answers: Coverage | Exception) -> Iterator[Bench]:
    made = Bench(folder, *answers)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def running(worker: AskingAgain, poll_seconds: float = 0.01) -> Iterator[None]:
    thread = threading.Thread(target=worker.run, args=(poll_seconds,))
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(10)
        assert not thread.is_alive()
