"""What is remembered of readers and kinds of cards over many readings, and that nobody's data is among it."""

from dataclasses import replace

import pytest

from reader.chip.plan import MAX_REMEMBERED, Memory
from reader.chip.task import Surroundings, Wanted
from reader.errors import CardBroken
from sandbox.card import kinds
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.people import all_people, find
from tests.reader.chip.cards import image_of, surroundings
from tests.reader.chip.overheard import Overheard, OverheardSlot, card_slot, keys_of, overhear


@pytest.fixture
def world() -> Surroundings:
    return replace(surroundings(), memory=Memory())


def read(card: CardImage, world: Surroundings, quirks: Quirks | None = None, reader: str = "Reader A") -> Overheard:
    slot = card_slot(card, quirks)
    slot.reader = reader
    return overhear(slot, keys_of(card), Wanted(), world)


def connections(heard: Overheard) -> int:
    slot: OverheardSlot = heard.slot
    return slot.connections


DIFFICULT = [
    Quirks(no_extended_length=True, refusal_ends_session=True),
    Quirks(no_short_file_ids=0x6985, refusal_ends_session=True),
    Quirks(max_le=160),
    Quirks(max_le=100, exact_le=True),
    Quirks(zero_bytes_for_big_le=128),
]


@pytest.mark.parametrize("quirks", DIFFICULT, ids=["no extended", "no short ids", "160", "exactly 100", "128"])
def test_the_second_card_of_a_kind_is_read_the_way_the_first_one_took(authority, world, quirks):
    first = read(image_of("mau", authority), world, quirks)
    second = read(image_of("thu", authority), world, quirks)
    assert second.result.apdus < first.result.apdus
    assert connections(second) == 1
    refused = [answer for _, answer in second.ears.said if answer is None or answer.sw not in (0x9000, 0x6282)]
    assert refused == []


def test_another_reader_starts_anew(authority, world):
    quirks = DIFFICULT[0]
    first = read(image_of("mau", authority), world, quirks)
    other = read(image_of("thu", authority), world, quirks, reader="Reader B")
    assert connections(other) == connections(first) == 2
    assert connections(read(image_of("mau", authority), world, quirks, reader="Reader B")) == 1


def test_another_kind_of_card_starts_anew(authority, world):
    read(image_of("mau", authority), world, DIFFICULT[0])
    easy = read(kinds.build("pace_aes256_secp521r1", find("mau"), None, authority), world)
    assert max(command.le or 0 for command, _ in easy.ears.said) >= 4000


def test_a_card_of_the_kind_that_took_more_is_refused_once_and_then_read(authority, world):
    """What was remembered from a better card must not stand in the way of a worse one."""
    read(image_of("mau", authority), world)
    worse = read(image_of("thu", authority), world, DIFFICULT[0])
    assert connections(worse) == 2
    assert worse.result.reading.holder.personal_id == find("thu").personal_id


def test_a_reading_that_failed_leaves_a_usable_memory(authority, world):
    with pytest.raises(CardBroken):
        read(image_of("mau", authority), world, Quirks(session_lost_after=2, session_lost_times=99))
    heard = read(image_of("mau", authority), world)
    assert heard.result.reading.holder.personal_id == find("mau").personal_id


def test_nothing_personal_is_remembered(authority, world):
    for person in all_people():
        read(image_of(person.key, authority), world)
    told = repr(world.memory.__dict__)
    for person in all_people():
        for secret in (person.personal_id, person.can, person.full_name):
            assert secret not in told
    assert len(world.memory.__dict__["_plans"]) == 1  # they are all of one kind


def test_the_memory_stays_small():
    memory = Memory()
    for number in range(10 * MAX_REMEMBERED):
        memory.remember(f"reader {number}", b"", None)  # type: ignore[arg-type]
    assert len(memory.__dict__["_plans"]) == MAX_REMEMBERED
