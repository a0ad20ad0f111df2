"""The wait of one ticket, from what the database knows: who is before it, and how its queue moved lately.

Must not import Flask, a device library or a connector.
"""

import sqlite3
from datetime import datetime
from itertools import pairwise

from kiosk.queue import rows
from kiosk.queue.estimates import expected
from kiosk.queue.model import Standing, Wait
from kiosk.queue.rules import Rules

GAPS = 20  # so many of the last calls say how fast a queue moves
RECENT_SECONDS = 3600


def wait_of(connection: sqlite3.Connection, rules: Rules, ticket_id: str, now: datetime) -> Wait | None:
    """How many are called before this ticket and how long it may take, until its next call; None: it does not wait.

    Who passes reception first is told of reception: that is the number they listen for, and whether they must go on
    at all shows itself there.
    """
    entry = rows.one(connection, ticket_id)
    if entry is None or entry.place.standing is not Standing.WAITING or not rules.served(entry.place.queue):
        return None
    queue, wanted, moment = entry.place.queue, entry.place.wanted, int(now.timestamp())
    ahead, first_since = rows.ahead(connection, ticket_id)
    calls = rows.last_calls(connection, entry.day, queue, wanted, GAPS + 1)
    recent = [call for call in calls if 0 <= moment - call.at <= RECENT_SECONDS]
    # A gap begins when somebody was there to be called: a counter that waited for people was not slow.
    gaps = [max(later.at - max(earlier.at, later.since), 0) for later, earlier in pairwise(recent)]
    begun = max([call.at for call in recent[:1]] + [entry.since if first_since is None else first_since])
    overtaking = 0.0 if entry.place.priority else sum(call.first for call in recent) / (len(recent) or 1)
    return expected(ahead, gaps, rules.usual_seconds(queue, wanted), max(moment - begun, 0), overtaking)
