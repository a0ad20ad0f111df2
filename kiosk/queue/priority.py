"""Who goes first, and by how much: the law's groups as a head start in minutes. Pure.

A head start instead of a queue of their own: whoever has one is called as if they had come that much earlier, so nobody
waits for ever behind a stream of others, and staff can say why somebody is next.
"""

from collections.abc import Mapping
from datetime import date

from kiosk.queue.model import Priority

CHILD_YEARS = 6
AGED_YEARS = 75


def by_age(birth_date: str | None, today: date) -> Priority:
    """The group a birth date gives, known to the day, the month or the year (`2003`, `2003-02`, `2003-02-14`).

    What is not known counts from the first of January or of the month, as social insurance counts it.
    """
    born = _earliest(birth_date or "")
    if born is None or born > today:
        return Priority.NONE
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if years < CHILD_YEARS:
        return Priority.UNDER_SIX
    return Priority.AGED if years >= AGED_YEARS else Priority.NONE


def stronger(first: Priority, second: Priority, head_start_minutes: Mapping[str, int]) -> Priority:
    """Of two reasons the one that gives more."""

    def weight(one: Priority) -> int:
        return 1 << 30 if one is Priority.EMERGENCY else head_start_minutes.get(one.value, 0)

    return second if weight(second) > weight(first) else first


def sort_at(issued: int, priority: Priority, head_start_minutes: Mapping[str, int]) -> int:
    """As if arrived then, seconds since the epoch."""
    return issued - 60 * head_start_minutes.get(priority.value, 0)


def _earliest(birth_date: str) -> date | None:
    parts = birth_date.split("-")
    try:
        return date(int(parts[0]), *(int(part) for part in (*parts[1:3], "1", "1")[:2]))
    except ValueError:
        return None
