"""The parts of the counter's pages that change by themselves: the desk, the day's list, one ticket with its visit."""

from hisbridge.records import Event
from kiosk.changes import NoSuchVisit
from kiosk.counter import Visit
from kiosk.counter_desk import desk_view
from kiosk.queue import rows
from kiosk.queue.model import Entry
from ui.counter import desk_views, views
from ui.counter.page import Pages
from ui.words import Words


def desk_part(pages: Pages, place: str, spoken: str) -> str:
    """What one counter has before it, with the record of whom it has."""
    return pages.shared.get(("desk", place, spoken), lambda: _desk(pages, place, spoken))


def list_part(pages: Pages, number: int, spoken: str) -> str:
    """One page of the day's list."""

    def make() -> str:
        page = pages.desk.counter.page(number)
        return pages.render("rows", spoken, page=page, rows=views.rows_of(page, pages.words[spoken]))

    return pages.shared.get(("list", number, spoken), make)


def ticket_part(pages: Pages, ticket_id: str, place: str, spoken: str) -> str:
    """One ticket whole: where it stands, what can be done with it, its visit where it has one. Raises NoSuchVisit."""
    return pages.shared.get(("ticket", ticket_id, place, spoken), lambda: _ticket(pages, ticket_id, place, spoken))


def entry_of(pages: Pages, ticket_id: str) -> Entry:
    """A ticket in the queue. Raises NoSuchVisit."""
    with pages.desk.queue.connection.using() as connection:
        entry = rows.one(connection, ticket_id)
    if entry is None:
        raise NoSuchVisit
    return entry


def _desk(pages: Pages, place: str, spoken: str) -> str:
    said, desk = pages.words[spoken], pages.desk
    view = desk_view(desk.queue, desk.clock, place)
    current = desk_views.current_view(view.current, desk.queue.rules, place, said)
    return pages.render(
        "desk_part",
        spoken,
        current=current,
        seen=view.seen,
        next=desk_views.next_view(current, said),
        undo=desk_views.act_view(desk_views.UNDO, said),
        lines=[desk_views.line_view(line, desk.queue.rules, said) for line in view.lines],
        lists=[(name, pages.people(spoken, people) if people else "") for name, people in desk_views.lists_of(view)],
        calls=[desk_views.help_view(call, said) for call in desk.help.open()],
        record=_record(pages, current.visit_id, spoken) if current is not None and current.visit_id else "",
    )


def _ticket(pages: Pages, ticket_id: str, place: str, spoken: str) -> str:
    said, entry = pages.words[spoken], entry_of(pages, ticket_id)
    row = pages.desk.counter.ticket(ticket_id)
    standing = entry.place.standing
    return pages.render(
        "ticket_part",
        spoken,
        row=views.row_view(row, said),
        reason="" if row.visit_id else views.row_view(row, said).coverage.text,
        standing=said.get(f"counter.standing.{standing.value}"),
        where=desk_views.queue_name(entry.place.queue, pages.desk.queue.rules, said),
        at=_counter(pages, entry, said),
        priority=desk_views.priority_text(entry, said),
        acts=desk_views.acts_of(entry, place, said),
        record=_record(pages, row.visit_id, spoken) if row.visit_id else "",
    )


def _counter(pages: Pages, entry: Entry, said: Words) -> str:
    """At which counter the ticket is; empty where at none."""
    code, rules = entry.place.counter or "", pages.desk.queue.rules
    return desk_views.counter_name(code, rules, said) if code in rules.counters else ""


def _record(pages: Pages, visit_id: str, spoken: str) -> str:
    visit, said = pages.desk.counter.visit(visit_id), pages.words[spoken]
    record, coverage = visit.record, visit.record.coverage
    return pages.render(
        "record",
        spoken,
        row=views.row_view(visit.row, said),
        person=views.person_facts(record, said),
        guardian=desk_views.guardian_facts(record.guardian, said),
        proof=views.proof_facts(record, pages.offset, said),
        identity=views.identity_line(visit, said),
        differs=_differs(visit),
        verdict=views.coverage_line(coverage, said),
        why=views.why_text(coverage, said) if coverage else "",
        tasks=views.warnings_of(visit, said),
        card=views.coverage_facts(coverage, pages.offset, said) if coverage else (),
        hints=views.hint_facts(coverage.entitlement, said) if coverage else (),
        corrected=views.correction_text(visit.corrected, pages.offset, said),
        changes=desk_views.changed_lines(pages.desk.edit.corrections(visit_id), pages.offset, said),
        cancelled=record.event is Event.CANCELLED,
        answers=[
            (one.destination, views.moment_text(one.answered_at, pages.offset), views.answer_facts(one, said))
            for one in visit.answers
        ],
    )


def _differs(visit: Visit) -> bool:
    """Whether chip and print (or what was typed) tell different stories."""
    agreement = visit.record.evidence.checks.get("agreement")
    return agreement is not None and agreement.result == "failed"
