"""Keys: which are tried, in which order, how often at most, and when a reading stops for the card's sake."""

import dataclasses

import pytest

from reader.chip.access_keys import AccessKeys, from_can, from_holder, from_mrz_text
from reader.chip.task import Wanted
from reader.errors import CardBroken, MrzNeeded, NotAnIdCard, ReaderError, UnsupportedAccess, WrongKey
from reader.payload import parse_payload
from sandbox.card import image, kinds
from sandbox.card.quirks import Quirks
from sandbox.people import find, qr_text
from tests.reader.chip.cards import image_of, with_file
from tests.reader.chip.overheard import OverheardSlot, card_slot, keys_of, overhear

WRONG_MRZ = ("000000000000101090001012", "000000000000101091001019", "000000000000101092001016")
MAU = from_can("900017")


@pytest.fixture
def citizen(authority):
    return image_of("mau", authority)


@pytest.fixture
def old_card(authority):
    """Knows BAC only."""
    return kinds.build("bac_only", find("mau"), None, authority)


def refused(slot: OverheardSlot, keys: AccessKeys, wanted: Wanted | None = None) -> ReaderError:
    with pytest.raises(ReaderError) as caught:
        overhear(slot, keys, wanted)
    return caught.value


def test_a_wrong_can_alone_is_one_attempt(citizen):
    slot = card_slot(citizen)
    assert isinstance(refused(slot, from_can("900018")), WrongKey)
    assert (slot.attempts(), slot.connections) == (1, 1)


def test_after_a_wrong_can_the_likeliest_mrz_of_the_qr_code_opens_the_card(citizen):
    printed = parse_payload(qr_text(find("mau"))).holder
    keys = dataclasses.replace(from_holder(printed), can="111111")
    slot = card_slot(citizen)
    heard = overhear(slot, keys)
    assert heard.checks.access.protocol == "PACE-GM"
    assert (slot.attempts(), slot.connections) == (2, 2)


def test_a_qr_code_whose_can_is_wrong_costs_two_attempts_and_no_loop(citizen):
    slot = card_slot(citizen)
    error = refused(slot, AccessKeys("111111", WRONG_MRZ))
    assert isinstance(error, WrongKey)
    assert error.data["tried"] == 2
    assert (slot.attempts(), slot.connections) == (2, 2)


def test_an_mrz_without_a_can_opens_pace(citizen):
    heard = overhear(card_slot(citizen), AccessKeys(mrz=(citizen.mrz_information,)))
    assert heard.checks.access.protocol == "PACE-GM"
    assert heard.slot.attempts() == 1


def test_the_printed_lines_open_an_old_card(old_card):
    zone = old_card.files[image.DG1][5:].decode()
    heard = overhear(card_slot(old_card), from_mrz_text(zone))
    assert heard.checks.access.protocol == "BAC"


def test_the_qr_code_opens_an_old_card(old_card):
    keys = from_holder(parse_payload(qr_text(find("mau"))).holder)
    heard = overhear(card_slot(old_card), keys)
    assert heard.checks.access.protocol == "BAC"
    assert heard.slot.attempts() == 1


def test_the_third_candidate_opens_an_old_card_with_the_power_cut_between(old_card):
    slot = card_slot(old_card)
    overhear(slot, AccessKeys("900017", (*WRONG_MRZ[:2], old_card.mrz_information)))
    assert (slot.attempts(), slot.connections) == (3, 3)


def test_three_wrong_candidates_are_the_end(old_card):
    slot = card_slot(old_card)
    error = refused(slot, AccessKeys("900017", WRONG_MRZ))
    assert isinstance(error, WrongKey)
    assert error.data["tried"] == 3
    assert (slot.attempts(), slot.connections) == (3, 3)


def test_no_key_is_tried_twice_after_a_session_was_lost(old_card):
    slot = card_slot(old_card, Quirks(session_lost_after=2))
    overhear(slot, AccessKeys("900017", (WRONG_MRZ[0], old_card.mrz_information)))
    assert slot.attempts() == 3  # wrong, right, and the right one again
    assert slot.connections == 3


@pytest.mark.parametrize("kind", ["citizen", "bac_only"])
def test_a_card_that_counts_down_to_its_last_attempt_is_left_alone(authority, kind):
    slot = card_slot(kinds.build(kind, find("mau"), None, authority), Quirks(wrong_key_status=0x63C1))
    error = refused(slot, AccessKeys("111111", WRONG_MRZ))
    assert isinstance(error, WrongKey)
    assert error.data["attempts_left"] == 1
    assert slot.attempts() == 1


def test_a_card_with_attempts_left_is_told_how_many_and_asked_on(citizen):
    slot = card_slot(citizen, Quirks(tries=4))
    error = refused(slot, AccessKeys("111111", WRONG_MRZ))
    assert error.data["attempts_left"] == 2
    assert slot.attempts() == 2


def test_a_blocked_card_is_a_wrong_key_and_is_not_asked_again(citizen):
    slot = card_slot(citizen, Quirks(wrong_key_status=0x6983))
    refused(slot, AccessKeys("111111", WRONG_MRZ))
    assert slot.attempts() <= 2


@pytest.mark.parametrize("status", [0x6982, 0x6985, 0x6A80, 0x6A88, 0x6D00])
def test_a_card_that_announces_pace_and_refuses_it_opens_by_bac(citizen, status):
    slot = card_slot(citizen, Quirks(pace_refused=status))
    heard = overhear(slot, keys_of(citizen))
    assert heard.checks.access.protocol == "BAC"
    assert slot.connections == 2


def test_a_card_that_refuses_pace_needs_an_mrz(citizen):
    slot = card_slot(citizen, Quirks(pace_refused=0x6982))
    assert isinstance(refused(slot, MAU), UnsupportedAccess)
    assert slot.attempts() == 0


def test_a_card_with_an_unknown_pace_opens_by_bac(citizen):
    unknown = bytes.fromhex("3114 3012 060A 04007F00070202040909 020102 02010D".replace(" ", ""))
    card = with_file(citizen, image.CARD_ACCESS, unknown)
    assert overhear(card_slot(card), keys_of(card)).checks.access.protocol == "BAC"
    assert isinstance(refused(card_slot(card), MAU), UnsupportedAccess)


def test_an_old_card_without_an_mrz_says_what_it_needs_before_anything_is_tried(old_card):
    slot = card_slot(old_card)
    assert isinstance(refused(slot, MAU), MrzNeeded)
    assert slot.attempts() == 0


def test_a_document_without_a_can_says_that_it_needs_its_mrz(authority):
    passport = kinds.build("passport_packed", find("mau"), None, authority)
    assert isinstance(refused(card_slot(passport), MAU), MrzNeeded)


def test_without_any_key_the_card_needs_its_mrz(citizen):
    assert isinstance(refused(card_slot(citizen), AccessKeys()), MrzNeeded)


@pytest.mark.parametrize("status", [0x6982, 0x6985, 0x6986, 0x6A82, 0x6D00, 0x6F00])
def test_a_card_that_hides_its_card_access_opens_by_bac(citizen, status):
    slot = card_slot(citizen, Quirks(card_access_refused=status))
    heard = overhear(slot, keys_of(citizen))
    assert heard.checks.access.protocol == "BAC"
    # The signed DG14 tells of PACE: somebody may be hiding it.
    assert "access.not_as_signed" in heard.warnings


@pytest.mark.parametrize(
    "content", [b"1", b"\x31\x05\x30\x7f\x02\x01\x02", b"\x30\x00", b"\x31\x84\x7f\xff\xff\xff\x00"]
)
def test_a_malformed_card_access_opens_by_bac_or_is_a_broken_card(citizen, content):
    card = with_file(citizen, image.CARD_ACCESS, content)
    assert overhear(card_slot(card), keys_of(card)).checks.access.protocol == "BAC"
    assert isinstance(refused(card_slot(card), MAU), CardBroken)


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(card_access_refused_before_applet=0x6986),
        Quirks(card_access_refused_before_applet=0x6982),
        Quirks(card_access_needs_master_file=0x6A82),
        Quirks(card_access_needs_master_file=0x6982),
    ],
    ids=["inside the application", "inside, as if locked", "under the master file", "under it, as if locked"],
)
def test_a_can_opens_a_card_that_keeps_its_card_access_elsewhere(citizen, quirks):
    heard = overhear(card_slot(citizen, quirks), MAU)
    assert heard.checks.access.protocol == "PACE-GM"


def test_the_master_file_is_selected_for_no_card_that_does_without(citizen, old_card):
    for card in (citizen, old_card):
        slot = card_slot(card)
        overhear(slot, keys_of(card))
        assert not any(command[:3] == b"\x00\xa4\x00" for session in slot.sessions for command in session)


def test_a_session_that_no_power_cut_ends_is_a_broken_card(citizen):
    class Stubborn(OverheardSlot):
        def transmit(self, command: bytes) -> bytes:
            super().transmit(command)
            return b"\x69\x82"

    slot = Stubborn(card_slot(citizen).chip)
    error = refused(slot, keys_of(citizen))
    assert isinstance(error, CardBroken)
    assert error.data["where"] == "session.old"
    assert slot.connections == 2


def test_bac_refused_too_is_an_error_of_its_own(citizen):
    error = refused(card_slot(citizen, Quirks(pace_refused=0x6982, bac_refused=0x6D00)), keys_of(citizen))
    assert isinstance(error, UnsupportedAccess | NotAnIdCard)


def test_no_error_holds_a_key(citizen):
    error = refused(card_slot(citizen), AccessKeys("111111", WRONG_MRZ))
    assert not any(key in repr(error) + str(error) + repr(error.data) for key in ("111111", *WRONG_MRZ))
