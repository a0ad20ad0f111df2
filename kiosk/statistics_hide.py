"""Which counts may be told: a small one could be somebody, so it is hidden, and with it enough others that no sum gives
it away.

A day's counts of one table are told once, in one way: each cell that is large enough (or nought) by itself, all others
together. Whatever else is told (weeks, months, any days somebody picks) is made of those numbers alone, so two
overlapping questions tell no more than one. Of a month that is over, the sums of its hidden cells are told besides,
where every hidden cell can still be something else (`sums_over_days`).

Pure. The rules stand in docs/statistics.md. Must not import anything of the product.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ROOM = 2  # by how much at least each hidden cell could be another than it is


@dataclass(frozen=True)
class Told:
    """One table of one day. `cells`: what is told by itself; `together`: the sum of the `hidden` ones, None where that
    too is too small."""

    cells: Mapping[str, int]
    hidden: tuple[str, ...] = ()
    together: int | None = None


def protect(counts: Mapping[str, int], least: int) -> Told:
    """The counts as they may be told: 1 to `least` - 1 never by itself.

    Large cells go with the small ones, from the end of the order of `counts` whatever their size, until every small
    one could be any small number. Were they chosen by size, or the small ones left among themselves, whoever knows
    the rule could narrow them down to one.
    """
    total = sum(counts.values())
    if 0 < total < least:
        return Told({}, tuple(counts), None)
    small = [name for name, count in counts.items() if 0 < count < least]
    large = [name for name, count in counts.items() if count >= least]
    partners: list[str] = []
    while small and not (partners and _roomy([counts[one] for one in partners + small], len(partners), least)):
        if (
            not large
        ):  # so few that even the noughts would tell; where nearly all are the largest small ones, the sum too
            crowded = not partners and total > len(counts) * (least - 1) - ROOM
            return Told({}, tuple(counts), None if crowded else total)
        partners.append(large.pop())
    hidden = tuple(name for name in counts if name in partners or name in small)
    told = {name: count for name, count in counts.items() if name not in hidden}
    return Told(told, hidden, sum(counts[name] for name in hidden) if hidden else None)


def protect_day(tables: Mapping[str, Mapping[str, int]], least: int) -> dict[str, Told]:
    """All tables of one day. They count the same tickets, so where one table's sum must not be told, none is."""
    told = {figure: protect(counts, least) for figure, counts in tables.items()}
    if any(one.hidden and one.together is None for one in told.values()):
        return {figure: Told({}, tuple(counts), None) for figure, counts in tables.items()}
    return told


def _roomy(hidden: Sequence[int], large: int, least: int) -> bool:
    """Whether all small cells could be the largest small number, and the large ones still be large."""
    return sum(hidden) >= (least - 1) * (len(hidden) - large) + least * large


@dataclass(frozen=True)
class Day:
    """One day's counts, and how they are told."""

    counts: Mapping[str, int]
    told: Told


def sums_over_days(days: Sequence[Day], least: int) -> dict[str, int]:
    """Of each name the sum of its hidden cells over these days, as far as it may be told; names left out stay in what
    is told together.

    The hidden cells form a table of days and names whose rows' sums (`together`) are known. A name's sum may be told
    where each hidden cell can still move by `ROOM` with all known sums kept: there is a way round from its row to its
    column and back (the bridges and bounds of a transport polytope). A sum that is small itself is not told, neither
    alone nor as the rest of the others. Days that are hidden whole are in no sum.
    """
    rows = [day for day in days if day.told.hidden and day.told.together is not None]
    names = list(dict.fromkeys(name for day in rows for name in day.told.hidden))
    column = {name: name for name in names}  # in which column each name is told; several in one: together
    while len(set(column.values())) > 1:
        tight = _tight(rows, column, least)
        if tight is None:
            break
        others = [one for one in dict.fromkeys(column.values()) if one != tight]
        column = {name: others[-1] if one == tight else one for name, one in column.items()}
    columns = list(column.values())
    if len(set(columns)) <= 1:
        return {}
    return {
        name: sum(day.counts[name] for day in rows if name in day.told.hidden)
        for name in names
        if columns.count(column[name]) == 1
    }


def _tight(rows: Sequence[Day], column: Mapping[str, str], least: int) -> str | None:
    """A column whose sum is small, or with a cell that cannot move enough; None: there is none such."""
    cells: dict[tuple[int, str], int] = {
        (number, name): day.counts[name] for number, day in enumerate(rows) for name in day.told.hidden
    }
    for one in dict.fromkeys(column.values()):
        if 0 < sum(count for (_, name), count in cells.items() if column[name] == one) < least:
            return one
    for cell in cells:
        if _room(cells, rows, column, cell) < ROOM:
            return column[cell[1]]
    return None


Cell = tuple[int, str]


def _room(cells: Mapping[Cell, int], rows: Sequence[Day], column: Mapping[str, str], cell: Cell) -> int:
    """How many other values this cell can take, up and down, at most ROOM."""
    found = 0
    for up in (True, False):
        moved = dict(cells)
        while found < ROOM and (up or moved[cell] > _floor(rows[cell[0]])):
            way = _way_round(moved, rows, column, cell, up)
            if way is None:
                break
            for step, more in way:
                moved[step] += 1 if more else -1
            moved[cell] += 1 if up else -1
            found += 1
    return found


def _floor(day: Day) -> int:
    """A hidden cell is 1 at least, unless the day's noughts are hidden too."""
    return 1 if all(day.counts[name] for name in day.told.hidden) else 0


def _way_round(
    cells: Mapping[Cell, int], rows: Sequence[Day], column: Mapping[str, str], cell: Cell, up: bool
) -> list[tuple[Cell, bool]] | None:
    """Cells that go up and down by one, so that this one can and every row and column keeps its sum."""
    by_row: dict[int, list[Cell]] = {}
    by_column: dict[str, list[Cell]] = {}
    for one in cells:
        if one != cell:
            by_row.setdefault(one[0], []).append(one)
            by_column.setdefault(column[one[1]], []).append(one)
    # In its row another cell moves against it, in that one's column a third with it, and so on back to its column.
    start, goal = cell[0], column[cell[1]]
    came: dict[tuple[str, object], tuple[tuple[str, object], Cell, bool] | None] = {("row", start): None}
    todo: deque[tuple[str, object]] = deque(came)
    while todo:
        node = todo.popleft()
        kind, where = node
        if node == ("column", goal):
            return _traced(came, node)
        steps = by_row.get(where, ()) if kind == "row" else by_column.get(where, ())  # type: ignore[call-overload]
        more = up != (kind == "row")
        for one in steps:
            following: tuple[str, object] = ("column", column[one[1]]) if kind == "row" else ("row", one[0])
            if following not in came and (more or cells[one] > _floor(rows[one[0]])):
                came[following] = (node, one, more)
                todo.append(following)
    return None


def _traced(
    came: Mapping[tuple[str, object], tuple[tuple[str, object], Cell, bool] | None], node: tuple[str, object]
) -> list[tuple[Cell, bool]]:
    way = []
    while (step := came[node]) is not None:
        node, cell, more = step
        way.append((cell, more))
    return way


def rounded(count: int, least: int) -> int:
    """To the nearest multiple of `least`: for counts of messages that follow the number of visits one by one."""
    return (count + least // 2) // least * least
