"""Decode image files for `still.py`, one after the other, in a process of its own: its door to Pillow.

Runs as `python -I -m reader.optical.stills.decoder SOCKET MEMORY SECONDS` and lives as long as its socket, for starting
Pillow costs more than decoding a picture. The files are from outside: what they do to a decoder they do here, under
limits of memory and processor time, and this process dies of it alone. Must import nothing of ours but `greys.py`.

Every exception in here means a file that cannot be used: Pillow's decoders raise dozens of kinds on hostile bytes.
"""

import os
import resource
import signal
import socket
import struct
import sys
import time
from hashlib import blake2b
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from reader.optical.stills import greys

if TYPE_CHECKING:
    from PIL.Image import Image

    from reader.optical.stills.greys import Views

# What `still.py` asks, and what it is answered. A picture's pixels follow its header, and nothing can come between.
OPEN, FOUND, NOTHING, STOP = b"O", b"F", b"N", b"S"
READY, PICTURE, END = b"R", b"P", b"E"
NOT_AN_IMAGE, EMPTY, TOO_LARGE, DAMAGED = b"n", b"e", b"l", b"d"
# Kind; `Still.damaged`, `Still.left_out` and `Still.frame` so far; a PICTURE's width and height; milliseconds of
# processor time since the file was opened.
HEADER = struct.Struct("<c??BIII")

STORED_BYTES = 96 << 20  # of a decoded picture before it is made grey
COEFFICIENT_BYTES = 192 << 20  # of a progressive JPEG: 32 megapixels at the least
MOST_FRAMES = 32  # of an animation, or pages
FRAMES_PIXELS = 256 << 20  # of all of them

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_SHORT_SIGNATURES = ((b"BM", "BMP"), *((b"P%d" % kind, "PPM") for kind in range(1, 7)))  # begin many a text too
_PLUGINS = {"JPEG": "Jpeg", "PNG": "Png", "GIF": "Gif", "TIFF": "Tiff", "BMP": "Bmp", "PPM": "Ppm", "WEBP": "WebP"}
_BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1}  # as Pillow keeps them, or makes them on the way; of the others 4
_WEBP_BYTES_PER_PIXEL = 12  # its decoder's canvas, a copy of that, and the picture


class Refused(Exception):
    """The file cannot be used; `kind` is the answer."""

    def __init__(self, kind: bytes) -> None:
        super().__init__(kind)
        self.kind = kind


def main(channel: socket.socket, memory_bytes: int, seconds: int) -> None:
    """Answer until the other side hangs up."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # sizes are looked at here, before anything is decoded
    for plugin in _PLUGINS.values():
        __import__(f"PIL.{plugin}ImagePlugin")
    _limit(memory_bytes)
    channel.sendall(HEADER.pack(READY, False, False, 0, 0, 0, 0))
    while True:
        _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        if not descriptors:
            return
        _allow(seconds)
        with os.fdopen(descriptors[0], "rb") as file:
            _serve(channel, Still(file))


def _serve(channel: socket.socket, still: "Still") -> None:
    """Hand over one picture after the other, for as long as another one is asked for and there is one."""
    began = time.process_time()
    views = still.views()
    said: bytes | None = None
    while said != STOP:
        kind, (width, height), pixels = _next(views, None if said is None else said == FOUND)
        took = int(1000 * (time.process_time() - began))
        channel.sendall(HEADER.pack(kind, still.damaged, still.left_out, still.frame, width, height, took))
        if kind != PICTURE:
            return
        channel.sendall(pixels)
        del pixels
        said = channel.recv(1) or STOP
    channel.sendall(HEADER.pack(END, still.damaged, still.left_out, still.frame, 0, 0, 0))


def _next(views: "Views", found: bool | None) -> tuple[bytes, tuple[int, int], bytes]:
    """The next answer, its picture's size and pixels. All that can fail is done here, before any of it is sent."""
    try:
        picture = next(views) if found is None else views.send(found)
        return PICTURE, picture.size, picture.tobytes()
    except StopIteration:
        return END, (0, 0), b""
    except Refused as refusal:
        return refusal.kind, (0, 0), b""
    except MemoryError:
        return TOO_LARGE, (0, 0), b""
    except Exception:
        return DAMAGED, (0, 0), b""


class Still:
    """One file. `damaged`: a part of it could not be decoded; `left_out`: there are frames behind the last one seen;
    `frame`: the number of the one shown."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.damaged = False
        self.left_out = False
        self.frame = 0
        self._seen: set[bytes] = set()

    def views(self) -> "Views":
        """Each frame in grey, in more ways than one for as long as nothing is found. Raises Refused."""
        image = self._opened()
        if image.format in {"JPEG", "MPO"}:  # what follows in an MPO is the same picture for other screens
            yield from self._views_of_jpeg(image)
            return
        pixels = 0
        for number in range(MOST_FRAMES + 1):
            if number and not self._turned_to(image, number):
                return
            if number == MOST_FRAMES or pixels > FRAMES_PIXELS:
                break
            self.frame = number
            yield from self._views_of_frame(image, number)
            pixels += image.width * image.height
        self.left_out = True

    def _views_of_jpeg(self, image: "Image") -> "Views":
        """The brightness alone, in the scale wanted: both are what a JPEG stores, and spare most of the work."""
        orientation = greys.orientation(image)
        is_grey = image.mode == "L"
        glance = greys.jpeg_scale(image.size, greys.GLANCE_PIXELS)
        whole = greys.jpeg_scale(image.size, greys.WHOLE_PIXELS)
        shown = greys.upright(greys.grey(self._loaded(image, 0, ("L", glance))), orientation)
        small = greys.within(shown, greys.GLANCE_PIXELS)
        if (yield small):
            return
        if whole < glance:
            shown = greys.upright(greys.grey(self._loaded(self._opened(), 0, ("L", whole))), orientation)
        if shown.size != small.size and (yield shown):
            return
        del shown
        if (yield from greys.enlarged(small)):
            return
        if not is_grey:
            yield from greys.colours(self._loaded(self._opened(), 0, ("RGB", glance)), orientation)

    def _views_of_frame(self, image: "Image", number: int) -> "Views":
        image = self._loaded(image, number)
        orientation = greys.orientation(image)
        grey, alpha = greys.layers(image)
        grey, alpha = greys.upright(grey, orientation), None if alpha is None else greys.upright(alpha, orientation)
        shown = greys.over(grey, alpha, greys.WHITE)
        if getattr(image, "is_animated", False):
            digest = blake2b(shown.tobytes()).digest()
            if digest in self._seen:
                return
            self._seen.add(digest)
        glance = greys.within(shown, greys.GLANCE_PIXELS)
        if (yield glance):
            return
        if glance is not shown and (yield shown):
            return
        if alpha is not None and (yield greys.within(greys.over(grey, alpha, greys.BLACK), greys.GLANCE_PIXELS)):
            return
        del grey, shown
        if (yield from greys.enlarged(glance)):
            return
        if number == 0 and alpha is None:  # more pages cost more than a code in colours of one brightness is likely
            yield from greys.colours(image, orientation)

    def _turned_to(self, image: "Image", number: int) -> bool:
        """Whether there is such a frame, and it is the one shown now."""
        try:
            image.seek(number)
        except EOFError:
            return False
        except Exception:
            self.damaged = True
            return False
        return True

    def _loaded(self, image: "Image", number: int, draft: tuple[str, int] | None = None) -> "Image":
        """The frame decoded: whole, or else as much of it as there is. `draft`: of a JPEG, in this mode and scale.

        Raises Refused.
        """
        from PIL import ImageFile

        _check_size(image)
        try:
            ImageFile.LOAD_TRUNCATED_IMAGES = self.damaged
            greys.load(image, draft)
        except MemoryError:
            raise Refused(TOO_LARGE) from None
        except Exception as error:
            if "memory" in str(error):
                raise Refused(TOO_LARGE) from None
            if self.damaged:
                raise Refused(DAMAGED) from None
        else:
            return image
        self.damaged = True
        again = self._opened()
        if number:
            again.seek(number)
        return self._loaded(again, number, draft)

    def _opened(self) -> "Image":
        """The file's header. Raises Refused."""
        from PIL import Image, ImageFile

        self.file.seek(0)
        head = self.file.read(64)
        if not head:
            raise Refused(EMPTY)
        kind = _format(head)
        if kind is None:
            raise Refused(NOT_AN_IMAGE)
        if kind == "WEBP":  # this one makes room for the picture when it is opened
            _check_webp_size(head)
        ImageFile.LOAD_TRUNCATED_IMAGES = True  # a comment too long to be unpacked is no reason to refuse a picture
        try:
            self.file.seek(0)
            image = Image.open(self.file, formats=[kind])
        except MemoryError:
            raise Refused(TOO_LARGE) from None
        except Exception:
            is_short = any(head.startswith(signature) for signature, _ in _SHORT_SIGNATURES)
            raise Refused(NOT_AN_IMAGE if is_short else DAMAGED) from None
        _check_size(image)
        return image


def _format(head: bytes) -> str | None:
    """Pillow's name of the format, by the first bytes alone: names lie, and no file picks among all its decoders."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for begin, kind in (*_SIGNATURES, *_SHORT_SIGNATURES) if head.startswith(begin)), None)


def _check_webp_size(head: bytes) -> None:
    """Raises Refused by the size of the canvas (RFC 9649, 2.5 to 2.7)."""
    chunk, width, height = head[12:16], 0, 0
    if chunk == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    elif chunk == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 ":
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    if width * height * _WEBP_BYTES_PER_PIXEL > 2 * STORED_BYTES:
        raise Refused(TOO_LARGE)


def _check_size(image: "Image") -> None:
    """Raises Refused where the header says that decoding would take too much."""
    width, height = image.size
    if width < 1 or height < 1:
        raise Refused(EMPTY)
    if image.format in {"JPEG", "MPO"}:
        too_large = (
            greys.reduced(image.size, greys.JPEG_SCALES[-1]) > greys.WHOLE_PIXELS
            or _coefficients(image) > COEFFICIENT_BYTES
        )
    else:
        too_large = width * height * _BYTES_PER_PIXEL.get(image.mode, 4) > STORED_BYTES
    if too_large:
        raise Refused(TOO_LARGE)


def _coefficients(image: Any) -> int:
    """Bytes that all coefficients of a progressive JPEG take, which are kept until its last scan (10918-1, G)."""
    if "progressive" not in image.info:
        return 0
    parts = [across * down for _, across, down, _ in image.layer]
    widest = max(across for _, across, _, _ in image.layer) * max(down for _, _, down, _ in image.layer)
    return 2 * int(image.width * image.height * sum(parts) // max(1, widest))


def _limit(memory_bytes: int) -> None:
    """No more memory than that on top of what is mapped now, nothing written to a file, no core dump."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow(seconds: int) -> None:
    """So much processor time for the next file; at its end the kernel ends this process with SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, most))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command; it hangs up
    main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3]))
