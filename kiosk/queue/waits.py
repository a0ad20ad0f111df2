"""The wait of one ticket, from what the database knows: who is before it, and how its queue moved lately.

Must not import Flask, a device library or a connector.
"""

from datetime import datetime
from itertools import pairwise

from kiosk.queue import rows
from kiosk.queue.estimates import expected
from kiosk.queue.model import Standing, Wait
from kiosk.queue.rules import Rules
from wire import sqlite

GAPS = 20  # so many of the last calls say how fast a queue moves
RECENT_SECONDS = 3600
AT_ONCE = 5  # seconds: whoever is called so soon after coming waited for nobody


def wait_of(connection: sqlite.Connection, rules: Rules, ticket_id: str, now: datetime) -> Wait | None:
    """How many are called before this ticket and how long it may take, until its next call; None: it does not wait.

    Who passes reception first is told of reception: that is the number they listen for, and whether they must go on
    at all shows itself there.
    """
    entry = rows.one(connection, ticket_id)
    if entry is None or entry.place.standing is not Standing.WAITING or not rules.served(entry.place.queue):
        return None
    queue, wanted = entry.place.queue, entry.place.wanted
    ahead, first_since = rows.ahead(connection, ticket_id)
    begun = entry.since if first_since is None else first_since
    return _expected(connection, rules, (entry.day, queue, wanted), ahead, begun, bool(entry.place.priority), now)


def wait_of_newcomer(connection: sqlite.Connection, rules: Rules, day: str, queue: str, now: datetime) -> Wait | None:
    """The wait of whoever would come into this queue now, without a priority; None where nobody calls from it."""
    if not rules.served(queue):
        return None
    ahead = rows.count_all(connection, day, queue)
    begun = rows.first_since(connection, day, queue)
    moment = int(now.timestamp())
    return _expected(connection, rules, (day, queue, None), ahead, moment if begun is None else begun, False, now)


def _expected(
    connection: sqlite.Connection,
    rules: Rules,
    where: tuple[str, str, str | None],
    ahead: int,
    begun_waiting: int,
    first: bool,
    now: datetime,
) -> Wait:
    """`where`: day, queue, the one counter that may call; `begun_waiting`: since when the first stands there."""
    day, queue, wanted = where
    moment = int(now.timestamp())
    calls = rows.last_calls(connection, day, queue, wanted, GAPS + 1)
    recent = [call for call in calls if 0 <= moment - call.at <= RECENT_SECONDS]
    # A gap begins when somebody was there to be called: a counter that waited for people was not slow. Nor does it say
    # how fast it is, once people wait.
    turns = [(later, earlier) for later, earlier in pairwise(recent) if not ahead or later.at > later.since + AT_ONCE]
    gaps = [max(later.at - max(earlier.at, later.since), 0) for later, earlier in turns]
    begun = max([call.at for call in recent[:1]] + [begun_waiting])
    overtaking = 0.0 if first else sum(call.first for call in recent) / (len(recent) or 1)
    return expected(ahead, gaps, rules.usual_seconds(queue, wanted), max(moment - begun, 0), overtaking)
