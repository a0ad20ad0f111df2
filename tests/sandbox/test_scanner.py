"""The sandbox scanner is a serial device like any other."""

from pathlib import Path

import pytest
import serial

from sandbox.people import find, qr_text
from sandbox.scanner import MAX_PAYLOAD, scanner
from wire.errors import MalformedMessage


def test_a_code_arrives_as_utf8_with_a_carriage_return(run_dir: Path) -> None:
    text = qr_text(find("eban"))
    with scanner(run_dir / "scanner") as made, serial.Serial(str(run_dir / "scanner"), 115200, timeout=5) as line:
        made.show(text)
        assert line.read_until(b"\r") == text.encode() + b"\r"


def test_control_characters_pass_unchanged(run_dir: Path) -> None:
    text = "a\nb\x03c\x04d\x11e\x13f\x1ag\x7fh"
    with scanner(run_dir / "scanner") as made, serial.Serial(str(run_dir / "scanner"), 115200, timeout=5) as line:
        made.show(text)
        assert line.read_until(b"\r") == text.encode() + b"\r"


def test_codes_that_nobody_reads_block_nothing(run_dir: Path) -> None:
    with scanner(run_dir / "scanner") as made:
        for _ in range(50):
            made.show("x" * 1000)
        with serial.Serial(str(run_dir / "scanner"), 115200, timeout=5) as line:
            line.reset_input_buffer()
            made.show("fresh")
            assert line.read_until(b"\r") == b"fresh\r"


def test_a_reader_may_come_and_go(run_dir: Path) -> None:
    with scanner(run_dir / "scanner") as made:
        for word in ("one", "two"):
            with serial.Serial(str(run_dir / "scanner"), 115200, timeout=5) as line:
                made.show(word)
                assert line.read_until(b"\r") == word.encode() + b"\r"


def test_a_text_longer_than_a_code_is_refused(run_dir: Path) -> None:
    with scanner(run_dir / "scanner") as made, pytest.raises(MalformedMessage):
        made.show("ế" * MAX_PAYLOAD)


def test_the_link_ends_with_the_scanner_and_replaces_an_old_one(run_dir: Path) -> None:
    link = run_dir / "scanner"
    link.symlink_to("/nonexistent")
    with scanner(link):
        assert link.exists()
    assert not link.is_symlink()
