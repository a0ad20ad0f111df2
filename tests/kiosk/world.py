"""What the kiosk's tests stand on: settings of a temporary site, a clock that is moved by hand, the real database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from config.destinations import Hl7v2Destination
from config.settings import Settings, database_path, load
from hisbridge.schema import MIGRATIONS as OUTBOX
from kiosk.schema import MIGRATIONS as KIOSK
from kiosk.store import Store, open_store
from tests.support.database import migrated
from wire import sqlite

MORNING = datetime(2026, 11, 21, 0, 45, tzinfo=UTC)  # a quarter to eight in Viet Nam


class HandClock:
    """Both clocks moved by hand, each on its own: the wall's may jump while seconds go on."""

    def __init__(self, wall: datetime = MORNING) -> None:
        self.seconds = 1000.0
        self.wall = wall

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.wall

    def jump(self, **far: float) -> None:
        self.wall += timedelta(**far)


def site(
    folder: Path, *, prefix: str = "A", destinations: tuple[str, ...] = ("his", "archive"), make: bool = True
) -> Settings:
    """Settings of a site that lives in `folder`, its database made."""
    settings = load()
    changed = msgspec.structs.replace(
        settings,
        paths=msgspec.structs.replace(settings.paths, state=str(folder), run=str(folder)),
        site=msgspec.structs.replace(settings.site, facility_code="01028", facility_name="Bệnh viện Mẫu"),
        kiosk=msgspec.structs.replace(settings.kiosk, ticket_prefix=prefix),
        destinations=tuple(Hl7v2Destination(name=name, host="127.0.0.1", port=1) for name in destinations),
    )
    if make:
        migrated(database_path(changed), (*KIOSK, *OUTBOX))
    return changed


@contextmanager
def store_of(settings: Settings, clock: HandClock | None = None) -> Iterator[Store]:
    with closing(open_store(settings, clock or HandClock())) as store:
        yield store


def rows(settings: Settings, query: str, *values: object) -> list[tuple[object, ...]]:
    """What stands in the database, read by a connection of its own."""
    with closing(sqlite.connect(database_path(settings))) as connection:
        return connection.execute(query, values).fetchall()
