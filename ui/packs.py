"""The languages a kiosk offers: Vietnamese, English, and the content packs found in our folder and in the site's.

A broken pack is left out and told (`problems`); the kiosk always starts. Must not import Flask.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec import structs

from config.settings import Settings
from ui.pack_files import PackError, PackMissing, PackUnreadable
from ui.pack_fonts import Fonts, OwnFont
from ui.pack_reading import Pack, read_pack
from ui.site_voice import site_clips
from ui.voice import MADE, Clip, Voice, voice_of
from ui.words import LANGUAGES, PACKS_FALL_BACK_TO, Words

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).parent / "content"
MOST_PACKS = 64  # folders looked into


@dataclass(frozen=True)
class Problem:
    """A pack, or the folder of packs, that is left out."""

    folder: Path
    error: PackError


@dataclass(frozen=True)
class LanguageFont:
    """The font that a pack brings for its language: its files by weight."""

    files: Fonts
    line_height: float


@dataclass(frozen=True)
class Packs:
    """Every usable pack by its language. `drafts`: texts nobody has reviewed are shown too. `site`: the made clips of
    the site's own words."""

    found: Mapping[str, Pack] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    drafts: bool = False
    site: Mapping[str, Mapping[str, Clip]] = field(default_factory=dict)

    def __contains__(self, language: str) -> bool:
        return language in LANGUAGES or language in self.found

    def words(self, language: str) -> Words:
        """The words of a language; of one that there is not, Vietnamese."""
        if language in LANGUAGES:
            return Words(language)
        pack = self.found.get(language)
        if pack is None:
            return Words(PACKS_FALL_BACK_TO)
        texts = {**pack.drafts, **pack.texts} if self.drafts else dict(pack.texts)
        return Words(language, {**texts, f"language.{language}": pack.about.name}, pack.about.falls_back_to)

    def voice(self, made: Path = MADE) -> Voice:
        """What can be played, in every language there is."""
        recordings = {language: pack.recordings for language, pack in self.found.items()}
        base = {language: pack.about.falls_back_to for language, pack in self.found.items()}
        return voice_of(recordings, (*LANGUAGES, *self.found), made, base, self.site)

    def fonts(self, languages: Iterable[str]) -> Mapping[str, LanguageFont]:
        """The fonts that the packs of these languages bring."""
        found = {language: self.found[language] for language in languages if language in self.found}
        return {
            language: LanguageFont(pack.fonts, pack.about.font.line_height)
            for language, pack in found.items()
            if isinstance(pack.about.font, OwnFont)
        }


@dataclass(frozen=True)
class Languages:
    """What the pages need: the words of each language offered, in order, what can be played, the packs' own fonts."""

    words: Mapping[str, Words]
    voice: Voice
    fonts: Mapping[str, LanguageFont] = field(default_factory=dict)


def languages_of(settings: Settings, also: Iterable[str] = ()) -> Languages:
    """The languages of the touchscreen (`also`: of a board). One without a usable pack is left out; the kiosk's own
    is always there. Each problem of theirs is logged once, and `doctor` tells it again."""
    packs = offered_packs(settings, also)
    for problem in packs.problems:
        log.warning("left out: %s", problem.error)
    kiosk = settings.kiosk
    wanted = [language for language in (*kiosk.display.languages, *also) if language in packs]
    if kiosk.language not in wanted:
        wanted.insert(0, kiosk.language)
    return Languages({language: packs.words(language) for language in wanted}, packs.voice(), packs.fonts(wanted))


def with_languages(settings: Settings, languages: Languages) -> Settings:
    """The settings as far as they can be kept: of the languages wished for those that there are."""
    display = structs.replace(settings.kiosk.display, languages=tuple(languages.words))
    return structs.replace(settings, kiosk=structs.replace(settings.kiosk, display=display))


def packs_of(settings: Settings) -> Packs:
    """The packs of a site. What nobody has reviewed is shown in the sandbox alone, to those who shall review it."""
    return _of_site(settings, None)


def offered_packs(settings: Settings, also: Iterable[str] = ()) -> Packs:
    """Those of `packs_of` whose language the touchscreen offers, or somebody else (`also`). To read the others too,
    which nobody sees, would make every start longer."""
    kiosk = settings.kiosk
    return _of_site(settings, {*LANGUAGES, kiosk.language, *kiosk.display.languages, *also})


def _of_site(settings: Settings, languages: Collection[str] | None) -> Packs:
    folder = settings.kiosk.display.packs_folder
    packs = load(Path(folder) if folder else None, drafts=settings.site.synthetic, languages=languages)
    return replace(packs, site=site_clips(settings))


def load(
    site: Path | None = None, drafts: bool = False, shipped: Path = SHIPPED, languages: Collection[str] | None = None
) -> Packs:
    """The packs that we ship, with those of the site's folder laid over them: its words and its recordings come
    first, one by one. `languages`: no others than these."""
    found: dict[str, Pack] = {}
    problems: list[Problem] = []
    for place in (shipped, site):
        if place is None:
            continue
        for folder in _folders(place, problems):
            if languages is not None and folder.name not in languages:
                continue
            try:
                pack = read_pack(folder)
            except PackError as error:
                problems.append(Problem(folder, error))
            else:
                found[pack.language] = _over(found.get(pack.language), pack)
    return Packs(found, tuple(problems), drafts)


def _over(below: Pack | None, pack: Pack) -> Pack:
    if below is None:
        return pack
    drafts = {**below.drafts, **pack.drafts}
    texts = {**below.texts, **pack.texts}
    about = structs.replace(pack.about, letters=pack.about.letters or below.about.letters)
    return replace(pack, about=about, texts=texts, drafts=drafts, recordings={**below.recordings, **pack.recordings})


def _folders(place: Path, problems: list[Problem]) -> list[Path]:
    try:
        found = sorted(path for path in place.iterdir() if path.is_dir() or path.is_symlink())
    except FileNotFoundError:
        problems.append(Problem(place, PackMissing(pack=place.name)))
        return []
    except OSError:
        problems.append(Problem(place, PackUnreadable(pack=place.name)))
        return []
    return [path for path in found if not path.name.startswith(".")][:MOST_PACKS]
