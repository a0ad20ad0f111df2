"""What stands in a pack and what is missing: for whoever makes one, and for the doctor. Must not import Flask."""

from dataclasses import dataclass
from pathlib import Path

from ui.font_letters import FOLDER, letters_of, undrawable
from ui.front_words import front_keys
from ui.pack_fonts import BOLD, REGULAR
from ui.pack_reading import Pack, clip_names
from ui.words import LANGUAGES, Words

FILES = {"Noto Sans": "NotoSans", "Noto Sans Khmer": "NotoSansKhmer"}
BESIDE = "Noto Sans"  # digits and Latin letters of every script come from it
WEIGHTS = {REGULAR: "Regular", BOLD: "Bold"}
LONG, SPARE = 1.5, 8  # so much longer than Vietnamese and English, and so many letters more, and it may not fit


@dataclass(frozen=True)
class Review:
    """The state of a pack. `letters`: that its font cannot draw, None where the font is not here."""

    pack: Pack
    keys: int
    missing: tuple[str, ...]
    long: tuple[str, ...]
    letters: str | None
    clips: int

    @property
    def done(self) -> int:
        """Reviewed texts."""
        return len(self.pack.texts)

    @property
    def percent(self) -> int:
        """Of the words that a pack may translate, how many are reviewed; 100 means every one."""
        return self.done * 100 // self.keys


def review(pack: Pack, fonts: Path = FOLDER) -> Review:
    """Look at a pack that could be read. `missing` counts drafts as there."""
    wanted = frozenset() if pack.language in LANGUAGES else front_keys()
    texts = {**pack.drafts, **pack.texts}
    return Review(
        pack=pack,
        keys=len(wanted) or 1,
        missing=tuple(sorted(wanted - texts.keys())),
        long=tuple(sorted(key for key, text in texts.items() if _is_long(key, text))),
        letters=_undrawable(pack, " ".join([*texts.values(), pack.about.name, pack.about.letters]), fonts),
        clips=len(clip_names()),
    )


def _is_long(key: str, text: str) -> bool:
    ours = max(len(Words(language).raw(key)) for language in LANGUAGES)
    return len(text) > LONG * ours + SPARE


def _undrawable(pack: Pack, text: str, folder: Path) -> str | None:
    """What the fonts lack, in either weight."""
    beside = {BESIDE, pack.about.font} if isinstance(pack.about.font, str) else {BESIDE}
    missing: dict[str, None] = {}
    for weight, name in WEIGHTS.items():
        try:
            fonts = [letters_of(folder / f"{FILES[font]}-{name}.ttf") for font in sorted(beside)]
        except (OSError, ValueError):
            return None
        own = pack.fonts.get(weight, pack.fonts.get(REGULAR))
        missing |= dict.fromkeys(undrawable(text, *fonts, *([own.letters] if own else [])))
    return "".join(missing)
