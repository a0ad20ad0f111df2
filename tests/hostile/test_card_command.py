"""`tiepdon card read` before cards that others would emulate, through the real pcscd: the right exit code, one JSON
object and nothing beside it, in bounded time and memory (see tests/support/command.py).
"""

import random
from collections.abc import Callable

import pytest

from sandbox.card import image
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.people import find
from tests.hostile.chips import Twist, Twisted, from_command
from tests.hostile.documents import dg13, field, identity_card, pace_info, signed
from tests.reader.chip.cards import with_file
from tests.support.command import CardCommand
from tests.support.pcsc import CardSlot, PlacedCard

pytestmark = pytest.mark.pcsc

Place = Callable[..., PlacedCard]


def honest(_number: int, answer: bytes) -> bytes:
    return answer


def garbage(number: int, _answer: bytes) -> bytes:
    return random.Random(number).randbytes(20)  # noqa: S311  # the same in every run


@pytest.mark.parametrize(
    ("twist", "code"),
    [
        (garbage, "reader.not_an_id_card"),
        (from_command(1, b"\x90\x00"), "reader.card_broken"),
        (from_command(1, b"\x61\x00"), "reader.card_broken"),
        (from_command(1, bytes(65000) + b"\x90\x00"), "reader.card_broken"),
        (from_command(4, b"\x90"), "reader.card_broken"),
        (from_command(8, bytes(16) + b"\x61\x10"), "reader.card_broken"),
        (from_command(9, b"\x6c\x10"), "reader.not_an_id_card"),
        (from_command(9, bytes(300) + b"\x90\x00"), "reader.card_broken"),
    ],
    ids=["garbage", "yes to all", "endless", "huge", "one byte", "endless with data", "other length", "in the clear"],
)
def test_a_hostile_card_exits_5(card_slot: CardSlot, card_command: CardCommand, twist: Twist, code: str) -> None:
    card_slot.insert(Twisted(card_slot.image(find("mau")), twist))
    read = card_command("--can", "900017")
    assert read.told == (5, code)
    assert read.seconds < 10


@pytest.mark.parametrize("atr", ["3B00", "3B9F958131FE9F006646530523002571DF000000000003"], ids=["shortest", "T=0"])
def test_any_answer_to_reset_will_do(card_slot: CardSlot, card_command: CardCommand, atr: str) -> None:
    card_slot.insert(Twisted(card_slot.image(find("mau")), honest, bytes.fromhex(atr)))
    assert card_command("--can", "900017").answer["holder"]["full_name"] == "Trần Thị Mẫu"


def test_what_is_no_answer_to_reset_exits_5(card_slot: CardSlot, card_command: CardCommand) -> None:
    card_slot.insert(Twisted(card_slot.image(find("mau")), honest, b"\xff\xff\xff\xff"))
    assert card_command("--can", "900017").told == (5, "reader.card_mute")


def test_a_foreign_card_is_read_and_has_no_personal_number(
    placed_card: Place, card_slot: CardSlot, card_command: CardCommand
) -> None:
    def foreign(card: CardImage) -> CardImage:
        without = with_file(card, image.DG13, None)
        return signed(
            with_file(without, image.DG1, identity_card("UTO", "L01X00T47", "123456789012")), card_slot.authority
        )

    placed_card("mau", change=foreign)
    told = card_command("--can", "900017").answer
    assert (told["holder"]["full_name"], told["holder"].get("personal_id")) == ("MAU ANNA", None)
    assert told["document"]["issuing_state"] == "UTO"


def test_a_changed_file_is_read_and_its_check_failed(placed_card: Place, card_command: CardCommand) -> None:
    forged = dg13(field(1, "001303900017", 0x13), field(2, "Trần Thị Giả"), field(3, "14/02/2003", 0x13))
    placed_card("mau", change=lambda card: with_file(card, image.DG13, forged))
    read = card_command("--can", "900017")
    assert read.code == 0
    checks = read.answer["evidence"]["checks"]
    assert (checks["hashes"]["result"], checks["hashes"]["reason"]) == ("failed", "hashes.mismatch")
    assert checks["access"]["result"] == "passed"


def test_other_protocols_before_ours_are_passed_over(placed_card: Place, card_command: CardCommand) -> None:
    unknown = bytes.fromhex("300D06092A864886F70D0101010500") + pace_info(parameters=2, version=1)
    content = b"\x31\x82\x00" + bytes([len(unknown + pace_info())]) + unknown + pace_info()
    placed_card("mau", change=lambda card: with_file(card, image.CARD_ACCESS, content))
    assert card_command("--can", "900017").code == 0


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(no_short_file_ids=0x6985, max_le=128, exact_le=True, no_extended_length=True),
        Quirks(most_bytes_per_reply=50, short_file_id_offset_limit=0),
        Quirks(zero_bytes_for_big_le=160),
    ],
    ids=["plain", "slow", "empty answers"],
)
def test_a_difficult_card_is_read(placed_card: Place, card_command: CardCommand, quirks: Quirks) -> None:
    placed_card("mau", quirks=quirks)
    assert card_command("--can", "900017", "--everything").answer["holder"]["full_name"] == "Trần Thị Mẫu"
