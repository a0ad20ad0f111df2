"""How every screen is walked through: what a part of the pages is, and what is wrong with a page that stands there.

The same walks make the documentation's pictures (`make pictures`) and are judged in the suite, so that nothing is
drawn that is not judged.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Page

from tests.kiosk.world import MORNING

Size = tuple[int, int]
Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")
PLEASE_WAIT_MS = 20_000
MAGNIFIED: Size = (640, 400)  # 1280 x 800 at 200 %
LATER = MORNING + timedelta(minutes=12)  # what a browser's own clock says: people have waited for a while


@dataclass(frozen=True)
class Part:
    """A part of the pages. `walk(chromium, language, size)` leads through its states, each with the page on which it
    stands; `judge(page)` says what is wrong there. `unkept` leads through what is judged and not drawn; of the first
    `both` sizes pictures are kept in both languages."""

    name: str
    states: tuple[str, ...]
    sizes: tuple[Size, ...]
    walk: Callable[[Browser, Language, Size], Iterator[tuple[str, Page]]]
    judge: Callable[[Page], list[str]]
    unkept: Callable[[Browser, Language, Size], Iterator[tuple[str, Page]]] | None = None
    both: int = 1

    def pictures(self) -> list[str]:
        """The names of its pictures: folder, size, language, state."""
        return [
            picture(self.name, size, language, state)
            for state in self.states
            for size in self.sizes
            for language in LANGUAGES
            if self.keeps(size, language)
        ]

    def keeps(self, size: Size, language: str) -> bool:
        """Whether a picture stays: both languages at the first sizes, one at each other, none of the 200 %.
        Judged is every one.
        """
        place = self.sizes.index(size)
        return place < self.both or (size != MAGNIFIED and language == LANGUAGES[(place + 1) % 2])


def picture(part: str, size: Size, language: str, state: str) -> str:
    """The file of a picture, under the folder of all of them."""
    return f"{part}/{size[0]}x{size[1]}/{state}-{language}.webp"


@contextmanager
def browsing(chromium: Browser, size: Size, touch: bool = False) -> Iterator[BrowserContext]:
    """A browser of its own whose clock stands still."""
    width, height = size
    context = chromium.new_context(
        viewport={"width": width, "height": height}, has_touch=touch, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh"
    )
    context.set_default_timeout(PLEASE_WAIT_MS)
    context.clock.set_fixed_time(LATER)
    yield context
    context.close()
