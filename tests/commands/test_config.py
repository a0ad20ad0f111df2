"""Settings at the command line: one line with key, file and cure, exit code 2. And: every command explains itself."""

import json
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from tests.support.commands import CALLABLE, PARSERS
from tests.support.world import run_command
from tiepdon.main import main
from ui.words import Words, keys

DESTINATION = '[[destinations]]\nname = "his"\nconnector = "hl7v2"\nhost = "127.0.0.1"\nport = 2575\n'
SERVICE = '[[kiosk.services]]\ncode = "KB"\nname_vi = "Khám"\nname_en = "Examination"\n'
BAD = {  # what is in the file: (code, key)
    "[kiosk]\nidle_second = 5\n": ("config.unknown_key", "kiosk.idle_second"),
    "language = 'vi'\n": ("config.unknown_key", "language"),
    "[reader.scaner]\ndevice = '/dev/ttyACM0'\n": ("config.unknown_key", "reader.scaner"),
    SERVICE + 'nmae_en = "x"\n': ("config.unknown_key", "kiosk.services[0].nmae_en"),
    DESTINATION + DESTINATION.replace('"his"', '"two"') + "prot = 1\n": ("config.unknown_key", "destinations[1].prot"),
    '[kiosk]\nidle_seconds = "long"\n': ("config.wrong_type", "kiosk.idle_seconds"),
    "[reader]\nportrait = 1\n": ("config.wrong_type", "reader.portrait"),
    "[reader.scanner]\nbaud_rate = 9600.5\n": ("config.wrong_type", "reader.scanner.baud_rate"),
    "[destinations]\nname = 'his'\n": ("config.wrong_type", "destinations"),
    DESTINATION.replace("2575", "0"): ("config.wrong_type", "destinations[0].port"),
    DESTINATION.replace("hl7v2", "telex"): ("config.wrong_type", "destinations[0].connector"),
    "[portal]\nenabled = true\n": ("config.wrong_type", "portal.base_url"),
    "[kiosk\n": ("config.syntax", None),
    "a = 1\na = 2\n": ("config.syntax", None),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "site.toml"


def one_line(stderr: str) -> str:
    assert stderr.endswith("\n")
    assert stderr.count("\n") == 1
    return stderr


@pytest.mark.parametrize(("text", "expected"), BAD.items())
def test_what_is_wrong_with_a_file_is_one_line_with_key_file_and_cure(
    file: Path, text: str, expected: tuple[str, str | None]
) -> None:
    file.write_text(text, "utf-8")
    code, key = expected
    done = run_command("config", "check", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    line = one_line(done.stderr)
    assert code in line
    assert str(file) in line
    assert Words("en").error(code).cure in line
    assert key is None or f"key={key}" in line


@pytest.mark.parametrize(("text", "expected"), BAD.items())
def test_for_a_program_it_is_one_object(
    capsys: pytest.CaptureFixture[str], file: Path, text: str, expected: tuple[str, str | None]
) -> None:
    file.write_text(text, "utf-8")
    assert main(["config", "check", str(file), "--json"]) == 2
    said = capsys.readouterr()
    assert said.err == ""
    error = json.loads(said.out)["error"]
    assert error["code"] == expected[0]
    assert error["retriable"] is False
    assert error["data"]["file"] == str(file)
    assert error["data"].get("key") == expected[1]


def test_a_file_that_is_missing_and_a_folder_are_said_in_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        done = run_command("config", "check", str(path))
        assert (done.returncode, done.stdout) == (2, "")
        line = one_line(done.stderr)
        assert "config.missing" in line
        assert str(path) in line


@pytest.mark.parametrize(
    "content",
    ["[site]\nfacility_name = 'Bệnh viện'\n".encode("utf-16"), b"\xff", b"a = " + b"[" * 10_000],
    ids=["UTF-16", "not UTF-8", "deep"],
)
def test_what_is_not_toml_is_said_in_one_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    done = run_command("config", "check", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    line = one_line(done.stderr)
    assert "config.syntax" in line
    assert str(file) in line


def test_a_good_file_is_good(file: Path) -> None:
    file.write_text('[site]\nfacility_code = "01028"\n' + DESTINATION, "utf-8")
    done = run_command("config", "check", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}: ok\n", "")
    done = run_command("config", "check", str(file), "--json")
    assert json.loads(done.stdout) == {"file": str(file), "ok": True}


def test_the_shipped_defaults_are_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "default.toml"
    file.write_text(resources.files("config").joinpath("default.toml").read_text("utf-8"), "utf-8")
    assert main(["config", "check", str(file)]) == 0


def flat(prefix: str, value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from flat(f"{prefix}.{key}" if prefix else key, below)
    else:
        yield prefix


def test_show_tells_every_setting_in_force_and_no_secret(file: Path) -> None:
    file.write_text(
        '[portal]\nusername = "01028_BV"\nofficer_name = "Trần Thị Mẫu"\nofficer_id = "000088888888"\n' + DESTINATION,
        "utf-8",
    )
    shown = run_command("config", "show", "--config", str(file))
    assert shown.returncode == 0
    for secret in ("01028_BV", "Trần Thị Mẫu", "000088888888"):
        assert secret not in shown.stdout
    lines = dict(line.split(" = ", 1) for line in shown.stdout.splitlines())
    assert lines["portal.username"] == '"********"'
    assert lines["destinations[0].port"] == "2575"
    assert lines["kiosk.coverage_deadline_seconds"] == "4.0"
    defaults = tomllib.loads(resources.files("config").joinpath("default.toml").read_text("utf-8"))
    known = {key for key in flat("", defaults) if key != "kiosk.services"}
    assert known <= lines.keys()
    assert (
        json.loads(run_command("config", "show", "--config", str(file), "--json").stdout)["portal"]["enabled"] is False
    )


# Every command.


WITH_SETTINGS = [
    words
    for words, parser in CALLABLE.items()
    if any("--config" in action.option_strings for action in parser._actions)
]
PROCESSES = {"run", "reader", "kiosk", "bridge serve", "desk", "sandbox", "screen"}
# What else must be given so that the settings are looked at.
ARGUMENTS = {
    "account add": ["mai", "Trần Thị Mẫu", "--role", "receptionist"],
    **{f"account {act}": ["mai"] for act in ("enable", "disable", "reset", "remove")},
    "machine enrol": ["hall", "--scope", "board"],
    "machine revoke": ["hall"],
    "bridge render": ["hl7v2"],
    "bridge message": ["1"],
    "bridge pause": ["his"],
    "bridge resume": ["his"],
    "card check": ["."],
    "card read": ["--can", "900017"],
    "trust import": ["list.ml"],
    "backup restore": ["copy.age", "--identity", "key"],
    "backup verify": ["copy.age", "--identity", "key"],
    "database downgrade": ["--to", "0.1.0"],
    "database rekey": ["--new-key", "key"],
    "incident report": ["--from", "2026-11-01", "--to", "2026-11-02"],
    "audit accept": ["--why", "restored"],
    "person request": ["view"],
    "person answered": ["1"],
    "person done": ["1"],
    "person export": ["--out", "folder"],
}


@pytest.mark.parametrize("words", PARSERS)
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: tiepdon")


@pytest.mark.parametrize("words", CALLABLE)
def test_every_option_says_what_it_is_for(words: str) -> None:
    for action in CALLABLE[words]._actions:
        assert action.help, (words, action.option_strings or action.dest)


@pytest.mark.parametrize("words", sorted(CALLABLE.keys() - PROCESSES - {"metrics"}))  # Prometheus's own form
def test_every_tool_answers_programs_too(words: str) -> None:
    assert any("--json" in action.option_strings for action in CALLABLE[words]._actions)


@pytest.mark.parametrize("words", WITH_SETTINGS)
def test_a_settings_file_that_is_missing_is_said_by_every_command_that_takes_one(file: Path, words: str) -> None:
    done = run_command(*words.split(), *ARGUMENTS.get(words, []), "--config", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    line = one_line(done.stderr)
    assert "config.missing" in line
    assert str(file) in line


def test_the_commands_that_take_settings_are_the_ones_expected() -> None:
    assert {
        "run",
        "doctor",
        "config show",
        "reader",
        "kiosk",
        "bridge serve",
        "bridge render",
        "bridge deliveries",
    } <= set(WITH_SETTINGS)


@pytest.mark.parametrize(
    "arguments", [[], ["nothing"], ["config"], ["config", "check"], ["bridge", "fly"], ["doctor", "--language", "fr"]]
)
def test_wrong_usage_is_told_with_the_right_usage(arguments: list[str]) -> None:
    done = run_command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: tiepdon")
    assert "Traceback" not in done.stderr


def test_every_code_of_the_settings_has_words() -> None:
    for code in ("config.missing", "config.syntax", "config.unknown_key", "config.wrong_type"):
        assert f"error.{code}" in keys("vi")
