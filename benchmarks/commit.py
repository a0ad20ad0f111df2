"""The commit path: from a reading in hand to a durable ticket, beside a bare durable insert of the same bytes.

Both run on the same file system in the same process, turn by turn, so that a slow moment of the disk hits both.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from benchmarks.table import Table, quantile
from config.destinations import Hl7v2Destination
from config.settings import Settings, database_path, load
from hisbridge.questions import Coverage, Verdict
from kiosk.clock import SystemClock
from kiosk.store import open_store
from reader.reading import Evidence, Holder, Reading, Sex, Source
from tiepdon.migrations import MIGRATIONS
from wire.codec import to_json
from wire.database import Migration, migrate, open_database, transaction

ROUNDS = 400

HOLDER = Holder(
    personal_id="001303900017",
    full_name="Trần Thị Mẫu",
    birth_date="2003-02-14",
    sex=Sex.FEMALE,
    residence="Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội",
)
READING = Reading(
    reading_id="bench", holder=HOLDER, evidence=Evidence(source=Source.CHIP, read_at="2026-11-21T00:45:00Z")
)
COVERAGE = Coverage(verdict=Verdict.VALID, result_code="000", card_number="GD4000000000017")


def measure() -> list[Table]:
    """p50 and p95 of one check-in and of one bare insert, milliseconds, `synchronous=FULL`."""
    # Where the code is, not /tmp: that may be memory, where a flush costs nothing.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        check_in, bare = _pair(Path(folder))
        ours, peer = [], []
        for number in range(ROUNDS):
            ours.append(_milliseconds(check_in, number))
            peer.append(_milliseconds(bare, number))
    rows = (
        ("check-in: visit, ticket, outbox row", quantile(ours, 0.5), quantile(ours, 0.95)),
        ("bare durable insert, same bytes", quantile(peer, 0.5), quantile(peer, 0.95)),
        ("ratio", quantile(ours, 0.5) / quantile(peer, 0.5), quantile(ours, 0.95) / quantile(peer, 0.95)),
    )
    notes = (f"{ROUNDS} rounds in turn, WAL, synchronous=FULL, one process",)
    return [Table("One check-in, made durable (ms)", ("", "p50", "p95"), rows, notes)]


def _pair(folder: Path) -> tuple[Callable[[int], object], Callable[[int], object]]:
    base = load()
    destination = Hl7v2Destination(name="his", host="127.0.0.1", port=2575)
    settings = _settings(base, folder, destination)
    migrate(database_path(settings), MIGRATIONS)
    store = open_store(settings, SystemClock())

    def table(database: object) -> None:
        database["rows"].create({"id": str, "body": str}, pk="id", strict=True)  # type: ignore[index]

    migrate(folder / "bare.db", [Migration("bench-rows", table)])
    connection = open_database(folder / "bare.db")
    body = to_json(READING).decode() + to_json(COVERAGE).decode()

    def bare(number: int) -> None:
        with transaction(connection):
            connection.execute("INSERT INTO rows VALUES (?, ?)", (f"r{number}", body))

    return lambda number: store.check_in(f"p{number}", READING, COVERAGE), bare


def _settings(base: Settings, folder: Path, destination: Hl7v2Destination) -> Settings:
    """The settings with another state folder and one destination."""
    paths = replace(base.paths, state=str(folder), run=str(folder))
    return replace(base, paths=paths, destinations=(destination,))


def _milliseconds(action: Callable[[int], object], number: int) -> float:
    begin = time.perf_counter()
    action(number)
    return (time.perf_counter() - begin) * 1000
