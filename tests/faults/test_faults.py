"""The fault run, short: what it provokes breaks nothing, and its judges see what would be broken."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from faults import kills, power
from faults.__main__ import main
from faults.judging import Owed, judged
from faults.outcome import Outcome, Size
from faults.proxy import AFTER, Cut, plan
from faults.receiver import Arrival
from faults.recording import HEAD, SECTOR, Disk, Entry, Left, Operation, apply, entries, restore
from faults.script import Kind, script

SHORT = Size(seed=20261122, records=120, kills=6, cuts=9, frozen=1, power_cuts=24, power_records=60, every=1)


def cell(outcome: Outcome, table: int, row: str, column: str) -> object:
    found = outcome.tables[table]
    exact = [cells for cells in found.rows if str(cells[0]) == row]
    (cells,) = exact or [cells for cells in found.rows if str(cells[0]).startswith(row)]
    return cells[found.columns.index(column)]


@pytest.mark.peer
def test_whatever_is_killed_and_cut_every_record_arrives_once_and_in_order() -> None:
    outcome = kills.run(SHORT)
    assert outcome.failures == ()
    for receiver in ("HL7", "signed webhook"):
        assert cell(outcome, 0, receiver, "identities") == cell(outcome, 0, receiver, "owed")
    assert cell(outcome, 1, "all", "kills") == SHORT.kills
    assert [cell(outcome, 2, where, "cuts") for where in (Cut.BEFORE, Cut.WITHIN, "between message")] == [3, 3, 3]
    assert cell(outcome, 2, Cut.FROZEN, "cuts") == 1


def test_a_power_cut_loses_nothing_that_a_screen_was_told_and_without_flushes_it_would() -> None:
    outcome = power.run(SHORT)
    assert outcome.failures == ()
    # Besides those of chance, each write of a check-in in each way; the fewest that one takes are those of its log.
    cuts = cell(outcome, 0, "FULL", "cuts")
    assert isinstance(cuts, int)
    assert cuts >= SHORT.power_cuts + 2 * len(Left)
    assert cell(outcome, 0, "FULL", "lost") == 0
    assert cell(outcome, 0, "OFF", "lost") != 0
    for files in outcome.tables[1:]:
        (row,) = files.rows
        assert row[files.columns.index("files found")]


def test_where_no_disk_can_be_cut_the_run_says_so_and_cuts_the_databases_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "why_no_disk", lambda: "not root")
    outcome = power.run(replace(SHORT, power_records=40, power_cuts=12))
    assert outcome.failures == ()
    assert cell(outcome, 0, "FULL", "lost") == 0
    assert cell(outcome, 0, "OFF", "lost") != 0
    assert "no whole disk was cut: not root" in outcome.tables[0].notes
    assert any("files alone" in note for note in outcome.tables[0].notes)


def test_a_claim_that_does_not_hold_is_named_and_ends_the_run_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(power, "run", lambda _: Outcome((), ()))
    monkeypatch.setattr(kills, "run", lambda _: Outcome((), ("his: lost: 3",)))
    assert main(["power", "kills", "--seed", "7"]) == 1
    told = capsys.readouterr()
    assert "seed 7" in told.out
    assert "kills: DOES NOT HOLD: his: lost: 3" in told.err
    assert main(["power", "--seed", "7"]) == 0


@pytest.mark.parametrize("cuts", [0, 1, 9, 200])
def test_every_kind_of_cut_is_planned_equally_often(cuts: int) -> None:
    planned = list(plan(cuts, 20_000, random.Random(1)).values())  # noqa: S311
    counts = [planned.count(Cut.BEFORE), planned.count(Cut.WITHIN), sum(planned.count(kind) for kind in AFTER)]
    assert sum(counts) == cuts
    assert max(counts) - min(counts) <= 1


def test_a_script_makes_one_record_a_step_and_changes_no_visit_that_was_taken_back() -> None:
    steps = script(7, "desk", 500)
    assert len(steps) == 500
    assert steps == script(7, "desk", 500) != script(8, "desk", 500)
    latest: dict[int, tuple[int, Kind]] = {}
    for step in steps:
        revision, kind = latest.get(step.visit, (-1, Kind.ARRIVED))
        assert step.revision == revision + 1
        assert kind is not Kind.CANCELLED
        latest[step.visit] = (step.revision, step.kind)


# What the judges of the kills would see.

OWED = [Owed(f"key-{number}", f"person-{number % 2}", f"visit-{number}", 0, "acknowledged") for number in range(4)]


def arrival(number: int, digest: str = "", first: bool = True) -> Arrival:
    return Arrival(f"key-{number}", f"person-{number % 2}", "A04", f"visit-{number}", digest or str(number), first)


def test_what_arrived_once_in_order_is_well() -> None:
    verdict = judged(OWED, [arrival(number) for number in (1, 0, 2, 3)])
    assert (verdict.distinct, verdict.resent) == (4, 0)
    assert not any((verdict.lost, verdict.duplicated, verdict.changed, verdict.disordered, verdict.older))


@pytest.mark.parametrize(
    ("arrivals", "field"),
    [
        ([arrival(0), arrival(1), arrival(2)], "lost"),
        ([*map(arrival, range(4)), replace(arrival(2), key="another")], "duplicated"),
        ([*map(arrival, range(4)), arrival(2)], "duplicated"),
        ([*map(arrival, range(4)), arrival(3, "other bytes", first=False)], "changed"),
        ([arrival(2), arrival(0), arrival(1), arrival(3)], "disordered"),
        ([*map(arrival, range(4)), arrival(0, first=False)], "older"),
    ],
)
def test_what_went_wrong_is_counted(arrivals: list[Arrival], field: str) -> None:
    assert getattr(judged(OWED, arrivals), field) == 1


def test_a_resend_before_anything_newer_is_a_resend_and_nothing_else() -> None:
    verdict = judged(OWED, [arrival(0), arrival(0, first=False), arrival(1), arrival(2), arrival(3)])
    assert verdict.resent == 1
    assert not any((verdict.lost, verdict.duplicated, verdict.changed, verdict.disordered, verdict.older))


# What is left of a disk.


def write(name: str, offset: int, data: bytes) -> Entry:
    return Entry(Operation.WRITE, name, offset, data, 0)


def flush(name: str) -> Entry:
    return Entry(Operation.FLUSH, name, 0, b"", 0)


def test_what_was_flushed_stays_and_of_the_rest_anything_may_be_left() -> None:
    disk = Disk({"a": bytearray(4)})
    for entry in (write("a", 0, b"1"), write("b", 0, b"2"), flush("a"), write("a", 1, b"3"), write("a", 2, b"4")):
        disk.take(entry)
    assert disk.safe == {"a": bytearray(b"1\0\0\0")}
    chance = random.Random(1)  # noqa: S311
    assert disk.left_over(Left.NOTHING, chance) == ()
    assert [entry.data for entry in disk.left_over(Left.EVERYTHING, chance)] == [b"2", b"3", b"4"]
    seen = {b"".join(entry.data for entry in disk.left_over(Left.SOME, chance)) for _ in range(200)}
    assert seen == {b"2", b"3", b"4", b"23", b"24", b"34", b"234"}


def test_a_torn_write_ends_at_a_sector() -> None:
    disk = Disk({})
    disk.take(write("a", 0, bytes(4 * SECTOR)))
    chance = random.Random(1)  # noqa: S311
    lengths = {len(entry.data) for _ in range(100) for entry in disk.left_over(Left.TORN, chance)}
    assert lengths == {number * SECTOR for number in range(5)}


def test_a_file_is_restored_as_it_would_be_written(tmp_path: Path) -> None:
    content, rest = bytearray(200_000), [write("", 150_000, b"later"), Entry(Operation.TRUNCATE, "", 150_003, b"", 0)]
    content[70_000:70_003] = b"abc"
    restore(tmp_path / "file", content, rest)
    expected = {"": content}
    for entry in rest:
        apply(expected, entry)
    assert (tmp_path / "file").read_bytes() == expected[""]


def test_a_recording_that_was_cut_short_ends_before_what_is_not_whole(tmp_path: Path) -> None:
    whole = HEAD.pack(Operation.WRITE, 1, 5, 3) + b"a" + b"xyz"
    (tmp_path / "recording").write_bytes(whole + HEAD.pack(Operation.FLUSH, 1, 0, 0) + b"a" + whole[:-1])
    found = list(entries(tmp_path / "recording"))
    assert [(one.operation, one.name, one.data) for one in found] == [
        (Operation.WRITE, "a", b"xyz"),
        (Operation.FLUSH, "a", b""),
    ]
    assert [one.end for one in found] == [len(whole), len(whole) + HEAD.size + 1]
