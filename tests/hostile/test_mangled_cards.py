"""Genuine cards whose answers are mangled on their way: any reading ends, as a reading or with an error of the reader,
and no mangled byte is ever taken for a proven one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reader.chip.access_keys import AccessKeys
from reader.chip.session import read_card
from reader.chip.task import Surroundings
from reader.errors import ReaderError
from reader.pki.trust import Anchor, Trust
from sandbox.card.apdu import Command, Reply
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from tests.hostile import chips
from tests.hostile.attack import EVERYTHING, TIMEOUT, Card, Dice, Toll, unsafe, words_of, words_of_error
from tests.reader.chip.cards import NOW

MOST_APDUS = 6000
KINDS = ("citizen", "pace_cam", "pace_dh_im", "pace_3des", "bac_only", "passport")
LATEST = 40  # commands of a reading without extended length, or nearly
TRUST = Trust((Anchor.of(chips.authority().authority_certificate),))

Change = Callable[[bytes, Sequence[bytes]], bytes]  # the answer, all genuine answers before it: what is sent instead


@dataclass(frozen=True)
class Mangled:
    """Changes to the answers of a card, by number of the command from 1."""

    changes: dict[int, Change]

    def card(self, kind: str) -> Card:
        genuine: list[bytes] = []

        def twist(number: int, said: bytes) -> bytes:
            genuine.append(said)
            change = self.changes.get(number)
            return said if change is None else change(said, genuine[:-1])

        return chips.Twisted(chips.genuine(kind), twist)


def keys_of(kind: str) -> AccessKeys:
    card = chips.genuine(kind)
    return AccessKeys(can=card.can, mrz=(card.mrz_information,))


def words_after(card: Card, keys: AccessKeys) -> set[str]:
    """What comes out; everything that holds for every card is asserted here."""
    slot, dice = Toll(card, 0.001), Dice("reader")
    world = Surroundings(lambda: slot.now, lambda: NOW, lambda: "reading-1", dice.octets, dice.scalar, TRUST)
    told: list[str] = []
    try:
        words = words_of(read_card(slot, keys, world, TIMEOUT, EVERYTHING))  # type: ignore[arg-type]
    except ReaderError as error:
        words, told = words_of_error(error), unsafe(error)
    assert told == []
    assert slot.apdus <= MOST_APDUS
    return words


def flipped(at: int, bit: int) -> Change:
    return lambda said, _: _at(said, at, lambda octet: bytes([octet ^ 1 << bit]))


def cut(at: int) -> Change:
    return lambda said, _: said[: at % (len(said) + 1)]


def doubled(at: int) -> Change:
    return lambda said, _: said[: at % (len(said) + 1)] + said


def inserted(at: int, octets: bytes) -> Change:
    return lambda said, _: said[: at % (len(said) + 1)] + octets + said[at % (len(said) + 1) :]


def replayed(back: int) -> Change:
    return lambda said, before: before[-1 - back % len(before)] if before else said


def relabelled(status: int) -> Change:
    return lambda said, _: said[:-2] + status.to_bytes(2, "big")


def said_instead(answer: bytes) -> Change:
    return lambda _said, _before: answer


def _at(said: bytes, at: int, changed: Callable[[int], bytes]) -> bytes:
    at %= max(len(said), 1)
    return said[:at] + changed(said[at]) + said[at + 1 :] if said else said


STATUS = st.one_of(
    st.sampled_from([0x9000, 0x6100, 0x61FF, 0x6282, 0x6300, 0x63C0, 0x6700, 0x6982, 0x6988, 0x6A82, 0x6C10, 0x6F00]),
    st.integers(0, 0xFFFF),
)
CHANGES = st.one_of(
    st.builds(flipped, st.integers(0, 5000), st.integers(0, 7)),
    st.builds(cut, st.integers(0, 5000)),
    st.builds(doubled, st.integers(0, 5000)),
    st.builds(inserted, st.integers(0, 5000), st.binary(min_size=1, max_size=20)),
    st.builds(replayed, st.integers(0, 5)),
    st.builds(relabelled, STATUS),
    st.builds(said_instead, st.binary(max_size=300)),
)
WHOLE_CARDS = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("kind", KINDS)
@WHOLE_CARDS
@given(changes=st.dictionaries(st.integers(1, LATEST), CHANGES, min_size=1, max_size=4))
def test_whatever_happens_to_answers_a_reading_ends_and_proves_nothing_false(
    kind: str, changes: dict[int, Change]
) -> None:
    words = words_after(Mangled(changes).card(kind), keys_of(kind))
    # Under secure messaging nothing that was changed gets through: what is read is what was signed.
    assert not words & {"hashes_failed", "signature_failed", "agreement_failed"}


@pytest.mark.parametrize("kind", KINDS)
@WHOLE_CARDS
@given(first=st.integers(1, LATEST), change=CHANGES)
def test_whatever_a_card_does_from_some_moment_on_a_reading_ends(kind: str, first: int, change: Change) -> None:
    words_after(Mangled(dict.fromkeys(range(first, MOST_APDUS + 1), change)).card(kind), keys_of(kind))


class Fickle(chips.Insider):
    """A card that answers some commands inside secure messaging with something else."""

    def __init__(self, card: CardImage, replies: dict[int, Reply]) -> None:
        self._seen = 0
        self._replies = replies
        super().__init__(card, self._answered, Quirks())

    def _answered(self, _sent: Command, reply: Reply) -> Reply:
        self._seen += 1
        return self._replies.get(self._seen, reply)


REPLIES = st.builds(
    Reply, STATUS, st.one_of(st.just(b""), st.binary(max_size=300), st.builds(bytes, st.integers(0, 5000)))
)


@pytest.mark.parametrize("kind", KINDS)
@WHOLE_CARDS
@given(replies=st.dictionaries(st.integers(1, LATEST), REPLIES, min_size=1, max_size=4))
def test_whatever_a_card_says_with_a_right_checksum_a_reading_ends(kind: str, replies: dict[int, Reply]) -> None:
    words_after(Fickle(chips.genuine(kind), replies), keys_of(kind))


@WHOLE_CARDS
@given(answers=st.lists(st.binary(max_size=60), min_size=1, max_size=30))
def test_whatever_says_anything_to_anything_a_reading_ends(answers: list[bytes]) -> None:
    words = words_after(chips.Parrot(lambda number, _raw: answers[number % len(answers)]), keys_of("citizen"))
    assert "read" not in words


def test_a_genuine_card_passes_every_check_it_has() -> None:
    """What the tests above begin with."""
    for kind in KINDS:
        words = words_after(Mangled({}).card(kind), keys_of(kind))
        assert "read" in words
        assert not {word for word in words if word.endswith("_failed")}
