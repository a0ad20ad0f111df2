"""One day counted from what the database holds of it: tickets, visits, moves, deliveries, and what `wire.tally` kept.

Only counts leave this module. Definitions of each figure: docs/statistics.md. Must not import Flask, a device library
or a connector.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hisbridge.outbox import moment
from hisbridge.questions import Verdict
from kiosk.queue.figures import measured
from kiosk.queue.model import Priority, Standing
from wire import sqlite

# Each in the order of importance to the report: what must be hidden with a small count is taken from the end.
PATHS = ("chip_proven", "card_qr", "staff", "typed", "chip", "mrz", "insurance_qr", "phone_qr", "none")
VERDICTS = (*(one.value for one in Verdict if one is not Verdict.UNVERIFIED), "open")
PRIORITIES = (*(one.value for one in Priority if one), "ordinary")
ENDS = ("served", "missed", "cancelled", "begun", "waiting")
HOURS = tuple(f"{hour:02d}" for hour in range(24))

LATE_SECONDS = 300  # what a receiver took later than that came late

_ENDS = {
    Standing.DONE: "served",
    Standing.MISSED: "missed",
    Standing.WAITING: "waiting",
    Standing.CANCELLED: "cancelled",
}

# A chip is proven where its data are signed by a known authority and it is no copy (ICAO Doc 9303-11, 5 and 6).
_TICKETS = """
SELECT (issued_seconds / 60 + :offset) / 60 % 24 AS hour, tickets.service_code, standing, priority, verdict,
  CASE WHEN visit_id IS NULL THEN 'none'
    WHEN EXISTS (SELECT 1 FROM corrections WHERE corrections.visit_id = visits.id AND field = 'entry') THEN 'staff'
    WHEN source <> 'chip' THEN source
    WHEN record ->> '$.evidence.checks.signature.result' = 'passed'
      AND record ->> '$.evidence.checks.chain.result' = 'passed'
      AND 'passed' IN (record ->> '$.evidence.checks.chip_authentication.result',
                       record ->> '$.evidence.checks.active_authentication.result') THEN 'chip_proven'
    ELSE 'chip' END AS path,
  coalesce(record ->> '$.site.kiosk_id', (SELECT machine FROM arrivals WHERE ticket_id = tickets.id), :kiosk) AS kiosk
FROM tickets LEFT JOIN visits ON visits.id = visit_id WHERE tickets.day = :day
"""
_LANGUAGES = "SELECT name, sum(count) FROM tallies WHERE day = ? AND kind = 'language' GROUP BY name"
_DELIVERIES = """
SELECT destination, CASE
    WHEN state = 'acknowledged' AND (julianday(finished_at) - julianday(created_at)) * 86400 <= :late THEN 'sent'
    WHEN state = 'acknowledged' THEN 'late'
    WHEN state IN ('rejected', 'dead') THEN 'refused'
    WHEN state = 'cancelled' THEN 'cancelled'
    ELSE 'waiting' END AS outcome, count(*) AS count
FROM deliveries WHERE created_at >= :first AND created_at < :past GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Place:
    """Whose day it is: the minutes its clock is ahead of UTC, the kiosk's own name, the language it greets in."""

    utc_offset_minutes: int
    kiosk_id: str
    language: str


Counts = dict[str, dict[str, int]]  # by figure, by name
Times = dict[tuple[str, str, str], dict[int, int]]  # by side, name and measure: minutes to count


def count_day(connection: sqlite.Connection, place: Place, day: str) -> Counts:
    """The day's tickets by each figure, each of them counted once in each."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    wanted = {"day": day, "offset": place.utc_offset_minutes, "kiosk": place.kiosk_id}
    tickets = 0
    for row in connection.execute(_TICKETS, wanted):
        tickets += 1
        found["path"][row["path"]] += 1
        found["verdict"]["open" if row["verdict"] in (None, Verdict.UNVERIFIED) else row["verdict"]] += 1
        found["service"][row["service_code"]] += 1
        found["hour"][f"{row['hour']:02d}"] += 1
        found["priority"][row["priority"] or "ordinary"] += 1
        found["end"][_ENDS.get(row["standing"], "begun")] += 1
        found["kiosk"][row["kiosk"]] += 1
    # Who was entered at the counter, or came at another kiosk, was asked for no language here: the site's own.
    spoken = {str(name): int(count) for name, count in connection.execute(_LANGUAGES, (day,))}
    others = sum(count for name, count in spoken.items() if name != place.language)
    found["language"].update({place.language: max(tickets - others, 0)} | _others(spoken, place.language, tickets))
    known = {"path": PATHS, "verdict": VERDICTS, "hour": HOURS, "priority": PRIORITIES, "end": ENDS}
    return {figure: _ordered(counts, known.get(figure, ())) for figure, counts in found.items()}


def count_times(connection: sqlite.Connection, place: Place, day: str) -> Times:
    """How many took how many whole minutes: of all, by service (its queue), hour and counter."""
    found: Times = defaultdict(lambda: defaultdict(int))
    for one in measured(connection, day, day, place.utc_offset_minutes):
        minutes = round(one.seconds / 60)
        sides = {"all": "", "service": one.queue, "hour": f"{one.hour:02d}", "counter": one.counter}
        for side, name in sides.items():
            found[side, name, one.measure.value][minutes] += 1
    return found


def count_deliveries(connection: sqlite.Connection, place: Place, day: str) -> dict[tuple[str, str], int]:
    """What became of the messages owed on that day (of the site), by destination and outcome."""
    midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00") - timedelta(minutes=place.utc_offset_minutes)
    within = {"first": moment(midnight), "past": moment(midnight + timedelta(days=1)), "late": LATE_SECONDS}
    rows = connection.execute(_DELIVERIES, within)
    return {(str(row["destination"]), str(row["outcome"])): int(row["count"]) for row in rows}


def minutes_text(minutes: Mapping[int, int]) -> str:
    """As it is kept."""
    return json.dumps({str(one): minutes[one] for one in sorted(minutes)}, separators=(",", ":"))


def _others(spoken: Mapping[str, int], own: str, tickets: int) -> dict[str, int]:
    """Other languages, never more of them than there are tickets: a count outlives a ticket that was rolled back."""
    left, told = tickets, {}
    for name in sorted(spoken):
        if name != own:
            told[name] = min(spoken[name], left)
            left -= told[name]
    return told


def _ordered(counts: Mapping[str, int], known: tuple[str, ...]) -> dict[str, int]:
    return {name: counts.get(name, 0) for name in (*known, *sorted(set(counts) - set(known)))}
