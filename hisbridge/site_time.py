"""The bridge's time: the wall's for what is said and for what day it is at the site, seconds for what is waited."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone


@dataclass(frozen=True)
class SiteTime:
    """`now` is aware and may jump; `monotonic` never goes back; the site's day begins at its own midnight."""

    utc_offset_minutes: int
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    monotonic: Callable[[], float] = time.monotonic

    def today(self) -> str:
        """The site's date, ISO 8601."""
        zone = timezone(timedelta(minutes=self.utc_offset_minutes))
        return self.now().astimezone(zone).date().isoformat()
