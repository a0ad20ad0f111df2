"""`/people/requests`: supervisors keep what persons ask of their data, hand out a copy, erase, before its day is over.

A person is named by twelve digits that are typed for each act and posted: they stand in no address, no page and no log.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from flask import Blueprint, Flask, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from config.settings import Settings
from kiosk.accounts import Role
from kiosk.legal_basis import NoSuchConsent
from kiosk.person_desk import OtherKind, OtherPerson, PersonDesk
from kiosk.persons import NotANumber
from kiosk.requests import Asker, Kind, NoSuchRequest, Outcome
from ui.desk.access import allow, signed
from ui.desk.pages import StaffPages
from ui.errors import UnknownAction
from ui.people import request_rows
from ui.person_sheet import part_of_page
from wire.errors import TiepDonError

Choice = TypeVar("Choice", bound=StrEnum)
REFUSALS = (NotANumber, NoSuchRequest, NoSuchConsent, OtherPerson, OtherKind)


@dataclass(frozen=True)
class Came:
    """What came of a press. `done`: which act; `about`: the request's number; `visits`: so many would go or went;
    `stays`: codes of what does not, and why; `told`: receivers that hold their own copy; `clean`: nothing is left in
    the files; `sheet`: the person's copy."""

    done: str
    about: int
    visits: int = 0
    stays: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    clean: bool = True
    sheet: Markup | None = None


def blueprint(app: Flask, settings: Settings, desk: PersonDesk, build: str) -> Blueprint:
    """The routes. `build` names the version of the assets."""
    pages = allow(Blueprint("person_requests", __name__, url_prefix="/people/requests"), Role.SUPERVISOR)
    staff = StaffPages(app, settings, "people", build)

    def render(came: Came | None = None, problem: TiepDonError | None = None, part: bool = False) -> str:
        said, kept, today = staff.said(), desk.all(), desk.now().date()
        adding = problem is not None and request.endpoint == "person_requests.add"
        return staff.render(
            "asked" if part else "requests",
            said,
            signed=signed(),
            rows=request_rows.open_rows(kept, today, said),
            done=request_rows.done_rows(kept, today, said),
            kinds=[(one.value, said.get(f"person.kind.{one.value}")) for one in Kind],
            askers=[(one.value, said.get(f"person.asker.{one.value}")) for one in Asker],
            channels=[(one, said.get(f"person.channel.{one}")) for one in request_rows.CHANNELS],
            outcomes=[(one.value, said.get(f"person.outcome.{one.value}")) for one in Outcome],
            came=came,
            problem=said.error(problem.code) if problem is not None else None,
            wrong=adding and isinstance(problem, NotANumber),
            chosen={name: request.form.get(name, "") for name in ("kind", "asked_by", "channel")} if adding else {},
        )

    def refused(problem: TiepDonError) -> ResponseReturnValue:
        return render(problem=problem, part=True), 422

    for kind in REFUSALS:
        pages.register_error_handler(kind, refused)

    @pages.get("")
    def listed() -> ResponseReturnValue:
        return render()

    @pages.post("/add")
    def add() -> ResponseReturnValue:
        kind, asker, channel = chosen(Kind, "kind"), chosen(Asker, "asked_by"), request.form.get("channel", "")
        if channel not in request_rows.CHANNELS:
            raise UnknownAction(why="no such channel")
        taken = desk.add(kind, typed(), asker, channel, signed().account)
        return render(Came("added", taken.number), part=True)

    @pages.post("/<int:number>/answered")
    def answered(number: int) -> ResponseReturnValue:
        return render(Came("answered", desk.answer(number, signed().account).number), part=True)

    @pages.post("/<int:number>/finish")
    def finish(number: int) -> ResponseReturnValue:
        ended = desk.finish(number, chosen(Outcome, "outcome"), signed().account)
        return render(Came("finished", ended.number), part=True)

    @pages.post("/<int:number>/copy")
    def copy(number: int) -> ResponseReturnValue:
        made = desk.copy(number, typed(), signed().account)
        return render(Came("copy", number, sheet=part_of_page(made)), part=True)

    @pages.post("/<int:number>/look")
    def look(number: int) -> ResponseReturnValue:
        found, stays = desk.look(number, typed(), signed().account)
        free = sum(visit.state == "kept" for visit in found.visits)
        return render(Came("look", number, free, stays), part=True)

    @pages.post("/<int:number>/erase")
    def erase(number: int) -> ResponseReturnValue:
        gone = desk.erase(number, typed(), signed().account)
        told = gone.erased
        return render(Came("erased", number, told.visits, told.stays, told.told, gone.clean), part=True)

    @pages.post("/<int:number>/withdraw")
    def withdraw(number: int) -> ResponseReturnValue:
        desk.withdraw(number, typed(), signed().account)
        return render(Came("withdrawn", number), part=True)

    return pages


def typed() -> str:
    """The person's number, as it was typed for this one act."""
    return request.form.get("personal_id", "")[:40]


def chosen(values: Callable[[str], Choice], name: str) -> Choice:
    """What was chosen of these. Raises UnknownAction."""
    try:
        return values(request.form.get(name, ""))
    except ValueError:
        raise UnknownAction(why=f"no such {name}") from None
