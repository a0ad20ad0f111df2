"""The message desk over HTTP: the overview, the list, one delivery, and the acts, each confirmed before it happens."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue

from config.settings import Settings
from kiosk.accounts import Role
from ui.desk.access import NotAllowed, allow, signed
from ui.desk.pages import StaffPages
from ui.desk.streams import LEASES
from ui.errors import ConfirmationGone, UnknownAction
from ui.technician import forms, pretty, views
from ui.technician.bridge import Bridge
from ui.technician.kept import Asked, Kept
from ui.technician.picture import SPANS
from ui.technician.stream import watched_events
from ui.technician.watch import LOOK_SECONDS, Watch
from wire.errors import MalformedMessage, RemoteError, ServiceTimeout, ServiceUnreachable, TiepDonError

MAX_FORM_BYTES = 8192
PER_PAGE = 100
MOST_AUDITED = 500
SWITCHES = ("pause", "resume", "probe")
STATUS = {"delivery.unknown": 404, ConfirmationGone.code: 410}


@dataclass(frozen=True)
class Technician:
    """What the pages need: the line to the bridge, the one watch over it."""

    bridge: Bridge
    watch: Watch
    now: Callable[[], datetime]

    def close(self) -> None:
        """End the watch: the server is stopping."""
        self.watch.stop()


def blueprint(app: Flask, settings: Settings, desk: Technician, build: str) -> Blueprint:
    """The routes. `build` names the version of the assets."""
    pages = Blueprint("technician", __name__, url_prefix="/technician")
    staff = StaffPages(app, settings, "technician", build)
    words = staff.words
    bridge, watch, kept, offset = desk.bridge, desk.watch, Kept(), settings.site.utc_offset_minutes
    names = tuple(destination.name for destination in settings.destinations)

    def language() -> str:
        return staff.said().language

    def render(template_name: str, spoken: str, /, **context: object) -> str:
        return staff.render(template_name, words[spoken], **context)

    def overview_part(span: int, spoken: str) -> str:
        now, seen = desk.now(), watch.seen()
        found = views.destinations_of(seen, span, now, offset, words[spoken])
        problem, whole = views.why_of(seen.health.database, words[spoken]), views.strip_text(seen, words[spoken])
        return render("destinations", spoken, destinations=found, problem=problem, line=whole, span=span, spans=SPANS)

    def strip_part(spoken: str) -> str:
        return render("strip", spoken, line=views.strip_text(watch.seen(), words[spoken]))

    def rows_part(typed: Mapping[str, str], spoken: str) -> str:
        wanted, wrong = forms.filter_of(typed, offset)
        found = bridge.deliveries(wanted, PER_PAGE + 1)
        shown = found[:PER_PAGE]
        narrowed = {name: text for name, text in typed.items() if name != "before"}
        older = {**narrowed, "before": str(shown[-1].delivery_id)} if len(found) > PER_PAGE else None
        return render(
            "rows",
            spoken,
            rows=tuple(views.row_of(one, offset, words[spoken]) for one in shown),
            wrong=wrong,
            older=f"/technician/deliveries?{urlencode(older)}" if older else None,
            newest=f"/technician/deliveries?{urlencode(narrowed)}" if "before" in typed else None,
        )

    def way_part(number: int, spoken: str) -> str:
        known, said = bridge.delivery(number), words[spoken]
        delivery = known.delivery
        return render(
            "way",
            spoken,
            number=number,
            state=views.state_line(delivery.state, said),
            row=views.row_of(delivery, offset, said),
            receipt=views.receipt_of(delivery.receipt, said),
            way=views.way_of(delivery, offset, said),
            told=views.answer_of(known.answer, said),
            acts=views.acts_of(delivery),
        )

    def message_part(number: int, spoken: str, whole: bool, by: str) -> str:
        said = words[spoken]
        try:
            message = bridge.message(number, whole, by)
        except RemoteError as error:  # a record that cannot be rendered: the rest of the page is of use
            return render("problem", spoken, told=views.why_of(error.code, said))
        laid = pretty.lay_out(message.content_type, message.body)
        return render("message", spoken, number=number, message=message, laid=laid, visible=views.visible)

    @pages.before_request
    def allow_long_filters() -> None:
        request.max_content_length = request.max_form_memory_size = MAX_FORM_BYTES

    # Each by its name: what is not named here (a stranger refused) the application answers as everywhere.
    @pages.errorhandler(ServiceUnreachable)
    @pages.errorhandler(ServiceTimeout)
    @pages.errorhandler(RemoteError)
    @pages.errorhandler(MalformedMessage)
    @pages.errorhandler(ConfirmationGone)
    def trouble(error: TiepDonError) -> ResponseReturnValue:
        told = views.why_of(error.code, words[language()])
        if away := isinstance(error, ServiceUnreachable | ServiceTimeout):
            watch.look()  # so that the streams say so too
        part = request.headers.get("HX-Request") == "true"
        return render("problem" if part else "trouble", language(), told=told, away=away), STATUS.get(error.code, 503)

    @pages.get("")
    def overview() -> ResponseReturnValue:
        spoken, span = language(), _span()
        watch.fresh()
        return render("overview", spoken, content=overview_part(span, spoken), span=span, destinations=names)

    @pages.get("/events")
    def events() -> ResponseReturnValue:
        spoken, span, whole = language(), _span(), request.args.get("part") == "overview"

        def part() -> str:
            return overview_part(span, spoken) if whole else strip_part(spoken)

        looks = app.extensions[LEASES].news.looks(LOOK_SECONDS)  # what the bridge tells is in no database of ours
        return Response(watched_events(looks, watch, part), mimetype="text/event-stream")

    @pages.get("/deliveries")
    def listed() -> ResponseReturnValue:
        spoken, typed = language(), forms.typed_filter(request.args)
        content = rows_part(typed, spoken)
        narrowed = {name: text for name, text in typed.items() if name != "before"}
        return render(
            "list",
            spoken,
            content=content,
            typed=narrowed,
            rows_at=f"/technician/deliveries/rows?{urlencode(typed)}",
            destinations=names,
            states=tuple(forms.STATES),
            acts=forms.ACTS,
        )

    @pages.get("/deliveries/rows")
    def rows() -> ResponseReturnValue:
        return rows_part(forms.typed_filter(request.args), language())

    @pages.get("/deliveries/<int:number>")
    def one(number: int) -> ResponseReturnValue:
        spoken = language()
        way = way_part(number, spoken)
        return render("delivery", spoken, number=number, way=way, message=message_part(number, spoken, False, ""))

    @pages.get("/deliveries/<int:number>/way")
    def way(number: int) -> ResponseReturnValue:
        return way_part(number, language())

    @pages.post("/deliveries/<int:number>/message")
    def message(number: int) -> ResponseReturnValue:
        if signed().role is not Role.SUPERVISOR:  # it holds the person's whole record
            raise NotAllowed
        return message_part(number, language(), True, signed().account)

    @pages.post("/deliveries/ask")
    def ask() -> ResponseReturnValue:
        spoken = language()
        wish = forms.wish_of(request.form, request.form.getlist("number"), offset, desk.now())
        if wish.problems:
            return render("unusable", spoken, problems=wish.problems), 422
        count = bridge.count(wish.act, wish.chosen)
        name = kept.keep(Asked(wish.act, wish.chosen, signed().account), time.monotonic()) if count else None
        return render("confirm", spoken, act=wish.act, count=count, name=name)

    @pages.post("/deliveries/act")
    def act() -> ResponseReturnValue:
        asked = kept.take(request.form.get("confirmed", ""), time.monotonic())
        if asked.by != signed().account:
            raise ConfirmationGone
        changed = bridge.act(asked.act, asked.chosen, asked.by)
        watch.look()
        return render("done", language(), act=asked.act, count=changed)

    @pages.get("/destinations/<name>/pause")
    def pausing(name: str) -> ResponseReturnValue:
        return render("pausing", language(), name=_among(name, names))

    @pages.post("/destinations/<name>/<what>")
    def switch(name: str, what: str) -> ResponseReturnValue:
        spoken, by, why = language(), signed().account, request.form.get("why", "").strip()[:200]
        _among(name, names)
        if what == "pause" and not why:
            return render("unusable", spoken, problems={"why": "missing"}), 422
        done = bridge.switch(cast("Literal['pause', 'resume', 'probe']", _among(what, SWITCHES)), name, why, by)
        watch.look()
        told = views.why_of(done.code, words[spoken])
        return render("switched", spoken, name=name, what=what, ok=done.ok, told=told)

    @pages.get("/audit")
    def audit() -> ResponseReturnValue:
        spoken = language()
        found = tuple(views.audit_of(one, offset, words[spoken]) for one in bridge.audit(MOST_AUDITED))
        return render("audit", spoken, entries=found, most=MOST_AUDITED)

    @pages.post("/destinations/<name>/pair")
    def pair(name: str) -> ResponseReturnValue:
        spoken = language()
        code = bridge.pair(_among(name, names), signed().account)
        return render("paired", spoken, code=code, minutes=max(1, round(code.seconds / 60)))

    return allow(pages, Role.TECHNICIAN, Role.SUPERVISOR)


def _span() -> int:
    told = request.args.get("span", "")
    return int(told) if told in map(str, SPANS) else SPANS[0]


def _among(told: str, known: tuple[str, ...]) -> str:
    if told not in known:
        raise UnknownAction(why="no such name")
    return told
