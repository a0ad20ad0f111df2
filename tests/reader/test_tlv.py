"""The bounded TLV reader: what it takes, and that nothing a card sends can hurt it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader import tlv
from reader.errors import CardBroken


@given(st.sampled_from([0x04, 0x0C, 0x30, 0x61, 0x5F1F, 0x7F61]), st.binary(max_size=70_000))
def test_what_is_encoded_is_read_back(tag, value):
    encoded = tlv.encode(tag, value)
    (node,) = tlv.read_all(encoded, "t")
    assert (node.tag, node.value, node.encoded) == (tag, value, encoded)


@given(st.binary(max_size=300))
def test_garbage_is_read_or_refused(data):
    try:
        nodes = tlv.read_all(data, "t")
    except CardBroken:
        return
    assert b"".join(node.encoded for node in nodes) == data


@given(st.binary(max_size=300))
def test_garbage_is_walked_or_refused(data):
    try:
        assert len(list(tlv.walk(tlv.read_all(data, "t"), "t"))) <= tlv.MAX_NODES * tlv.MAX_DEPTH
    except CardBroken:
        return


@pytest.mark.parametrize(
    "data",
    [
        "30",
        "3080",  # indefinite length
        "308000000000",
        "3084000000010000",  # four bytes of length
        "3084FFFFFFFF",  # 4 GB, or minus one
        "30FF",  # reserved
        "30820100",  # value not there
        "300500",
        "7F",
        "7F81",
        "7F8101",  # a tag of three bytes
        "5F",
        "3081",
    ],
)
def test_forms_outside_the_profile_are_refused(data):
    with pytest.raises(CardBroken):
        tlv.read_all(bytes.fromhex(data), "t")


def test_an_empty_object_has_an_empty_value():
    assert tlv.read_all(b"\x30\x00\x04\x00", "t") == [(0x30, b"", b"\x30\x00"), (0x04, b"", b"\x04\x00")]


def test_a_header_is_read_before_its_value_is_there():
    assert tlv.read_header(bytes.fromhex("7F6183FFFFFF"), "t") == tlv.Header(0x7F61, 0xFFFFFF, 6)


def test_parents_are_walked_before_their_children():
    data = tlv.encode(0x30, tlv.encode(0x31, b"\x02\x00") + b"\x04\x00") + b"\x05\x00"
    assert [node.tag for node in tlv.walk(tlv.read_all(data, "t"), "t")] == [0x30, 0x31, 0x02, 0x04, 0x05]


def test_longer_length_forms_than_needed_are_read():
    assert tlv.read_one(bytes.fromhex("3083000001FF"), 0x30, "t") == b"\xff"


def test_nesting_is_bounded():
    data = b""
    for _ in range(100):
        data = tlv.encode(0x30, data)
    with pytest.raises(CardBroken):
        list(tlv.walk(tlv.read_all(data, "t"), "t"))


def test_the_number_of_objects_is_bounded():
    with pytest.raises(CardBroken):
        tlv.read_all(b"\x04\x00" * (tlv.MAX_NODES + 1), "t")


def test_a_leftover_or_another_tag_is_refused():
    for data in (b"\x30\x00\x30\x00", b"\x31\x00", b""):
        with pytest.raises(CardBroken):
            tlv.read_one(data, 0x30, "t")
