"""`/sign-in/oidc`: to the identity provider and back. Who comes back needs an account here that may sign in.

Begun by a link, not by a form: browsers hold a form's redirects to the policy too, and it names no provider. What comes
back is answered with a page that goes on by itself: on a redirect that began elsewhere a strict cookie stays away.
"""

import logging
import threading
from collections.abc import Callable

from flask import Blueprint, Flask, Response, g, redirect, request
from flask.typing import ResponseReturnValue

from config.front import OidcSettings
from config.settings import Settings
from kiosk.accounts import Account, Accounts, NoSuchAccount
from kiosk.sessions import Sessions
from kiosk.subjects import OtherPerson, Subjects
from ui.desk.access import for_anybody
from ui.desk.gate import cookie_name
from ui.desk.id_token import IdTokenUntrusted
from ui.desk.oidc import BEGUN_SECONDS, OidcGone, OidcRefused, OidcSetup, OidcUnavailable, Provider
from ui.desk.pages import StaffPages
from ui.desk.sign_in import entered, home_of
from ui.errors import ForbiddenCaller
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

COOKIE = "tiepdon_provider"
BEGIN = "/sign-in/oidc"
BACK = "/sign-in/oidc/back"
SIGN_IN = "/sign-in"


class OidcNoAccount(TiepDonError):
    """Whoever the provider let in has no account here, or one that is switched off. None is ever made for them."""

    code = "oidc.no_account"


STATUS = {
    OidcUnavailable.code: 503,
    OidcSetup.code: 500,
    OidcGone.code: 400,
    OidcRefused.code: 403,
    IdTokenUntrusted.code: 403,
    OidcNoAccount.code: 403,
    OtherPerson.code: 403,
}


class ProviderAtFirstUse:
    """The provider, made when somebody comes: settings that cannot work must not keep out those who have a PIN."""

    def __init__(self, settings: OidcSettings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._made: Provider | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Provider:
        """Raises OidcSetup."""
        with self._lock:
            if self._made is None:
                self._made = Provider(self._settings, self._now)
            return self._made


def blueprint(
    app: Flask,
    settings: Settings,
    accounts: Accounts,
    sessions: Sessions,
    subjects: Subjects,
    provider: Callable[[], Provider],
    build: str,
) -> Blueprint:
    """The two pages, for anybody: whoever comes is not signed in yet. `provider` may raise OidcSetup."""
    claim, secure = settings.staff.oidc.name_claim, bool(settings.staff.certificate_file)
    cookie = cookie_name(settings, COOKIE)
    pages, staff = Blueprint("provider", __name__), StaffPages(app, settings, "people", build)

    def render(problem: TiepDonError | None, onward: str = "") -> str:
        said = staff.said()
        told = said.error(problem.code) if problem is not None else None
        return staff.render("provider", said, told=told, onward=onward, sign_in=SIGN_IN)

    def without_cookie(answer: Response) -> Response:
        answer.delete_cookie(cookie, secure=secure, httponly=True, samesite="Lax")
        return answer

    @pages.errorhandler(OidcUnavailable)
    @pages.errorhandler(OidcSetup)
    @pages.errorhandler(OidcGone)
    @pages.errorhandler(OidcRefused)
    @pages.errorhandler(IdTokenUntrusted)
    @pages.errorhandler(OidcNoAccount)
    @pages.errorhandler(OtherPerson)
    def trouble(problem: TiepDonError) -> ResponseReturnValue:
        log.warning("sign-in through the provider: %s", problem)
        return without_cookie(Response(render(problem), STATUS[problem.code]))

    @pages.get(BEGIN)
    @for_anybody
    def begin() -> ResponseReturnValue:
        if request.headers.get("Sec-Fetch-Site", "none") == "cross-site":
            raise ForbiddenCaller(why="site")
        begun = provider().begin(request.url_root.rstrip("/") + BACK)
        answer = redirect(begun.address, 303)
        # Lax: the browser comes back from another site, by a link of that site's.
        answer.set_cookie(
            cookie, begun.browser, max_age=int(BEGUN_SECONDS), path="/", secure=secure, httponly=True, samesite="Lax"
        )
        return answer

    @pages.get(BACK)
    @for_anybody
    def back() -> ResponseReturnValue:
        person = provider().finish(request.args.to_dict(), request.cookies.get(cookie, ""))
        account = account_of(person.name(claim), accounts)
        subjects.check(account.name, settings.staff.oidc.issuer, person.subject)
        if g.held is not None:
            sessions.end(g.held.session)  # never a session within a session
        page = Response(render(None, home_of(account.role)))
        return without_cookie(entered(page, settings, sessions.begin(account.name, request.remote_addr or "")))

    return pages


def account_of(told: str, accounts: Accounts) -> Account:
    """The account of whoever the provider calls that. Raises OidcNoAccount.

    Letter by letter: where names were made alike first (NFKC), a name with a letter that resembles another would open
    another's account.
    """
    name = told.lower() if told.isascii() else ""
    try:
        account = accounts.one(name)
    except NoSuchAccount:
        raise OidcNoAccount from None
    if not account.enabled:
        raise OidcNoAccount
    return account
