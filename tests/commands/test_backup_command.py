"""The commands a technician and the timers run: a state beside the database, a copy, its proof, its return."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyrage
import pytest

from tests.support.world import run_command


@pytest.fixture
def stick() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def site(folder: Path, stick: Path, recipient: str) -> Path:
    """Settings of a site whose database is encrypted and copied to a stick."""
    from wire.keys import write_new_key

    folder.mkdir()
    write_new_key(folder / "site.key")
    file = folder / "site.toml"
    file.write_text(
        f'[site]\nfacility_code = "01028"\n[paths]\nstate = "{folder}/state"\nrun = "{folder}/run"\n'
        f'key_file = "{folder}/site.key"\n[backup]\nfolder = "{stick}"\nrecipients = ["{recipient}"]\n'
    )
    return file


def told(*arguments: str) -> object:
    done = run_command(*arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return msgspec.json.decode(done.stdout)


def test_a_technician_makes_proves_and_restores_a_copy(tmp_path: Path, stick: Path) -> None:
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "province.key").write_text(str(key))
    one = str(site(tmp_path / "one", stick, str(key.to_public())))
    two = str(site(tmp_path / "two", stick, str(key.to_public())))
    told("database", "migrate", "--config", one)
    kept = told("backup", "snapshot", "--config", one)
    assert isinstance(kept, dict)
    assert Path(str(kept["file"])).parent == tmp_path / "one" / "state" / "snapshots"
    made = told("backup", "make", "--config", one)
    (listed,) = told("backup", "list", "--config", one)  # type: ignore[misc]
    assert isinstance(made, dict)
    assert listed["file"] == made["file"]
    identity = ("--identity", str(tmp_path / "province.key"))
    proven = told("backup", "verify", str(made["file"]), *identity)
    assert isinstance(proven, dict)
    assert proven["key"] == ""
    told("backup", "restore", str(made["file"]), *identity, "--config", two)
    assert (tmp_path / "two" / "state" / "restored-settings.toml").read_text() == Path(one).read_text()
    refused = run_command("backup", "restore", str(made["file"]), *identity, "--config", two)
    assert refused.returncode == 1
    assert "backup.database_there" in refused.stderr


def test_a_stick_that_is_out_is_said(tmp_path: Path, stick: Path) -> None:
    key = pyrage.x25519.Identity.generate()
    file = site(tmp_path / "one", stick / "away", str(key.to_public()))
    told("database", "migrate", "--config", str(file))
    done = run_command("backup", "make", "--config", str(file))
    assert done.returncode == 1
    assert "backup.folder_gone" in done.stderr
    assert list(stick.iterdir()) == []
