"""Who may call which page of the desk: deny by default. Pages say whom they are for when they are made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, g

from kiosk.accounts import Role
from kiosk.machines import Scope as Scope
from wire.errors import TiepDonError


class NotSignedIn(TiepDonError):
    """Nobody is signed in on this page, or the session ended."""

    code = "desk.not_signed_in"


class NotAllowed(TiepDonError):
    """The page is not for this account's role, or not for this machine's token."""

    code = "desk.not_allowed"


class Locked(TiepDonError):
    """The session waits for its PIN: nobody had acted for a while."""

    code = "desk.locked"


View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Signed:
    """Who is signed in on this request. `place`: the counter they chose to sit at; `machine`: a token's name instead of
    a person's account, with what it is good for."""

    account: str
    full_name: str
    role: Role | None
    session: str
    officer_id: str = ""
    place: str = ""
    language: str = ""
    letter_keys: bool = True
    machine: str = ""
    scopes: frozenset[Scope] = frozenset()


def allow(pages: Blueprint, *who: Role | Scope) -> Blueprint:
    """Say whom these pages are for; `g.signed` is one of them in every view."""
    pages.allowed = frozenset(who)  # type: ignore[attr-defined]
    return pages


def for_anybody(view: View) -> View:
    """This page needs nobody signed in: sign-in itself, and what machines ask before they are known."""
    view.for_anybody = True  # type: ignore[attr-defined]
    return view


def free_on_own_socket(view: View) -> View:
    """This page needs nobody signed in where it is asked over the process's own Unix socket; elsewhere it is for whom
    its blueprint allows."""
    view.free_on_own_socket = True  # type: ignore[attr-defined]
    return view


def while_locked(view: View) -> View:
    """This page is also there while the session is locked; for everybody signed in, whatever their role."""
    view.while_locked = True  # type: ignore[attr-defined]
    return view


def for_staff(view: View) -> View:
    """This page is for everybody signed in with an account, whatever their role."""
    view.for_staff = True  # type: ignore[attr-defined]
    return view


def signed() -> Signed:
    """Who is signed in on this request. Raises NotSignedIn."""
    found: Signed | None = g.get("signed")
    if found is None:
        raise NotSignedIn
    return found
