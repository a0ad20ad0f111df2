"""The statistics in a browser: charts that are drawn, a page that an official prints, keys alone, files."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from kiosk.accounts import Role
from tests.pictures.looking import browsing
from tests.ui.browsing import served
from tests.ui.statistics_site import StatisticsSite
from ui.touchscreen.stream import Streams

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    with (
        closing(StatisticsSite(tmp_path)) as desk,
        served(desk.app, Streams()) as address,
        browsing(chromium, (1280, 800)) as context,
    ):
        cookies = desk.cookie(Role.SUPERVISOR)
        context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
        opened = context.new_page()
        opened.goto(f"{address}/statistics?span=month&day=2026-11-20")
        yield opened


def test_on_paper_every_table_is_open_and_nothing_to_press_is_left(page: Page) -> None:
    paper = page.pdf(prefer_css_page_size=True)
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 14
    page.emulate_media(media="print")
    expect(page.locator(".choose")).to_be_hidden()
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator("main").get_by_text("Bệnh viện Mẫu")).to_be_visible()
    expect(page.locator('[data-figure="path"] table')).to_be_visible()


def test_the_longest_bar_is_the_largest_count_and_hatched_bars_are_seen(page: Page) -> None:
    widths = page.eval_on_selector_all('[data-figure="path"] .amount', "all => all.map((one) => one.getBBox().width)")
    assert max(widths) == widths[0] > 200
    fill = page.eval_on_selector('[data-figure="times_all"] rect.second', "one => getComputedStyle(one).fill")
    assert "hatched" in fill


def test_another_span_kiosk_and_day_are_chosen_by_keyboard_alone(page: Page) -> None:
    page.get_by_role("link", name="Ngày", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("20/11/2026")
    page.locator("[name=day]").fill("2026-11-12")
    page.locator("[name=kiosk]").select_option("kiosk-2")
    page.locator("[name=day]").press("Enter")
    expect(page.locator("h1")).to_contain_text("12/11/2026")
    expect(page.locator("h1")).to_contain_text("kiosk-2")
    expect(page.locator('[data-figure="verdict"]')).to_have_count(0)


def test_both_files_are_taken_along(page: Page) -> None:
    for name, kind in (("XLSX", "xlsx"), ("CSV", "csv")):
        with page.expect_download() as taken:
            page.get_by_role("link", name=name).click()
        assert taken.value.suggested_filename == f"tiepdon-20261101-20261130.{kind}"
