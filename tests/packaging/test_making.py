"""How the Debian package is made: nothing forgotten, nothing foreign, the same bytes each time. The package itself is
lived through by `make package-test`."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
sys.path.append(str(PACKAGING))  # the maker is build-time only and in no package of ours

from maker import archive, lock, parts, rights, sbom, tree, wheels  # type: ignore[import-not-found]  # noqa: E402

MOMENT = 1_700_000_000


def binding(expression: str) -> list[str]:
    """The terms of an SPDX expression that are GPL or AGPL without an exception for what links to them."""
    terms = re.split(r" (?:AND|OR) ", expression)
    return [term for term in terms if term.strip("()").startswith(("GPL", "AGPL")) and " WITH " not in term]


needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb here")


@pytest.fixture
def laid(tmp_path: Path) -> Path:
    """The tree of a package, without its libraries."""
    place = tmp_path / "tree"
    tree.lay_program(PACKAGING, place)
    tree.lay_system(ROOT, PACKAGING / "files.toml", place)
    return place


def packed(place: Path, output: Path) -> Path:
    """A package of that tree."""
    release = archive.Release("1.2.3", "amd64", MOMENT)
    archive.write_control(PACKAGING, place, release, tree.lay_units(place))
    tree.settle(place, MOMENT)
    made: Path = archive.build(place, release, output)
    return made


def test_every_file_of_the_machine_has_its_place(laid: Path) -> None:
    names = {path.name for path in (ROOT / "systemd").rglob("*") if path.is_file()}
    assert names <= {path.name for path in laid.rglob("*")}


def test_a_file_nobody_placed_stops_the_making(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for folder in ("systemd", "packaging", "monitoring", "config/examples", "scripts"):
        shutil.copytree(ROOT / folder, source / folder)
    (source / "systemd" / "forgotten.conf").write_text("")
    with pytest.raises(tree.MakeError, match=r"forgotten\.conf"):
        tree.lay_system(source, PACKAGING / "files.toml", tmp_path / "tree")


def test_every_unit_but_a_running_update_is_stopped_and_what_the_preset_enables_is_enabled(laid: Path) -> None:
    enabled = tree.lay_units(laid)
    lines = (laid / tree.PROGRAM / "units").read_text("utf-8").splitlines()
    units = {path.name for path in (ROOT / "systemd").glob("tiepdon*.*") if path.is_file()}
    assert {line.removeprefix("stop ") for line in lines if line.startswith("stop ")} == units - set(tree.UPDATING)
    assert "tiepdon.target" in enabled
    assert "tiepdon-screen.service" not in enabled  # tty1 is taken only where setup was told that there is a screen


@needs_dpkg
def test_two_builds_of_one_tree_are_the_same_bytes(laid: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(laid, again, symlinks=True)
    (again / "usr/lib/tiepdon/bin/tiepdon").chmod(0o777)  # under another umask
    first, second = packed(laid, tmp_path / "a"), packed(again, tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()


@needs_dpkg
def test_everything_belongs_to_root_and_what_a_site_may_change_is_a_conffile(laid: Path, tmp_path: Path) -> None:
    made = packed(laid, tmp_path)
    listed = subprocess.run(["dpkg-deb", "-c", made], check=True, capture_output=True, text=True).stdout.splitlines()
    assert {line.split()[1] for line in listed} == {"root/root"}
    modes = [line.split()[0] for line in listed if not line.startswith("l")]
    assert [mode for mode in modes if mode[8] == "w" or {"s", "S", "t", "T"} & set(mode)] == []
    conffiles = (laid / "DEBIAN" / "conffiles").read_text("utf-8").split()
    assert {f"/{path.relative_to(laid)}" for path in (laid / "etc").rglob("*") if path.is_file()} == set(conffiles)


def test_the_settings_of_a_site_are_no_file_of_the_package(laid: Path) -> None:
    assert not (laid / "etc" / "tiepdon").exists()


@pytest.mark.parametrize("name", [*(f"debian/{name}" for name in SCRIPTS), "tiepdon.rtupdate"])
def test_maintainer_scripts_are_plain_shell_that_stops_at_the_first_error(name: str) -> None:
    text = (PACKAGING / name).read_text("utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -e\n" in text
    subprocess.run(["/bin/sh", "-n", str(PACKAGING / name)], check=True)


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
def test_a_maintainer_script_refuses_an_argument_that_policy_does_not_know(name: str) -> None:
    done = subprocess.run(
        ["/bin/sh", str(PACKAGING / "debian" / name), "nonsense"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "nonsense" in done.stderr


@pytest.mark.parametrize("machine", lock.MACHINES, ids=lambda machine: machine.architecture)
@pytest.mark.parametrize("python", lock.PYTHONS)
def test_each_python_gets_every_library_but_what_debian_has(machine: lock.Machine, python: str) -> None:
    names = {item.name for item in lock.locked(ROOT / "requirements.lock", machine, python)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {Requirement(line).name for line in project["dependencies"]}
    assert wanted - names == set(lock.FROM_DEBIAN)
    assert all(item.hashes for item in lock.locked(ROOT / "requirements.lock", machine, python))


def test_markers_are_judged_for_the_target_and_not_for_this_machine() -> None:
    versions = {
        python: {item.name: item.version for item in lock.locked(ROOT / "requirements.lock", lock.MACHINES[1], python)}
        for python in lock.PYTHONS
    }
    assert versions["3.11"]["numpy"] != versions["3.13"]["numpy"]


def test_a_wheel_for_a_newer_glibc_than_debian_12_has_is_never_taken() -> None:
    assert max(int(name.split("_")[2]) for name in lock.MACHINES[0].platforms if name.count("_") > 2) == 36


class TestTheLauncher:
    """In a program folder with a stand-in for the product that tells what it sees."""

    TELLS = """
import json, os, subprocess, sys
def main():
    child = [sys.executable, "-m", "tiepdon.child"] if len(sys.argv) > 1 else None
    told = {"path": sys.path, "prefix": sys.prefix, "flags": sys.flags.isolated, "safe": os.environ["PYTHONSAFEPATH"]}
    if child:
        told["child"] = subprocess.run(child, capture_output=True, text=True).stdout.strip()
    print(json.dumps(told))
"""

    @pytest.fixture
    def program(self, tmp_path: Path) -> Path:
        tree.lay_program(PACKAGING, tmp_path)
        program = tmp_path / tree.PROGRAM
        for python in lock.PYTHONS:
            place = program / "lib" / f"python{python}" / "site-packages"
            place.mkdir(parents=True)
            (place / "tiepdon.pth").write_text(wheels.PATHS, "utf-8")
        common = program / "lib" / "common" / "tiepdon"
        common.mkdir(parents=True)
        (common / "__init__.py").write_text("")
        (common / "main.py").write_text(self.TELLS)
        (common / "child.py").write_text("print('the real child')")
        (program / "lib" / "debian" / "smartcard").unlink()
        return program

    def run(self, program: Path, at: Path, *arguments: str) -> dict[str, object]:
        import json

        done = subprocess.run(
            [program / "bin" / "python3", "-I", program / "bin" / "tiepdon", *arguments],
            cwd=at,
            env={**os.environ, "PYTHONPATH": str(at), "PYTHONSTARTUP": str(at / "x.py")},
            capture_output=True,
            text=True,
            check=True,
        )
        told: dict[str, object] = json.loads(done.stdout)
        return told

    @pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="no system Python here")
    def test_nothing_of_the_callers_surroundings_gets_in(self, program: Path, tmp_path: Path) -> None:
        evil = tmp_path / "evil"
        (evil / "tiepdon").mkdir(parents=True)
        (evil / "tiepdon" / "__init__.py").write_text("")
        (evil / "tiepdon" / "main.py").write_text("raise SystemExit('taken over')")
        (evil / "tiepdon" / "child.py").write_text("print('taken over')")
        told = self.run(program, evil, "with a child")
        assert told["child"] == "the real child"
        assert told["prefix"] == str(program)
        path = told["path"]
        assert isinstance(path, list)
        assert not [entry for entry in path if entry.endswith("dist-packages") or entry == str(evil)]


@pytest.fixture(scope="module")
def bundled() -> list[parts.Part]:
    """The parts of the package, by what is installed here of the same lock."""
    import importlib.metadata

    library = Path(str(importlib.metadata.distribution("flask").locate_file("")))
    names = {item.name for item in lock.locked(ROOT / "requirements.lock", lock.MACHINES[0], "3.11")}
    found: list[parts.Part] = parts.bundled([], library, ROOT, PACKAGING / "licences.toml", only=names)
    return found


def test_no_bundled_part_binds_the_product_to_its_licence(bundled: list[parts.Part]) -> None:
    assert len(bundled) > 40
    assert [part.name for part in bundled if binding(part.licence)] == []


def test_the_bill_of_materials_is_valid_and_the_same_each_time(bundled: list[parts.Part]) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    bills = [sbom.bill("1.2.3", "arm64", order, ["pcscd"], MOMENT) for order in (bundled, bundled[::-1])]
    assert bills[0] == bills[1]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bills[0]) is None
    assert '"pkg:npm/htmx.org@' in bills[0]
    assert '"pkg:deb/debian/pcscd"' in bills[0]


def test_a_part_whose_licence_nobody_wrote_down_stops_the_making(tmp_path: Path) -> None:
    folder = tmp_path / "unheard-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: unheard\nVersion: 1.0\n")
    with pytest.raises(tree.MakeError, match="unheard"):
        parts.bundled([], tmp_path, ROOT, PACKAGING / "licences.toml")


def test_the_copyright_file_names_every_part(bundled: list[parts.Part]) -> None:
    text = rights.copyright_file(bundled)
    assert text.startswith("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n")
    used = set(re.findall(r"^License: (.+)$", text, re.MULTILINE))
    for part in bundled:
        assert f"Comment: {part.name} {part.version}\n" in text
    assert {stanza.splitlines()[0] for stanza in text.split("\n\n") if stanza.startswith("License:")} == {
        f"License: {name}" for name in used
    }


def test_launcher_and_scripts_may_be_started_by_anybody_and_written_by_root(laid: Path) -> None:
    assert stat.S_IMODE((laid / tree.PROGRAM / "bin" / "tiepdon").stat().st_mode) == 0o755
