"""Who is on this request, and whether this page is for them: every request of the staff's application passes here."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Request, current_app, g, request

from config.settings import Settings
from kiosk.sessions import Held, Sessions
from ui import guard
from ui.desk import csrf
from ui.desk.access import Locked, NotAllowed, NotSignedIn, Signed
from ui.desk.hosts import is_allowed
from ui.errors import ForbiddenCaller
from ui.requests import on_own_socket
from ui.words import LANGUAGES

LANGUAGE_COOKIE = "language"
BACKGROUND = "X-Background"  # a press that nobody pressed


class CalledFromElsewhere(ForbiddenCaller):
    """The staff's pages were called by a host name that is not theirs, or a press came from no page of the session."""

    code = "desk.called_from_elsewhere"


@dataclass(frozen=True)
class PageOf:
    """What the frame of every page shows and sends: who is signed in, the token of their presses, and after how many
    seconds without an act it locks."""

    signed: Signed | None
    csrf: str
    lock_seconds: float


class Gate:
    """Deny by default. `machine` tells which machine's token a request carries."""

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        machine: Callable[[Request], Signed | None],
        hosts: frozenset[str],
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._machine = machine
        self._hosts = hosts
        self._cookie = cookie_name(settings)

    def judge(self) -> None:
        """Raises ForbiddenCaller, NotSignedIn, Locked, NotAllowed."""
        if not is_allowed(request.headers.get("Host", ""), self._hosts):
            raise CalledFromElsewhere(why="host")
        if request.endpoint == "static":
            return
        token = request.cookies.get(self._cookie, "")
        by_header = "Authorization" in request.headers  # which no page of another site can send
        held = None if by_header else self._sessions.find(token)
        g.held, g.token = held, token
        g.signed = self._signed(held) if held is not None else self._machine(request)
        view = current_app.view_functions.get(request.endpoint or "")
        public = getattr(view, "for_anybody", False) or (
            getattr(view, "free_on_own_socket", False) and on_own_socket(request.environ)
        )
        if request.method not in ("GET", "HEAD", "OPTIONS") and not by_header:
            try:
                guard.check_same_page()
            except ForbiddenCaller as error:
                raise CalledFromElsewhere(**error.data) from None
            if held is not None and not csrf.matches(token, request.headers.get(csrf.HEADER, "")) and not public:
                raise CalledFromElsewhere(why="token")
        if public:
            return
        self._check(view, held)
        if held is not None and _is_act():
            self._sessions.act(held)

    def page(self) -> PageOf:
        """For the frame of a page; nobody's where nobody is signed in or the session is locked."""
        held: Held | None = g.get("held")
        if held is None:
            return PageOf(None, "", 0.0)
        return PageOf(g.signed, csrf.token_for(g.token), 0.0 if held.locked else held.lock_seconds)

    def stands(self, who: Signed) -> Callable[[], bool]:
        """Whether a stream of theirs may go on; asked again and again, outside of any request."""
        if who.machine:
            found, carried = self._machine, request._get_current_object()  # type: ignore[attr-defined]
            return lambda: found(carried) is not None
        name, role = who.session, who.role

        def lasts() -> bool:
            held = self._sessions.named(name)
            return held is not None and not held.locked and held.account.role is role

        return lasts

    def _check(self, view: object, held: Held | None) -> None:
        who: Signed | None = g.signed
        if who is None:
            raise NotSignedIn
        if held is not None and held.locked and not getattr(view, "while_locked", False):
            raise Locked
        if view is None or (held is not None and (getattr(view, "while_locked", getattr(view, "for_staff", False)))):
            return  # nothing is there, which the application says itself; or it is for all the staff
        pages = current_app.blueprints.get(request.blueprint or "")
        allowed: frozenset[object] = getattr(view, "allowed", getattr(pages, "allowed", frozenset()))
        if who.role not in allowed and not who.scopes & allowed:
            raise NotAllowed

    def _signed(self, held: Held) -> Signed:
        account = held.account
        return Signed(
            account=account.name,
            full_name=account.full_name,
            role=account.role,
            session=held.session,
            officer_id=account.officer_id,
            place=held.place,
            language=spoken(self._settings),
            letter_keys=account.letter_keys,
        )


def cookie_name(settings: Settings, what: str = "tiepdon") -> str:
    """A cookie's name: over TLS one that no other host and no plain page can set (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{what}" if settings.staff.certificate_file else what


def spoken(settings: Settings) -> str:
    """The language of this browser's pages."""
    told = request.cookies.get(LANGUAGE_COOKIE, "")
    return told if told in LANGUAGES else settings.kiosk.language


def _is_act() -> bool:
    """Whether somebody did something: a press, or a page opened by hand (Fetch Metadata, `Sec-Fetch-User`)."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return request.headers.get("Sec-Fetch-User") == "?1"
    return BACKGROUND not in request.headers
