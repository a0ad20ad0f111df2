import pytest

from hisbridge.records import PatientRecord
from reader.reading import Holder, Sex
from wire.codec import from_json, from_plain, to_json, to_plain
from wire.errors import MalformedMessage


def test_a_record_survives_the_trip_through_json() -> None:
    holder = Holder(personal_id="001303900017", full_name="Trần Thị Mẫu", sex=Sex.FEMALE)
    assert from_json(to_json(holder), Holder) == holder
    assert from_plain(to_plain(holder), Holder) == holder


def test_absent_fields_are_null_in_json() -> None:
    assert b'"residence":null' in to_json(Holder(personal_id="001303900017"))


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "$"),
        (b"{", "$"),
        (b"[]", "$"),
        (b'{"personal_id": 1}', "$.personal_id"),
        (b'{"full_name": "x"}', "$"),
        (b'{"personal_id": "1", "surprise": 1}', "$"),
        (b'{"personal_id": "\xff"}', "$"),
        (b"[" * 100_000, "$"),
    ],
)
def test_what_is_not_the_record_is_refused_with_the_place(data: bytes, where: str) -> None:
    with pytest.raises(MalformedMessage) as caught:
        from_json(data, Holder)
    assert caught.value.data["where"] == where


def test_an_error_never_repeats_the_value_that_was_wrong() -> None:
    with pytest.raises(MalformedMessage) as caught:
        from_json(b'{"personal_id": "001303900017", "sex": "Tran Thi Mau"}', Holder)
    assert "Mau" not in str(caught.value)


def test_a_patient_record_with_an_unknown_version_is_refused() -> None:
    with pytest.raises(MalformedMessage):
        from_json(b'{"version": "tiepdon.patient_record/9"}', PatientRecord)
