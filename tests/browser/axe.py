"""axe-core (Deque's accessibility rules, another's judgement) run inside a page of ours."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
# WCAG 2.0 to 2.2 at A, AA and the contrast of AAA (7:1), and what axe-core calls best practice.
# `brief`: only what a panel's size can change, for a state that was judged whole at another size.
_RUN = """(brief) => axe.run(document, {
  resultTypes: ["violations", "incomplete"],
  ...(brief
    ? { runOnly: { type: "rule", values: ["color-contrast-enhanced", "target-size", "scrollable-region-focusable",
        "button-name", "aria-hidden-focus", "page-has-heading-one"] } }
    : { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
        rules: { "color-contrast-enhanced": { enabled: true }, "target-size": { enabled: true } } }),
})"""


def violations(page: Page, brief: bool = False) -> list[str]:
    """What axe-core finds wrong on the page as it stands: rule, what is wrong, where; nothing where all is well."""
    return _told(_run(page, brief)["violations"])


def judged(page: Page) -> tuple[list[str], list[str]]:
    """What it finds wrong, and what it leaves to people to judge."""
    found = _run(page, brief=False)
    return _told(found["violations"]), _told(found["incomplete"])


def _run(page: Page, brief: bool) -> dict[str, Any]:
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(SOURCE.read_text("utf-8"))  # by the debugger: the page's own policy forbids foreign scripts
    found: dict[str, Any] = page.evaluate(_RUN, brief)
    return found


def _told(rules: list[dict[str, Any]]) -> list[str]:
    return [f"{rule['id']}: {node['failureSummary']} at {node['target']}" for rule in rules for node in rule["nodes"]]
