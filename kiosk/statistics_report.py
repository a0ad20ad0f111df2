"""The figures of some days, put together from what was told of each day for good (`kiosk.statistics`).

Nothing is read here but what may be told: whoever asks for other days, overlapping ones too, learns no more. Must not
import Flask, a device library or a connector.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec

from kiosk.queue.figures import Measure
from kiosk.statistics_events import ABANDONED, FAILURE
from wire import sqlite

FIGURES = ("path", "verdict", "service", "hour", "priority", "language", "end", "kiosk")
LEAST_TIMES = 5  # fewer say something of each of them
LEAST_MOST = 10  # of fewer, nine in ten is nearly the longest one
BANDS = (1000, 500, 200, 100, 50, 20, 10, LEAST_TIMES)  # how many were measured is told no closer
STEP = 5  # to which answers of a day are rounded
LOOKUP, OFFLINE_MINUTES, WENT_OFFLINE = "lookup", "offline_minutes", "went_offline"  # hisbridge.lookup_tally

_TOLD = """
SELECT told.figure, told.name, sum(told.count) AS count,
  sum(told.count IS NULL AND sums.count IS NULL) AS hidden,
  (SELECT ifnull(sum(count), 0) FROM statistics_months AS m
   WHERE m.figure = told.figure AND m.name = told.name AND m.month IN (SELECT value FROM json_each(:months))) AS besides
FROM statistics_told AS told
LEFT JOIN statistics_months AS sums ON sums.month = substr(told.day, 1, 7) AND sums.figure = told.figure
  AND sums.name = told.name AND sums.month IN (SELECT value FROM json_each(:months))
WHERE told.day BETWEEN :first AND :last GROUP BY told.figure, told.name
"""
_BY_DAY = """
SELECT day, sum(count) AS count, sum(name = '' AND count IS NULL) AS hidden FROM statistics_told
WHERE day BETWEEN :first AND :last AND figure = :figure AND (:name = '' OR name = :name) GROUP BY day ORDER BY day
"""
# Nothing of a service, an hour or a day whose tickets are hidden: two spans that differ by that day tell the same.
_TIMES = """
SELECT side, name, measure, minutes FROM statistics_times AS times WHERE day BETWEEN :first AND :last
AND NOT EXISTS (SELECT 1 FROM statistics_told AS told WHERE told.day = times.day AND told.count IS NULL
AND (told.name = '' OR (told.figure = times.side AND told.name = times.name)))
"""
# Questions that were answered follow the number of people one by one: each day's are rounded, whatever the span.
_TALLIES = """
SELECT kind, name,
  sum(iif(kind = 'lookup' AND name LIKE '%:answered', (count + :step / 2) / :step * :step, count)) AS count
FROM (SELECT day, kind, name, sum(count) AS count FROM tallies WHERE day BETWEEN :first AND :last
  AND kind <> 'language' AND (:kiosk = '' OR kiosk = :kiosk) GROUP BY day, kind, name)
GROUP BY kind, name
"""
_DELIVERIES = """
SELECT destination, outcome, sum(count) AS count FROM statistics_deliveries WHERE day BETWEEN :first AND :last
GROUP BY destination, outcome
"""
_KIOSKS = """
SELECT name FROM statistics_told WHERE figure = 'kiosk' AND name <> '' AND day BETWEEN :first AND :last
UNION SELECT kiosk FROM tallies WHERE day BETWEEN :first AND :last ORDER BY 1
"""
_DAYS = "SELECT day FROM statistics_days WHERE day BETWEEN :first AND :last ORDER BY day"
_SPAN = "SELECT min(day) AS first, max(day) AS last FROM statistics_days"


@dataclass(frozen=True)
class Cell:
    """How often. `at_least`: on some days it was hidden, and is among what is told together."""

    name: str
    count: int
    at_least: bool = False


@dataclass(frozen=True)
class Table:
    """One figure. `together`: what is in no cell because it was hidden; `left_out`: days too small to tell anything."""

    figure: str
    cells: tuple[Cell, ...]
    together: int = 0
    left_out: int = 0

    @property
    def total(self) -> int:
        """Of all cells and what is told together."""
        return sum(cell.count for cell in self.cells) + self.together


@dataclass(frozen=True)
class Times:
    """Minutes of one measure. `side`: `all`, `service`, `hour` or `counter`, and `name` which one; `count`: so many at
    least were measured; `most`: nine in ten took no longer, None of too few."""

    side: str
    name: str
    measure: str
    count: int
    median: int
    most: int | None


@dataclass(frozen=True)
class DayTotal:
    """One day's tickets; None: too few to tell."""

    day: str
    count: int | None


@dataclass(frozen=True)
class Lookups:
    """One outside system: `asked` questions, about so many `answered` in time; `reasons`: codes of why not."""

    system: str
    asked: int
    answered: int
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class Line:
    """How long an outside system's line was away, and how often."""

    name: str
    minutes: int
    spans: int


@dataclass(frozen=True)
class Report:
    """The figures of the days `first` to `last`, both included; `days`: how many of them were counted."""

    first: date
    last: date
    kiosk: str
    days: int
    tables: Mapping[str, Table]
    by_day: tuple[DayTotal, ...]
    times: tuple[Times, ...]
    lookups: tuple[Lookups, ...]
    lines: tuple[Line, ...]
    failures: Mapping[str, int]  # `device:code`
    abandoned: Mapping[str, int]  # by screen
    deliveries: Mapping[str, Mapping[str, int]]  # by destination, then outcome


def counted_span(connection: sqlite.Connection) -> tuple[date, date] | None:
    """The first and the last day that was counted; None: none was."""
    row = connection.execute(_SPAN).fetchone()
    return None if row["first"] is None else (date.fromisoformat(row["first"]), date.fromisoformat(row["last"]))


def kiosks(connection: sqlite.Connection, first: date, last: date) -> list[str]:
    """Which kiosks these days know."""
    return [str(row[0]) for row in connection.execute(_KIOSKS, _span(first, last))]


def report(connection: sqlite.Connection, first: date, last: date, kiosk: str = "") -> Report:
    """The figures of these days. `kiosk`: of one alone, as far as that may be told: its tickets, failures, abandoned
    check-ins; of persons nothing else is told by kiosk, for all but one would tell of that one."""
    span = _span(first, last)
    tables = {one.figure: one for one in _tables(connection, first, last)}
    figure, name = ("kiosk", kiosk) if kiosk else ("path", "")
    by_day = tuple(
        DayTotal(row["day"], None if row["hidden"] or row["count"] is None else row["count"])
        for row in connection.execute(_BY_DAY, {**span, "figure": figure, "name": name})
    )
    tallies: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(_TALLIES, {**span, "kiosk": kiosk, "step": STEP}):
        tallies[row["kind"]][row["name"]] = row["count"]
    deliveries: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(_DELIVERIES, span):
        deliveries[row["destination"]][row["outcome"]] = row["count"]
    return Report(
        first=first,
        last=last,
        kiosk=kiosk,
        days=len(connection.execute(_DAYS, span).fetchall()),
        tables={"kiosk": tables["kiosk"]} if kiosk and "kiosk" in tables else tables,
        by_day=by_day,
        times=() if kiosk else tuple(_times(connection, span)),
        lookups=tuple(_lookups(tallies[LOOKUP])),
        lines=tuple(
            Line(name, minutes, tallies[WENT_OFFLINE].get(name, 0))
            for name, minutes in sorted(tallies[OFFLINE_MINUTES].items())
        ),
        failures=_largest_first(tallies[FAILURE]),
        abandoned=_largest_first(tallies[ABANDONED]),
        deliveries=deliveries,
    )


def _span(first: date, last: date) -> dict[str, str]:
    return {"first": first.isoformat(), "last": last.isoformat()}


def whole_months(first: date, last: date) -> list[str]:
    """The months (`2026-11`) of which every day lies in the range."""
    months, day = [], first if first.day == 1 else _next_month(first)
    while _next_month(day) - timedelta(days=1) <= last:
        months.append(f"{day:%Y-%m}")
        day = _next_month(day)
    return months


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _tables(connection: sqlite.Connection, first: date, last: date) -> Iterable[Table]:
    months = msgspec.json.encode(whole_months(first, last)).decode()
    rows: dict[str, list[sqlite.Row]] = defaultdict(list)
    for row in connection.execute(_TOLD, {**_span(first, last), "months": months}):
        rows[row["figure"]].append(row)
    for figure in FIGURES:
        cells = tuple(
            Cell(row["name"], (row["count"] or 0) + row["besides"], bool(row["hidden"]))
            for row in rows[figure]
            if row["name"]
        )
        besides = sum(row["besides"] for row in rows[figure])
        together = next((row for row in rows[figure] if not row["name"]), None)
        if cells:
            count = 0 if together is None else (together["count"] or 0) - besides
            yield Table(figure, cells, count, 0 if together is None else together["hidden"])


def _times(connection: sqlite.Connection, span: Mapping[str, str]) -> Iterable[Times]:
    found: dict[tuple[str, str, str], Counter[int]] = defaultdict(Counter)
    decode = msgspec.json.Decoder(dict[int, int]).decode
    for row in connection.execute(_TIMES, span):
        counts = found[row["side"], row["name"], row["measure"]]
        for minutes, count in decode(row["minutes"]).items():
            counts[minutes] += count
    order = {measure.value: number for number, measure in enumerate(Measure)}
    for side, name, measure in sorted(found, key=lambda key: (key[0], key[1], order.get(key[2], 9))):
        counts = found[side, name, measure]
        count = counts.total()
        if count >= LEAST_TIMES:
            most = _at(counts, 0.9) if count >= LEAST_MOST else None
            yield Times(side, name, measure, _band(count), _at(counts, 0.5), most)


def _at(counts: Mapping[int, int], share: float) -> int:
    """The minutes within which this share of them was done."""
    left = share * sum(counts.values())
    for minutes in sorted(counts):
        left -= counts[minutes]
        if left <= 1e-9:
            return minutes
    return max(counts)


def _band(count: int) -> int:
    return next(one for one in BANDS if count >= one)


def _lookups(tally: Mapping[str, int]) -> Iterable[Lookups]:
    by_system: dict[str, dict[str, int]] = defaultdict(dict)
    for name, count in tally.items():
        system, _, outcome = name.partition(":")
        by_system[system][outcome] = count
    for system, outcomes in sorted(by_system.items()):
        answered = outcomes.pop("answered", 0)
        yield Lookups(system, answered + sum(outcomes.values()), answered, _largest_first(outcomes))


def _largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
