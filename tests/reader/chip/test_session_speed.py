"""The bars of speed on the benchmark card, without a reader and over the real pcscd (chip.md 3.1 and 3.5)."""

import time

import pytest

from reader.chip.access_keys import from_can
from reader.chip.pcsc import PcscSlot
from reader.chip.secure_messaging import short_payload
from reader.chip.session import read_card
from reader.chip.task import CardRead, Listener, Wanted
from reader.chip.transport import Slot
from reader.pki.trust import load_trust
from reader.reading import Outcome
from sandbox.card import image, kinds
from sandbox.card.chip import Chip
from sandbox.card.image import CardImage
from sandbox.people import find
from sandbox.portrait import jpeg
from tests.reader.chip.cards import slot_with, surroundings
from tests.reader.chip.overheard import Ears, no_byte_twice

CAN = from_can("900017")
NAME, PROOF = 10, {True: 10, False: 21}
EVERYTHING = {True: 15, False: 90}
CPU_SECONDS = 0.5  # far above the bar, which `make bench` measures on a quiet machine


@pytest.fixture(scope="module")
def card(authority) -> CardImage:
    made = kinds.build("benchmark", find("mau"), jpeg(find("mau")), authority)
    assert len(made.files[image.DG2]) == 15_085
    assert len(made.files[image.SOD]) == 1_648
    assert len(made.files[image.DG13]) == 479
    return made


@pytest.fixture(params=["in process", pytest.param("pcscd", marks=pytest.mark.pcsc)])
def slot(request, card) -> Slot:
    """The card on a reader."""
    if request.param == "in process":
        return slot_with(card)
    request.getfixturevalue("card_slot").insert(Chip(card))
    return PcscSlot()


def read(slot: Slot, wanted: Wanted, trust_folder) -> tuple[CardRead, Ears]:
    ears = Ears()
    world = surroundings(load_trust(trust_folder), time.monotonic)
    return read_card(slot, CAN, world, 60, wanted, Listener(trace=ears)), ears


@pytest.mark.parametrize("extended", [True, False], ids=["extended", "short"])
def test_name_proof_and_everything_cost_no_more_commands_than_promised(slot, extended, card, trust_folder):
    began = time.thread_time()
    result, ears = read(slot, Wanted(portrait=True, extended=extended), trust_folder)
    checks = result.reading.evidence.checks
    assert checks is not None
    assert [checks.hashes.result, checks.signature.result, checks.chain.result] == [Outcome.PASSED] * 3
    assert checks.chip_authentication.result is Outcome.PASSED
    assert set(result.contents) == {"dg13", "dg1", "sod", "dg14", "dg2"}
    assert result.contents["dg2"] == card.files[image.DG2]
    assert result.apdus_to_name <= NAME
    assert result.apdus_to_proof <= PROOF[extended]
    assert result.apdus <= EVERYTHING[extended]
    no_byte_twice(ears)
    assert sum(read.count for read in ears.reads if read.file == image.DG2) == 15_085
    assert time.thread_time() - began < CPU_SECONDS


@pytest.mark.parametrize("extended", [True, False], ids=["extended", "short"])
def test_without_the_portrait_a_reading_ends_with_the_proof_of_the_chip(slot, extended, trust_folder):
    result, _ = read(slot, Wanted(extended=extended), trust_folder)
    # After the proof: DG14, two commands of chip authentication, and one under its keys.
    assert result.apdus <= result.apdus_to_proof + (4 if extended else 5)


def test_a_card_laid_down_again_gives_everything_but_the_portrait(slot, trust_folder):
    first, _ = read(slot, Wanted(portrait=True), trust_folder)
    known = bytes.fromhex(first.files["sod"][1])
    again, ears = read(slot, Wanted(portrait=True, has_portrait=known.__eq__), trust_folder)
    assert image.DG2 not in ears.files()
    assert again.apdus < first.apdus
    assert again.bytes_received < first.bytes_received - 15_085
    assert again.reading.holder == first.reading.holder


def test_a_command_brings_as_many_bytes_as_a_short_answer_holds(card, trust_folder):
    _, ears = read(slot_with(card), Wanted(portrait=True, extended=False), trust_folder)
    blocks = [read.count for read in ears.reads if read.file == image.DG2]
    assert set(blocks[:-1]) == {short_payload(16)}
    assert len(blocks) == -(-15_085 // short_payload(16))


def test_phases_are_timed_and_add_up(slot, trust_folder):
    result, _ = read(slot, Wanted(portrait=True), trust_folder)
    timings = result.timings_ms
    phases = [timings[name] for name in ("connecting", "access", "identity", "proof", "portrait")]
    assert all(value >= 0 for value in phases)
    assert sum(phases) <= timings["total"] + 1
    assert 0 < timings["name"] <= timings["proven"] <= timings["total"]
