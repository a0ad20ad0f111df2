"""The two rows that a check-in begins with, a visit and a ticket: whoever takes somebody in writes them through here,
the kiosk itself, the counter, or another kiosk of the hall.

Inside the caller's transaction. Must not import Flask, a device library or a connector.
"""

from dataclasses import dataclass
from datetime import date

from hisbridge.records import PatientRecord
from kiosk import tickets
from kiosk.queue.model import Priority
from kiosk.queue.rules import Rules, first_place
from kiosk.states import Ticket
from wire import sqlite
from wire.codec import to_json

_VISIT = """
INSERT INTO visits (id, presentation, created_at, service_code, source, verdict, record) VALUES (?, ?, ?, ?, ?, ?, ?)
"""

_TICKET = """
INSERT INTO tickets (id, number, prefix, day, sequence, service_code, issued_at, issued_seconds, visit_id,
                     presentation, needs_counter, reason, queue, sort_at, priority, priority_by, confirmed, since,
                     onward, shown_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, kw_only=True)
class NewTicket:
    """A ticket as it is written first. `prefix` and `sequence`: its place among the day's numbers; `issued`: seconds
    since the epoch; `priority`: as declared; `reason`: of a number without a visit (`kiosk.states.CounterReason`);
    `shown_at`: where it need not be shown here.
    """

    ticket: Ticket
    presentation: str
    prefix: str
    day: str
    sequence: int
    issued: int
    priority: Priority
    reason: str | None
    shown_at: str | None


def write_visit(connection: sqlite.Connection, presentation: str, record: PatientRecord, created_at: str) -> None:
    """A new visit; raises sqlite.IntegrityError where the presentation has one."""
    visit, coverage = record.visit, record.coverage
    connection.execute(
        _VISIT,
        (
            visit.visit_id,
            presentation,
            created_at,
            visit.service_code,
            record.evidence.source,
            coverage.verdict.value if coverage else None,
            to_json(record).decode(),
        ),
    )


def write_ticket(
    connection: sqlite.Connection, new: NewTicket, record: PatientRecord | None, rules: Rules, today: date
) -> bool:
    """A new ticket in its first place in the queue. `record`: of its visit, None where it has none. Returns whether its
    holder must see the staff; raises sqlite.IntegrityError where the presentation or the number has a ticket.
    """
    ticket = new.ticket
    attention = tickets.needs_counter(record, today)
    waits = first_place(rules, ticket.service_code, attention, new.issued, new.priority, record, today)
    connection.execute(
        _TICKET,
        (
            ticket.ticket_id,
            ticket.number,
            new.prefix,
            new.day,
            new.sequence,
            ticket.service_code,
            ticket.issued_at,
            new.issued,
            ticket.visit_id,
            new.presentation,
            int(attention),
            new.reason,
            waits.queue,
            waits.sort_at,
            waits.priority.value,
            waits.priority_by.value if waits.priority_by else None,
            int(waits.confirmed),
            new.issued,
            rules.onward(ticket.service_code, waits.queue),
            new.shown_at,
        ),
    )
    return attention
