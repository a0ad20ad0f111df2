"""`tiepdon statistics`: days counted, shown and taken along, on a site's own database."""

import csv
import io
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest

from kiosk.connection import site_database
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import HandClock, site, store_of
from tests.support.statistics_days import fill
from tiepdon.main import main

Out = pytest.CaptureFixture[str]
YESTERDAY = (datetime.now(UTC) + timedelta(hours=7)).date() - timedelta(days=1)


@pytest.fixture
def asked(tmp_path: Path) -> list[str]:
    """The options that name a site with nine counted days."""
    settings = site(tmp_path)
    with closing(site_database(settings)()) as connection:
        fill(connection, YESTERDAY, 9, 300)
    file = tmp_path / "tiepdon.toml"
    file.write_text(f'[paths]\nstate = "{tmp_path}"\nrun = "{tmp_path}"\n', "utf-8")
    return ["--config", str(file)]


def test_days_that_are_over_are_counted_once(tmp_path: Path, asked: list[str], capsys: Out) -> None:
    with store_of(site(tmp_path, make=False), HandClock(datetime(2026, 3, 2, 1, tzinfo=UTC))) as store:
        for number in range(6):
            store.check_in(f"run-{number}", by_chip(), covered())
    assert main(["statistics", "close", *asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"days": ["2026-03-02"]}
    assert main(["statistics", "close", *asked, "--language", "en"]) == 0
    assert capsys.readouterr().out == "Days counted now: 0\n"


@pytest.mark.parametrize(("language", "words"), [("vi", "Tổng cộng"), ("en", "Total")])
def test_the_figures_are_shown_in_both_languages(asked: list[str], capsys: Out, language: str, words: str) -> None:
    assert main(["statistics", "show", *asked, "--language", language]) == 0
    assert words in capsys.readouterr().out


def test_a_file_of_each_kind_holds_the_days_asked_for(tmp_path: Path, asked: list[str], capsys: Out) -> None:
    days = ["--from", str(YESTERDAY - timedelta(days=2)), "--to", str(YESTERDAY)]
    for kind in ("csv", "xlsx", "json"):
        out = ["--format", kind, "--out", str(tmp_path / f"out.{kind}")]
        assert main(["statistics", "export", *asked, *days, *out]) == 0
    assert json.loads((tmp_path / "out.json").read_bytes())["days"] == 3
    text = (tmp_path / "out.csv").read_text("utf-8-sig")
    assert sum(len(row) == 2 and row[1].isdigit() and "/" in row[0] for row in csv.reader(io.StringIO(text))) == 3
    assert len(openpyxl.load_workbook(tmp_path / "out.xlsx").sheetnames) > 8
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("days", [("--from", "yesterday"), ("--from", "2026-02-02", "--to", "2026-02-01")])
def test_days_that_are_no_range_are_refused(asked: list[str], capsys: Out, days: tuple[str, ...]) -> None:
    assert main(["statistics", "show", *asked, *days, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "statistics.range"


def test_a_file_that_cannot_be_written_is_told(asked: list[str], capsys: Out) -> None:
    assert main(["statistics", "export", *asked, "--out", "/nowhere/out.csv"]) == 1
    assert "statistics.unwritable" in capsys.readouterr().err
