"""What grows on the disk over the days, by what it is kept for: what has to go must level off, what stays is reckoned
up to the end of its time (kiosk.retention_rules).

Content, not pages, where it is told by table: this build of SQLite has no dbstat.
"""

import statistics
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from config.settings import Settings, database_file
from kiosk.retention_rules import RULES, Term
from wire.database import open_for_reading

YEARS_OF_REPORTS = 10
PASSING = (Term.VISIT, Term.OVER, Term.USE)
STAYING = {Term.AUDIT: "audit", Term.PROOF: "proofs", Term.REPORT: "statistics"}


@dataclass(frozen=True)
class Night:
    """Bytes after the purge. `content`: of each table's columns; `files`: of everything beside the database."""

    content: dict[str, int]
    database: int
    free: int  # pages that hold nothing
    log: int  # SQLite's own
    files: int
    count: int  # of files
    told: int  # what the processes said, which the journal keeps

    @property
    def passing(self) -> int:
        """What goes with its visit, or when it is over."""
        return sum(size for table, size in self.content.items() if _terms()[table] in PASSING)

    def staying(self, term: Term) -> int:
        """What stays as long as that."""
        return sum(size for table, size in self.content.items() if _terms()[table] is term)


def night(settings: Settings, told: Sequence[Path]) -> Night:
    """How it is now. Raises DatabaseUnavailable, OSError."""
    where = database_file(settings)
    log = where.beside("-wal")
    with closing(open_for_reading(where)) as connection:
        content = {}
        for table in _terms():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            lengths = " + ".join(f"ifnull(length(CAST({_quoted(name)} AS BLOB)), 0)" for name in columns)
            if lengths:
                ((size,),) = connection.execute(f"SELECT ifnull(sum({lengths}), 0) FROM {table}").fetchall()  # noqa: S608
                content[table] = int(size)
        free, size = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("freelist_count", "page_size")
        )
    own = {where.path, log, where.beside("-shm")}
    others = [file for file in where.path.parent.rglob("*") if file.is_file() and file not in own]
    return Night(
        content=content,
        database=where.path.stat().st_size,
        free=free * size,
        log=log.stat().st_size if log.exists() else 0,
        files=sum(file.stat().st_size for file in others),
        count=len(others),
        told=sum(file.stat().st_size for file in told if file.exists()),
    )


def level_from(settings: Settings) -> int:
    """The first night (from 0) on which as many days go as come."""
    return settings.retention.visit_days + 1


def share_grown(values: Sequence[float]) -> float:
    """By which share the last quarter lies above the first."""
    quarter = max(1, len(values) // 4)
    first, last = statistics.median(values[:quarter]), statistics.median(values[-quarter:])
    return (last - first) / first if first else 0.0


def a_day(values: Sequence[int]) -> float:
    """Bytes that come each day."""
    return (values[-1] - values[0]) / max(1, len(values) - 1)


def at_the_end(settings: Settings, nights: Sequence[Night]) -> dict[Term, float]:
    """Bytes of what stays, once as much of it goes each day as comes."""
    keep = settings.retention
    days = {Term.AUDIT: keep.audit_days, Term.PROOF: keep.consent_days, Term.REPORT: YEARS_OF_REPORTS * 366}
    return {term: days[term] * a_day([one.staying(term) for one in nights]) for term in STAYING}


def _terms() -> dict[str, Term]:
    return {rule.table: rule.term for rule in RULES}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
