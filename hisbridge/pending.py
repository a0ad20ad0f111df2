"""Questions left open: what the insurer did not answer in time is asked again until it is known, or the day is over.

`note_open_question` runs inside the kiosk's own transaction (visit, ticket and question are committed together);
everything else belongs to the bridge. The question is erased as soon as it is not open any more; the answer stays.
Prepared SQL on the shared database; knows no source and no network.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from hisbridge.questions import Coverage, CoverageQuestion
from wire import sqlite
from wire.codec import from_json, to_json
from wire.database import transaction
from wire.errors import MalformedMessage

log = logging.getLogger(__name__)

MAX_LISTED = 1000


class State(StrEnum):
    """Where a question stands. There is no state for "being asked": an attempt is counted before it is begun."""

    OPEN = "open"
    ANSWERED = "answered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, repr=False)
class Claimed:
    """A question taken for asking: the attempt is already on disk. `question` is JSON."""

    visit_id: str
    question: str
    attempts: int


@dataclass(frozen=True, repr=False)
class LateAnswer:
    """An answer that came after its visit was made. `seq` grows with each; `answered_at` is UTC, RFC 3339."""

    visit_id: str
    coverage: Coverage
    answered_at: str
    seq: int


_NOTE = """
INSERT INTO open_questions (visit_id, visit_day, state, reason, attempts, next_attempt_at, created_at, question)
VALUES (?, ?, 'open', ?, 0, 0.0, ?, ?)
ON CONFLICT (visit_id) DO NOTHING
"""

# Who was asked for least often comes first, so that one question that nobody can answer holds up no other. A next
# attempt further away than the longest pause was written before the clock was set back; it is due.
_DUE = """
SELECT visit_id FROM open_questions
WHERE state = 'open' AND (next_attempt_at <= :now OR next_attempt_at > :now + :horizon)
ORDER BY attempts, rowid LIMIT 1
"""

# The pause is on disk before the attempt: a question that kills the process does not kill the next one at once.
_BEGIN_ATTEMPT = """
UPDATE open_questions SET attempts = attempts + 1, next_attempt_at = ? WHERE visit_id = ? AND state = 'open'
RETURNING visit_id, ifnull(question, ''), attempts
"""

_DEFER = "UPDATE open_questions SET next_attempt_at = ?, reason = ? WHERE visit_id = ? AND state = 'open'"

# Never counted from the rows alone: a number must not come twice because the row that had it was purged.
_NUMBER = """
INSERT INTO late_answer_numbers (id, last) VALUES (1, 1 + (SELECT ifnull(max(seq), 0) FROM open_questions))
ON CONFLICT (id) DO UPDATE SET last = max(last + 1, excluded.last)
RETURNING last
"""

_IS_OPEN = "SELECT 1 FROM open_questions WHERE visit_id = ? AND state = 'open'"

_ANSWER = """
UPDATE open_questions
SET state = 'answered', reason = ?, coverage = ?, answered_at = ?, seq = ?, next_attempt_at = 0.0, question = NULL
WHERE visit_id = ? AND state = 'open'
"""

_GIVE_UP = """
UPDATE open_questions SET state = 'given_up', reason = ifnull(?, reason), next_attempt_at = 0.0, question = NULL
WHERE visit_id = ? AND state = 'open'
"""

_OVER = "SELECT visit_id FROM open_questions WHERE state = 'open' AND visit_day < ?"

_SETTLED = "SELECT visit_id FROM open_questions WHERE state IN ('answered', 'given_up') AND visit_day < ?"

_PURGE = "DELETE FROM open_questions WHERE visit_id = ? AND state <> 'open'"

_LATE = """
SELECT visit_id, coverage, answered_at, seq FROM open_questions WHERE seq > ? ORDER BY seq LIMIT ?
"""


def note_open_question(
    connection: sqlite.Connection, visit_id: str, question: CoverageQuestion, reason: str | None, now: datetime
) -> None:
    """This visit's question is to be asked again. Inserts only: the caller begins and commits the transaction.

    `reason` says why it is open (`Coverage.reason`). A visit already noted stays as it is.
    """
    connection.execute(_NOTE, (visit_id, question.visit_date, reason, _moment(now), to_json(question).decode()))


def due(connection: sqlite.Connection, now: datetime, horizon_seconds: float) -> str | None:
    """The visit whose question is to be asked next; `horizon_seconds` is the longest pause in use."""
    row = connection.execute(_DUE, {"now": now.timestamp(), "horizon": horizon_seconds}).fetchone()
    return row["visit_id"] if row is not None else None


def begin_attempt(connection: sqlite.Connection, visit_id: str, next_attempt: datetime) -> Claimed | None:
    """Count an attempt; were its outcome lost, the next one is at `next_attempt`. None: not open any more."""
    with transaction(connection):
        row = connection.execute(_BEGIN_ATTEMPT, (next_attempt.timestamp(), visit_id)).fetchone()
    return None if row is None else Claimed(*row)


def defer(connection: sqlite.Connection, visit_id: str, reason: str | None, next_attempt: datetime | None) -> None:
    """Still open; not before `next_attempt` (None: whenever the source answers again)."""
    seconds = 0.0 if next_attempt is None else next_attempt.timestamp()
    with transaction(connection):
        connection.execute(_DEFER, (seconds, reason, visit_id))


def answer(connection: sqlite.Connection, visit_id: str, coverage: Coverage, now: datetime) -> int | None:
    """The answer is known: it is kept under the next number, the question is erased. Returns the number.

    None: the question was not open, and nothing changed. The counter may call it too, for an answer it got itself.
    """
    with transaction(connection):
        if connection.execute(_IS_OPEN, (visit_id,)).fetchone() is None:
            return None
        ((seq,),) = connection.execute(_NUMBER).fetchall()
        told = to_json(coverage).decode()
        connection.execute(_ANSWER, (coverage.reason, told, _moment(now), seq, visit_id))
    return int(seq)


def give_up(connection: sqlite.Connection, visit_id: str, reason: str | None = None) -> None:
    """The question is not asked any more and erased; `reason` replaces the last one where there is a better."""
    with transaction(connection):
        connection.execute(_GIVE_UP, (reason, visit_id))


def give_up_past(connection: sqlite.Connection, today: str) -> int:
    """Give up what belongs to a day before `today` (ISO 8601). Returns how many."""
    # Looked at without a write lock: mostly there are none.
    if connection.execute(_OVER + " LIMIT 1", (today,)).fetchone() is None:
        return 0
    with transaction(connection):
        over = connection.execute(_OVER, (today,)).fetchall()
        connection.executemany(_GIVE_UP, [(None, row["visit_id"]) for row in over])
    return len(over)


def purge(connection: sqlite.Connection, before: str) -> int:
    """Remove what was answered or given up for visits of days before `before` (ISO 8601). Returns how many.

    The numbers of late answers go on growing: who follows them misses nothing but what is gone.
    """
    if connection.execute(_SETTLED + " LIMIT 1", (before,)).fetchone() is None:
        return 0
    with transaction(connection):
        gone = connection.execute(_SETTLED, (before,)).fetchall()
        connection.executemany(_PURGE, [(row["visit_id"],) for row in gone])
    return len(gone)


def late_answers(connection: sqlite.Connection, since_seq: int = 0, limit: int = MAX_LISTED) -> list[LateAnswer]:
    """Answers numbered above `since_seq`, in the order in which they came, at most MAX_LISTED.

    Who asks again with the last number seen misses none. A damaged row is left out: it must not hide the next ones.
    """
    rows = connection.execute(_LATE, (since_seq, max(0, min(limit, MAX_LISTED))))
    return [late for row in rows if (late := _late(row)) is not None]


def _late(row: sqlite.Row) -> LateAnswer | None:
    try:
        coverage = from_json(row["coverage"] or "", Coverage)
    except MalformedMessage:
        log.error("late answer %d cannot be read", row["seq"])
        return None
    return LateAnswer(row["visit_id"], coverage, row["answered_at"], row["seq"])


def open_count(connection: sqlite.Connection) -> int:
    """How many questions are open."""
    ((count,),) = connection.execute("SELECT count(*) FROM open_questions WHERE state = 'open'").fetchall()
    return int(count)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
