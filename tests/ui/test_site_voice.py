"""A site's own words, heard: clips of its names from its settings, made by the real programs."""

import json
import os
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import load
from kiosk.states import Goodbye, Session
from tests.ui.scripted import ScriptedController, session_of
from tiepdon.checks.languages import look_at_voice
from tiepdon.main import main
from ui.app import create_app
from ui.packs import packs_of
from ui.site_voice import MOST, PAUSES, named_rooms, sayable, site_texts, wanted_texts
from ui.voice import COMMON, MADE, clips_of_call, clips_of_room
from ui.voice_making import PROGRAMS

HOSTILE = '<speak version=\\"1.0\\"><break time=\\"60s\\"/>[[f\\u0001@]]\\n--path=/tmp `id` $(id) -w x.wav'
SITE = f"""\
paths.state = "STATE"
[kiosk]
display.languages = ["vi", "en"]
display.packs_folder = "PACKS"
consent = {{ enabled = true, version = "1", text_vi = "Chúng tôi cần biết bạn là ai.", text_en = "We need your name." }}
[[kiosk.services]]
code = "MAT"
name_vi = "Khám mắt"
name_en = "Eye clinic"
place_vi = "Nhà B, tầng 3"
place_en = "Building B, floor 3"
[[kiosk.services]]
code = "X"
name_vi = "-v zz {HOSTILE}"
name_en = "--help"
number_prefix = "X"
[[queue.counters]]
code = "M1"
name_vi = "Phòng khám Mắt"
name_en = "Eye room"
queues = ["RECEPTION"]
"""
OWN = {"voice.service.MAT", "voice.where.MAT", "voice.service.X", "voice.place.M1", "voice.consent"}
OPUS = b"OggS" + bytes(24) + b"OpusHead" + bytes(8)

Make = Callable[[Path], dict[str, int]]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The settings file of a site."""
    (tmp_path / "state").mkdir()
    (tmp_path / "packs").mkdir()
    text = SITE.replace("STATE", str(tmp_path / "state")).replace("PACKS", str(tmp_path / "packs"))
    name = tomllib.loads(text)["kiosk"]["services"][1]["name_vi"]
    assert {"<", "\x01", "\n", "`"} <= set(name)
    file = tmp_path / "tiepdon.toml"
    file.write_text(text, "utf-8")
    return file


@pytest.fixture
def make(capsys: pytest.CaptureFixture[str]) -> Iterator[Make]:
    def made(site: Path) -> dict[str, int]:
        assert main(["voice", "make", "--config", str(site), "--json"]) == 0
        told: dict[str, int] = json.loads(capsys.readouterr().out)
        return told

    return made


def change(site: Path, old: str, new: str) -> None:
    text = site.read_text("utf-8")
    assert old in text
    site.write_text(text.replace(old, new), "utf-8")


def files(site: Path) -> dict[str, tuple[int, int]]:
    """Every clip there is, and when it was made."""
    voice = site.parent / "state" / "voice"
    found = {file.relative_to(voice).with_suffix("").as_posix(): file.stat() for file in voice.glob("*/*.ogg")}
    return {name: (told.st_ino, told.st_mtime_ns) for name, told in found.items()}


def record(site: Path, language: str, *clips: str) -> None:
    pack = site.parent / "packs" / language
    (pack / "voice").mkdir(parents=True)
    (pack / "pack.toml").write_text(
        f'format = 1\nlanguage = "{language}"\nname = "x"\nscript = "Latn"\nfont = "Noto Sans"\nletters = ""\n'
        'falls_back_to = "vi"\n[words]\nsource = ""\nreviewed_by = ""\nreviewed_on = ""\n'
        '[voice]\nspeakers = "one"\nconsent = "in the safe"\nlicence = "CC-BY-4.0"\n',
        "utf-8",
    )
    for clip in clips:
        (pack / "voice" / f"{clip}.ogg").write_bytes(OPUS)


def test_every_name_of_a_site_becomes_a_clip_and_only_what_changed_is_made_anew(site: Path, make: Make) -> None:
    (missing,) = look_at_voice(load(site))
    assert (missing.code, missing.data["of_site"]) == ("voice.site", 2 * len(OWN))
    told = make(site)
    assert (told["clips"], told["made"]) == (2 * len(OWN), 2 * len(OWN))
    first = files(site)
    assert first.keys() == {f"{language}/{clip}" for language in ("vi", "en") for clip in OWN}
    for name in first:
        sound = (site.parent / "state" / "voice" / f"{name}.ogg").read_bytes()
        assert sound.startswith(b"OggS")
        assert 1500 < len(sound) < 60_000, f"nothing is heard of {name}, or a pause that its text asked for"
    (whole,) = look_at_voice(load(site))
    assert whole.data["of_site"] == 0
    voice = packs_of(load(site)).voice()
    for language in ("vi", "en"):
        assert voice.clips(language).keys() >= OWN
        assert clips_of_call("7", "M1", voice.clips(language))[-1] == "voice.place.M1"

    change(site, "Khám mắt", "Khám mắt trẻ em")
    stale = packs_of(load(site)).voice().clips("vi")
    assert "voice.service.MAT" not in stale, "better nothing than an old name"
    assert "voice.service.X" in stale
    assert make(site)["made"] == 1
    assert {name for name, told in files(site).items() if told != first[name]} == {"vi/voice.service.MAT"}

    change(site, 'place_vi = "Nhà B, tầng 3"', 'place_vi = ""')
    assert make(site)["made"] == 0
    assert first.keys() - files(site).keys() == {"vi/voice.where.MAT"}


def test_a_recording_is_kept_and_heard(site: Path, make: Make) -> None:
    record(site, "vi", "voice.service.MAT", "voice.consent", "voice.place.M1", "voice.where.MAT")
    make(site)
    assert {name for name in files(site) if name.startswith("vi/")} == {"vi/voice.service.X"}
    recorded = site.parent / "packs" / "vi" / "voice" / "voice.consent.ogg"
    assert recorded.read_bytes() == OPUS
    assert packs_of(load(site)).voice().clips("vi")["voice.consent"].file == recorded
    (whole,) = look_at_voice(load(site))
    assert whole.data["of_site"] == 0


def test_names_that_are_the_sandboxs_too_are_there_from_the_build(site: Path) -> None:
    change(site, 'code = "MAT"\nname_vi = "Khám mắt"', 'code = "KB"\nname_vi = "Khám bệnh"')
    settings = load(site)
    assert "voice.service.KB" not in wanted_texts(settings, {})["vi"]
    assert "voice.service.KB" in wanted_texts(settings, {})["en"]  # it is "Eye clinic"
    assert packs_of(settings).voice().clips("vi")["voice.service.KB"].file.parent == COMMON / "vi"
    assert COMMON.parent == MADE
    client = create_app(settings, ScriptedController()).test_client()
    with client.get("/voice/vi/voice.service.KB.ogg") as heard:
        assert heard.data.startswith(b"OggS")


def test_what_is_chosen_from_is_said_whole_and_in_order(site: Path) -> None:
    script = ScriptedController()
    script.show(session_of("choose_service"))
    html = create_app(load(site), script).test_client().get("/").text
    assert 'data-speech="services.title voice.service.MAT voice.service.X"' in html
    for place, code in enumerate(("MAT", "X"), 1):
        assert f'data-clip="services.choice voice.number.{place} voice.service.{code}"' in html


def test_the_only_service_is_asked_for_nowhere_and_wants_no_clip() -> None:
    assert [clip for texts in site_texts(load()).values() for clip in texts] == []


def test_a_room_that_the_settings_name_is_said_by_its_name_and_then_shown(site: Path) -> None:
    settings = load(site)
    rooms = named_rooms(settings)
    assert rooms["phòng khám mắt"] == rooms["eye room"] == "voice.place.M1"
    assert rooms["building b, floor 3"] == "voice.where.MAT"
    assert site_texts(settings)["vi"]["voice.where.MAT"] == "đến Nhà B, tầng 3"
    assert clips_of_room("Phòng khám Mắt", "voice.place.M1") == ("voice.place.M1", "voice.room_named")
    assert clips_of_room("P.101", "voice.place.M1")[0] == "voice.room"
    script = ScriptedController()
    script.show(Session(state=Goodbye(needs_counter=False, room="PHÒNG  KHÁM MẮT")))
    assert "voice.place.M1 voice.room_named" in create_app(settings, script).test_client().get("/").text


@given(st.text(max_size=12_000) | st.text('<>[]{}()\\`$|&;"-\n\r\0\x01 ab', max_size=200))
def test_whatever_a_name_is_only_words_and_pauses_reach_who_speaks_them(text: str) -> None:
    told = sayable(text)
    assert len(told) <= MOST
    assert all(letter.isprintable() for letter in told)
    assert not set(told) & set('<>[]{}\\`$|"\n\r\0\x01')
    assert not set(PAUSES) & set("<>[]{}")


def test_what_is_shortened_on_the_screen_is_said_whole_in_vietnamese_alone() -> None:
    assert sayable("Quầy BHYT") == "Quầy bảo hiểm y tế"
    assert sayable("BHYT counter", "en") == "BHYT counter"
    assert sayable("☎ <&>") == ""


def test_without_the_programs_it_is_said_what_to_install(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["voice", "make", "--config", str(site)]) == 1
    told = capsys.readouterr().err
    assert "Install espeak-ng and opus-tools" in told
    assert f'[voice.no_tools programs="{" ".join(PROGRAMS)}"]' in told
    assert packs_of(load(site)).voice().clips("vi"), "what was made with the build is heard as before"


def test_the_words_are_read_from_a_pipe_and_are_never_an_option(
    site: Path, monkeypatch: pytest.MonkeyPatch, make: Make, tmp_path: Path
) -> None:
    """In place of espeak-ng one that tells what it was called with, and calls it."""
    asked, real = tmp_path / "asked", shutil.which("espeak-ng")
    (tmp_path / "bin").mkdir()
    spy = tmp_path / "bin" / "espeak-ng"
    spy.write_text(f'#!/bin/sh\necho "$@" >>"{asked}"\nexec "{real}" "$@"\n')
    spy.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    make(site)
    assert set(asked.read_text().splitlines()) == {
        "--version",
        "-v vi -s 125 --stdin --stdout",
        "-v en-gb -s 140 --stdin --stdout",
    }


@pytest.mark.parametrize("place", ["voice", "voice/vi"])
def test_a_link_never_leads_the_broom_into_another_folder(
    site: Path, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "else").mkdir()
    theirs = tmp_path / "else" / "theirs.ogg"
    theirs.write_bytes(OPUS)
    link = tmp_path / "state" / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "else")
    assert main(["voice", "make", "--config", str(site)]) == 1
    assert "voice.folder" in capsys.readouterr().err
    assert theirs.exists()


def test_a_program_that_fails_is_named_with_the_clip(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    broken = tmp_path / "bin" / "opusenc"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ]\n')
    broken.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert main(["voice", "make", "--config", str(site)]) == 1
    assert "[voice.failed clip=vi/voice.service.MAT" in capsys.readouterr().err
