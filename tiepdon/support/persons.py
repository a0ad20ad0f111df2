"""Everybody that the database and the settings name, as the words a support bundle must not hold."""

import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from config.settings import Settings
from tiepdon.support.wall import address_terms, date_terms, name_terms
from wire import sqlite

NAMES = frozenset({"full_name", "name", "officer_name", "given_name", "family_name"})
DATES = frozenset({"birth_date", "date_of_birth"})
ADDRESSES = frozenset({"residence", "place_of_origin", "current_address", "address", "detail"})
NUMBERS = frozenset(
    {
        *("personal_id", "previous_id", "phone", "officer_id", "card_number", "new_card_number", "old_card_number"),
        *("social_security_number", "record_number", "referral_number", "local_id"),
    }
)
_WORD_COLUMNS = {"accounts": ("full_name", "officer_id"), "corrections": ("officer_name", "officer_id")}
_MOST_JSON = 1 << 20  # characters of one value


def persons_terms(connection: sqlite.Connection, settings: Settings, today: date) -> set[str]:
    """The terms of every person in the database, visitors and staff, and of the officer in the settings."""
    terms = set(_of_value("officer_name", settings.portal.officer_name, today))
    terms |= set(_of_value("officer_id", settings.portal.officer_id, today))
    for table, column in _text_columns(connection):
        terms |= set(_of_column(connection, table, column, today))
    return terms


def _text_columns(connection: sqlite.Connection) -> list[tuple[str, str]]:
    names = [row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [
        (table, row["name"])
        for table in names
        for row in connection.execute(f"PRAGMA table_info('{table}')")
        if row["type"].upper() in ("TEXT", "BLOB", "")
    ]


def _of_column(connection: sqlite.Connection, table: str, column: str, today: date) -> Iterator[str]:
    rows = connection.execute(f'SELECT DISTINCT "{column}" AS told FROM "{table}" WHERE "{column}" IS NOT NULL')  # noqa: S608 - names of our own schema
    named = column in _WORD_COLUMNS.get(table, ()) or (
        column in NAMES | NUMBERS | DATES | ADDRESSES and column != "name"
    )
    for row in rows:
        told = row["told"]
        if isinstance(told, bytes):
            told = told.decode("utf-8", "ignore") if told[:1] in (b"{", b"[") else ""
        if not isinstance(told, str):
            continue
        if named:
            yield from _of_value(column, told, today)
        elif told[:1] in ("{", "[") and len(told) <= _MOST_JSON:
            try:
                tree = json.loads(told)
            except (ValueError, RecursionError):
                continue
            yield from _of_tree(tree, today)


def _of_tree(tree: Any, today: date, under: str = "") -> Iterator[str]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            # A service and a site have a name as well, and they may be told.
            if key == "name" and under in ("service", "site", "visit"):
                continue
            yield from _of_value(key, value, today) if isinstance(value, str) else _of_tree(value, today, key)
    elif isinstance(tree, list):
        for one in tree:
            yield from _of_tree(one, today, under)


def _of_value(key: str, value: str, today: date) -> Iterable[str]:
    if key in NAMES:
        return name_terms(value)
    if key in DATES:
        return date_terms(value, today)
    if key in ADDRESSES:
        return address_terms(value)
    return (value,) if key in NUMBERS else ()
