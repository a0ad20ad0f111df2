"""Dates as cards write them."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reader.payload.dates import FIRST_YEAR, LAST_YEAR, before, from_compact, from_slashed, is_full, to_compact

DAYS = st.dates(datetime.date(FIRST_YEAR, 1, 1), datetime.date(LAST_YEAR, 12, 31))


@settings(deadline=None)  # a shared machine is slow at times
@given(DAYS)
def test_every_day_of_the_calendar_is_read(day: datetime.date) -> None:
    iso = day.isoformat()
    assert from_compact(day.strftime("%d%m%Y")) == iso
    assert from_slashed(day.strftime("%d/%m/%Y")) == iso
    assert from_slashed(f"{day.day}/{day.month}/{day.year}") == iso
    for length in (4, 7, 10):
        assert from_compact(to_compact(iso[:length])) == iso[:length]


@settings(deadline=None)  # a shared machine is slow at times
@given(st.text(alphabet="0123456789/", max_size=10))
def test_what_is_read_is_a_day_a_month_or_a_year_that_exists(text: str) -> None:
    for iso in (from_compact(text), from_slashed(text)):
        if iso is not None:
            datetime.date.fromisoformat(iso + "-01-01"[len(iso) - 4 :])


@settings(deadline=None)  # a shared machine is slow at times
@given(st.text(max_size=12))
def test_other_text_is_not_a_date(text: str) -> None:
    if not text.isascii():
        assert from_compact(text) is None
        assert from_slashed(text) is None


@pytest.mark.parametrize("text", ["29022100", "29021900", "31112000", "00012000", "01002000", "0000", "1899", "2400"])
def test_days_that_do_not_exist_are_refused(text: str) -> None:
    assert from_compact(text) is None


def test_a_leap_day_exists_in_leap_years() -> None:
    assert from_compact("29022000") == "2000-02-29"


def test_order_is_judged_at_the_precision_that_both_dates_have() -> None:
    assert before("1954-12-31", "1955")
    assert not before("1955-01-01", "1955")
    assert not before("1955", "1955-06-01")
    assert before("2021-05-19", "2021-05-20")


def test_only_a_day_is_full() -> None:
    assert [is_full(iso) for iso in ("2003-02-14", "2003-02", "2003")] == [True, False, False]
