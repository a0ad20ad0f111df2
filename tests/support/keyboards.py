"""Keyboards to plug, type on and pull, read by the real evdev library in a process of its own (keyboard.c)."""

import json
import os
import queue
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from evdev import ecodes

from tests.support.waiting import wait_until

SOURCE = Path(__file__).with_name("keyboard.c")
DEADLINE = 10.0
EVENT = "@llHHi"  # struct input_event of a 64-bit machine
KEYS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890")
KEYPAD = tuple(f"KP{digit}" for digit in range(10))
FAST = 0.004  # seconds a key, as scanners do

_NAMED = {
    **{sign: f"KEY_{sign.upper()}" for sign in "abcdefghijklmnopqrstuvwxyz0123456789"},
    **{sign: f"KEY_{name}" for sign, name in {"-": "MINUS", "=": "EQUAL", "[": "LEFTBRACE", "]": "RIGHTBRACE"}.items()},
    **{sign: f"KEY_{name}" for sign, name in {"\\": "BACKSLASH", ";": "SEMICOLON", "'": "APOSTROPHE"}.items()},
    **{sign: f"KEY_{name}" for sign, name in {"`": "GRAVE", ",": "COMMA", ".": "DOT", "/": "SLASH"}.items()},
    **{" ": "KEY_SPACE", "\n": "KEY_ENTER", "\t": "KEY_TAB"},
}
_SHIFTED = dict(zip('!@#$%^&*()_+{}|:"~<>?', "1234567890-=[]\\;'`,./", strict=True))


class Key(NamedTuple):
    """A key going down (1), staying down (2) or up (0)."""

    code: int
    value: int


def key(name: str) -> int:
    """The code of a key, as linux/input-event-codes.h calls it without its KEY_."""
    code: int = ecodes.ecodes[name if name.startswith("BTN_") else f"KEY_{name}"]
    return code


def stroke(*names: str) -> list[Key]:
    """Keys pressed one after the other and released the other way round."""
    codes = [key(name) for name in names]
    return [*(Key(code, 1) for code in codes), *(Key(code, 0) for code in reversed(codes))]


def us_keys(text: str) -> list[Key]:
    """How a US keyboard types this; what it has no key for is left out, as scanners do."""
    keys: list[Key] = []
    for sign in text:
        plain = _SHIFTED.get(sign, sign.lower())
        if (name := _NAMED.get(plain if sign.isascii() else "")) is not None:
            shift = ["LEFTSHIFT"] if sign != plain else []
            keys += stroke(*shift, name.replace("KEY_", ""))
    return keys


def compiled(place: Path) -> Path:
    """The stand-in as a library to preload."""
    library = place / "keyboard.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Werror", "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Keyboard:
    """A keyboard that is not plugged in yet; `path` is what the settings name."""

    def __init__(self, folder: Path, able: Iterable[str] = KEYS) -> None:
        self.path = folder / "kbd"
        self._able = [key(name) for name in able]
        self._listener: socket.socket | None = None
        self._readers: list[socket.socket] = []
        self._now = 1000.0

    def plug(self) -> None:
        """Plug it in."""
        self.tell("able", self._able)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fresh = self.path.with_name("new")
        self._listener.bind(str(fresh))
        self._listener.listen()
        self._listener.setblocking(False)
        fresh.rename(self.path)

    def pull(self) -> None:
        """Pull it out."""
        if self._listener is not None:
            self.path.unlink()
            self._meet_readers()
            for gone in (self._listener, *self._readers):
                gone.close()
            self._listener = None
            self._readers.clear()

    def tell(self, what: str, codes: Iterable[int]) -> None:
        """Answer the kernel's question for `keys` (down), `lamps` (lit) or what it is `able` to type."""
        bits = bytearray(96)
        for code in codes:
            bits[code // 8] |= 1 << code % 8
        self.path.with_name(f"kbd.{what}").write_bytes(bits)

    def type(self, keys: Iterable[Key], seconds: float = FAST) -> None:
        """Give keys to whoever reads, so many seconds from press to press by the kernel's clock."""
        for pressed in keys:
            self._now += seconds if pressed.value == 1 else 0
            self.send((ecodes.EV_MSC, ecodes.MSC_SCAN, 7), (ecodes.EV_KEY, *pressed), (ecodes.EV_SYN, 0, 0))

    def send(self, *events: tuple[int, int, int]) -> None:
        """Give events as they are."""
        second, micro = int(self._now), int(self._now % 1 * 1_000_000)
        packet = b"".join(struct.pack(EVENT, second, micro, *event) for event in events)
        self._meet_readers()
        for reader in self._readers:
            with suppress(BrokenPipeError):  # opened it and may not have it
                reader.sendall(packet)

    def _meet_readers(self) -> None:
        with suppress(BlockingIOError):
            while self._listener is not None:
                self._readers.append(self._listener.accept()[0])


class Reader:
    """A process in which KeyboardScanner reads a keyboard."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._texts: queue.Queue[str] = queue.Queue()
        self.health: dict[str, Any] = {}
        threading.Thread(target=self._follow, daemon=True).start()

    def text(self) -> str:
        """The next payload."""
        return self._texts.get(timeout=DEADLINE)

    def texts(self) -> list[str]:
        """Every payload until now."""
        found = []
        while not self._texts.empty():
            found.append(self._texts.get())
        return found

    def becomes(self, state: str, problem: str | None = None) -> None:
        """Wait until it is so."""
        wanted = {"state": state, "problem": problem}
        wait_until(lambda: self.health.items() >= wanted.items(), DEADLINE, f"{state} {problem}")

    def _follow(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "text" in told:
                self._texts.put(told["text"])
            else:
                self.health = told


@contextmanager
def reading(path: Path, library: Path | None = None, *options: str) -> Iterator[Reader]:
    """Read the keyboard at this path as long as the context lasts, with the stand-in where it is given."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.keyboard_reader", str(path), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **({"LD_PRELOAD": str(library)} if library else {})},
    )
    with process:
        try:
            yield Reader(process)
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()


@contextmanager
def plugged(folder: Path, able: Iterable[str] = KEYS) -> Iterator[Keyboard]:
    """A keyboard that is plugged in; the path of its folder has to be short, as that of a socket is."""
    made = Keyboard(folder, able)
    made.plug()
    try:
        yield made
    finally:
        made.pull()
