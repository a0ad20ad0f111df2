"""Answers that came late are kept for the days of the settings, then nothing of them is left."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from hisbridge import pending
from hisbridge.pending import State
from hisbridge.questions import Coverage
from hisbridge.service import Clocks, Surroundings
from hisbridge.service import running as bridge
from tests.hisbridge.insurer import question, unanswered
from tests.hisbridge.making import MOMENT, coverage, database, eventually, portal_settings, settings
from tests.hisbridge.open_questions import Bench, bench, running
from wire.database import open_database, transaction

DAY = 86_400.0
CARD = "GD4000000000017"


def visits(b: Bench) -> list[str]:
    return [row["visit_id"] for row in b.db.execute("SELECT visit_id FROM open_questions ORDER BY rowid")]


def on_disk(b: Bench) -> bytes:
    b.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return b"".join(file.read_bytes() for file in b.path.parent.iterdir() if file.name.startswith(b.path.name))


@pytest.mark.parametrize("days", [1, 2, 30])
def test_an_answer_is_kept_so_many_days_after_its_visit_and_not_one_more(tmp_path: Path, days: int) -> None:
    with bench(tmp_path) as b:
        worker = b.new_worker(keep_days=days)
        b.note("v1")
        worker.step()
        b.clock.advance(days * DAY)
        worker.step()
        assert visits(b) == ["v1"]
        assert CARD.encode() in on_disk(b)
        b.clock.advance(DAY)
        worker.step()
        assert visits(b) == []
        assert CARD.encode() not in on_disk(b)


def test_what_was_given_up_goes_too(tmp_path: Path) -> None:
    with bench(tmp_path, unanswered()) as b:
        b.note("v1")
        b.worker.step()
        b.clock.advance(DAY)
        b.worker.step()
        assert b.state() is State.GIVEN_UP
        b.clock.advance(2 * DAY)
        b.worker.step()
        assert visits(b) == []


def test_an_open_question_and_a_visit_to_come_stay(tmp_path: Path) -> None:
    with bench(tmp_path, unanswered()) as b:
        b.note("answered")
        pending.answer(b.db, "answered", coverage(), b.clock.moment)
        b.note("to-come", visit_date="2026-12-01")
        b.clock.advance(3 * DAY)
        b.worker.step()
        assert visits(b) == ["to-come"]
        assert b.state("to-come") is State.OPEN


def test_who_follows_the_late_answers_sees_the_next_one_after_a_purge(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.note("v1", "v2")
        b.worker.step()
        b.worker.step()
        seen = pending.late_answers(b.db)[-1].seq
        b.clock.advance(3 * DAY)
        b.note("v3", visit_date="2026-11-24")
        b.worker.step()
        assert [late.visit_id for late in pending.late_answers(b.db, seen)] == ["v3"]


def test_a_purge_tells_how_many_and_does_nothing_twice(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.note("v1", "v2", "v3")
        for visit in ("v1", "v2"):
            pending.answer(b.db, visit, Coverage(verdict=coverage().verdict), b.clock.moment)
        assert pending.purge(b.db, "2026-11-21") == 0
        assert pending.purge(b.db, "2026-11-22") == 2
        assert pending.purge(b.db, "2026-11-22") == 0
        assert visits(b) == ["v3"]


def test_the_background_loop_purges_while_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.note("v1")
        with running(b.worker):
            eventually(lambda: b.state() is State.ANSWERED)
            b.clock.advance(3 * DAY)
            eventually(lambda: visits(b) == [])


def test_the_bridge_keeps_them_as_long_as_the_settings_say(tmp_path: Path) -> None:
    made = settings(tmp_path)
    made = msgspec.structs.replace(
        made,
        portal=portal_settings(tmp_path, 9),
        lookups=msgspec.structs.replace(made.lookups, keep_late_days=3),
    )
    with closing(open_database(database(tmp_path))) as db:
        for days in (2, 3, 4, 5):
            day = (MOMENT - timedelta(days=days)).date().isoformat()
            with transaction(db):
                pending.note_open_question(db, f"v{days}", question(visit_date=day), None, MOMENT)
            pending.answer(db, f"v{days}", coverage(), MOMENT)
        with bridge(made, Surroundings(clocks=Clocks(now=lambda: MOMENT))):
            eventually(lambda: len(pending.late_answers(db)) == 2)
        assert [late.visit_id for late in pending.late_answers(db)] == ["v2", "v3"]
