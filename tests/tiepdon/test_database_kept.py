"""The database over the years: encrypted, its key changed, upgraded and brought back, copied, restored elsewhere."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyrage
import pytest

from config.settings import Settings
from tests.tiepdon.kept import PAGE, Kept, kept_site, open_elsewhere
from tiepdon.keeping.backup_folder import BackupFolderGone, BackupReadOnly, BackupSameDisk, backups
from tiepdon.keeping.backups import make
from tiepdon.keeping.envelope import EnvelopeDamaged, NoRecipients, WrongIdentity
from tiepdon.keeping.report import acknowledge, unread
from tiepdon.keeping.restoring import DatabaseThere, restore, verify
from tiepdon.keeping.upgrading import go_back, rekey
from wire.database import DatabaseFile, DatabaseNoWayBack, DatabaseWrongKey, is_plain, open_database, secret_of
from wire.database_copies import snapshots, take_snapshot
from wire.database_log import lost_commits
from wire.database_swap import DatabaseInUse
from wire.keys import read_key, write_new_key


class PowerCut(BaseException):
    """The machine lost its power here."""


def now() -> datetime:
    return datetime.now(UTC)


def with_key(kept: Kept, key: Path) -> Kept:
    paths = msgspec.structs.replace(kept.settings.paths, key_file=str(key))
    return Kept(msgspec.structs.replace(kept.settings, paths=paths))


@pytest.fixture
def other_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture
def identity(tmp_path: Path) -> tuple[str, Path]:
    key = pyrage.x25519.Identity.generate()
    file = tmp_path / "province.key"
    file.write_text(f"# the province's\n{key}\n")
    return str(key.to_public()), file


def with_backup(kept: Kept, folder: Path, *recipients: str, **more: object) -> Settings:
    changed = msgspec.structs.replace(kept.settings.backup, folder=str(folder), recipients=recipients, **more)
    return msgspec.structs.replace(kept.settings, backup=changed)


def test_a_plain_database_is_encrypted_when_there_is_a_key(tmp_path: Path) -> None:
    plain = kept_site(tmp_path, encrypted=False)
    given = plain.check_in(1, 3)
    take_snapshot(plain.where, now())
    write_new_key(tmp_path / "site.key")
    kept = with_key(plain, tmp_path / "site.key")
    assert kept.bring_up().encrypted
    assert not is_plain(kept.path)
    assert [number for (number,) in kept.rows("SELECT number FROM tickets ORDER BY sequence")] == given
    assert kept.whole()
    for file in kept.path.parent.rglob("*"):
        assert not file.is_file() or b"SQLite format 3" not in file.read_bytes()


def test_a_power_cut_while_encrypting_loses_nothing(tmp_path: Path) -> None:
    from tiepdon.keeping.upgrading import bring_up

    seen: list[str] = []
    for cut in range(30):
        folder = tmp_path / str(cut)
        folder.mkdir()
        plain = kept_site(folder, encrypted=False)
        plain.check_in(1, 2)
        write_new_key(folder / "site.key")
        kept, left = with_key(plain, folder / "site.key"), [cut]

        def step(name: str, left: list[int] = left) -> None:
            if left[0] == 0:
                raise PowerCut
            left[0] -= 1
            seen.append(name)

        try:
            bring_up(kept.settings, now(), step)
        except PowerCut:
            kept.bring_up()
            assert not is_plain(kept.path)
            assert kept.check_in(3, 3) == ["A0003"]
            assert not kept.where.beside(".plain").exists()
            continue
        break
    assert {"export", "note", "place", "overwrite"} <= set(seen)


def test_after_a_rotation_only_the_new_key_opens_it(tmp_path: Path) -> None:
    kept = kept_site(tmp_path, encrypted=True)
    kept.check_in(1, 3)
    take_snapshot(kept.where, now())
    shutil.copyfile(tmp_path / "site.key", tmp_path / "old.key")
    (tmp_path / "old.key").chmod(0o600)
    write_new_key(tmp_path / "new.key")
    rekey(kept.settings, tmp_path / "new.key", now())
    assert read_key(tmp_path / "site.key") == read_key(tmp_path / "new.key")
    assert kept.check_in(4, 4) == ["A0004"]
    for file in (kept.path, *snapshots(kept.where)):
        with pytest.raises(DatabaseWrongKey):
            open_database(DatabaseFile(file, tmp_path / "old.key"))
    rekey(kept.settings, tmp_path / "new.key", now())  # once more changes nothing
    assert kept.check_in(5, 5) == ["A0005"]


def test_a_power_cut_while_the_key_changes_is_finished_by_the_same_call(tmp_path: Path) -> None:
    for cut in range(30):
        folder = tmp_path / str(cut)
        folder.mkdir()
        kept = kept_site(folder, encrypted=True)
        kept.check_in(1, 1)
        write_new_key(folder / "new.key")
        left = [cut]

        def step(_: str, left: list[int] = left) -> None:
            if left[0] == 0:
                raise PowerCut
            left[0] -= 1

        try:
            rekey(kept.settings, folder / "new.key", now(), step)
        except PowerCut:
            rekey(kept.settings, folder / "new.key", now())
            assert kept.check_in(2, 2) == ["A0002"]
            assert secret_of(read_key(folder / "new.key")) == kept.where.secret()
            continue
        assert cut > 5
        break


def test_the_key_is_not_changed_under_a_running_process(tmp_path: Path) -> None:
    kept = kept_site(tmp_path, encrypted=True)
    write_new_key(tmp_path / "new.key")
    with open_elsewhere(kept), pytest.raises(DatabaseInUse):
        rekey(kept.settings, tmp_path / "new.key", now())
    assert kept.check_in(1, 1) == ["A0001"]


def test_going_back_to_the_first_release_and_forward_again_loses_nothing(tmp_path: Path) -> None:
    kept = kept_site(tmp_path, encrypted=False)
    given = kept.check_in(1, 3)
    undone = go_back(kept.settings, "0.1.0", now())
    assert undone
    known = {str(name) for (name,) in kept.rows("SELECT name FROM migrations")}
    assert known == {f for f in known if not f.startswith("kiosk-0017") and not f.startswith("bridge-0009")}
    assert len(snapshots(kept.where)) == 1
    assert set(kept.bring_up().applied) == set(undone)
    assert [number for (number,) in kept.rows("SELECT number FROM tickets ORDER BY sequence")] == given
    assert kept.whole()


def test_an_encrypted_database_goes_back_to_a_release_without_encryption_only_when_asked(tmp_path: Path) -> None:
    kept = kept_site(tmp_path, encrypted=True)
    kept.check_in(1, 3)
    with pytest.raises(DatabaseNoWayBack):
        go_back(kept.settings, "0.1.0", now())
    go_back(kept.settings, "0.1.0", now(), decrypted=True)
    assert is_plain(kept.path)
    assert kept.bring_up().encrypted
    assert kept.check_in(4, 4) == ["A0004"]


def test_a_copy_is_made_while_check_ins_go_on_and_opens_for_its_recipient_alone(
    tmp_path: Path, other_disk: Path, identity: tuple[str, Path]
) -> None:
    kept = kept_site(tmp_path, encrypted=True)
    settings = with_backup(kept, other_disk, identity[0])
    config = tmp_path / "site.toml"
    config.write_text('[site]\nfacility_name = "Bệnh viện Mẫu"\n')
    with kept.store() as store:
        for one in range(5):
            store.counter_ticket(f"run-{one}")
        made = make(settings, config, now())
        store.counter_ticket("run-6")
    (file,) = backups(settings)
    assert str(file) == made.file
    assert file.stat().st_mode & 0o077 == 0
    manifest = verify(file, identity[1])
    assert manifest.rows["tickets"] == 5
    assert [left.name for left in other_disk.iterdir()] == [file.name]
    assert not list(kept.path.parent.glob("*.copy*"))
    other = tmp_path / "other.key"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    with pytest.raises(WrongIdentity):
        verify(file, other)


@pytest.mark.parametrize("at", [0.02, 0.5, 0.99])
def test_a_damaged_copy_is_recognised(tmp_path: Path, other_disk: Path, identity: tuple[str, Path], at: float) -> None:
    kept = kept_site(tmp_path, encrypted=False)
    file = Path(make(with_backup(kept, other_disk, identity[0]), None, now()).file)
    content = bytearray(file.read_bytes())
    content[int(len(content) * at)] ^= 1
    file.write_bytes(content)
    with pytest.raises(EnvelopeDamaged):
        verify(file, identity[1])
    file.write_bytes(content[: int(len(content) * at)])
    with pytest.raises(EnvelopeDamaged):
        verify(file, identity[1])


def test_restored_on_another_machine_with_another_key_numbers_go_on(
    tmp_path: Path, other_disk: Path, identity: tuple[str, Path]
) -> None:
    kept = kept_site(tmp_path / "one", encrypted=True)
    kept.check_in(1, 20)
    file = Path(make(with_backup(kept, other_disk, identity[0]), None, now() - timedelta(minutes=2)).file)
    kept.check_in(21, 40)  # lost with this machine
    other = Kept(kept.settings)
    paths = msgspec.structs.replace(
        kept.settings.paths, state=str(tmp_path / "two"), key_file=str(tmp_path / "two.key")
    )
    other = Kept(msgspec.structs.replace(kept.settings, paths=paths))
    write_new_key(tmp_path / "two.key")
    report = restore(other.settings, file, identity[1], now())
    assert other.whole()
    assert not is_plain(other.path)
    assert other.rows("SELECT count(*) FROM tickets") == [(20,)]
    assert report.mended.doubtful == 40
    assert other.rows("SELECT DISTINCT doubtful FROM deliveries") == [(1,)]
    (number,) = other.check_in(41, 41)
    assert int(number.removeprefix("A")) > 40
    assert [found for _, found in unread(other.path.parent)] == [report]


def test_a_database_that_is_there_is_never_replaced_unasked_and_its_numbers_count(
    tmp_path: Path, other_disk: Path, identity: tuple[str, Path]
) -> None:
    kept = kept_site(tmp_path, encrypted=True)
    kept.check_in(1, 5)
    file = Path(make(with_backup(kept, other_disk, identity[0]), None, now()).file)
    kept.check_in(6, 9)
    with pytest.raises(DatabaseThere):
        restore(kept.settings, file, identity[1], now())
    report = restore(kept.settings, file, identity[1], now(), move_aside=True)
    assert kept.check_in(10, 10) == ["A0010"]
    (numbers,) = report.mended.numbers
    assert numbers.missing == ("A0006–A0009",)
    assert report.aside is not None
    assert (kept.path.parent / report.aside).exists()
    acknowledge(kept.path.parent, now())
    assert not (kept.path.parent / report.aside).exists()
    assert unread(kept.path.parent) == []


def test_where_copies_cannot_go_is_said_and_nothing_half_is_left(
    tmp_path: Path, other_disk: Path, identity: tuple[str, Path]
) -> None:
    kept = kept_site(tmp_path, encrypted=False)
    with pytest.raises(NoRecipients):
        make(with_backup(kept, other_disk), None, now())
    with pytest.raises(BackupFolderGone):
        make(with_backup(kept, other_disk / "stick", identity[0]), None, now())
    with pytest.raises(BackupSameDisk):
        make(with_backup(kept, tmp_path, identity[0]), None, now())
    if os.geteuid() != 0:
        other_disk.chmod(0o500)
        with pytest.raises(BackupReadOnly):
            make(with_backup(kept, other_disk, identity[0]), None, now())
    assert list(other_disk.iterdir()) == []
    assert not list(kept.path.parent.glob("*.copy*"))


def test_copies_and_states_are_removed_when_their_time_is_over(
    tmp_path: Path, other_disk: Path, identity: tuple[str, Path]
) -> None:
    kept = kept_site(tmp_path, encrypted=False)
    settings = with_backup(kept, other_disk, identity[0])
    make(settings, None, now() - timedelta(days=8))
    make(settings, None, now() - timedelta(days=2))
    assert make(settings, None, now()).removed == 1
    assert len(backups(settings)) == 2
    for minutes in range(5):
        take_snapshot(kept.where, now() - timedelta(minutes=minutes))
    assert len(snapshots(kept.where)) == 3


def test_commits_behind_damage_in_the_log_are_told(tmp_path: Path) -> None:
    kept = kept_site(tmp_path, encrypted=True)
    with closing(open_database(kept.where)) as holder:  # so that the log stays
        holder.execute("SELECT count(*) FROM tickets").fetchone()
        kept.check_in(1, 10)
        log = kept.where.beside("-wal").read_bytes()
        database = kept.path.read_bytes()
    kept.path.write_bytes(database)
    middle = 32 + (len(log) - 32) // (PAGE + 24) // 2 * (PAGE + 24) + 200
    kept.where.beside("-wal").write_bytes(log[:middle] + bytes(64) + log[middle + 64 :])
    assert lost_commits(kept.path, kept.where.secret()) > 0
    report = kept.bring_up().recovered
    assert report is not None
    assert (report.what, report.lost_commits > 0) == ("log", True)
    (number,) = kept.check_in(11, 11)
    assert int(number.removeprefix("A")) > 10
    assert kept.bring_up().recovered is None


def test_a_log_that_a_power_cut_tore_is_no_damage(tmp_path: Path) -> None:
    kept = kept_site(tmp_path, encrypted=False)
    with closing(open_database(kept.where)) as holder:
        holder.execute("SELECT count(*) FROM tickets").fetchone()
        kept.check_in(1, 5)
        log, database = kept.where.beside("-wal").read_bytes(), kept.path.read_bytes()
    kept.path.write_bytes(database)
    kept.where.beside("-wal").write_bytes(log[: len(log) - 1000])
    assert kept.bring_up().recovered is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for somebody else")
def test_what_root_does_by_hand_the_processes_can_open(tmp_path: Path) -> None:
    kept = kept_site(tmp_path, encrypted=True)
    nobody = 65534
    for file in (kept.path.parent, *kept.path.parent.iterdir()):
        os.chown(file, nobody, nobody)
    write_new_key(tmp_path / "new.key")
    rekey(kept.settings, tmp_path / "new.key", now())
    owners = {file.name: file.stat().st_uid for file in kept.path.parent.rglob("*")}
    assert set(owners.values()) == {nobody}, owners
