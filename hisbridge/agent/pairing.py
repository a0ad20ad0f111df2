"""Which pages may take records: paired once by a code that a person reads off one screen and types into another.

A code has six digits, lives for minutes, works once and dies after five wrong tries: guessing succeeds once in 200,000
codes. A token has 256 bits and belongs to one origin; only SHA-256 of either is kept.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime

from hisbridge.agent.errors import AgentPairing
from hisbridge.outbox import moment
from wire import sqlite
from wire.codec import Record
from wire.database import transaction

TRIES = 5
CODE_DIGITS = 6
MOST_PAIRED = 50  # of one destination; beyond it the oldest pairing is over
PROGRAM = ""  # the origin of a caller that is no browser page


_OLDEST_OUT = """
DELETE FROM agent_tokens WHERE destination = ? AND rowid NOT IN (
  SELECT rowid FROM agent_tokens WHERE destination = ? ORDER BY rowid DESC LIMIT ?)
"""


class Pairing(Record, frozen=True, kw_only=True):
    """A paired page, as a technician sees it."""

    destination: str
    origin: str
    paired_at: str


def new_code(connection: sqlite.Connection, destination: str, now: datetime, seconds: float) -> str:
    """A code that pairs one page within `seconds`; any earlier code of this destination is over."""
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    with transaction(connection):
        connection.execute(
            "INSERT OR REPLACE INTO agent_codes (destination, code_hash, expires_at, tries_left) VALUES (?, ?, ?, ?)",
            (destination, _hashed(f"{destination}/{code}"), now.timestamp() + seconds, TRIES),
        )
    return code


def pair(connection: sqlite.Connection, destination: str, origin: str, code: str, now: datetime) -> str:
    """A token for a page that knows the code. Raises AgentPairing.

    A wrong try is on disk before it is answered, so that a restart gives nobody further tries.
    """
    given = _hashed(f"{destination}/{''.join(code.split())}")
    token = secrets.token_urlsafe(32)
    with transaction(connection):
        row = connection.execute(
            "SELECT code_hash, expires_at, tries_left FROM agent_codes WHERE destination = ?", (destination,)
        ).fetchone()
        usable = row is not None and row["tries_left"] > 0 and now.timestamp() < row["expires_at"]
        right = usable and hmac.compare_digest(row["code_hash"], given)
        if right:
            connection.execute("DELETE FROM agent_codes WHERE destination = ?", (destination,))
            connection.execute(
                "INSERT INTO agent_tokens (token_hash, destination, origin, paired_at) VALUES (?, ?, ?, ?)",
                (_hashed(token), destination, origin, moment(now)),
            )
            connection.execute(_OLDEST_OUT, (destination, destination, MOST_PAIRED))
        elif usable:
            connection.execute(
                "UPDATE agent_codes SET tries_left = tries_left - 1 WHERE destination = ?", (destination,)
            )
    if not right:
        raise AgentPairing()
    return token


def paired_origin(connection: sqlite.Connection, destination: str, token: str, origins: Collection[str]) -> str | None:
    """The origin to which this token belongs, if it is one of `origins`; None for any other token."""
    row = connection.execute(
        "SELECT origin FROM agent_tokens WHERE token_hash = ? AND destination = ?", (_hashed(token), destination)
    ).fetchone()
    return str(row["origin"]) if row is not None and row["origin"] in origins else None


def pairings(connection: sqlite.Connection, destination: str | None = None) -> list[Pairing]:
    """The paired pages, of one destination or all."""
    query = "SELECT destination, origin, paired_at FROM agent_tokens WHERE ? IS NULL OR destination = ? ORDER BY 1, 2"
    return [Pairing(**dict(row)) for row in connection.execute(query, (destination, destination))]


def unpair(connection: sqlite.Connection, destination: str, origin: str | None = None) -> int:
    """End the pairing of one page, or of all of them. Returns how many tokens are over."""
    query = "DELETE FROM agent_tokens WHERE destination = ? AND (? IS NULL OR origin = ?)"
    with transaction(connection):
        return connection.execute(query, (destination, origin, origin)).rowcount


def forget_token(connection: sqlite.Connection, token: str) -> None:
    """End this pairing."""
    with transaction(connection):
        connection.execute("DELETE FROM agent_tokens WHERE token_hash = ?", (_hashed(token),))


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
