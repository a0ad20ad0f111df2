"""A private pcscd: beside others, restarted, and told apart when this machine cannot have one."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from sandbox import pcscd
from sandbox.card.vpcd import VirtualReader
from sandbox.errors import ReaderUnreachable
from tests.support.waiting import wait_until

pytestmark = pytest.mark.pcsc


def test_two_private_ones_live_side_by_side(tmp_path: Path) -> None:
    with pcscd.private(tmp_path / "one") as one, pcscd.private(tmp_path / "two") as two:
        assert one is not None
        assert two is not None
        assert one.port != two.port
        assert pcscd.answers(one.socket)
        assert pcscd.answers(two.socket)
        assert one.environment() == {"PCSCLITE_CSOCK_NAME": str(one.socket)}


def test_it_ends_with_its_context(tmp_path: Path) -> None:
    with pcscd.private(tmp_path) as daemon:
        assert daemon is not None
        pid = daemon.pid
    assert daemon.pid is None
    assert not Path(f"/proc/{pid}").exists()


def test_it_starts_again_after_it_was_killed(tmp_path: Path) -> None:
    with pcscd.private(tmp_path) as daemon:
        assert daemon is not None
        assert daemon.pid is not None
        process = daemon.pid
        subprocess.run(["kill", "-9", str(process)], check=True)
        wait_until(lambda: not pcscd.answers(daemon.socket), what="the end of pcscd")
        daemon.stop()
        assert daemon.socket.exists()  # left behind
        assert daemon.start()


def test_its_command_can_be_supervised_elsewhere(tmp_path: Path) -> None:
    daemon = pcscd.prepare(tmp_path)
    assert isinstance(daemon, pcscd.Pcscd)
    process = subprocess.Popen(daemon.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: pcscd.answers(daemon.socket), what="pcscd")
        name = Path(f"/proc/{process.pid}/comm").read_text("ascii").strip()
        assert name == "pcscd"
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcscd, "DRIVER", "no-such-driver.so")
    assert pcscd.prepare(tmp_path) == "sandbox.vpcd_missing"
    assert pcscd.given().problem == "sandbox.vpcd_missing"
    monkeypatch.setattr(pcscd, "SEARCH_PATH", str(tmp_path))
    assert pcscd.prepare(tmp_path) == "sandbox.pcscd_missing"
    assert pcscd.given() == pcscd.PcscWorld(port=None, problem="sandbox.pcscd_missing")


def test_without_namespaces_root_gives_each_a_root_directory_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pcscd, "_in_namespace", lambda *_: ["false"])
    with pcscd.private(tmp_path / "one") as one, pcscd.private(tmp_path / "two") as two:
        assert one is not None
        assert two is not None
        for daemon in (one, two):
            assert tmp_path in daemon.socket.parents
            assert pcscd.answers(daemon.socket)


def test_without_namespaces_it_survives_its_clients_and_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pcscd, "_in_namespace", lambda *_: ["false"])
    with pcscd.private(tmp_path) as daemon:
        assert daemon is not None
        for _ in range(3):  # a client that leaves ends a thread of pcscd
            assert pcscd.answers(daemon.socket)
        assert daemon.pid is not None
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.stop()
        assert daemon.start()


def test_a_reader_without_pcscd_is_unreachable() -> None:
    from sandbox.card.chip import Chip
    from sandbox.card.image import CardImage

    reader = VirtualReader(9)  # the discard port: nobody listens
    with pytest.raises(ReaderUnreachable):
        reader.place(Chip(CardImage(files={}, can="", mrz_information="")), timeout=0.2)
    assert not reader.occupied()


def test_without_namespaces_and_without_root_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcscd, "_in_namespace", lambda *_: ["false"])
    monkeypatch.setattr(pcscd.os, "geteuid", lambda: 1000)
    assert pcscd.prepare(tmp_path) == "sandbox.pcscd_refused"
