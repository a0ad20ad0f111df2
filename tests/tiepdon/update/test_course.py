"""An update on the real dpkg: it proves itself or goes back, also when the power fails between two steps."""

import hashlib
import json
import os
import random
import string
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.tiepdon.update.publisher import Publisher, debian_with, packed
from tiepdon.update.course import (
    STEADY_LOOKS,
    UNDER_WAY,
    Course,
    NoRoom,
    NotNewer,
    Phase,
    Updates,
    UpdateUnderWay,
    Well,
    WrongPackage,
)
from tiepdon.update.debian import Debian
from tiepdon.update.release import Package, PackageWrong, package_for, read_release

FILE = "usr/lib/tiepdon/state"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


class PowerCut(BaseException):
    """The machine is off."""


class Site:
    """A machine with version 1.0, a publisher, and a look that reads what the installed files say of themselves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.debian = debian_with(self.root, "1.0", {FILE: "ready"})
        self.publisher = Publisher.new(folder / "publisher")
        self.looks = 0

    def says(self) -> str:
        return (self.root / FILE).read_text("utf-8")

    def look(self) -> Well:
        self.looks += 1
        state, _, failing = self.says().partition(" ")
        return Well(ready=state == "ready", failing=tuple(failing.split()))

    def updates(self, debian: Debian | None = None, look: Callable[[], Well] | None = None) -> Updates:
        return Updates(
            self.folder / "updates",
            debian or self.debian,
            look or self.look,
            lambda _: None,
            lambda: NOW,
        )

    def take(self, version: str, says: str, updates: Updates | None = None, **more: object) -> Phase:
        folder = self.publisher.release(self.folder / f"stick-{version}", version, {FILE: says}, **more)
        release = read_release(folder, [self.publisher.public])
        package = package_for(release, "amd64", "all", release.released)
        ours = updates or self.updates()
        ours.prepare(folder, release, package)
        done = ours.resume(20)
        assert done is not None
        return done.phase


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_version_that_is_well_stays(site: Site) -> None:
    assert site.take("1.1", "ready") is Phase.CONFIRMED
    assert site.debian.installed() == "1.1"
    assert site.looks > STEADY_LOOKS


def test_a_version_that_does_not_come_up_goes_back(site: Site) -> None:
    assert site.take("1.1", "dead") is Phase.WENT_BACK
    assert (site.debian.installed(), site.says()) == ("1.0", "ready")
    last = site.updates().last()
    assert last is not None
    assert last.why == "update.not_ready"


def test_a_version_with_which_something_new_fails_goes_back(site: Site) -> None:
    assert site.take("1.1", "ready printer:printer.off") is Phase.WENT_BACK
    last = site.updates().last()
    assert last is not None
    assert (last.why, site.debian.installed()) == ("update.worse", "1.0")


def test_what_failed_before_is_not_held_against_the_new_version(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.debian.install(packed(tmp_path, "1.0.1", {FILE: "ready printer:printer.off"}))
    assert site.take("1.1", "ready printer:printer.off") is Phase.CONFIRMED


def test_an_older_release_and_the_same_one_again_are_refused_before_anything_is_touched(site: Site) -> None:
    for version in ("1.0", "0.9", "1.0~rc1"):
        with pytest.raises(NotNewer):
            site.take(version, "ready")
    with pytest.raises(NotNewer):
        site.take("3.0", "ready", from_version="2.0")
    assert site.debian.installed() == "1.0"
    assert site.updates().last() is None


def test_a_stick_that_is_changed_after_its_signature_was_read_is_noticed(site: Site) -> None:
    folder = site.publisher.release(site.folder / "stick", "1.1", {FILE: "ready"})
    release = read_release(folder, [site.publisher.public])
    package = release.packages["amd64"]
    (folder / package.file).write_bytes(b"x" * package.size)
    with pytest.raises(PackageWrong):
        site.updates().prepare(folder, release, package)
    (folder / package.file).unlink()
    (folder / package.file).symlink_to("/dev/zero")
    with pytest.raises(PackageWrong):
        site.updates().prepare(folder, release, package)
    assert site.debian.installed() == "1.0"


def test_a_signed_package_of_another_name_is_refused(site: Site) -> None:
    folder = site.publisher.release(site.folder / "stick", "1.1", {FILE: "ready"})
    release = read_release(folder, [site.publisher.public])
    other = packed(site.folder, "1.1", {FILE: "ready"}, name="other")
    content = other.read_bytes()
    (folder / other.name).write_bytes(content)
    package = Package(file=other.name, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(WrongPackage):
        site.updates().prepare(folder, release, package)


class Cut(Debian):
    """The power fails at this package's step."""

    def install(self, file: Path) -> None:
        if "1.1" in file.name:
            super().install(file)
        raise PowerCut


def test_what_a_power_cut_leaves_of_packing_the_way_back_is_removed_at_the_next_try(site: Site) -> None:
    class CutPacking(Debian):
        def pack_installed(self, folder: Path) -> Path:
            (folder / "dpkg-repack.tiepdon.abcdef" / "usr").mkdir(parents=True)
            (folder / "tiepdon_1.0_amd64.deb").write_bytes(b"!<arch>")
            raise PowerCut

    with pytest.raises(PowerCut):
        site.take("1.1", "ready", site.updates(CutPacking(site.root)))
    assert site.updates().resume(20) is None
    assert site.take("1.2", "ready") is Phase.CONFIRMED
    assert not list(site.folder.rglob("dpkg-repack.*"))


def test_a_power_cut_behind_the_unpacking_is_taken_up_at_the_next_start(site: Site) -> None:
    with pytest.raises(PowerCut):
        site.take("1.1", "ready", site.updates(Cut(site.root)))
    last = site.updates().last()
    assert last is not None
    assert last.phase in UNDER_WAY
    with pytest.raises(UpdateUnderWay):
        site.take("1.2", "ready")
    done = site.updates().resume(20)
    assert done is not None
    assert (done.phase, site.debian.installed()) == (Phase.CONFIRMED, "1.1")
    assert site.updates().resume(20) is None


def test_a_power_cut_while_a_bad_version_is_proved_still_ends_with_the_good_one(site: Site) -> None:
    def cut() -> Well:
        if site.says() == "dead":
            raise PowerCut
        return site.look()

    with pytest.raises(PowerCut):
        site.take("1.1", "dead", site.updates(look=cut))
    done = site.updates().resume(20)
    assert done is not None
    assert (done.phase, site.debian.installed(), site.says()) == (Phase.WENT_BACK, "1.0", "ready")


def test_a_power_cut_on_the_way_back_goes_on_back(site: Site) -> None:
    class CutBack(Debian):
        def install(self, file: Path) -> None:
            if "1.0" in file.name:
                raise PowerCut
            super().install(file)

    with pytest.raises(PowerCut):
        site.take("1.1", "dead", site.updates(CutBack(site.root)))
    done = site.updates().resume(20)
    assert done is not None
    assert (done.phase, site.debian.installed()) == (Phase.WENT_BACK, "1.0")


def test_what_is_prepared_waits_for_the_start_in_which_the_root_can_be_written(site: Site) -> None:
    folder = site.publisher.release(site.folder / "stick", "1.1", {FILE: "ready"})
    release = read_release(folder, [site.publisher.public])
    assert site.updates().prepare(folder, release, release.packages["amd64"]).phase is Phase.PREPARED
    assert site.debian.installed() == "1.0"
    done = site.updates().resume(20)
    assert done is not None
    assert (done.phase, site.debian.installed()) == (Phase.CONFIRMED, "1.1")


def test_a_confirmed_version_is_taken_back_when_somebody_asks(site: Site) -> None:
    site.take("1.1", "ready")
    assert site.updates().go_back().phase is Phase.WENT_BACK
    assert site.debian.installed() == "1.0"
    with pytest.raises(NotNewer):
        site.updates().go_back()


def test_a_package_dpkg_refuses_leaves_the_old_version(site: Site) -> None:
    folder = site.folder / "stick"
    site.publisher.release(folder, "1.1", {FILE: "ready"})
    # Signed, and a package by its head, but its content is cut off.
    package = folder / "tiepdon_1.1_all.deb"
    content = package.read_bytes()[:-20]
    package.write_bytes(content)
    told = json.loads((folder / "release.json").read_text("utf-8"))
    told["packages"]["amd64"] |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "release.json").write_text(json.dumps(told), "utf-8")
    site.publisher.sign(folder / "release.json")
    release = read_release(folder, [site.publisher.public])
    site.updates().prepare(folder, release, release.packages["amd64"])
    done = site.updates().resume(20)
    assert done is not None
    assert (done.phase, done.why) == (Phase.WENT_BACK, "update.package_system_failed")
    assert (site.debian.installed(), site.debian.is_whole()) == ("1.0", True)


def test_two_processes_do_not_update_at_once(site: Site) -> None:
    """The timer at night and somebody at the keyboard: the second is told so, and touches nothing."""
    at_it: list[object] = []

    class Slow(Debian):
        def pack_installed(self, folder: Path) -> Path:
            folders = sorted(path.name for path in folder.iterdir())
            with pytest.raises(UpdateUnderWay):
                site.take("1.2", "ready")
            with pytest.raises(UpdateUnderWay):
                site.updates().go_back()
            at_it.append(site.updates().resume(20))
            assert sorted(path.name for path in folder.iterdir()) == folders
            return super().pack_installed(folder)

        def install(self, file: Path) -> None:
            at_it.append(site.updates().resume(20))  # as the start of the machine does, where it comes in between
            super().install(file)

    assert site.take("1.1", "ready", site.updates(Slow(site.root))) is Phase.CONFIRMED
    assert at_it == [None, None]


def test_what_was_prepared_and_never_begun_is_not_pushed_aside(site: Site) -> None:
    folder = site.publisher.release(site.folder / "stick", "1.1", {FILE: "ready"})
    release = read_release(folder, [site.publisher.public])
    site.updates().prepare(folder, release, release.packages["amd64"])
    with pytest.raises(UpdateUnderWay):
        site.updates().go_back()


def test_a_disk_without_room_is_told_before_anything_is_changed(site: Site) -> None:
    folder = site.publisher.release(site.folder / "stick", "1.1", {FILE: "ready"})
    release = read_release(folder, [site.publisher.public])
    full = Updates(
        site.folder / "updates", site.debian, site.look, lambda _: None, lambda: NOW, free=lambda _: 10 << 20
    )
    with pytest.raises(NoRoom) as caught:
        full.prepare(folder, release, release.packages["amd64"])
    assert caught.value.data["free_mb"] == 10
    assert site.updates().last() is None
    assert site.debian.installed() == "1.0"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_disk_that_fills_while_dpkg_unpacks_ends_with_the_version_before(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 24) as disk:
        site = Site(disk)
        large = "".join(random.Random(1).choices(string.printable, k=6 << 20))  # noqa: S311
        folder = site.publisher.release(tmp_path / "stick", "1.1", {FILE: "ready", "usr/lib/tiepdon/large": large})
        release = read_release(folder, [site.publisher.public])
        updates = Updates(disk / "updates", site.debian, site.look, lambda _: None, lambda: NOW, free=lambda _: 1 << 40)
        updates.prepare(folder, release, release.packages["amd64"])
        free = os.statvfs(disk)
        (disk / "filler").write_bytes(b"x" * (free.f_bavail * free.f_frsize - (3 << 20)))
        done = updates.resume(20)
        assert done is not None
        assert (done.phase, done.why) == (Phase.WENT_BACK, "update.package_system_failed")
        assert (site.debian.installed(), site.says()) == ("1.0", "ready")
        assert site.debian.is_whole()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_stick_s_package_for_which_there_is_no_room_is_not_called_a_wrong_one(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4) as disk:
        site = Site(disk)
        large = "".join(random.Random(2).choices(string.printable, k=8 << 20))  # noqa: S311
        folder = site.publisher.release(tmp_path / "stick", "1.1", {"usr/lib/tiepdon/large": large})
        release = read_release(folder, [site.publisher.public])
        updates = Updates(disk / "updates", site.debian, site.look, lambda _: None, lambda: NOW, free=lambda _: 1 << 40)
        with pytest.raises(NoRoom):
            updates.prepare(folder, release, release.packages["amd64"])


def test_nothing_is_taken_away_while_somebody_is_served(site: Site) -> None:
    """Neither forward nor back as somebody asks; a version that is not well goes at once."""
    installed: list[str] = []

    def quiet() -> None:
        installed.append(site.debian.installed())

    updates = Updates(site.folder / "updates", site.debian, site.look, lambda _: None, lambda: NOW, quiet)
    assert site.take("1.1", "ready", updates) is Phase.CONFIRMED
    assert installed == ["1.0"]
    updates.go_back()
    assert installed == ["1.0", "1.1"]
    assert site.take("1.2", "dead", updates) is Phase.WENT_BACK
    assert installed == ["1.0", "1.1", "1.0"]


PHASES = [Phase.PREPARED, Phase.INSTALLING, Phase.PROVING, Phase.GOING_BACK]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("says", ["ready", "dead"])
def test_a_power_cut_right_behind_each_mark_on_the_disk_ends_well(site: Site, phase: Phase, says: str) -> None:
    """The file is the only thing that lasts: whatever it says, the next start ends with a version that is well."""

    class CutMarks(Updates):
        def _keep(self, course: Course) -> Course:
            kept = super()._keep(course)
            if kept.phase is phase:
                raise PowerCut
            return kept

    cut = CutMarks(site.folder / "updates", site.debian, site.look, lambda _: None, lambda: NOW)
    if says == "ready" and phase is Phase.GOING_BACK:
        assert site.take("1.1", says, cut) is Phase.CONFIRMED  # it never goes back
        return
    with pytest.raises(PowerCut):
        site.take("1.1", says, cut)
    assert site.updates().last() is not None
    done = site.updates().resume(20)
    assert done is not None
    assert done.phase is (Phase.CONFIRMED if says == "ready" else Phase.WENT_BACK)
    assert site.debian.installed() == ("1.1" if says == "ready" else "1.0")
    assert (site.debian.is_whole(), site.says()) == (True, "ready")


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own, in memory."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
