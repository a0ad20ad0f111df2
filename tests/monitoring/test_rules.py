"""The alert rules and the dashboard, judged by Prometheus' own tool and held to the metrics there are."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ui.metrics.catalogue import KNOWN, METRICS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "monitoring"
RULES = (FOLDER / "alerts.yml").read_text("utf-8")
ALERTS = re.findall(r"- alert: (\w+)", RULES)
EXPRESSIONS = re.findall(r"expr: (?:\|\n((?:\s{10,}.*\n)+)|(.*))", RULES)
BOARD = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here")


def promtool(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True, check=False)


def targets() -> list[dict[str, Any]]:
    return [target for panel in BOARD["panels"] for target in panel["targets"]]


def metrics_in(expression: str) -> set[str]:
    """The names in it, a histogram's series by the histogram's own."""
    found = set(re.findall(r"\btiepdon_\w+", expression))
    return {re.sub(r"_(bucket|sum|count)$", "", name) if name not in KNOWN else name for name in found}


@needs_promtool
@pytest.mark.parametrize(
    "words",
    [
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts.test.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_promtool_takes_rules_their_tests_and_the_scrape_example(words: tuple[str, ...]) -> None:
    done = promtool(*words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried_on_figures_that_raise_it_and_on_figures_that_do_not() -> None:
    tests = (FOLDER / "alerts.test.yml").read_text("utf-8")
    assert re.findall(r"- name: (\w+)", tests) == ALERTS
    for name, part in zip(ALERTS, tests.split("  - name: ")[1:], strict=True):
        assert part.count('instance="b"') >= 1, name
        assert f'alertname="{name}", instance="a"' in part


def test_every_alert_says_whom_it_wakes_what_is_wrong_and_what_helps() -> None:
    parts = RULES.split("- alert: ")[1:]
    for part in parts:
        assert re.search(r"severity: (page|ticket)", part), part
        assert {"summary:", "cure:"} <= set(part.split()), part


@pytest.mark.parametrize("expression", [one or other for one, other in EXPRESSIONS])
def test_an_alert_asks_for_metrics_there_are(expression: str) -> None:
    assert metrics_in(expression) <= KNOWN.keys()


def test_the_dashboard_asks_for_metrics_there_are_in_panels_that_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        squares = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & squares, panel["title"]
        assert all(0 <= x < 24 for x, _ in squares), panel["title"]
        taken |= squares
    for target in targets():
        assert metrics_in(target["expr"])
        assert metrics_in(target["expr"]) <= KNOWN.keys(), target["expr"]


@needs_promtool
def test_prometheus_understands_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    lines = [f"      - {{record: 'a:b{number}', expr: '{expression}'}}" for number, expression in enumerate(_plain())]
    rules = tmp_path / "board.yml"
    rules.write_text("groups:\n  - name: board\n    rules:\n" + "\n".join(lines) + "\n", "utf-8")
    done = promtool("check", "rules", "--lint=none", str(rules))
    assert done.returncode == 0, done.stdout + done.stderr


def test_whoever_tells_ever_new_labels_makes_no_more_series_than_a_meter() -> None:
    from ui.metrics.exposition import exposition
    from ui.metrics.gathering import Gathered
    from wire.meter import MOST_SERIES, Amount, Spread

    amounts = tuple(Amount(name="tiepdon_codes_total", labels=(f"n{one}",), value=1.0) for one in range(5000))
    spreads = tuple(
        Spread(
            name="tiepdon_chip_reading_duration_seconds", labels=(f"n{one}",), bounds=(1.0,), counts=(1, 0), total=1.0
        )
        for one in range(5000)
    )
    text = exposition(Gathered(amounts, spreads)).decode()
    assert len(re.findall(r"^tiepdon_codes_total{", text, re.M)) == MOST_SERIES + 1
    assert len(re.findall(r"^tiepdon_chip_reading_duration_seconds_sum{", text, re.M)) == MOST_SERIES + 1


def test_every_metric_is_explained_and_named_by_its_kind() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.help.endswith("."), metric.name
        assert (metric.kind == "counter") is metric.name.endswith("_total"), metric.name


def test_every_alert_and_metric_stands_in_the_document() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    assert [name for name in (*ALERTS, *KNOWN) if f"`{name}`" not in page] == []


def _plain() -> list[str]:
    """As Grafana sends them: the chosen kiosks in the place of the variable."""
    return [target["expr"].replace("$site", ".*") for target in targets()]
