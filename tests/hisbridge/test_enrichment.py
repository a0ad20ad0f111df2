"""Codes are added where a text surely means one entry, and nowhere else."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.codelists.places import Era, places
from hisbridge.enrichment import address_codes, enriched
from hisbridge.records import AddressCodes, PatientRecord
from tests.hisbridge.making import patient, record
from wire.codec import from_json, to_json


def of(**person: Any) -> PatientRecord:
    return enriched(record(patient=patient(**person)))


def test_a_whole_address_has_the_codes_of_today() -> None:
    codes = of(residence="Số 5 Phố Hàng Bạc, Phường Hàng Bạc, Quận Hoàn Kiếm, Hà Nội").patient.residence_codes
    assert codes == AddressCodes(province_code="01", ward_code="00070", detail="Số 5 Phố Hàng Bạc")
    assert places().ward(Era.NEW, "00070") is not None


def test_a_ward_that_was_split_is_offered_and_not_chosen() -> None:
    codes = of(residence="Tổ 1, Phường Phú Thượng, Quận Tây Hồ, Hà Nội").patient.residence_codes
    assert codes is not None
    assert (codes.province_code, codes.ward_code) == ("01", None)
    assert codes.ward_candidates == ("00091", "00097", "00103")


@pytest.mark.parametrize("text", ["", "Xã Không Có, Huyện Mẫu, Tỉnh Thử", "Phường 1", "Hoàng Mai, Hà Nội", "\x00" * 50])
def test_an_uncertain_address_has_no_codes(text: str) -> None:
    assert of(residence=text).patient.residence_codes is None


def test_where_the_person_lives_now_has_codes_of_its_own() -> None:
    told = of(residence=None, current_address="Thôn 3, Xã Ea Kar, Đắk Lắk").patient
    assert told.residence_codes is None
    assert told.current_address_codes == AddressCodes(province_code="66", ward_code="24373", detail="Thôn 3")


@pytest.mark.parametrize(
    ("told", "codes"),
    [
        ({"nationality": "Việt Nam", "ethnicity": "Kinh"}, ("000", "01")),
        ({"nationality": "VIET NAM", "ethnicity": "Ê-đê"}, ("000", "12")),
        ({"nationality": "Xứ Mẫu", "ethnicity": "Người Mẫu"}, (None, None)),
        ({"nationality": None, "ethnicity": None}, (None, None)),
    ],
)
def test_nationality_and_ethnic_group_are_found_by_their_names(
    told: dict[str, str | None], codes: tuple[str | None, str | None]
) -> None:
    person = of(**told).patient
    assert (person.nationality_code, person.ethnicity_code) == codes


def test_a_code_that_is_there_is_left_alone() -> None:
    settled = AddressCodes(province_code="79")
    told = of(residence_codes=settled, nationality_code="999", ethnicity_code="55").patient
    assert (told.residence_codes, told.nationality_code, told.ethnicity_code) == (settled, "999", "55")


def test_what_has_nothing_to_add_stays_the_same_record() -> None:
    bare = record(patient=patient(residence=None, nationality=None, ethnicity=None))
    assert enriched(bare) is bare
    once = enriched(record())
    assert enriched(once) == once


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=300))
def test_whatever_a_card_says_gives_a_record_that_can_be_read_back(text: str) -> None:
    told = of(residence=text, nationality=text[:255], ethnicity=text[:255])
    assert from_json(to_json(told), PatientRecord) == told
    codes = address_codes(text)
    assert codes is None or codes.ward_code is None or not codes.ward_candidates


def test_no_list_is_read_before_a_record_needs_it() -> None:
    program = (
        "import hisbridge.enrichment\nfrom config.codelists.places import places\n"
        "from config.codelists.groups import ethnic_groups\n"
        "assert places.cache_info().currsize == ethnic_groups.cache_info().currsize == 0"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
