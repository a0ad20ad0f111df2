"""The agent's tables, as a migration: the pairing code of the moment and the pages that are paired. Only hashes."""

from typing import TYPE_CHECKING

from wire.database import Migration

if TYPE_CHECKING:
    import sqlite_utils


def _pairings(database: "sqlite_utils.Database") -> None:
    database.table("agent_codes").create(
        {
            "destination": str,
            "code_hash": str,
            "expires_at": float,  # seconds since the epoch
            "tries_left": int,
        },
        pk="destination",
        not_null={"code_hash", "expires_at", "tries_left"},
        strict=True,
    )
    tokens = database.table("agent_tokens")
    tokens.create(
        {
            "token_hash": str,
            "destination": str,
            "origin": str,  # empty: a program that is no page
            "paired_at": str,
        },
        pk="token_hash",
        not_null={"destination", "origin", "paired_at"},
        strict=True,
    )
    tokens.create_index(["destination", "origin"])


AGENT_MIGRATION = Migration("bridge-0005-agent-pairings", _pairings)
