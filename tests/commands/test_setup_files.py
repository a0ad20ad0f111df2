"""`tiepdon setup` from a file, a boot partition, a stick or a device: all of it is judged, or nothing changes."""

import json
import os
import threading
import tomllib
import tty
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import ConfigError
from tests.support.setting_up import PASSWORD, WHOLE, House
from tests.support.waiting import wait_until
from tiepdon.checks.machine import Machine
from tiepdon.setup.answers import Answers, AnswersUnusable, parse
from tiepdon.setup.devices import Found, look
from tiepdon.setup.sources import SourceUnusable, forget, found, from_devices, from_file
from tiepdon.setup.writing import judge, merged, toml_of, write


def test_one_file_answers_everything(house: House, tmp_path: Path) -> None:
    source = tmp_path / "prepared.toml"
    source.write_text(WHOLE, "utf-8")
    done = house.setup("--from", str(source), "--json")
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert done.returncode == int(not told["ok"])
    assert told["account"] == "hoa"
    assert told["link"].endswith(told["code"])
    assert house.told()["site"]["facility_name"] == 'Trạm y tế "Mẫu"'
    assert house.files()["portal-password"] == (f"{PASSWORD}\n".encode(), 0o600)
    assert PASSWORD not in house.config.read_text("utf-8") + done.stdout
    assert house.accounts() == [("hoa", "supervisor")]
    assert {finding["code"] for finding in told["report"]["findings"]} >= {"doctor.process_silent"}
    assert source.exists()  # a stick serves the next machine too


HOSTILE = {
    "rubbish": (b"\xff\xfe\x00", ""),
    "no TOML": (b"site = = 1", ""),
    "a secret shown in the error": (f'[portal]\npassword = "{PASSWORD}'.encode(), ""),
    "too large": (b"#" * (257 << 10), ""),
    "too deep": (b"a = " + b"[" * 5000 + b"]" * 5000, ""),
    "nested tables": (("[" + ".".join("a" * 40) + "]\nb = 1").encode(), "a"),
    "a path for a name": (b'[secrets]\n"../../etc/cron.d/x" = "y"', "secrets."),
    "an absolute path": (b'[secrets]\n"/etc/shadow" = "y"', "secrets."),
    "a hidden name": (b'[secrets]\n".profile" = "y"', "secrets."),
    "the site's own key": (b'[secrets]\n"site.key" = "y"', "secrets."),
    "an empty secret": (b'[secrets]\nx = " "', "secrets.x"),
    "a secret that is no text": (b"[secrets]\nx = 1", "secrets.x"),
    "a zero byte": (b'[secrets]\nx = "a\\u0000b"', "secrets.x"),
    "secrets that are no table": (b"secrets = 1", "secrets"),
    "another file read as a secret": (b'[portal]\npassword_file = "/etc/shadow"', "portal.password_file"),
    "a file above": (b'[portal]\npassword_file = "../tiepdon.toml"', "portal.password_file"),
    "a list of files": (b'[portal]\npassword_file = ["x"]', "portal.password_file"),
    "a secret that is not there": (b'[portal]\npassword_file = "nowhere"', "password_file"),
    "where things lie": (b'[paths]\nstate = "/root"', "paths"),
    "half a supervisor": (b'[supervisor]\nname = "x"', "supervisor"),
    "a supervisor of another kind": (b'[supervisor]\nname = 1\nfull_name = "x"', "supervisor"),
    "a line for a unit as a network": (b'[network]\nclients = ["any\\nExecStartPre=/bin/x"]', "network.clients"),
    "networks of another kind": (b"[network]\nclients = [1]", "network.clients"),
    "networks without end": (b'[network]\nclients = ["10.0.0.0/8", ' + b'"::1", ' * 64 + b"]", "network.clients"),
    "more of the network": (b'[network]\nclients = []\ndns = "x"', "network.clients"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_are_told_by_their_key_and_change_nothing(house: House, name: str) -> None:
    content, key = HOSTILE[name]
    before = house.files()
    with pytest.raises(AnswersUnusable) as caught:
        write(house.config, parse(content))
    assert str(caught.value.data["key"]).startswith(key)
    assert PASSWORD not in str(caught.value)
    assert house.files() == before


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('[site]\nkiosk_idd = "x"', "config.unknown_key"),
        ('[kiosk]\nlisten = "nowhere"', "config.wrong_type"),
        ('[staff]\nlisten = "0.0.0.0:8443"', "config.wrong_type"),
        ("[portal]\nenabled = true", "config.wrong_type"),
        ("site = 1", "config.wrong_type"),
        ('[kiosk]\nservices = "x"\n[secrets]\nx = "y"', "config.wrong_type"),
        ("[kiosk]\ntouchscreen = false", "config.wrong_type"),
    ],
)
def test_settings_that_the_product_refuses_replace_nothing(house: House, content: str, code: str) -> None:
    before, answers = house.files(), parse(content.encode())
    with pytest.raises(ConfigError) as caught:
        judge(house.config, answers)
    assert house.files() == before
    with pytest.raises(ConfigError) as caught:
        write(house.config, answers)
    assert caught.value.code == code
    assert caught.value.data["file"] == str(house.config)
    after = house.files()
    assert after.keys() - before.keys() <= {"site.key"}  # one that is there is never made anew
    assert after["tiepdon.toml"] == before["tiepdon.toml"]


def test_settings_that_are_broken_already_are_not_built_upon(house: House, tmp_path: Path) -> None:
    house.config.write_text("rubbish", "utf-8")
    source = tmp_path / "prepared.toml"
    source.write_text(WHOLE, "utf-8")
    done = house.setup("--from", str(source))
    assert done.returncode == 2
    assert house.config.read_text("utf-8") == "rubbish"


def test_a_code_held_to_the_kiosks_own_scanner_gives_the_address() -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    told: list[str] = []
    scanned = Found(scanners=(os.ttyname(theirs),))
    thread = threading.Thread(target=lambda: told.append(from_devices(scanned, 20.0)))
    thread.start()

    def held_up() -> bool:
        os.write(ours, b"001303900017|somebody's card\r\nhttps://127.0.0.1/x#one-time\r\n")
        thread.join(0.5)
        return not thread.is_alive()

    wait_until(held_up, 20, "the address is read")
    os.close(ours)
    os.close(theirs)
    assert told == ["https://127.0.0.1/x#one-time"]


def test_where_nothing_is_held_up_it_says_so() -> None:
    with pytest.raises(SourceUnusable):
        from_devices(Found(), 0.05)


def test_the_boot_partition_comes_before_a_stick_and_its_secrets_do_not_stay(tmp_path: Path) -> None:
    assert found(tmp_path) is None
    boot, stick = tmp_path / "boot/firmware/tiepdon.toml", tmp_path / "media/usb/tiepdon.toml"
    for file in (boot, stick):
        file.parent.mkdir(parents=True)
        file.write_text(WHOLE, "utf-8")
    assert found(tmp_path) == boot
    assert from_file(boot, tmp_path).boot_file == boot
    assert from_file(stick, tmp_path).boot_file is None
    with boot.open("rb") as kept:
        forget(boot)
        assert set(kept.read()) == {0}
    assert found(tmp_path) == stick


def test_a_pipe_a_device_a_folder_and_a_link_are_no_answers(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path, Path("/dev/zero"), tmp_path / "nowhere"):
        with pytest.raises(SourceUnusable):
            from_file(path)


def test_what_is_plugged_in_is_proposed(tmp_path: Path) -> None:
    for name, content in {
        "sys/bus/usb/devices/1-1/idVendor": "04b8\n",
        "sys/bus/usb/devices/1-1/idProduct": "0e15\n",
        "sys/bus/usb/devices/1-1:1.0/bInterfaceClass": "07\n",
        "dev/serial/by-id/usb-Scanner-if00": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "ascii")
    proposed = look(Machine(tmp_path))
    assert proposed.printers == ("04b8:0e15",)
    assert proposed.scanners == (str(tmp_path / "dev/serial/by-id/usb-Scanner-if00"),)


texts = st.text(st.characters(codec="utf-8"), max_size=30)
values = texts | st.integers(-(2**62), 2**62) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
trees = st.recursive(
    st.dictionaries(texts, values | st.lists(values, max_size=4), max_size=4),
    lambda below: st.dictionaries(texts, below | st.lists(below, min_size=1, max_size=3) | values, max_size=4),
    max_leaves=12,
)


@given(trees)
def test_whatever_is_written_reads_back_the_same(tree: dict[str, Any]) -> None:
    assert tomllib.loads(toml_of(tree)) == tree


def test_destinations_are_laid_over_each_other_by_name() -> None:
    base = {"destinations": [{"name": "a", "port": 1}, {"name": "b", "port": 2, "tls": True}], "site": {"x": 1, "y": 2}}
    over = {"destinations": [{"name": "b", "port": 3}, {"name": "c"}], "site": {"y": 3}}
    assert merged(base, over) == {
        "destinations": [{"name": "a", "port": 1}, {"name": "b", "port": 3, "tls": True}, {"name": "c"}],
        "site": {"x": 1, "y": 3},
    }
    other_kind = {"destinations": [{"name": "b", "connector": "fhir"}]}
    assert merged(base, other_kind)["destinations"][1] == {"name": "b", "connector": "fhir"}


def test_a_destination_that_is_left_out_goes_and_the_others_stay(house: House) -> None:
    two = '\n[[destinations]]\nname = "other"\nconnector = "hl7v2"\nhost = "127.0.0.1"\nport = 8\n'
    write(house.config, parse((WHOLE + two).encode()))
    assert [one["name"] for one in house.told()["destinations"]] == ["his", "other"]
    write(house.config, Answers({}, without=frozenset({"his"})))
    assert [one["name"] for one in house.told()["destinations"]] == ["other"]
