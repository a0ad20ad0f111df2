"""Days counted once, before the persons go: real check-ins, real queue, real database."""

from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

from config.settings import Settings, database_path
from hisbridge.questions import Coverage, Verdict
from kiosk.connection import site_database
from kiosk.statistics import close_days
from kiosk.statistics_report import Cell, Report, counted_span, report, whole_months
from kiosk.store import Store
from tests.kiosk.people import by_chip, by_qr, covered
from tests.kiosk.queue.hall import counter, hospital, opened, service
from tests.kiosk.world import MORNING, HandClock, rows
from wire import sqlite
from wire.database import open_database
from wire.tally import Tally

SATURDAY, SUNDAY, MONDAY = date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)


def come(store: Store, chips: int = 0, codes: int = 0, numbers: int = 0, name: str = "run") -> None:
    for number in range(chips):
        store.check_in(f"{name}-chip-{number}", by_chip(), covered())
    for number in range(codes):
        store.check_in(f"{name}-code-{number}", by_qr(), uninsured())
    for number in range(numbers):
        store.counter_ticket(f"{name}-number-{number}")


def uninsured() -> Coverage:
    return Coverage(verdict=Verdict.NOT_INSURED, result_code="010")


def close(settings: Settings, today: date, **how: int) -> list[str]:
    with closing(site_database(settings)()) as connection:
        return close_days(connection, settings.site, today, **how)


def told(settings: Settings, first: date, last: date | None = None, kiosk: str = "") -> Report:
    with closing(site_database(settings)()) as connection:
        return report(connection, first, last or first, kiosk)


def cells(found: Report, figure: str) -> dict[str, int]:
    return {cell.name: cell.count for cell in found.tables[figure].cells if cell.count}


def test_a_day_is_counted_by_way_verdict_service_hour_and_priority(settings: Settings, store: Store) -> None:
    come(store, chips=7, codes=8, numbers=6)
    assert close(settings, SUNDAY) == ["2026-11-21"]
    found = told(settings, SATURDAY)
    # Signed, but its signer's chain was not looked at: read, not proven.
    assert cells(found, "path") == {"chip": 7, "card_qr": 8, "none": 6}
    assert cells(found, "verdict") == {"valid": 7, "not_insured": 8, "open": 6}
    assert cells(found, "service") == {"KB": 21}
    assert cells(found, "hour") == {"07": 21}
    assert cells(found, "priority") == {"ordinary": 21}
    assert cells(found, "language") == {"vi": 21}
    assert cells(found, "kiosk") == {settings.site.kiosk_id: 21}
    assert [(one.day, one.count) for one in found.by_day] == [("2026-11-21", 21)]
    assert {table.total for table in found.tables.values()} == {21}


def test_today_is_not_told_for_its_numbers_still_move(settings: Settings, store: Store) -> None:
    come(store, chips=7)
    assert close(settings, SATURDAY) == []
    assert told(settings, SATURDAY).days == 0


def test_closing_again_changes_nothing(settings: Settings, store: Store) -> None:
    come(store, chips=7, codes=9)
    assert close(settings, SUNDAY) == ["2026-11-21"]
    before = told(settings, SATURDAY)
    assert close(settings, SUNDAY) == []
    assert close(settings, MONDAY) == []
    assert told(settings, SATURDAY) == before


def test_what_comes_late_to_a_day_is_counted_and_what_was_removed_stays_counted(
    settings: Settings, store: Store
) -> None:
    come(store, chips=7)
    close(settings, SUNDAY)
    come(store, codes=6, name="late")
    assert close(settings, SUNDAY) == ["2026-11-21"]
    assert cells(told(settings, SATURDAY), "path") == {"chip": 7, "card_qr": 6}
    with closing(open_database(database_path(settings))) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for table in ("deliveries", "sought", "visits"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
    assert close(settings, MONDAY) == []
    assert cells(told(settings, SATURDAY), "path") == {"chip": 7, "card_qr": 6}
    assert told(settings, SATURDAY).deliveries["his"] == {"waiting": 13}


def test_a_small_count_is_hidden_with_another_and_nothing_else_is(settings: Settings, store: Store) -> None:
    come(store, chips=20, codes=3, numbers=8)
    close(settings, SUNDAY)
    found = told(settings, SATURDAY)
    path = {cell.name: cell for cell in found.tables["path"].cells}
    assert path["card_qr"] == Cell("card_qr", 0, at_least=True)
    assert sum(cell.at_least for cell in path.values()) == 2
    assert found.tables["path"].total == 31
    # What is kept for good says no more.
    assert rows(settings, "SELECT count FROM statistics_told WHERE figure = 'path' AND name = 'card_qr'") == [(None,)]


def test_a_day_with_few_people_tells_nothing_but_that_it_was(settings: Settings, store: Store) -> None:
    come(store, chips=4)
    close(settings, SUNDAY)
    found = told(settings, SATURDAY)
    assert {table.total for table in found.tables.values()} == {0}
    assert [one.count for one in found.by_day] == [None]
    assert found.tables["path"].left_out == 1


def test_a_month_that_is_over_tells_sums_and_keeps_nothing_exact(
    settings: Settings, store: Store, clock: HandClock
) -> None:
    for day in range(6):
        come(store, chips=30, codes=2 + day % 3, numbers=7, name=f"day-{day}")
        clock.jump(days=1)
    close(settings, date(2026, 11, 30))
    running = told(settings, date(2026, 11, 1), date(2026, 11, 30))
    assert {cell.name: cell.at_least for cell in running.tables["path"].cells}["card_qr"]
    close(settings, date(2026, 12, 4))
    over = told(settings, date(2026, 11, 1), date(2026, 11, 30))
    assert cells(over, "path") == {"chip": 180, "card_qr": 18, "none": 42}
    assert not any(cell.at_least for cell in over.tables["path"].cells)
    assert over.tables["path"].total == 240
    assert rows(settings, "SELECT count(*) FROM statistics_exact") == [(0,)]
    # A part of the month is still made of its days alone.
    part = told(settings, date(2026, 11, 1), date(2026, 11, 29))
    assert cells(part, "path") == {"chip": 180}
    assert cells(told(settings, SATURDAY), "path") == {"chip": 30}


def test_nothing_that_is_kept_names_anybody(settings: Settings, store: Store) -> None:
    come(store, chips=9, codes=9)
    close(settings, SUNDAY)
    for table in ("days", "exact", "told", "months", "times", "deliveries"):
        text = repr(rows(settings, f"SELECT * FROM statistics_{table}"))  # noqa: S608
        assert not [word for word in ("001303900017", "LAN", "Lan", "Phố", "2003", "GD4") if word in text]


def test_waiting_way_and_service_are_told_by_service_hour_and_counter(tmp_path: Path) -> None:
    settings = hospital(tmp_path, (service("KB"),), (counter("1", "KB"),))
    with opened(settings) as hall:
        for _ in range(12):
            hall.arrive("KB")
        for _ in range(12):
            hall.later(minutes=2)
            ticket = hall.next("1")
            assert ticket is not None
            hall.later(minutes=1)
            hall.do("begin", ticket, counter="1")
            hall.later(minutes=3)
            hall.do("finish", ticket, counter="1")
        with closing(site_database(settings)()) as connection:
            close_days(connection, settings.site, SUNDAY)
            found = report(connection, SATURDAY, SATURDAY)
    by_key = {(one.side, one.name, one.measure): one for one in found.times}
    assert by_key["service", "KB", "way"].median == 1
    assert by_key["all", "", "service"].median == 3
    assert (by_key["all", "", "wait"].median, by_key["all", "", "wait"].most) == (32, 62)
    assert by_key["counter", "1", "wait"].count == 10  # ten or more: no closer
    assert [one.side for one in found.times if one.measure == "wait"].count("hour") == 1  # all came within one hour


def test_tallies_are_told_by_device_system_and_screen(settings: Settings, clock: HandClock) -> None:
    tally = Tally(site_database(settings), clock.now, 420, "kiosk-1")
    for kind, name, count in (
        ("failure", "chip:card.removed", 3),
        ("abandoned", "confirm", 2),
        ("lookup", "insurance:answered", 98),
        ("lookup", "insurance:portal.timeout", 2),
        ("offline_minutes", "portal", 14),
        ("went_offline", "portal", 1),
    ):
        tally.add(kind, name, count)
    tally.flush()
    tally.add("failure", "chip:card.removed")
    tally.flush()
    found = told(settings, SATURDAY)
    assert found.failures == {"chip:card.removed": 4}
    assert found.abandoned == {"confirm": 2}
    (asked,) = found.lookups
    assert (asked.system, asked.asked, asked.answered, asked.reasons) == ("insurance", 102, 100, {"portal.timeout": 2})
    assert [(line.name, line.minutes, line.spans) for line in found.lines] == [("portal", 14, 1)]
    assert told(settings, SATURDAY, kiosk="another").failures == {}


def test_a_tally_that_cannot_be_written_is_kept_and_does_not_grow_without_end(
    settings: Settings, clock: HandClock
) -> None:
    away = True

    def opening() -> sqlite.Connection:
        if away:
            raise sqlite.OperationalError("unable to open database file")
        return site_database(settings)()

    tally = Tally(opening, clock.now, 420, "kiosk-1")
    for number in range(2000):
        tally.add("failure", f"code:{number}")
    tally.flush()
    away = False
    tally.flush()
    assert rows(settings, "SELECT count(*), sum(count) FROM tallies") == [(500, 500)]


def test_the_language_of_each_ticket_is_counted_and_forgotten_with_its_month(
    settings: Settings, store: Store, clock: HandClock
) -> None:
    come(store, chips=20)
    tally = Tally(site_database(settings), clock.now, 420, "kiosk-1")
    tally.add("language", "en", 6)
    tally.add("language", "vi", 14)
    tally.flush()
    close(settings, SUNDAY)
    assert cells(told(settings, SATURDAY), "language") == {"vi": 14, "en": 6}
    close(settings, date(2026, 12, 4))
    assert rows(settings, "SELECT count(*) FROM tallies") == [(0,)]


def test_deliveries_are_told_as_sent_late_or_refused(settings: Settings, store: Store) -> None:
    come(store, chips=12)
    with closing(open_database(database_path(settings))) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM deliveries WHERE destination = 'his' ORDER BY id")]
        end = "UPDATE deliveries SET state = ?, finished_at = ? WHERE id = ?"
        for number, one in enumerate(ids):
            at = MORNING + (timedelta(hours=3) if number in (0, 1) else timedelta(seconds=2))
            connection.execute(end, ("rejected" if number == 2 else "acknowledged", at.isoformat(), one))
    close(settings, SUNDAY)
    assert told(settings, SATURDAY).deliveries == {
        "his": {"sent": 10, "late": 2, "refused": 1},
        "archive": {"waiting": 12},
    }


def test_answers_of_a_day_do_not_count_its_people(settings: Settings, clock: HandClock) -> None:
    """Nineteen came and one of them without identification: eighteen answers told would say so."""
    for answered in (18, 19, 20, 21, 22):
        tally = Tally(site_database(settings), clock.now, 420, "kiosk-1")
        tally.add("lookup", "insurance:answered", answered)
        tally.flush()
        clock.jump(days=1)
    days = [SATURDAY + timedelta(days=number) for number in range(5)]
    assert {one.answered for day in days for one in told(settings, day).lookups} == {20}
    whole, without = told(settings, days[0], days[4]), told(settings, days[0], days[3])
    assert whole.lookups[0].answered - without.lookups[0].answered == 20


def test_times_of_an_hour_or_day_that_is_hidden_are_in_no_span(settings: Settings) -> None:
    def day(name: str, tickets: int | None, hidden: int | None) -> None:
        with closing(open_database(database_path(settings))) as connection:
            connection.execute("INSERT INTO statistics_days VALUES (?, ?, 9, 9)", (name, name))
            told_rows = [("hour", "08", hidden), ("hour", "09", 90), ("hour", "", tickets)]
            connection.executemany(
                "INSERT INTO statistics_told VALUES (?, ?, ?, ?)", ((name, *one) for one in told_rows)
            )
            for side, hour in (("hour", "08"), ("hour", "09"), ("all", "")):
                minutes = '{"240": 3}' if hidden is None and hour != "09" else '{"10": 30}'
                connection.execute(
                    "INSERT INTO statistics_times VALUES (?, ?, ?, 'wait', ?)", (name, side, hour, minutes)
                )

    day("2026-11-16", 120, 30)
    day("2026-11-17", 120, 30)
    day("2026-11-18", 93, None)  # three came at eight
    day("2026-11-19", None, None)  # hardly anybody came at all

    def most(last: date, side: str, name: str = "") -> tuple[int, int | None]:
        (one,) = (one for one in told(settings, date(2026, 11, 16), last).times if (one.side, one.name) == (side, name))
        return one.count, one.most

    assert most(date(2026, 11, 18), "hour", "08") == most(date(2026, 11, 17), "hour", "08") == (50, 10)
    assert most(date(2026, 11, 19), "all") == most(date(2026, 11, 18), "all")


def test_whole_months_of_a_range() -> None:
    assert whole_months(date(2026, 11, 1), date(2026, 11, 30)) == ["2026-11"]
    assert whole_months(date(2026, 11, 2), date(2027, 2, 27)) == ["2026-12", "2027-01"]
    assert whole_months(date(2026, 11, 1), date(2026, 11, 29)) == []


def test_the_span_that_was_counted(settings: Settings, store: Store) -> None:
    with closing(site_database(settings)()) as connection:
        assert counted_span(connection) is None
        come(store, chips=1)
        close_days(connection, settings.site, MONDAY)
        assert counted_span(connection) == (SATURDAY, SATURDAY)
