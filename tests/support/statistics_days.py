"""Closed days of a synthetic site, as `kiosk.statistics` keeps them: seeded, so that pages look the same each time."""

import random
from collections import Counter
from datetime import date, timedelta

from kiosk.statistics_count import ENDS, HOURS, PATHS, PRIORITIES, VERDICTS, minutes_text
from kiosk.statistics_hide import protect_day
from wire import sqlite
from wire.database import transaction

_SHARES: dict[str, dict[str, float]] = {
    "path": {"chip_proven": 61, "chip": 4, "card_qr": 19, "phone_qr": 5, "typed": 4, "staff": 4, "none": 3, "mrz": 0.1},
    "verdict": {"valid": 78, "valid_new_card": 3, "not_insured": 8, "mismatch": 1, "open": 9, "child_temporary": 1},
    "service": {"KB": 70, "NHI": 20, "HEN": 10},
    "priority": {"ordinary": 80, "aged": 11, "under_six": 6, "pregnant": 2.5, "merit": 0.4, "severe_disability": 0.1},
    "language": {"vi": 98, "en": 2},
    "end": {"served": 93, "missed": 4, "waiting": 2, "cancelled": 1},
    "kiosk": {"kiosk-1": 55, "kiosk-2": 45},
    "hour": {
        f"{hour:02d}": share for hour, share in zip(range(6, 18), (6, 18, 20, 15, 9, 4, 2, 9, 8, 5, 3, 1), strict=True)
    },
}
_KNOWN = {"path": PATHS, "verdict": VERDICTS, "hour": HOURS, "priority": PRIORITIES, "end": ENDS}
DIFFERENT = 7  # days; then they begin again
_COLUMNS = {
    "statistics_days": "closed_at, tickets, visits",
    "statistics_told": "figure, name, count",
    "statistics_times": "side, name, measure, minutes",
    "statistics_deliveries": "destination, outcome, count",
    "tallies": "hour, kiosk, kind, name, count",
}
_TALLIES = (
    ("failure", "chip:card.removed", 4),
    ("failure", "chip:card.wrong_key", 2),
    ("failure", "code:payload.unknown", 3),
    ("failure", "printer:printer.no_paper", 1),
    ("abandoned", "ask_key", 3),
    ("abandoned", "confirm", 2),
    ("abandoned", "choose_service", 1),
    ("lookup", "insurance:portal.timeout", 3),
)


def fill(connection: sqlite.Connection, last: date, days: int, tickets: int, counters: int = 4) -> None:
    """So many closed days up to `last`, each of about so many tickets."""
    chance = random.Random(8)  # noqa: S311 - synthetic figures
    with transaction(connection):
        for back in range(days):
            day = last - timedelta(days=days - 1 - back)
            if back < DIFFERENT:
                _day(connection, chance, day.isoformat(), chance.randint(tickets * 8 // 10, tickets), counters)
            else:
                _again(connection, (day - timedelta(days=DIFFERENT)).isoformat(), day.isoformat())


def _again(connection: sqlite.Connection, like: str, day: str) -> None:
    """The figures of another day once more: a year of them is made at once."""
    for table, rest in _COLUMNS.items():
        connection.execute(f"INSERT INTO {table} SELECT ?, {rest} FROM {table} WHERE day = ?", (day, like))  # noqa: S608


def _day(connection: sqlite.Connection, chance: random.Random, day: str, tickets: int, counters: int) -> None:
    connection.execute("INSERT INTO statistics_days VALUES (?, ?, ?, ?)", (day, day, tickets, tickets))
    counts = {}
    for figure, shares in _SHARES.items():
        drawn = Counter(chance.choices(list(shares), list(shares.values()), k=tickets))
        names = (*_KNOWN.get(figure, ()), *sorted(set(drawn) - set(_KNOWN.get(figure, ()))))
        counts[figure] = {name: drawn[name] for name in names}
    for figure, told in protect_day(counts, 5).items():
        rows: list[tuple[str, int | None]] = [*told.cells.items(), *((name, None) for name in told.hidden)]
        rows += [("", told.together)] if told.hidden else []
        connection.executemany("INSERT INTO statistics_told VALUES (?, ?, ?, ?)", ((day, figure, *row) for row in rows))
    sides = [("all", "", tickets), *(("service", name, counts["service"][name]) for name in _SHARES["service"])]
    sides += [("hour", name, counts["hour"][name]) for name in _SHARES["hour"]]
    sides += [("counter", str(number + 1), tickets // counters) for number in range(counters)]
    for side, name, count in sides:
        for measure, mean in (("wait", 18), ("way", 1), ("service", 4), ("turn", 6)):
            drawn_minutes = Counter(max(0, round(chance.gauss(mean, mean / 3))) for _ in range(min(count, 300)))
            row = (day, side, name, measure, minutes_text(drawn_minutes))
            connection.execute("INSERT INTO statistics_times VALUES (?, ?, ?, ?, ?)", row)
    tally = "INSERT INTO tallies VALUES (?, ?, ?, ?, ?, ?)"
    for kiosk in ("kiosk-1", "kiosk-2"):
        for hour in range(7, 16):
            for kind, name, most in _TALLIES:
                connection.execute(tally, (day, hour, kiosk, kind, name, chance.randint(1, most)))
            connection.execute(tally, (day, hour, kiosk, "lookup", "insurance:answered", tickets // 20))
    connection.execute(tally, (day, 9, "kiosk-1", "offline_minutes", "portal", 12))
    connection.execute(tally, (day, 9, "kiosk-1", "went_offline", "portal", 2))
    for outcome, count in (("sent", tickets // 5 * 5), ("late", 7), ("refused", 2)):
        connection.execute("INSERT INTO statistics_deliveries VALUES (?, 'his', ?, ?)", (day, outcome, count))
