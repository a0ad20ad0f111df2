"""axe-core on every state of every page: no violation. The walks are those that make the documentation's pictures;
`make pictures` runs them in every size and judges each screen whole.

What axe-core leaves to people (`incomplete`) is only contrast it cannot see: text beside or over a picture or in a
field that is cut, which `measures.js` and `MEASURE` compute from the colours themselves, 7:1.
"""

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.axe import violations
from tests.pictures import board, care, counter, door, messages, statistics, touchscreen
from tests.pictures.looking import LANGUAGES, Language, Part, Size

pytestmark = pytest.mark.browser

STAFF = (counter.PART, door.PART, messages.PART, care.PART, statistics.PART)
WHOLE = ((1024, 600), "vi"), ((1280, 800), "en")  # the other sizes: what a panel's size can change


def walks() -> Iterator[tuple[Part, Language, Size]]:
    """The touchscreen in both languages, its three sizes by turns; each part of the staff's once in each language."""
    for size, language in itertools.product(touchscreen.SIZES, LANGUAGES):
        if (size, language) in WHOLE or (size == touchscreen.SIZES[-1] and language == "vi"):
            yield touchscreen.PART, language, size
    for part in STAFF:
        yield from ((part, language, size) for language, size in zip(LANGUAGES, part.sizes, strict=False))
    yield from ((board.PART, language, size) for language, size in zip(LANGUAGES, board.SIZES, strict=True))


@pytest.mark.parametrize(
    ("part", "language", "size"),
    [pytest.param(*one, id=f"{one[0].name}-{one[1]}-{one[2][0]}x{one[2][1]}") for one in walks()],
)
def test_axe_finds_nothing_wrong_in_any_state(chromium: Browser, part: Part, language: Language, size: Size) -> None:
    wrong, stood = {}, []
    brief = part is touchscreen.PART and (size, language) not in WHOLE
    for state, page in part.walk(chromium, language, size):
        stood.append(state)
        if found := violations(page, brief):
            wrong[state] = found
        if part is not touchscreen.PART and (measured := part.judge(page)):  # the touchscreen has its own test of it
            wrong[f"{state}, measured"] = measured
    assert wrong == {}
    assert sorted(stood) == sorted(part.states)
