"""Finding somebody of the day at the counter: by ticket number, by words of the name, by the ID number.

The words stand in a table of their own, without marks and in lower case, kept in step by whoever writes a visit; they
go when the visit goes. Nothing that is typed here is logged. On the caller's connection. Must not import Flask, a
device library or a connector.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from wire import sqlite

MOST = 50  # rows of one answer
MAX_WORDS = 6
MAX_LETTERS = 80

_FORGET = "DELETE FROM sought WHERE visit_id = ?"
_NOTE = "INSERT OR IGNORE INTO sought (day, word, visit_id) VALUES (?, ?, ?)"
_BY_NUMBER = "SELECT id FROM tickets WHERE day = ? AND number >= ? AND number < ? ORDER BY number LIMIT ?"
_BY_SEQUENCE = "SELECT id FROM tickets WHERE day = ? AND prefix = ? AND sequence = ?"
_FIRST = "SELECT tickets.id FROM sought AS one JOIN tickets ON tickets.visit_id = one.visit_id"
_WITHIN = " WHERE one.day = ? AND one.word >= ? AND one.word < ?"
_AND = " AND EXISTS (SELECT 1 FROM sought WHERE visit_id = one.visit_id AND day = ? AND word >= ? AND word < ?)"
_AFTER = chr(0x10FFFF)  # behind every word that begins alike


def words_of(text: str) -> list[str]:
    """The words of a name or question, without marks, in lower case; `đ` counts as `d`, as people type it."""
    plain = unicodedata.normalize("NFD", text[: 4 * MAX_LETTERS].replace("đ", "d").replace("Đ", "D"))
    letters = "".join(letter for letter in plain if not unicodedata.category(letter).startswith("M"))
    return re.findall(r"\w+", letters.casefold()[:MAX_LETTERS])


def note(connection: sqlite.Connection, day: str, visit_id: str, told: Iterable[str | None]) -> None:
    """Let a visit be found by these texts, and by no earlier ones. Inside the caller's transaction."""
    connection.execute(_FORGET, (visit_id,))
    words = dict.fromkeys(word for text in told if text for word in words_of(text))
    connection.executemany(_NOTE, [(day, word, visit_id) for word in words])


def found(connection: sqlite.Connection, day: str, text: str, prefixes: Sequence[str]) -> list[str]:
    """The tickets of a day that this text means, at most MOST: a ticket's number or its digits, else words."""
    words = words_of(text)[:MAX_WORDS]
    number = "".join(words).upper()
    if not number:
        return []
    tickets = [row["id"] for row in connection.execute(_BY_NUMBER, (day, number, number + _AFTER, MOST))]
    if re.fullmatch(r"[0-9]{1,4}", number):
        named = (connection.execute(_BY_SEQUENCE, (day, prefix, int(number))).fetchall() for prefix in prefixes)
        tickets += [row["id"] for rows in named for row in rows]
    else:
        tickets += [row["id"] for row in connection.execute(*_by_words(day, words))]
    return list(dict.fromkeys(tickets))[:MOST]


def _by_words(day: str, words: Sequence[str]) -> tuple[str, list[object]]:
    """The longest word first: it is found by the index, the others are looked up with each that has it."""
    ordered = sorted(words, key=len, reverse=True)
    values: list[object] = []
    for word in ordered:
        values += [day, word, word + _AFTER]
    return f"{_FIRST}{_WITHIN}{_AND * (len(ordered) - 1)} GROUP BY tickets.id LIMIT {MOST}", values
