"""`tiepdon card read` with every option, on cards without a reader: keys, limits, portraits, traces."""

import json
import re
import stat
from pathlib import Path

import pytest

from sandbox.card import image
from sandbox.card.image import CardImage
from sandbox.people import qr_text
from sandbox.portrait import jpeg
from tests.commands.card_runs import PERSON, card_check, card_read, make, portrait, saved
from tests.reader.chip.cards import with_file
from tiepdon import main
from tiepdon.commands.card import keys_from
from wire.errors import TiepDonError

__all__ = ["card_check", "card_read", "make", "portrait", "saved"]


# Keys


def zone_of(card: CardImage) -> str:
    return card.files[image.DG1][5:].decode()


def test_the_printed_zone_opens_every_kind_of_card_however_it_is_typed(make, card_read):
    for kind in ("citizen", "bac_only", "passport", "identity_td2", "passport_packed"):
        card = make(kind)
        zone = zone_of(card)
        size = {90: 30, 72: 36, 88: 44}[len(zone)]
        lines = [zone[at : at + size] for at in range(0, len(zone), size)]
        for text in ("\n".join(lines), zone, "\r\n".join(lines) + "\n", " ".join(lines), card.mrz_information):
            assert card_read("--mrz", text, "--json", card=card).code == 0
            assert card_read("--mrz", text.lower(), "--json", card=card).code == 0


@pytest.mark.parametrize(
    "text",
    ["", "IDVNM", "303900017703021402802148", "303900017703021402802149X", "<" * 90, "Trần Thị Mẫu", "0" * 1000],
)
def test_a_malformed_zone_is_wrong_usage(text, capsys, tmp_path):
    code = main.main(["card", "read", "--mrz", text, "--json", "--config", str(tmp_path / "site.toml")])
    out, _ = capsys.readouterr()
    if "config" not in out:
        assert (code, json.loads(out)["error"]["code"]) == (2, "reader.key_malformed")
    with pytest.raises(TiepDonError) as caught:
        keys_from(main._parser(["card"]).parse_args(["card", "read", "--mrz", text]))
    assert caught.value.code == "reader.key_malformed"
    assert text not in str(caught.value.data) or not text


def test_an_old_card_needs_more_than_its_can(make, card_read):
    ran = card_read("--can", "900017", "--json", card=make("bac_only"))
    assert (ran.code, ran.error) == (2, "reader.mrz_needed")
    ran = card_read("--qr", qr_text(PERSON), "--json", card=make("bac_only"))
    assert ran.checks["access"]["protocol"] == "BAC"


def test_the_qr_code_of_another_card_disagrees(make, card_read):
    same = card_read("--qr", qr_text(PERSON), "--json")
    assert same.checks["agreement"]["result"] == "passed"
    changed = qr_text(PERSON).replace(PERSON.full_name, "Trần Thị Khác")
    ran = card_read("--qr", changed, "--json")
    assert ran.code == 0
    assert ran.checks["agreement"] | {"protocol": None, "algorithm": None} == {
        "result": "failed",
        "reason": "agreement.printed_name",
        "protocol": None,
        "algorithm": None,
    }
    assert "agreement.printed_name" in ran.answer["warnings"]


# The JSON object


def test_every_check_is_reported_on_its_own_with_result_and_reason(card_read):
    ran = card_read("--can", "900017", "--json", trusted=False)
    assert set(ran.checks) == {
        "access",
        "hashes",
        "signature",
        "chain",
        "chip_authentication",
        "active_authentication",
        "agreement",
    }
    for check in ran.checks.values():
        assert check["result"] in ("passed", "failed", "not_done")
        assert (check["reason"] is None) == (check["result"] == "passed")
    assert ran.checks["access"]["protocol"] == "PACE-GM"
    assert (ran.checks["chain"]["result"], ran.checks["chain"]["reason"]) == ("not_done", "chain.no_trust")


@pytest.mark.parametrize(
    ("kind", "protocol"),
    [("citizen", "PACE-GM"), ("pace_im", "PACE-IM"), ("pace_cam", "PACE-CAM"), ("bac_only", "BAC")],
)
def test_the_protocol_of_access_is_named(make, card_read, kind, protocol):
    ran = card_read("--qr", qr_text(PERSON), "--json", card=make(kind))
    assert ran.checks["access"]["protocol"] == protocol


@pytest.mark.parametrize(("trusted", "chain"), [(True, "passed"), (False, "not_done")])
def test_whom_the_site_trusts_decides_about_the_chain(card_read, trusted, chain):
    assert card_read("--can", "900017", "--json", trusted=trusted).checks["chain"]["result"] == chain


# Limits


def inside(trace: Path) -> list[tuple[str, int]]:
    """Header and Le of every command inside secure messaging."""
    found = re.findall(r"  \(  ([0-9A-F]{8})  Lc=\d+ Le=(\d+|-)", trace.read_text())
    return [(header, 0 if le == "-" else int(le)) for header, le in found]


@pytest.mark.parametrize("size", [32, 100, 223, 256, 500, 2000])
def test_nothing_larger_than_max_le_is_asked_for(card_read, tmp_path, size):
    trace = tmp_path / "trace.log"
    ran = card_read("--can", "900017", "--everything", "--max-le", str(size), "--trace", str(trace), "--json")
    assert ran.code == 0
    reads = [le for header, le in inside(trace) if header[2:4] in ("B0", "B1")]
    assert max(reads) == (223 if size == 256 else size)
    plain = re.findall(r"  >  00B0[0-9A-F]{4}  Lc=0 Le=(\d+)", trace.read_text())
    assert plain
    assert max(map(int, plain)) <= size


def test_without_extended_length_every_command_is_short(make, card_read, tmp_path):
    for kind in ("citizen", "pace_dh", "ca_dh", "aa_rsa"):
        trace = tmp_path / f"{kind}.log"
        arguments = ("--qr", qr_text(PERSON), "--everything", "--no-extended", "--trace", str(trace), "--json")
        assert card_read(*arguments, card=make(kind)).code == 0
        outside = re.findall(r"  >  [0-9A-F]{8}  Lc=(\d+) Le=(\d+|-)", trace.read_text())
        assert max(int(lc) for lc, _ in outside) <= 255
        assert max(int(le) for _, le in outside if le != "-") <= 256


@pytest.mark.parametrize("size", ["0", "-1", "65537", "many", ""])
def test_a_size_that_is_none_is_wrong_usage(card_read, size):
    ran = card_read("--can", "900017", "--max-le", size)
    assert ran.code == 2
    assert "--max-le" in ran.err


# Portraits


def embedded(card: CardImage, signature: bytes) -> bytes:
    group = card.files[image.DG2]
    return group[group.index(signature) :]


def test_a_jpeg_portrait_is_written_as_the_card_has_it(make, card_read, tmp_path):
    card = make()
    for name in ("portrait", "portrait.jpg", "portrait.JPEG", "portrait.bin"):
        assert card_read("--can", "900017", "--portrait", str(tmp_path / name), "--json", card=card).code == 0
        assert (tmp_path / name).read_bytes() == embedded(card, b"\xff\xd8\xff")
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_jpeg_2000_portrait_becomes_what_the_name_says(make, card_read, tmp_path):
    card = make("portrait_jpeg2000")
    original = embedded(card, bytes.fromhex("0000000C6A502020"))
    begins = {
        "a.jp2": original,
        "b": original,
        "c.jpg": b"\xff\xd8\xff",
        "d.jpeg": b"\xff\xd8\xff",
        "e.PNG": b"\x89PNG",
    }
    for name, magic in begins.items():
        assert card_read("--can", "900017", "--portrait", str(tmp_path / name), "--json", card=card).code == 0
        assert (tmp_path / name).read_bytes().startswith(magic)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_portrait_that_cannot_be_decoded_leaves_no_file(make, card_read, tmp_path):
    from sandbox.card import face

    broken = jpeg(PERSON)[:700]
    card = with_file(make(), image.DG2, face.encode(broken, 300, 400, "female"))
    ran = card_read("--can", "900017", "--portrait", str(tmp_path / "p.png"), "--json", card=card)
    if ran.code:
        assert (ran.code, ran.error) == (5, "reader.card_broken")
    assert not list(tmp_path.glob("p.png"))
    ran = card_read("--can", "900017", "--portrait", str(tmp_path / "p.jpg"), "--json", card=card)
    assert ran.code == 0
    assert (tmp_path / "p.jpg").read_bytes() == broken


def test_a_card_without_a_portrait_writes_no_file(make, card_read, tmp_path):
    ran = card_read("--can", "900017", "--portrait", str(tmp_path / "p.jpg"), "--json", card=make("child_2024"))
    assert ran.code == 0
    assert "dg2.absent" in ran.answer["warnings"]
    assert not (tmp_path / "p.jpg").exists()


def test_a_portrait_that_cannot_be_written_is_wrong_usage(card_read, tmp_path):
    ran = card_read("--can", "900017", "--portrait", str(tmp_path / "no" / "p.jpg"), "--json")
    assert (ran.code, ran.error) == (2, "card.output_unwritable")


# Traces


def test_unsafe_is_said_on_standard_error_and_in_the_file_in_both_languages(card_read, tmp_path):
    for language, word in (("en", "personal data"), ("vi", "dữ liệu cá nhân")):
        trace = tmp_path / f"{language}.log"
        arguments = ("--can", "900017", "--trace", str(trace), "--unsafe", "--language", language)
        ran = card_read(*arguments)
        assert word in ran.err
        assert trace.name in ran.err
        assert "UNSAFE" in trace.read_text().splitlines()[0]
        assert PERSON.full_name.encode().hex().upper() in trace.read_text()
        assert PERSON.personal_id not in ran.err


def test_unsafe_without_a_trace_is_wrong_usage(capsys):
    assert main.main(["card", "read", "--can", "900017", "--unsafe", "--json"]) == 2
    assert json.loads(capsys.readouterr()[0])["error"]["code"] == "card.output_unwritable"


def test_a_trace_is_kept_of_a_reading_that_failed(card_read, tmp_path):
    trace = tmp_path / "trace.log"
    ran = card_read("--can", "111111", "--trace", str(trace), "--json")
    assert ran.code == 2
    assert "6300" in trace.read_text()
    assert "111111" not in trace.read_text()
