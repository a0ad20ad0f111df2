"""A kiosk on another machine: its own database and store, its bridge's courier to the desk; also as a process to kill.

`python -m tests.ui.second_kiosk FOLDER ADDRESS TOKEN_FILE` carries what its outbox owes until it is killed.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from config.destinations import DeskDestination
from config.settings import Settings, database_path
from hisbridge.connectors.desk import DeskConnector
from hisbridge.delivery import Courier
from hisbridge.pacing import Backoff
from hisbridge.rendering_mark import RenderingMark
from tests.kiosk.world import MORNING
from tests.ui.api_site import house
from wire.database import open_database

AT_ONCE = Backoff(first_seconds=0.02, longest_seconds=0.05, draw=lambda: 1.0)


def kiosk_settings(folder: Path, address: str, token_file: Path, prefix: str = "B", *, fresh: bool = True) -> Settings:
    """The settings of a second kiosk whose desk listens there."""
    settings = house(folder, prefix=prefix, make=fresh)
    desk = DeskDestination(name="desk", base_url=address, token_file=str(token_file), timeout_seconds=5)
    site = msgspec.structs.replace(settings.site, kiosk_id="kiosk-2")
    return msgspec.structs.replace(settings, site=site, destinations=(desk,))


def courier_of(settings: Settings, clock: Callable[[], float] = MORNING.timestamp) -> Courier:
    """What carries this kiosk's outbox to its desk. `clock`: as the desk's, mostly the tests' own morning."""
    (desk,) = settings.destinations
    assert isinstance(desk, DeskDestination)
    connector = DeskConnector(desk, clock)
    path = database_path(settings)
    mark = RenderingMark(path.with_name("mark"))
    return Courier(
        desk.name, desk.connector, connector, lambda: open_database(path), AT_ONCE, lambda: datetime.now(UTC), mark=mark
    )


if __name__ == "__main__":
    told = kiosk_settings(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), fresh=False)
    print("ready", flush=True)
    courier_of(told).run(0.02)
