"""Real damage to a real database file: the next start brings it back by itself, says what is lost, and nobody gets a
number twice."""

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tests.tiepdon.kept import PAGE, Kept, kept_site, open_elsewhere
from tiepdon.checks.recovered import look_at_recoveries
from tiepdon.keeping.report import acknowledge, unread
from tiepdon.keeping.upgrading import bring_up
from wire.database import DatabaseUnavailable, DatabaseWrongKey
from wire.database_copies import snapshots, take_snapshot
from wire.database_swap import DatabaseInUse
from wire.keys import write_new_key

NOISE = bytes(range(256)) * 16


class PowerCut(BaseException):
    """The machine lost its power here."""


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return kept_site(tmp_path, encrypted=request.param)


def number_of(text: str) -> int:
    return int(text.removeprefix("A"))


def test_a_whole_database_is_left_as_it_is(kept: Kept) -> None:
    kept.check_in(1, 5)
    assert kept.bring_up().recovered is None
    assert kept.check_in(6, 6) == ["A0006"]


def test_any_page_may_be_lost_and_the_kiosk_goes_on(kept: Kept) -> None:
    """Pages from all over the file, each zeroed once: it opens, nothing is twice, and what is missing is told."""
    given = kept.check_in(1, 30)
    take_snapshot(kept.where, datetime.now(UTC))
    given += kept.check_in(31, 60)
    kept.folded()
    whole = kept.path.read_bytes()
    for page in range(1, len(whole) // PAGE + 1, 61):
        kept.path.write_bytes(whole)
        kept.spoil(page)
        ready = kept.bring_up()
        assert kept.whole()
        there = {str(number) for (number,) in kept.rows("SELECT number FROM tickets")}
        lost = set(given) - there
        if lost:
            assert ready.recovered is not None
            assert ready.recovered.mended.numbers or ready.recovered.losses
        (following,) = kept.check_in(1000 + page, 1000 + page)
        assert following not in given
        for file, _ in unread(kept.path.parent):
            file.unlink()


def test_a_leaf_of_the_tickets_costs_only_what_is_not_in_the_snapshot(kept: Kept) -> None:
    given = kept.check_in(1, 60)
    take_snapshot(kept.where, datetime.now(UTC))
    given += kept.check_in(61, 80)
    kept.folded()
    damaged = kept.leaf_of("tickets")
    kept.spoil(damaged)
    report = kept.bring_up().recovered
    assert report is not None
    assert (report.what, report.base) == ("pages", "snapshot")
    assert [number for (number,) in kept.rows("SELECT number FROM tickets ORDER BY sequence")] == given
    assert report.mended.numbers == ()
    assert kept.check_in(81, 81) == ["A0081"]
    assert report.aside is not None
    assert (kept.path.parent / report.aside).exists()


def test_without_a_snapshot_the_lost_numbers_are_named(kept: Kept) -> None:
    with kept.store() as store:
        for one in range(80):
            store.counter_ticket(f"run-{one}")
    kept.folded()
    kept.spoil(kept.leaf_of("tickets"))
    report = kept.bring_up().recovered
    assert report is not None
    there = [str(number) for (number,) in kept.rows("SELECT number FROM tickets ORDER BY sequence")]
    assert 0 < len(there) < 80
    (numbers,) = report.mended.numbers
    named = sum(number_of(stretch.split("–")[-1]) - number_of(stretch.split("–")[0]) + 1 for stretch in numbers.missing)
    assert named == 80 - len(there)
    assert kept.check_in(81, 81) == ["A0081"]
    (tickets,) = [loss for loss in report.losses if loss.table == "tickets"]
    assert tickets.missing == named


def test_a_change_that_was_cut_off_before_the_log_was_in_use_is_taken_back(kept: Kept) -> None:
    given = kept.check_in(1, 30)
    records = "SELECT id, record FROM visits ORDER BY id"
    before = kept.rows(records)
    kept.cut_off()
    assert kept.bring_up().recovered is None
    assert kept.whole()
    assert kept.rows(records) == before
    assert kept.check_in(31, 31)[0] not in given


def test_a_ticket_that_is_lost_is_made_again_from_its_visit(kept: Kept) -> None:
    given = kept.check_in(1, 80)
    kept.folded()
    kept.spoil(kept.leaf_of("tickets"))
    report = kept.bring_up().recovered
    assert report is not None
    assert report.mended.tickets_from_visits > 0
    assert [number for (number,) in kept.rows("SELECT number FROM tickets ORDER BY sequence")] == given
    assert kept.whole()


def test_visits_are_made_again_from_what_is_owed_of_them(kept: Kept) -> None:
    kept.check_in(1, 40)
    kept.folded()
    kept.spoil(kept.leaf_of("visits"))
    report = kept.bring_up().recovered
    assert report is not None
    assert report.mended.visits_from_deliveries > 0
    assert kept.rows("SELECT count(*) FROM visits") == [(40,)]
    assert kept.rows("SELECT count(*) FROM deliveries") == [(80,)]


def test_deliveries_are_owed_again_from_the_visits(kept: Kept) -> None:
    kept.check_in(1, 40)
    keys = kept.rows("SELECT idempotency_key FROM deliveries ORDER BY idempotency_key")
    kept.folded()
    kept.spoil(kept.leaf_of("deliveries"))
    report = kept.bring_up().recovered
    assert report is not None
    assert report.mended.owed_again > 0
    assert kept.rows("SELECT idempotency_key FROM deliveries ORDER BY idempotency_key") == keys


@pytest.mark.parametrize("damage", ["first page", "flipped", "half", "one page", "empty", "gone", "torn"])
def test_whatever_is_done_to_the_file_the_snapshot_stands(kept: Kept, damage: str) -> None:
    kept.check_in(1, 30)
    take_snapshot(kept.where, datetime.now(UTC))
    given = kept.check_in(31, 60)
    kept.folded()
    size = kept.path.stat().st_size
    spoil: dict[str, Callable[[], object]] = {
        "first page": lambda: kept.spoil(1),
        "flipped": lambda: kept.spoil(1, 20, b"\xff" * 40),
        "half": lambda: os.truncate(kept.path, size // 2 // PAGE * PAGE),
        "one page": lambda: os.truncate(kept.path, PAGE - 100),
        "empty": lambda: os.truncate(kept.path, 0),
        "gone": kept.path.unlink,
        "torn": lambda: kept.spoil(kept.leaf_of("tickets"), 2048, NOISE[:2048]),
    }
    spoil[damage]()
    report = kept.bring_up().recovered
    assert report is not None
    assert kept.whole()
    there = [str(number) for (number,) in kept.rows("SELECT number FROM tickets ORDER BY sequence")]
    assert there[:30] == [f"A{one:04d}" for one in range(1, 31)]
    (following,) = kept.check_in(61, 61)
    assert number_of(following) > number_of(given[-1])
    if damage in ("first page", "flipped"):  # the snapshot's first page opens the rest
        assert there == [f"A{one:04d}" for one in range(1, 61)]
    if damage in ("empty", "gone"):
        assert report.unknown_since is not None
        assert report.mended.numbers[0].left_out >= 30


def test_without_anything_left_the_kiosk_begins_anew_and_says_so(kept: Kept) -> None:
    kept.check_in(1, 3)
    kept.folded()
    kept.path.write_bytes(bytes(kept.path.stat().st_size))
    report = kept.bring_up().recovered
    assert report is not None
    assert report.base == "nothing"
    (following,) = kept.check_in(4, 4)
    assert number_of(following) > 3
    (finding,) = look_at_recoveries(kept.settings)
    assert finding.code == "doctor.database_recovered"
    acknowledge(kept.path.parent, datetime.now(UTC))
    assert list(look_at_recoveries(kept.settings)) == []


def test_a_wrong_key_recovers_nothing(tmp_path: Path) -> None:
    kept = kept_site(tmp_path, encrypted=True)
    kept.check_in(1, 3)
    take_snapshot(kept.where, datetime.now(UTC))
    kept.folded()
    content = kept.path.read_bytes()
    (tmp_path / "site.key").unlink()
    write_new_key(tmp_path / "site.key")
    with pytest.raises(DatabaseWrongKey):
        kept.bring_up()
    assert kept.path.read_bytes() == content
    assert unread(kept.path.parent) == []


def test_a_key_that_is_not_set_any_more_recovers_nothing(tmp_path: Path) -> None:
    kept = kept_site(tmp_path, encrypted=True)
    kept.check_in(1, 3)
    kept.folded()
    content = kept.path.read_bytes()
    paths = msgspec.structs.replace(kept.settings.paths, key_file="")
    with pytest.raises(DatabaseWrongKey):
        Kept(msgspec.structs.replace(kept.settings, paths=paths)).bring_up()
    assert kept.path.read_bytes() == content


def test_nothing_is_recovered_while_a_process_has_it_open(kept: Kept) -> None:
    kept.check_in(1, 60)
    kept.folded()
    page = kept.leaf_of("visits")
    with open_elsewhere(kept):
        kept.spoil(page)
        with pytest.raises(DatabaseInUse):
            kept.bring_up()
    assert kept.bring_up().recovered is not None


def test_a_damaged_database_pushes_no_good_snapshot_out(kept: Kept) -> None:
    kept.check_in(1, 60)
    good = take_snapshot(kept.where, datetime.now(UTC))
    kept.folded()
    kept.spoil(kept.leaf_of("visits"))
    with pytest.raises(DatabaseUnavailable):
        take_snapshot(kept.where, datetime.now(UTC) + timedelta(minutes=30))
    assert snapshots(kept.where) == [good]


def test_the_log_of_another_database_costs_nothing_that_was_here(kept: Kept, tmp_path: Path) -> None:
    given = kept.check_in(1, 30)
    kept.folded()
    shutil.copytree(kept.path.parent, tmp_path / "other")
    paths = msgspec.structs.replace(kept.settings.paths, state=str(tmp_path / "other"))
    other = Kept(msgspec.structs.replace(kept.settings, paths=paths))
    with closing(other.opened()) as holder:
        holder.execute("DROP TABLE corrections")
        holder.execute("VACUUM")
        log = other.where.beside("-wal").read_bytes()
    kept.where.beside("-wal").write_bytes(log[: len(log) // 2])  # SQLite would take every whole commit of it
    kept.bring_up()
    assert kept.whole()
    there = [str(number) for (number,) in kept.rows("SELECT number FROM tickets ORDER BY sequence")]
    assert there == given
    assert kept.check_in(31, 31)[0] not in given


def test_a_power_cut_while_recovering_is_harmless(tmp_path: Path) -> None:
    """Cut before each step in turn: the next start ends with the same tickets, and with one report that is true."""
    seen: list[str] = []
    for cut in range(40):
        folder = tmp_path / str(cut)
        kept = kept_site(folder, encrypted=False)
        given = kept.check_in(1, 40)
        kept.folded()
        take_snapshot(kept.where, datetime.now(UTC))
        kept.spoil(kept.leaf_of("visits"))
        left = [cut]

        def step(name: str, left: list[int] = left) -> None:
            if left[0] == 0:
                raise PowerCut
            left[0] -= 1
            seen.append(name)

        try:
            bring_up(kept.settings, datetime.now(UTC), step)
        except PowerCut:
            kept.bring_up()
        assert [number for (number,) in kept.rows("SELECT number FROM tickets ORDER BY sequence")] == given
        assert kept.rows("SELECT count(*) FROM visits") == [(40,)]
        ((_, report),) = unread(kept.path.parent)
        assert report.aside is not None
        assert (kept.path.parent / report.aside).exists()
        assert kept.bring_up().recovered is None
        if left[0] > 0:
            break
    assert {"copy", "fill", "report", "note", "aside", "aside-wal", "place", "done"} <= set(seen)
