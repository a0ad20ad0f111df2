"""Pairing codes for those who may give them: the message desk and the command line. Who asked is written down.

Works on the database alone, beside a running agent or without one. Must not import the listener.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from config.destinations import LocalAgentDestination
from config.settings import Settings
from hisbridge import audit
from hisbridge.agent import pairing
from hisbridge.agent.errors import NoAgent
from hisbridge.errors import UnknownDestination
from wire import sqlite
from wire.codec import Record

GAVE_CODE = "agent.pair"  # as the audit calls it
UNPAIRED = "agent.unpair"


class PairRequest(Record, frozen=True, kw_only=True):
    """`POST /v1/agent/pair`: for which local agent (none: the first of the settings), and who asks."""

    destination: str | None = None
    by: Annotated[str, Meta(max_length=audit.MAX_NAME)] = ""


class PairCode(Record, frozen=True, kw_only=True):
    """Six digits that pair one page with `destination` within `seconds`. They are kept nowhere and shown once."""

    code: str
    destination: str
    seconds: float


def agent_of(settings: Settings, name: str | None) -> LocalAgentDestination:
    """The local agent of this name; without a name the first. Raises NoAgent, UnknownDestination."""
    agents = [one for one in settings.destinations if isinstance(one, LocalAgentDestination)]
    if not agents:
        raise NoAgent()
    for one in agents:
        if name in (None, one.name):
            return one
    raise UnknownDestination(name=(name or "")[:50], known=", ".join(one.name for one in agents))


def give_code(connection: sqlite.Connection, agent: LocalAgentDestination, by: str, now: datetime) -> PairCode:
    """A new code; an earlier one of the same agent is over."""
    code = pairing.new_code(connection, agent.name, now, agent.pairing_seconds)
    audit.note(connection, by, GAVE_CODE, now, destination=agent.name)
    return PairCode(code=code, destination=agent.name, seconds=agent.pairing_seconds)


def end_pairings(
    connection: sqlite.Connection, agent: LocalAgentDestination, origin: str | None, by: str, now: datetime
) -> int:
    """End the pairing of one page, or of all of them. Returns how many are over."""
    ended = pairing.unpair(connection, agent.name, origin)
    audit.note(connection, by, UNPAIRED, now, destination=agent.name, changed=ended)
    return ended
