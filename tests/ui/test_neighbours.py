"""Whose the other end of a connection is, asked of the kernel; and who is welcome at the touchscreen's address."""

import os
import pwd
import socket
from pathlib import Path

import msgspec
import pytest

from config.settings import Settings, load
from ui import neighbours
from ui.neighbours import user_of, welcome


def site(synthetic: bool = False, screen_user: str = "") -> Settings:
    settings = load(None)
    return msgspec.structs.replace(
        settings,
        site=msgspec.structs.replace(settings.site, synthetic=synthetic),
        kiosk=msgspec.structs.replace(settings.kiosk, screen_user=screen_user),
    )


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_whose_a_connection_is_until_its_other_end_is_closed(family: socket.AddressFamily, host: str) -> None:
    with socket.create_server((host, 0), family=family) as server:
        client = socket.create_connection(server.getsockname()[:2])
        accepted, _ = server.accept()
        with accepted:
            assert user_of(accepted) == os.geteuid()
            client.close()
            assert user_of(accepted) is None


def test_a_socket_that_was_left_is_nobodys() -> None:
    with socket.socket() as alone:
        assert user_of(alone) is None


def test_welcome_are_ourselves_root_and_the_panels_user() -> None:
    somebody = pwd.getpwnam("nobody")
    assert welcome(site(screen_user="nobody")) == {0, os.geteuid(), somebody.pw_uid}
    assert welcome(site(screen_user="")) == welcome(site(screen_user="no-such-user")) == {0, os.geteuid()}


def test_everybody_is_welcome_where_data_is_synthetic_or_the_kernel_does_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert welcome(site(synthetic=True)) is None
    (tmp_path / "map").write_text("0 1000 1\n")
    for place in (tmp_path / "map", tmp_path / "nowhere"):
        monkeypatch.setattr(neighbours, "MAP", place)
        assert welcome(site()) is None
    assert caplog.text.count("does not tell") == 2
