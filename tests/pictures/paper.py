"""The ticket on paper: rolls of 58 and 80 mm, and the page of an office printer where poppler can show it."""

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from kiosk.printing import pdf
from kiosk.printing.paper import ROLL_DOTS, ROLL_DPI, TicketPaper
from kiosk.printing.paper import picture as roll
from tests.kiosk.tickets_on_paper import FONTS, paper, say
from tests.pictures import album
from tests.pictures.looking import LANGUAGES, Language, Part, Size, picture

TICKETS: dict[str, dict[str, Any]] = {
    "usual": {},
    "next": {"ahead": 0, "least_minutes": 0, "most_minutes": 5},
    "to-the-counter": {"needs_counter": True, "number": "KB12-0042"},
    "reprint": {"reprint": True},
    "without-estimate": {"ahead": None, "least_minutes": None, "most_minutes": None, "place": "", "synthetic": False},
}
SERVICE = {"vi": "Khám bệnh", "en": "Examination"}
SIZES: tuple[Size, ...] = ((58, 0), (80, 0), (105, 148))  # millimetres: two rolls, one page
NAME = "paper"


def ticket(state: str, language: Language) -> TicketPaper:
    """One of the tickets."""
    return paper(language=language, service=SERVICE[language], **TICKETS[state])


def drawn(state: str, language: Language, size: Size) -> Image.Image:
    """As it comes out of the printer."""
    told = ticket(state, language)
    if not size[1]:
        return roll(told, say(language), FONTS, ROLL_DOTS[size[0]], ROLL_DPI)
    program = shutil.which("pdftoppm")
    assert program is not None, "no pdftoppm here (poppler-utils)"
    page = pdf.page(told, say(language), FONTS)
    shown = subprocess.run([program, "-r", "130", "-gray", "-png"], input=page, capture_output=True, check=True)
    return Image.open(io.BytesIO(shown.stdout))


def draw(folder: Path) -> None:
    """Every ticket."""
    for state in TICKETS:
        for size in SIZES:
            for language in filter(lambda spoken, size=size: PART.keeps(size, spoken), LANGUAGES):
                album.keep(folder, picture(NAME, size, language, state), drawn(state, language, size))


def _walk(_: Browser, __: Language, ___: Size) -> Iterator[tuple[str, Page]]:
    raise NotImplementedError("paper stands in no browser")


def _judge(_: Page) -> list[str]:
    raise NotImplementedError("paper stands in no browser")


PART = Part(NAME, tuple(TICKETS), SIZES, _walk, _judge)
