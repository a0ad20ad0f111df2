"""Content packs: what is broken is refused by its name, and what is missing is Vietnamese."""

import os
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ui.content_packs import (
    ABOUT,
    OPUS,
    SEVEN,
    Make,
    po,
    refused,
)
from ui.front_words import is_front
from ui.pack_files import PackError
from ui.pack_reading import placeholders, read_pack
from ui.pack_review import review
from ui.packs import SHIPPED, load
from ui.saying import Saying
from ui.screens_ticket import name_in
from ui.words import Words

# ---- What is shipped


def test_all_seven_languages_are_shipped_and_none_claims_what_nobody_reviewed() -> None:
    packs = load()
    assert packs.problems == ()
    assert set(packs.found) == SEVEN
    for pack in packs.found.values():
        assert pack.about.name
        assert pack.stale == ()
        assert pack.texts == {}, "a text is shown only when a speaker has read it"
        assert pack.recordings == {}
        assert review(pack).letters == ""


def test_every_shipped_language_opens_and_speaks_vietnamese_where_it_has_no_words() -> None:
    packs = load()
    for language, pack in packs.found.items():
        words = packs.words(language)
        assert words.language == language
        assert words.get(f"language.{language}") == pack.about.name
        assert words.get("start.place_card") == Words("vi").get("start.place_card")
        assert words.language_of("start.place_card") == "vi"


# ---- What a pack may say


def test_a_packs_words_come_first_and_the_rest_is_vietnamese(make: Make) -> None:
    make(words=po(confirm__title="ơ̆ ư̆ ê̆", confirm__born="{year} mnuih"))
    words = load(make().parent).words("rad")
    assert words.get("confirm.title") == "ơ̆ ư̆ ê̆"
    assert words.get("confirm.born", year="1946") == "1946 mnuih"
    assert words.get("confirm.yes") == Words("vi").get("confirm.yes")
    assert (words.language_of("confirm.title"), words.language_of("confirm.yes")) == ("rad", "vi")
    assert words.error("reader.wrong_key").cause == Words("vi").error("reader.wrong_key").cause


def test_what_nobody_reviewed_is_shown_in_the_sandbox_alone(make: Make) -> None:
    folder = make(words='#, fuzzy\nmsgid "confirm.yes"\nmsgstr "x"\n\nmsgid "confirm.no"\nmsgstr "y"\n').parent
    told = [load(folder, drafts=drafts).words("rad") for drafts in (False, True)]
    assert [words.get("confirm.yes") for words in told] == [Words("vi").get("confirm.yes"), "x"]
    assert [words.get("confirm.no") for words in told] == ["y", "y"]
    make(about=ABOUT.replace("a speaker", " "))
    assert load(folder).found["rad"].texts == {}, "without a reviewer's name nothing counts as reviewed"


def test_a_pack_speaks_to_the_people_and_not_to_the_staff(make: Make) -> None:
    folder = make(words=po(counter__title="x", error__config__missing="x", error__reader__wrong_key__title="ok"))
    pack = read_pack(folder)
    assert set(pack.texts) == {"error.reader.wrong_key.title"}
    assert "error.config.missing" in pack.stale
    assert not is_front("sandbox.mark"), "no pack takes the mark of pretended data away"


def test_words_of_an_older_version_are_left_out_and_the_language_stays(make: Make) -> None:
    pack = read_pack(make(words=po(confirm__no_such_key="x", confirm__yes="y"), voice={"old.word.ogg": OPUS}))
    assert set(pack.texts) == {"confirm.yes"}
    assert pack.stale == ("confirm.no_such_key", "voice/old.word.ogg")


def test_texts_are_brought_into_composed_form(make: Make) -> None:
    assert read_pack(make(words=po(confirm__yes="e\u0302"))).texts["confirm.yes"] == "ê"


def test_a_site_lays_its_words_and_recordings_over_ours(make: Make) -> None:
    about = ABOUT.replace('"rad"', '"km"').replace("Êđê", "ខ្មែរ")
    folder = make(about=about).rename(make().parent / "km")
    (folder / "pack.toml").write_text(about)
    (folder / "words.po").write_text(po(confirm__yes="x"))
    pack = load(folder.parent).found["km"]
    assert pack.texts == {"confirm.yes": "x"}
    assert "button.help" in pack.drafts, "what the site does not say is still ours"


def test_recordings_of_vietnamese_take_the_place_of_the_made_clips(make: Make) -> None:
    folder = make(voice={"start.place_card.ogg": OPUS}).rename(make().parent / "vi")
    (folder / "pack.toml").write_text(ABOUT.replace('"rad"', '"vi"'))
    packs = load(folder.parent)
    assert packs.voice().clips("vi")["start.place_card"].file == folder / "voice" / "start.place_card.ogg"
    (folder / "words.po").write_text(po(confirm__yes="x"))
    assert refused(folder).code == "pack.own_language"


def test_a_site_may_record_where_its_counters_are(make: Make) -> None:
    pack = read_pack(make(voice={"voice.place.EYE.ogg": OPUS, "voice.service.KB.ogg": OPUS}))
    assert set(pack.recordings) == {"voice.place.EYE", "voice.service.KB"}


@pytest.mark.parametrize("pages", ["touchscreen", "board"])
def test_every_word_on_the_peoples_pages_may_be_translated(pages: str) -> None:
    asked = set()
    for template in sorted((SHIPPED.parent / "templates" / pages).glob("*.html")):
        asked |= set(re.findall(r'(?:say|get)\("([a-z_.0-9]+[a-z0-9])"', template.read_text()))
    assert asked
    assert {key for key in asked if not is_front(key)} <= {"sandbox.mark"}


def test_a_long_text_is_noted(make: Make) -> None:
    assert review(read_pack(make(words=po(confirm__yes="x" * 60)))).long == ("confirm.yes",)


def test_every_shipped_pack_names_its_alphabet_in_capitals_too() -> None:
    for pack in load().found.values():
        letters = set(pack.about.letters.split())
        assert len(letters) >= 52
        assert {unicodedata.normalize("NFC", letter.upper()) for letter in letters} <= letters
        assert {unicodedata.normalize("NFC", letter.lower()) for letter in letters} <= letters


def test_what_a_pack_lacks_is_told_and_said_in_the_language_it_names(make: Make) -> None:
    folder = make(about='falls_back_to = "en"\n' + ABOUT, words=po(confirm__yes="x"))
    packs = load(folder.parent)
    words = packs.words("rad")
    assert (words.get("confirm.yes"), words.get("confirm.no")) == ("x", Words("en").get("confirm.no"))
    assert (words.language_of("confirm.no"), packs.words("jra").language_of("confirm.no")) == ("en", "vi")
    voice = packs.voice()
    assert voice.clips("rad") == voice.clips("en")
    assert voice.clips("jra") == voice.clips("vi")


def test_a_sites_own_names_say_in_which_language_they_are() -> None:
    for base, told in (("vi", "Khám mắt"), ("en", "Eye clinic")):
        words = Saying(Words("rad", {}, base))
        name = name_in("Khám mắt", "Eye clinic", {"km": "ភ្នែក"}, words)
        assert (name, name.foreign) == (told, base)
    own = name_in("Khám mắt", "Eye clinic", {"rad": "Mă̆ta"}, Saying(Words("rad", {})))
    assert own.foreign == ""


# ---- What is refused


@pytest.mark.parametrize(
    ("about", "code", "where"),
    [
        ("format = 2\n" + ABOUT.split("\n", 1)[1], "pack.invalid", "format"),
        (ABOUT.replace('"rad"', '"jra"'), "pack.invalid", "language"),
        (ABOUT.replace('"rad"', '"../x"'), "pack.invalid", "language"),
        (ABOUT.replace('name = "Êđê"', ""), "pack.invalid", ""),
        ("font = 'Comic Sans'\n" + ABOUT, "pack.invalid", "font"),
        ("font = 'Noto Sans Khmer'\n" + ABOUT, "pack.invalid", "font"),
        ("wrong = 1\n" + ABOUT, "pack.invalid", ""),
        (ABOUT.replace("Êđê", "<b>Êđê"), "pack.markup", "name"),
        (ABOUT.replace("Êđê", "\u202eÊđê"), "pack.markup", "name"),
        ("format = ", "pack.syntax", ""),
        ("a = " + "[" * 5000, "pack.syntax", ""),
        (ABOUT.encode("utf-16"), "pack.encoding", ""),
        (b"\xff\xfe\x00", "pack.encoding", ""),
        ("#" * 20_000 + "\n" + ABOUT, "pack.too_large", ""),
    ],
)
def test_a_wrong_pack_toml_is_refused_by_its_place(make: Make, about: str | bytes, code: str, where: str) -> None:
    error = refused(make(about=about))
    assert error.code == code
    assert where in str(error.data.get("key", ""))
    assert error.data["pack"] == "rad"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<script>alert(1)</script>", "pack.markup"),
        ("a &lt; b", "pack.markup"),
        ("a\u202eb", "pack.markup"),
        ("a\\tb", "pack.markup"),
        ("a\ue000b", "pack.markup"),
        ("", None),
        ("no placeholder", "pack.placeholders"),
        ("{year} {name}", "pack.placeholders"),
        ("{year.__class__}", "pack.placeholders"),
        ("{year!r}", "pack.placeholders"),
        ("{year:99999999}", "pack.placeholders"),
        ("{0} {year}", "pack.placeholders"),
        ("{year", "pack.placeholders"),
        ("year}", "pack.placeholders"),
        ("{year}" + "x" * 400, "pack.too_large"),
        ("{year} {year}", None),
    ],
)
def test_a_hostile_text_refuses_the_pack(make: Make, text: str, code: str | None) -> None:
    folder = make(words=po(confirm__born=text))
    if code is None:
        read_pack(folder)
        return
    error = refused(folder)
    assert (error.code, error.data["key"]) == (code, "confirm.born")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (po(confirm__yes="x").encode("utf-16"), "pack.encoding"),
        (b"\xc3\x28", "pack.encoding"),
        ("nonsense", "pack.syntax"),
        ('msgid "confirm.yes"\nmsgid_plural "confirm.no"\nmsgstr[0] "x"\nmsgstr[1] "y"\n', "pack.syntax"),
        ('msgid ""\nmsgstr "PO-Revision-Date: never\\n"\n\nmsgid "confirm.yes"\nmsgstr "x"\n', "pack.syntax"),
        ("#" * 600_000, "pack.too_large"),
    ],
)
def test_words_that_are_no_po_file_refuse_the_pack(make: Make, words: str | bytes, code: str) -> None:
    assert refused(make(words=words)).code == code


@given(st.binary(max_size=300))
@settings(max_examples=60)
def test_whatever_the_files_hold_it_is_a_pack_or_a_told_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("packs") / "rad"
    folder.mkdir()
    (folder / "pack.toml").write_text(ABOUT)
    (folder / "words.po").write_bytes(b'msgid "confirm.born"\nmsgstr "' + data)
    code = ""
    try:
        read_pack(folder)
    except PackError as error:
        code = error.code
    assert not code or f"error.{code}" in Words("vi")


@given(st.text(max_size=30))
def test_placeholders_are_names_or_an_error(text: str) -> None:
    try:
        names = placeholders(text)
    except ValueError:
        return
    assert Words("vi", {"confirm.born": text}).get("confirm.born", **dict.fromkeys(names, "1")) is not None


@pytest.mark.parametrize("name", ["pack.toml", "words.po", "voice/start.place_card.ogg", "voice"])
def test_a_link_out_of_the_folder_is_refused(make: Make, tmp_path: Path, name: str) -> None:
    folder = make(words="", voice={})
    outside = tmp_path / "outside"
    outside.mkdir() if name == "voice" else outside.write_text(ABOUT)
    inside = folder / name
    if inside.is_dir():
        inside.rmdir()
    else:
        inside.unlink(missing_ok=True)
    inside.symlink_to(outside)
    error = refused(folder)
    assert (error.code, error.data["file"]) == ("pack.outside", name)


def test_a_pack_that_is_itself_a_link_out_or_a_ring_of_links_is_refused(make: Make, tmp_path: Path) -> None:
    packs = make().parent
    elsewhere = packs / "rad"
    elsewhere = elsewhere.rename(tmp_path / "rad")
    (packs / "rad").symlink_to(elsewhere)
    assert refused(packs / "rad").code == "pack.outside"
    (elsewhere / "words.po").symlink_to("words.po")
    assert refused(elsewhere).code == "pack.outside"


def test_a_link_within_the_folder_is_no_trouble(make: Make) -> None:
    folder = make(voice={"confirm.yes.ogg": OPUS})
    (folder / "voice" / "confirm.no.ogg").symlink_to("confirm.yes.ogg")
    assert set(read_pack(folder).recordings) == {"confirm.yes", "confirm.no"}


def test_what_is_no_ordinary_file_is_not_opened(make: Make) -> None:
    folder = make()
    os.mkfifo(folder / "words.po")
    assert refused(folder).code == "pack.unreadable"


@pytest.mark.parametrize(
    ("sound", "code"),
    [(b"RIFF....WAVE", "pack.recording"), (b"", "pack.recording"), (OPUS + bytes(300_000), "pack.too_large")],
)
def test_a_recording_that_is_no_small_opus_file_is_refused(make: Make, sound: bytes, code: str) -> None:
    error = refused(make(voice={"start.place_card.ogg": sound}))
    assert (error.code, error.data["file"]) == (code, "voice/start.place_card.ogg")


@pytest.mark.parametrize("missing", ['consent = "written, kept by the site"\n', 'licence = "CC-BY-4.0"\n'])
def test_recordings_need_consent_and_licence(make: Make, missing: str) -> None:
    assert refused(make(about=ABOUT.replace(missing, ""), voice={"confirm.yes.ogg": OPUS})).code == "pack.consent"
