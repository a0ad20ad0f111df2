"""Whether the clock may be believed before anything is removed by it: a machine without a battery for its clock may
wake in another year, and a purge would take everybody with it.

What the site itself wrote down vouches for the clock: the last purge, and from there each check-in that came soon
enough after the one before. Must not import Flask, a device library or a connector.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

from config.settings import Settings
from kiosk.clock import Clock
from kiosk.connection import site_database
from wire import chain, sqlite
from wire.database import DatabaseUnavailable
from wire.errors import TiepDonError

FAR_DAYS = 40  # longer nobody leaves a site alone; a clock that was lost is months or years off
SET_RIGHT = timedelta(minutes=10)  # so far a clock goes back when it is set by the network

_LAST_PURGE = "SELECT at FROM audit WHERE act = 'purge' ORDER BY seq DESC LIMIT 1"
_CHECK_INS = "SELECT created_at FROM visits ORDER BY julianday(created_at)"


class ClockDoubtful(TiepDonError):
    """The clock is far ahead of everything the site wrote down, or behind the last purge (`now`, `known`: days)."""

    code = "purge.clock_doubtful"


def check_clock(settings: Settings, clock: Clock) -> None:
    """Raises ClockDoubtful; DatabaseUnavailable, DatabaseOutdated."""
    with closing(site_database(settings)()) as connection:
        try:
            judge(connection, clock.now())
        except sqlite.Error as error:
            raise DatabaseUnavailable(why=type(error).__name__) from None


def judge(connection: sqlite.Connection, now: datetime) -> None:
    """Raises ClockDoubtful. Nothing written down yet: there is nothing to remove."""
    row = connection.execute(_LAST_PURGE).fetchone()
    last = datetime.fromisoformat(row["at"]) if row is not None else None
    if last is not None and now < last - SET_RIGHT:
        raise ClockDoubtful(now=chain.moment(now)[:10], known=chain.moment(last)[:10])
    known = last
    for came in _check_ins(connection):
        if known is None or known < came <= known + timedelta(days=FAR_DAYS):
            known = came
    if known is not None and now > known + timedelta(days=FAR_DAYS):
        raise ClockDoubtful(now=chain.moment(now)[:10], known=chain.moment(known)[:10])


def _check_ins(connection: sqlite.Connection) -> Iterator[datetime]:
    return (datetime.fromisoformat(row["created_at"]) for row in connection.execute(_CHECK_INS))
