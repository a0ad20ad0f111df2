"""`tiepdon card check`: what was saved of a card is judged as the card was, and what was changed is found."""

import hashlib
import json
import stat

import pytest

from tests.commands.card_runs import card_check, card_read, make, portrait, saved
from tiepdon import main

__all__ = ["card_check", "card_read", "make", "portrait", "saved"]


FILE_IDS = {"com": "011E", "sod": "011D", "dg1": "0101", "dg2": "0102", "dg13": "010D", "dg14": "010E", "dg15": "010F"}
LIVE = {"access", "chip_authentication", "active_authentication"}


def test_saved_files_are_those_that_the_answer_lists(saved):
    folder, ran = saved
    assert {path.name for path in folder.iterdir()} == {f"{FILE_IDS[name]}.bin" for name in ran.answer["files"]}
    for name, told in ran.answer["files"].items():
        path = folder / f"{FILE_IDS[name]}.bin"
        data = path.read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (told["length"], told["sha256"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_checking_the_folder_gives_the_same_but_for_what_needs_the_card(saved, card_check):
    folder, ran = saved
    judged = card_check(folder, "--json")
    assert judged.code == 0
    assert set(judged.answer) == set(ran.answer)
    for name, check in judged.checks.items():
        if name in LIVE:
            assert (check["result"], check["reason"]) == ("not_done", "check.without_card")
        else:
            assert check == ran.checks[name]
    for same in ("holder", "document", "files", "warnings"):
        assert judged.answer[same] == ran.answer[same]
    assert judged.answer["apdus"] == 0


def test_every_kind_of_card_is_judged_from_its_files_as_it_was_read(make, card_read, card_check, tmp_path):
    for kind in (
        "bac_only",
        "passport",
        "passport_packed",
        "identity_td2",
        "child_2024",
        "portraits_record",
        "pace_cam",
    ):
        folder = tmp_path / kind
        ran = card_read(
            "--mrz", make(kind).mrz_information, "--everything", "--save", str(folder), "--json", card=make(kind)
        )
        judged = card_check(folder, "--json")
        assert {name: check for name, check in judged.checks.items() if name not in LIVE} == {
            name: check for name, check in ran.checks.items() if name not in LIVE
        }
        assert judged.answer["holder"] == ran.answer["holder"]


def test_checking_without_trust_leaves_the_chain_open(saved, card_check):
    judged = card_check(saved[0], "--json", trusted=False)
    assert judged.checks["chain"]["reason"] == "chain.no_trust"
    assert judged.checks["signature"]["result"] == "passed"


@pytest.mark.parametrize("name", ["0101", "0102", "010D", "010E", "010F"])
def test_a_tampered_file_fails_the_hashes(saved, card_check, name):
    path = saved[0] / f"{name}.bin"
    data = bytearray(path.read_bytes())
    at = {"0101": 40, "010D": 60}.get(name, len(data) - 1)
    data[at] ^= 1
    path.write_bytes(bytes(data))
    judged = card_check(saved[0], "--json")
    assert judged.code == 0
    assert (judged.checks["hashes"]["result"], judged.checks["hashes"]["reason"]) == ("failed", "hashes.mismatch")
    assert judged.checks["signature"]["result"] == "passed"


def test_a_folder_without_a_proof_is_judged_unproven(saved, card_check):
    (saved[0] / "011D.bin").unlink()
    judged = card_check(saved[0], "--json")
    assert judged.code == 0
    assert judged.checks["hashes"]["reason"] == "sod.absent"


def test_names_of_files_in_the_folder_may_be_written_small(saved, card_check):
    for path in saved[0].iterdir():
        path.rename(path.with_name(path.name.lower()))
    assert card_check(saved[0], "--json").answer["files"] == saved[1].answer["files"]


def test_what_else_lies_in_the_folder_is_left_alone(saved, card_check):
    (saved[0] / "notes.txt").write_text("x")
    (saved[0] / "0107.bin").mkdir()
    assert card_check(saved[0], "--json").answer["files"] == saved[1].answer["files"]


@pytest.mark.parametrize("kind", ["missing", "empty", "a file"])
def test_a_folder_that_is_none_is_wrong_usage(card_check, tmp_path, kind):
    folder = tmp_path / "folder"
    if kind == "empty":
        folder.mkdir()
    if kind == "a file":
        folder.write_text("x")
    judged = card_check(folder, "--json")
    assert (judged.code, judged.error) == (2, "card.folder_unusable")


def test_files_that_cannot_be_understood_exit_5(saved, card_check):
    (saved[0] / "0101.bin").write_bytes(b"\x61\x02\x00\x00")
    assert card_check(saved[0], "--json").code == 5


def test_a_file_larger_than_any_card_has_is_not_taken_in(saved, card_check):
    (saved[0] / "0101.bin").write_bytes(bytes(2000))
    assert card_check(saved[0], "--json").code == 2


def test_a_trust_folder_that_is_not_there_is_wrong_usage(saved, capsys, tmp_path):
    code = main.main(["card", "check", str(saved[0]), "--trust", str(tmp_path / "no"), "--json"])
    assert (code, json.loads(capsys.readouterr()[0])["error"]["code"]) == (2, "reader.trust_unusable")
