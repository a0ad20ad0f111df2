"""From what the doctor found to what its page says: the worst part first, causes and cures in words. Pure; no Flask."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ui.counter.views import moment_text
from ui.masking import plain
from ui.screens import Line
from ui.words import Words
from wire.findings import WORST_FIRST, Finding, Report, Status

MOST_FACT = 200  # characters of one fact: a device or a server may tell anything
_LOOKS = {
    Status.FAIL: ("cross", "bad"),
    Status.WARN: ("warning", "care"),
    Status.NOTE: ("help", "plain"),
    Status.OK: ("check", "good"),
}


@dataclass(frozen=True)
class FindingView:
    """One finding: what was looked at, how it is, in words what is wrong and what to do, its facts."""

    probe: str
    state: Line
    code: str
    cause: str
    cure: str
    facts: str


@dataclass(frozen=True)
class PartView:
    """One part of the site: what is wrong with it, worst first, and what is well."""

    name: str
    title: str
    state: Line
    troubles: tuple[FindingView, ...]
    well: tuple[FindingView, ...]


@dataclass(frozen=True)
class ReportView:
    """A whole report. `age`: of the moment the page was made."""

    state: Line
    age: str
    made: str
    parts: tuple[PartView, ...]


def report_of(report: Report, now: datetime, utc_offset_minutes: int, words: Words) -> ReportView:
    """The page of one report."""
    began = _moment(report.made_at)
    worst = _worst(report.findings)
    counts = {status.value: sum(one.status is status for one in report.findings) for status in Status}
    key = "technician.doctor.well" if worst is Status.OK else "technician.doctor.troubles"
    return ReportView(
        state=Line(words.get(key, **counts), *_LOOKS[worst]),
        age=age_text(began, now, words),
        made=words.get(
            "technician.doctor.made",
            time=moment_text(began.isoformat(), utc_offset_minutes),
            seconds=round(report.seconds),
            version=report.version,
        ),
        parts=_parts(report.findings, words),
    )


def age_text(began: datetime, now: datetime, words: Words) -> str:
    """How old a report is; one from the future, of a clock set back, is told as new."""
    minutes = max(0, int((now - began).total_seconds() // 60))
    if minutes < 1:
        return words.get("technician.doctor.age.now")
    if minutes < 120:
        return words.get("technician.doctor.age.minutes", count=minutes)
    if minutes < 2 * 24 * 60:
        return words.get("technician.doctor.age.hours", count=minutes // 60)
    return words.get("technician.doctor.age.days", count=minutes // (24 * 60))


def _parts(findings: Iterable[Finding], words: Words) -> tuple[PartView, ...]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.group, []).append(finding)
    worst_first = sorted(groups.items(), key=lambda group: WORST_FIRST.index(_worst(group[1])))  # stable
    return tuple(_part(name, found, words) for name, found in worst_first)


def _part(name: str, found: list[Finding], words: Words) -> PartView:
    ordered = sorted(found, key=lambda one: WORST_FIRST.index(one.status))
    worst, title = ordered[0].status, f"technician.doctor.group.{name}"
    key = "technician.doctor.well.part" if worst is Status.OK else f"technician.doctor.status.{worst.value}"
    return PartView(
        name=name,
        title=words.get(title) if title in words else plain(name),
        state=Line(words.get(key), *_LOOKS[worst]),
        troubles=tuple(_finding(one, words) for one in ordered if one.status is not Status.OK),
        well=tuple(_finding(one, words) for one in ordered if one.status is Status.OK),
    )


def _finding(one: Finding, words: Words) -> FindingView:
    told = words.error(one.code) if one.code else None
    return FindingView(
        probe=plain(one.probe)[:MOST_FACT],
        state=Line(words.get(f"technician.doctor.status.{one.status.value}"), *_LOOKS[one.status]),
        code=plain(one.code or "")[:MOST_FACT],
        cause=told.cause if told else "",
        cure=told.cure if told else "",
        facts=" · ".join(
            f"{plain(str(name))}: {plain(str(value))[:MOST_FACT]}"
            for name, value in one.data.items()
            if value is not None
        ),
    )


def _worst(findings: Iterable[Finding]) -> Status:
    return min((one.status for one in findings), key=WORST_FIRST.index, default=Status.OK)


def _moment(text: str) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)
