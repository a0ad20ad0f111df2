"""How a request of a machine is known: a program's Bearer token, or the cookie of a board's browser.

A browser gets its cookie at `/board/enter` (ui/people/entrance.py), so that nobody types a token. Its streams ask the
same again and again (ui/desk/gate.py), so that one that was revoked ends at once.
"""

from collections.abc import Callable

from flask import Request, Response

from kiosk.machines import Machine, Machines
from ui.desk.access import Signed

COOKIE = "tiepdon_machine"
COOKIE_SECONDS = 400 * 24 * 3600  # as long as browsers keep one (RFC 6265bis, 5.5)


def machine_of(request: Request, machines: Machines, cookie: str = COOKIE) -> Signed | None:
    """The machine that asks; None where none does. An `Authorization` that does not count is nobody's: no cookie speaks
    in its place."""
    told = request.headers.get("Authorization")
    if told is None:
        token = request.cookies.get(cookie, "")
    else:
        scheme, _, rest = told.partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else ""
    found = machines.known(token) if token else None
    return signed_of(found) if found is not None else None


def finder(machines: Machines, cookie: str = COOKIE) -> Callable[[Request], Signed | None]:
    """`machine_of` for these machines, as the application asks it. `cookie`: its name (ui/desk/gate.py)."""
    return lambda request: machine_of(request, machines, cookie)


def signed_of(machine: Machine) -> Signed:
    """A machine as whoever is signed in: no account, no role, its scopes."""
    return Signed(
        account="",
        full_name="",
        role=None,
        session=f"machine:{machine.machine_id}",
        machine=machine.name,
        scopes=machine.scopes,
    )


def keep_cookie(response: Response, token: str, cookie: str = COOKIE, *, secure: bool) -> Response:
    """Give a browser the token, where no script reads it and no other site uses it."""
    response.set_cookie(
        cookie, token, max_age=COOKIE_SECONDS, path="/", secure=secure, httponly=True, samesite="Strict"
    )
    return response
