"""A report of losses as lines for a technician. Must not import what recovers or restores."""

from collections.abc import Iterator

from tiepdon.keeping.report import Report
from ui.words import Words


def lines(report: Report, words: Words) -> Iterator[str]:
    """What was lost and what is certain, one fact a line."""
    base = words.get(f"database.base.{report.base}", at=report.base_at or "")
    yield f"{report.at}  {words.get(f'database.what.{report.what}')}; {base}"
    if report.acknowledged_at:
        yield "  " + words.get("database.loss.acknowledged", at=report.acknowledged_at)
    if report.unknown_since:
        since, until = report.unknown_since, report.unknown_until or ""
        yield "  " + words.get("database.loss.unknown", since=since, until=until)
    if report.lost_commits:
        yield "  " + words.get("database.loss.commits", count=report.lost_commits)
    for loss in report.losses:
        missing = "?" if loss.missing is None else str(loss.missing)
        yield "  " + words.get(
            "database.loss.table", table=loss.table, read=loss.read, copy=loss.from_copy, missing=missing
        )
    mended = report.mended
    for numbers in mended.numbers:
        if numbers.missing:
            missing = ", ".join(numbers.missing)
            yield "  " + words.get("database.loss.numbers", day=numbers.day, numbers=missing)
        if numbers.left_out:
            yield "  " + words.get("database.loss.left_out", source=numbers.source or "-", at=numbers.goes_on_at)
    for name in ("visits_from_deliveries", "tickets_from_visits", "tickets_without_visit", "owed_again", "doubtful"):
        if count := getattr(mended, name):
            yield "  " + words.get(f"database.loss.{name}", count=count)
    if report.aside:
        yield "  " + words.get("database.loss.aside", file=report.aside)
