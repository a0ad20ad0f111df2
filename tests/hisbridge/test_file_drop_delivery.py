"""The courier and a folder: whatever happens to the folder, every record is in it once, in order, in the end."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.destinations import FileDropDestination
from hisbridge import outbox
from hisbridge.connectors.file_drop import FileDropConnector
from hisbridge.delivery import Courier
from hisbridge.outbox import State
from hisbridge.pacing import Backoff
from hisbridge.records import PatientRecord
from tests.hisbridge.checkin_xml_asking import lying
from tests.hisbridge.making import FakeClock, database, listed, patient, record
from wire import sqlite
from wire.codec import from_json
from wire.database import open_database, transaction

FULL = Backoff(first_seconds=1.0, longest_seconds=300.0, draw=lambda: 1.0)


class Bench:
    def __init__(self, folder: Path, **differences: Any) -> None:
        self.share = folder / "share"
        self.clock = FakeClock()
        self.path = database(folder)
        self.db: sqlite.Connection = open_database(self.path)
        settings = FileDropDestination(**{"name": "drop", "folder": str(self.share), **differences})
        connector = FileDropConnector(settings)
        self.courier = Courier("drop", "file_drop", connector, lambda: open_database(self.path), FULL, self.clock)

    def owe(self, *visits: str) -> None:
        for number, visit in enumerate(visits):
            with transaction(self.db):
                made = record(visit, patient=patient(personal_id=f"{number + 1:012}"))
                outbox.enqueue(self.db, made, ("drop",), self.clock())

    def drain(self) -> None:
        self.clock.advance(600)
        for _ in range(100):
            if self.courier.step() is None:
                break

    def states(self) -> list[State]:
        return [one.state for one in listed(self.db)]

    def visits(self) -> list[str]:
        """Visits in the folder, in the receiver's order; they arrived at one moment here, so that the key decides."""
        files = [self.share / name for name in lying(self.share)]
        return [from_json(file.read_bytes(), PatientRecord).visit.visit_id for file in files]


@contextmanager
def bench(folder: Path, **differences: Any) -> Iterator[Bench]:
    made = Bench(folder, **differences)
    try:
        yield made
    finally:
        made.courier.stop()
        made.courier.run(0.01)
        made.db.close()


def test_a_share_that_is_away_keeps_every_record_waiting_and_uses_up_nobodys_tries(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.owe("v1", "v2", "v3")
        b.courier.step()
        assert b.states() == [State.QUEUED] * 3
        assert {one.last_error for one in listed(b.db)} == {"file_drop.folder_missing", None}
        b.share.mkdir()
        b.drain()
        assert b.states() == [State.ACKNOWLEDGED] * 3
        assert sorted(b.visits()) == ["v1", "v2", "v3"]


def test_a_full_folder_stops_nothing_for_ever(tmp_path: Path) -> None:
    with bench(tmp_path, most_waiting=2) as b:
        b.share.mkdir()
        b.owe("v1", "v2", "v3", "v4")
        b.drain()
        taken = b.visits()
        assert len(taken) == 2
        assert b.states().count(State.ACKNOWLEDGED) == 2
        shutil.rmtree(b.share)
        b.share.mkdir()
        b.drain()
        assert b.states() == [State.ACKNOWLEDGED] * 4
        assert sorted(taken + b.visits()) == ["v1", "v2", "v3", "v4"]


def test_an_attempt_whose_outcome_was_lost_writes_no_second_file(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.share.mkdir()
        b.owe("v1")
        b.drain()
        b.db.execute("UPDATE deliveries SET state = 'sending', finished_at = NULL")
        b.db.commit()
        outbox.reset_sending(b.db, "drop")
        b.drain()
        assert b.states() == [State.ACKNOWLEDGED]
        (told,) = listed(b.db)
        assert told.receipt is not None
        assert told.receipt.startswith("was there ")
        assert b.visits() == ["v1"]
