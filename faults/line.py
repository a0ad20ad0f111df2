"""A line between two network namespaces that a run can cut, delay and make lossy: the kernel's own TCP at both ends,
and every packet between them through this process (TUN devices). Linux, root.

tc-netem does the same where the kernel has it; the kernels of small machines and of test machines often do not.
"""

import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from faults.media import WHERE, run_tool
from faults.scene import Way

TUN = Path("/dev/net/tun")
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
NETWORK = "10.77.0"
ENDS = ("site", "hospital")
MOST_BYTES = 65536
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Weather:
    """What becomes of each packet: the share that is lost, and how long the others take, both ways."""

    name: str
    lost: float = 0.0
    seconds: float = 0.0
    jitter: float = 0.0


FAIR = Weather("fair")
CUT = Weather("cut", lost=1.0)


class Line:
    """`weather` may be set at any time."""

    def __init__(self, devices: tuple[int, int], seed: int) -> None:
        self.weather = FAIR
        self.carried = self.dropped = 0
        self._devices = devices
        self._chance = random.Random(seed)  # noqa: S311  # losses, not secrets
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="line", daemon=True)

    @contextmanager
    def carrying(self) -> Iterator["Line"]:
        """While the context lasts."""
        self._thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._thread.join()

    def _carry(self) -> None:
        other = {self._devices[0]: self._devices[1], self._devices[1]: self._devices[0]}
        waiting: list[tuple[float, int, int, bytes]] = []
        count = 0
        while not self._over.is_set():
            left = waiting[0][0] - time.monotonic() if waiting else LOOK_SECONDS
            ready, _, _ = select.select(self._devices, (), (), min(max(left, 0.0), LOOK_SECONDS))
            for device in ready:
                packet, weather = os.read(device, MOST_BYTES), self.weather
                if self._chance.random() < weather.lost:
                    self.dropped += 1
                    continue
                count += 1
                due = time.monotonic() + max(0.0, weather.seconds + self._chance.uniform(-1, 1) * weather.jitter)
                heapq.heappush(waiting, (due, count, other[device], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, device, packet = heapq.heappop(waiting)
                os.write(device, packet)
                self.carried += 1


@dataclass(frozen=True)
class Ends:
    """The two places: how processes are started there, and the hospital's address."""

    line: Line
    site: Way
    hospital: Way
    host: str = f"{NETWORK}.2"


@contextmanager
def line_between(seed: int) -> Iterator[Ends]:
    """Two namespaces with nothing but each other. Raises OSError, CalledProcessError."""
    with ExitStack() as held:
        devices, ways = [], []
        for number, end in enumerate(ENDS, 1):
            name, space = f"tpd{os.getpid() % 10**6}{end[0]}", f"tiepdon-{end}-{os.getpid()}"
            run_tool("ip", "netns", "add", space)
            held.callback(run_tool, "ip", "netns", "del", space)
            device = os.open(TUN, os.O_RDWR)
            held.callback(os.close, device)
            fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
            run_tool("ip", "link", "set", name, "netns", space)
            run_tool("ip", "-n", space, "addr", "add", f"{NETWORK}.{number}/24", "dev", name)
            for one in (name, "lo"):
                run_tool("ip", "-n", space, "link", "set", one, "up")
            devices.append(device)
            ways.append(Way(before=(shutil.which("ip", path=WHERE) or "ip", "netns", "exec", space)))
        with Line((devices[0], devices[1]), seed).carrying() as line:
            yield Ends(line, ways[0], ways[1])


def why_no_line() -> str | None:
    """Why there can be none here; None where there can."""
    if os.geteuid() != 0:
        return "not root"
    if not TUN.exists() or shutil.which("ip", path=WHERE) is None:
        return f"no {TUN} or no ip"
    try:
        with line_between(0):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        return f"namespaces or TUN refused ({type(error).__name__})"
