"""Time as an argument: seconds that never jump for limits, the wall's time for records.

Must not import Flask, a device library or a connector.
"""

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol


class Clock(Protocol):
    """Where the check-in gets its time from."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    def now(self) -> datetime:
        """The wall's time, with its offset. May jump: a Pi has no battery for its clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    def now(self) -> datetime:
        """The wall's time in UTC."""
        return datetime.now(UTC)


def at_site(now: datetime, utc_offset_minutes: int) -> datetime:
    """The same moment as the site's own wall shows it."""
    return now.astimezone(timezone(timedelta(minutes=utc_offset_minutes)))


def moment(now: datetime) -> str:
    """RFC 3339, to the second, with the offset the time carries."""
    return now.isoformat(timespec="seconds")
