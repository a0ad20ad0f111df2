"""Who may call which page of the desk: deny by default. Pages say whom they are for when they are made."""

from dataclasses import dataclass

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
    machine: str = ""
    scopes: frozenset[Scope] = frozenset()


def allow(pages: Blueprint, *who: Role | Scope) -> Blueprint:
    """Say whom these pages are for; `g.signed` is one of them in every view."""
    pages.allowed = frozenset(who)  # type: ignore[attr-defined]
    return pages


def signed() -> Signed:
    """Who is signed in on this request. Raises NotSignedIn."""
    found: Signed | None = g.get("signed")
    if found is None:
        raise NotSignedIn
    return found
