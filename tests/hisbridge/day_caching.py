"""A day's cache over a stand-in insurer, and many who ask at once."""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hisbridge.lookups.day_cache import DayCache
from hisbridge.lookups.kept_answers import KeptAnswers
from hisbridge.sealing import Sealer
from hisbridge.site_time import SiteTime
from tests.hisbridge.insurer import Insurer
from tests.hisbridge.making import FakeClock, database
from wire import sqlite
from wire.database import open_database

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))


@dataclass
class Bench:
    """A day's cache over a stand-in insurer and a real file, at a site seven hours ahead of UTC."""

    folder: Path
    insurer: Insurer
    clock: FakeClock = field(default_factory=FakeClock)
    seconds: Callable[[], float] | None = None
    opened: list[sqlite.Connection] = field(default_factory=list)
    caches: list[DayCache] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path = database(self.folder)

    def cache(self, key: bytes = KEY, most: int = 5000, told_by: str = "portal", opens: Any = None) -> DayCache:
        seals = Sealer(key)
        time = SiteTime(420, self.clock) if self.seconds is None else SiteTime(420, self.clock, self.seconds)
        made = DayCache(self.insurer, KeptAnswers(opens or self._open, seals, most), seals.name, time, told_by, 10.0)
        self.caches.append(made)
        return made

    def asked(self) -> int:
        return len(self.insurer.questions)

    def rows(self) -> list[sqlite.Row]:
        with closing(open_database(self.path)) as connection:
            return connection.execute("SELECT * FROM coverage_answers ORDER BY rowid").fetchall()

    def change(self, statement: str, *values: Any) -> None:
        with closing(open_database(self.path)) as connection:
            connection.execute(statement, values)

    def _open(self) -> sqlite.Connection:
        self.opened.append(open_database(self.path))
        return self.opened[-1]


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    made = Bench(tmp_path, Insurer())
    yield made
    for cache in made.caches:
        cache.close()


def together(work: Callable[[], Any], threads: int) -> list[Any]:
    """What so many threads get that begin at the same moment."""
    results: list[Any] = []
    gate = threading.Barrier(threads)

    def one() -> None:
        gate.wait()
        results.append(work())

    running = [threading.Thread(target=one) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(30)
    return results
