"""A content pack's own font: it draws the language's letters, is never trusted further than it can be read, and
reaches its language alone; and what our own fonts draw.
"""

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.printing.typesetting import set_text
from tests.ui.content_packs import ABOUT, FONT, NOTO, TAI_VIET, Make, po, refused, with_font, with_packs
from tests.ui.scripted import ScriptedController
from tiepdon.main import main
from tiepdon.printing import ticket_fonts
from ui.app import create_app
from ui.font_letters import letters_in, letters_of, undrawable
from ui.front_words import is_front
from ui.pack_reading import read_pack
from ui.pack_review import review
from ui.packs import SHIPPED, load
from ui.words import Words, keys


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
