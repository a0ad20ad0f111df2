"""The folder of pictures: each small, the same bytes for the same screen, and a page that shows them all."""

import io
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.pictures.looking import LANGUAGES, Part, picture

FLAT, EDGES = 10, 8  # colours kept exactly: those of most pixels; and how many stand for the edges of letters
LARGEST, SMALLER = 1024 * 640, 640  # pixels kept as they are; the width, at most, of what has more
SHOWN = 400  # pixels in the index
INDEX = "README.md"


def keep(folder: Path, name: str, drawn: Image.Image, whole: bool = False) -> None:
    """One picture with few colours, or as it stood there."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if whole:
        drawn.save(path)
        return
    shown = drawn.convert("RGB")
    if drawn.width * drawn.height > LARGEST:
        part = -(-drawn.width // SMALLER)
        shown = shown.resize((drawn.width // part, drawn.height // part), Image.Resampling.LANCZOS)
    few = shown.quantize(palette=_palette(shown), dither=Image.Dither.NONE).convert("RGB")
    few.save(path, lossless=True, quality=75, method=4)


def _palette(shown: Image.Image) -> Image.Image:
    """Its own colours: the flat ones as they are, the others by a few that lie between them."""
    counted = shown.getcolors(shown.width * shown.height) or []
    flat = [colour for _, colour in sorted(counted, key=lambda one: (-one[0], one[1]))[:FLAT]]
    between = shown.quantize(EDGES, dither=Image.Dither.NONE).getpalette() or []
    found = Image.new("P", (1, 1))
    found.putpalette(list(itertools.chain(*flat, between[: 3 * EDGES])))
    return found


def taken(page: Page) -> Image.Image:
    """The page as it stands: motion at its end, no caret."""
    page.evaluate("scrollTo(0, 0)")
    return Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide", full_page=True)))


def index(parts: Sequence[Part]) -> str:
    """The page that shows every picture, by part and state."""
    lines = [
        "# Every screen",
        "",
        "Made by `make pictures`, which also judges each of them; written by hand nowhere. All persons are synthetic.",
        "",
        *(f"- [{part.name}](#{part.name}): {len(part.states)} states, {_sizes(part)}" for part in parts),
    ]
    for part in parts:
        lines += ["", f"## {part.name}", ""]
        size = part.sizes[0]
        lines += ["| state | " + " | ".join(LANGUAGES) + " | other sizes |", "|---|" + "---|" * (len(LANGUAGES) + 1)]
        for state in part.states:
            shown = [
                f'<img src="{picture(part.name, size, language, state)}" width="{SHOWN}" loading="lazy" '
                f'alt="{part.name}, {state}, {language}">'
                for language in LANGUAGES
            ]
            others = [
                f"[{other[0]}x{other[1]} {language}]({picture(part.name, other, language, state)})"
                for other, language in itertools.product(part.sizes[1:], LANGUAGES)
                if part.keeps(other, language)
            ]
            lines.append(f"| {state} | {' | '.join(shown)} | {'<br>'.join(others)} |")
    return "\n".join(lines) + "\n"


def remove_others(folder: Path, parts: Iterable[Part]) -> None:
    """Pictures of states that are no more."""
    known = {name for part in parts for name in part.pictures()}
    for part in parts:
        for path in (folder / part.name).rglob("*.webp"):
            if str(path.relative_to(folder)) not in known:
                path.unlink()


def _sizes(part: Part) -> str:
    return ", ".join(f"{width}x{height}" for width, height in part.sizes)
