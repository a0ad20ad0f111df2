"""`tiepdon scan text`: what a payload says, for technicians with a scanner and for integrators with a file.

Reads bytes, because scanners send them; must not load a device library.
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

from reader.payload.text import MAX_LENGTH
from reader.scanner.framing import take_payloads
from tiepdon.commands.scan_line import FIELDS, standard_input, text_line, today

_DESCRIPTION = f"""\
Read one payload per line on standard input (a QR code's text, a machine-readable zone, a number) and print one JSON
object per line, at once:

{FIELDS}

A machine-readable zone is one payload and stands on one line: its two or three lines behind each other, with nothing,
a blank or CR between them.

Exit code: 0 every line was answered, whatever is in it; 2 wrong usage."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    text = commands.add_parser(
        "text",
        help="read payloads as text, one per line on standard input",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    text.add_argument("--json", action="store_true", help="print JSON (always so; accepted for uniformity)")
    text.set_defaults(run=_run)


def run_text(stdin: BinaryIO, stdout: BinaryIO, on: date) -> int:
    """Answer each line of `stdin` with one line of JSON on `stdout`, at once; returns the exit code, always 0.

    `on`: today.
    """
    for line in _lines(stdin):
        for payload in _payloads(line):
            stdout.write(text_line(payload, on))
            stdout.flush()
    return 0


def _payloads(line: bytes) -> tuple[bytes, ...]:
    """One line is one payload, unless a scanner that ends them with CR alone put several into it (card.md 1.5)."""
    found = take_payloads(line + b"\n").payloads if b"\r" in line.rstrip(b"\r") else ()
    return found if len(found) > 1 else (line,)


def _run(options: argparse.Namespace) -> int:  # noqa: ARG001 - every command takes its options
    return run_text(standard_input(), sys.stdout.buffer, today())


def _lines(stdin: BinaryIO) -> Iterator[bytes]:
    """Lines without their LF. Of an endless line only so much is kept as shows that it is too long."""
    limit = MAX_LENGTH + 2  # one byte too many for a payload, and the LF
    while line := stdin.readline(limit):
        rest = line
        while len(rest) == limit and not rest.endswith(b"\n"):
            rest = stdin.readline(limit)
        yield line.removesuffix(b"\n")
