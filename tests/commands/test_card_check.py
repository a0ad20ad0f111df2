"""`tiepdon card` with every option, on cards without a reader: keys, limits, portraits, traces, folders, summaries."""

import functools
import hashlib
import json
import re
import stat
from pathlib import Path

import msgspec
import pytest

from config.settings import load
from reader.errors import ReaderError
from reader.pki.trust import load_trust
from reader.reading import Checks, Holder, Outcome
from sandbox.card import image, kinds, trust
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.people import find, qr_text
from sandbox.portrait import jpeg
from tests.reader.chip.cards import slot_with, surroundings, with_file
from tiepdon import main
from tiepdon.commands.card import keys_from, run_read
from ui.words import keys as words_of
from wire.errors import TiepDonError

PERSON = find("mau")
FILE_IDS = {"com": "011E", "sod": "011D", "dg1": "0101", "dg2": "0102", "dg13": "010D", "dg14": "010E", "dg15": "010F"}
LIVE = {"access", "chip_authentication", "active_authentication"}


@pytest.fixture(scope="module")
def portrait() -> bytes:
    return jpeg(PERSON)


@pytest.fixture(scope="module")
def make(authority, portrait):
    made = functools.cache(lambda kind: kinds.build(kind, PERSON, portrait, authority))
    return lambda kind="citizen": made(kind)


class Ran:
    """What a run of the command gave."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def answer(self) -> dict:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        return self.answer["error"]["code"]

    @property
    def checks(self) -> dict:
        return self.answer["evidence"]["checks"]


@pytest.fixture
def card_read(make, capsys, trust_folder):
    """`card_read("--can", "900017", card=..., quirks=...)`: the command on a card in this process."""

    def run(*arguments: str, card: CardImage | None = None, quirks: Quirks | None = None, trusted: bool = True) -> Ran:
        words = ["card", "read", *arguments]
        try:
            options = main._parser(words).parse_args(words)
            settings = load(None).reader
            keys, printed = keys_from(options)
            world = surroundings(load_trust(trust_folder if trusted else None))
            code = run_read(options, settings, slot_with(card or make(), quirks), keys, printed, world)
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def card_check(capsys, trust_folder):
    """`card_check(folder)`: the command, with trust unless told otherwise."""

    def run(folder: Path, *arguments: str, trusted: bool = True) -> Ran:
        more = ("--trust", str(trust_folder)) if trusted else ()
        code = main.main(["card", "check", str(folder), *more, *arguments])
        return Ran(code, *capsys.readouterr())

    return run


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


# Folders


@pytest.fixture
def saved(card_read, tmp_path) -> tuple[Path, Ran]:
    """A folder of every file of a card, and the answer of its reading."""
    folder = tmp_path / "card"
    ran = card_read("--can", "900017", "--everything", "--save", str(folder), "--json")
    assert ran.code == 0
    return folder, ran


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
