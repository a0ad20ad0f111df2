"""The synthetic insurance cards' codes, read by the product's own parser of such cards."""

from datetime import date

import pytest

from reader.payload import parse_payload
from sandbox.insurance_card import insurance_number, insurance_text
from sandbox.people import Person, all_people, find

TODAY = date(2026, 11, 21)
INSURED = [person for person in all_people() if insurance_number(person)]


@pytest.mark.parametrize("person", INSURED, ids=lambda person: person.key)
def test_every_insurance_card_reads_back(person: Person) -> None:
    text = insurance_text(person, TODAY)
    result = parse_payload(text or "")
    assert result.kind == "insurance_card"
    assert result.insurance is not None
    assert result.insurance.card_number == insurance_number(person)


def test_the_number_on_the_card_is_one_that_finds_the_person() -> None:
    assert insurance_number(find("mau")) == "0000000017"
    assert insurance_number(find("so-cu")) == "GD4000000000002"
    assert insurance_number(find("tre-the-tam")) == "TE1000000000005"
    assert insurance_number(find("khong-bao-hiem")) is None
