"""`tiepdon trust` as its users run it: what comes in, what is listed, what is refused and why."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.reader.pki import test_master_list as lists
from tests.reader.pki.test_trust import LA, REVOKED, VN, authority
from tests.support.world import run_command


def trust(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return run_command("trust", *map(str, arguments))


def answer(*arguments: object) -> dict:
    done = trust(*arguments, "--json")
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "trust"


@pytest.fixture
def vn(tmp_path: Path) -> Path:
    file = tmp_path / "vn.cer"
    file.write_bytes(VN.dump())
    return file


@pytest.fixture
def master_list(tmp_path: Path) -> Path:
    file = tmp_path / "list.ml"
    file.write_bytes(lists.made().bare())
    return file


def test_a_certificate_is_taken_in_and_then_there_already(folder: Path, vn: Path) -> None:
    done = trust("import", vn, "--trust", folder)
    assert (done.returncode, done.stderr) == (0, "")
    added, summary = done.stdout.splitlines()
    assert added.startswith("added     VN  root   until 2037-01-01  ")
    assert added.endswith("C=VN, CN=CSCA VN")
    assert summary == f"{folder}: 1 added, 0 already there, 0 refused, 0 passed over"
    done = trust("import", vn, "--trust", folder)
    assert (done.returncode, done.stdout) == (0, f"{folder}: 0 added, 1 already there, 0 refused, 0 passed over\n")


def test_several_files_are_taken_in_together_and_for_programs(folder: Path, vn: Path, tmp_path: Path) -> None:
    (tmp_path / "list.crl").write_bytes(REVOKED)
    (tmp_path / "la.cer").write_bytes(LA.dump())
    told = answer("import", vn, tmp_path / "la.cer", tmp_path / "list.crl", "--country", "vn", "--trust", folder)
    assert told["folder"] == str(folder)
    assert [(one["kind"], one["country"], one["state"]) for one in told["entries"]] == [
        ("root", "VN", "added"),
        ("root", "LA", "skipped"),
        ("revocation_list", "VN", "added"),
    ]


def test_nothing_is_taken_in_when_one_of_the_files_cannot_be_read(folder: Path, vn: Path, tmp_path: Path) -> None:
    (tmp_path / "odd").write_text("nothing")
    for odd in (tmp_path / "odd", tmp_path / "none", tmp_path):
        done = trust("import", vn, odd, "--trust", folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert "trust.source_unusable" in done.stderr
        assert str(odd) in done.stderr
    assert not folder.exists()


def test_what_is_refused_is_said_and_the_exit_code_tells(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "forged.cer").write_bytes(authority(key=lists.DE_KEY, issuer_id=None).dump()[:-1] + b"\x00")
    done = trust("import", tmp_path / "forged.cer", "--trust", folder)
    assert done.returncode == 1
    assert "(self_signature)" in done.stdout


def test_a_list_of_an_unknown_signer_names_whom_to_compare(folder: Path, master_list: Path) -> None:
    done = trust("import", master_list, "--trust", folder)
    assert (done.returncode, done.stdout) == (1, "")
    fingerprint = next(iter(lists.fingerprint(lists.DE)))
    assert "trust.list_unproven" in done.stderr
    assert fingerprint in done.stderr
    told = json.loads(trust("import", master_list, "--trust", folder, "--json").stdout)
    assert told["error"]["code"] == "trust.list_unproven"
    assert told["error"]["data"]["sha256"] == fingerprint
    written = ":".join(fingerprint[at : at + 2].upper() for at in range(0, 64, 2))
    done = trust("import", master_list, "--trust", folder, "--fingerprint", written, "--country", "VN")
    assert (done.returncode, done.stderr) == (0, "")
    assert "proven: fingerprint" in done.stdout
    assert answer("import", master_list, "--trust", folder, "--unverified")["lists"][0]["proof"] == "unverified"


def test_a_list_with_a_wrong_signature_is_refused_whatever_is_asked(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "list.ml").write_bytes(replace(lists.made(), digest=bytes(48)).bare())
    told = trust("import", tmp_path / "list.ml", "--trust", folder, "--unverified")
    assert told.returncode == 1
    assert "refused: signature.digest" in told.stdout


def test_the_folder_is_that_of_the_settings(folder: Path, vn: Path, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f'[reader]\ntrust_folder = "{folder}"\n')
    assert trust("import", vn, "--config", site).returncode == 0
    assert len(answer("list", "--config", site)["authorities"]) == 1
    site.write_text("")
    for action in (("import", vn), ("list",)):
        done = trust(*action, "--config", site)
        assert (done.returncode, done.stdout) == (1, "")
        assert "trust.no_folder" in done.stderr


def test_the_list_tells_what_a_technician_needs(folder: Path, vn: Path, tmp_path: Path) -> None:
    (tmp_path / "list.crl").write_bytes(REVOKED)
    (tmp_path / "old.cer").write_bytes(authority("LA", lists.FR_KEY, years=(2010, 2020)).dump())
    trust("import", vn, tmp_path / "old.cer", tmp_path / "list.crl", "--trust", folder)
    told = answer("list", "--trust", folder)
    old, root = told["authorities"]
    assert (root["country"], root["kind"], root["valid_from"], root["valid_to"]) == (
        "VN",
        "root",
        "2022-01-01",
        "2037-01-01",
    )
    assert (root["key"], root["explicit_parameters"], root["signature"]) == ("brainpoolP512r1", True, "ecdsa-sha512")
    assert root["warnings"] == []
    assert (old["country"], old["warnings"]) == ("LA", ["expired"])
    (revocations,) = told["revocation_lists"]
    assert (revocations["country"], revocations["revoked"]) == ("VN", 1)
    lines = trust("list", "--trust", folder).stdout.splitlines()
    assert len(lines) == 4
    assert "[expired]" in lines[0]
    assert "brainpoolP512r1 explicit  ecdsa-sha512" in lines[1]
    assert lines[3] == f"{folder}: 2 certificates of 2 countries, 1 revocation lists"
    assert len(answer("list", "--trust", folder, "--country", "vn")["authorities"]) == 1


def test_the_list_warns_of_what_lies_there_and_does_not_fit(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    damaged = VN.dump()[:-1] + bytes([VN.dump()[-1] ^ 1])
    (folder / "damaged.cer").write_bytes(damaged)
    (folder / "list.crl").write_bytes(REVOKED[:-1] + bytes([REVOKED[-1] ^ 1]))
    told = answer("list", "--trust", folder)
    assert told["authorities"][0]["warnings"] == ["self_signature"]
    assert "unverified" in told["revocation_lists"][0]["warnings"]


def test_a_folder_that_is_not_there_or_holds_rubbish_is_said(folder: Path, vn: Path) -> None:
    assert "reader.trust_unusable" in trust("list", "--trust", folder).stderr
    folder.mkdir()
    (folder / "a.cer").write_text("rubbish")
    for action in (("list",), ("import", vn)):
        done = trust(*action, "--trust", folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert "reader.trust_unusable" in done.stderr


@pytest.mark.parametrize("arguments", [["import"], ["import", "x", "--fingerprint", "abc"], ["fly"]])
def test_wrong_usage_is_told(arguments: list[str]) -> None:
    done = trust(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: tiepdon trust")
