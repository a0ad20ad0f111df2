"""Typing people in and correcting records, over HTTP: forms that keep what was typed until it is in the record."""

import re
import secrets
from collections.abc import Iterable
from contextlib import suppress

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from kiosk.counter import Row
from kiosk.counter_edit import ChangedMeanwhile, edits_of, has_guardian, shown_of
from kiosk.counter_entry import RELATIONS, Case, case_for, case_of, person_of
from kiosk.counter_question import CIRCUMSTANCES, FormUnusable
from kiosk.queue.errors import NoSuchCounter, NoSuchTicket, NotPossible
from kiosk.queue.model import DECLARED, Act
from ui.counter import desk_views, views
from ui.counter.page import Pages
from ui.errors import UnknownAction
from ui.words import Words


def add_writing(pages: Blueprint, common: Pages) -> None:
    """The forms on these pages."""
    desk, services = common.desk, [service.code for service in common.settings.kiosk.services]

    def named_services() -> list[tuple[str, str]]:
        said = common.said()
        return [(code, desk_views.queue_name(code, desk.queue.rules, said)) for code in services]

    @pages.get("/counter/enter")
    def enter_page() -> ResponseReturnValue:
        row: Row | None = None
        if ticket := request.args.get("ticket"):
            row = desk.counter.ticket(ticket)
        case = case_for(row.reason) if row is not None else case_of(request.args)
        return common.render(
            "enter",
            common.language(),
            row=views.row_view(row, common.said()) if row is not None else None,
            ticket=row.ticket_id if row is not None else "",
            case=case.value,
            cases=[one.value for one in Case],
            relation_names=_named("counter.relation", RELATIONS, common.said()),
            reason_names=_named("counter.form.circumstance", CIRCUMSTANCES, common.said()),
            priority_names=_named("counter.priority", DECLARED, common.said()),
            services=named_services(),
        )

    @pages.post("/counter/enter")
    def enter() -> ResponseReturnValue:
        ticket, name = request.form.get("ticket", ""), request.form.get("name", "")
        if not re.fullmatch(r"[0-9A-Za-z-]{8,64}", name):
            raise UnknownAction(why="name")
        try:
            person = person_of(request.form, desk.counter.today())
        except FormUnusable as error:
            return common.render("unusable", common.language(), problems=error.data), 422
        if ticket:
            desk.entry.complete(f"desk-{name}", ticket, person, common.signer())
            _stands_here(common, ticket, name)
        else:
            ticket = desk.entry.new(f"desk-{name}", person, common.signer())
        return common.render("gone", common.language(), where=f"/counter/tickets/{ticket}", done="counter.entered")

    @pages.get("/counter/visits/<visit_id>/edit")
    def edit_page(visit_id: str) -> ResponseReturnValue:
        visit = desk.counter.visit(visit_id)
        return common.render(
            "edit",
            common.language(),
            row=views.row_view(visit.row, common.said()),
            visit_id=visit_id,
            ticket=visit.row.ticket_id,
            fields=shown_of(visit.record),
            guardian=has_guardian(visit.record, desk.counter.today()),
            relation_names=_named("counter.relation", RELATIONS, common.said()),
            settled=bool(visit.record.patient.personal_id) and visit.record.evidence.source != "typed",
            services=named_services(),
        )

    @pages.post("/counter/visits/<visit_id>/edit")
    def edit(visit_id: str) -> ResponseReturnValue:
        said = common.said()
        try:
            edits = edits_of(request.form, services, desk.counter.today())
            stands = desk.edit.correct(visit_id, edits, common.signer())
        except FormUnusable as error:
            return common.render("unusable", common.language(), problems=error.data), 422
        except ChangedMeanwhile as error:
            changed = [(name, said.get(f"counter.form.{name}"), text) for name, text in error.now.items()]
            return common.render("changed", common.language(), changed=changed), 409
        ticket = desk.counter.visit(stands).row.ticket_id
        _stands_here(common, ticket, secrets.token_hex(16))
        return common.render("gone", common.language(), where=f"/counter/tickets/{ticket}", done="counter.corrected")


def _stands_here(common: Pages, ticket: str, name: str) -> None:
    """Whom this counter called and whose record it writes has come, though nobody said so."""
    with suppress(NotPossible, NoSuchTicket, NoSuchCounter), common.desk.queue.acting() as acts:
        acts.begin(Act(f"here-{name}", common.place(), common.signer().account), ticket)


def _named(key: str, codes: Iterable[str], said: Words) -> list[tuple[str, str]]:
    """Codes with their words, for a list to choose from."""
    return [(str(code), said.get(f"{key}.{code}")) for code in codes]
