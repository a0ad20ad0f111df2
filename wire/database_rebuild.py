"""A new database from the last good copy and what is left of a damaged one: for every row the newer of the two.

Where a stretch of the damaged file can be read, it alone says what stands there: what was removed since the copy stays
removed. Only in its holes stand the copy's rows. Knows tables and rows, not what they mean. Must not import any other
package of ours.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from wire import sqlite
from wire.codec import Record
from wire.database import OWN_TABLES, open_with
from wire.database_damage import PAGE, Remains, Row, has_schema, listed, quoted, unproven_pages

_ROOT, _INTERIOR = 100, 5  # where the first page's tree begins; the kind of page that only points to others
_MOST_LENT = 256  # pages
_WITHOUT_NUMBERS = "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?"


class TableLoss(Record, frozen=True, kw_only=True):
    """What became of one table. `missing`: at most so many rows are in neither; None where nobody can tell."""

    table: str
    read: int
    from_copy: int = 0
    refused: int = 0  # could be read and are no rows any more
    missing: int | None = 0


def rebuild(new: sqlite.Connection, remains: Remains | None) -> list[TableLoss]:
    """Put what remains into `new`, which holds the copy, in one transaction; tell of every table that is not whole.

    Triggers keep quiet meanwhile. References are mended by whoever knows what they mean. `remains`: None where not
    even the list of tables could be read.
    """
    new.execute("PRAGMA foreign_keys = OFF")
    new.execute("BEGIN IMMEDIATE")
    triggers = [tuple(row) for row in new.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")]
    for name, _ in triggers:
        new.execute(f"DROP TRIGGER {quoted(name)}")
    losses = [_table(new, remains, name) for name in _tables(new)]
    if remains is not None:
        _sequences(new, remains)
    for _, statement in triggers:
        new.execute(statement)
    new.execute("COMMIT")
    return [loss for loss in losses if loss.from_copy or loss.refused or loss.missing != 0]


def with_schema_of(copy: Path, damaged: Path, secret: str | None) -> int | None:
    """Lay pages of a copy over those of a damaged file whose list of tables cannot be read; None where that is no help.

    A snapshot has every table where the database has it, and the list of tables seldom changes. Returns how many pages
    were lent that may hold rows: where the file is encrypted, nobody sees which page is what. Both files are working
    copies and are changed.
    """
    more = damaged.stat().st_size // PAGE - copy.stat().st_size // PAGE
    if more > 0:  # the first page says how many there are; grown by SQLite itself, as it may be encrypted
        with closing(open_with(copy, secret)) as connection:
            connection.execute("CREATE TABLE filler (content BLOB)")
            connection.execute("INSERT INTO filler VALUES (zeroblob(?))", ((more + 8) * PAGE,))
            connection.execute("DROP TABLE filler")
    if damaged.stat().st_size < copy.stat().st_size:  # a file shorter than its first page says is refused whole
        os.truncate(damaged, copy.stat().st_size)
    candidates = _pages_of_schema(copy) if secret is None else unproven_pages(damaged, secret)
    for lent, page in enumerate((1, *candidates[:_MOST_LENT])):
        with copy.open("rb") as source, damaged.open("r+b") as target:
            source.seek((page - 1) * PAGE)
            target.seek((page - 1) * PAGE)
            target.write(source.read(PAGE))
        if has_schema(damaged, secret):
            return 0 if secret is None else lent
    return None


def _pages_of_schema(file: Path) -> list[int]:
    """The pages below the first one, which is the root of the list of tables (sqlite.org, fileformat2.html, 1.6)."""
    with file.open("rb") as content:
        page = content.read(PAGE)
    if page[_ROOT] != _INTERIOR:
        return []
    count, right = int.from_bytes(page[_ROOT + 3 : _ROOT + 5]), int.from_bytes(page[_ROOT + 8 : _ROOT + 12])
    cells = [int.from_bytes(page[_ROOT + 12 + 2 * one :][:2]) for one in range(count)]
    return [*(int.from_bytes(page[cell : cell + 4]) for cell in cells), right]


def _table(new: sqlite.Connection, remains: Remains | None, table: str) -> TableLoss:
    mine = [str(row[1]) for row in new.execute(f"PRAGMA table_info({quoted(table)})")]
    before = _count(new, table)
    theirs = None if remains is None else remains.columns(table)
    if remains is None or theirs is None:
        return TableLoss(table=table, read=0, from_copy=before, missing=None)
    columns = [name for name in mine if name in theirs]
    if new.execute(_WITHOUT_NUMBERS, (table,)).fetchone()[0]:
        return _table_by_key(new, remains, table, columns)
    read = refused = missing = 0
    hole_from = 1
    to_its_end = False
    for first, last, rows in remains.runs(table, columns):
        new.execute(f"DELETE FROM {quoted(table)} WHERE rowid BETWEEN ? AND ?", (first, last))  # noqa: S608
        bad = _insert(new, table, ["rowid", *columns], rows)
        read, refused = read + len(rows) - bad, refused + bad
        if first > hole_from:
            missing += max(first - hole_from - _count(new, table, hole_from, first - 1), 0)
        hole_from, to_its_end = max(last + 1, 1), last == (1 << 63) - 1
    return TableLoss(
        table=table,
        read=read,
        from_copy=_count(new, table) - read,
        refused=refused,
        missing=missing if to_its_end else None,
    )


def _table_by_key(new: sqlite.Connection, remains: Remains, table: str, columns: list[str]) -> TableLoss:
    rows = remains.all(table, columns)
    if rows is not None:
        new.execute(f"DELETE FROM {quoted(table)}")  # noqa: S608
        refused = _insert(new, table, columns, rows)
        return TableLoss(table=table, read=len(rows) - refused, refused=refused)
    key = "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk"
    order = ", ".join(quoted(row[0]) for row in new.execute(key, (table,)))
    before = _count(new, table)
    some = list(remains.from_both_ends(table, columns, order))
    refused = _insert(new, table, columns, some)
    return TableLoss(table=table, read=len(some) - refused, from_copy=before, refused=refused, missing=None)


def _insert(new: sqlite.Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Put rows in; returns how many the table's own rules refuse."""
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT OR REPLACE INTO {quoted(table)} ({listed(list(columns))}) VALUES ({marks})"  # noqa: S608
    refused = 0
    for row in rows:
        try:
            new.execute(statement, row)
        except (sqlite.IntegrityError, OverflowError):
            refused += 1
    return refused


def _sequences(new: sqlite.Connection, remains: Remains) -> None:
    """A number that was given out is not given out again, also where its row is lost (sqlite.org, autoinc.html)."""
    for name, last in remains.all("sqlite_sequence", ["name", "seq"]) or ():
        new.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, name))


def _tables(connection: sqlite.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    return [row[0] for row in connection.execute(query) if row[0] not in OWN_TABLES]


def _count(connection: sqlite.Connection, table: str, first: int | None = None, last: int | None = None) -> int:
    where, values = ("", ()) if first is None else (" WHERE rowid BETWEEN ? AND ?", (first, last))
    ((count,),) = connection.execute(f"SELECT count(*) FROM {quoted(table)}{where}", values).fetchall()  # noqa: S608
    return int(count)
