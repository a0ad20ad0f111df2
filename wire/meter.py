"""What a process counts of itself while it runs, kept in memory and told over its own socket.

Plain numbers: the desk alone speaks Prometheus (ui/metrics), so that reader and bridge stay small and start fast.
Label values are short names of ours and few; whatever else would become one, a text from outside above all, is counted
as `other`. Must not import anything of the product.
"""

import os
import re
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

from wire.codec import Record
from wire.health import Health

MOST_SERIES = 200  # combinations of labels of one name; a site has a few dozen at most
OTHER = "other"
DURATIONS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 120.0, 300.0)  # seconds, upper bounds

# No nine digits in a row: a number of somebody's would make a series for each person.
_LABEL = re.compile(r"(?!.*[0-9]{9})[A-Za-z0-9][A-Za-z0-9_.:+-]{0,63}")


class Amount(Record, frozen=True, kw_only=True):
    """One number: a counter that only grows, or a level as it stands now. Labels in the order of its name's."""

    name: str
    labels: tuple[str, ...] = ()
    value: float


class Spread(Record, frozen=True, kw_only=True):
    """How often something took how long: `counts[n]` up to `bounds[n]` and above the bound before, the last beyond."""

    name: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


class ProcessFigures(Record, frozen=True, kw_only=True):
    """What a process costs. `started_at` in seconds since the epoch; -1 where the kernel does not tell."""

    started_at: float
    cpu_seconds: float
    resident_bytes: int
    open_files: int
    threads: int


class Figures(Record, frozen=True, kw_only=True):
    """Everything one process has counted."""

    process: ProcessFigures
    counts: tuple[Amount, ...] = ()
    spreads: tuple[Spread, ...] = ()
    levels: tuple[Amount, ...] = ()


class Report(Record, frozen=True, kw_only=True):
    """The answer of `/v1/metrics` on a process's socket."""

    version: str
    health: Health
    figures: Figures


Labels = tuple[str, ...]


class _Tally:
    """One histogram under way."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Meter:
    """Counts for one process. Every method may be called from any thread and costs microseconds."""

    def __init__(self, started_at: float | None = None) -> None:
        """`started_at`: seconds since the epoch (default: now)."""
        self._started_at = time.time() if started_at is None else started_at
        self._counts: dict[str, dict[Labels, float]] = {}
        self._spreads: dict[str, dict[Labels, _Tally]] = {}
        self._lock = threading.Lock()

    def count(self, name: str, *labels: str, by: float = 1.0) -> None:
        """It happened once more."""
        with self._lock:
            series = self._counts.setdefault(name, {})
            key = _key(series, labels)
            series[key] = series.get(key, 0.0) + by

    def spread(self, name: str, value: float, *labels: str, bounds: Sequence[float] = DURATIONS) -> None:
        """It took so long (seconds) once more; a clock that went back counts as no time at all."""
        with self._lock:
            series = self._spreads.setdefault(name, {})
            key = _key(series, labels)
            series.setdefault(key, _Tally(bounds)).add(max(value, 0.0))

    def figures(self, levels: Sequence[Amount] = (), proc: Path = Path("/proc/self")) -> Figures:
        """All of it now, with levels that were just measured."""
        with self._lock:
            counts = tuple(
                Amount(name=name, labels=labels, value=value)
                for name, series in self._counts.items()
                for labels, value in series.items()
            )
            spreads = tuple(
                Spread(name=name, labels=labels, bounds=one.bounds, counts=tuple(one.counts), total=one.total)
                for name, series in self._spreads.items()
                for labels, one in series.items()
            )
        return Figures(
            process=process_figures(self._started_at, proc), counts=counts, spreads=spreads, levels=tuple(levels)
        )


def level(name: str, value: float, *labels: str) -> Amount:
    """One level for `Meter.figures`."""
    return Amount(name=name, labels=tuple(map(plain_label, labels)), value=float(value))


def plain_label(text: str) -> str:
    """A label's value as it may be told: one of our names, or `other`."""
    return text if _LABEL.fullmatch(text) else OTHER


def process_figures(started_at: float, proc: Path = Path("/proc/self")) -> ProcessFigures:
    """What this process costs now (proc(5), statm and fd)."""
    times = os.times()
    return ProcessFigures(
        started_at=started_at,
        cpu_seconds=times.user + times.system,
        resident_bytes=_resident(proc),
        open_files=_entries(proc / "fd"),
        threads=_entries(proc / "task"),
    )


def _resident(proc: Path) -> int:
    try:
        return int((proc / "statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return -1


def _entries(folder: Path) -> int:
    try:
        return len(os.listdir(folder))  # noqa: PTH208 - the count alone
    except OSError:
        return -1


def _key(series: dict[Labels, object] | dict[Labels, float] | dict[Labels, _Tally], labels: Labels) -> Labels:
    key = tuple(map(plain_label, labels))
    return key if key in series or len(series) < MOST_SERIES else (OTHER,) * len(labels)
