"""Where machines come in with a code, once: a board's browser at `/board/enter`, which has its cookie from then on; a
program at `/machines/token`, which is told its token. Open to everybody.

The page goes on by itself (a refresh of its own, not a redirect): whoever followed a link from elsewhere would be sent
on as from there, and browsers keep a strict cookie back then.
"""

from dataclasses import dataclass

from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from config.settings import Settings
from kiosk.machines import MachineCodeWrong, Machines
from ui.desk.access import for_anybody
from ui.desk.gate import cookie_name
from ui.desk.machines import COOKIE, keep_cookie
from ui.desk.pages import StaffPages
from ui.people.tries import TooManyTries, Tries
from wire.errors import TiepDonError

ENTER = "/board/enter"
TOKEN = "/machines/token"  # noqa: S105 - an address
HOME = "/board"
STATUS = {MachineCodeWrong.code: 403, TooManyTries.code: 429}


@dataclass(frozen=True)
class Door:
    """What lets machines in, and what keeps guessers out."""

    machines: Machines
    tries: Tries

    def enter(self, code: str, address: str) -> tuple[str, str]:
        """Token and page of the machine that this code is for. Raises MachineCodeWrong, TooManyTries."""
        self.tries.check(address)
        try:
            made = self.machines.enrol(code)
        except MachineCodeWrong:
            self.tries.count(address)
            raise
        return made.token, made.machine.page


def blueprint(app: Flask, settings: Settings, door: Door, build: str) -> Blueprint:
    """The page, for anybody: whoever comes has only a code."""
    pages, staff = Blueprint("entrance", __name__), StaffPages(app, settings, "people", build)

    def render(problem: TiepDonError | None, onward: str = "") -> str:
        said = staff.said()
        told = said.error(problem.code) if problem is not None else None
        return staff.render("enter", said, told=told, onward=onward, here=ENTER)

    @pages.get(ENTER)
    @for_anybody
    def enter() -> ResponseReturnValue:
        code = request.args.get("code", "")
        # A browser or a messenger that looks ahead must not use the code up.
        ahead = "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", ""))
        if not code or ahead or request.method != "GET":
            return render(None)
        try:
            token, page = door.enter(code, request.remote_addr or "")
        except (MachineCodeWrong, TooManyTries) as problem:
            return render(problem), STATUS[problem.code]
        told, secure = Response(render(None, page or HOME)), bool(settings.staff.certificate_file)
        return keep_cookie(told, token, cookie_name(settings, COOKIE), secure=secure)

    @pages.post(TOKEN)
    @for_anybody
    def token() -> ResponseReturnValue:
        # The code stands where the token will: no page of another site can send this header.
        _, _, code = request.headers.get("Authorization", "").partition(" ")
        try:
            made, _ = door.enter(code, request.remote_addr or "")
        except (MachineCodeWrong, TooManyTries) as problem:
            return jsonify(code=problem.code, retriable=problem.retriable, data=problem.data), STATUS[problem.code]
        return jsonify(token=made)

    return pages
