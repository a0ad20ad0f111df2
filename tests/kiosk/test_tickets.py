"""How a number looks, and who must still see the staff."""

from datetime import date

import msgspec
import pytest

from config.settings import load
from hisbridge.questions import Coverage, Verdict
from kiosk.entries import typed_reading
from kiosk.handover import Place, patient_record
from kiosk.tickets import needs_counter as needed
from kiosk.tickets import number
from reader.reading import Check, Checks, Outcome, Reading
from tests.kiosk.people import LAN, by_chip, by_qr, covered

TODAY = date(2026, 11, 21)
PLACE = Place("v", "0001", load().kiosk.services[0], "2026-11-21T07:45:00+07:00")


def needs_counter(reading: Reading | None, coverage: Coverage | None, today: date) -> bool:
    record = None if reading is None else patient_record(reading, coverage, load().site, PLACE)
    return needed(record, today)


def test_a_range_that_is_used_up_repeats_no_number_of_its_own_or_of_another() -> None:
    mine = [number("A", count, 1, 99) for count in range(1, 99 * 30)]
    other = [number("A", count, 100, 9999) for count in range(1, 12_000)]
    assert (mine[98].text, mine[99].text) == ("A0099", "A0001B")
    assert len({one.text for one in (*mine, *other)}) == len({one.sequence for one in (*mine, *other)})
    assert len({one.text for one in (*mine, *other)}) == len(mine) + len(other)


def test_a_number_has_at_least_four_digits_and_grows() -> None:
    assert [number("A", 1).text, number("", 9999).text, number("K2-", 10000).text] == ["A0001", "9999", "K2-10000"]


def test_a_covered_person_with_a_genuine_card_goes_straight_on() -> None:
    assert not needs_counter(by_chip(), covered(), TODAY)
    assert not needs_counter(by_qr(), Coverage(verdict=Verdict.VALID_NEW_CARD), TODAY)


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.VALID, Verdict.VALID_NEW_CARD}))
def test_any_insurance_answer_but_a_plain_yes_needs_the_counter(verdict: Verdict) -> None:
    assert needs_counter(by_chip(), Coverage(verdict=verdict), TODAY)


def test_nobody_asked_and_nobody_identified_need_the_counter() -> None:
    assert needs_counter(by_chip(), None, TODAY)
    assert needs_counter(None, covered(), TODAY)
    assert needs_counter(typed_reading(LAN, "r", "2026-11-21T00:45:00Z"), covered(), TODAY)


@pytest.mark.parametrize("name", [field.name for field in msgspec.structs.fields(Checks)])
def test_every_failed_check_needs_the_counter_and_one_not_done_does_not(name: str) -> None:
    def with_check(result: Outcome) -> Reading:
        checks = Checks(**{name: Check(result=result)})
        return msgspec.structs.replace(by_chip(), evidence=msgspec.structs.replace(by_chip().evidence, checks=checks))

    assert needs_counter(with_check(Outcome.FAILED), covered(), TODAY)
    assert not needs_counter(with_check(Outcome.NOT_DONE), covered(), TODAY)


@pytest.mark.parametrize(
    ("expiry", "needed"),
    [("2026-11-20", True), ("2026-11-21", False), ("none", False), (None, False), ("not a date", False)],
)
def test_an_expired_card_needs_the_counter(expiry: str | None, needed: bool) -> None:
    assert needs_counter(by_chip(expiry_date=expiry), covered(), TODAY) is needed
