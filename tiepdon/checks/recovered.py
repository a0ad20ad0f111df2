"""Looks whether the database was brought back after damage and nobody has read yet what was lost."""

from collections.abc import Iterator
from pathlib import Path

from config.settings import Settings
from tiepdon.checks.finding import Finding, Status


def look_at_recoveries(settings: Settings) -> Iterator[Finding]:
    """One finding for each recovery that nobody has acknowledged; it stays until somebody does."""
    from tiepdon.keeping.report import unread

    for _, report in unread(Path(settings.paths.state)):
        yield Finding(
            probe="recovered",
            status=Status.WARN,
            code="doctor.database_recovered",
            data={
                "at": report.at,
                "what": report.what,
                "base": report.base,
                "tables": len(report.losses),
                "missing_numbers": ", ".join(report.missing_numbers)[:200] or None,
                "unknown_since": report.unknown_since,
                "unknown_until": report.unknown_until,
            },
        )
