"""What is spoken: how a number and a call are said, what there is to play, how loud at which time."""

import shutil
import subprocess
import sys
from datetime import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.front import VoiceSettings
from ui.front_words import speakable, spoken_text
from ui.voice import (
    CALLS,
    COMMON,
    MADE,
    NUMBERS,
    WAITS,
    Voice,
    clips_of_call,
    clips_of_count,
    clips_of_number,
    clips_of_room,
    clips_of_ticket,
    clips_of_wait,
    made_index,
    scripts,
    voice_of,
    volume_at,
)
from ui.words import LANGUAGES, Words

ROOT = Path(__file__).parents[2]


def test_a_number_is_said_sign_by_sign_as_it_stands_on_the_ticket() -> None:
    assert clips_of_number("A0105b") == (
        "voice.letter.A",
        "voice.digit.0",
        "voice.digit.1",
        "voice.digit.0",
        "voice.digit.5",
        "voice.letter.B",
    )
    assert clips_of_number("K1-7") == clips_of_number("K17")


def test_signs_that_have_no_clip_are_not_said() -> None:
    assert clips_of_number("٣ Đ½²<b>") == ("voice.letter.B",)


@given(st.text(max_size=40))
def test_whatever_the_number_is_only_clips_that_exist_are_said(text: str) -> None:
    assert {*clips_of_number(text), *clips_of_call(text, text, times=2), *clips_of_ticket(text)} <= CALLS


@given(st.integers(-5, 20_000), st.integers(-5, 1_000), st.integers(-5, 1_000))
def test_every_wait_can_be_said(ahead: int, least: int, most: int) -> None:
    assert {*clips_of_wait(ahead, least, most), *clips_of_wait(ahead), *clips_of_count(ahead)} <= WAITS


def test_a_wait_is_said_as_the_range_that_is_written() -> None:
    assert clips_of_wait(3, 5, 10) == (
        *("voice.ahead", "voice.number.3"),
        *("voice.wait", "voice.number.5", "voice.to", "voice.number.10", "voice.minutes"),
    )
    assert clips_of_wait(0, 5, 5) == ("voice.ahead_none", "voice.wait", "voice.number.5", "voice.minutes")
    assert clips_of_wait(0, 0, 0) == ("voice.ahead_none",)


@pytest.mark.parametrize("room", ["P.101", "Phòng 101", "Room 101", "101"])
def test_a_rooms_number_is_said_sign_by_sign(room: str) -> None:
    assert clips_of_room(room) == ("voice.room", "voice.digit.1", "voice.digit.0", "voice.digit.1")
    assert clips_of_room("B2-05")[1:] == clips_of_number("B205")


@given(st.text(max_size=60))
def test_a_room_with_a_name_is_not_spelt_and_whatever_it_is_called_there_are_clips(room: str) -> None:
    assert clips_of_room("Phòng khám Nội tổng quát 3") == ("voice.room_named",)
    assert set(clips_of_room(room)) <= CALLS | {"voice.room_named"}


def test_a_call_says_the_number_and_the_counter_again_and_again() -> None:
    once = clips_of_call("A7", "3")
    assert once == ("voice.call", "voice.letter.A", "voice.digit.7", "voice.to_counter", "voice.digit.3")
    assert clips_of_call("A7", "3", times=2) == (*once, "voice.again", *once)


def test_a_place_that_the_site_recorded_is_said_by_its_name() -> None:
    assert clips_of_call("7", "EYE", {"voice.place.EYE"})[-1] == "voice.place.EYE"
    assert clips_of_call("7", "EYE")[-3:] == ("voice.letter.E", "voice.letter.Y", "voice.letter.E")


def test_a_count_is_one_word_up_to_ninety_nine_and_digits_above() -> None:
    assert clips_of_count(7) == ("voice.number.7",)
    assert clips_of_count(12) == ("voice.number.12",)
    assert clips_of_count(105) == ("voice.number.1", "voice.number.0", "voice.number.5")


@pytest.mark.parametrize(
    ("at", "volume"), [("20:59", 80), ("21:00", 30), ("23:59", 30), ("00:00", 30), ("05:59", 30), ("06:00", 80)]
)
def test_it_is_quiet_over_night(at: str, volume: int) -> None:
    voice = VoiceSettings(volume=80, quiet_volume=30, quiet_from="21:00", quiet_to="06:00")
    assert volume_at(voice, time.fromisoformat(at)) == volume


@pytest.mark.parametrize(("at", "volume"), [("11:59", 80), ("12:00", 0), ("13:29", 0), ("13:30", 80)])
def test_it_is_quiet_over_noon(at: str, volume: int) -> None:
    voice = VoiceSettings(volume=80, quiet_volume=0, quiet_from="12:00", quiet_to="13:30")
    assert volume_at(voice, time.fromisoformat(at)) == volume


def test_a_quiet_time_of_no_length_is_none_and_a_voice_that_is_off_says_nothing() -> None:
    same = VoiceSettings(volume=80, quiet_volume=30, quiet_from="12:00", quiet_to="12:00")
    assert volume_at(same, time(12, 0)) == 80
    assert volume_at(VoiceSettings(enabled=False), time(12, 0)) == 0


def test_a_text_with_a_hole_is_spoken_only_where_the_hole_is_at_its_end() -> None:
    assert spoken_text("Sinh năm {year}") == "Sinh năm"
    assert spoken_text("Mã: {code}.") == "Mã"
    assert spoken_text("Trước bạn {ahead} người") == ""
    assert spoken_text("{room}") == ""
    assert spoken_text("Đặt thẻ căn\xa0cước") == "Đặt thẻ căn cước"


def test_what_is_shortened_on_the_screen_is_said_whole() -> None:
    assert scripts("vi")["coverage.not_insured"] == "bảo hiểm y tế không có hiệu lực"
    assert not [text for text in scripts("vi").values() if "BHYT" in text]


def test_everything_that_numbers_and_calls_are_made_of_has_words() -> None:
    for language in LANGUAGES:
        assert scripts(language).keys() >= CALLS | WAITS
        assert set(speakable()) <= scripts(language).keys()
        assert all(text.strip() and "{" not in text for text in scripts(language).values())
    assert scripts("km") == {}


def test_pictures_and_what_is_only_printed_are_not_spoken() -> None:
    assert not [key for key in speakable() if ".picture" in key or key.startswith(("paper.", "hospital."))]
    assert {"start.place_card", "idle.title", "error.reader.wrong_key.title", "confirm.born"} <= set(speakable())


def test_setup_made_a_clip_of_every_word() -> None:
    index = made_index()
    for language in LANGUAGES:
        clips = index.languages[language]
        assert CALLS | WAITS | {"start.place_card", "idle.title"} <= clips.keys()
        for name, clip in clips.items():
            file = MADE / language / f"{name}.ogg"
            assert file.stat().st_size == clip.bytes < 60_000, name
    assert index.total_bytes < 8_000_000


def folder_of(folder: Path, name: str = "vi") -> Path:
    """A voice that knows little."""
    (folder / name).mkdir(parents=True)
    return folder


def recording(folder: Path, clip: str) -> Path:
    file = folder / f"{clip}.ogg"
    file.write_bytes(b"OggS" + bytes(24) + b"OpusHead" + bytes(8))
    return file


def test_a_recording_takes_the_place_of_the_made_clip(tmp_path: Path) -> None:
    own = recording(tmp_path, "start.place_card")
    voice = voice_of({"vi": {"start.place_card": own}}, ("vi",))
    assert voice.clips("vi")["start.place_card"].file == own
    assert voice.clips("vi")["idle.title"].file.parent == MADE / "vi"


def test_what_a_language_lacks_is_said_in_vietnamese(tmp_path: Path) -> None:
    own = recording(tmp_path, "start.place_card")
    voice = voice_of({"rad": {"start.place_card": own}}, ("vi", "rad"))
    assert voice.clips("rad")["start.place_card"].file == own
    assert voice.clips("rad")["idle.title"] == voice.clips("vi")["idle.title"]
    assert voice.clips("xx") == voice.clips("vi")


def test_a_number_is_never_said_in_two_languages(tmp_path: Path) -> None:
    some = {clip: recording(tmp_path, clip) for clip in ("voice.digit.1", "voice.call", "voice.place.EYE")}
    told = voice_of({"rad": some}, ("rad",)).clips("rad")
    assert told["voice.digit.1"].file.parent == MADE / "vi"
    assert "voice.place.EYE" not in told
    calls = some | {clip: recording(tmp_path, clip) for clip in CALLS}
    told = voice_of({"rad": calls}, ("rad",)).clips("rad")
    assert told["voice.digit.1"].file == calls["voice.digit.1"]
    assert told["voice.place.EYE"].file == calls["voice.place.EYE"]
    assert told["voice.number.1"].file.parent == MADE / "vi"
    both = calls | {clip: recording(tmp_path, clip) for clip in WAITS}
    assert voice_of({"rad": both}, ("rad",)).clips("rad")["voice.number.1"].file == both["voice.number.1"]


def test_a_call_of_one_language_never_ends_with_a_place_of_another(tmp_path: Path) -> None:
    native = {"voice.place.EYE": recording(tmp_path, "voice.place.EYE")}
    calls = {clip: recording(tmp_path, clip) for clip in CALLS}
    voice = voice_of({"vi": native, "rad": calls, "jra": {}}, ("vi", "en", "rad", "jra"))
    assert [name for name in ("vi", "en", "rad", "jra") if "voice.place.EYE" in voice.clips(name)] == ["vi", "jra"]


@pytest.mark.parametrize("told", [b"", b"{", b"[]", b"\xff", b'{"languages": {"vi": 3}}'])
def test_without_a_readable_index_there_is_silence(told: bytes, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_bytes(told)
    assert voice_of({}, ("vi", "en"), tmp_path) == Voice({"vi": {}, "en": {}})
    assert voice_of({}, ("vi",), tmp_path / "none") == Voice({"vi": {}})


def test_the_clips_are_made_once_and_only_what_changed_is_made_again(tmp_path: Path) -> None:
    """The real programs, on two words: one is missing, one was cut short; a file of no word goes."""
    made = made_index()
    for language, clips in made.languages.items():
        folder = folder_of(tmp_path, language) / language
        for name in clips:
            (folder / f"{name}.ogg").hardlink_to(MADE / language / f"{name}.ogg")
    (tmp_path / "index.json").write_bytes((MADE / "index.json").read_bytes())
    shutil.copytree(COMMON, tmp_path / "common")
    (tmp_path / "vi" / "voice.digit.4.ogg").unlink()
    (tmp_path / "en" / "voice.call.ogg").unlink()
    (tmp_path / "en" / "voice.call.ogg").write_bytes(b"OggS")
    (tmp_path / "en" / "no.word.ogg").write_bytes(b"OggS")
    script = [sys.executable, str(ROOT / "scripts" / "voice"), str(tmp_path)]
    told = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    again = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    assert again.count(" 0 made now") == 2
    assert "made now" in told
    assert not (tmp_path / "en" / "no.word.ogg").exists()
    for clip in ("vi/voice.digit.4", "en/voice.call"):
        assert (tmp_path / f"{clip}.ogg").read_bytes() == (MADE / f"{clip}.ogg").read_bytes(), "always the same sound"
    assert {f"{name}.ogg" for name in scripts("vi")} == {file.name for file in (tmp_path / "vi").iterdir()}


def test_words_in_the_clip_are_those_on_the_screen() -> None:
    assert scripts("vi")["confirm.yes"] == Words("vi").get("confirm.yes").replace("\xa0", " ")
    assert {f"voice.number.{number}" for number in NUMBERS} <= scripts("en").keys()
