"""The codes in an image file, whatever is in the file. Must not import an image library.

Decoding the file is one process's work (`stills/decoder.py`, the door to Pillow here) and looking for codes another's,
this one's. Decoders of image files have a long history of reading and writing where they should not and of taking all
memory there is; so the child may crash, hang or swell under its limits, and is replaced. It lives for many files, for
starting it costs more than decoding one.

A still may take longer than a frame of a live camera, for there is no next one: what shows no code at first is looked
at inverted; then a large one whole, in tiles, a transparent one over black, a small one enlarged, and one in colours by
its red and its blue. To turn a picture or to enlarge a large one gains nothing that `find` does not read anyway (1 of
60 hard ones for 40 ms each).

Looking for codes has a limit of time as well: 15 kB of PNG may hold a quarter of a million patterns that codes begin
with, and `find` compares each with each. It cannot be interrupted, so that it is given parts that take it 3 s at the
worst.
"""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from reader.optical.pictures import Box, Found, GreyImage
from reader.optical.stills import decoder as child
from reader.optical.stills import greys
from reader.optical.stills.errors import (
    ImageDamaged,
    ImageEmpty,
    ImageMissing,
    ImageNotAFile,
    ImageNotAllowed,
    ImageRefused,
    ImageTooLarge,
    ImageTooSlow,
    ImageUnreadable,
    NotAnImage,
)
from reader.payload.errors import DecoderMissing
from reader.payload.parse import is_of_person

MAX_BYTES = 256 << 20  # of a file
DECODE_MEMORY = 256 << 20  # bytes of the decoder beside the interpreter's own
MOST_SECONDS = 10  # of processor time for one file, to decode it and to look for codes
ANSWER_SECONDS = 60.0  # until an answer of the decoder, however busy the machine is
TILE_SIDE, TILE_OVERLAP = 1448, 512  # a code larger than the overlap is seen in the reduced picture

PAGE_WIDTH = 1 << 16

FRAMES_LEFT_OUT = "image.frames_left_out"
TOO_SLOW = b"s"  # what a child is silent about that took too long
_REFUSALS: dict[bytes, type[ImageRefused]] = {
    child.NOT_AN_IMAGE: NotAnImage,
    child.EMPTY: ImageEmpty,
    child.TOO_LARGE: ImageTooLarge,
    child.DAMAGED: ImageDamaged,
    TOO_SLOW: ImageTooSlow,
}


class Still(NamedTuple):
    """What a file shows: each text once (see `Found.text`), frame after frame and in each as one reads. `warnings`:
    codes of what kept something from being seen."""

    texts: tuple[str, ...]
    warnings: tuple[str, ...]


class StillReader:
    """Looks at one file after the other. To be used in a `with` statement, for it has a child.

    A file may take so many `seconds` of processor time, and `memory_bytes` (beside the interpreter's own) to decode.
    Raises DecoderMissing when a library is not installed.
    """

    def __init__(self, seconds: int = MOST_SECONDS, memory_bytes: int = DECODE_MEMORY) -> None:
        self._seconds = seconds
        self._decoder = _Decoder(seconds, memory_bytes)  # it starts while this process loads its libraries
        try:
            from reader.optical.decode import find
        except ImportError:
            self._decoder.stop()
            raise DecoderMissing from None
        self._find = find

    def __enter__(self) -> "StillReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.stop()

    def read(self, file: int) -> Still:
        """The codes in the file behind this descriptor (`open_image`, `keep_image`).

        Raises NotAnImage, ImageEmpty, ImageTooLarge, ImageTooSlow, ImageDamaged (these when what could be looked at
        shows no code), DecoderMissing.
        """
        frames: dict[int, list[Found]] = {}
        searching = 0.0
        answer = self._decoder.ask(child.OPEN, file)
        while answer.picture is not None:
            search = _Search(self._find, self._seconds - answer.seconds - searching)
            found = search.found(answer.picture)
            searching += search.seconds
            frames.setdefault(answer.frame, []).extend(_on_a_page(found, answer.picture))
            if search.too_slow:
                answer = self._decoder.ask(child.STOP)._replace(kind=TOO_SLOW)
            else:
                answer = self._decoder.ask(child.FOUND if any(map(_is_known, found)) else child.NOTHING)
        texts = tuple(dict.fromkeys(code.text for found in frames.values() for code in as_one_reads(found)))
        refused = _REFUSALS.get(answer.kind) if answer.kind == TOO_SLOW or not answer.damaged else ImageDamaged
        if refused is not None and not texts:
            raise refused
        warnings = () if refused is None else (refused.code,)
        return Still(texts, (*warnings, FRAMES_LEFT_OUT) if answer.left_out else warnings)


class _Search:
    """Looking at one picture for at most so many seconds of processor time and what it takes to look at one part of it
    more. `seconds`: what it took; `too_slow`: there are parts that were not looked at."""

    def __init__(self, find: Callable[[GreyImage], list[Found]], most: float) -> None:
        self.seconds = 0.0
        self.too_slow = False
        self._find = find
        self._most = most

    def found(self, picture: GreyImage) -> list[Found]:
        """The codes in a picture; when there are none in one of usual size, those that are light on dark ground."""
        found = self._found(picture)
        if not found and not self.too_slow and picture.size <= greys.GLANCE_PIXELS:
            found = self._found(np.bitwise_not(picture))
        return found

    def _found(self, picture: GreyImage) -> list[Found]:
        found: list[Found] = []
        for left, top, tile in _tiles(picture):
            if self.seconds >= self._most:
                self.too_slow = True
                break
            began = time.process_time()
            found += [
                Found(code.text, code.box._replace(left=code.box.left + left, top=code.box.top + top))
                for code in self._find(tile)
            ]
            self.seconds += time.process_time() - began
        return found


def open_image(name: str) -> int:
    """A descriptor of the file, for the caller to close. Waits for nobody: pipes and devices are not opened.

    Raises ImageMissing, ImageNotAllowed, ImageNotAFile, ImageEmpty, ImageTooLarge, ImageUnreadable.
    """
    if not name:
        raise ImageMissing
    try:
        if not stat.S_ISREG(Path(name).stat().st_mode):
            raise ImageNotAFile
        file = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        raise ImageMissing from None
    except PermissionError:
        raise ImageNotAllowed from None
    except (OSError, ValueError) as error:
        raise ImageUnreadable(why=getattr(error, "strerror", None)) from None
    return _checked(file)


def keep_image(stream: IO[bytes]) -> int:
    """A descriptor of what comes until the stream ends, kept in memory, for the caller to close.

    Raises ImageEmpty, ImageTooLarge, ImageUnreadable.
    """
    file = os.memfd_create("image")
    left = MAX_BYTES + 1
    try:
        with os.fdopen(file, "wb", closefd=False) as kept:
            while left and (chunk := stream.read(min(left, 1 << 16))):
                left -= kept.write(chunk)
    except OSError as error:
        os.close(file)
        raise ImageUnreadable(why=error.strerror) from None
    return _checked(file)


def _checked(file: int) -> int:
    """The descriptor; else it is closed and refused: it may be another thing than what stood there a moment ago."""
    now = os.fstat(file)
    refused: type[ImageRefused] | None = None
    if not stat.S_ISREG(now.st_mode):
        refused = ImageNotAFile
    elif now.st_size > MAX_BYTES:
        refused = ImageTooLarge
    elif not now.st_size:
        refused = ImageEmpty
    if refused is not None:
        os.close(file)
        raise refused
    return file


def _is_known(code: Found) -> bool:
    """Whether it is a card's or a number's; a code of another kind, on a poster behind it, does not end the search."""
    return is_of_person(code.text)


def _on_a_page(found: Sequence[Found], picture: GreyImage) -> Iterator[Found]:
    """The codes with their places on a page as wide as every other, so that views of one frame can be compared."""
    for text, box in found:
        yield Found(text, Box(*(value * PAGE_WIDTH // picture.shape[1] for value in box)))


def as_one_reads(found: Sequence[Found]) -> list[Found]:
    """Line by line from the top, in each from the left. A code whose middle is above the foot of a line's topmost code
    stands on that line."""
    lines: list[list[Found]] = []
    for code in sorted(found, key=lambda code: code.box.top):
        box = code.box
        if lines and box.top + box.height / 2 < _foot(lines[-1][0].box):
            lines[-1].append(code)
        else:
            lines.append([code])
    return [code for line in lines for code in sorted(line, key=lambda code: code.box.left)]


def _foot(box: Box) -> int:
    return box.top + box.height


def _tiles(picture: GreyImage) -> Iterator[tuple[int, int, GreyImage]]:
    """The picture, or where it is large overlapping parts of it; each with its left and top."""
    height, width = picture.shape
    if height * width <= greys.GLANCE_PIXELS:
        yield 0, 0, picture
        return
    for top in _begins(height):
        for left in _begins(width):
            part = picture[top : top + TILE_SIDE, left : left + TILE_SIDE]
            yield left, top, np.ascontiguousarray(part)


def _begins(length: int) -> list[int]:
    """Where parts of a length begin, the last at its end."""
    last = max(0, length - TILE_SIDE)
    return [*range(0, last, TILE_SIDE - TILE_OVERLAP), last]


class _Answer(NamedTuple):
    kind: bytes
    picture: GreyImage | None = None
    damaged: bool = False
    left_out: bool = False
    frame: int = 0
    seconds: float = 0.0  # of processor time that the decoder took for the file so far


class _Decoder:
    """The child, and its successors."""

    def __init__(self, seconds: int, memory_bytes: int) -> None:
        self._limits = str(memory_bytes), str(seconds)
        self._process, self._channel = _started(*self._limits)
        self._ready = False

    def ask(self, question: bytes, file: int | None = None) -> _Answer:
        """Its answer; of a child that died of a file, what is to be thought of that file. Raises DecoderMissing."""
        if self._process.poll() is not None:
            self.stop()
            self._process, self._channel = _started(*self._limits)
            self._ready = False
        self._require_ready()
        try:
            socket.send_fds(self._channel, [question], [] if file is None else [file])
            return self._answer()
        except (OSError, ValueError):  # it hung up, was silent for too long, or speaks gibberish
            return _Answer(self._cause_of_death())

    def _require_ready(self) -> None:
        """Raises DecoderMissing when it ended before it had begun."""
        try:
            self._ready = self._ready or self._receive(child.HEADER.size)[:1] == child.READY
        except OSError:
            self._ready = False
        if not self._ready:
            self.stop()
            raise DecoderMissing

    def stop(self) -> None:
        """End it."""
        self._channel.close()
        self._process.kill()
        self._process.wait()

    def _answer(self) -> _Answer:
        """Raises OSError, ValueError."""
        header = self._receive(child.HEADER.size)
        kind, damaged, left_out, frame, width, height, took = child.HEADER.unpack(header)
        if kind != child.PICTURE:
            if kind != child.END and kind not in _REFUSALS:
                raise ValueError("no answer")
            return _Answer(kind, None, damaged, left_out)
        if not 0 < width * height <= greys.WHOLE_PIXELS:
            raise ValueError("no picture")
        picture = np.frombuffer(self._receive(width * height), np.uint8).reshape(height, width)
        return _Answer(kind, picture, frame=frame, seconds=took / 1000)

    def _receive(self, size: int) -> bytearray:
        """So many bytes. Raises OSError when it hung up."""
        data = bytearray(size)
        at = 0
        with memoryview(data) as view:
            while at < size:
                received = self._channel.recv_into(view[at:])
                if not received:
                    raise ConnectionAbortedError
                at += received
        return data

    def _cause_of_death(self) -> bytes:
        """What the file is that it died of: too slow or too large, or else damaged."""
        try:
            status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            status = None
        self.stop()
        if status in (None, -signal.SIGXCPU):
            return TOO_SLOW
        return child.TOO_LARGE if status == -signal.SIGKILL else child.DAMAGED


def _started(*limits: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A child, and this end of what it is asked through."""
    channel, its_end = socket.socketpair()
    channel.settimeout(ANSWER_SECONDS)
    with its_end:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", child.__name__, str(its_end.fileno()), *limits],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[its_end.fileno()],
            env={},
            cwd="/",
        )
    return process, channel
