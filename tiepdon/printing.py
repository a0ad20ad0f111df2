"""The ticket printer of a site's settings, put together from settings, words and fonts."""

from importlib import resources
from pathlib import Path

from config.settings import Settings
from kiosk.printing.spool import Printer
from kiosk.printing.typesetting import Fonts
from ui.pack_fonts import BOLD, REGULAR
from ui.packs import Packs, offered_packs

# Debian's fonts-noto-core: scripts that the touchscreen's own fonts do not have.
SYSTEM_FONTS = Path("/usr/share/fonts/truetype/noto")
SCRIPTS = ("TaiViet", "Cham", "PahawhHmong")
WEIGHTS = {"Regular": REGULAR, "Bold": BOLD}
NO_PACKS = Packs()


def make_printer(settings: Settings) -> Printer | None:
    """The printer, not opened; None where the site has none."""
    if settings.kiosk.printer.kind == "none":
        return None
    packs = offered_packs(settings)
    return Printer(settings.kiosk.printer, lambda language: packs.words(language).get, ticket_fonts(packs))


def ticket_fonts(packs: Packs = NO_PACKS) -> Fonts:
    """The touchscreen's fonts, those that packs bring, then those of further scripts that this machine has."""
    own = Path(str(resources.files("ui").joinpath("static", "fonts")))
    brought = packs.fonts(packs.found).values()

    def files(weight: str) -> tuple[Path, ...]:
        further = [next((file for file in _candidates(script, weight) if file.exists()), None) for script in SCRIPTS]
        theirs = [font.files.get(WEIGHTS[weight], font.files[REGULAR]).file for font in brought]
        ours = [own / f"NotoSans{script}-{weight}.ttf" for script in ("", "Khmer")]
        found = (file for file in (*ours[1:], *theirs, *further) if file is not None and file.exists())
        return ours[0], *found

    return Fonts(files("Regular"), files("Bold"))


def _candidates(script: str, weight: str) -> tuple[Path, ...]:
    return tuple(SYSTEM_FONTS / f"NotoSans{script}-{name}.ttf" for name in (weight, "Regular"))
