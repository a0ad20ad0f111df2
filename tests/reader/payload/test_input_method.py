"""Text that went through a Vietnamese input method is refused; text that only looks odd is not (card.md 1.5)."""

import random
from itertools import islice

import pytest

from reader.payload import parse_payload
from tests.reader.payload.vietnam import folded, keyed, listed, payloads

TELEX, VNI = 0, 1
MANY = 4000


def reason(payload: str) -> str | None:
    result = parse_payload(payload)
    assert (result.holder is None) == (result.kind == "unknown")
    return result.reason


@pytest.mark.parametrize(
    "payload",
    [
        "001303900017||Traanf Thij Maaux|14022003|Nuwx|Soos 1 DDuwowngf Maaux, Haf Nooij|20052021",
        "001303900017||Mai Anh|14022003|Nuwx||20052021",
        "079200900024||Nguyeenx Vawn Thuwr|01072000|Nam|Toor 5, Phuwowngf Thuwr|15082024||||",
        "079200900024||Nguyeexn Vawn Thuwr|01072000|Nam|Tổ 5|15082024||||",
        "079200900024||Nguye64n Va8n Thu73|01072000|Nam|To63 5|15082024||||",
        "079200900024||Mai Nam|01072000|Nam|To63 5, Phu7o72ng Thu73, Qua65n Ma64u|15082024||||",
        "đăêđê|x||01072000|Nam|x|y",
        "đđ1ăđê9đđđ1ă||Mai Nam|01072000|Nam|x|15082024",
        "079200900024||Mai Nam|đăđôââđđ|Nam|x|15082024",
    ],
)
def test_what_an_input_method_wrote_is_named_so(payload: str) -> None:
    assert reason(payload) == "payload.input_method"


@pytest.mark.parametrize(
    "name", ["Coor Minh", "Lee Soo Min", "Noor Max", "Rex Lux", "Ksor Y", "Danh Lewis", "Moon Seo"]
)
@pytest.mark.parametrize("address", ["Tổ 5, KP4, QL1A, Ấp 3A", "TT. Sky View, Tower B", "To5, Lo2, Khu3, Toa2"])
def test_names_and_addresses_that_resemble_keys_are_taken_as_they_stand(name: str, address: str) -> None:
    result = parse_payload(f"079200900024||{name}|01072000|Nam|{address}|15082024")
    assert result.holder is not None
    assert (result.holder.full_name, result.holder.residence) == (name, address)


def test_there_is_no_false_alarm_over_thousands_of_cards() -> None:
    for printed in islice(payloads(random.Random(6)), MANY):  # noqa: S311
        assert reason(printed) is None


def test_lost_marks_are_hardly_ever_taken_for_keys() -> None:
    lost = [reason(folded(printed)) for printed in islice(payloads(random.Random(7)), MANY // 2)]  # noqa: S311
    assert sum(code is not None for code in lost) <= 0.01 * len(lost)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("method", [TELEX, VNI])
def test_no_card_typed_in_keys_passes_for_an_undamaged_one(method: int, late: bool) -> None:
    cards = islice(payloads(random.Random(8)), MANY // 2 + 500)  # noqa: S311
    typed = [(keys, card) for card in cards if (keys := keyed(card, method, late)) != card and keys.isascii()]
    assert len(typed) >= MANY // 2
    accepted = [result for keys, _ in typed if (result := parse_payload(keys)).holder is not None]
    assert all("diacritics_lost" in result.warnings for result in accepted)
    assert len(accepted) <= 0.015 * len(typed)  # a short name, a short address, and both could be words


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("method", "missed"), [(TELEX, 0.06), (VNI, 0.08)])
@pytest.mark.parametrize("fields", [(2,), (4,), (5,), (2, 4), (4, 5), (2, 5)])
def test_keys_in_some_fields_are_recognised_beside_true_ones(
    fields: tuple[int, ...], method: int, missed: float, late: bool
) -> None:
    silent = seen = 0
    for card in islice(payloads(random.Random(9)), MANY // 4):  # noqa: S311
        parts = card.split("|")
        typed = [keyed(part, method, late) if at in fields else part for at, part in enumerate(parts)]
        if typed != parts and all(typed[at].isascii() for at in fields):
            result = parse_payload("|".join(typed))
            seen += 1
            silent += result.holder is not None and "diacritics_lost" not in result.warnings
    assert seen > MANY // 10
    assert silent <= missed * seen
    assert fields != (4,) or silent == 0


@pytest.mark.parametrize("sex", ["Nuwx", "NUWX", "Nuxw", "Nwx", "Nw", "Nu7", "Nu74", "Nu47", "N]x", "nux"])
def test_a_sex_in_keys_is_enough(sex: str) -> None:
    assert reason(f"001303900017||Trần Thị Mẫu|14022003|{sex}|Hà Nội|20052021") == "payload.input_method"


@pytest.mark.parametrize(
    "payload",
    [
        "001303900017||Trần Thị Mẫu|14022003|Nuwx|So61 DDuowwngf|20052021",
        "001303900017||Trần Thị Mẫu|14022003|Nữ|So61 DDuowwngf|20052021",
        "001303900017||Trần Thị Mẫu|14022003|Nữ|So61 1 D9u7o7ng2 Ma64u|20052021",
        "079200900024||Trần Văn Thử|01072000|Nam|Toor 5, Phuwowngf Thử, Hà Nội|15082024",
        "079200900024||Nguyeenx Vawn An|01072000|Nam|Tổ 5, Hà Nội|15082024",
        "079200900024||Haf Nam|01072000|Nam|KP4|15082024",
        "079200900024||Vux An|01072000|Nam|KP4|15082024",
    ],
)
def test_one_mangled_field_refuses_the_whole_card(payload: str) -> None:
    assert reason(payload) == "payload.input_method"


TRUE_NAMES = listed("""
    An, Hoa, Vinh, Nam, Lan, Mai Anh, Le An, Tran Anna, Max Lux, Noor Roos, Thomas Lewis, Alex Park, Y Wốt Niê,
    H'Hen Êban, Siu Black, Thào A Sùng, Lò Thị Piếng, Ksor H'Bia, Chamaléa Điệp, Bhnướch Bríu, Hồ Văn Klấp,
    Katơr Tý, Ríah Thị Đông, Đinh Gruôi, Kê Sửu, Hoàng Thị Quýnh, Nguyễn Thị Ngoẵng, Trương Quốc Khuỷu,
    NGUYỄN THỊ THUỶ, Nguyễn Thị Thúy, Trương Thị Giếng, Lý Quẩy, Vi Văn Quắt, Huỳnh Đắk, Nguyễn Hoàng-Yến,
    VănĐức Minh, LêThị Hà, H'Yến, Y Ƀlŏ, Y Bơ̆k, Trịnh Giả, Gì Văn Gịn, Lữ Thị Ưởng, Từ Ý, Phoòng Sì Cú,
    Voòng A Sám, Chướng Mằn, Mùa A Pủa, Sùng Thị Mỷ, Rơ Châm Hyưnh
""")


@pytest.mark.parametrize("name", TRUE_NAMES)
@pytest.mark.parametrize("address", ["Tổ 5, Phường Thử, Hà Nội", "Buôn Čư M'gar, Krông Pắc, Đắk Lắk", "KP4, Sky View"])
@pytest.mark.parametrize("sex", ["Nam", "Nữ"])
def test_true_names_are_taken_as_they_stand(name: str, address: str, sex: str) -> None:
    result = parse_payload(f"079200900024||{name}|01072000|{sex}|{address}|15082024")
    assert result.holder is not None
    assert (result.holder.full_name, result.holder.residence) == (name, address)
    wholly_ascii = name.isascii() and address.isascii() and sex == "Nam"
    assert ("diacritics_lost" in result.warnings) == wholly_ascii
