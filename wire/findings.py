"""What `tiepdon doctor` found, as a record and as the file RUN/doctor.json, which every process of ours may read.

Holds no personal data and no secret. Must not know any part that is looked at.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from wire.codec import Record, from_json, to_json
from wire.errors import Datum, TiepDonError

MOST_BYTES = 4 << 20
REPORT, REQUEST = "doctor.json", "doctor.request"  # in RUN; that the second is there asks for a new first


class Status(StrEnum):
    """`note`: worth knowing, nothing to do now. `warn`: the check-in goes on without it. `fail`: it does not, or
    nothing is handed over."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"
    FAIL = "fail"


WORST_FIRST = (Status.FAIL, Status.WARN, Status.NOTE, Status.OK)


class Finding(Record, frozen=True, kw_only=True):
    """What one probe found. `code` is a code of docs/operations.md, None when all is well. `group`: the part of the
    site that it is about."""

    probe: str
    status: Status
    code: str | None = None
    data: Mapping[str, Datum] = {}  # msgspec copies an empty default
    milliseconds: float = 0.0
    group: str = ""


class Report(Record, frozen=True, kw_only=True):
    """One whole look. `made_at`: when it began, UTC, ISO 8601; `ok`: nothing fails, warnings allowed."""

    made_at: str
    version: str
    seconds: float
    ok: bool
    findings: tuple[Finding, ...]


class ReportMissing(TiepDonError):
    """No report was made yet, or it cannot be read (`why`)."""

    code = "doctor.no_report"


def read_report(file: Path) -> Report:
    """Raises ReportMissing, MalformedMessage."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise ReportMissing(why=error.strerror) from None
    if len(content) > MOST_BYTES:
        raise ReportMissing(why="too large")
    return from_json(content, Report)


def write_report(file: Path, report: Report) -> None:
    """Whole or not at all; readable by all, for it holds nothing that is secret. Raises OSError.

    Not brought to the disk: the folder of the run is in memory, and the next look makes another.
    """
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        new.write_bytes(to_json(report) + b"\n")
        new.chmod(0o644)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def ask_for_report(run: Path) -> None:
    """Ask whoever makes reports here for a new one. Raises OSError."""
    (run / REQUEST).touch(mode=0o644)


def asked_at(run: Path) -> float | None:
    """When somebody asked who still waits, seconds since the epoch; None while nobody does."""
    try:
        return (run / REQUEST).stat().st_mtime
    except OSError:
        return None


def answered(run: Path, began: float) -> None:
    """A report that began then (seconds since the epoch) is written: who asked before it has an answer."""
    asked = asked_at(run)
    if asked is not None and asked <= began:
        with suppress(OSError):
            (run / REQUEST).unlink()
