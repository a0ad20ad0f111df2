"""What is told of small counts, attacked: by everybody who knows the rules, adds up, and subtracts overlapping days."""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction

import pytest

from kiosk.statistics_hide import Day, Told, protect, protect_day, sums_over_days

LEAST = 5
NAMES = ("chip", "qr", "typed", "staff")


def tables(names: tuple[str, ...], most: int) -> Iterator[dict[str, int]]:
    for counts in itertools.product(range(most + 1), repeat=len(names)):
        if sum(counts) <= most:
            yield dict(zip(names, counts, strict=True))


def as_seen(told: Told) -> tuple[object, ...]:
    return tuple(sorted(told.cells.items())), told.hidden, told.together


def day(counts: Mapping[str, int], least: int = LEAST) -> Day:
    return Day(counts, protect(counts, least))


@pytest.mark.parametrize(("names", "most", "least"), [(NAMES, 18, 5), (NAMES[:3], 32, 5), (NAMES[:2], 40, 7)])
def test_whoever_tries_every_possible_day_against_the_rules_learns_no_hidden_count(
    names: tuple[str, ...], most: int, least: int
) -> None:
    # The strongest attacker of one table: knows the rules, runs them on every day that could have been.
    possible: dict[tuple[object, ...], list[dict[str, int]]] = defaultdict(list)
    for counts in tables(names, most):
        possible[as_seen(protect(counts, least))].append(counts)
    for (_, hidden, together), days in possible.items():
        if together is not None and together > most // 2:
            continue  # of these not all days are among the tried ones
        for name in hidden:  # type: ignore[attr-defined]
            assert len({counts[name] for counts in days}) >= 2, (hidden, together, days)


def test_a_small_count_is_never_told_and_no_large_one_is_hidden_without_need() -> None:
    for counts in tables(NAMES, 20):
        told = protect(counts, LEAST)
        assert not [count for count in told.cells.values() if 0 < count < LEAST]
        assert told.together is None or told.together >= LEAST
        if all(count == 0 or count >= LEAST for count in counts.values()):
            assert (told.cells, told.hidden) == (counts, ())


def test_what_is_told_adds_up_to_the_day() -> None:
    for counts in tables(NAMES, 16):
        told = protect(counts, LEAST)
        if told.together is not None or not told.hidden:
            assert sum(told.cells.values()) + (told.together or 0) == sum(counts.values())


def test_a_month_tells_of_a_rare_way_what_no_day_could() -> None:
    days = [day({"chip": 300, "qr": 80, "typed": 2 + number % 3, "staff": 1 + number % 4}) for number in range(30)]
    assert all(one.told.hidden == ("qr", "typed", "staff") for one in days)
    told = sums_over_days(days, LEAST)
    assert told == {name: sum(one.counts[name] for one in days) for name in ("qr", "typed", "staff")}


def test_a_day_whose_sum_would_tell_a_count_is_left_out_of_every_table() -> None:
    crowded = {"path": {"chip": 4, "qr": 4, "typed": 4}, "hour": {"08": 12}}
    assert {one.together for one in protect_day(crowded, LEAST).values()} == {None}
    assert all(not one.cells for one in protect_day(crowded, LEAST).values())


def test_the_sums_of_one_hidden_day_stay_hidden() -> None:
    days = [day({"chip": 300, "qr": 80, "typed": 9, "staff": 9}) for _ in range(29)]
    assert sums_over_days([*days, day({"chip": 300, "qr": 80, "typed": 2, "staff": 9})], LEAST) == {}


def test_a_sum_that_is_small_itself_is_told_of_no_month() -> None:
    days = [day({"chip": 300, "qr": 80, "typed": 3, "staff": 60}) for _ in range(20)]
    days += [day({"chip": 300, "qr": 2, "typed": 3, "staff": 60}) for _ in range(2)]
    told = sums_over_days(days, LEAST)
    assert "qr" not in told
    assert not [name for name, count in told.items() if 0 < count < LEAST]
    whole = sum(one.told.together or 0 for one in days)
    assert not 0 < whole - sum(told.values()) < LEAST


def test_who_is_hidden_with_others_on_different_days_cannot_be_solved_for() -> None:
    # `typed` is hidden on one day only: its sum would be that day's count.
    days = [day({"chip": 300, "qr": 3, "typed": 90, "staff": 9}) for _ in range(20)]
    days.append(day({"chip": 300, "qr": 80, "typed": 2, "staff": 9}))
    assert "typed" not in sums_over_days(days, LEAST)


@pytest.mark.parametrize("seed", range(12))
def test_solving_all_that_is_told_of_a_month_gives_no_hidden_count(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - synthetic days
    usual = {"chip": 90, "qr": 12, "phone": 4, "typed": 3, "staff": 2, "none": chance.choice((1, 6))}
    days = [
        day({name: max(0, mean + chance.randint(-mean, 3)) for name, mean in usual.items()})
        for _ in range(chance.choice((2, 3, 7, 30)))
    ]
    for number, name in solved(days, sums_over_days(days, LEAST)):
        pytest.fail(f"day {number}, {name}")


@pytest.mark.parametrize("seed", range(4))
def test_overlapping_exports_are_sums_of_what_was_told_day_by_day(seed: int) -> None:
    # Any range is made of the days' own numbers: its equations are sums of theirs, so they determine nothing more.
    chance = random.Random(seed)  # noqa: S311
    usual = {"chip": 30, "qr": 9, "typed": 6}
    days = [day({name: chance.randint(0, most) for name, most in usual.items()}) for _ in range(14)]
    for first, last in itertools.combinations(range(len(days)), 2):
        longer, shorter = total(days[first:last]), total(days[first + 1 : last])
        told = days[first].told
        for name in NAMES[:3]:
            assert longer.get(name, 0) - shorter.get(name, 0) == told.cells.get(name, 0)


def total(days: list[Day]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for one in days:
        for name, count in one.told.cells.items():
            sums[name] += count
    return sums


def solved(days: list[Day], sums: Mapping[str, int]) -> list[tuple[int, str]]:
    """The hidden cells that follow from everything told, by linear algebra (Gauss-Jordan over fractions)."""
    rows = [(number, one) for number, one in enumerate(days) if one.told.together is not None]
    cells = [(number, name) for number, one in rows for name in one.told.hidden]
    place = {cell: index for index, cell in enumerate(cells)}
    equations = []
    for number, one in rows:
        equations.append([place[number, name] for name in one.told.hidden])
    equations += [[place[number, name] for number, one in rows if name in one.told.hidden] for name in sums]
    matrix = [[Fraction(int(index in used)) for index in range(len(cells))] for used in equations]
    pivots: list[int] = []
    for column in range(len(cells)):
        pivot = next((row for row in range(len(pivots), len(matrix)) if matrix[row][column]), None)
        if pivot is None:
            continue
        at = len(pivots)
        matrix[at], matrix[pivot] = matrix[pivot], matrix[at]
        matrix[at] = [value / matrix[at][column] for value in matrix[at]]
        for row in range(len(matrix)):
            if row != at and matrix[row][column]:
                factor = matrix[row][column]
                matrix[row] = [value - factor * top for value, top in zip(matrix[row], matrix[at], strict=True)]
        pivots.append(column)
    return [cells[column] for row, column in enumerate(pivots) if sum(bool(value) for value in matrix[row]) == 1]
