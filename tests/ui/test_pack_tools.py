"""Content packs as the kiosk, the doctor and the checker take them: the kiosk always starts, and each says why."""

import json
from pathlib import Path

import pytest

from tests.ui.content_packs import (
    CONFIRM,
    OPUS,
    SEVEN,
    Make,
    po,
    with_packs,
)
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.languages import look_at_languages, look_at_voice
from tiepdon.main import main
from ui.front_words import front_keys
from ui.packs import SHIPPED, languages_of, load
from ui.voice import made_index
from ui.words import Words


def test_a_broken_pack_is_left_out_and_the_kiosk_starts(make: Make) -> None:
    folder = make(words="nonsense").parent
    (folder / "km").mkdir()  # empty: ours stays
    packs = load(folder)
    assert [problem.error.code for problem in packs.problems] == ["pack.missing", "pack.syntax"]
    languages = languages_of(with_packs(folder, "vi", "xx", "km", "en"))
    assert list(languages.words) == ["vi", "km", "en"]
    assert languages.voice.clips("km") == languages.voice.clips("vi")


def test_a_folder_that_is_not_there_is_told_and_ours_are_offered(tmp_path: Path) -> None:
    packs = load(tmp_path / "none")
    assert [problem.error.code for problem in packs.problems] == ["pack.missing"]
    assert set(packs.found) == SEVEN


def test_the_kiosks_own_language_is_always_offered(tmp_path: Path) -> None:
    assert list(languages_of(with_packs(tmp_path, "xx")).words) == ["vi"]


def findings(folder: Path, *languages: str) -> list[Finding]:
    return list(look_at_languages(with_packs(folder, *languages)))


def test_the_doctor_says_which_pack_is_left_out_and_why(make: Make) -> None:
    told = findings(make(words=po(confirm__yes="<b>")).parent, "vi", "rad")
    # Our own pack of the language stays, with nothing reviewed in it.
    assert [(one.status, one.code) for one in told] == [(Status.WARN, "pack.markup"), (Status.WARN, "pack.drafts")]
    assert told[0].data["key"] == "confirm.yes"
    assert f"error.{told[0].code}.cure" in Words("vi")


def test_the_doctor_says_which_language_has_no_pack(tmp_path: Path) -> None:
    assert [(one.code, one.data["pack"]) for one in findings(tmp_path, "vi", "xyz")] == [("pack.missing", "xyz")]


def test_the_doctor_is_content_with_our_two_languages(tmp_path: Path) -> None:
    assert [(one.status, one.code) for one in findings(tmp_path, "vi", "en")] == [(Status.OK, None)]


def test_the_doctor_counts_the_clips(tmp_path: Path) -> None:
    (told,) = look_at_voice(with_packs(tmp_path, "vi", "en"))
    assert told.code in (None, "voice.old")
    assert told.data["vi"] == len(made_index().languages["vi"])


def test_the_checker_says_how_much_is_there(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(words=po(confirm__yes="x", old__key="y"), voice={"confirm.yes.ogg": OPUS})
    assert main(["pack", "check", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["words"], told["of"], told["recordings"]) == (1, len(front_keys()), 1)
    assert told["stale"] == ["old.key"]
    assert set(told["missing"]) == front_keys() - {"confirm.yes"}
    assert main(["pack", "check", str(folder), "--language", "vi"]) == 0
    assert "câu chữ: 1 trên" in capsys.readouterr().out


def test_the_checker_names_letters_that_the_font_cannot_draw(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", "check", str(make(words=po(confirm__yes="ơ̆ ƀ ꦲ ក")))]) == 1
    told = capsys.readouterr().out
    assert "ꦲ U+A9B2" in told
    assert "ក U+1780" in told
    assert "U+0180" not in told


def test_the_checker_refuses_with_cause_and_cure(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", "check", str(make(words=CONFIRM.replace("{year}", "{age}")))]) == 1
    assert "pack.placeholders pack=rad file=words.po key=confirm.born" in capsys.readouterr().err
    assert main(["pack", "check", str(SHIPPED / "none")]) == 1
    assert "pack.missing" in capsys.readouterr().err


def test_the_list_says_what_a_kiosk_would_use(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f'[kiosk.display]\npacks_folder = "{make(words="nonsense").parent}"\n')
    assert main(["pack", "list", "--config", str(site)]) == 1
    told = capsys.readouterr().out
    assert "km (ភាសាខ្មែរ): usable" in told
    assert "rad: refused" in told
    assert "pack.syntax" in told
