"""The counter over HTTP: the day's list, a visit, a question to the insurance, and the streams that keep them true."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue

from config.settings import Settings
from hisbridge.lookups.entitlement import entitlement
from hisbridge.lookups.openness import is_open
from hisbridge.lookups.portal_answer import FORCES_NOT_FOUND
from hisbridge.questions import Act, Coverage, CoverageQuestion, Verdict
from kiosk.changes import NoSuchVisit, VisitCancelled
from kiosk.counter import AnotherPerson, Counter, Grounds, Row, differs
from kiosk.counter_acts import act_of
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
from ui.counter import views
from ui.counter.answers import Answer, Answers
from ui.counter.stream import MAX_STREAMS, part_events
from ui.errors import AnswerGone, UnknownAction
from ui.loopback import check_local
from ui.touchscreen.stream import Streams
from ui.words import LANGUAGES, Words
from wire.database import DatabaseOutdated, DatabaseUnavailable
from wire.errors import MalformedMessage, TiepDonError

LANGUAGE_COOKIE = "counter_language"
MAX_FORM_BYTES = 8192  # a long name, percent-encoded, takes nine bytes a letter
STATUS = {NoSuchVisit: 404, AnswerGone: 410, AnotherPerson: 409, VisitCancelled: 409}


@dataclass(frozen=True)
class Desk:
    """What the pages need: the counter's store, the question to the bridge, the streams that end with the server."""

    counter: Counter
    ask: Callable[[CoverageQuestion], Coverage]
    ask_seconds: float
    streams: Streams = field(default_factory=lambda: Streams(MAX_STREAMS))


def blueprint(app: Flask, settings: Settings, desk: Desk, build: str) -> Blueprint:
    """The routes. `build` names the version of the assets."""
    pages = Blueprint("counter", __name__, url_prefix="/counter")
    words = {language: Words(language) for language in LANGUAGES}
    answers, counter, offset = Answers(), desk.counter, settings.site.utc_offset_minutes

    def language() -> str:
        told = request.cookies.get(LANGUAGE_COOKIE, "")
        return told if told in words else settings.kiosk.language

    def render(name: str, spoken: str, **context: object) -> str:
        # Streams render outside of any request: the templates use nothing of Flask's.
        said = words[spoken]
        template = app.jinja_env.get_template(f"counter/{name}.html")
        return template.render(say=said.get, language=spoken, site=settings.site, build=build, **context)

    def stream(part: Callable[[], str]) -> Response:
        events = part_events(counter.version, part, desk.streams)
        return Response(events, mimetype="text/event-stream")

    def list_part(number: int, spoken: str) -> str:
        page = counter.page(number)
        return render("rows", spoken, page=page, rows=views.rows_of(page, words[spoken]))

    def visit_part(visit_id: str, spoken: str) -> str:
        visit, said = counter.visit(visit_id), words[spoken]
        record, coverage = visit.record, visit.record.coverage
        return render(
            "record",
            spoken,
            row=views.row_view(visit.row, said),
            person=views.person_facts(record, said),
            proof=views.proof_facts(record, offset, said),
            identity=views.identity_line(visit, said),
            verdict=views.coverage_line(coverage, said),
            why=views.why_text(coverage, said) if coverage else "",
            tasks=views.warnings_of(visit, said),
            card=views.coverage_facts(coverage, offset, said) if coverage else (),
            hints=views.hint_facts(coverage.entitlement, said) if coverage else (),
            corrected=views.correction_text(visit.corrected, offset, said),
            cancelled=visit.row.cancelled,
            answers=[
                (one.destination, views.moment_text(one.answered_at, offset), views.answer_facts(one, said))
                for one in visit.answers
            ],
        )

    def asking(path: Path, fields: dict[str, str]) -> dict[str, object]:
        numbers = {one.value: NUMBERS[one] for one in Path}
        return {"path": path.value, "paths": numbers, "reasons": CIRCUMSTANCES, "fields": fields}

    @pages.before_request
    def only_here() -> None:
        check_local(request)
        request.max_content_length = request.max_form_memory_size = MAX_FORM_BYTES

    # Each by its name: what is not named here (a stranger refused) the application answers as everywhere.
    @pages.errorhandler(NoSuchVisit)
    @pages.errorhandler(AnswerGone)
    @pages.errorhandler(AnotherPerson)
    @pages.errorhandler(VisitCancelled)
    @pages.errorhandler(MalformedMessage)
    @pages.errorhandler(DatabaseUnavailable)
    @pages.errorhandler(DatabaseOutdated)
    def trouble(error: TiepDonError) -> ResponseReturnValue:
        told = words[language()].error(error.code)
        page = "problem" if request.method == "POST" else "trouble"
        return render(page, language(), told=told), STATUS.get(type(error), 503)

    @pages.get("")
    def today() -> ResponseReturnValue:
        number, spoken = _page_number(), language()
        return render("list", spoken, number=number, content=list_part(number, spoken))

    @pages.get("/events")
    def today_events() -> ResponseReturnValue:
        number, spoken = _page_number(), language()
        return stream(lambda: list_part(number, spoken))

    @pages.get("/visits/<visit_id>")
    def visit_page(visit_id: str) -> ResponseReturnValue:
        spoken = language()
        content, visit = visit_part(visit_id, spoken), counter.visit(visit_id)
        return render(
            "visit",
            spoken,
            visit_id=visit_id,
            number=visit.row.number,
            row=None,
            content=content,
            **asking(Path.USUAL, fields_of(visit.record)),
        )

    @pages.get("/visits/<visit_id>/events")
    def visit_events(visit_id: str) -> ResponseReturnValue:
        spoken = language()
        return stream(lambda: visit_part(visit_id, spoken))

    @pages.get("/ask")
    def ask_page() -> ResponseReturnValue:
        row: Row | None = None
        if ticket := request.args.get("ticket"):
            row = counter.ticket(ticket)
        path = views.path_for(row) if row else path_of(request.args)
        told = views.row_view(row, words[language()]) if row else None
        return render("ask", language(), row=told, visit_id=None, **asking(path, {}))

    @pages.post("/ask")
    @pages.post("/visits/<visit_id>/ask")
    def ask(visit_id: str | None = None) -> ResponseReturnValue:
        said, path = words[language()], path_of(request.form)
        try:
            question = question_of(request.form, counter.today())
        except FormUnusable as error:
            return render("unusable", language(), problems=error.data), 422
        coverage = desk.ask(question)
        stranger = differs(question, counter.visit(visit_id).record) if visit_id else None
        name = answers.keep(Answer(question, coverage, path, visit_id), time.monotonic())
        usable = not is_open(coverage) and coverage.verdict is not Verdict.CONFIGURATION_ERROR
        paper = _may_type_card(path, coverage) and stranger is None
        return render(
            "answer",
            language(),
            answer=name,
            visit_id=visit_id,
            verdict=views.coverage_line(coverage, said),
            why=views.why_text(coverage, said),
            act=views.act_text(coverage, path, said),
            card=views.coverage_facts(coverage, offset, said),
            hints=views.hint_facts(coverage.entitlement, said),
            stranger=stranger,
            take_over=bool(visit_id) and usable and stranger is None and not paper,
            paper=paper,
            card_number=coverage.card_number or question.insurance_number or "",
        )

    @pages.post("/visits/<visit_id>/take-over")
    def take_over(visit_id: str) -> ResponseReturnValue:
        name = request.form.get("answer", "")
        answer = answers.get(name, visit_id, time.monotonic())
        counter.take_over(visit_id, answer.question, answer.coverage)
        answers.drop(name)
        return render("taken", language(), passed_on=bool(settings.destinations))

    @pages.post("/paper")
    @pages.post("/visits/<visit_id>/paper")
    def inspected(visit_id: str | None = None) -> ResponseReturnValue:
        name, said = request.form.get("answer", ""), words[language()]
        answer = answers.get(name, visit_id, time.monotonic())
        try:
            coverage = from_paper(answer.coverage, request.form, counter.today())
        except FormUnusable as error:
            return render("unusable", language(), problems=error.data), 422
        hints = entitlement(coverage, answer.question, settings.site, settings.facility)
        coverage = msgspec.structs.replace(coverage, entitlement=hints)
        if visit_id is not None:
            counter.take_over(visit_id, answer.question, coverage, Grounds.PAPER_CARD)
            answers.drop(name)
            return render("taken", language(), passed_on=bool(settings.destinations))
        return render(
            "paper",
            language(),
            card=views.coverage_facts(coverage, offset, said),
            hints=views.hint_facts(coverage.entitlement, said),
        )

    @pages.post("/language")
    def choose_language() -> ResponseReturnValue:
        told = request.form.get("language", "")
        if told not in words:
            raise UnknownAction(why="language")
        response = Response(status=204)
        response.set_cookie(LANGUAGE_COOKIE, told, path="/counter", httponly=True, samesite="Strict")
        return response

    @pages.get("/times.css")
    def times() -> ResponseReturnValue:
        return Response(f":root {{ --asking: {desk.ask_seconds:g}s; }}\n", mimetype="text/css")

    return pages


def _page_number() -> int:
    told = request.args.get("page", "1")
    return int(told) if re.fullmatch(r"[0-9]{1,6}", told) else 1


def _may_type_card(path: Path, coverage: Coverage) -> bool:
    """A forces' card is inspected where the insurer tells no dates, or nothing at all (services.md 1.4, 2.5)."""
    if coverage.verdict in (Verdict.VALID, Verdict.VALID_NEW_CARD):
        return False
    forces = coverage.result_code in ("001", "002") or coverage.reason == FORCES_NOT_FOUND
    return path is Path.FORCES or (forces and act_of(coverage) is Act.INSPECT_PAPERS)
