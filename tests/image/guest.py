"""A machine in QEMU with a panel, a finger and a watchdog, seen from outside: its picture as the panel gets it, and
commands in it through Debian's own guest agent.

Its clock counts its instructions (`-icount`): however busy this machine is, a second of it is a second of a processor
that does a thousand million instructions, a third of one core of a Raspberry Pi 4 or so. Waits are those of a slow
machine, and what it measures of itself means something. Nothing of it reaches a network.
"""

import base64
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from PIL import Image

from tests.image.debian import Disk

WIDTH, HEIGHT = 1024, 600  # the simple level's panel (docs/hardware.md)
MEMORY_MIB = 2048
PACE = "shift=0,sleep=on"  # one nanosecond an instruction; idle time passes as it does for us
SOON = 20.0
AXIS_MAX = 0x7FFF  # qapi/ui.json, InputMoveEvent


class Silent(AssertionError):
    """The machine does not answer."""


@dataclass(frozen=True)
class Answer:
    """How a command in the machine ended."""

    code: int
    said: str


class Guest:
    """One machine, from the power switch on. Ends with the block it was made for."""

    def __init__(self, disk: Disk, folder: Path, more: Sequence[str] = ()) -> None:
        self._folder = folder
        self.console = folder / "console.log"
        self._agent_place, self._monitor_place = folder / "agent.sock", folder / "monitor.sock"
        self._command = _command(disk, self.console, self._agent_place, self._monitor_place, more)
        self.events: list[str] = []

    def __enter__(self) -> Self:
        # Below everything else of this machine: it takes a whole processor for minutes.
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, preexec_fn=lambda: os.nice(10))
        until(self._monitor_place.exists, SOON, "QEMU's monitor")
        self._monitor = _Line(self._monitor_place)
        self._monitor.read(lambda told: "QMP" in told, SOON)
        self.monitor("qmp_capabilities")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._monitor.close()

    def monitor(self, command: str, **arguments: Any) -> Any:
        """Ask QEMU (QMP). What it tells unasked meanwhile stays in `events`."""
        self._monitor.send({"execute": command, "arguments": arguments})
        told = self._monitor.read(self._is_answer, SOON)
        assert "error" not in told, f"{command}: {told}"
        return told["return"]

    def happened(self, event: str) -> bool:
        """Whether QEMU told `event` since the last look."""
        self.monitor("query-status")
        seen = event in self.events
        self.events.clear()
        return seen

    def picture(self) -> Image.Image:
        """What the panel shows now."""
        place = self._folder / "panel.ppm"
        self.monitor("screendump", filename=str(place))
        with Image.open(place) as image:
            return image.convert("RGB")

    def click(self, x: float, y: float) -> None:
        """Press there once with the tablet that is plugged in; pixels of the panel."""
        place = [
            {"type": "abs", "data": {"axis": axis, "value": round(at / size * AXIS_MAX)}}
            for axis, at, size in (("x", x, WIDTH), ("y", y, HEIGHT))
        ]
        self.monitor("input-send-event", events=place)
        for down in (True, False):
            time.sleep(1.0)  # nothing tells that the machine has read it, and what it has not it reads as one
            self.monitor("input-send-event", events=[{"type": "btn", "data": {"button": "left", "down": down}}])

    def run(self, *command: str, seconds: float = 600.0) -> Answer:
        """A command in it as root, to its end. Raises Silent."""
        line = self._agent()
        try:
            arguments = {"path": command[0], "arg": command[1:], "capture-output": True}
            pid = _ask(line, "guest-exec", arguments)["pid"]
            give_up = time.monotonic() + seconds
            while not (told := _ask(line, "guest-exec-status", {"pid": pid}))["exited"]:
                assert time.monotonic() < give_up, f"{command}: not within {seconds:.0f} s"
                time.sleep(0.3)  # nothing tells that a command ended
        finally:
            line.close()
        said = b"".join(base64.b64decode(told.get(part, "")) for part in ("out-data", "err-data"))
        return Answer(told.get("exitcode", 128 + told.get("signal", 0)), said.decode("utf-8", "replace"))

    def must(self, *command: str, seconds: float = 600.0) -> str:
        """A command that has to succeed; what it said."""
        done = self.run(*command, seconds=seconds)
        assert done.code == 0, f"{' '.join(command)}: {done.code}\n{done.said}"
        return done.said

    def shell(self, line: str, seconds: float = 600.0) -> str:
        """A line of shell that has to succeed; what it said."""
        return self.must("sh", "-c", line, seconds=seconds)

    def answers(self) -> bool:
        """Whether its agent is there."""
        try:
            self._agent().close()
        except (OSError, Silent):
            return False
        return True

    def clock(self) -> float:
        """Its own seconds since it was started."""
        return float(self.must("cat", "/proc/uptime").split()[0])

    def put(self, name: str, content: str) -> str:
        """A file in it; its path."""
        encoded = base64.b64encode(content.encode()).decode()
        self.shell(f"echo {encoded} | base64 -d >/root/{name}")
        return f"/root/{name}"

    def _is_answer(self, told: Any) -> bool:
        if "event" in told:
            self.events.append(told["event"])
        return "return" in told or "error" in told

    def _agent(self) -> "_Line":
        """A line to the agent on which nothing of an earlier question is under way any more."""
        line = _Line(self._agent_place)
        try:
            number = time.monotonic_ns() % (1 << 40)
            line.send({"execute": "guest-sync", "arguments": {"id": number}})
            line.read(lambda told: told.get("return") == number, SOON)
        except BaseException:
            line.close()
            raise
        return line


class _Line:
    """JSON, one to a line, over a Unix socket."""

    def __init__(self, place: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(place))
        self._read = b""

    def send(self, question: Any) -> None:
        self._socket.sendall(json.dumps(question).encode() + b"\n")

    def read(self, wanted: Callable[[Any], bool], seconds: float) -> Any:
        give_up = time.monotonic() + seconds
        while True:
            while b"\n" in self._read:
                first, _, self._read = self._read.partition(b"\n")
                told = json.loads(first.lstrip(b"\xff") or b"{}")
                if wanted(told):
                    return told
            self._socket.settimeout(max(give_up - time.monotonic(), 0.01))
            try:
                more = self._socket.recv(1 << 16)
            except TimeoutError:
                raise Silent(f"no answer within {seconds:.0f} s") from None
            if not more:
                raise Silent("the line was closed")
            self._read += more

    def close(self) -> None:
        self._socket.close()


def until(condition: Callable[[], object], seconds: float, what: str, every: float = 1.0) -> None:
    """Look again and again, seldom: each look costs a slow machine something. Raises AssertionError."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, f"not within {seconds:.0f} s: {what}"
        time.sleep(every)


def _ask(line: _Line, command: str, arguments: Any) -> Any:
    line.send({"execute": command, "arguments": arguments})
    told = line.read(lambda told: "return" in told or "error" in told, SOON * 3)
    assert "error" not in told, f"{command}: {told}"
    return told["return"]


def _command(disk: Disk, console: Path, agent: Path, monitor: Path, more: Sequence[str]) -> list[str]:
    return [
        *("qemu-system-x86_64", "-accel", "tcg", "-icount", PACE, "-rtc", "clock=vm", "-cpu", "max", "-smp", "1"),
        *("-m", str(MEMORY_MIB), "-nodefaults", "-nic", "none", "-display", "none"),
        *("-device", f"virtio-vga,xres={WIDTH},yres={HEIGHT}"),
        *("-drive", f"file={disk.image},format=raw,if=virtio,snapshot=on"),
        *("-device", "qemu-xhci", "-device", "usb-tablet", "-device", "i6300esb", "-action", "watchdog=reset"),
        *("-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"),
        *("-device", "virtio-serial", "-chardev", f"socket,id=agent,path={agent},server=on,wait=off"),
        *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
        *("-qmp", f"unix:{monitor},server=on,wait=off", "-serial", f"file:{console}"),
        *("-kernel", str(disk.kernel), "-initrd", str(disk.initrd)),
        *("-append", "root=LABEL=ROOT ro console=tty0 console=ttyS0 quiet panic=0"),
        *more,
    ]
