"""The counter over HTTP: one's own desk, the day's list, a ticket with its visit, a question to the insurance, and the
streams that keep them true.
"""

import re
import time
from collections.abc import Callable

import msgspec
from flask import Blueprint, Flask, Response, redirect, request
from flask.typing import ResponseReturnValue

from config.settings import Settings
from hisbridge.lookups.entitlement import entitlement
from hisbridge.lookups.openness import is_open
from hisbridge.lookups.portal_answer import FORCES_NOT_FOUND
from hisbridge.questions import Act, Coverage, Officer, Verdict
from kiosk.accounts import Role
from kiosk.changes import NoSuchVisit, VisitCancelled
from kiosk.counter import AnotherPerson, Grounds, Row, differs
from kiosk.counter_acts import act_of
from kiosk.counter_entry import TicketTaken
from kiosk.counter_question import (
    CIRCUMSTANCES,
    NUMBERS,
    FormUnusable,
    Path,
    fields_of,
    from_paper,
    path_of,
    question_of,
)
from kiosk.help_calls import NoSuchHelpCall
from kiosk.queue import rows
from kiosk.queue.acts import Acts
from kiosk.queue.errors import (
    ActedMeanwhile,
    NoSuchCounter,
    NoSuchQueue,
    NoSuchTicket,
    NothingToUndo,
    NotPossible,
)
from ui.counter import desk_views, views
from ui.counter.acts import add_acts, trouble_words
from ui.counter.answers import Answer, Answers
from ui.counter.desk import Desk
from ui.counter.page import Pages, pages_of
from ui.counter.sights import desk_part, list_part, ticket_part
from ui.counter.stream import part_events
from ui.counter.writing import add_writing
from ui.desk.access import allow, signed
from ui.desk.news import News
from ui.desk.streams import LEASES
from ui.errors import AnswerGone, NoPlaceChosen
from wire.database import DatabaseOutdated, DatabaseUnavailable
from wire.errors import MalformedMessage, TiepDonError

WHOLE = "visit"  # a visit's own page, as it is written down who saw it
DESK = "desk"  # a counter with somebody before it
SEARCH = "search"
MAX_FORM_BYTES = 16384  # a long name, percent-encoded, takes nine bytes a letter; a correction sends it twice
STATUS = {
    NoSuchVisit: 404,
    NoSuchTicket: 404,
    NoSuchCounter: 404,
    NoSuchQueue: 404,
    NoSuchHelpCall: 404,
    AnswerGone: 410,
    AnotherPerson: 409,
    VisitCancelled: 409,
    TicketTaken: 409,
    NotPossible: 409,
    ActedMeanwhile: 409,
    NothingToUndo: 409,
    NoPlaceChosen: 409,
    MalformedMessage: 503,
    DatabaseUnavailable: 503,
    DatabaseOutdated: 503,
}


def blueprint(app: Flask, settings: Settings, desk: Desk, build: str) -> Blueprint:
    """The routes, for receptionists and supervisors. `build` names the version of the assets."""
    pages = allow(Blueprint("counter", __name__), Role.RECEPTIONIST, Role.SUPERVISOR)
    common = pages_of(app, settings, desk, build)

    @pages.before_request
    def small_forms() -> None:
        request.max_content_length = request.max_form_memory_size = MAX_FORM_BYTES

    @pages.before_request
    def noted() -> None:
        # Whatever stands behind a visit's address, now or later, is its record: who asks for it is written down first.
        if (visit_id := (request.view_args or {}).get("visit_id")) is not None:
            _, _, page = str(request.url_rule).partition("<visit_id>")
            desk.views.seen((visit_id,), signed().account, page.strip("/") or WHOLE)

    # Each by its name: what is not named here (a stranger refused) the application answers as everywhere.
    def trouble(error: TiepDonError) -> ResponseReturnValue:
        said = common.said()
        page = "problem" if request.method == "POST" else "trouble"
        told = trouble_words(said, error.code, error.data)
        return common.render(page, common.language(), told=told), STATUS[type(error)]

    for kind in STATUS:
        pages.register_error_handler(kind, trouble)

    _add_places(pages, common)
    _add_sights(pages, common)
    _add_questions(pages, common)
    add_acts(pages, common)
    add_writing(pages, common)
    return pages


def _add_places(pages: Blueprint, common: Pages) -> None:
    desk = common.desk

    @pages.get("/place")
    def place_page() -> ResponseReturnValue:
        said, rules = common.said(), desk.queue.rules
        places = [
            (
                code,
                desk_views.counter_name(code, rules, said),
                [desk_views.queue_name(one, rules, said) for one in place.queues],
            )
            for code, place in rules.counters.items()
        ]
        return common.render(
            "place", common.language(), places=places, chosen=common.place(), letters=signed().letter_keys
        )

    @pages.post("/place")
    def choose_place() -> ResponseReturnValue:
        told = request.form.get("place", "")
        if told not in desk.queue.rules.counters:
            raise NoSuchCounter(counter="")
        desk.set_place(signed().session, told)
        return common.render("gone", common.language(), where="/counter", done="counter.place.chosen")

    @pages.post("/place/keys")
    def letter_keys() -> ResponseReturnValue:
        """Whether letters and digits are keys for whoever is signed in; function keys always are."""
        desk.accounts.set_letter_keys(signed().account, request.form.get("kind") == "on")
        return common.render("gone", common.language(), where="/place", done="counter.keys.set")

    @pages.get("/counter/times.css")
    def times() -> ResponseReturnValue:
        return Response(f":root {{ --asking: {desk.ask_seconds:g}s; }}\n", mimetype="text/css")


def _add_sights(pages: Blueprint, common: Pages) -> None:
    desk = common.desk

    def stream(part: Callable[[], str]) -> Response:
        news: News = common.app.extensions[LEASES].news
        events = part_events(news.looks(), desk.counter.version, lambda: news.in_turn(part))
        return Response(events, mimetype="text/event-stream")

    def called_seen(place: str, who: str) -> None:
        with desk.queue.connection.using() as connection:
            called = rows.current(connection, Acts(connection, desk.queue.rules, desk.clock).day(), place)
        if called is not None:
            desk.views.seen_called(called.ticket_id, who, DESK)

    @pages.get("/counter")
    def own_desk() -> ResponseReturnValue:
        place, spoken = common.place(), common.language()
        if not place:
            return redirect("/place")
        called_seen(place, signed().account)
        name = desk_views.counter_name(place, desk.queue.rules, common.said())
        return common.render("desk", spoken, place=name, content=desk_part(common, place, spoken))

    @pages.get("/counter/events")
    def own_desk_events() -> ResponseReturnValue:
        place, spoken = common.place(), common.language()
        if not place:
            raise NoPlaceChosen
        who = signed().account

        def part() -> str:
            called_seen(place, who)
            return desk_part(common, place, spoken)

        return stream(part)

    @pages.get("/counter/list")
    def today() -> ResponseReturnValue:
        number, spoken = _page_number(), common.language()
        return common.render("list", spoken, number=number, content=list_part(common, number, spoken))

    @pages.get("/counter/list/events")
    def today_events() -> ResponseReturnValue:
        number, spoken = _page_number(), common.language()
        return stream(lambda: list_part(common, number, spoken))

    @pages.post("/counter/search")
    def search() -> ResponseReturnValue:
        found = desk.counter.found(request.form.get("text", "")[:200])
        desk.views.seen([row.visit_id for row in found if row.visit_id], signed().account, SEARCH)
        said = common.said()
        return common.render("found", common.language(), rows=[views.row_view(row, said) for row in found])

    @pages.get("/counter/visits/<visit_id>")
    def visit_page(visit_id: str) -> ResponseReturnValue:
        spoken, visit = common.language(), desk.counter.visit(visit_id)
        return common.render(
            "visit",
            spoken,
            visit_id=visit_id,
            ticket=visit.row.ticket_id,
            number=visit.row.number,
            row=None,
            printer=desk.reprint is not None,
            cancelled=visit.row.cancelled,
            content=ticket_part(common, visit.row.ticket_id, common.place(), spoken),
            **asking(Path.USUAL, fields_of(visit.record)),
        )

    @pages.get("/counter/tickets/<ticket_id>")
    def ticket_page(ticket_id: str) -> ResponseReturnValue:
        spoken, row = common.language(), desk.counter.ticket(ticket_id)
        if row.visit_id is not None:
            return redirect(f"/counter/visits/{row.visit_id}")
        return common.render(
            "ticket",
            spoken,
            ticket=ticket_id,
            number=row.number,
            printer=desk.reprint is not None,
            content=ticket_part(common, ticket_id, common.place(), spoken),
        )

    @pages.get("/counter/tickets/<ticket_id>/events")
    def ticket_events(ticket_id: str) -> ResponseReturnValue:
        spoken, place = common.language(), common.place()
        if (visit_id := desk.counter.ticket(ticket_id).visit_id) is not None:
            desk.views.seen((visit_id,), signed().account, WHOLE)
        return stream(lambda: ticket_part(common, ticket_id, place, spoken))


def asking(path: Path, fields: dict[str, str]) -> dict[str, object]:
    """What the form of a question is made with."""
    numbers = {one.value: NUMBERS[one] for one in Path}
    return {"path": path.value, "paths": numbers, "reasons": CIRCUMSTANCES, "fields": fields}


def _add_questions(pages: Blueprint, common: Pages) -> None:
    desk, settings, answers = common.desk, common.settings, Answers()

    @pages.get("/counter/ask")
    def ask_page() -> ResponseReturnValue:
        row: Row | None = None
        if ticket := request.args.get("ticket"):
            row = desk.counter.ticket(ticket)
        path = views.path_for(row) if row else path_of(request.args)
        told = views.row_view(row, common.said()) if row else None
        return common.render("ask", common.language(), row=told, visit_id=None, **asking(path, {}))

    @pages.post("/counter/ask")
    @pages.post("/counter/visits/<visit_id>/ask")
    def ask(visit_id: str | None = None) -> ResponseReturnValue:
        said, path = common.said(), path_of(request.form)
        try:
            question = question_of(request.form, desk.counter.today())
        except FormUnusable as error:
            return common.render("unusable", common.language(), problems=error.data), 422
        if question.officer is None and (officer := _officer()) is not None:
            question = msgspec.structs.replace(question, officer=officer)
        coverage = desk.ask(question)
        stranger = differs(question, desk.counter.visit(visit_id).record) if visit_id else None
        name = answers.keep(Answer(question, coverage, path, visit_id), time.monotonic())
        usable = not is_open(coverage) and coverage.verdict is not Verdict.CONFIGURATION_ERROR
        paper = _may_type_card(path, coverage) and stranger is None
        return common.render(
            "answer",
            common.language(),
            answer=name,
            visit_id=visit_id,
            verdict=views.coverage_line(coverage, said),
            why=views.why_text(coverage, said),
            act=views.act_text(coverage, path, said),
            card=views.coverage_facts(coverage, common.offset, said),
            hints=views.hint_facts(coverage.entitlement, said),
            stranger=stranger,
            take_over=bool(visit_id) and usable and stranger is None and not paper,
            paper=paper,
            card_number=coverage.card_number or question.insurance_number or "",
        )

    @pages.post("/counter/visits/<visit_id>/take-over")
    def take_over(visit_id: str) -> ResponseReturnValue:
        name = request.form.get("answer", "")
        answer = answers.get(name, visit_id, time.monotonic())
        desk.counter.take_over(visit_id, answer.question, answer.coverage)
        answers.drop(name)
        return common.render("taken", common.language(), passed_on=bool(settings.destinations))

    @pages.post("/counter/paper")
    @pages.post("/counter/visits/<visit_id>/paper")
    def inspected(visit_id: str | None = None) -> ResponseReturnValue:
        name, said = request.form.get("answer", ""), common.said()
        answer = answers.get(name, visit_id, time.monotonic())
        try:
            coverage = from_paper(answer.coverage, request.form, desk.counter.today())
        except FormUnusable as error:
            return common.render("unusable", common.language(), problems=error.data), 422
        hints = entitlement(coverage, answer.question, settings.site, settings.facility)
        coverage = msgspec.structs.replace(coverage, entitlement=hints)
        if visit_id is not None:
            desk.counter.take_over(visit_id, answer.question, coverage, Grounds.PAPER_CARD)
            answers.drop(name)
            return common.render("taken", common.language(), passed_on=bool(settings.destinations))
        return common.render(
            "paper",
            common.language(),
            card=views.coverage_facts(coverage, common.offset, said),
            hints=views.hint_facts(coverage.entitlement, said),
        )


def _officer() -> Officer | None:
    """Whoever is signed in, where the insurer knows them."""
    who = signed()
    if re.fullmatch(r"[0-9]{12}", who.officer_id) and who.full_name:
        return Officer(full_name=who.full_name[:200], personal_id=who.officer_id)
    return None


def _page_number() -> int:
    told = request.args.get("page", "1")
    return int(told) if re.fullmatch(r"[0-9]{1,6}", told) else 1


def _may_type_card(path: Path, coverage: Coverage) -> bool:
    """A forces' card is inspected where the insurer tells no dates, or nothing at all (services.md 1.4, 2.5)."""
    if coverage.verdict in (Verdict.VALID, Verdict.VALID_NEW_CARD):
        return False
    forces = coverage.result_code in ("001", "002") or coverage.reason == FORCES_NOT_FOUND
    return path is Path.FORCES or (forces and act_of(coverage) is Act.INSPECT_PAPERS)
