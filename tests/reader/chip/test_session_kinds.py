"""Every kind of card there is, read with and without extended length: each check as that kind should have it."""

import functools

import pytest

from reader.chip.files import LDS
from reader.chip.task import Wanted
from reader.pki.trust import load_trust
from reader.reading import Check, Outcome
from sandbox.card import image, kinds
from sandbox.card.spec import Kind
from sandbox.people import find
from sandbox.portrait import jpeg
from tests.reader.chip.cards import surroundings
from tests.reader.chip.overheard import Overheard, card_slot, keys_of, no_byte_twice, overhear

PERSON = find("mau")
FILE_IDS = {file.name: file.file_id for file in LDS}
BOTH = pytest.mark.parametrize("extended", [True, False], ids=["extended", "short"])


@pytest.fixture(scope="module")
def cards(authority):
    """`cards(kind)`: one card of each kind."""
    portrait = jpeg(PERSON)
    return functools.cache(lambda name: kinds.build(name, PERSON, portrait, authority))


def read(name: str, cards, trust_folder, wanted: Wanted) -> Overheard:
    card = cards(name)
    return overhear(card_slot(card), keys_of(card), wanted, surroundings(load_trust(trust_folder)))


def access_of(kind: Kind) -> str:
    mappings = {offer.mapping for offer in kind.access.pace}
    best = next((mapping for mapping in ("CAM", "GM", "IM") if mapping in mappings), None)
    return f"PACE-{best}" if best else "BAC"


def chip_of(kind: Kind) -> tuple[Outcome, str | None, str | None]:
    """Result, protocol and reason of chip authentication."""
    if access_of(kind) == "PACE-CAM":
        return Outcome.PASSED, "PACE-CAM", None
    if any(key.ciphers for key in kind.chip_keys):
        return Outcome.PASSED, "CA", None
    return Outcome.NOT_DONE, None, "chip_authentication.not_offered"


def active_of(kind: Kind) -> tuple[Outcome, str | None, str | None]:
    if kind.active is None:
        return Outcome.NOT_DONE, None, "active_authentication.not_offered"
    return Outcome.PASSED, "AA", None


def told(check: Check) -> tuple[Outcome, str | None, str | None]:
    return check.result, check.protocol, check.reason


@BOTH
@pytest.mark.parametrize("name", kinds.KINDS)
def test_every_kind_of_card_is_read_and_proven_whole(name, extended, cards, trust_folder):
    kind = kinds.KINDS[name]
    heard = read(name, cards, trust_folder, Wanted(everything=True, extended=extended))
    card, checks, contents = heard.slot.image, heard.checks, dict(heard.result.contents)

    security = contents.pop("card_security", None)
    assert security == (card.master_files[image.CARD_SECURITY] if access_of(kind) == "PACE-CAM" else None)
    assert {FILE_IDS[read]: data for read, data in contents.items()} == {
        number: data for number, data in card.files.items() if number != image.DG3
    }

    assert (checks.access.result, checks.access.protocol) == (Outcome.PASSED, access_of(kind))
    assert [checks.hashes.result, checks.signature.result, checks.chain.result] == [Outcome.PASSED] * 3
    assert told(checks.chip_authentication) == chip_of(kind)
    assert told(checks.active_authentication) == active_of(kind)
    lonely = kind.layout.form != "citizen" and not kind.layout.details
    assert checks.agreement.result is (Outcome.NOT_DONE if lonely else Outcome.PASSED)
    assert heard.slot.connections == 1
    no_byte_twice(heard.ears)


@BOTH
@pytest.mark.parametrize("name", ["citizen", "bac_only", "pace_cam", "passport", "ca_none", "child_2024"])
def test_without_a_wish_only_the_files_of_name_and_proof_are_read(name, extended, cards, trust_folder):
    heard = read(name, cards, trust_folder, Wanted(extended=extended))
    read_files = set(heard.result.contents)
    kind = kinds.KINDS[name]
    expected = {"dg1", "sod"}
    expected |= {"dg13"} if kind.layout.form == "citizen" else {"dg11", "dg12"}
    expected |= {"dg14"} if image.DG14 in heard.slot.image.files else set()
    expected |= {"card_security"} if name == "pace_cam" else set()
    # Without chip authentication it is active authentication that tells the chip from its copy.
    expected |= {"dg15"} if chip_of(kind)[0] is Outcome.NOT_DONE else set()
    assert read_files == expected
    assert heard.checks.active_authentication.reason == (
        None if "dg15" in expected else "active_authentication.not_needed"
    )


@pytest.mark.parametrize("name", ["citizen", "benchmark"])
def test_files_come_in_the_order_that_puts_the_name_first_and_the_portrait_last(name, cards, trust_folder):
    heard = read(name, cards, trust_folder, Wanted(portrait=True))
    assert heard.ears.files() == [image.DG13, image.DG1, image.SOD, image.DG14, image.DG2]
    assert list(heard.result.contents) == ["dg13", "dg1", "sod", "dg14", "dg2"]


@pytest.mark.parametrize(
    "wanted", [Wanted(), Wanted(portrait=True), Wanted(everything=True)], ids=["usual", "portrait", "everything"]
)
def test_fingers_are_never_asked_for(wanted, cards, trust_folder):
    heard = read("citizen", cards, trust_folder, wanted)
    asked = {command.p1 & 0x1F for command, _ in heard.ears.said if command.ins == 0xB0 and command.p1 & 0x80}
    assert not asked & {image.DG3 & 0x1F, 0x04}
    assert (image.COM & 0x1F in asked) is wanted.everything
