"""What the pages of accounts and machines show, made of what is kept. Must not import Flask."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kiosk.accounts import Account, AccountAct, Role
from kiosk.clock import at_site
from kiosk.machines import Machine, MachineAct, Scope
from kiosk.sessions import OpenSession
from ui.masking import mask_number
from ui.words import Words

LIVES_SECONDS = 180  # a machine that came within is there: it comes at least once a minute


@dataclass(frozen=True)
class AccountRow:
    """One account. `standing`: `ready`, `waiting` (no PIN chosen yet) or `off`; `own`: whoever looks at the page."""

    name: str
    full_name: str
    role: str
    role_text: str
    officer: str
    standing: str
    own: bool


@dataclass(frozen=True)
class MachineRow:
    """One machine. `here`: it came within the last minutes."""

    number: int
    name: str
    scopes: str
    page: str
    created: str
    seen: str
    here: bool


@dataclass(frozen=True)
class SessionRow:
    """One session that lasts. `own`: the one that looks at the page."""

    session: str
    name: str
    full_name: str
    began: str
    acted: str
    place: str
    address: str
    locked: bool
    own: bool


@dataclass(frozen=True)
class ActRow:
    """One line of who did what."""

    at: str
    by: str
    act: str
    about: str


def account_rows(accounts: Sequence[Account], whose: str, words: Words) -> tuple[AccountRow, ...]:
    """The accounts, those that may sign in first."""
    ordered = sorted(accounts, key=lambda one: (not one.enabled, one.full_name.casefold(), one.name))
    return tuple(
        AccountRow(
            name=one.name,
            full_name=one.full_name,
            role=one.role.value,
            role_text=words.get(f"people.role.{one.role.value}"),
            officer=mask_number(one.officer_id),
            standing="off" if not one.enabled else "ready" if one.ready else "waiting",
            own=one.name == whose,
        )
        for one in ordered
    )


def machine_rows(machines: Sequence[Machine], now: datetime, offset: int, words: Words) -> tuple[MachineRow, ...]:
    """The machines, by name."""
    return tuple(
        MachineRow(
            number=one.machine_id,
            name=one.name,
            scopes=", ".join(words.get(f"machines.scope.{scope.value}") for scope in Scope if scope in one.scopes),
            page=one.page,
            created=at_text(one.created_at, offset),
            seen=at_text(one.last_seen, offset) if one.last_seen is not None else words.get("machines.never"),
            here=one.last_seen is not None and abs(now.timestamp() - one.last_seen) < LIVES_SECONDS,
        )
        for one in machines
    )


def session_rows(sessions: Sequence[OpenSession], own: str, offset: int) -> tuple[SessionRow, ...]:
    """The sessions, the one that looks first."""
    return tuple(
        SessionRow(
            session=one.session,
            name=one.account.name,
            full_name=one.account.full_name,
            began=at_text(one.began_at, offset),
            acted=at_text(one.acted_at, offset),
            place=one.place,
            address=one.address,
            locked=one.locked,
            own=one.session == own,
        )
        for one in sorted(sessions, key=lambda one: one.session != own)
    )


def account_acts(acts: Sequence[AccountAct], offset: int, words: Words) -> tuple[ActRow, ...]:
    """What was done to accounts, newest first."""
    return tuple(
        ActRow(at_text(one.at, offset), _by(one.by, words), _act("people.act", one.act, words), one.account)
        for one in acts
    )


def machine_acts(acts: Sequence[MachineAct], offset: int, words: Words) -> tuple[ActRow, ...]:
    """What was done to machines, newest first."""
    return tuple(
        ActRow(at_text(one.at, offset), _by(one.by, words), _act("machines.act", one.act, words), one.machine)
        for one in acts
    )


def roles(words: Words) -> tuple[tuple[str, str, str], ...]:
    """Each role's name, its words, and what it is for."""
    return tuple(
        (role.value, words.get(f"people.role.{role.value}"), words.get(f"people.role.{role.value}.how"))
        for role in Role
    )


def at_text(seconds: int, offset: int) -> str:
    """Seconds since the epoch as day and time of the site."""
    return f"{at_site(datetime.fromtimestamp(seconds, UTC), offset):%d/%m/%Y %H:%M}"


def _by(by: str, words: Words) -> str:
    return words.get("people.by.command") if by == "command" else by


def _act(prefix: str, act: str, words: Words) -> str:
    key = f"{prefix}.{act}"
    return words.get(key) if key in words else act
