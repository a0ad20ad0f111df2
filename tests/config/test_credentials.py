"""A secret is read where systemd handed it over, else where the settings say."""

from pathlib import Path

import pytest

from config.settings import Settings, database_file, load

SITE = """
[paths]
key_file = "/etc/tiepdon/secrets/site.key"
[staff]
certificate_file = "/etc/tiepdon/desk.pem"
key_file = "/etc/tiepdon/secrets/desk.key"
[heartbeat]
url = "https://beat.example"
token_file = "/etc/tiepdon/secrets/beat-token"
ca_file = "/etc/tiepdon/ca.pem"
[[destinations]]
name = "hook"
connector = "webhook"
base_url = "https://his.example"
secret_file = "/etc/tiepdon/secrets/hook-secret"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "site.toml"
    file.write_text(SITE, "utf-8")
    return file


def named(settings: Settings) -> tuple[str, str, str, str, str]:
    destination = settings.destinations[0]
    return (
        settings.paths.key_file,
        settings.staff.key_file,
        settings.heartbeat.token_file,
        settings.heartbeat.ca_file,
        str(getattr(destination, "secret_file", "")),
    )


AT_HOME = (
    "/etc/tiepdon/secrets/site.key",
    "/etc/tiepdon/secrets/desk.key",
    "/etc/tiepdon/secrets/beat-token",
    "/etc/tiepdon/ca.pem",
    "/etc/tiepdon/secrets/hook-secret",
)


def test_without_systemd_a_secret_lies_where_the_settings_say(file: Path) -> None:
    assert named(load(file, {})) == AT_HOME


def test_one_that_was_handed_over_alone_is_read_there_and_the_others_at_home(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "site.key").write_bytes(bytes(range(32)))
    (folder / "desk.key").write_text("\n")  # what a unit says where there is none
    settings = load(file, {"CREDENTIALS_DIRECTORY": str(folder)})
    assert named(settings) == (str(folder / "site.key"), *AT_HOME[1:])
    assert database_file(settings).key_file == folder / "site.key"


def test_a_folder_that_was_handed_over_whole_goes_by_the_names_systemd_gives_it(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    for name in ("site.key", "beat-token", "hook-secret"):
        (folder / f"secrets_{name}").write_text("not empty")
    told = named(load(file, {"CREDENTIALS_DIRECTORY": str(folder)}))
    assert told == (
        str(folder / "secrets_site.key"),
        AT_HOME[1],
        str(folder / "secrets_beat-token"),
        AT_HOME[3],
        str(folder / "secrets_hook-secret"),
    )


def test_a_folder_that_is_not_there_changes_nothing(file: Path, tmp_path: Path) -> None:
    assert named(load(file, {"CREDENTIALS_DIRECTORY": str(tmp_path / "gone")})) == AT_HOME
