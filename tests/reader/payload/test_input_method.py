"""Text that went through a Vietnamese input method is refused; text that only looks odd is not (card.md 1.5)."""

import random
from itertools import islice

import pytest

from reader.payload import parse_payload
from tests.reader.payload.vietnam import folded, keyed, payloads

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
def test_keys_are_recognised_in_nearly_every_card(method: int, late: bool) -> None:
    cards = islice(payloads(random.Random(8)), MANY // 2)  # noqa: S311
    typed = [(keys, card) for card in cards if (keys := keyed(card, method, late)) != card and keys.isascii()]
    wrong = 0
    for keys, card in typed:
        holder = parse_payload(keys).holder
        wrong += holder is not None and holder.full_name != card.split("|")[2]
    assert wrong <= 0.06 * len(typed)
