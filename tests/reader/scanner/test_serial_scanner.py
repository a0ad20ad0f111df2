"""The scanner over a real pseudo-terminal: fragments, unplugging, garbage."""

import fcntl
import os
import queue
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reader.payload import parse_payload
from reader.payload.text import MAX_LENGTH
from reader.scanner.serial import CHUNK_BITS, SerialScanner
from tests.support.waiting import wait_until

CARD = "001303900017||Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội|20052021".encode()
TEXT = CARD.decode()
DEADLINE = 10.0


class Plug:
    """A pseudo-terminal at a fixed path; our end plays the scanner."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.master = self.slave = -1

    def plug_in(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.master)
        attributes = termios.tcgetattr(self.slave)
        attributes[2] |= termios.HUPCL  # as every serial line has it at first, but for pseudo-terminals
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)
        fresh = self.path.with_suffix(".new")
        fresh.symlink_to(os.ttyname(self.slave))
        fresh.replace(self.path)

    def send(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.master, data) :]

    def pull_out(self) -> None:
        if self.master != -1:
            self.path.unlink()
            os.close(self.slave)
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


def is_open(scanner: SerialScanner) -> Callable[[], bool]:
    return lambda: scanner.health()["state"] == "open"


def has_problem(scanner: SerialScanner, code: str) -> Callable[[], bool]:
    return lambda: scanner.health()["problem"] == code


def scanner_at(plug: Plug, baud_rate: int = 115200) -> SerialScanner:
    return SerialScanner(str(plug.path), baud_rate, time.monotonic)


@contextmanager
def opened(plug: Plug, baud_rate: int = 115200) -> Iterator["queue.Queue[str]"]:
    """A scanner that is plugged in and open."""
    plug.plug_in()
    scanner = scanner_at(plug, baud_rate)
    with running(scanner) as seen:
        wait_until(is_open(scanner), DEADLINE)
        yield seen


def test_fragments_are_put_together_up_to_the_line_end(plug: Plug) -> None:
    with opened(plug) as seen:
        for at in range(0, len(CARD), 7):
            plug.send(CARD[at : at + 7])
        plug.send(b"\r\n")
        assert seen.get(timeout=DEADLINE) == TEXT
        plug.send(CARD + b"\r" + CARD + b"\r")
        assert [seen.get(timeout=DEADLINE), seen.get(timeout=DEADLINE)] == [TEXT, TEXT]


def test_silence_ends_a_payload_without_a_line_end(plug: Plug) -> None:
    with opened(plug) as seen:
        plug.send(CARD)
        assert seen.get(timeout=DEADLINE) == TEXT


def test_a_payload_with_line_ends_between_its_fields_stays_whole(plug: Plug) -> None:
    with opened(plug) as seen:
        plug.send(CARD.replace(b"|", b"\r\n") + b"\r\n")
        assert parse_payload(seen.get(timeout=DEADLINE)).holder == parse_payload(CARD).holder


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\t", b"\x03", b""])
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf", b"\x02", b"]Q3"])
def test_whatever_frame_a_scanner_sends_the_card_is_the_same(plug: Plug, begin: bytes, end: bytes) -> None:
    with opened(plug) as seen:
        plug.send(begin + CARD + end)
        assert parse_payload(seen.get(timeout=DEADLINE)).holder == parse_payload(CARD).holder


def test_a_letter_cut_between_two_reads_stays_whole(plug: Plug) -> None:
    with opened(plug) as seen:
        for byte in CARD:
            plug.send(bytes([byte]))
        plug.send(b"\r")
        assert seen.get(timeout=DEADLINE) == TEXT


def test_the_lines_of_a_machine_readable_zone_come_as_one(plug: Plug) -> None:
    lines = ["IDVNM3039000171001303900017<<1", "0302147F2802146VNM<<<<<<<<<<<6", "TRAN<<THI<MAU<<<<<<<<<<<<<<<<<"]
    with opened(plug) as seen:
        plug.send("".join(f"{line}\r" for line in lines * 2).encode())
        assert [seen.get(timeout=DEADLINE), seen.get(timeout=DEADLINE)] == ["\r\n".join(lines)] * 2


def test_a_slow_line_is_waited_for_longer(plug: Plug) -> None:
    with opened(plug, baud_rate=1200) as seen:
        began = time.monotonic()
        plug.send(CARD)
        assert seen.get(timeout=DEADLINE) == TEXT
        assert time.monotonic() - began > CHUNK_BITS / 1200


def test_control_characters_of_the_terminal_pass_as_bytes(plug: Plug) -> None:
    with opened(plug) as seen:
        plug.send(b"\x01\x11\x13\x1a|\x7f\xff\x00\r")
        raw = seen.get(timeout=DEADLINE)
        assert raw.encode("utf-8", "surrogateescape") == b"\x01\x11\x13\x1a|\x7f\xff\x00"
        assert parse_payload(raw).reason == "payload.damaged"
        plug.send(CARD + b"\r")
        assert seen.get(timeout=DEADLINE) == TEXT


def test_what_is_cut_off_by_the_plug_is_dropped_and_never_goes_into_the_next(plug: Plug) -> None:
    plug.plug_in()
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        for _ in range(4):
            wait_until(is_open(scanner), DEADLINE)
            plug.send(b"001303900")
            plug.pull_out()
            wait_until(has_problem(scanner, "scanner.missing"), DEADLINE)
            plug.plug_in()
        wait_until(is_open(scanner), DEADLINE)
        plug.send(b"017\r")
        assert seen.get(timeout=DEADLINE) == "017"
        plug.send(CARD + b"\r")
        assert seen.get(timeout=DEADLINE) == TEXT


def test_a_scanner_that_is_back_at_once_is_opened_again(plug: Plug) -> None:
    plug.plug_in()
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        wait_until(is_open(scanner), DEADLINE)
        plug.pull_out()
        plug.plug_in()
        wait_until(lambda: termios.tcgetattr(plug.slave)[2] & termios.HUPCL == 0, DEADLINE, "it is opened")
        wait_until(is_open(scanner), DEADLINE)
        plug.send(CARD + b"\r")
        assert seen.get(timeout=DEADLINE) == TEXT


def test_a_scanner_of_another_program_is_told_and_used_once_it_is_free(plug: Plug) -> None:
    plug.plug_in()
    fcntl.flock(plug.slave, fcntl.LOCK_EX)
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        wait_until(has_problem(scanner, "scanner.held"), DEADLINE)
        fcntl.flock(plug.slave, fcntl.LOCK_UN)
        wait_until(is_open(scanner), DEADLINE)
        plug.send(CARD + b"\r")
        assert seen.get(timeout=DEADLINE) == TEXT


def test_what_a_scanner_kept_from_before_is_nobodys(plug: Plug) -> None:
    with opened(plug) as seen:
        assert termios.tcgetattr(plug.slave)[2] & termios.HUPCL == 0  # closing it will not reset the scanner
    plug.send(CARD + b"\r")
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        wait_until(is_open(scanner), DEADLINE)
        plug.send(b"fresh\r")
        assert seen.get(timeout=DEADLINE) == "fresh"


def test_a_scanner_plugged_in_later_is_found(plug: Plug) -> None:
    scanner = scanner_at(plug)
    with running(scanner) as seen:
        wait_until(has_problem(scanner, "scanner.missing"))
        plug.plug_in()
        wait_until(is_open(scanner))
        plug.send(CARD + b"\r")
        assert seen.get(timeout=DEADLINE) == TEXT


def test_an_endless_payload_is_handed_on_once_and_cut(plug: Plug) -> None:
    with opened(plug) as seen:
        plug.send(b"x" * 20_000)
        flood = seen.get(timeout=DEADLINE)
        assert len(flood) == MAX_LENGTH + 1
        assert parse_payload(flood).reason == "payload.too_long"
        with pytest.raises(queue.Empty):
            seen.get(timeout=0.5)
        plug.send(CARD + b"\r")
        assert seen.get(timeout=DEADLINE) == TEXT


@pytest.mark.parametrize("path", ["/dev/null", "/", __file__])
def test_what_is_no_serial_device_is_told(path: str) -> None:
    scanner = SerialScanner(path, 115200, time.monotonic)
    with running(scanner) as seen:
        wait_until(has_problem(scanner, "scanner.not_serial"), DEADLINE)
        assert seen.empty()


def test_without_a_device_nothing_runs() -> None:
    scanner = SerialScanner("", 115200, lambda: 5.0)
    scanner.run(print, threading.Event())
    assert scanner.health() == {"state": "absent", "problem": None, "device": "", "seconds": 0.0}
