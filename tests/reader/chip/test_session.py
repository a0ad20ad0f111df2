"""A whole reading against the sandbox card, in process: order, cost, difficult cards, hostile cards."""

import time

import pytest

from reader.chip import session
from reader.chip.access_keys import AccessKeys, from_can
from reader.chip.session import read_card
from reader.chip.task import CardRead, Listener, Wanted
from reader.errors import (
    Cancelled,
    CardBroken,
    CardRemoved,
    MrzNeeded,
    NotAnIdCard,
    ReaderError,
    TooSlow,
    WrongKey,
)
from reader.phases import Phase
from reader.pki.trust import load_trust
from reader.reading import Outcome, Source
from reader.tlv import encode
from sandbox.card import image
from sandbox.card.quirks import Quirks
from sandbox.people import all_people, find
from sandbox.portrait import jpeg
from tests.reader.chip.cards import InProcessSlot, image_of, slot_with, surroundings, with_file

CAN = from_can("900017")
NAME_AND_PROOF = Wanted()
PORTRAIT = Wanted(portrait=True)
EVERYTHING = Wanted(everything=True)
SHORT = Wanted(extended=False)


def read(
    slot: InProcessSlot, wanted: Wanted = NAME_AND_PROOF, listener: Listener | None = None, seconds: float = 20.0
) -> CardRead:
    return read_card(slot, CAN, surroundings(clock=time.monotonic), seconds, wanted, listener)


@pytest.mark.parametrize("person", all_people(), ids=lambda person: person.key)
def test_every_person_is_read_as_their_card_says(person, authority, trust_folder):
    slot = slot_with(image_of(person.key, authority))
    world = surroundings(load_trust(trust_folder))
    result = read_card(slot, from_can(person.personal_id[-6:]), world, 20, EVERYTHING)
    holder = result.reading.holder
    assert holder.personal_id == person.personal_id
    assert holder.full_name == person.full_name
    assert holder.birth_date == person.birth_date
    assert holder.sex == person.sex
    assert holder.residence == person.residence
    assert holder.issue_date == person.issue_date
    assert holder.expiry_date == person.expiry_date
    checks = result.reading.evidence.checks
    assert checks is not None
    assert result.reading.evidence.source is Source.CHIP
    assert {name: getattr(checks, name).result for name in checks.__struct_fields__} == dict.fromkeys(
        checks.__struct_fields__, Outcome.PASSED
    )
    assert checks.access.protocol == "PACE-GM"


def test_what_is_read_without_a_wish_is_what_name_and_proof_need(authority):
    result = read(slot_with(image_of("mau", authority)))
    assert set(result.files) == {"dg13", "dg1", "sod", "dg14"}
    assert result.portrait is None
    checks = result.reading.evidence.checks
    assert checks is not None
    assert checks.chip_authentication.result is Outcome.PASSED
    assert checks.active_authentication.reason == "active_authentication.not_needed"


def test_everything_is_every_file_without_special_right(authority):
    result = read(slot_with(image_of("mau", authority)), EVERYTHING)
    assert result.portrait is not None
    assert result.portrait.startswith(b"\xff\xd8\xff")
    assert set(result.files) == {"dg13", "dg1", "sod", "dg14", "com", "dg15", "dg2"}


def test_phases_come_in_order_and_the_identity_before_the_proof(authority):
    told: list[object] = []
    listener = Listener(phase=told.append, identity=lambda reading: told.append(reading.holder.full_name))
    read(slot_with(image_of("mau", authority)), PORTRAIT, listener)
    assert told == [
        Phase.CONNECTING,
        Phase.ACCESS,
        Phase.IDENTITY,
        "Trần Thị Mẫu",
        Phase.PROOF,
        Phase.PORTRAIT,
        Phase.DONE,
    ]


def test_without_a_trust_folder_the_chain_is_not_done(authority):
    checks = read(slot_with(image_of("mau", authority))).reading.evidence.checks
    assert checks is not None
    assert checks.signature.result is Outcome.PASSED
    assert checks.chain.result is Outcome.NOT_DONE
    assert checks.chain.reason == "chain.no_trust"


def test_a_wrong_can_is_told_after_one_attempt(authority):
    slot = slot_with(image_of("thu", authority))
    with pytest.raises(WrongKey) as caught:
        read(slot)
    assert slot.connections == 1
    assert slot.chip.apdus == 6
    assert caught.value.data["phase"] == Phase.ACCESS


def test_tries_left_are_passed_on(authority):
    slot = slot_with(image_of("thu", authority), Quirks(wrong_key_status=0x63C2))
    with pytest.raises(WrongKey) as caught:
        read(slot)
    assert caught.value.data["attempts_left"] == 2


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(no_short_file_ids=0x6985),
        Quirks(no_short_file_ids=0x6A86),
        Quirks(no_short_file_ids=0x6A86, refusal_ends_session=True),
        Quirks(no_short_file_ids=0x6982, refusal_ends_session=True),
        Quirks(short_file_id_offset_limit=0),
        Quirks(max_le=192),
        Quirks(max_le=128),
        Quirks(max_le=100),
        Quirks(max_le=128, exact_le=True),
        Quirks(max_le=100, exact_le=True),
        Quirks(most_bytes_per_reply=224),
        Quirks(most_bytes_per_reply=7),
        Quirks(most_bytes_per_reply=1),
        Quirks(zero_bytes_for_big_le=160),
        Quirks(no_short_file_ids=0x6985, max_le=128, refusal_ends_session=True),
    ],
    ids=str,
)
def test_a_difficult_card_is_read_all_the_same(authority, quirks):
    card = image_of("mau", authority)
    easy = read(slot_with(card))
    hard = read(slot_with(card, quirks))
    assert hard.files == easy.files
    assert hard.reading == easy.reading


def test_the_limit_of_an_exact_card_is_learnt_once(authority):
    result = read(slot_with(image_of("mau", authority), Quirks(max_le=128, exact_le=True)), PORTRAIT)
    assert result.apdus < 160


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(wrong_mac_from=1),
        Quirks(wrong_mac_from=2),
        Quirks(wrong_mac_from=5),
        Quirks(endless_61xx=True),
        Quirks(claimed_lengths={image.DG13: 1 << 31}),
        Quirks(claimed_lengths={image.DG1: 1 << 31}),
        Quirks(claimed_lengths={image.SOD: 1 << 31}),
    ],
    ids=str,
)
def test_a_hostile_card_ends_as_broken_in_bounded_work(authority, quirks):
    slot = slot_with(image_of("mau", authority), quirks)
    with pytest.raises(CardBroken) as caught:
        read(slot)
    assert slot.chip.apdus <= 400
    assert "where" in caught.value.data


def test_a_card_that_says_yes_to_everything_and_gives_no_byte_is_broken(authority):
    with pytest.raises(CardBroken) as caught:
        read(slot_with(image_of("mau", authority), Quirks(zero_bytes_for_big_le=0)))
    assert caught.value.data["where"] == "card_access.empty"


def test_a_file_beyond_its_limit_is_refused_before_it_is_read(authority):
    card = with_file(image_of("mau", authority), image.DG1, encode(0x61, bytes(5000)))
    slot = slot_with(card)
    with pytest.raises(CardBroken) as caught:
        read(slot)
    assert caught.value.data["where"] == "dg1.length"
    assert slot.chip.apdus <= 11


@pytest.mark.parametrize(
    ("file_id", "content", "where"),
    [
        (image.DG1, b"\x61", "dg1.truncated"),
        (image.DG1, b"\x60\x02\x00\x00", "dg1.tag"),
        (image.DG1, b"\x61\x7f\x00", "dg1.truncated"),
        (image.DG1, encode(0x61, encode(0x5F1F, b"<" * 89)), "dg1.length"),
        (image.DG1, encode(0x61, encode(0x5F1F, b"a" * 90)), "dg1.characters"),
        (image.DG1, None, "dg1.absent"),
        (image.DG13, b"\x6d\x03\x30\x05\x02", "dg13"),
        (image.DG13, b"\x6d\x80\x00\x00\x00\x00\x00", "dg13"),
    ],
)
def test_malformed_identity_files_are_a_broken_card(authority, file_id, content, where):
    with pytest.raises(CardBroken) as caught:
        read(slot_with(with_file(image_of("mau", authority), file_id, content)))
    assert caught.value.data["where"] == where


def test_a_card_without_dg13_gives_what_dg1_holds(authority):
    result = read(slot_with(with_file(image_of("mau", authority), image.DG13, None)))
    holder = result.reading.holder
    assert (holder.personal_id, holder.full_name) == ("001303900017", "TRAN THI MAU")
    assert (holder.birth_date, holder.sex, holder.expiry_date) == ("2003-02-14", "female", "2028-02-14")
    assert {"dg13.absent", "holder.name_without_diacritics"} <= set(result.reading.warnings)


def test_a_card_without_proof_is_read_as_unproven(authority):
    checks = read(slot_with(with_file(image_of("mau", authority), image.SOD, None))).reading.evidence.checks
    assert checks is not None
    assert [checks.hashes.result, checks.signature.result, checks.chain.result] == [Outcome.NOT_DONE] * 3
    assert checks.hashes.reason == "sod.absent"


def test_a_malformed_proof_fails_and_does_not_lose_the_reading(authority):
    card = with_file(image_of("mau", authority), image.SOD, encode(0x77, b"\x30\x03\x02\x01"))
    checks = read(slot_with(card)).reading.evidence.checks
    assert checks is not None
    assert checks.hashes.result is Outcome.FAILED
    assert checks.hashes.reason == "sod.malformed"


def test_a_changed_dg13_fails_the_hash_and_the_agreement(authority):
    other = image_of("thu", authority).files[image.DG13]
    checks = read(slot_with(with_file(image_of("mau", authority), image.DG13, other))).reading.evidence.checks
    assert checks is not None
    assert (checks.hashes.result, checks.hashes.reason) == (Outcome.FAILED, "hashes.mismatch")
    assert (checks.agreement.result, checks.agreement.reason) == (Outcome.FAILED, "agreement.personal_id")
    assert checks.signature.result is Outcome.PASSED


def test_a_malformed_portrait_is_a_warning(authority):
    card = with_file(image_of("mau", authority), image.DG2, encode(0x75, b"\x01\x02\x03"))
    result = read(slot_with(card), PORTRAIT)
    assert result.portrait is None
    assert "dg2.malformed" in result.reading.warnings


def test_a_large_portrait_is_read_past_fifteen_bits_of_offset(authority):
    from sandbox.card import face

    picture = jpeg(find("mau")) + bytes(40_000)
    card = with_file(image_of("mau", authority), image.DG2, face.encode(picture, 300, 400, "female"))
    assert read(slot_with(card), PORTRAIT).portrait == picture


def test_a_child_without_a_portrait_is_read(authority):
    child = next(person for person in all_people() if person.portrait is False)
    slot = slot_with(image_of(child.key, authority))
    result = read_card(slot, from_can(child.personal_id[-6:]), surroundings(), 20, PORTRAIT)
    assert result.portrait is None
    assert "dg2.absent" in result.reading.warnings


@pytest.mark.parametrize("status", [0x6A82, 0x6986, 0x6D00])
def test_a_document_without_card_access_needs_its_mrz(authority, status):
    slot = slot_with(image_of("mau", authority), Quirks(card_access_refused=status))
    with pytest.raises(MrzNeeded):
        read(slot)
    keys = AccessKeys("900017", (slot.image.mrz_information,))
    assert read_card(slot, keys, surroundings(), 20).reading.evidence.checks.access.protocol == "BAC"


def test_a_card_that_knows_no_command_is_not_an_id_card():
    class BankCard(InProcessSlot):
        def transmit(self, _command: bytes) -> bytes:
            return b"\x6a\x82"

    class Silent:
        atr = b""

        def power_on(self) -> None: ...

        def power_off(self) -> None: ...

    with pytest.raises(NotAnIdCard):
        read(BankCard(Silent()))  # type: ignore[arg-type]


def test_a_session_left_in_the_card_is_ended_by_cutting_its_power(authority):
    class LeftOpen(InProcessSlot):
        def transmit(self, command: bytes) -> bytes:
            return b"\x69\x82" if self.connections == 1 else super().transmit(command)

    slot = LeftOpen(slot_with(image_of("mau", authority)).chip)
    assert read(slot).reading.holder.personal_id == "001303900017"
    assert slot.connections == 2


@pytest.mark.parametrize("after", [0, 1, 3, 6, 8, 9, 12, 18, 25, 60])
def test_a_card_taken_away_at_any_time_is_removed(authority, after):
    slot = slot_with(image_of("mau", authority), Quirks(remove_after_apdus=after))
    with pytest.raises(CardRemoved) as caught:
        read(slot, Wanted(everything=True, extended=False))
    assert caught.value.data["phase"] in {int(phase) for phase in Phase}


def test_a_reading_beyond_its_time_is_too_slow(authority):
    ticks = iter(range(1000))
    world = surroundings(clock=lambda: float(next(ticks)))
    slot = slot_with(image_of("mau", authority))
    with pytest.raises(TooSlow):
        read_card(slot, CAN, world, 20.0, EVERYTHING)
    assert slot.chip.apdus < 20


def test_a_cancelled_reading_stops_before_the_next_apdu(authority):
    def stop_in_proof(phase: Phase) -> None:
        if phase is Phase.PROOF:
            stopped.append(True)

    def check() -> None:
        if stopped:
            raise Cancelled()

    stopped: list[bool] = []
    slot = slot_with(image_of("mau", authority))
    with pytest.raises(Cancelled):
        read(slot, EVERYTHING, Listener(phase=stop_in_proof, check=check))
    assert slot.chip.apdus <= 10


def test_no_error_of_a_reading_names_the_person(authority):
    for quirks in (Quirks(wrong_mac_from=3), Quirks(remove_after_apdus=9), Quirks(endless_61xx=True)):
        with pytest.raises(ReaderError) as caught:
            read(slot_with(image_of("mau", authority), quirks))
        assert "001303900017" not in repr(caught.value) + str(caught.value)
        assert "900017" not in str(caught.value.data)


def test_a_card_that_drops_the_session_over_a_missing_file_is_read_without_it(authority):
    class Touchy(InProcessSlot):
        """Says in the clear that it has no DG13: first by short identifier, then, powered again, by SELECT."""

        def transmit(self, command: bytes) -> bytes:
            refused = {1: b"\x0c\xb0\x8d", 2: b"\x0c\xa4\x02"}.get(self.connections)
            return b"\x6a\x82" if command[:3] == refused else super().transmit(command)

    slot = Touchy(slot_with(image_of("mau", authority)).chip)
    result = read(slot)
    assert slot.connections == 3
    assert result.reading.holder.full_name == "TRAN THI MAU"
    assert "dg13.absent" in result.reading.warnings


def test_restarts_are_bounded(authority):
    """A card that opens every time and then drops every session must not be followed for ever."""

    class Dropper(InProcessSlot):
        def transmit(self, command: bytes) -> bytes:
            if command[:2] == b"\x0c\xb0":
                return b"\x67\x00"
            return super().transmit(command)

    slot = Dropper(slot_with(image_of("mau", authority)).chip)
    with pytest.raises(CardBroken):
        read(slot)
    assert slot.connections <= session.MAX_CONNECTIONS
