r"""The units in a real systemd: what starts, what comes back, what each process can reach. Prints what it did.

    python -m tests.systemd.in_container PID

PID: of the systemd of a container in which Tiếp Đón is installed, has settings and runs; it may be wrecked afterwards.
Each check stands for itself; the exit code is 1 when any failed. The package's own test calls `run_all`. Where packets
may go is tried only where systemd may set its filters:

    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --private-network --system-call-filter=bpf \
        --capability=CAP_BPF,CAP_NET_ADMIN -b ...
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.waiting import wait_until
from tests.systemd.container import Container, Inside

BACK_SECONDS = 15.0  # of this busy machine; each check prints what it took
WATCHDOG_SECONDS = 4
ELSEWHERE = "192.0.2.1"  # TEST-NET-1, RFC 5737
OWN_DEVICES = {
    *("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue", "hugepages"),
    *("fd", "stdin", "stdout", "stderr", "log", "core", "console", "char", "block"),
}
NO_PANEL = f"""[Service]
Environment=WLR_BACKENDS=headless WLR_RENDERER=pixman
StandardInput=null
TTYPath=
TTYReset=no
TTYVHangup=no
TimeoutStartSec=60
WatchdogSec={2 * WATCHDOG_SECONDS}
"""


class Absent(Exception):
    """The container lacks what a check needs; the check says what."""


def unit(name: str) -> str:
    return f"tiepdon-{name}.service"


def present(box: Container) -> list[str]:
    """The daemons that this container is to run."""
    asked = ("reader", "bridge", "kiosk", "desk")
    return [name for name in asked if box.run("systemctl", "is-enabled", unit(name), check=False).strip() == "enabled"]


def everything_is_ready(box: Container) -> str:
    """Each daemon said itself that it is ready, and answers."""
    for name in present(box):
        wait_until(
            lambda name=name: box.is_running(unit(name)) and box.answers(name), 60, f"{name}: {box.log(unit(name))}"
        )
    told = box.show("tiepdon-database.service")
    assert told["Result"] == "success", told["Result"]
    return ", ".join(present(box))


def none_has_a_privilege(box: Container) -> str:
    """The kernel's own word for it: no capability, none to be had, system calls filtered."""
    for name in present(box):
        main = box.main(unit(name))
        for one in (main, *main.below()):
            for which in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert int(one.status(which), 16) == 0, (name, which)
            assert one.status("NoNewPrivs") == "1", name
            assert one.status("Seccomp") == "2", name
            assert int(one.status("Uid").split()[0]) != 0, name
            limit = next(
                line for line in Path(f"/proc/{one.pid}/limits").read_text().splitlines() if "core file" in line
            )
            assert limit.split()[4] == "0", name
    return "every process, workers included"


def the_reader_has_no_network_and_no_state(box: Container) -> str:
    """Nothing but a loopback of its own; neither the database nor a secret, not even their names."""
    main = box.main(unit("reader"))
    lines = Path(f"/proc/{main.pid}/net/dev").read_text("utf-8").splitlines()[2:]
    assert [line.split(":")[0].strip() for line in lines] == ["lo"], lines
    assert Path(f"/proc/{main.pid}/ns/net").readlink() != Path(f"/proc/{box.leader}/ns/net").readlink()
    for place in ("/var/lib/tiepdon", "/etc/tiepdon/secrets"):
        told = main.sees("ls", place)
        assert told.returncode != 0, f"{place}: {told.stdout}"
    assert {file.name for file in (box.root / f"run/credentials/{unit('reader')}").iterdir()} == {"tiepdon.toml"}
    for process in ("bridge", "kiosk"):
        told = main.sees("ls", "-l", f"/run/tiepdon/{process}.sock")
        assert "rw-rw" not in told.stdout, told.stdout
    return "lo alone; /var/lib/tiepdon refused"


def the_bridge_touches_no_device_and_is_not_called(box: Container) -> str:
    """A device that the machine has is not there for the bridge; no port of it is open."""
    probe = box.root / "dev/tiepdon-probe"
    if not probe.exists():
        os.mknod(probe, 0o20666, os.makedev(1, 3))
    try:
        main = box.main(unit("bridge"))
        seen = {entry.name for entry in (main.root / "dev").iterdir()}
        assert seen <= OWN_DEVICES, seen - OWN_DEVICES
    finally:
        probe.unlink()
    assert main.sees("ls", "/run/pcscd").returncode != 0
    return f"{len(seen)} pseudo devices"


def secrets_are_root_s_and_each_unit_has_its_own(box: Container) -> str:
    """The folder is closed to the processes; the kiosk has the site's key alone, and its database is open with it."""
    for name in present(box):
        assert box.main(unit(name)).sees("ls", "/etc/tiepdon/secrets").returncode != 0, name
    kiosk = {file.name for file in (box.root / f"run/credentials/{unit('kiosk')}").iterdir()}
    assert kiosk == {"site.key"}, kiosk
    health = box.ask("kiosk", "/health/ready")
    assert health["parts"]["database"] is None, health
    return "site.key alone for the kiosk"


def the_kiosk_reaches_this_machine_only(box: Container) -> str:
    """The kernel drops what it would send elsewhere; a neighbour without the filter sends it."""
    if not can_filter(box):
        raise Absent(
            "leave for bpf(2): without it systemd filters no packets (systemd-nspawn --system-call-filter=bpf)"
        )
    if Path("/proc/self/ns/net").readlink() != Path(f"/proc/{box.leader}/ns/net").readlink():
        # A network of its own without a way out: give it one that leads nowhere.
        for words in (("addr", "replace", "192.0.2.2/24", "dev", "lo"), ("route", "replace", ELSEWHERE, "dev", "lo")):
            done = subprocess.run(["nsenter", "-t", str(box.leader), "-n", "ip", *words], check=False)
            if done.returncode != 0:
                raise Absent("iproute2 on this machine")
    bridge, kiosk = box.main(unit("bridge")), box.main(unit("kiosk"))
    assert bridge.sends_to(ELSEWHERE) == "", bridge.sends_to(ELSEWHERE)
    assert kiosk.sends_to(ELSEWHERE) == "Operation not permitted", kiosk.sends_to(ELSEWHERE)
    assert kiosk.sends_to("127.0.0.1") == ""
    return f"{ELSEWHERE}: the bridge sends, the kiosk may not"


def can_filter(box: Container) -> bool:
    """Whether systemd has a filter there: only then it counts as well."""
    box.run("systemctl", "set-property", "--runtime", unit("kiosk"), "IPAccounting=yes")
    told = box.show(unit("kiosk"))["IPEgressBytes"]
    return told.isdecimal() and int(told) < (1 << 64) - 1


def only_the_reader_s_user_speaks_to_cards(box: Container) -> str:
    """polkit's own answer to pcscd's own question."""
    if "org.debian.pcsc-lite" not in box.run("sh", "-c", "pkaction || true"):
        raise Absent("pcscd that asks polkit (Debian 13 has one)")
    assert box.ask("reader", "/v1/health")["presence"]["service"], "pcscd refuses the reader"
    said = {}
    for user in ("tiepdon-reader", "tiepdon-screen", "nobody"):
        number = box.run("id", "-u", user).strip()
        # Asked only when it is that user: until then it is root, who may.
        asked = (
            f"sleep 30 & until grep -q '^Uid:.{number}' /proc/$!/status; do :; done; "
            "pkcheck --action-id org.debian.pcsc-lite.access_pcsc --process $!; echo $?; kill $!"
        )
        text = asked.replace("sleep 30", f"setpriv --reuid {number} --clear-groups sleep 30")
        said[user] = box.run("sh", "-c", text).split()[-1]
    assert said["tiepdon-reader"] == "0", said
    assert "0" not in (said["tiepdon-screen"], said["nobody"]), said
    return str(said)


def one_that_is_killed_comes_back(box: Container) -> str:
    """kill -9, oftener than systemd's own limit would bear; whoever asked meanwhile has an answer."""
    took = []
    for name in present(box):
        times = 7 if name == "reader" else 2
        for _ in range(times):
            took.append(_killed(box, name))
    return f"{len(took)} times, at most {max(took):.1f} s"


def _killed(box: Container, name: str) -> float:
    main, begin = box.main(unit(name)), time.monotonic()
    os.kill(main.pid, signal.SIGKILL)
    if name in ("reader", "bridge"):
        # Connected while nobody is there: systemd holds the socket.
        box.ask(name, "/v1/health/live", BACK_SECONDS)
    wait_until(lambda: box.is_running(unit(name)) and box.answers(name), BACK_SECONDS, f"{name}: {box.log(unit(name))}")
    assert box.main(unit(name)).pid != main.pid
    return time.monotonic() - begin


def one_that_hangs_is_noticed(box: Container) -> str:
    """SIGSTOP: the process is there and says nothing; also a worker whose arbiter is well."""
    took = []
    for name in present(box):
        told = box.show(unit(name))
        assert told["WatchdogUSec"] != "0", name
        assert told["Type"] == "notify", name
        box.part(unit(name), f"[Service]\nWatchdogSec={WATCHDOG_SECONDS}\n")
        wait_until(lambda name=name: box.is_running(unit(name)), 60, name)
        choices: list[Callable[[Inside], Inside]] = [lambda main: main]
        if name in ("kiosk", "desk"):
            choices.append(lambda main: main.below()[0])
        for choice in choices:
            wait_until(lambda name=name: box.answers(name), 60, name)
            main, begin = box.main(unit(name)), time.monotonic()
            os.kill(choice(main).pid, signal.SIGSTOP)
            wait_until(lambda name=name, main=main: _is_another(box, name, main), 60, box.log(unit(name)))
            took.append(time.monotonic() - begin)
    return f"{len(took)} times with WatchdogSec={WATCHDOG_SECONDS}: {', '.join(f'{one:.1f}' for one in took)} s"


def _is_another(box: Container, name: str, before: Inside) -> bool:
    told = box.show(unit(name))
    if (told["ActiveState"], told["SubState"]) != ("active", "running") or told["MainPID"] == "0":
        return False
    try:
        return box.answers(name) and box.main(unit(name)).pid != before.pid
    except AssertionError:
        return False  # gone again before it was looked at: a busy machine starves whom the watchdog asks


def whatever_is_stopped_together_starts_together(box: Container) -> str:
    """The target holds them all."""
    box.run("systemctl", "stop", "tiepdon.target")
    for name in present(box):
        wait_until(lambda name=name: box.show(unit(name))["ActiveState"] == "inactive", 30, name)
    assert not (box.root / "run/tiepdon/reader.sock").exists()
    begin = time.monotonic()
    box.run("systemctl", "start", "tiepdon.target")
    everything_is_ready(box)
    return f"all ready again after {time.monotonic() - begin:.1f} s"


def a_technician_s_wish_brings_another_report(box: Container) -> str:
    """Touched by who may write there; the doctor's own unit writes the report."""
    report = box.root / "run/tiepdon/doctor.json"
    before = report.stat().st_mtime_ns if report.exists() else 0
    kiosk = box.main(unit("kiosk"))
    assert kiosk.sees("touch", "/run/tiepdon/doctor.request").returncode == 0
    wait_until(lambda: report.exists() and report.stat().st_mtime_ns > before, 60, box.log("tiepdon-doctor.service"))
    return f"{report.stat().st_size} bytes"


def what_runs_by_itself_runs(box: Container) -> str:
    """Each of the timers' units, once, as systemd would."""
    for name in ("purge", "snapshot", "backup"):
        box.run("systemctl", "start", unit(name), check=False)
        told = box.show(unit(name))
        assert told["Result"] == "success", f"{name}: {told['Result']}: {box.log(unit(name))}"
    timers = box.run("systemctl", "list-timers", "--all", "--no-legend", "--no-pager", "tiepdon-*")
    for name in ("purge", "snapshot", "backup", "doctor", "screen-restart"):
        assert f"tiepdon-{name}.timer" in timers, timers
    return "purge, snapshot, backup"


def the_page_really_shows(box: Container) -> str:
    """The browser session with the real compositor and Chromium, on a screen in memory; a page that hangs is noticed
    by what it no longer tells, and Chromium's own sandbox holds inside the unit's.
    """
    for program in ("cage", "chromium", "Xwayland"):
        if not (box.root / "usr/bin" / program).exists():
            raise Absent(program)
    name = unit("screen")
    box.part(name, NO_PANEL)
    try:
        box.run("systemctl", "start", name)
        assert box.show(name)["StatusText"] == "the page shows", box.log(name)
        assert box.ask("kiosk", "/health")["screen"]["visible"] is True
        pages = [one for one in everybody(box.main(name)) if "--type=renderer" in one.command()]
        assert pages, box.log(name)
        for page in pages:
            assert page.status("Seccomp") == "2"
            assert (
                Path(f"/proc/{page.pid}/ns/user").readlink() != Path(f"/proc/{box.main(name).pid}/ns/user").readlink()
            )
        begin, main = time.monotonic(), box.main(name)
        for page in pages:
            os.kill(page.pid, signal.SIGSTOP)
        wait_until(lambda: box.is_running(name) and box.main(name).pid != main.pid, 90, box.log(name))
        told = f"a hanging page noticed and shown again after {time.monotonic() - begin:.1f} s"
        begin, main = time.monotonic(), box.main(name)
        os.kill(main.pid, signal.SIGKILL)
        wait_until(lambda: box.is_running(name) and box.main(name).pid != main.pid, 60, box.log(name))
        return f"{told}, a killed one after {time.monotonic() - begin:.1f} s"
    finally:
        box.run("systemctl", "stop", name)


def everybody(main: Inside) -> list[Inside]:
    """A process and all below it."""
    found = [main]
    for one in found:
        found += one.below()
    return found


CHECKS: Sequence[Callable[[Container], str]] = (
    everything_is_ready,
    none_has_a_privilege,
    the_reader_has_no_network_and_no_state,
    the_bridge_touches_no_device_and_is_not_called,
    secrets_are_root_s_and_each_unit_has_its_own,
    the_kiosk_reaches_this_machine_only,
    the_page_really_shows,
    only_the_reader_s_user_speaks_to_cards,
    a_technician_s_wish_brings_another_report,
    what_runs_by_itself_runs,
    whatever_is_stopped_together_starts_together,
    one_that_is_killed_comes_back,
    one_that_hangs_is_noticed,
)


def run_all(box: Container, checks: Sequence[Callable[[Container], str]] = CHECKS) -> int:
    """Every check, each told in a line; returns how many failed."""
    failed = 0
    for check in checks:
        name, begin = check.__name__.replace("_", " "), time.monotonic()
        try:
            said = check(box)
        except Absent as lacking:
            print(f"skip  {name}: no {lacking}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAIL  {name}: {type(error).__name__}: {error}", flush=True)
        else:
            print(f"ok    {name}: {said} ({time.monotonic() - begin:.1f} s)", flush=True)
    return failed


if __name__ == "__main__":
    box = Container(int(sys.argv[1]))
    wanted = [check for check in CHECKS if not sys.argv[2:] or any(word in check.__name__ for word in sys.argv[2:])]
    sys.exit(1 if run_all(box, wanted) else 0)
