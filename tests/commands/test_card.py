"""`tiepdon card read` as its users run it: a process, the real pcscd, exit codes and one JSON object."""

import json
import stat
import subprocess
import sys
import time

import pytest

from reader.tlv import encode
from sandbox.card import image
from sandbox.card.quirks import Quirks
from sandbox.people import qr_text
from tests.reader.chip.cards import with_file

pytestmark = pytest.mark.pcsc


@pytest.fixture
def card_read(pcsc_world):
    def run(*arguments: str) -> tuple[int, dict, str]:
        done = subprocess.run(
            [sys.executable, "-m", "tiepdon.main", "card", "read", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **pcsc_world.environment},
            check=False,
        )
        answer = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        return done.returncode, answer, done.stdout + done.stderr

    return run


def test_a_card_is_read_by_can(card_read, placed_card, trust_folder):
    placed_card("mau")
    code, answer, _ = card_read("--can", "900017", "--trust", str(trust_folder), "--json")
    assert code == 0
    assert answer["holder"]["full_name"] == "Trần Thị Mẫu"
    assert answer["holder"]["previous_id"] is None
    assert {"holder", "evidence", "timings_ms", "apdus", "bytes"} <= set(answer)
    assert answer["bytes"] == answer["bytes_sent"] + answer["bytes_received"]
    assert answer["apdus"] <= 21
    assert answer["evidence"]["checks"]["chain"]["result"] == "passed"
    assert set(answer["files"]) == {"dg13", "dg1", "sod", "dg14"}


def test_number_and_qr_open_the_same_card(card_read, placed_card):
    person = placed_card("mau").person
    assert card_read("--id", person.personal_id, "--json")[0] == 0
    assert card_read("--qr", qr_text(person), "--json")[1]["holder"]["personal_id"] == person.personal_id


def test_everything_is_read_on_demand(card_read, placed_card, tmp_path):
    placed_card("mau")
    portrait = tmp_path / "portrait.jpg"
    code, answer, _ = card_read("--can", "900017", "--everything", "--portrait", str(portrait), "--json")
    assert code == 0
    assert {"com", "dg2", "dg14", "dg15"} <= set(answer["files"])
    assert portrait.read_bytes().startswith(b"\xff\xd8\xff")
    assert stat.S_IMODE(portrait.stat().st_mode) == 0o600
    assert len(portrait.read_bytes()) < answer["files"]["dg2"]["length"]


def test_the_trace_is_private_and_holds_no_data(card_read, placed_card, tmp_path):
    placed_card("mau")
    trace = tmp_path / "trace.log"
    trace.touch(mode=0o644)
    code, answer, _ = card_read("--can", "900017", "--trace", str(trace), "--json")
    assert code == 0
    lines = trace.read_text().splitlines()
    assert sum("  >  " in line for line in lines) == sum("  <  " in line for line in lines) == answer["apdus"]
    assert lines[0].endswith("without data, safe to send")
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600
    for secret in ("001303900017", "900017", "Trần", "2003"):
        assert secret not in trace.read_text()


def test_without_json_a_person_can_read_it(card_read, placed_card):
    placed_card("mau")
    code, _, shown = card_read("--can", "900017")
    assert code == 0
    assert "Full name        Trần Thị Mẫu" in shown
    assert "[chain.no_trust]" in shown


def test_the_printed_lines_open_a_card(card_read, placed_card, trust_folder):
    card = placed_card("mau")
    zone = card.image.files[image.DG1][5:].decode()
    lines = "\n".join(zone[at : at + 30] for at in (0, 30, 60))
    code, answer, _ = card_read("--mrz", lines, "--trust", str(trust_folder), "--json")
    assert code == 0
    assert answer["evidence"]["checks"]["access"]["protocol"] == "PACE-GM"
    assert answer["document"]["number"] == "303900017"


def test_with_unsafe_the_trace_holds_everything_and_says_so(card_read, placed_card, tmp_path):
    placed_card("mau")
    trace = tmp_path / "trace.log"
    code, _, shown = card_read("--can", "900017", "--trace", str(trace), "--unsafe", "--language", "en")
    assert code == 0
    assert "trace.log holds personal data and secrets" in shown
    assert "UNSAFE" in trace.read_text().splitlines()[0]
    assert "Trần Thị Mẫu".encode().hex().upper() in trace.read_text()
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600


def test_a_folder_of_saved_files_is_judged_without_the_card(card_read, placed_card, trust_folder, tmp_path):
    placed_card("mau")
    folder = tmp_path / "files"
    code, answer, _ = card_read("--can", "900017", "--everything", "--save", str(folder), "--json")
    assert code == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    done = subprocess.run(
        [sys.executable, "-m", "tiepdon.main", "card", "check", str(folder), "--trust", str(trust_folder), "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    judged = json.loads(done.stdout)
    assert judged["files"] == answer["files"]
    assert judged["holder"] == answer["holder"]
    assert judged["evidence"]["checks"]["chain"]["result"] == "passed"


def told(answer: dict) -> str:
    return answer["error"]["code"]


def test_a_wrong_key_exits_2(card_read, placed_card):
    placed_card("mau")
    code, answer, _ = card_read("--can", "000000", "--json")
    assert (code, told(answer)) == (2, "reader.wrong_key")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--can", "12345"),
        ("--can", "1234567"),
        ("--can", "abcdef"),
        ("--id", "900017"),
        ("--qr", "nonsense"),
        ("--mrz", "IDVNM"),
    ],
)
def test_what_is_no_key_exits_2_without_touching_the_card(card_read, placed_card, arguments):
    card = placed_card("mau")
    code, answer, shown = card_read(*arguments, "--json")
    assert (code, told(answer)) == (2, "reader.key_malformed")
    assert card.chip.apdus == 0
    assert arguments[1] not in shown


def test_no_key_or_two_are_wrong_usage(card_read):
    assert card_read("--json")[0] == 2
    assert card_read("--can", "123456", "--id", "001303900017", "--json")[0] == 2


def test_an_empty_reader_exits_3(card_read, card_slot):
    code, answer, _ = card_read("--can", "900017", "--json")
    assert (code, told(answer)) == (3, "reader.no_card")


@pytest.mark.parametrize("after", [0, 5, 9, 13])
def test_a_card_taken_away_exits_3(card_read, placed_card, after, tmp_path):
    placed_card("mau", quirks=Quirks(remove_after_apdus=after))
    code, answer, _ = card_read("--can", "900017", "--portrait", str(tmp_path / "p.jpg"), "--json")
    assert (code, told(answer)) == (3, "reader.card_removed")
    assert not (tmp_path / "p.jpg").exists()


def test_a_reader_of_another_name_exits_4(card_read, card_slot):
    code, answer, _ = card_read("--can", "900017", "--reader", "no such reader", "--json")
    assert (code, told(answer)) == (4, "reader.no_reader")


def test_without_pcscd_it_exits_4(card_read, pcsc_world, card_slot):
    pcsc_world.stop()
    try:
        code, answer, _ = card_read("--can", "900017", "--json")
    finally:
        pcsc_world.start()
    assert (code, told(answer)) == (4, "reader.service_down")


@pytest.mark.parametrize(
    "quirks",
    [Quirks(wrong_mac_from=2), Quirks(endless_61xx=True), Quirks(claimed_lengths={image.DG1: 1 << 31})],
    ids=["checksum", "endless", "length"],
)
def test_a_hostile_card_exits_5(card_read, placed_card, quirks):
    placed_card("mau", quirks=quirks)
    code, answer, _ = card_read("--can", "900017", "--json")
    assert (code, told(answer)) == (5, "reader.card_broken")


def test_a_malformed_file_exits_5(card_read, placed_card):
    placed_card("mau", change=lambda card: with_file(card, image.DG1, encode(0x61, b"\x01\x02\x03")))
    assert card_read("--can", "900017", "--json")[0] == 5


def test_a_card_that_never_answers_in_time_is_given_up(card_read, placed_card, tmp_path):
    config = tmp_path / "site.toml"
    config.write_text("[reader]\ntimeout_seconds = 1\n")
    placed_card("mau", quirks=Quirks(delay_seconds=3))
    began = time.monotonic()
    code, answer, _ = card_read("--can", "900017", "--config", str(config), "--json")
    assert (code, told(answer)) == (5, "reader.too_slow")
    assert time.monotonic() - began < 20


def test_a_trust_folder_that_is_not_there_exits_2(card_read, card_slot, tmp_path):
    code, answer, _ = card_read("--can", "900017", "--trust", str(tmp_path / "nowhere"), "--json")
    assert (code, told(answer)) == (2, "reader.trust_unusable")


def test_a_file_that_cannot_be_written_exits_2(card_read, placed_card, tmp_path):
    placed_card("mau")
    code, answer, _ = card_read("--can", "900017", "--trace", str(tmp_path / "no" / "t.log"), "--json")
    assert (code, told(answer)) == (2, "card.output_unwritable")
