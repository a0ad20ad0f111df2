"""Copies made while people check in, the bridge delivers and the purge removes: whole, with everybody whose number was
shown before, and nobody waits for them."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest
from msgspec.structs import replace

from config.settings import Settings
from tests.support.waiting import wait_until
from tests.tiepdon.kept import Kept, kept_site
from tests.tiepdon.never_resting import never_resting, settings_of, shown
from tiepdon.keeping.backups import make
from tiepdon.keeping.restoring import restore, verify
from wire import chain
from wire.database import open_for_reading
from wire.keys import write_new_key

# A check-in is a visit, a ticket and what is owed to each of two destinations: one transaction.
HALVES = """
SELECT 'visit without ticket', visits.id FROM visits LEFT JOIN tickets ON visit_id = visits.id WHERE tickets.id IS NULL
UNION ALL SELECT 'ticket without visit', tickets.id FROM tickets LEFT JOIN visits ON visits.id = visit_id
WHERE visit_id IS NOT NULL AND visits.id IS NULL
UNION ALL SELECT 'not owed to both', visits.id FROM visits LEFT JOIN deliveries ON record_id = visits.id
GROUP BY visits.id HAVING count(deliveries.id) <> 2
UNION ALL SELECT 'owed of nobody', record_id FROM deliveries LEFT JOIN visits ON record_id = visits.id
WHERE visits.id IS NULL
"""
# What a restore adds or marks itself: its own audit, what may be at its receiver already, numbers left out for those
# that were given after the copy.
MENDED = ("audit", "deliveries", "counters")
DELIVERIES = "SELECT id, record_id, destination, idempotency_key, payload FROM deliveries"


@dataclass(frozen=True)
class Copies:
    """A site whose database is encrypted, and who may open its copies."""

    folder: Path
    settings: Settings
    identity: Path

    def restored(self, file: Path) -> Kept:
        """On another machine."""
        place = self.folder / f"restored-{file.stem}"
        place.mkdir()
        write_new_key(place / "site.key")
        paths = replace(self.settings.paths, state=str(place / "state"), key_file=str(place / "site.key"))
        other = Kept(replace(self.settings, paths=paths))
        restore(other.settings, file, self.identity, datetime.now(UTC))
        return other


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    kept_site(tmp_path, encrypted=True)
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "province.key").write_text(str(key))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as stick:
        settings = settings_of(tmp_path)
        backup = replace(settings.backup, folder=stick, recipients=(str(key.to_public()),))
        yield Copies(tmp_path, replace(settings, backup=backup), tmp_path / "province.key")


def until_shown(notes: Path, many: int) -> None:
    wait_until(lambda: len(shown(notes)) > many, 60.0, "the kiosk does not go on")


def test_a_copy_made_in_full_swing_is_whole_and_has_everybody_who_saw_a_number(copies: Copies) -> None:
    made: list[tuple[Path, set[str]]] = []
    with never_resting(copies.folder, "kiosk", "bridge", "purge") as notes:
        for minutes in range(3):
            before = {one.ticket for one in shown(notes)}
            # Restored after the machine is dead: by then much has happened that is not in the copy.
            made.append(
                (Path(make(copies.settings, None, datetime.now(UTC) + timedelta(minutes=minutes)).file), before)
            )
            until_shown(notes, len(before) + 20)
    assert len({file for file, _ in made}) == 3
    for file, before in made:
        kept = copies.restored(file)
        assert kept.whole()
        assert kept.rows(HALVES) == []
        there = {ticket for (ticket,) in kept.rows("SELECT id FROM tickets")}
        assert before <= there, f"{len(before - there)} shown tickets are not in the copy"
        with closing(open_for_reading(kept.where)) as connection:
            chain.verify(connection)


def test_what_is_restored_is_what_was_copied(copies: Copies) -> None:
    with never_resting(copies.folder, "kiosk", "bridge", "purge") as notes:
        until_shown(notes, 60)
    source = Kept(copies.settings)
    file = Path(make(copies.settings, None, datetime.now(UTC)).file)
    manifest = verify(file, copies.identity)
    other = copies.restored(file)
    whole = {table: f"SELECT * FROM {table}" for table in manifest.rows if table not in MENDED}  # noqa: S608
    for table, query in {**whole, "deliveries": DELIVERIES}.items():
        assert len(source.rows(query)) == manifest.rows[table], table
        assert sorted(map(repr, other.rows(query))) == sorted(map(repr, source.rows(query))), table


def test_a_copy_takes_no_lock_that_a_check_in_would_wait_for(copies: Copies) -> None:
    during = 0
    with never_resting(copies.folder, "kiosk-that-never-waits") as notes:
        while during < 10:
            began = time.monotonic()
            make(copies.settings, None, datetime.now(UTC))
            ended = time.monotonic()
            until_shown(notes, len(shown(notes)) + 1)
            during += len([one for one in shown(notes) if began < one.began and one.ended < ended])
