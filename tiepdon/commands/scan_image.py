"""`tiepdon scan image`: the codes in image files, one JSON object per line.

Every file gets its answer, whatever it is; no file stops the ones behind it.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import IO, TYPE_CHECKING, BinaryIO

from tiepdon.commands.scan_line import FIELDS, code_line, no_code_line, standard_input, today

if TYPE_CHECKING:
    from reader.optical.still import StillReader
    from reader.optical.stills.errors import ImageRefused

EXIT_EVERY_FILE = 0
EXIT_NOT_EVERY_FILE = 1
STDIN = "-"
QUIET_SECONDS = 1.0  # a run shorter than this shows no progress

_DESCRIPTION = f"""\
Find the QR codes in image files and print one JSON object per code per line:

  "file"       the file's name as given (bytes in it that are not UTF-8 as \\xNN)
  "text"       the code's text exactly as encoded; one that is not UTF-8 with one ISO 8859-1 letter for each byte
{FIELDS}

Files come in the order given, a file's codes from top to bottom and left to right, each text once. A file without a
code gives one line with "text": null and "reason": "image.no_code"; one that cannot be looked at gives one with the
reason for that, such as image.missing, image.not_an_image, image.too_large or image.damaged. Of a file that is cut off
or damaged the rest is looked at, and "warnings" says so; so it does (image.too_slow) when a file took more than about
10 seconds of processor time and was not looked at to its end.

JPEG, PNG, WebP, GIF, TIFF, BMP and PBM to PPM are read, whatever the file's name ends in; of animations and pages the
first 32. HEIC, AVIF, PDF and SVG are not (image.not_an_image): save such a file as JPEG or PNG. A folder is not
searched: name its files (DIR/*.jpg). A file named "-" is standard input.

Exit code: 0 every file was looked at, with or without a code in it; 1 at least one could not be; 2 wrong usage."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    image = commands.add_parser(
        "image",
        help="read the codes in image files",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    image.add_argument("files", nargs="+", metavar="FILE", help='an image file, or "-" for standard input')
    image.add_argument("--json", action="store_true", help="print JSON (always so; accepted for uniformity)")
    image.add_argument("--language", choices=("vi", "en"), default="en", help="of messages on a terminal (default: en)")
    image.set_defaults(run=_run)


def run_image(
    files: Sequence[str], still: "StillReader", stdin: BinaryIO, stdout: BinaryIO, terminal: "Terminal", on: date
) -> int:
    """Answer each file with its lines, at once; returns the exit code. `on`: today."""
    from reader.optical.stills.errors import ImageRefused

    code = EXIT_EVERY_FILE
    for done, name in enumerate(files):
        terminal.progress(done, len(files))
        source = {"file": os.fsencode(name).decode("utf-8", "backslashreplace")}
        try:
            with _opened(name, stdin) as file:
                texts, warnings = still.read(file)
        except ImageRefused as refused:
            code = EXIT_NOT_EVERY_FILE
            lines = [no_code_line(source, refused.code)]
            terminal.refused(name, refused)
        else:
            lines = [code_line(source, text, on, warnings) for text in texts]
            lines = lines or [no_code_line(source, "image.no_code", warnings)]
        terminal.clear()
        stdout.write(b"".join(lines))
        stdout.flush()
    return code


class Terminal:
    """What a person who watches sees: how far it is, and what is wrong with a file. Silent where nobody watches."""

    def __init__(self, stream: IO[str], language: str, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._language = language
        self._clock = clock
        self._watched = stream.isatty()
        self._quiet_until = clock() + QUIET_SECONDS
        self._shown = 0

    def progress(self, done: int, total: int) -> None:
        """Say how many files are done."""
        if self._watched and self._clock() >= self._quiet_until:
            line = f"{done}/{total}"
            self._write(f"\r{line}")
            self._shown = len(line)

    def clear(self) -> None:
        """Take the progress away, for a line of output comes to the same terminal."""
        if self._shown:
            self._write(f"\r{' ' * self._shown}\r")
            self._shown = 0

    def refused(self, name: str, error: "ImageRefused") -> None:
        """Say what is wrong with a file and what helps. The name could be anything, also a terminal's commands."""
        if self._watched:
            from ui.words import error_line

            self.clear()
            self._write(f"tiepdon: {name!a}: {error_line(error, self._language)}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


@contextmanager
def _opened(name: str, stdin: BinaryIO) -> Iterator[int]:
    """A descriptor of the file. Raises ImageRefused."""
    from reader.optical.still import keep_image, open_image

    file = keep_image(stdin) if name == STDIN else open_image(name)
    try:
        yield file
    finally:
        os.close(file)


def _run(options: argparse.Namespace) -> int:
    from reader.optical.still import StillReader

    terminal = Terminal(sys.stderr, options.language, time.monotonic)
    with StillReader() as still:
        return run_image(options.files, still, standard_input(), sys.stdout.buffer, terminal, today())
