"""Basic access control and secure messaging in 3DES as Debian's emulator of a passport has them, through the real
pcscd: the reader agrees with somebody who read the same standard years before (chip.md 2.2).

The emulator knows no access rights, so nothing here shows that a card refuses; it is OpenPACE's card that does.
"""

from dataclasses import replace

import msgspec
import pytest

from reader.chip import access_keys
from reader.chip.access_keys import AccessKeys
from reader.chip.pcsc import PcscSlot
from reader.chip.session import read_card
from reader.chip.task import CardRead, Listener, Wanted
from reader.chip.world import real_surroundings
from reader.errors import Cancelled, CardRemoved, WrongKey
from reader.phases import Phase
from reader.reading import Holder, Outcome
from sandbox.card import image, kinds
from tests.peers.card_process import CardProcess
from tests.peers.vicc.conftest import PERSON, Placed, card_of
from tests.support.command import CardCommand

pytestmark = [pytest.mark.peer, pytest.mark.pcsc]

EVERYTHING = Wanted(everything=True)
QR = "001303900017||Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Hà Nội|"
# Issued on the very day two years before the 25th birthday: the rule can be read either way (card.md 3.3), and this
# card was printed in the less likely one.
ON_THE_DAY = msgspec.structs.replace(PERSON, issue_date="2026-02-14", expiry_date="2028-02-14")

PLAIN_PASSPORT = replace(kinds.KINDS["passport_packed"], active=None)


def key_of(authority, kind: str = "bac_only") -> AccessKeys:
    return AccessKeys(mrz=(card_of(kind, PERSON, authority).mrz_information,))


def read(keys: AccessKeys, wanted: Wanted | None = None, trust: object = "", listener=None) -> CardRead:
    return read_card(PcscSlot(), keys, real_surroundings(str(trust)), 20, wanted, listener)


# ---- the whole reading ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extended", [True, False], ids=["extended", "short"])
@pytest.mark.parametrize("short_ids", [True, False], ids=["short_ids", "select"])
@pytest.mark.parametrize("kind", ["bac_only", "passport_packed"])
def test_a_document_is_read_whole_and_proven(
    vicc_card: Placed, authority, trust_folder, kind: str, short_ids: bool, extended: bool
) -> None:
    card = vicc_card(kind, short_ids=short_ids)
    found = read(key_of(authority, kind), Wanted(everything=True, extended=extended), trust_folder)
    files = card_of(kind, PERSON, authority).files
    given = {f"dg{number & 0xFF}": data for number, data in files.items()}
    given |= {"sod": files[image.SOD], "com": files[image.COM]}
    assert {"dg1", "dg2", "sod", "dg15", "com"} <= found.contents.keys()
    assert {name: given[name] for name in found.contents} == found.contents
    assert found.portrait is not None
    checks = found.reading.evidence.checks
    assert checks is not None
    assert (checks.access.protocol, checks.access.algorithm) == ("BAC", "BAC-3DES-CBC-CBC")
    for check in (checks.hashes, checks.signature, checks.chain, checks.agreement):
        assert check.result is Outcome.PASSED
    assert len(card.sessions()) == 1


@pytest.mark.parametrize(("extended", "proof", "everything"), [(True, 10, 15), (False, 21, 90)])
def test_the_name_and_the_proof_take_few_commands(
    vicc_card: Placed, authority, extended: bool, proof: int, everything: int
) -> None:
    card = vicc_card()
    found = read(key_of(authority), Wanted(portrait=True, extended=extended))
    assert found.apdus_to_name <= 10
    assert found.apdus_to_proof <= proof
    assert found.apdus <= everything
    assert len(card.asked()) == found.apdus


def test_no_command_goes_unprotected_once_the_chip_is_open_and_no_fingers_are_asked_for(
    vicc_card: Placed, authority
) -> None:
    card = vicc_card()
    read(key_of(authority), EVERYTHING)
    secure = [asked.secure for asked in card.asked()]
    assert secure == sorted(secure)
    assert {asked.file for asked in card.asked()}.isdisjoint({0x0103, 0x0104})


# ---- keys ----------------------------------------------------------------------------------------------------------


def test_the_command_reads_by_the_lines_of_the_mrz(
    vicc_card: Placed, card_command: CardCommand, authority, trust_folder, tmp_path
) -> None:
    card = vicc_card()
    zone = card_of("bac_only", PERSON, authority).files[image.DG1][5:].decode()
    lines = "\n".join((zone[:30], zone[30:60], zone[60:]))
    portrait = tmp_path / "portrait.jpg"
    found = card_command("--mrz", lines, "--portrait", str(portrait), "--trust", str(trust_folder))
    assert found.code == 0
    assert found.answer["holder"]["full_name"] == "Trần Thị Mẫu"
    checks = found.answer["evidence"]["checks"]
    assert checks["access"]["protocol"] == "BAC"
    assert checks["chain"]["result"] == "passed"
    assert portrait.read_bytes() in card_of("bac_only", PERSON, authority).files[image.DG2]
    assert len(card.sessions()) == 1


def test_the_command_reads_a_passport_by_the_key_alone(vicc_card: Placed, card_command: CardCommand, authority) -> None:
    vicc_card(PLAIN_PASSPORT)
    found = card_command("--mrz", card_of(PLAIN_PASSPORT, PERSON, authority).mrz_information, "--no-extended")
    assert found.answer["evidence"]["checks"]["access"]["protocol"] == "BAC"
    assert found.answer["document"]["size"] == "TD3"


def test_the_command_exits_2_for_a_wrong_mrz(vicc_card: Placed, card_command: CardCommand) -> None:
    card = vicc_card()
    known = Holder(personal_id="001303900017", birth_date="2003-02-14", expiry_date="2043-02-14")
    wrong = access_keys.from_holder(known)  # the expiry date alone is wrong
    assert card_command("--mrz", wrong.mrz[0]).told == (2, "reader.wrong_key")
    assert _attempts(card) == 1


def test_the_command_exits_2_when_only_the_can_is_known(vicc_card: Placed, card_command: CardCommand) -> None:
    card = vicc_card()
    assert card_command("--can", "900017").told == (2, "reader.mrz_needed")
    assert _attempts(card) == 0


def test_the_command_derives_the_key_from_the_qr(vicc_card: Placed, card_command: CardCommand) -> None:
    card = vicc_card()
    found = card_command("--qr", QR + "20052021")
    assert found.answer["evidence"]["checks"]["access"]["protocol"] == "BAC"
    assert found.answer["holder"]["personal_id"] == "001303900017"
    assert _attempts(card) == 1


def test_of_the_keys_that_a_qr_allows_the_second_may_be_right(vicc_card: Placed, card_command: CardCommand) -> None:
    card = vicc_card(person=ON_THE_DAY)
    found = card_command("--qr", QR + "14022026")
    assert found.answer["evidence"]["checks"]["access"]["protocol"] == "BAC"
    assert found.answer["holder"]["expiry_date"] == "2028-02-14"
    assert _attempts(card) == 2
    assert len(card.sessions()) == 2  # the power is cut between two keys


def test_no_more_than_three_keys_are_ever_tried(vicc_card: Placed) -> None:
    card = vicc_card()
    wrong = tuple(f"30390001750302149{year}0214{digit}" for year, digit in ((28, 0), (29, 1), (30, 2)))
    with pytest.raises(WrongKey) as caught:
        read(AccessKeys(can="900017", mrz=wrong))
    assert caught.value.data["tried"] == 3
    assert _attempts(card) == 3


def _attempts(card: CardProcess) -> int:
    """How often the card was asked to check a key (EXTERNAL AUTHENTICATE)."""
    return sum(asked.ins == 0x82 for asked in card.asked())


# ---- a copy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bac_only", "passport_packed"])
def test_a_chip_with_the_files_but_not_the_key_proves_nothing(vicc_card: Placed, authority, kind: str) -> None:
    """The emulator answers INTERNAL AUTHENTICATE with something, and that is what a copied chip does."""
    card = vicc_card(kind)
    checks = read(key_of(authority, kind), EVERYTHING).reading.evidence.checks
    assert checks is not None
    assert any(asked.ins == 0x88 for asked in card.asked())
    assert checks.active_authentication.result is not Outcome.PASSED
    assert checks.chip_authentication.result is Outcome.NOT_DONE


def test_a_signature_of_another_key_is_a_failure(vicc_card: Placed, authority) -> None:
    vicc_card("passport_packed")
    checks = read(key_of(authority, "passport_packed"), EVERYTHING).reading.evidence.checks
    assert checks is not None
    assert checks.active_authentication.result is Outcome.FAILED


def test_a_card_that_hides_the_pace_its_signed_files_tell_of_is_noticed(vicc_card: Placed, authority) -> None:
    vicc_card("passport")
    found = read(key_of(authority, "passport"), Wanted())
    assert "access.not_as_signed" in found.reading.warnings


# ---- sessions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extended", [True, False], ids=["extended", "short"])
def test_a_card_that_leaves_in_the_middle_of_the_portrait_is_removed(
    vicc_card: Placed, authority, extended: bool
) -> None:
    card = vicc_card(leaves_at=(image.DG2, 1))
    with pytest.raises(CardRemoved) as caught:
        read(key_of(authority), Wanted(portrait=True, extended=extended))
    assert caught.value.data["phase"] == Phase.PORTRAIT
    assert card.ended() == 0


def test_a_reading_that_was_given_up_leaves_a_card_that_can_be_read(vicc_card: Placed, authority) -> None:
    card = vicc_card()

    def give_up(phase: Phase) -> None:
        if phase is Phase.PROOF:
            raise Cancelled()

    with pytest.raises(Cancelled):
        read(key_of(authority), listener=Listener(phase=give_up))
    assert read(key_of(authority)).reading.holder.full_name == "Trần Thị Mẫu"
    assert len(card.sessions()) == 2
