"""The documentation shows every state there is, and none that is no more. `make pictures` makes it so."""

from pathlib import Path

from PIL import Image

from tests.pictures import album, touchscreen
from tests.pictures.parts import PARTS
from tests.ui.scripted import EVERY_STATE

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
MOST_BYTES = 13_000_000


def test_every_state_has_its_pictures_and_no_picture_is_left_over() -> None:
    wanted = {name for part in PARTS for name in part.pictures()}
    kept = {str(path.relative_to(FOLDER)) for part in PARTS for path in (FOLDER / part.name).rglob("*.*")}
    assert kept == wanted, "run `make pictures` and look at what is new"
    assert set(EVERY_STATE) <= set(touchscreen.PART.states)


def test_the_index_shows_them_all() -> None:
    assert (FOLDER / album.INDEX).read_text("utf-8") == album.index(PARTS)


def test_the_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.*")) < MOST_BYTES


def test_a_picture_keeps_its_flat_colours_and_is_the_same_bytes(tmp_path: Path) -> None:
    drawn = Image.linear_gradient("L").convert("RGB")
    for place, colour in enumerate(("#0a465e", "#ffd23f", "#fff1d0")):
        drawn.paste(colour, (0, 20 * place, 60, 20 * place + 20))
    album.keep(tmp_path, "one/a.webp", drawn)
    album.keep(tmp_path, "one/b.webp", drawn)
    assert (tmp_path / "one/a.webp").read_bytes() == (tmp_path / "one/b.webp").read_bytes()
    kept = Image.open(tmp_path / "one/a.webp").convert("RGB")
    assert len(kept.getcolors() or []) <= album.FLAT + album.EDGES
    assert [kept.getpixel((30, y)) for y in (10, 30, 50)] == [(10, 70, 94), (255, 210, 63), (255, 241, 208)]
