"""The report as tables with headings in the reader's language: what the page shows, a file holds and a terminal prints.

Must not import Flask.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from config.front import RECEPTION
from config.settings import Settings
from kiosk.statistics_count import ENDS, VERDICTS
from kiosk.statistics_report import Cell, Report, Table, Times
from ui.statistics import charts
from ui.statistics.charts import Chart, Value
from ui.words import Words

Item = str | int | float | None

EVIDENCE: Mapping[str, tuple[str, ...]] = {  # how strongly the identity is proven, by the way it came
    "proven": ("chip_proven",),
    "chip": ("chip",),
    "code": ("card_qr", "phone_qr", "insurance_qr", "mrz"),
    "typed": ("typed", "staff"),
    "none": ("none",),
}
ORDER: Mapping[str, tuple[str, ...]] = {  # as people read them
    "path": ("chip_proven", "chip", "card_qr", "phone_qr", "insurance_qr", "mrz", "typed", "staff", "none"),
    "verdict": VERDICTS,
    "end": ENDS,
}
OUTCOMES = ("sent", "late", "refused", "waiting", "cancelled")
SIDES = ("all", "service", "hour", "counter")


@dataclass(frozen=True)
class Sheet:
    """One table. `rows`: as many items as `headings`; a number is a number, None is hidden. `note`: what must be said
    of it; `chart`: the same as a drawing, `series`: the words of its two series, where there are two."""

    code: str
    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Item, ...], ...]
    note: str = ""
    chart: Chart | None = None
    series: tuple[str, ...] = ()


@dataclass(frozen=True)
class Naming:
    """How things are called: the words, the site's services and counters."""

    words: Words
    services: Mapping[str, str]

    def figure(self, figure: str, name: str) -> str:
        """What a cell of a figure is called."""
        if figure == "service":
            return self.service(name)
        if figure == "hour":
            return self.hour(name)
        if figure == "kiosk":
            return name
        return self.known(f"statistics.{figure}.{name}", self.known(f"language.{name}", name))

    def service(self, code: str) -> str:
        """A queue's name."""
        return self.words.get("statistics.reception") if code == RECEPTION else self.services.get(code, code)

    def hour(self, hour: str) -> str:
        """An hour of the day, `08-09`."""
        return f"{hour}–{(int(hour) + 1) % 24:02d}"

    def known(self, key: str, otherwise: str) -> str:
        """The words of a key; where there are none the other text: a code of another version is told as it is."""
        return self.words.get(key) if key in self.words else otherwise


def naming(settings: Settings, words: Words) -> Naming:
    """The site's names in a language."""
    english = words.language == "en"
    return Naming(
        words, {one.code: one.name_en if english and one.name_en else one.name_vi for one in settings.kiosk.services}
    )


def sheets(report: Report, names: Naming) -> tuple[Sheet, ...]:
    """Every table that has something to tell."""
    makers: Sequence[Callable[[Report, Naming], Sequence[Sheet]]] = (
        _days,
        _evidence,
        _figures,
        _times,
        _lookups,
        _lines,
        _deliveries,
        _counts,
    )
    return tuple(sheet for make in makers for sheet in make(report, names) if sheet.rows)


def day_text(day: date, words: Words) -> str:
    """A day as people write it."""
    return f"{day:%d/%m/%Y}" if words.language != "en" else f"{day:%-d %b %Y}"


def _days(report: Report, names: Naming) -> Sequence[Sheet]:
    if len(report.by_day) < 2:
        return ()
    say = names.words.get
    days = [(date.fromisoformat(one.day), one.count) for one in report.by_day]
    rows = tuple((day_text(day, names.words), count) for day, count in days)
    values = [Value(f"{day:%d/%m}", count, _number(count, say)) for day, count in days]
    headings = (say("statistics.heading.day"), say("statistics.heading.tickets"))
    return (Sheet("day", say("statistics.by_day"), headings, rows, chart=charts.columns(values)),)


def _figures(report: Report, names: Naming) -> Sequence[Sheet]:
    return tuple(_figure(table, names) for table in report.tables.values())


def _figure(table: Table, names: Naming) -> Sheet:
    say = names.words.get
    told = [cell for cell in table.cells if cell.count or cell.at_least]
    if table.figure == "hour":
        told = _between(table.cells)
    elif table.figure in ORDER:
        told.sort(key=lambda cell: [*ORDER[table.figure], cell.name].index(cell.name))
    else:
        told.sort(key=lambda cell: -cell.count)
    named = [(names.figure(table.figure, cell.name), cell) for cell in told]
    title = say("statistics.by_kiosk" if table.figure == "kiosk" else f"statistics.{table.figure}")
    return _sheet(table.figure, title, named, table, names)


def _evidence(report: Report, names: Naming) -> Sequence[Sheet]:
    table = report.tables.get("path")
    if table is None:
        return ()
    cells = {cell.name: cell for cell in table.cells}
    named = []
    for name, parts in EVIDENCE.items():
        found = [cells[part] for part in parts if part in cells]
        whole = Cell(name, sum(cell.count for cell in found), any(cell.at_least for cell in found))
        if whole.count or whole.at_least:
            named.append((names.words.get(f"statistics.evidence.{name}"), whole))
    return (_sheet("evidence", names.words.get("statistics.evidence"), named, table, names),)


def _sheet(code: str, title: str, named: Sequence[tuple[str, Cell]], table: Table, names: Naming) -> Sheet:
    say, total = names.words.get, table.total
    rows: list[tuple[Item, ...]] = [
        (label, cell.count, _share(cell.count, total), _mark(cell, say))
        if cell.count or not cell.at_least
        else (label, None, None, _mark(cell, say))
        for label, cell in named
    ]
    if table.together:
        rows.append((say("statistics.together"), table.together, _share(table.together, total), ""))
    rows.append((say("statistics.total"), total, 100.0 if total else None, ""))
    values = [Value(label, row[1], _told(row[1], cell, say)) for (label, cell), row in zip(named, rows, strict=False)]  # type: ignore[arg-type]
    if table.together and code != "hour":
        values.append(Value(say("statistics.together"), table.together, _number(table.together, say)))
    headings = tuple(say(f"statistics.heading.{one}") for one in ("what", "count", "share", "note"))
    note = say("statistics.left_out", days=table.left_out) if table.left_out else ""
    drawn = charts.columns(values) if code == "hour" else charts.bars(values)
    return Sheet(code, title, headings, tuple(rows), note, drawn)


def _between(cells: Sequence[Cell]) -> list[Cell]:
    """The hours from the first to the last in which somebody came."""
    used = [number for number, cell in enumerate(cells) if cell.count or cell.at_least]
    return list(cells[used[0] : used[-1] + 1]) if used else []


def _times(report: Report, names: Naming) -> Sequence[Sheet]:
    say, made = names.words.get, []
    for side in SIDES:
        found = [one for one in report.times if one.side == side]
        rows = tuple(
            (
                _side(one, names),
                say(f"statistics.measure.{one.measure}"),
                say("statistics.at_least", count=one.count),
                one.median,
                one.most,
            )
            for one in found
        )
        values = [
            Value(
                say(f"statistics.measure.{one.measure}") if side == "all" else _side(one, names),
                one.median,
                say("statistics.minutes", count=one.median),
                one.most,
                say("statistics.minutes", count=one.most) if one.most is not None else "",
            )
            for one in found
            if side == "all" or one.measure == "wait"
        ]
        headings = tuple(say(f"statistics.heading.{one}") for one in (side, "measure", "measured", "median", "most"))
        series = (say("statistics.heading.median"), say("statistics.heading.most"))
        title = say(f"statistics.times.{side}")
        note = say("statistics.times.drawn") if side != "all" else ""
        made.append(
            Sheet(f"times_{side}", title, headings, rows, note, charts.bars(values) if values else None, series)
        )
    return made


def _side(one: Times, names: Naming) -> str:
    if one.side == "all":
        return names.words.get("statistics.all")
    return names.figure(one.side, one.name) if one.side in ("service", "hour") else one.name


def _lookups(report: Report, names: Naming) -> Sequence[Sheet]:
    say = names.words.get
    rows: list[tuple[Item, ...]] = []
    values = []
    for one in report.lookups:
        system = names.known(f"statistics.system.{one.system}", one.system)
        share = _share(one.answered, one.asked)
        reasons = ", ".join(f"{code}: {count}" for code, count in one.reasons.items())
        rows.append((system, one.asked, one.answered, share, reasons))
        values.append(Value(system, share, f"{share:g} %" if share is not None else ""))
    headings = tuple(say(f"statistics.heading.{one}") for one in ("system", "asked", "answered", "share", "reasons"))
    how = say("statistics.lookups.how")
    return (Sheet("lookups", say("statistics.lookups"), headings, tuple(rows), how, charts.bars(values)),)


def _lines(report: Report, names: Naming) -> Sequence[Sheet]:
    say = names.words.get
    rows = tuple(
        (names.known(f"statistics.system.{one.name}", one.name), one.spans, one.minutes) for one in report.lines
    )
    headings = tuple(say(f"statistics.heading.{one}") for one in ("system", "spans", "away"))
    return (Sheet("offline", say("statistics.offline"), headings, rows),)


def _deliveries(report: Report, names: Naming) -> Sequence[Sheet]:
    say = names.words.get
    rows: list[tuple[Item, ...]] = []
    for destination, outcomes in sorted(report.deliveries.items()):
        rows.append((destination, *(outcomes.get(one, 0) for one in OUTCOMES)))
    headings = (
        say("statistics.heading.destination"),
        *(say(f"statistics.delivery.{one}") for one in OUTCOMES),
    )
    return (Sheet("deliveries", say("statistics.deliveries"), headings, tuple(rows), say("statistics.deliveries.how")),)


def _counts(report: Report, names: Naming) -> Sequence[Sheet]:
    say = names.words.get
    failed: list[tuple[Item, ...]] = []
    for name, count in report.failures.items():
        device, _, code = name.partition(":")
        cause = names.words.error(code).cause if f"error.{code}" in names.words else ""
        failed.append((names.known(f"statistics.device.{device}", device), code, cause, count))
    left = [(names.known(f"statistics.screen.{name}", name), count) for name, count in report.abandoned.items()]
    values = [Value(label, count, str(count)) for label, count in left]
    headings = tuple(say(f"statistics.heading.{one}") for one in ("device", "code", "cause", "count"))
    return (
        Sheet("failures", say("statistics.failures"), headings, tuple(failed)),
        Sheet(
            "abandoned",
            say("statistics.abandoned"),
            (say("statistics.heading.screen"), say("statistics.heading.count")),
            tuple(left),
            chart=charts.bars(values),
        ),
    )


def _share(count: int, total: int) -> float | None:
    return round(100 * count / total, 1) if total else None


def _mark(cell: Cell, say: Callable[..., str]) -> str:
    if not cell.at_least:
        return ""
    return say("statistics.some_hidden") if cell.count else say("statistics.hidden")


def _told(count: Item, cell: Cell, say: Callable[..., str]) -> str:
    if count is None:
        return say("statistics.hidden")
    return f"≥ {count}" if cell.at_least else str(count)


def _number(count: int | None, say: Callable[..., str]) -> str:
    return say("statistics.hidden") if count is None else str(count)
