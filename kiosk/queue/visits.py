"""What happens to a ticket's place when its visit changes: nothing is left for reception to do, or the visit is off.

On the caller's connection and inside the caller's transaction. Both are moves like those of the staff, so that an undo
sees that something happened since. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace
from datetime import datetime

from config.front import RECEPTION
from kiosk.queue import rows
from kiosk.queue.model import Act, Entry, MoveKind, Place, Standing
from wire import sqlite


def settled(connection: sqlite.Connection, visit_id: str, revision: int, now: datetime) -> None:
    """Whoever waits at reception goes on to the service's queue, at the place of their arrival; whom staff sent there
    stays: they had a reason that no answer settles."""
    entry = rows.of_visit(connection, visit_id)
    if entry is None or not entry.place.onward:
        return
    waits = (entry.place.queue, entry.place.standing) == (RECEPTION, Standing.WAITING)
    if waits and not rows.was_sent(connection, entry.ticket_id):
        act = Act(f"{visit_id}:{revision}", "", "")
        place = waiting_in(entry.place, entry.place.onward)
        rows.move(connection, act, MoveKind.ONWARD, entry, place, int(now.timestamp()))


def cancelled(connection: sqlite.Connection, visit_id: str, revision: int, by: str, why: str, now: datetime) -> None:
    """The ticket leaves the queue, wherever it stands; nobody calls it any more."""
    entry = rows.of_visit(connection, visit_id)
    if entry is not None:
        taken_off(connection, entry, f"{visit_id}:{revision}", by, why, now)


def taken_off(connection: sqlite.Connection, entry: Entry, name: str, by: str, why: str, now: datetime) -> None:
    """A ticket leaves the queue under this name of the act, also one without a visit."""
    place = replace(entry.place, standing=Standing.CANCELLED, counter=None, wanted=None)
    rows.move(connection, Act(name, "", by), MoveKind.CANCEL, entry, place, int(now.timestamp()), why)


def waiting_in(place: Place, queue: str, wanted: str | None = None) -> Place:
    """The same person waiting in another queue, as early as they came; not called there yet."""
    return replace(place, standing=Standing.WAITING, queue=queue, counter=None, wanted=wanted, calls=0, missed=0)
