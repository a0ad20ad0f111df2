"""The product's own code on a disk that fails at every touch in turn, and in processes that die at every touch in turn.

`python -m faults.writing checkin|migration CONFIG MOST`, preloaded with failing.c (faults/writes.py starts it); prints
one JSON object for each kind of trouble. Afterwards the disk is well again, the same is asked for again, and what is
there is compared with what was told.
"""

import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from config.settings import Settings, database_file, load
from faults import desk
from faults.failing import How, Plan, plan_of_this_process
from kiosk.audit import verify, witness
from kiosk.clock import SystemClock
from kiosk.outage import Outage
from kiosk.states import OutOfOrder
from kiosk.store import open_store
from tiepdon.keeping.upgrading import bring_up, go_back
from wire import sqlite
from wire.codec import to_json
from wire.database import open_existing, open_for_reading
from wire.errors import TiepDonError

PERSON = "001300900000"
BEFORE = "0.1.0"  # the release from which is migrated
VISITS = 12  # in the database that is migrated
LOST_AFTER = 250  # moments behind which nothing of a check-in can lie


@dataclass
class Found:
    """What came of one kind of trouble; all but `moments` and `told` should be empty."""

    what: str
    how: str
    moments: int = 0
    told: int = 0  # acknowledged although there was trouble
    wrong: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """For the run that started this process."""
        plain = {"what": self.what, "how": self.how, "moments": self.moments, "told": self.told}
        return to_json({**plain, "wrong": dict(self.wrong)}).decode()


def check_ins(settings: Settings, plan: Plan, how: How, most: int) -> Found:
    """One check-in after the other, each with the trouble one touch later, until it comes too late for it."""
    found = Found("a check-in", how.name)
    numbers: set[str] = set()
    for at in count(1):
        told = _in_trouble(settings, plan, how, at, f"{how.name}-{at}")
        if not plan.hit:
            break
        if at > LOST_AFTER:
            raise RuntimeError("a check-in that never ends")
        found.moments += 1
        found.told += bool(told)
        with suppress(TiepDonError):
            number = _again(settings, f"{how.name}-{at}")
            found.wrong["told another number"] += told not in ("", number)
            found.wrong["number given twice"] += number in numbers
            numbers.add(number)
            found.wrong |= _not_once(settings, f"{how.name}-{at}", number)
            continue
        found.wrong["not over when the trouble is"] += 1
    assert most >= 0
    return found


def migrations(settings: Settings, plan: Plan, how: How, most: int) -> Found:
    """The database of an older release brought to this one, with the trouble at so many moments of it."""
    found = Found("a migration with encryption", how.name)
    state = Path(settings.paths.state)
    older = state.with_name("older")
    expected = _older(settings, older)
    _put(older, state)
    with plan.armed(how):
        bring_up(settings, datetime.now(UTC))
    touches = plan.touched
    for at in _spread(touches, most):
        _put(older, state)
        if how in (How.FULL, How.BROKEN):
            with plan.armed(how, at), suppress(TiepDonError):
                bring_up(settings, datetime.now(UTC))
                found.told += 1
        else:
            found.told += bool(_forked(lambda _: bring_up(settings, datetime.now(UTC)).file, plan, how, at))
        found.moments += 1
        try:
            bring_up(settings, datetime.now(UTC))
            with closing(open_existing(database_file(settings), ())) as connection:
                kept = _kept(connection)
                found.wrong["damaged"] += connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
            found.wrong["visits or tickets lost"] += kept != expected
            found.wrong["left readable"] += _readable(state)
            number = _again(settings, "after")
            found.wrong["number given twice"] += number in {ticket[0] for ticket in expected[1]}
        except (TiepDonError, sqlite.Error) as error:
            sys.stderr.write(f"  {how.name} at {at}: {error}\n")
            found.wrong["not over when the trouble is"] += 1
    return found


def _in_trouble(settings: Settings, plan: Plan, how: How, at: int, presentation: str) -> str:
    """The number that was told, empty where none was."""
    if how in (How.DIES_BEFORE, How.DIES_WITHIN):
        return _forked(lambda tell: _check_in(settings, presentation, tell), plan, how, at)
    told: list[str] = []
    with suppress(TiepDonError), plan.armed(how, at):
        _check_in(settings, presentation, told.append)
    return "".join(told)


def _check_in(settings: Settings, presentation: str, tell: Callable[[str], None]) -> str:
    """As the kiosk does it, with the files beside the database. `tell`: the number stands on the screen."""
    outage = Outage(Path(settings.paths.state))
    outage.keep(OutOfOrder("database.unavailable"))
    with closing(open_store(settings, SystemClock())) as store:
        outage.keep(None)
        ticket = store.check_in(presentation, desk.reading(PERSON), desk.UNKNOWN).ticket
        tell(ticket.number)
        store.mark_shown(ticket.ticket_id)
    with closing(open_existing(database_file(settings), ())) as connection, suppress(OSError):
        witness(settings).keep(connection, datetime.now(UTC))
    return ""


def _again(settings: Settings, presentation: str) -> str:
    """The same person once more: the number that they had, if they had one."""
    Outage(Path(settings.paths.state)).kept()
    with closing(open_store(settings, SystemClock())) as store:
        return store.check_in(presentation, desk.reading(PERSON), desk.UNKNOWN).ticket.number


def _not_once(settings: Settings, presentation: str, number: str) -> Counter[str]:
    """What is there of one person more or less than once."""
    wrong: Counter[str] = Counter()
    with closing(open_for_reading(database_file(settings))) as connection:
        visits = [row[0] for row in connection.execute("SELECT id FROM visits WHERE presentation = ?", (presentation,))]
        tickets = connection.execute("SELECT number FROM tickets WHERE presentation = ?", (presentation,)).fetchall()
        owed = connection.execute(
            "SELECT destination FROM deliveries WHERE record_id IN (SELECT id FROM visits WHERE presentation = ?)",
            (presentation,),
        ).fetchall()
        wrong["damaged"] += connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
    names = sorted(one.name for one in settings.destinations)
    wrong["visits lost or twice"] += len(visits) != 1
    wrong["tickets lost or twice"] += [row[0] for row in tickets] != [number]
    wrong["deliveries lost or twice"] += sorted(row[0] for row in owed) != names
    try:
        verify(settings)
    except TiepDonError as error:
        wrong[error.code] += 1
    return wrong


def _forked(work: Callable[[Callable[[str], None]], str], plan: Plan, how: How, at: int) -> str:
    """What a process told before it died of the trouble."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        with suppress(TiepDonError), plan.armed(how, at):

            def say(number: str) -> None:
                os.write(writing, number.encode())

            told = work(say)
            os.write(writing, told.encode())
            code = 0
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as line:
        text = line.read()
    _, status = os.waitpid(pid, 0)
    assert not plan.hit or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)
    plan.over()
    return text


def _older(settings: Settings, folder: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Lay into `folder` a database as the older release left it, not encrypted; its visits and tickets."""
    shutil.rmtree(settings.paths.state)  # whoever came in the trouble before would be known, and get their number again
    bring_up(settings, datetime.now(UTC))
    with closing(open_store(settings, SystemClock())) as store:
        for number in range(VISITS):
            store.check_in(f"old-{number}", desk.reading(PERSON), desk.UNKNOWN)
    with closing(open_for_reading(database_file(settings))) as connection:
        expected = _kept(connection)
    go_back(settings, BEFORE, datetime.now(UTC), decrypted=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy2(database_file(settings).path, folder)
    return expected


def _put(older: Path, state: Path) -> None:
    shutil.rmtree(state)
    shutil.copytree(older, state)


def _kept(connection: sqlite.Connection) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    queries = ("SELECT id, record FROM visits ORDER BY id", "SELECT number, visit_id FROM tickets ORDER BY number")
    visits, tickets = ([tuple(row) for row in connection.execute(query)] for query in queries)
    return visits, tickets


def _readable(state: Path) -> int:
    """Files in which the person still stands for everybody who holds the disk."""
    return sum(PERSON.encode() in file.read_bytes() for file in state.rglob("*") if file.is_file())


def _spread(touches: int, most: int) -> Iterator[int]:
    """So many moments of so many, the first and the last among them."""
    wanted = min(touches, max(2, most))
    yield from sorted({1 + round(number * (touches - 1) / (wanted - 1)) for number in range(wanted)})


def main(what: str, config: str, most: str) -> None:
    settings, plan = load(Path(config)), plan_of_this_process()
    work = {"checkin": check_ins, "migration": migrations}[what]
    for how in How:
        sys.stdout.write(work(settings, plan, how, int(most)).line() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
