"""Content packs: what is broken is refused by its name, what is missing is Vietnamese, and the kiosk always starts."""

import json
import os
import re
import struct
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import config.settings
from config.settings import Settings
from kiosk.printing.typesetting import set_text
from tests.ui.scripted import ScriptedController
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.languages import look_at_languages, look_at_voice
from tiepdon.main import main
from tiepdon.printing import ticket_fonts
from ui.app import create_app
from ui.font_letters import letters_in, letters_of, undrawable
from ui.front_words import front_keys, is_front
from ui.pack_files import PackError
from ui.pack_reading import placeholders, read_pack
from ui.pack_review import review
from ui.packs import SHIPPED, languages_of, load
from ui.saying import Saying
from ui.screens_ticket import name_in
from ui.voice import made_index
from ui.words import Words, keys
from wire.codec import from_plain, to_plain

SEVEN = {"km", "tyz", "hmn", "rad", "jra", "bdq", "sed"}
OPUS = b"OggS" + bytes(24) + b"OpusHead" + bytes(300)
ABOUT = """format = 1
language = "rad"
name = "Êđê"
[words]
reviewed_by = "a speaker"
[voice]
speakers = "one adult"
consent = "written, kept by the site"
licence = "CC-BY-4.0"
"""
CONFIRM = '\nmsgid "confirm.born"\nmsgstr "{year} x"\n'

NOTO = Path("/usr/share/fonts/truetype/noto")  # Debian's fonts-noto-core
TAI_VIET, PAHAWH = "NotoSansTaiViet-Regular.ttf", "NotoSansPahawhHmong-Regular.ttf"
FONT = """[font]
file = "own.ttf"
licence_file = "OFL.txt"
"""

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make(about=..., words=..., voice={...})` makes a pack's folder."""

    def made(
        about: str | bytes = ABOUT, words: str | bytes | None = None, voice: dict[str, bytes] | None = None
    ) -> Path:
        folder = tmp_path / "packs" / "rad"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pack.toml").write_bytes(about.encode() if isinstance(about, str) else about)
        if words is not None:
            (folder / "words.po").write_bytes(words.encode() if isinstance(words, str) else words)
        if voice is not None:
            (folder / "voice").mkdir(exist_ok=True)
            for name, sound in voice.items():
                (folder / "voice" / name).write_bytes(sound)
        return folder

    return made


def po(**texts: str) -> str:
    """A words.po; a double underscore stands for the dot of a key."""
    return "".join(f'msgid "{key.replace("__", ".")}"\nmsgstr "{text}"\n\n' for key, text in texts.items())


def refused(folder: Path) -> PackError:
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    return caught.value


def with_packs(folder: Path, *languages: str) -> Settings:
    plain = to_plain(config.settings.load())
    plain["kiosk"]["display"].update(packs_folder=str(folder), languages=languages)
    return from_plain(plain, Settings)


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


# ---- A font of its own


def with_font(folder: Path, data: bytes | None = None, name: str = TAI_VIET) -> Path:
    (folder / "own.ttf").write_bytes((NOTO / name).read_bytes() if data is None else data)
    (folder / "OFL.txt").write_text("SIL Open Font License, Version 1.1")
    return folder


def table(font: bytes, tag: bytes) -> tuple[int, int, int]:
    """Where in the directory a table stands, where it lies, how long it is."""
    for at in range(12, 12 + 16 * int.from_bytes(font[4:6], "big"), 16):
        if font[at : at + 4] == tag:
            return at, *struct.unpack_from(">II", font, at + 8)
    raise LookupError(tag)


def changed(tag: bytes, offset: int, to: bytes, in_directory: bool = False) -> bytes:
    """The font with some bytes of a table, or of its line in the directory, changed."""
    font = bytearray((NOTO / TAI_VIET).read_bytes())
    entry, place, _ = table(bytes(font), tag)
    at = (entry if in_directory else place) + offset
    font[at : at + len(to)] = to
    return bytes(font)


def endless() -> bytes:
    """A map of two hundred times all of Unicode, behind the rest."""
    font = (NOTO / TAI_VIET).read_bytes()
    groups = struct.pack(">III", 0, 0x10FFFF, 1) * 200
    cmap = struct.pack(">HHHHI", 0, 1, 3, 10, 12) + struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, 200) + groups
    entry, *_ = table(font, b"cmap")
    place = struct.pack(">II", len(font), len(cmap))
    return font[: entry + 8] + place + font[entry + 16 :] + cmap


def test_a_pack_brings_the_font_that_draws_its_letters(make: Make) -> None:
    about = 'script = "Tavt"\nletters = "ꪀ ꪁ ꪄ ꪒ ꪼ ꪠꪲ ꪵꪺ"\n' + ABOUT + FONT
    pack = read_pack(with_font(make(about=about, words=po(confirm__yes="ꪄꪰꪒ ꪊꪴ 12"))))
    assert review(pack).letters == ""
    assert pack.about.font_name == "own.ttf"
    fonts = load(pack.folder.parent).fonts(["vi", "rad", "km"])
    assert set(fonts) == {"rad"}
    assert (fonts["rad"].line_height, set(fonts["rad"].files)) == (1.6, {400})


def test_the_checker_names_what_neither_the_packs_font_nor_ours_draws(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    about = 'script = "Tavt"\nletters = "ꪀ ក 𖬀"\n' + ABOUT + FONT
    assert main(["pack", "check", str(with_font(make(about=about)))]) == 1
    told = capsys.readouterr().out
    assert "ក U+1780" in told
    assert "𖬀 U+16B00" in told
    assert "U+AA80" not in told


def test_a_mark_of_one_font_is_not_put_on_a_letter_of_another() -> None:
    assert undrawable("ꪀ\u0306 a", frozenset({0xAA80}), frozenset({ord("a"), 0x306})) == "ꪀ\u0306"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "TrueType"),
        (b"wOF2" + bytes(400), "TrueType"),
        (b"OTTO" + bytes(400), "TrueType"),
        (b"ttcf" + bytes(400), "TrueType"),
        ((NOTO / TAI_VIET).read_bytes()[:6000], "place"),
        (changed(b"glyf", 8, b"\xff\xff\xff\x00", in_directory=True), "place"),
        (changed(b"hmtx", 8, struct.pack(">I", 0), in_directory=True), "place"),
        (changed(b"loca", 0, b"evil", in_directory=True), "missing"),
        (changed(b"head", 12, b"\0\0\0\0"), "head"),
        (changed(b"loca", 2, b"\xff\xff"), "out"),
        (changed(b"maxp", 4, b"\xff\xff"), "short"),
        (changed(b"cmap", 2, b"\0\0"), "no character map"),
        (endless(), "no end"),
    ],
)
def test_a_font_that_cannot_be_trusted_refuses_the_pack(make: Make, data: bytes, why: str) -> None:
    error = refused(with_font(make(about=ABOUT + FONT), data))
    assert (error.code, error.data["file"]) == ("pack.font", "own.ttf")
    assert why in str(error.data["why"])
    assert all(
        f"error.{code}{of}" in Words("vi") for code in ("pack.font", "pack.font_licence") for of in ("", ".cure")
    )


@given(st.integers(0, 30_000), st.binary(min_size=1, max_size=12))
@settings(max_examples=80, deadline=None)
def test_a_font_with_wrong_bytes_anywhere_is_read_or_told(at: int, wrong: bytes) -> None:
    font = (NOTO / TAI_VIET).read_bytes()
    try:
        found = letters_in(font[:at] + wrong + font[at + len(wrong) :])
    except ValueError:
        return
    assert all(letter <= 0x10FFFF for letter in found)


@pytest.mark.parametrize(
    ("font", "code", "where"),
    [
        (FONT.replace("own.ttf", "../own.ttf"), "pack.invalid", "font"),
        (FONT.replace("own.ttf", "/etc/passwd"), "pack.invalid", "font"),
        (FONT.replace("own.ttf", "own.woff2"), "pack.invalid", "font"),
        (FONT.replace("own.ttf", "none.ttf"), "pack.font", ""),
        (FONT.replace("OFL.txt", "../OFL.txt"), "pack.invalid", "font"),
        (FONT.replace("OFL.txt", "none.txt"), "pack.font_licence", ""),
        (FONT.replace('licence_file = "OFL.txt"', ""), "pack.invalid", "font"),
        (FONT + "line_height = 9.0\n", "pack.invalid", "font"),
    ],
)
def test_a_font_needs_a_file_of_the_folder_and_its_licence(make: Make, font: str, code: str, where: str) -> None:
    error = refused(with_font(make(about=ABOUT + font)))
    assert error.code == code
    assert where in str(error.data.get("key", ""))


def test_a_font_that_is_too_large_a_link_out_or_without_a_licence_text_is_refused(make: Make, tmp_path: Path) -> None:
    folder = with_font(make(about=ABOUT + FONT), bytes((2 << 20) + 1))
    assert refused(folder).code == "pack.too_large"
    (folder / "own.ttf").unlink()
    (folder / "own.ttf").symlink_to(NOTO / TAI_VIET)
    assert refused(folder).code == "pack.outside"
    (folder / "own.ttf").unlink()
    with_font(folder)
    (folder / "OFL.txt").write_text("")
    assert refused(folder).code == "pack.font_licence"


def test_a_packs_font_is_served_by_what_is_in_it_and_to_its_language_alone(make: Make) -> None:
    folder = with_font(make(about='script = "Tavt"\n' + ABOUT + FONT))
    client = create_app(with_packs(folder.parent, "vi", "rad"), ScriptedController()).test_client()
    style = client.get("/fonts/packs.css")
    assert style.mimetype == "text/css"
    assert ':lang(rad):not(svg *) { font-family: "Pack rad", "Noto Sans"' in style.text
    (address,) = set(re.findall(r'url\("([^"]+)"\)', style.text))
    assert re.fullmatch(r"/fonts/[0-9a-f]{32}\.ttf", address)
    (folder / "own.ttf").write_bytes(b"changed since it was judged")
    answer = client.get(address)
    assert (answer.mimetype, answer.data) == ("font/ttf", (NOTO / TAI_VIET).read_bytes())
    assert "font-src 'self'" in answer.headers["Content-Security-Policy"]
    for path in ("/fonts/own.ttf", "/fonts/..%2fown.ttf", f"/fonts/{'0' * 32}.ttf"):
        assert client.get(path).status_code == 404


# ---- The kiosk, the doctor, the checker


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


def test_our_fonts_draw_every_letter_of_our_words_and_of_the_seven_languages() -> None:
    fonts = Path(SHIPPED).parent / "static" / "fonts"
    latin = letters_of(fonts / "NotoSans-Regular.ttf")
    for language in ("vi", "en"):
        assert undrawable("".join(Words(language).raw(key) for key in keys(language) if is_front(key)), latin) == ""
    assert undrawable("ខ្មែរ", latin) == "ខ្មែរ"
    assert undrawable("ខ្មែរ", letters_of(fonts / "NotoSansKhmer-Regular.ttf")) == ""


@pytest.mark.parametrize("data", [b"", b"\0" * 11, b"OTTO" + b"\xff" * 40])
def test_a_file_that_is_no_font_is_an_error_of_its_own(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.ttf").write_bytes(data)
    with pytest.raises(ValueError, match=r"font|map"):
        letters_of(tmp_path / "x.ttf")


def test_a_ticket_draws_every_alphabet_with_fonts_that_come_along_and_whole(make: Make) -> None:
    about = 'script = "Tavt"\nletters = "ꪀ ꪁ ꪄꪰꪒ"\n' + ABOUT + FONT
    packs = load(with_font(make(about=about)).parent)
    fonts = ticket_fonts(packs)
    assert packs.found["rad"].fonts[400].file in fonts.regular
    assert packs.found["rad"].fonts[400].file in fonts.bold
    for files in (fonts.regular, fonts.bold):
        brought = [file for file in files if not file.is_relative_to(NOTO)]
        for pack in packs.found.values():
            letters = [letters_of(file) for file in brought]
            assert undrawable(pack.about.letters, *letters) == "", pack.language
            picture = set_text(pack.about.letters, 4000, brought, 46)
            edges = [picture.crop((0, row, picture.width, row + 1)) for row in (0, picture.height - 1)]
            assert all(edge.getextrema() == (255, 255) for edge in edges), "ink at the edge: something is cut"
