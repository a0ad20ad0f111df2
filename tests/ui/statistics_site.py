"""The staff's application with the statistics on it, and closed days of a synthetic site behind them."""

from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from kiosk.connection import SharedConnection, site_database
from tests.kiosk.world import site
from tests.support.statistics_days import fill
from tests.ui.desk_site import DeskSite
from ui.statistics import routes

FRIDAY = date(2026, 11, 20)  # the day before tests.kiosk.world.MORNING


class StatisticsSite(DeskSite):
    """A site that has counted `days` days of about `tickets` tickets, up to FRIDAY."""

    def __init__(self, folder: Path, days: int = 40, tickets: int = 900) -> None:
        settings = site(folder)
        with closing(site_database(settings)()) as connection:
            fill(connection, FRIDAY, days, tickets)
        self.counted = SharedConnection(site_database(settings))
        super().__init__(folder, self._parts, settings)

    def _parts(self, _: DeskSite) -> tuple[Any, ...]:
        return (lambda app, build: routes.blueprint(app, self.settings, self.counted, self.clock, build),)

    def close(self) -> None:
        self.counted.close()
        super().close()
