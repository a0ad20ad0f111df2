"""Makes every picture, and judges each screen while it stands there: `python -m tests.pictures docs/pictures`.

`--only PART` walks through one part; `--judge` makes no picture. Ends with 1 where anything is wrong.
"""

import argparse
import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.axe import judged
from tests.pictures import album, paper
from tests.pictures.looking import LANGUAGES, Language, Size, picture
from tests.pictures.parts import PARTS, WALKS

Found = tuple[list[str], list[str], int]


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield opened
        opened.close()


def walked(name: str, language: Language, size: Size, folder: Path | None, whole: bool) -> Found:
    """Walk once through a part; what is wrong, what people have to judge, and how many states stood there."""
    part, wrong, open_questions, stood = WALKS[name], [], [], []
    with browser() as chromium:
        for state, page in part.walk(chromium, language, size):
            where = picture(name, size, language, state)
            stood.append(state)
            if folder is not None and (whole or part.keeps(size, language)):
                album.keep(folder, where, album.taken(page), whole)
            violations, incomplete = judged(page)
            wrong += [f"{where}: {told}" for told in [*part.judge(page), *violations]]
            open_questions += [f"{where}: {told}" for told in incomplete]
        if sorted(stood) != sorted(part.states):
            wrong.append(f"{name} {language} {size}: stood {sorted(set(stood) ^ set(part.states))}")
        for state, page in part.unkept(chromium, language, size) if part.unkept else ():
            stood.append(state)
            where = f"{picture(name, size, language, state)}, otherwise"
            wrong += [f"{where}: {told}" for told in [*part.judge(page), *judged(page)[0]]]
    return wrong, open_questions, len(stood)


def main() -> int:
    """The whole run."""
    parser = argparse.ArgumentParser(prog="tests.pictures", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", action="append", choices=[part.name for part in PARTS])
    parser.add_argument("--judge", action="store_true")
    parser.add_argument("--whole", action="store_true", help="every picture, every pixel")
    parser.add_argument("--open", action="store_true", help="tell what axe-core leaves to people")
    asked = parser.parse_args()
    begun, folder = time.monotonic(), None if asked.judge else asked.folder
    jobs = [
        (part.name, language, size, folder, asked.whole)
        for part in WALKS.values()
        if not asked.only or part.name in asked.only
        for size, language in itertools.product(part.sizes, LANGUAGES)
    ]
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(walked, *zip(*jobs, strict=True))) if jobs else []
    if folder is not None:
        if not asked.only or paper.NAME in asked.only:
            paper.draw(folder)
        if not asked.whole:
            album.remove_others(folder, PARTS)
        (folder / album.INDEX).write_text(album.index(PARTS), "utf-8")
    wrong = [told for one in found for told in one[0]]
    for told in wrong:
        print(told)
    rules = Counter(told.split(": ")[1] for one in found for told in one[1])
    if asked.open:
        print(*(told for one in found for told in one[1]), sep="\n")
    print(f"{sum(one[2] for one in found)} screens, {len(wrong)} wrong, left to people: {dict(rules)}")
    print(f"{time.monotonic() - begun:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
