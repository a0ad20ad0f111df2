"""The scanner over a real pseudo-terminal: fragments, unplugging, garbage."""

import os
import queue
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reader.payload import parse_payload
from reader.payload.text import MAX_LENGTH
from reader.scanner.serial import SerialScanner

CARD = "001303900017||Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội|20052021".encode()
TEXT = CARD.decode()
DEADLINE = 10.0


class Plug:
    """A pseudo-terminal at a fixed path; our end plays the scanner."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.master = -1

    def plug_in(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(self.master)
        fresh = self.path.with_suffix(".new")
        fresh.symlink_to(os.ttyname(slave))
        fresh.replace(self.path)
        self._slave = slave

    def send(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.master, data) :]

    def pull_out(self) -> None:
        if self.master != -1:
            self.path.unlink()
            os.close(self._slave)
            os.close(self.master)
            self.master = -1


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Plug]:
    plug = Plug(tmp_path / "scanner")
    yield plug
    plug.pull_out()


@contextmanager
def running(scanner: SerialScanner) -> Iterator["queue.Queue[str]"]:
    seen: queue.Queue[str] = queue.Queue()
    stop = threading.Event()
    thread = threading.Thread(target=scanner.run, args=(seen.put, stop), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(DEADLINE)
        assert not thread.is_alive()


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    pause = threading.Event()
    while not true():
        assert time.monotonic() < end, "not in time"
        pause.wait(0.01)


def is_open(scanner: SerialScanner) -> Callable[[], bool]:
    return lambda: scanner.health()["state"] == "open"


def scanner_at(plug: Plug) -> SerialScanner:
    return SerialScanner(str(plug.path), 115200, time.monotonic)


def test_fragments_are_put_together_up_to_the_line_end(plug: Plug) -> None:
    plug.plug_in()
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        wait_until(is_open(scanner))
        for at in range(0, len(CARD), 7):
            plug.send(CARD[at : at + 7])
        plug.send(b"\r\n")
        assert seen.get(timeout=DEADLINE) == TEXT
        plug.send(CARD + b"\r" + CARD + b"\r")
        assert [seen.get(timeout=DEADLINE), seen.get(timeout=DEADLINE)] == [TEXT, TEXT]


def test_silence_ends_a_payload_without_a_line_end(plug: Plug) -> None:
    plug.plug_in()
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        wait_until(is_open(scanner))
        plug.send(CARD)
        assert seen.get(timeout=DEADLINE) == TEXT


def test_a_payload_with_line_ends_between_its_fields_stays_whole(plug: Plug) -> None:
    plug.plug_in()
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        wait_until(is_open(scanner))
        plug.send(CARD.replace(b"|", b"\r\n") + b"\r\n")
        assert parse_payload(seen.get(timeout=DEADLINE)).holder == parse_payload(CARD).holder


def test_control_characters_of_the_terminal_pass_as_bytes(plug: Plug) -> None:
    plug.plug_in()
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        wait_until(is_open(scanner))
        plug.send(b"\x03\x04\x11\x13\x1a|\xff\x00\r")
        raw = seen.get(timeout=DEADLINE)
        assert raw.encode("utf-8", "surrogateescape") == b"\x03\x04\x11\x13\x1a|\xff\x00"
        assert parse_payload(raw).reason == "payload.damaged"
        plug.send(CARD + b"\r")
        assert seen.get(timeout=DEADLINE) == TEXT


def test_an_unplugged_scanner_is_found_again(plug: Plug) -> None:
    plug.plug_in()
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        for _ in range(2):
            wait_until(is_open(scanner))
            plug.send(b"half a payl|")
            plug.pull_out()
            wait_until(lambda: scanner.health()["problem"] == "scanner.missing")
            plug.plug_in()
        wait_until(is_open(scanner))
        plug.send(CARD + b"\r")
        last = seen.get(timeout=DEADLINE)
        while last != TEXT:
            assert last == "half a payl|"  # silence had ended it before the plug was pulled
            last = seen.get(timeout=DEADLINE)


def test_a_scanner_plugged_in_later_is_found(plug: Plug) -> None:
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        wait_until(lambda: scanner.health()["problem"] == "scanner.missing")
        plug.plug_in()
        wait_until(is_open(scanner))
        plug.send(CARD + b"\r")
        assert seen.get(timeout=DEADLINE) == TEXT


def test_an_endless_payload_is_handed_on_once_and_cut(plug: Plug) -> None:
    plug.plug_in()
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        wait_until(is_open(scanner))
        plug.send(b"x" * 20_000)
        flood = seen.get(timeout=DEADLINE)
        assert len(flood) == MAX_LENGTH + 1
        assert parse_payload(flood).reason == "payload.too_long"
        with pytest.raises(queue.Empty):
            seen.get(timeout=0.5)
        plug.send(CARD + b"\r")
        assert seen.get(timeout=DEADLINE) == TEXT


def test_a_path_that_is_no_serial_device_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CARD + b"\r")
    scanner = SerialScanner(str(path), 115200, time.monotonic)
    with running(scanner) as seen:
        wait_until(lambda: scanner.health()["problem"] == "scanner.missing")
        assert seen.empty()


def test_without_a_device_nothing_runs() -> None:
    scanner = SerialScanner("", 115200, lambda: 5.0)
    scanner.run(print, threading.Event())
    assert scanner.health() == {"state": "absent", "problem": None, "device": "", "seconds": 0.0}
