"""Portraits of the last minutes: found again by their card's EF.SOD, few, not for long, and nowhere but in memory."""

from hashlib import sha256

import pytest

from reader.lds.portrait import Picture, look
from reader.portraits import KEEP_SECONDS, MAX_KEPT, PortraitMemory, digest_of
from sandbox.people import find
from sandbox.portrait import jpeg
from tests.reader.chip.cards import image_of
from tests.reader.chip.overheard import card_slot, keys_of, overhear


class Clock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock) -> PortraitMemory:
    return PortraitMemory(clock)


@pytest.fixture(scope="module")
def face() -> tuple[Picture, ...]:
    return (look(jpeg(find("mau")), "dg2"),)


def digest(number: int) -> bytes:
    return sha256(bytes([number])).digest()


def test_a_portrait_is_found_again_by_its_signature(memory, face):
    memory.keep(digest(1), face)
    assert digest(1) in memory
    assert memory.get(digest(1)) == face
    assert digest(2) not in memory
    assert memory.get(digest(2)) == ()


def test_it_is_forgotten_after_some_minutes(memory, clock, face):
    memory.keep(digest(1), face)
    clock.now = KEEP_SECONDS - 1
    assert digest(1) in memory
    clock.now = KEEP_SECONDS
    assert digest(1) not in memory
    assert memory.get(digest(1)) == ()


def test_looking_does_not_make_it_last_and_keeping_anew_does(memory, clock, face):
    memory.keep(digest(1), face)
    clock.now = KEEP_SECONDS - 1
    assert memory.get(digest(1)) == face
    memory.keep(digest(1), face)
    clock.now = 2 * KEEP_SECONDS - 2
    assert digest(1) in memory


def test_a_few_are_kept_and_the_oldest_make_room(memory, face):
    for number in range(MAX_KEPT + 2):
        memory.keep(digest(number), face)
    assert [digest(number) in memory for number in range(4)] == [False, False, True, True]
    assert sum(digest(number) in memory for number in range(MAX_KEPT + 2)) == MAX_KEPT


def test_a_card_without_a_signature_is_never_kept(memory, face):
    memory.keep(sha256(b"").digest(), face)
    assert sha256(b"").digest() not in memory


def test_a_card_without_portraits_is_not_at_hand(memory):
    memory.keep(digest(1), ())
    assert digest(1) not in memory


def test_the_key_is_the_digest_of_the_signed_object(authority):
    card = image_of("mau", authority)
    result = overhear(card_slot(card), keys_of(card)).result
    assert digest_of(result).hex() == result.files["sod"][1]
