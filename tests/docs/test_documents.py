"""What the documents say is there is there: links, commands, keys of the counter, tables, pages; and one spelling."""

import re
from pathlib import Path

import pytest

from config.settings import load
from tests.support.commands import CALLABLE
from tiepdon.main import COMMANDS
from tiepdon.migrations import MIGRATIONS
from ui.counter.desk_views import KEYS
from wire import sqlite
from wire.database import migrate

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
SERVED = ("reader", "kiosk", "sandbox", "database")  # of systemd and of `tiepdon run`, not of people


def anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, title = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if title:
            titles = re.findall(r"^#+ (.+)$", there.read_text("utf-8"), re.M)
            assert title in map(anchor, titles), target


def test_the_readme_names_every_command_and_only_those_there_are() -> None:
    told = {words.split()[0] for words in re.findall(r"`tiepdon ([a-z][a-z -]*)", README)}
    assert told - COMMANDS.keys() == set()
    assert COMMANDS.keys() - told - set(SERVED) - {"agent"} == set()
    for page in PAGES:
        for words in re.findall(
            r"^(?:sudo (?:-u tiepdon )?)?tiepdon ([a-z]+(?: [a-z]+)?)", page.read_text("utf-8"), re.M
        ):
            assert words in CALLABLE or words.split()[0] in CALLABLE, (page.name, words)


def test_the_counter_on_one_page_has_every_key() -> None:
    page = (ROOT / "docs" / "counter.md").read_text("utf-8")
    listed = set(re.findall(r"\*\*([A-Z][A-Za-z0-9]*)\*\*", page))
    templates = "".join(one.read_text("utf-8") for one in (ROOT / "ui" / "templates" / "counter").glob("*.html"))
    bound = re.findall(r'data-key="([a-zA-Z0-9]+)"', templates) + re.findall(
        r'go\("[a-z]+", "([a-zA-Z0-9]+)"', templates
    )
    used = {key.upper() if len(key) == 1 else key.replace("Escape", "Esc") for key in (*bound, *KEYS.values())}
    assert used - {"ArrowLeft", "ArrowRight"} <= listed


def test_every_table_has_its_owner_in_the_architecture(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    migrate(path, MIGRATIONS)
    with sqlite.connect(path) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    owned = re.findall(r"`([a-z_]+)`", ARCHITECTURE.partition("## Database")[2].partition("## Sandbox")[0])
    assert {name for name in tables if not name.startswith(("_", "sqlite_"))} - set(owned) - {"migrations"} == set()


def test_vietnamese_marks_stand_in_one_place() -> None:
    """`khóa` and `khoá` are both right; a house writes one of them (here the first) or a search finds half."""
    words = (ROOT / "ui" / "locales" / "vi" / "LC_MESSAGES" / "tiepdon.po").read_text("utf-8")
    other = r"(?<![qQ])(?:o[áàảãạéèẻẽẹ]|u[ýỳỷỹỵ])(?!\w)"
    assert re.findall(rf"\w*{other}", words) == []


@pytest.mark.parametrize("example", sorted((ROOT / "config" / "examples").glob("*.toml")), ids=lambda one: one.name)
def test_the_examples_are_accepted(example: Path) -> None:
    assert load(example).site.facility_code
