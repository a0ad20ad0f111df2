"""The site's statistics: days closed once, before the purge removes whom they count, and told for years.

A day that is over is counted whole, hidden where it must be (`kiosk.statistics_hide`) and kept as it may be told; the
exact counts are kept until its month is closed and then removed. What comes late to a day (a ticket of another kiosk, a
delivery) counts while its month's door is open. Must not import Flask, a device library or a connector.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Protocol

from kiosk import statistics_count as counting
from kiosk.statistics_count import Place
from kiosk.statistics_hide import Day, Told, protect_day, rounded, sums_over_days
from wire import sqlite
from wire.database import transaction

LEAST = 5  # a smaller count is not told by itself
OPEN_DAYS = 3  # so long after its day what comes late is counted, and so long after its end a month is closed
DELIVERY_DAYS = 31  # a delivery may be taken that much later

_TO_CLOSE = """
SELECT DISTINCT day FROM tickets WHERE day < ? AND (day >= ? OR day NOT IN (SELECT day FROM statistics_days))
"""
_SIZE = """
SELECT count(*) AS tickets, count(visits.id) AS visits FROM tickets LEFT JOIN visits ON visits.id = visit_id
WHERE tickets.day = ?
"""
_KNOWN = "SELECT tickets, visits FROM statistics_days WHERE day = ?"
_CLOSED = "INSERT OR REPLACE INTO statistics_days (day, closed_at, tickets, visits) VALUES (?, ?, ?, ?)"
_EXACT = "INSERT INTO statistics_exact (day, figure, name, count) VALUES (?, ?, ?, ?)"
_TOLD = "INSERT INTO statistics_told (day, figure, name, count) VALUES (?, ?, ?, ?)"
_TIMES = "INSERT INTO statistics_times (day, side, name, measure, minutes) VALUES (?, ?, ?, ?, ?)"
_DELIVERED = "INSERT INTO statistics_deliveries (day, destination, outcome, count) VALUES (?, ?, ?, ?)"
_OPEN_MONTHS = "SELECT DISTINCT substr(day, 1, 7) FROM statistics_exact WHERE substr(day, 1, 7) < ? ORDER BY 1"
_OF_MONTH = "SELECT day, figure, name, count FROM statistics_exact WHERE substr(day, 1, 7) = ? ORDER BY day, figure"
_TOLD_OF_MONTH = "SELECT day, figure, name, count FROM statistics_told WHERE substr(day, 1, 7) = ?"
_MONTH = """
INSERT INTO statistics_months (month, figure, name, count) VALUES (?, ?, ?, ?)
ON CONFLICT (month, figure, name) DO UPDATE SET count = count + excluded.count
"""


class Site(Protocol):
    """What of `config.settings.SiteSettings` is needed."""

    @property
    def utc_offset_minutes(self) -> int:
        """Minutes the site's clock is ahead of UTC."""
        ...

    @property
    def kiosk_id(self) -> str:
        """The kiosk's own name."""
        ...


def close_days(
    connection: sqlite.Connection, site: Site, today: date, least: int = LEAST, language: str = "vi"
) -> list[str]:
    """Count every day before `today` (the site's) that is not counted yet or to which more came since; the days counted
    now. Then close the months that are over. Each day is a transaction of its own; the same call again changes nothing.

    `least`: a smaller count is hidden; it holds for the days closed now. To be called before persons are removed.
    Raises DatabaseUnavailable.
    """
    place = Place(site.utc_offset_minutes, site.kiosk_id, language)
    latest = (today - timedelta(days=OPEN_DAYS)).isoformat()
    days = [str(row[0]) for row in connection.execute(_TO_CLOSE, (today.isoformat(), latest))]
    closed = [day for day in sorted(days) if _close(connection, place, day, today, least)]
    _count_deliveries(connection, place, today, least)
    for (month,) in connection.execute(_OPEN_MONTHS, (latest[:7],)).fetchall():
        _close_month(connection, str(month), least)
    return closed


def _close(connection: sqlite.Connection, place: Place, day: str, today: date, least: int) -> bool:
    with transaction(connection):
        (size,) = connection.execute(_SIZE, (day,)).fetchall()
        known = connection.execute(_KNOWN, (day,)).fetchone()
        grown = known is None or (size["tickets"] > known["tickets"] and size["visits"] >= known["visits"])
        if not grown and not (known and (size["tickets"], size["visits"]) == (known["tickets"], known["visits"])):
            return False  # persons of that day were removed: what was counted stands
        counts = counting.count_day(connection, place, day)
        exact = [(day, figure, name, count) for figure, names in counts.items() for name, count in names.items()]
        if not grown and _unchanged(connection, day, exact):
            return False
        for table in ("exact", "told", "times"):
            connection.execute(f"DELETE FROM statistics_{table} WHERE day = ?", (day,))  # noqa: S608 - our own names
        connection.execute(_CLOSED, (day, today.isoformat(), size["tickets"], size["visits"]))
        connection.executemany(_EXACT, exact)
        for figure, told in protect_day(counts, least).items():
            connection.executemany(_TOLD, ((day, figure, name, count) for name, count in _rows(told)))
        times = counting.count_times(connection, place, day)
        connection.executemany(_TIMES, ((day, *key, counting.minutes_text(minutes)) for key, minutes in times.items()))
    return True


def _unchanged(connection: sqlite.Connection, day: str, exact: Iterable[tuple[str, str, str, int]]) -> bool:
    rows = connection.execute("SELECT day, figure, name, count FROM statistics_exact WHERE day = ?", (day,))
    return {tuple(row) for row in rows} == set(exact)


def _rows(told: Told) -> Iterable[tuple[str, int | None]]:
    yield from told.cells.items()
    yield from ((name, None) for name in told.hidden)
    if told.hidden:
        yield "", told.together


def _count_deliveries(connection: sqlite.Connection, place: Place, today: date, least: int) -> None:
    """Deliveries are taken long after their day; a day of which rows were removed keeps what was counted."""
    for back in range(1, DELIVERY_DAYS + 1):
        day = (today - timedelta(days=back)).isoformat()
        found = {
            (destination, outcome): rounded(count, least) if outcome == "sent" else count
            for (destination, outcome), count in counting.count_deliveries(connection, place, day).items()
        }
        known = {
            (str(row["destination"]), str(row["outcome"])): int(row["count"])
            for row in connection.execute(
                "SELECT destination, outcome, count FROM statistics_deliveries WHERE day = ?", (day,)
            )
        }
        if found == known or sum(found.values()) + least < sum(known.values()):
            continue
        with transaction(connection):
            connection.execute("DELETE FROM statistics_deliveries WHERE day = ?", (day,))
            connection.executemany(_DELIVERED, ((day, *key, count) for key, count in found.items()))


def _close_month(connection: sqlite.Connection, month: str, least: int) -> None:
    """Sums of what was hidden, as far as they may be told; then nothing exact is left of the month."""
    exact: dict[tuple[str, str], dict[str, int]] = {}
    for row in connection.execute(_OF_MONTH, (month,)):
        exact.setdefault((row["figure"], row["day"]), {})[row["name"]] = row["count"]
    told: dict[tuple[str, str], dict[str, int | None]] = {}
    for row in connection.execute(_TOLD_OF_MONTH, (month,)):
        told.setdefault((row["figure"], row["day"]), {})[row["name"]] = row["count"]
    days: dict[str, list[Day]] = {}
    for (figure, day), counts in exact.items():
        days.setdefault(figure, []).append(Day(counts, _as_told(counts, told.get((figure, day), {}))))
    with transaction(connection):
        for figure, its in days.items():
            sums = sums_over_days(its, least)
            connection.executemany(_MONTH, ((month, figure, name, count) for name, count in sums.items()))
        connection.execute("DELETE FROM statistics_exact WHERE substr(day, 1, 7) = ?", (month,))
        connection.execute("DELETE FROM tallies WHERE kind = 'language' AND substr(day, 1, 7) <= ?", (month,))


def _as_told(counts: Mapping[str, int], rows: Mapping[str, int | None]) -> Told:
    cells = {name: count for name, count in rows.items() if name and count is not None}
    return Told(cells, tuple(name for name in counts if name not in cells), rows.get(""))
