"""What `tiepdon doctor` says of the machine itself, on machines of the tests' own: files as kernels write them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from config.settings import Settings, load
from tiepdon.checks.clock import KernelClock, kernel_clock, look_at_rtc, look_at_time
from tiepdon.checks.disk import look_at_disks
from tiepdon.checks.finding import Finding
from tiepdon.checks.machine import Machine, output
from tiepdon.checks.power import THROTTLED, look_at_memory, look_at_power, look_at_temperature, look_at_watchdog
from tiepdon.checks.units import look_at_units, parse
from tiepdon.checks.upkeep import look_at_version

NOW = 1_795_000_000.0
PI = "Raspberry Pi 5 Model B Rev 1.0\0"


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., Machine]:
    """A machine with these files: path to content."""

    def build(**files: str) -> Machine:
        return with_files(tmp_path / "machine", files)

    return build


def with_files(root: Path, files: dict[str, str]) -> Machine:
    root.mkdir(exist_ok=True)
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    return Machine(root)


def told(found: Iterator[Finding]) -> tuple[str, str | None]:
    (finding,) = found
    return finding.status.value, finding.code


@pytest.mark.parametrize(
    ("clock", "files", "expected"),
    [
        (KernelClock(True, 12.5), {"proc/7/comm": "chronyd\n"}, ("ok", None)),
        (KernelClock(False, 16000.0), {"proc/7/comm": "chronyd\n"}, ("warn", "doctor.clock_unset")),
        (KernelClock(False, 16000.0), {"proc/7/comm": "bash\n"}, ("warn", "doctor.clock_unkept")),
        (KernelClock(False, 16000.0), {"run/systemd/timesync/synchronized": ""}, ("ok", None)),
        (None, {"run/systemd/timesync/synchronized": ""}, ("ok", None)),
    ],
)
def test_a_clock_that_nobody_set_is_told_from_one_that_nobody_keeps(
    machine: Callable[..., Machine], clock: KernelClock | None, files: dict[str, str], expected: tuple[str, str | None]
) -> None:
    assert told(look_at_time(machine(**files), lambda: clock)) == expected


def test_the_kernel_itself_is_asked_and_nothing_is_changed() -> None:
    asked = kernel_clock()
    assert asked is None or asked.error_ms > 0


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, ("note", "doctor.no_rtc")),
        ({"proc/device-tree/model": PI}, ("warn", "doctor.no_rtc")),
        ({"since_epoch": f"{NOW:.0f}\n", "name": "rtc-ds1307 1-0068\n"}, ("ok", None)),
        ({"since_epoch": f"{NOW:.0f}\n", "battery_voltage": "3012000\n"}, ("ok", None)),
        ({"since_epoch": f"{NOW:.0f}\n", "battery_voltage": "412\n"}, ("warn", "doctor.rtc_battery")),
        ({"since_epoch": "", "name": "rtc-ds3232\n"}, ("warn", "doctor.rtc_battery")),
        ({"since_epoch": "946684800\n", "name": "rpi_rtc\n"}, ("warn", "doctor.rtc_wrong")),
    ],
)
def test_a_clock_without_a_battery_is_told(
    machine: Callable[..., Machine], files: dict[str, str], expected: tuple[str, str | None]
) -> None:
    placed = {name if "/" in name else f"sys/class/rtc/rtc0/{name}": text for name, text in files.items()}
    assert told(look_at_rtc(machine(**placed), lambda: NOW)) == expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("0", ("ok", None)),
        ("50000", ("warn", "doctor.under_voltage")),  # under-voltage and throttling, since the start
        ("50005", ("warn", "doctor.under_voltage")),
        ("80008", ("warn", "doctor.slowed")),  # the soft limit of the temperature
        ("rubbish", ("ok", None)),
    ],
)
def test_a_weak_power_supply_is_told(
    machine: Callable[..., Machine], flags: str, expected: tuple[str, str | None]
) -> None:
    assert told(look_at_power(machine(**{THROTTLED: f"{flags}\n"}))) == expected


def test_where_the_firmware_has_no_file_its_sensor_or_its_program_is_asked(machine: Callable[..., Machine]) -> None:
    sensor = {"sys/class/hwmon/hwmon1/name": "rpi_volt\n", "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n"}
    assert told(look_at_power(machine(**sensor))) == ("warn", "doctor.under_voltage")


def test_the_firmwares_program_is_asked_last(machine: Callable[..., Machine]) -> None:
    pi = machine(**{"proc/device-tree/model": PI})
    assert told(look_at_power(pi, lambda *_: "throttled=0x50000\n")) == ("warn", "doctor.under_voltage")
    assert told(look_at_power(pi, lambda *_: None)) == ("ok", None)


def test_heat_and_want_of_memory_are_told(machine: Callable[..., Machine]) -> None:
    hot = machine(**{"sys/class/thermal/thermal_zone0/temp": "84350\n", "sys/class/thermal/thermal_zone1/temp": "x"})
    assert told(look_at_temperature(hot)) == ("warn", "doctor.hot")
    tight = machine(**{"proc/meminfo": "MemTotal: 2000000 kB\nMemAvailable: 51200 kB\n", "proc/vmstat": "oom_kill 2\n"})
    assert told(look_at_memory(tight)) == ("warn", "doctor.memory_low")
    eased = machine(**{"proc/meminfo": "MemTotal: 2000000 kB\nMemAvailable: 900000 kB\n"})
    assert told(look_at_memory(eased)) == ("note", "doctor.memory_was_low")
    rubbish = machine(**{"proc/meminfo": "\0\0\nMemAvailable:\n", "proc/vmstat": "a b c\n\n"})
    assert told(look_at_memory(rubbish)) == ("ok", None)


@pytest.mark.parametrize(
    ("state", "expected"),
    [("active", ("ok", None)), ("inactive", ("warn", "doctor.watchdog_off")), (None, ("note", "doctor.no_watchdog"))],
)
def test_a_watchdog_that_is_not_armed_is_told(
    machine: Callable[..., Machine], state: str | None, expected: tuple[str, str | None]
) -> None:
    files = {} if state is None else {"sys/class/watchdog/watchdog0/state": f"{state}\n"}
    assert told(look_at_watchdog(machine(**files))) == expected


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    told = load()
    for folder in ("state", "run"):
        (tmp_path / folder).mkdir()
    paths = replace(told.paths, state=str(tmp_path / "state"), run=str(tmp_path / "run"))
    return replace(told, paths=paths)


def disk(free: int = 1 << 20, nodes: int = 1000, flags: int = 0) -> Callable[[Path], os.statvfs_result]:
    facts = {"f_bavail": free, "f_frsize": 4096, "f_files": 10_000, "f_favail": nodes, "f_flag": flags}
    return lambda _: cast(os.statvfs_result, SimpleNamespace(**facts))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ("ok", None)),
        ({"nodes": 499}, ("warn", "doctor.disk_nodes")),
        ({"flags": os.ST_RDONLY}, ("fail", "doctor.disk_read_only")),
    ],
)
def test_a_disk_that_takes_no_more_is_told(
    settings: Settings, machine: Callable[..., Machine], facts: dict[str, int], expected: tuple[str, str | None]
) -> None:
    found = {one.probe: one for one in look_at_disks(settings, machine(), disk(**facts))}
    assert (found["disk:state"].status.value, found["disk:state"].code) == expected


def test_a_folder_that_is_not_there_is_told(settings: Settings, machine: Callable[..., Machine]) -> None:
    gone = replace(settings, paths=replace(settings.paths, state="/nowhere/at-all"))
    assert next((one.probe, one.code) for one in look_at_disks(gone, machine())) == (
        "disk:state",
        "doctor.folder_missing",
    )


@pytest.mark.parametrize(
    ("files", "errors", "expected"),
    [
        ({"life_time": "0x01 0x02\n", "pre_eol_info": "0x01\n", "type": "MMC\n"}, "0", ("ok", None)),
        ({"life_time": "0x03 0x09\n", "type": "MMC\n"}, "0", ("warn", "doctor.disk_worn")),
        ({"life_time": "0x01 0x01\n", "pre_eol_info": "0x02\n"}, "0", ("warn", "doctor.disk_worn")),
        ({"type": "SD\n"}, "3", ("warn", "doctor.disk_errors")),
        ({"type": "SD\n"}, "0", ("ok", None)),
    ],
)
def test_a_worn_card_is_told_where_it_tells_itself(
    settings: Settings,
    tmp_path: Path,
    files: dict[str, str],
    errors: str,
    expected: tuple[str, str | None],
) -> None:
    root, number = tmp_path / "machine", Path(settings.paths.state).stat().st_dev
    whole = "sys/devices/mmc0/block/mmcblk0"
    placed = {f"{whole}/device/{name}": text for name, text in files.items()}
    shown = with_files(
        root, {**placed, f"{whole}/mmcblk0p2/dev": "", "sys/fs/ext4/mmcblk0p2/errors_count": f"{errors}\n"}
    )
    link = root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(root / whole / "mmcblk0p2")
    assert told(one for one in look_at_disks(settings, shown) if one.probe == "wear") == expected


UNIT = "Id=tiepdon-{name}.service\nLoadState=loaded\nActiveState={active}\nSubState={sub}\nResult={result}\n"
UNIT += "NRestarts={restarts}\nUnitFileState=enabled\nType={kind}\n"
CONDITION = "ConditionResult=no\nConditionTimestampMonotonic={asked}\n"


def unit(name: str, active: str = "active", sub: str = "running", **told: Any) -> str:
    usual = {"result": "success", "restarts": 0, "kind": "notify", **told}
    return UNIT.format(name=name, active=active, sub=sub, **usual)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([unit("reader"), unit("kiosk"), unit("purge", "inactive", "dead", kind="oneshot")], ("ok", None)),
        ([unit("reader"), unit("kiosk", "failed", "failed", result="exit-code")], ("fail", "doctor.unit_failed")),
        ([unit("reader", restarts=9), unit("kiosk")], ("warn", "doctor.unit_restarts")),
        ([unit("reader", "activating", "auto-restart")], ("warn", "doctor.unit_restarts")),
        ([unit("reader"), unit("kiosk", "inactive", "dead")], ("warn", "doctor.unit_inactive")),
        # Never asked yet, and asked in vain: there is no screen.
        ([unit("screen", "inactive", "dead") + CONDITION.format(asked=0)], ("warn", "doctor.unit_inactive")),
        ([unit("screen", "inactive", "dead") + CONDITION.format(asked=90)], ("ok", None)),
        (["rubbish\n"], ("ok", None)),
    ],
)
def test_a_service_that_is_not_up_is_told(
    machine: Callable[..., Machine], blocks: list[str], expected: tuple[str, str | None]
) -> None:
    with_systemd = machine(**{"run/systemd/system/x": ""})
    assert told(look_at_units(with_systemd, lambda *_: "\n".join(blocks))) == expected


def test_without_systemd_there_is_nothing_to_tell_and_a_silent_one_is_told(machine: Callable[..., Machine]) -> None:
    assert told(look_at_units(machine())) == ("ok", None)
    assert told(look_at_units(machine(**{"run/systemd/system/x": ""}), lambda *_: None)) == (
        "note",
        "doctor.systemd_silent",
    )
    assert parse("") == []


def test_programs_that_are_not_there_fail_or_hang_say_nothing() -> None:
    assert output("echo", "word") == "word\n"
    assert output("false") is None
    assert output("no-such-program-at-all") is None
    assert output("sleep", "30", seconds=0.05) is None


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("confirmed", ("ok", None)),
        ("proving", ("note", "doctor.update_under_way")),
        ("went_back", ("warn", "doctor.update_went_back")),
        ("stuck", ("fail", "doctor.update_stuck")),
    ],
)
def test_an_updates_course_is_told(
    machine: Callable[..., Machine], phase: str, expected: tuple[str, str | None]
) -> None:
    course = (
        f'{{"phase": "{phase}", "before": "0.1.0", "after": "0.2.0", "old_package": "a", "new_package": "b",'
        ' "began_at": "2026-11-22T03:00:00Z"}'
    )
    updated = machine(
        **{"var/lib/tiepdon-update/update.json": course, "proc/cmdline": "console=tty1 root=LABEL=rootB rw\n"}
    )
    (finding,) = look_at_version(updated)
    assert (finding.status.value, finding.code) == expected
    assert finding.data["slot"] == "LABEL=rootB"
