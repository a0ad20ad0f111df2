"""Sessions that die and cards and readers that refuse: read all the same, no byte twice, nothing ever in the clear."""

import contextlib
import functools
from collections.abc import Callable
from dataclasses import replace

import pytest

from reader.chip.plan import Memory
from reader.chip.task import Wanted
from reader.chip.transport import NotTransmitted
from reader.errors import CardBroken, ReaderError
from reader.reading import Outcome
from sandbox.card import image, kinds
from sandbox.card.chip import Chip
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.people import find
from sandbox.portrait import jpeg
from tests.reader.chip.cards import surroundings
from tests.reader.chip.overheard import (
    Overheard,
    OverheardSlot,
    card_slot,
    keys_of,
    no_byte_twice,
    nothing_in_the_clear,
    overhear,
)

PORTRAIT = Wanted(portrait=True)
SHORT = Wanted(portrait=True, extended=False)
EVERYTHING = Wanted(everything=True)


@pytest.fixture(scope="module")
def make(authority) -> Callable[[str], CardImage]:
    """`make(kind)`: one card of each kind for all tests; some have keys that take their time."""
    portrait = jpeg(find("mau"))
    return functools.cache(lambda kind: kinds.build(kind, find("mau"), portrait, authority))


@pytest.fixture
def card(make) -> CardImage:
    return make("benchmark")


@pytest.fixture
def old_card(make) -> CardImage:
    return make("bac_only")


def read(card: CardImage, quirks: Quirks | None = None, wanted: Wanted = PORTRAIT) -> Overheard:
    return overhear(card_slot(card, quirks), keys_of(card), wanted)


def whole(heard: Overheard) -> None:
    """Every file that was read is the card's own."""
    card = heard.slot.image
    ids = {"dg13": image.DG13, "dg1": image.DG1, "sod": image.SOD, "dg14": image.DG14, "dg2": image.DG2}
    for name, data in heard.result.contents.items():
        if name in ids:
            assert data == card.files[ids[name]]
    assert {"dg1", "dg13", "sod", "dg2"} <= set(heard.result.contents)


class Losing(OverheardSlot):
    """Loses one session, in the clear or with the last of its keys, at a READ BINARY of DG2 beyond this offset."""

    def __init__(self, chip: Chip, offset: int, status: bytes, times: int = 1) -> None:
        super().__init__(chip)
        self.offset, self.status, self.left = offset, status, times

    def transmit(self, command: bytes) -> bytes:
        here = command[:2] == b"\x0c\xb0" and self.offset <= int.from_bytes(command[2:4], "big") < 0x8000
        if self.left and here:
            self.left -= 1
            self.sessions[-1].append(command)
            self.chip.power_on()
            return self.status
        return super().transmit(command)


# A lost session


@pytest.mark.parametrize("wanted", [PORTRAIT, SHORT], ids=["extended", "short"])
@pytest.mark.parametrize("status", [b"\x69\x87", b"\x69\x88"], ids=["6987", "6988"])
def test_a_session_lost_in_the_portrait_is_rebuilt_once_and_goes_on_where_it_ended(card, wanted, status):
    slot = Losing(card_slot(card).chip, 4000, status)
    slot.image = card
    heard = overhear(slot, keys_of(card), wanted)
    assert slot.connections == 2
    whole(heard)
    no_byte_twice(heard.ears)
    assert heard.checks.hashes.result is Outcome.PASSED


def test_a_session_that_the_card_ends_under_protection_is_rebuilt_too(card):
    """The protected word 6988: the chip's own secure messaging carries it."""

    class Telling(OverheardSlot):
        told = False

        def transmit(self, command: bytes) -> bytes:
            if not self.told and command[:2] == b"\x0c\xb0" and 4000 <= int.from_bytes(command[2:4], "big") < 0x8000:
                self.told = True
                self.sessions[-1].append(command)
                filing = self.chip._filing  # the next READ BINARY finds nothing it may give
                allowed, filing._refusal = filing._refusal, lambda *_: 0x6988
                try:
                    return self.chip.transmit(command)
                finally:
                    filing._refusal = allowed
            return super().transmit(command)

    slot = Telling(card_slot(card).chip)
    slot.image = card
    heard = overhear(slot, keys_of(card), PORTRAIT)
    assert slot.connections == 2
    whole(heard)
    no_byte_twice(heard.ears)


def test_a_session_lost_twice_is_a_broken_card(card):
    slot = Losing(card_slot(card).chip, 4000, b"\x69\x88", times=2)
    slot.image = card
    with pytest.raises(CardBroken) as caught:
        overhear(slot, keys_of(card), PORTRAIT)
    assert caught.value.data["where"] == "secure_messaging.left"
    assert slot.connections == 2


@pytest.mark.parametrize("after", range(14))
@pytest.mark.parametrize("status", [0x6987, 0x6988])
def test_a_session_lost_after_any_command_costs_one_rebuilding(card, after, status):
    easy = read(card, wanted=EVERYTHING)
    heard = read(card, Quirks(session_lost_after=after, session_lost_status=status), EVERYTHING)
    assert heard.result.reading == easy.result.reading
    assert heard.result.files == easy.result.files
    assert heard.slot.connections <= 2
    no_byte_twice(heard.ears)


@pytest.mark.parametrize("after", [0, 1, 4, 9, 30, 70])
def test_the_same_with_short_commands_and_bac(old_card, after):
    easy = read(old_card, wanted=SHORT)
    heard = read(old_card, Quirks(session_lost_after=after), SHORT)
    assert heard.result.reading == easy.result.reading
    assert heard.slot.connections == 2
    no_byte_twice(heard.ears)


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_card_that_loses_every_session_is_a_broken_card(card, after):
    slot = card_slot(card, Quirks(session_lost_after=after, session_lost_times=1000))
    with pytest.raises(CardBroken):
        overhear(slot, keys_of(card), EVERYTHING)
    assert slot.connections <= 4


def test_files_read_before_a_session_was_lost_are_not_read_again(card):
    slot = Losing(card_slot(card).chip, 4000, b"\x69\x88")
    slot.image = card
    heard = overhear(slot, keys_of(card), PORTRAIT)
    assert heard.ears.files() == [image.DG13, image.DG1, image.SOD, image.DG14, image.DG2]
    # The second session: PACE, the application, DG2 selected and read to its end.
    assert len(slot.sessions[1]) <= 6 + 1 + 1 + 2


def test_a_session_somebody_left_open_is_ended_by_cutting_the_power(card):
    chip = card_slot(card, Quirks(stays_in_secure_messaging=True)).chip
    first = OverheardSlot(chip)

    class Interrupted(OverheardSlot):
        """Holds the card as it is when first connected: its session is still open."""

        def transmit(self, command: bytes) -> bytes:
            if self.connections == 1:
                self.sessions[-1].append(command)
                return b"\x69\x82"
            return super().transmit(command)

    overhear(first, keys_of(card))
    slot = Interrupted(chip)
    heard = overhear(slot, keys_of(card))
    assert slot.connections == 2
    assert heard.checks.access.protocol == "PACE-GM"


# Sizes


def largest(heard: Overheard) -> int:
    return max(command.le or 0 for command, _ in heard.ears.said if command.ins in (0xB0, 0xB1))


def test_blocks_grow_beyond_the_first_size(card):
    heard = read(card)
    sizes = [command.le for command, _ in heard.ears.said if command.ins == 0xB0 and not command.p1 & 0x80]
    assert sizes == [15085 - 4000]
    assert read(card, wanted=SHORT).result.apdus > 80


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(max_le=4000),
        Quirks(max_le=4000, max_le_in_clear=True),
        Quirks(max_le=4000, max_le_in_clear=True, refusal_ends_session=True),
    ],
    ids=["protected", "in the clear", "and the session is over"],
)
def test_a_card_that_refuses_the_grown_size_gets_the_size_that_worked(card, quirks):
    heard = read(card, quirks)
    whole(heard)
    no_byte_twice(heard.ears)
    assert heard.slot.connections == (1 if not quirks.max_le_in_clear else 2)
    refused = [command.le for command, answer in heard.ears.said if answer is None or not answer.data]
    assert sum(size == 15085 - 4000 for size in refused) == 1


@pytest.mark.parametrize(
    ("quirks", "connections"),
    [
        (Quirks(no_extended_length=True), 2),
        (Quirks(no_extended_length=True, refusal_ends_session=True), 2),
        (Quirks(no_extended_length=True, extended_refusal_protected=True), 1),
        (Quirks(max_le=192), 1),
        (Quirks(max_le=160, max_le_in_clear=True), 5),
        (Quirks(max_le=128, exact_le=True), 1),
        (Quirks(zero_bytes_for_big_le=160), 1),
        (Quirks(zero_bytes_for_big_le=0xE0, most_bytes_per_reply=0xE0, no_short_file_ids=0x6985), 2),
        (Quirks(most_bytes_per_reply=224), 1),
        (Quirks(chains_replies=100), 1),
        (Quirks(silent_end=True), 1),
        (Quirks(no_le_on_select=True), 1),
        (Quirks(no_short_file_ids=0x6A86, short_file_ids_refused_protected=True), 1),
        (Quirks(no_short_file_ids=0x6985), 2),
        (Quirks(no_short_file_ids=0x6988, refusal_ends_session=True), 2),
        (Quirks(short_file_id_offset_limit=0), 1),
        (Quirks(long_reply_refused=0x6700), 1),
        (Quirks(long_reply_refused=0x6F00), 1),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["benchmark", "bac_only", "ca_dh", "pace_dh", "aa_rsa", "pace_cam"])
def test_a_difficult_card_of_any_kind_gives_the_same_reading(make, kind, quirks, connections):
    card = make(kind)
    easy = read(card, wanted=EVERYTHING)
    heard = read(card, quirks, EVERYTHING)
    assert heard.result.files == easy.result.files
    assert heard.result.reading.holder == easy.result.reading.holder
    assert heard.checks.hashes == easy.checks.hashes
    assert heard.checks.chip_authentication == easy.checks.chip_authentication
    assert heard.checks.active_authentication.result is not Outcome.FAILED
    assert heard.slot.connections <= connections + 2
    no_byte_twice(heard.ears)


def test_the_difficult_card_of_the_reference_is_read(old_card):
    """chip.md 2.3: no short identifiers, no extended length, both refused in the clear, at most E0 bytes, 6986."""
    quirks = Quirks(
        no_short_file_ids=0x6985,
        no_extended_length=True,
        zero_bytes_for_big_le=0xE0,
        most_bytes_per_reply=0xE0,
        card_access_refused_before_applet=0x6986,
    )
    heard = read(old_card, quirks, EVERYTHING)
    whole(heard)
    assert heard.checks.active_authentication.result is not Outcome.FAILED


# Readers that cannot carry much


class NarrowSlot(OverheardSlot):
    """A reader that carries extended commands and answers up to so many bytes; its driver knows nothing of that."""

    max_apdu_data = None

    def __init__(self, chip: Chip, carries: int, name: str = "Narrow reader") -> None:
        super().__init__(chip)
        self.carries, self.reader = carries, name
        self.refusals = 0

    def transmit(self, command: bytes) -> bytes:
        extended = len(command) > 5 and command[4] == 0
        answer = super().transmit(command)
        if extended and max(len(command), len(answer)) > self.carries:
            self.refusals += 1
            raise NotTransmitted("8010002F")
        return answer


def narrow(card: CardImage, carries: int, name: str = "Narrow reader") -> NarrowSlot:
    slot = NarrowSlot(card_slot(card).chip, carries, name)
    slot.image = card
    return slot


def test_a_reader_that_carries_a_thousand_bytes_is_asked_for_a_thousand(card):
    slot = narrow(card, 1100)
    heard = overhear(slot, keys_of(card), PORTRAIT)
    whole(heard)
    no_byte_twice(heard.ears)
    assert (slot.refusals, slot.connections) == (1, 2)
    assert {read.count for read in heard.ears.reads if read.file == image.DG2} == {1000, 15085 % 1000}


def test_a_reader_that_carries_less_is_asked_for_short_answers(card):
    slot = narrow(card, 300)
    heard = overhear(slot, keys_of(card), PORTRAIT)
    whole(heard)
    no_byte_twice(heard.ears)
    assert (slot.refusals, slot.connections) == (2, 3)


@pytest.mark.parametrize("kind", ["pace_dh", "pace_dh_im", "ca_dh", "pace_parameters_2", "aa_rsa"])
@pytest.mark.parametrize("carries", [0, 261, 300, 600, 1100])
def test_long_commands_of_an_authentication_find_another_way(make, kind, carries):
    card = make(kind)
    heard = overhear(narrow(card, carries), keys_of(card), EVERYTHING)
    whole(heard)
    assert heard.checks.chip_authentication.result is Outcome.PASSED
    assert heard.checks.active_authentication.result is not Outcome.FAILED


@pytest.mark.parametrize("carries", [300, 1100])
def test_what_a_reader_carries_is_remembered_for_the_next_card_of_the_kind(card, authority, carries):
    memory = Memory()
    world = replace(surroundings(), memory=memory)
    overhear(narrow(card, carries), keys_of(card), PORTRAIT, world)
    other = kinds.build("benchmark", find("thu"), jpeg(find("thu")), authority)
    again = narrow(other, carries)
    heard = overhear(again, keys_of(other), PORTRAIT, world)
    whole(heard)
    assert (again.refusals, again.connections) == (0, 1)


def test_another_reader_and_another_kind_of_card_are_asked_anew(card, old_card):
    memory = Memory()
    world = replace(surroundings(), memory=memory)
    overhear(narrow(card, 300), keys_of(card), PORTRAIT, world)
    wide = narrow(card, 70_000, "Wide reader")
    assert largest(overhear(wide, keys_of(card), PORTRAIT, world)) > 4000
    kind = narrow(old_card, 70_000)
    assert largest(overhear(kind, keys_of(old_card), PORTRAIT, world)) >= 4000


def test_a_reading_under_a_limit_teaches_nothing(card):
    world = replace(surroundings(), memory=Memory())
    for limited in (Wanted(max_le=100), Wanted(extended=False)):
        overhear(card_slot(card), keys_of(card), limited, world)
        assert largest(overhear(card_slot(card), keys_of(card), PORTRAIT, world)) > 4000


def test_what_is_remembered_does_not_lift_the_callers_limit(card):
    world = replace(surroundings(), memory=Memory())
    overhear(card_slot(card), keys_of(card), PORTRAIT, world)
    assert largest(overhear(card_slot(card), keys_of(card), Wanted(portrait=True, max_le=100), world)) == 100
    assert largest(overhear(card_slot(card), keys_of(card), SHORT, world)) == 223


@pytest.mark.parametrize("size", [1, 50, 100, 223, 231, 256, 500, 1000, 3000, 16001, 65536])
def test_nothing_larger_than_the_callers_limit_is_asked_for(card, size):
    small = Wanted(portrait=size > 20, max_le=size)
    heard = overhear(card_slot(card), keys_of(card), small)
    assert largest(heard) <= size
    plain = [raw for session in heard.slot.sessions for raw in session if raw[:2] == b"\x00\xb0"]
    assert all(len(raw) == 5 and (raw[4] or 256) <= size for raw in plain)


def test_the_card_need_not_tell_its_limits(card):
    """EF.ATR/INFO tells them on some cards; it is never read."""
    heard = overhear(card_slot(card), keys_of(card), PORTRAIT)
    assert not any(raw[:3] == b"\x00\xb0\x81" for raw in heard.slot.sessions[0])


def test_a_driver_that_names_its_limit_is_believed(card):
    slot = narrow(card, 600)
    slot.max_apdu_data = 500
    heard = overhear(slot, keys_of(card), PORTRAIT)
    assert (slot.refusals, slot.connections) == (0, 1)
    assert 223 < largest(heard) <= 500
    short_only = narrow(card, 0)
    short_only.max_apdu_data = 0
    assert largest(overhear(short_only, keys_of(card), PORTRAIT)) == 223
    assert short_only.refusals == 0


# Nothing in the clear


@pytest.mark.parametrize("status", [b"\x69\x82", b"\x6a\x82", b"\x67\x00", b"\x90\x00", b"\x6f\x00"])
@pytest.mark.parametrize("instruction", [b"\x0c\xb0", b"\x0c\xa4", b"\x0c\x22"])
def test_a_card_that_answers_in_the_clear_never_gets_a_command_in_the_clear(card, status, instruction):
    class Clear(OverheardSlot):
        def transmit(self, command: bytes) -> bytes:
            if command[:2] == instruction:
                self.sessions[-1].append(command)
                return status
            return super().transmit(command)

    slot = Clear(card_slot(card).chip)
    slot.image = card
    with contextlib.suppress(ReaderError):
        overhear(slot, keys_of(card), EVERYTHING)
    nothing_in_the_clear(slot)
    assert slot.connections <= 12
