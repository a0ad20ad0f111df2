"""What every process of the site tells of itself, asked for at the same time; one that is gone is a figure too.

Must not import Flask or the Prometheus library.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from config.settings import Settings, socket_path
from kiosk.database_look import sizes
from ui.metrics.catalogue import DESK, KNOWN
from wire.client import Client
from wire.errors import TiepDonError
from wire.findings import REPORT, Status, read_report
from wire.health_routes import METRICS
from wire.meter import Amount, Report, Spread, level

Name = Literal["reader", "bridge", "kiosk", "desk"]
ASK_SECONDS = 0.8  # a process that hangs holds up a scrape so long at most
FRESH_SECONDS = 1.0  # who scrapes again within it is told the same
UPKEEP = ("purge", "backup", "snapshot")  # probes of the doctor that tell when it was last done
_UNWELL = (Status.WARN, Status.FAIL)


def besides_the_desk(settings: Settings) -> tuple[Name, ...]:
    """The processes that this machine has: the reader only where people check in."""
    return ("reader", "bridge", "kiosk") if settings.kiosk.touchscreen else ("bridge", "kiosk")


@dataclass(frozen=True)
class Gathered:
    """All figures of one moment; every one of them stands in the catalogue."""

    amounts: tuple[Amount, ...]
    spreads: tuple[Spread, ...]


class Gatherer:
    """`own`: the report of the process that gathers, by its name; `others`: who is asked. For several threads."""

    def __init__(
        self,
        settings: Settings,
        own: Mapping[str, Callable[[], Report]],
        others: Sequence[Name],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._own = own
        self._monotonic = monotonic
        self._clients = {name: Client(socket_path(settings, name), ASK_SECONDS) for name in others}
        self._lock = threading.Lock()
        self._last: tuple[float, Gathered] | None = None

    def gather(self) -> Gathered:
        """The figures now, or of FRESH_SECONDS ago."""
        with self._lock:
            began = self._monotonic()
            if self._last is None or began - self._last[0] > FRESH_SECONDS:
                self._last = (began, self._gathered(began))
            return self._last[1]

    def _gathered(self, began: float) -> Gathered:
        with ThreadPoolExecutor(len(self._clients) or 1, "scrape") as pool:
            asked = {name: pool.submit(_asked, client) for name, client in self._clients.items()}
            reports: dict[str, Report | None] = {name: report() for name, report in self._own.items()}
            reports |= {name: one.result() for name, one in asked.items()}
        amounts = [one for name in sorted(reports) for one in of_process(name, reports[name])]
        amounts += [*sizes(self._settings), *of_doctor(Path(self._settings.paths.run) / REPORT)]
        amounts.append(level("tiepdon_scrape_duration_seconds", self._monotonic() - began))
        spreads = [
            one
            for name, report in sorted(reports.items())
            if report
            for one in report.figures.spreads
            if fits(name, one)
        ]
        return Gathered(tuple(amounts), tuple(spreads))


def of_process(name: str, report: Report | None) -> Iterator[Amount]:
    """What the desk says of a process, and what the process may say itself."""
    yield level("tiepdon_up", float(report is not None), name)
    if report is None:
        return
    yield level("tiepdon_ready", float(report.health.http_status < 500), name)
    for part, code in report.health.parts.items():
        yield level("tiepdon_part_ok", float(code is None), name, part)
        if code is not None:
            yield level("tiepdon_part_problem", 1.0, name, part, code)
    yield level("tiepdon_build_info", 1.0, name, report.version)
    process = report.figures.process
    yield level("tiepdon_process_start_time_seconds", process.started_at, name)
    yield level("tiepdon_process_cpu_seconds_total", process.cpu_seconds, name)
    yield level("tiepdon_process_resident_memory_bytes", process.resident_bytes, name)
    yield level("tiepdon_process_open_fds", process.open_files, name)
    yield level("tiepdon_process_threads", process.threads, name)
    told: Sequence[Amount] = (*report.figures.counts, *report.figures.levels)
    yield from (one for one in told if fits(name, one))


def of_doctor(file: Path) -> Iterator[Amount]:
    """The doctor's last report, and when it found each piece of upkeep last done."""
    try:
        report = read_report(file)
    except TiepDonError:
        return
    with suppress(ValueError):
        yield level("tiepdon_doctor_report_timestamp_seconds", _epoch(report.made_at))
    for status in Status:
        count = sum(finding.status is status for finding in report.findings)
        yield level("tiepdon_doctor_findings", count, status.value)
    for finding in report.findings:
        if finding.status in _UNWELL:
            yield level("tiepdon_doctor_problem", 1.0, finding.probe, finding.status.value, finding.code or "none")
        last = finding.data.get("last")
        if finding.probe in UPKEEP and isinstance(last, str):
            with suppress(ValueError):
                yield level("tiepdon_upkeep_last_timestamp_seconds", _epoch(last), finding.probe)


def fits(process: str, told: Amount | Spread) -> bool:
    """Whether a process may tell this, in these labels: the reader parses hostile bytes, and a scrape believes nobody
    beyond their own lines of the catalogue."""
    metric = KNOWN.get(told.name)
    if metric is None or metric.of != process or metric.of == DESK or len(metric.labels) != len(told.labels):
        return False
    if isinstance(told, Spread):
        whole = len(told.counts) == len(told.bounds) + 1 and list(told.bounds) == sorted(set(told.bounds))
        return metric.kind == "histogram" and whole
    return metric.kind != "histogram"


def _asked(client: Client) -> Report | None:
    try:
        return client.get(METRICS, Report)
    except TiepDonError:
        return None


def _epoch(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
