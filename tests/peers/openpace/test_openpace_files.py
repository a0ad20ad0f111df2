"""Reading files from OpenPACE's card: how few commands it takes, and every way chip.md 2.7 knows to be difficult."""

import msgspec
import pytest

from reader.chip import access_keys
from reader.chip.pcsc import PcscSlot
from reader.chip.session import read_card
from reader.chip.task import CardRead, Listener, Wanted
from reader.chip.world import real_surroundings
from reader.errors import CardRemoved
from reader.phases import Phase
from reader.reading import Outcome
from sandbox.card import image, trust
from sandbox.card.image import CardImage
from tests.peers.openpace.conftest import Placed
from tests.peers.openpace.making import card_of
from tests.support.command import CardCommand

pytestmark = [pytest.mark.peer, pytest.mark.pcsc]

CAN = access_keys.from_can("900017")
PORTRAIT = Wanted(portrait=True)


def read(wanted: Wanted = PORTRAIT, trust_store: object = "", listener: Listener | None = None) -> CardRead:
    return read_card(PcscSlot(), CAN, real_surroundings(str(trust_store)), 20, wanted, listener)


def assert_whole(found: CardRead, card: CardImage) -> None:
    """Every file is the card's, byte for byte, and what they prove holds."""
    given = {f"dg{number & 0xFF}": data for number, data in card.files.items() if number < 0x0111}
    given["sod"] = card.files[image.SOD]
    assert {"dg1", "dg2", "dg13", "sod", "dg14"} <= found.contents.keys()
    assert {name: given[name] for name in found.contents} == found.contents
    checks = found.reading.evidence.checks
    assert checks is not None
    assert checks.hashes.result is Outcome.PASSED


# ---- how few -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("extended", "proof", "everything"), [(True, 10, 15), (False, 21, 90)])
def test_the_name_and_the_proof_take_few_commands(
    openpace_card: Placed, trust_folder, extended: bool, proof: int, everything: int
) -> None:
    card = openpace_card("benchmark")
    found = read(Wanted(portrait=True, extended=extended), trust_folder)
    assert found.apdus_to_name <= 10
    assert found.apdus_to_proof <= proof
    assert found.apdus <= everything
    assert len(card.asked()) == found.apdus  # counted on both sides
    checks = found.reading.evidence.checks
    assert checks is not None
    assert checks.chain.result is Outcome.PASSED


def test_a_portrait_beyond_the_reach_of_the_even_instruction_is_read(openpace_card: Placed, authority) -> None:
    openpace_card("portrait_60k")
    assert_whole(read(), card_of("portrait_60k", "mau", authority))


def test_no_command_goes_unprotected_once_the_chip_is_open_and_no_fingers_are_asked_for(openpace_card: Placed) -> None:
    card = openpace_card()
    read(Wanted(everything=True))
    for session in card.sessions():
        secure = [asked.secure for asked in session]
        assert secure == sorted(secure)  # plain ones first, then none
    files = [asked.file for asked in card.asked() if asked.file is not None]
    assert {0x0103, 0x0104}.isdisjoint(files)
    assert {0x0101, 0x0102, 0x010D, 0x011D} <= set(files)
    assert len(files) == len(set(files))  # no file twice


# ---- difficult cards -----------------------------------------------------------------------------------------------

SESSION_KEPT = [
    pytest.param({"short_ids": 0x6A86}, id="no_short_ids"),
    pytest.param({"largest": 192}, id="at_most_192"),
    pytest.param({"largest": 192, "larger": "none"}, id="no_byte_for_more_than_192"),
    pytest.param({"largest": 192, "larger": "6700"}, id="6700_for_more_than_192"),
    pytest.param({"largest": 192, "larger": "6Cxx"}, id="6Cxx_for_more_than_192"),
    pytest.param({"at_end": 0x6282}, id="6282_at_the_end"),
    pytest.param({"largest": 224, "larger": "none", "short_ids": 0x6B00, "at_end": 0x6282}, id="all_at_once"),
]
SESSION_LOST = [
    pytest.param({"extended": False}, id="no_extended_length"),
    pytest.param({"short_ids": 0x6985, "in_clear": True}, id="short_ids_refused_in_clear"),
    pytest.param({"largest": 1000, "larger": "6700", "in_clear": True}, id="6700_in_clear_beyond_1000"),
    pytest.param({"largest": 192, "larger": "6700", "in_clear": True}, id="6700_in_clear_beyond_192"),
    pytest.param({"extended": False, "short_ids": 0x6985, "in_clear": True}, id="the_card_of_chip_md_2_3"),
]


@pytest.mark.parametrize("difficult", SESSION_KEPT)
@pytest.mark.parametrize("extended", [True, False], ids=["extended", "short"])
def test_a_card_that_refuses_politely_is_read_in_one_session(
    openpace_card: Placed, authority, difficult: dict[str, object], extended: bool
) -> None:
    card = openpace_card(**difficult)
    assert_whole(read(Wanted(portrait=True, extended=extended)), card_of("citizen", "mau", authority))
    assert len(card.sessions()) == 1


@pytest.mark.parametrize("difficult", SESSION_LOST)
def test_a_card_that_leaves_secure_messaging_is_opened_again_and_read_whole(
    openpace_card: Placed, authority, difficult: dict[str, object]
) -> None:
    card = openpace_card(**difficult)
    assert_whole(read(), card_of("citizen", "mau", authority))
    assert 1 < len(card.sessions()) <= 5


def test_tiny_answers_are_put_together(openpace_card: Placed, authority) -> None:
    openpace_card(largest=17, short_ids=0x6A86)
    found = read(Wanted())
    assert found.contents["dg13"] == card_of("citizen", "mau", authority).files[image.DG13]


# ---- removal -------------------------------------------------------------------------------------------------------


def test_a_card_that_leaves_in_the_middle_of_the_portrait_is_removed(openpace_card: Placed) -> None:
    card = openpace_card(leaves_at=(image.DG2, 4000))
    with pytest.raises(CardRemoved) as caught:
        read()
    assert caught.value.data["phase"] == Phase.PORTRAIT
    assert card.ended() == 0


def test_a_card_process_killed_in_the_middle_of_the_portrait_is_a_card_removed(openpace_card: Placed) -> None:
    card = openpace_card()
    commands_of_portrait: list[int] = []

    def kill() -> None:
        if phases[-1] is Phase.PORTRAIT:
            commands_of_portrait.append(1)
            if len(commands_of_portrait) == 4:
                card.kill()

    phases: list[Phase] = []
    with pytest.raises(CardRemoved):
        read(Wanted(portrait=True, extended=False), listener=Listener(phase=phases.append, check=kill))
    assert len(commands_of_portrait) >= 4


def test_the_command_tells_of_a_card_that_left(openpace_card: Placed, card_command: CardCommand, tmp_path) -> None:
    card = openpace_card(leaves_at=(image.DG2, 1))
    found = card_command("--can", "900017", "--portrait", str(tmp_path / "portrait"))
    assert found.told == (3, "reader.card_removed")
    assert card.ended() == 0


# ---- proof ---------------------------------------------------------------------------------------------------------


def _with_changed_dg13(card: CardImage) -> CardImage:
    changed = card.files[image.DG13].replace("Mẫu".encode(), "Mậu".encode())
    assert changed != card.files[image.DG13]
    return msgspec.structs.replace(card, files={**card.files, image.DG13: changed})


def test_a_changed_dg13_fails_its_hash(openpace_card: Placed, trust_folder) -> None:
    openpace_card(change=_with_changed_dg13)
    checks = read(Wanted(), trust_folder).reading.evidence.checks
    assert checks is not None
    assert checks.hashes.result is Outcome.FAILED
    assert checks.signature.result is checks.chain.result is Outcome.PASSED


def test_a_sod_of_an_unknown_authority_is_not_a_forgery(openpace_card: Placed, tmp_path) -> None:
    openpace_card()
    stranger = tmp_path / "trust"
    trust.create().export(stranger)
    checks = read(Wanted(), stranger).reading.evidence.checks
    assert checks is not None
    assert checks.hashes.result is checks.signature.result is Outcome.PASSED
    assert checks.chain.result is Outcome.NOT_DONE
