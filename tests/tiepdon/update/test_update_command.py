"""`tiepdon update` around its parts: which of several sticks counts, a clock that is wrong, a root that is closed, and
somebody who stands at the touchscreen.
"""

import argparse
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from tests.tiepdon.update.publisher import Publisher
from tests.tiepdon.update.test_course import FILE, Site
from tiepdon.commands import update
from tiepdon.commands.update import newest_release, wait_for_quiet
from tiepdon.update.course import Phase
from tiepdon.update.read_only import ReadOnlyRoot
from tiepdon.update.release import NoRelease, NotYet, package_for, read_release
from tiepdon.update.signature import KeyUnknown, SignatureMissing, SignatureWrong
from wire.client import Client
from wire.server import Request, Response, json_response, serving


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def stick(site: Site, name: str, version: str, publisher: Publisher | None = None) -> Path:
    return (publisher or site.publisher).release(site.folder / name, version, {FILE: "ready"})


def test_of_several_sticks_the_newest_that_is_signed_counts(site: Site) -> None:
    """An older release, one of a stranger's and one that was cut do not hide the good one, however they are called."""
    stranger = stick(site, "a", "9.9", Publisher.new(site.folder / "stranger"))
    older, good, cut = stick(site, "b", "1.1"), stick(site, "c", "1.3"), stick(site, "d", "1.4")
    (cut / "release.json").write_bytes((cut / "release.json").read_bytes()[:-10])
    mixed = stick(site, "e", "1.5")
    (mixed / "release.json.minisig").write_bytes((good / "release.json.minisig").read_bytes())
    every = (stranger, older, good, cut, mixed)
    for folders in (every, every[::-1]):
        assert newest_release(folders, [site.publisher.public], site.debian)[0] == good


def test_where_no_stick_is_good_the_first_one_s_trouble_is_told(site: Site) -> None:
    stranger = stick(site, "a", "9.9", Publisher.new(site.folder / "stranger"))
    good, other = stick(site, "b", "1.1"), stick(site, "c", "1.2")
    (good / "release.json.minisig").write_bytes((other / "release.json.minisig").read_bytes())
    (other / "release.json.minisig").unlink()
    keys = [site.publisher.public]
    for folders, kind in (
        ((stranger, good), KeyUnknown),
        ((good, stranger), SignatureWrong),
        ((other,), SignatureMissing),
        ((site.folder / "nothing", good), NoRelease),
    ):
        with pytest.raises(kind):
            newest_release(folders, keys, site.debian)


def test_a_clock_before_the_release_itself_is_wrong_and_bars_no_update(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without line and battery a machine begins in the past; a ring's own day still counts."""
    rings = {"first": "2026-11-23", "all": "2026-12-01"}
    folder = site.publisher.release(site.folder / "stick", "1.1", {FILE: "ready"}, rings=rings)
    release = read_release(folder, [site.publisher.public])

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(1970, 1, 1, tzinfo=tz)

    monkeypatch.setattr(update, "datetime", Clock)
    today = update._today(load(None), release)
    assert today == date(2026, 11, 23)
    assert package_for(release, "amd64", "first", today).file
    with pytest.raises(NotYet):
        package_for(release, "amd64", "all", today)


class Machine:
    """A machine whose root is closed: what is installed while it is, is forgotten at the next start."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site = site
        self.mounts = site.folder / "mounts"
        self.asked = site.folder / "asked"
        program = site.folder / "root-switch"
        program.write_text(f"#!/bin/sh\necho $1 >> {self.asked}\n", "ascii")
        program.chmod(0o755)
        root = ReadOnlyRoot(site.folder / "mark", program, self.mounts)
        self.closed(True)
        monkeypatch.setattr(update, "_root", lambda: root)
        monkeypatch.setattr(update, "_updates", lambda *_: site.updates())
        monkeypatch.setattr(update, "_note", lambda *_: None)
        monkeypatch.setattr(update, "Debian", lambda: site.debian)

    def closed(self, on: bool) -> None:
        self.mounts.write_text("overlayroot / overlay rw 0 0\n" if on else "/dev/sda1 / ext4 rw 0 0\n", "ascii")

    def run(self, act: Callable[[argparse.Namespace], int]) -> int:
        options = argparse.Namespace(config=None, json=True, language="en", folder=None)
        return act(options)

    def switched(self) -> list[str]:
        return self.asked.read_text("ascii").split() if self.asked.exists() else []


def test_a_power_cut_before_the_root_was_opened_installs_nothing_that_would_be_forgotten(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(site, monkeypatch)
    folder = stick(site, "stick", "1.1")
    release = read_release(folder, [site.publisher.public])
    site.updates().prepare(folder, release, release.packages["amd64"])  # and then the power fails
    assert machine.run(update.run_resume) == 0
    assert (site.debian.installed(), machine.switched()) == ("1.0", ["off"])
    machine.closed(False)
    assert machine.run(update.run_resume) == 0
    assert (site.debian.installed(), machine.switched()) == ("1.1", ["off", "on"])


def test_the_way_back_of_a_closed_root_waits_for_the_start_in_which_it_is_open(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(site, monkeypatch)
    assert site.take("1.1", "ready") is Phase.CONFIRMED
    assert machine.run(update.run_back) == 0
    assert (site.debian.installed(), machine.switched()) == ("1.1", ["off"])
    machine.closed(False)
    machine.run(update.run_resume)
    last = site.updates().last()
    assert last is not None
    assert (last.phase, last.why, site.debian.installed()) == (Phase.WENT_BACK, "update.asked_back", "1.0")
    assert machine.switched() == ["off", "on"]


def test_whoever_stands_at_the_touchscreen_is_waited_for(run_dir: Path) -> None:
    screens = iter(["ask_qr", "reading", "ticket", "start", "ask_qr"])
    pauses: list[float] = []

    def health(_: Request) -> Response:
        return json_response({"status": "ok", "showing": next(screens)})

    with serving(run_dir / "kiosk.sock", {("GET", "/health"): health}):
        wait_for_quiet(Client(run_dir / "kiosk.sock"), pauses.append)
    assert len(pauses) == 3
    wait_for_quiet(Client(run_dir / "kiosk.sock"), pauses.append)  # nobody is served where no kiosk answers
    assert len(pauses) == 3


def test_a_touchscreen_that_is_never_at_rest_is_not_waited_for_for_ever(run_dir: Path) -> None:
    pauses: list[float] = []
    with serving(run_dir / "kiosk.sock", {("GET", "/health"): lambda _: json_response({"showing": "help"})}):
        wait_for_quiet(Client(run_dir / "kiosk.sock"), pauses.append)
    assert len(pauses) == update.QUIET_SECONDS
