"""What the counter does with its queue, over HTTP: each act by the name its page gave it, so that it is done once."""

import re
from collections.abc import Mapping

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from hisbridge.questions import CitizenQuestion
from kiosk.queue.acts import Acts
from kiosk.queue.model import Act, MoveKind, Priority
from ui.counter import desk_views
from ui.counter.page import Pages
from ui.counter.sights import desk_part, entry_of, ticket_part
from ui.errors import NoPlaceChosen, UnknownAction
from ui.masking import plain
from ui.words import Words

MAX_REASON = 200
SIMPLE = (MoveKind.RECALL, MoveKind.BEGIN, MoveKind.MISS, MoveKind.FINISH)


def add_acts(pages: Blueprint, common: Pages) -> None:
    """The acts on these pages."""
    desk = common.desk

    @pages.post("/counter/act")
    def act() -> ResponseReturnValue:
        place = _place(common)
        kind, ticket = request.form.get("kind", ""), request.form.get("ticket", "")
        named = Act(_name(), place, common.signer().account, _seen())
        with desk.queue.acting() as acts:
            _do(acts, named, kind, ticket)
            absent = desk_views.absent_text(acts.absent(named), common.said())
        told = common.render("absent", common.language(), text=absent) if absent else ""
        if request.form.get("page") == "ticket" and ticket:
            return told + ticket_part(common, ticket, place, common.language())
        return told + desk_part(common, place, common.language())

    @pages.get("/counter/panel/<kind>/<ticket_id>")
    def panel(kind: str, ticket_id: str) -> ResponseReturnValue:
        said, entry = common.said(), entry_of(common, ticket_id)
        if kind == MoveKind.TRANSFER:
            targets = desk_views.targets_of(desk.queue.rules, said)
            return common.render("transfer", common.language(), ticket=ticket_id, number=entry.number, targets=targets)
        if kind == MoveKind.PRIORITY:
            return common.render(
                "priority",
                common.language(),
                ticket=ticket_id,
                number=entry.number,
                told=desk_views.priority_text(entry, said),
                priority=entry.place.priority.value,
                confirmed=entry.place.confirmed,
                groups=[one.value for one in Priority if one],
            )
        if kind == "cancel":
            return common.render("cancel", common.language(), ticket=ticket_id, number=entry.number)
        raise UnknownAction(why="panel")

    @pages.post("/counter/help")
    def answer_help() -> ResponseReturnValue:
        told = request.form.get("call", "")
        if not re.fullmatch(r"[0-9]{1,12}", told):
            raise UnknownAction(why="call")
        desk.help.answer(int(told), common.signer().account)
        place = _place(common)
        return desk_part(common, place, common.language())

    @pages.post("/counter/cancel")
    def cancel() -> ResponseReturnValue:
        entry = entry_of(common, request.form.get("ticket", ""))
        reason = _reason()
        if not reason:
            return common.render("unusable", common.language(), problems={"reason": "missing"}), 422
        if entry.visit_id is None:
            desk.store.cancel_number(entry.ticket_id, common.signer().account, reason)
        else:
            desk.store.cancel(entry.visit_id, common.signer().account, reason)
        return ticket_part(common, entry.ticket_id, _place(common), common.language())

    @pages.post("/counter/reprint")
    def reprint() -> ResponseReturnValue:
        entry, said = entry_of(common, request.form.get("ticket", "")), common.said()
        if desk.reprint is None:
            return _told(common, said.get("counter.reprint.none")), 409
        desk.reprint(entry.ticket_id, common.signer().account)
        return _told(common, said.get("counter.reprint.asked", number=entry.number))

    @pages.post("/counter/visits/<visit_id>/register")
    def register(visit_id: str) -> ResponseReturnValue:
        visit, said = desk.counter.visit(visit_id), common.said()
        patient = visit.record.patient
        if not patient.full_name or not patient.birth_date:
            return common.render("unusable", common.language(), problems={"full_name": "missing"}), 422
        citizen = desk.look_up(
            CitizenQuestion(
                personal_id=patient.personal_id or None,
                full_name=patient.full_name[:200],
                birth_date=patient.birth_date,
                sex=patient.sex,
                residence=patient.residence,
            )
        )
        return common.render(
            "register",
            common.language(),
            verdict=said.get(f"counter.register.{citizen.verdict.value}"),
            good=citizen.verdict.value == "found" and not citizen.differences,
            why=said.error(citizen.reason).cause if citizen.reason and f"error.{citizen.reason}" in said else "",
            differences=desk_views.register_lines(citizen, said),
        )


def trouble_words(said: Words, code: str, data: Mapping[str, object]) -> str:
    """Why an act was refused, in one line."""
    words = said.error(code)
    where = f"counter.standing.{data.get('standing')}"
    standing = f" ({said.get(where)})" if where in said else ""
    return f"{words.cause}{standing}. {words.cure}."


def _do(acts: Acts, act: Act, kind: str, ticket: str) -> None:
    """One act. Raises UnknownAction, and what the queue refuses."""
    reason = _reason()
    if kind == desk_views.CALL_NEXT:
        acts.call_next(act)
    elif kind == desk_views.UNDO:
        acts.undo(act)
    elif kind == MoveKind.CALL:
        acts.call(act, ticket, reason)
    elif kind == MoveKind.HOLD:
        acts.hold(act, ticket, reason)
    elif kind == MoveKind.RETURN:
        acts.return_to_queue(act, ticket, reason)
    elif kind == MoveKind.TRANSFER:
        acts.transfer(act, ticket, request.form.get("queue", ""), request.form.get("counter") or None, reason)
    elif kind == MoveKind.PRIORITY:
        _prioritise(acts, act, ticket, reason)
    elif kind in set(SIMPLE):
        simple = {
            MoveKind.RECALL: acts.recall,
            MoveKind.BEGIN: acts.begin,
            MoveKind.MISS: acts.miss,
            MoveKind.FINISH: acts.finish,
        }
        simple[MoveKind(kind)](act, ticket)
    else:
        raise UnknownAction(why="kind")


def _prioritise(acts: Acts, act: Act, ticket: str, reason: str) -> None:
    told = request.form.get("priority", "")
    if told not in set(Priority):
        raise UnknownAction(why="priority")
    acts.prioritise(act, ticket, Priority(told), True, reason)


def _told(common: Pages, text: str) -> str:
    return common.render("told", common.language(), text=text)


def _place(common: Pages) -> str:
    place = common.place()
    if not place:
        raise NoPlaceChosen
    return place


def _name() -> str:
    """The act's name, as the page made it."""
    told = request.form.get("name", "")
    if not re.fullmatch(r"[0-9A-Za-z-]{8,64}", told):
        raise UnknownAction(why="name")
    return told


def _seen() -> int | None:
    """The counter's last move that the page showed; None: it shows no counter."""
    told = request.form.get("seen", "")
    return int(told) if re.fullmatch(r"[0-9]{1,15}", told) else None


def _reason() -> str:
    return plain(request.form.get("reason", ""))[:MAX_REASON]
