"""A site with its clock, its store and a look into its database, for tests that follow what is kept of people."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import Settings, database_path
from kiosk.store import Store
from tests.kiosk.world import HandClock, site, store_of
from wire import sqlite
from wire.database import open_database


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return site(tmp_path / "state")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(settings: Settings, clock: HandClock) -> Iterator[Store]:
    with store_of(settings, clock) as opened:
        yield opened


@pytest.fixture
def database(settings: Settings) -> Iterator[sqlite.Connection]:
    with closing(open_database(database_path(settings))) as connection:
        yield connection
