"""`/machines`: supervisors and technicians let boards, kiosks and other systems in, and end what they may.

A code stands here once, as a link and its picture; the token that it becomes is never seen by anybody.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from flask import Blueprint, Flask, request
from flask.typing import ResponseReturnValue

from config.settings import Settings
from kiosk.accounts import Role
from kiosk.machines import CODE_SECONDS, Machines, MachineUnusable, NoSuchMachine, Scope
from ui.desk.access import NotAllowed, allow, signed
from ui.desk.pages import StaffPages
from ui.people import views
from ui.people.entrance import ENTER, HOME, TOKEN
from ui.people.handed import Outcome, picture_of
from wire.errors import TiepDonError

MOST_SHOWN = 100  # acts
PROGRAMS = (Scope.QUEUE, Scope.CALL, Scope.KIOSK, Scope.RECORDS, Scope.METRICS)
OF_SUPERVISORS = frozenset({Scope.CALL, Scope.RECORDS})  # what a technician may not do, no machine of theirs does


def blueprint(app: Flask, settings: Settings, machines: Machines, now: Callable[[], datetime], build: str) -> Blueprint:
    """The routes. `build` names the version of the assets."""
    pages = Blueprint("machines", __name__, url_prefix="/machines")
    allow(pages, Role.SUPERVISOR, Role.TECHNICIAN)
    staff = StaffPages(app, settings, "people", build)
    boards = tuple(board.name for board in settings.queue.boards)

    def render(outcome: Outcome | None = None, problem: TiepDonError | None = None, part: bool = False) -> str:
        who, said, offset = signed(), staff.said(), settings.site.utc_offset_minutes
        return staff.render(
            "enrolled" if part else "machines",
            said,
            signed=who,
            rows=views.machine_rows(machines.all(), now(), offset, said),
            acts=views.machine_acts(machines.acts(MOST_SHOWN), offset, said),
            boards=boards,
            programs=programs_of(who.role),
            outcome=outcome,
            problem=said.error(problem.code) if problem is not None else None,
            field=str(problem.data.get("why", "")) if problem is not None else "",
            typed=request.form if problem is not None and request.endpoint == "machines.code" else {},
            minutes=CODE_SECONDS // 60,
            token_at=request.url_root.rstrip("/") + TOKEN,
        )

    @pages.errorhandler(MachineUnusable)
    @pages.errorhandler(NoSuchMachine)
    def refused(problem: TiepDonError) -> ResponseReturnValue:
        return render(problem=problem, part=True), 422

    @pages.get("")
    def listed() -> ResponseReturnValue:
        return render()

    @pages.post("/code")
    def code() -> ResponseReturnValue:
        asked = request.form.getlist("scope")
        if not {one.value for one in PROGRAMS if one.value in asked} <= set(programs_of(signed().role)):
            raise NotAllowed
        name, scopes, page = wanted(request.form, asked, boards)
        made = machines.new_code(name, scopes, signed().account, page)
        name = " ".join(name.split())
        if not page:
            return render(Outcome(done="code", about=name, code=made), part=True)
        link = request.url_root.rstrip("/") + ENTER + "?" + urlencode({"code": made})
        let_in = Outcome(done="code", about=name, code=made, link=link, picture=picture_of(link))
        return render(let_in, part=True)

    @pages.post("/<int:number>/revoke")
    def revoke(number: int) -> ResponseReturnValue:
        return render(Outcome(done="revoked", about=machines.revoke(number, signed().account)), part=True)

    return pages


def programs_of(role: Role | None) -> tuple[Scope, ...]:
    """What somebody of this role may let a program do."""
    return tuple(one for one in PROGRAMS if role is Role.SUPERVISOR or one not in OF_SUPERVISORS)


def wanted(form: Mapping[str, str], scopes: list[str], boards: tuple[str, ...]) -> tuple[str, frozenset[Scope], str]:
    """Name, scopes and page of the machine that is to be let in: a board has a page, a program chosen scopes."""
    name = form.get("name", "")
    if form.get("kind") != "board":
        return name, frozenset(one for one in PROGRAMS if one.value in scopes), ""
    board = form.get("board", "")
    if board and board not in boards:
        raise MachineUnusable(why="page")
    return name or board, frozenset({Scope.BOARD}), f"{HOME}/{board}" if board else HOME
