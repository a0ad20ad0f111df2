"""Working days in Viet Nam: weekends, the public holidays of a fixed date, and the days the site's settings add.

Tết and the Hùng Kings' day follow the moon, and days are moved by the government every year: they stand in
`retention.days_off`. One that is missing there makes a deadline earlier, never later. Pure.
"""

from collections.abc import Collection
from datetime import date, timedelta

TET_DAYS = 5  # Labour Code 45/2019/QH14, article 112

# Labour Code 45/2019/QH14, article 112: New Year, Victory Day, Labour Day, National Day (month, day).
FIXED = frozenset({(1, 1), (4, 30), (5, 1), (9, 2)})


def is_working_day(day: date, days_off: Collection[date] = ()) -> bool:
    """Whether offices work on that day."""
    return day.weekday() < 5 and (day.month, day.day) not in FIXED and day not in days_off


def after_working_days(day: date, count: int, days_off: Collection[date] = ()) -> date:
    """The working day that is so many after `day`, which itself does not count."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day, days_off)
    return day


def after_days(day: date, count: int, days_off: Collection[date] = ()) -> date:
    """So many days after `day`; a term that ends on a day off ends on the next working day (Civil Code 91/2015/QH13,
    article 148)."""
    end = day + timedelta(days=count)
    while not is_working_day(end, days_off):
        end += timedelta(days=1)
    return end


def unknown_tet(first: date, last: date, days_off: Collection[date] = ()) -> int | None:
    """The year whose Tết touches these days and does not stand in `days_off`: a term that runs through it is counted
    too short. Lunar New Year falls on 21 January at the earliest and on 20 February at the latest; the days off around
    it reach from a day before to a week after."""
    for year in range(first.year, last.year + 1):
        begins, ends = date(year, 1, 20), date(year, 2, 27)
        known = sum(begins <= day <= ends for day in days_off)
        if known < TET_DAYS and first <= ends and last >= begins:
            return year
    return None
