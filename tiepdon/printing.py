"""The ticket printer of a site's settings, put together from settings, words and fonts."""

from importlib import resources
from pathlib import Path

from config.settings import Settings
from kiosk.printing.spool import Printer
from kiosk.printing.typesetting import Fonts
from ui.packs import packs_of

# Debian's fonts-noto-core: scripts that the touchscreen's own fonts do not have.
SYSTEM_FONTS = Path("/usr/share/fonts/truetype/noto")
SCRIPTS = ("Khmer", "TaiViet", "Cham", "PahawhHmong")


def make_printer(settings: Settings) -> Printer | None:
    """The printer, not opened; None where the site has none."""
    if settings.kiosk.printer.kind == "none":
        return None
    packs = packs_of(settings)
    return Printer(settings.kiosk.printer, lambda language: packs.words(language).get, ticket_fonts())


def ticket_fonts() -> Fonts:
    """The touchscreen's fonts, then those of further scripts that this machine has."""
    own = Path(str(resources.files("ui").joinpath("static", "fonts")))

    def files(weight: str) -> tuple[Path, ...]:
        further = [next((file for file in _candidates(script, weight) if file.exists()), None) for script in SCRIPTS]
        return own / f"NotoSans-{weight}.ttf", *(file for file in further if file is not None)

    return Fonts(files("Regular"), files("Bold"))


def _candidates(script: str, weight: str) -> tuple[Path, ...]:
    return tuple(SYSTEM_FONTS / f"NotoSans{script}-{name}.ttf" for name in (weight, "Regular"))
