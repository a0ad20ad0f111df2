"""The folder of pictures: each small, the same bytes for the same screen, and a page that shows them all."""

import io
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.pictures.looking import LANGUAGES, Part, picture

COLOURS = 8  # flat colours and the edges of letters
SMALLER = 2  # kept at half the size; `--whole` keeps every pixel, to look at letters
INDEX = "README.md"


def keep(folder: Path, name: str, drawn: Image.Image, whole: bool = False) -> None:
    """One picture, small and with few colours, or as it stood there."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if whole:
        drawn.save(path)
        return
    size = (drawn.width // SMALLER, drawn.height // SMALLER)
    small = drawn.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


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
                f'<img src="{picture(part.name, size, language, state)}" width="320" loading="lazy" '
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
        for path in (folder / part.name).rglob("*.png"):
            if str(path.relative_to(folder)) not in known:
                path.unlink()


def _sizes(part: Part) -> str:
    return ", ".join(f"{width}x{height}" for width, height in part.sizes)
