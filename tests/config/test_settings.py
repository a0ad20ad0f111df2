from pathlib import Path

import pytest

from config.settings import (
    ConfigMissing,
    ConfigSyntax,
    ConfigUnknownKey,
    ConfigWrongType,
    default_path,
    load,
    masked,
)


def write(path: Path, text: str) -> Path:
    file = path / "site.toml"
    file.write_text(text, "utf-8")
    return file


def test_the_defaults_are_complete() -> None:
    settings = load()
    assert settings.kiosk.coverage_deadline_seconds == 4
    assert settings.portal.lookup_path == "/api/egw/KQNhanLichSuKCB2024"


def test_a_sites_file_changes_only_what_it_names(tmp_path: Path) -> None:
    settings = load(write(tmp_path, '[site]\nfacility_code = "01028"\nfacility_name = "Bệnh viện Mẫu"\n'))
    assert settings.site.facility_name == "Bệnh viện Mẫu"
    assert settings.site.kiosk_id == "kiosk-1"


def test_a_misspelt_key_is_refused_and_the_nearest_one_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigUnknownKey) as caught:
        load(write(tmp_path, "[kiosk]\nidle_second = 5\n"))
    assert caught.value.data["key"] == "kiosk.idle_second"
    assert caught.value.data["meant"] == "idle_seconds"
    assert str(tmp_path) in str(caught.value.data["file"])


def test_an_unknown_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigUnknownKey) as caught:
        load(write(tmp_path, "[kiosks]\n"))
    assert caught.value.data["meant"] == "kiosk"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[kiosk]\nidle_seconds = "long"\n', "kiosk.idle_seconds"),
        ("[kiosk]\nidle_seconds = -1\n", "kiosk.idle_seconds"),
        ('[kiosk]\nlanguage = "fr"\n', "kiosk.language"),
        ("[kiosk]\nservices = []\n", "kiosk.services"),
        ("kiosk = 3\n", "kiosk"),
        ('[site]\nfacility_code = "1"\n', "site.facility_code"),
        ('[[destinations]]\nname = "his"\nconnector = "hl7v2"\nhost = "h"\nport = 70000\n', "destinations[0].port"),
        ('[[destinations]]\nname = "his"\nconnector = "hl7v2"\nport = 1\n', "destinations[0]"),
        ("[kiosk]\nidle_seconds = nan\n", "kiosk.idle_seconds"),
        ("[kiosk]\nidle_seconds = inf\n", "kiosk.idle_seconds"),
        ('[kiosk]\nlisten = "127.0.0.1:0"\n', "kiosk.listen"),
        ('[kiosk]\nlisten = "127.0.0.1:65536"\n', "kiosk.listen"),
        ('[site]\nfacility_code = "01028\\n"\n', "site.facility_code"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigWrongType) as caught:
        load(write(tmp_path, text))
    assert caught.value.data["key"] == key


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigMissing):
        load(tmp_path / "none.toml")


def test_a_folder_is_not_a_settings_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigMissing):
        load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"[kiosk\n", b"\xff\xfe\x00", b"a = 1\na = 2\n", b"a = " + b"[" * 5000, b"# " + b"x" * (1 << 20)],
    ids=["bracket", "UTF-16", "twice", "deep", "large"],
)
def test_what_is_not_toml_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "site.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigSyntax):
        load(file)


def test_a_file_that_windows_wrote_is_read(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_bytes(b'\xef\xbb\xbf[site]\r\nfacility_code = "01028"\r\n')
    assert load(file).site.facility_code == "01028"


def test_two_destinations_of_one_name_are_refused(tmp_path: Path) -> None:
    block = '[[destinations]]\nname = "his"\nconnector = "hl7v2"\nhost = "127.0.0.1"\nport = 2575\n'
    with pytest.raises(ConfigWrongType) as caught:
        load(write(tmp_path, block + block))
    assert caught.value.data["key"] == "destinations[1].name"


def test_a_printer_that_is_required_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigWrongType) as caught:
        load(write(tmp_path, '[kiosk]\nrequired_devices = ["printer"]\n'))
    assert caught.value.data["key"] == "kiosk.required_devices"


def test_secrets_are_masked_when_shown(tmp_path: Path) -> None:
    settings = load(write(tmp_path, '[portal]\nusername = "01028_BV"\nofficer_id = "000088888888"\n'))
    shown = str(masked(settings))
    assert "01028_BV" not in shown
    assert "000088888888" not in shown


def test_an_account_in_an_address_is_masked_too(tmp_path: Path) -> None:
    text = """
[portal]
base_url = "https://ward:geheim@portal.example:8443/path?key=geheim&x=1"
[heartbeat]
url = "https://a%40b:geheim@watch.example/x"
[[destinations]]
name = "his"
connector = "rest"
base_url = "https://ward:geheim@his.example/api"
"""
    shown = masked(load(write(tmp_path, text)))
    assert "geheim" not in str(shown)
    assert shown["portal"]["base_url"] == "https://********@portal.example:8443/path?********"
    assert shown["heartbeat"]["url"] == "https://********@watch.example/x"


def test_the_environment_names_the_file() -> None:
    assert default_path({"TIEPDON_CONFIG": "/x/y.toml"}) == Path("/x/y.toml")


@pytest.mark.parametrize(
    ("kiosk", "staff", "fine"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8090", True),
        ("127.0.0.1:8080", "10.0.0.5:8080", True),
        ("127.0.0.1:8080", "127.0.0.1:8080", False),
        ("127.0.0.1:8080", "0.0.0.0:8080", False),
        ("[::1]:8080", "[::]:8080", False),
    ],
)
def test_touchscreen_and_staff_do_not_share_an_address(tmp_path: Path, kiosk: str, staff: str, fine: bool) -> None:
    file = write(
        tmp_path,
        f'[kiosk]\nlisten = "{kiosk}"\n[staff]\nlisten = "{staff}"\ncertificate_file = "c.pem"\nkey_file = "k.pem"\n',
    )
    if fine:
        assert load(file).staff.listen == staff
        return
    with pytest.raises(ConfigWrongType) as caught:
        load(file)
    assert caught.value.data["key"] == "staff.listen"
