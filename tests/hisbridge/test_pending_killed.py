"""The real worker, killed at any moment: every question is answered once, and none is lost or answered for another."""

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hisbridge import pending
from hisbridge.pending import LateAnswer
from tests.hisbridge.insurer import question
from tests.hisbridge.making import MOMENT, database, eventually
from wire.database import open_database, transaction

ROOT = Path(__file__).parents[2]
QUESTIONS = 60
KILLS = 8


@contextmanager
def asking(path: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hisbridge.ask_again", str(path), how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def note(path: Path, numbers: range) -> None:
    with closing(open_database(path)) as connection:
        for number in numbers:
            with transaction(connection):
                asked = question(personal_id=f"{number:012}")
                pending.note_open_question(connection, f"visit-{number}", asked, "portal.timeout", MOMENT)


def told(path: Path) -> list[LateAnswer]:
    with closing(open_database(path)) as connection:
        return pending.late_answers(connection)


def attempts(path: Path, visit_id: str) -> int:
    with closing(open_database(path)) as connection:
        (row,) = connection.execute("SELECT attempts FROM open_questions WHERE visit_id = ?", (visit_id,)).fetchall()
        return int(row["attempts"])


def test_a_question_whose_asking_was_killed_is_asked_again_and_the_attempt_is_counted(tmp_path: Path) -> None:
    path = database(tmp_path)
    note(path, range(1))
    with asking(path, "hang") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "000000000000\n"
        process.kill()
        process.wait()
    assert (attempts(path, "visit-0"), told(path)) == (1, [])
    with asking(path, "answer"):
        (late,) = eventually(lambda: told(path))
    assert (late.visit_id, late.coverage.card_number, late.seq) == ("visit-0", "GD4000000000000", 1)
    assert attempts(path, "visit-0") == 2


def test_killed_again_and_again_every_question_is_answered_once(tmp_path: Path) -> None:
    path = database(tmp_path)
    chance = random.Random(20261121)  # noqa: S311  # the same run every time
    seen: list[LateAnswer] = []
    for kill in range(KILLS):
        note(path, range(kill * QUESTIONS // KILLS, (kill + 1) * QUESTIONS // KILLS))
        with asking(path, "answer") as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 5)):
                process.stdout.readline()
            threading.Event().wait(chance.random() * 0.004)  # spread over the length of one attempt
            process.kill()
            process.wait()
        now = told(path)
        assert now[: len(seen)] == seen  # what was seen once never changes
        seen = now
    with asking(path, "answer"):
        eventually(lambda: len(told(path)) == QUESTIONS)
    answers = told(path)
    assert sorted(one.visit_id for one in answers) == sorted(f"visit-{number}" for number in range(QUESTIONS))
    assert [one.seq for one in answers] == sorted({one.seq for one in answers})
    for one in answers:
        assert one.coverage.card_number == f"GD400{int(one.visit_id.removeprefix('visit-')):010}"
    with closing(open_database(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert pending.open_count(connection) == 0
