"""When a Vietnamese identity card expires, from birth date and issue date (card.md 3.3).

Law 59/2014/QH13 Art. 21 and, from 1 July 2024, Law 26/2023/QH15 Art. 21: a card holds until a birthday at which it
must be renewed; one that is issued within the two years before that birthday holds until the next. Pure.
"""

from datetime import date

_BY_THE_OLD_LAW = (25, 40, 60)
_BY_THE_NEW_LAW = (14, 25, 40, 60)
NEW_LAW = date(2024, 7, 1)
RENEWED_EARLY = 2  # years before a birthday in which a card is already the next one

Expiry = date | None


def candidates(birth: date, issued: date) -> tuple[Expiry, ...]:
    """Expiry dates a card may print, the likeliest first; None is a card without expiry.

    Nothing when it would be issued before birth.

    First what the rule says. Then the milestone before it, where that lies after the day of issue: some card may have
    been issued without the two-year rule, and on the very day two years before a birthday the law can be read either
    way. Then the milestone after it.
    """
    if issued < birth:
        return ()
    milestones = _BY_THE_NEW_LAW if issued >= NEW_LAW else _BY_THE_OLD_LAW
    at = next((n for n, age in enumerate(milestones) if _key(issued) < _key(birth, age - RENEWED_EARLY)), None)
    ages: tuple[int | None, ...] = (*milestones, None)
    primary = len(milestones) if at is None else at
    before = [age for age in milestones[max(primary - 1, 0) : primary] if _key(issued) < _key(birth, age)]
    expiries = [
        *_birthday(birth, ages[primary]),
        *(expiry for age in before for expiry in _birthday(birth, age)),
        *(expiry for age in ages[primary + 1 : primary + 2] for expiry in _birthday(birth, age)),
    ]
    return tuple(dict.fromkeys(expiries))


def _key(day: date, years: int = 0) -> tuple[int, int, int]:
    """Some years after a day, for comparing: 29 February needs no such day in that year."""
    return day.year + years, day.month, day.day


def _birthday(birth: date, age: int | None) -> tuple[Expiry, ...]:
    """The birthday itself; of 29 February in a common year both days that may be printed (which is not known)."""
    if age is None:
        return (None,)
    year = birth.year + age
    try:
        return (birth.replace(year=year),)
    except ValueError:
        return date(year, 2, 28), date(year, 3, 1)
