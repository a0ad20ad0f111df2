"""What `tiepdon card` tells people: the summary, its words for every reason, one line for every error."""

import re

import msgspec
import pytest

from reader.errors import ReaderError
from reader.reading import Checks, Holder, Outcome
from sandbox.card import image, kinds, trust
from sandbox.card.quirks import Quirks
from sandbox.people import find
from tests.commands.card_runs import PERSON, card_check, card_read, make, portrait, saved
from tests.reader.chip.cards import with_file
from ui.words import keys as words_of

__all__ = ["card_check", "card_read", "make", "portrait", "saved"]


# The summary


def raw_keys(text: str) -> list[str]:
    """Keys of the catalogue that stand where their words should."""
    return re.findall(r"\b(?:card\.[a-z_.]+|outcome\.[a-z_]+|reading\.phase\.[a-z]+)\b|^ *check\.[a-z_]+", text, re.M)


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("kind", ["citizen", "passport", "bac_only", "child_2024"])
def test_the_summary_is_for_people(make, card_read, kind, language):
    card = make(kind)
    ran = card_read("--mrz", card.mrz_information, "--everything", "--language", language, card=card)
    assert ran.code == 0
    assert raw_keys(ran.out) == []
    assert raw_keys(ran.err) == []
    assert PERSON.full_name in ran.out
    means = "BAC-3DES-CBC-CBC" if kind == "bac_only" else "PACE-ECDH-GM-AES-CBC-CMAC-128"
    assert means in ran.out
    assert re.search(r"\d+ ms", ran.out)
    assert re.search(r"\d+ APDU", ran.out)


def test_the_summary_says_what_failed_and_why(make, card_read):
    ran = card_read("--can", "900017", card=make(), quirks=Quirks(cloned_chip_key=True))
    assert ran.code == 0
    assert "✗ FAILED (CA)" in ran.out
    assert "[chip_authentication.wrong_keys]" in ran.out


def test_the_summary_of_a_folder_has_no_times(saved, card_check):
    judged = card_check(saved[0])
    assert judged.code == 0
    assert PERSON.full_name in judged.out
    assert " ms" not in judged.out
    assert raw_keys(judged.out) == []


@pytest.mark.parametrize("language", ["en", "vi"])
def test_there_are_words_for_everything_a_summary_can_say(language):
    known = words_of(language)
    wanted = {f"card.field.{name}" for name in (*Holder.__struct_fields__, "document")}
    wanted |= {f"check.{name}" for name in Checks.__struct_fields__}
    wanted |= {f"outcome.{outcome}" for outcome in Outcome}
    assert wanted - known == set()


@pytest.mark.parametrize("language", ["en", "vi"])
def test_there_are_words_for_every_reason_that_cards_bring_about(make, card_read, authority, language):
    """Every reason that a whole tour of difficult cards names is said in words."""
    genuine = make()
    other = kinds.build("ca_aes256", PERSON, None, trust.create())
    tour = [
        (genuine, Quirks()),
        (genuine, Quirks(cloned_chip_key=True, cloned_active_key=True)),
        (genuine, Quirks(chip_authentication_refused=0x6A80, active_authentication_refused=0x6D00)),
        (make("ca_none"), Quirks(cloned_active_key=True)),
        (make("aa_none"), Quirks()),
        (make("child_2024"), Quirks()),
        (make("identity_td1"), Quirks()),
        (with_file(genuine, image.DG14, other.files[image.DG14]), Quirks()),
        (with_file(genuine, image.SOD, None), Quirks()),
        (with_file(genuine, image.SOD, b"\x77\x02\x30\x00"), Quirks()),
        (
            with_file(genuine, image.DG13, kinds.build("citizen", find("thu"), None, authority).files[image.DG13]),
            Quirks(),
        ),
        (msgspec.structs.replace(other, can=genuine.can), Quirks()),
    ]
    missing = set()
    for card, quirks in tour:
        for trusted in (True, False):
            ran = card_read("--mrz", card.mrz_information, "--json", card=card, quirks=quirks, trusted=trusted)
            assert ran.code == 0
            missing |= {check["reason"] for check in ran.checks.values() if check["reason"]}
    assert {f"reason.{code}" for code in missing} - words_of(language) == set()


def test_an_error_is_one_line_in_the_language_asked_for(card_read):
    english = card_read("--can", "111111", "--language", "en")
    vietnamese = card_read("--can", "111111", "--language", "vi")
    assert english.code == vietnamese.code == 2
    assert "[reader.wrong_key" in english.err
    assert english.err.splitlines()[-1] != vietnamese.err.splitlines()[-1]
    assert "111111" not in english.err + vietnamese.err


def test_every_error_of_the_reader_has_an_exit_code_that_says_which_part_failed():
    from tiepdon.commands.card import exit_code

    def kinds_of(kind: type[ReaderError]) -> set[type[ReaderError]]:
        return {kind}.union(*(kinds_of(sub) for sub in kind.__subclasses__()))

    codes = {kind.code: exit_code(kind()) for kind in kinds_of(ReaderError) if kind.__module__ == "reader.errors"}
    assert codes["reader.wrong_key"] == codes["reader.key_malformed"] == codes["reader.mrz_needed"] == 2
    assert codes["reader.no_card"] == codes["reader.card_removed"] == 3
    assert codes["reader.no_reader"] == codes["reader.service_down"] == codes["reader.not_allowed"] == 4
    assert codes["reader.card_broken"] == codes["reader.not_an_id_card"] == codes["reader.too_slow"] == 5
    assert set(codes.values()) == {2, 3, 4, 5}
