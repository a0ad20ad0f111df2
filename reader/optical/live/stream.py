"""A camera that is a stream of JPEG pictures: a FIFO or a Unix socket that another program fills, or a file.

For whatever has no Video4Linux device: the sandbox's camera, a network camera behind a small program, a film for
training. Anything that holds JPEG pictures one after the other will do, such as an MJPEG file or a Motion-JPEG AVI.
Must not import OpenCV.
"""

import os
import select
import socket
import stat
import time

from reader.optical.errors import CameraFailed, CameraMissing, CameraNotAllowed, CameraUnsuitable
from reader.optical.live import jpeg
from reader.optical.live.frames import Frame, JpegFrame
from reader.optical.live.newest import Facts

FILM_SECONDS = 1 / 15  # between the pictures of a file, which could be read at once
FASTEST_SECONDS = 1 / 60  # a program that writes without pause is made to wait
_CHUNK = 1 << 16


class StreamCamera:
    """The stream at `device`. Raises CameraMissing, CameraNotAllowed, CameraUnsuitable.

    It is missing while nobody writes into the FIFO or answers at the socket, and when the file is over; a file without
    a picture is unsuitable.
    """

    patient = True

    def __init__(self, device: str) -> None:
        try:
            self._file, film = _opened(device)
        except PermissionError:
            raise CameraNotAllowed from None
        except OSError:
            raise CameraMissing from None
        self._film = film
        self._pause = FILM_SECONDS if film else FASTEST_SECONDS
        self._splitter = jpeg.Splitter()
        self._waiting: list[bytes] = []
        self._picture = b""
        self._taken_at = 0.0

    @property
    def facts(self) -> Facts:
        """The size is that of the newest picture."""
        return Facts("JPEG", *(jpeg.size_of(self._picture) or (0, 0)))

    def grab(self, seconds: float) -> bool:
        """See `OpenCamera.grab`. Raises CameraMissing when the other side is gone."""
        early = self._taken_at + self._pause - time.monotonic()
        if early > 0:
            time.sleep(early)
        if not self._waiting:
            self._waiting = self._receive(seconds)
        if not self._waiting:
            return False
        self._picture, self._taken_at = self._waiting.pop(0), time.monotonic()
        return True

    def frame(self) -> Frame | None:
        """The picture grabbed last."""
        return JpegFrame(self._picture)

    def close(self) -> None:
        """Let it go."""
        os.close(self._file)

    def _receive(self, seconds: float) -> list[bytes]:
        """The pictures that the next bytes complete; small pieces, so that what waits to be read stays in the pipe
        and makes its writer wait."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                if not select.select([self._file], [], [], left)[0]:
                    return []
                data = os.read(self._file, _CHUNK)
            except BlockingIOError:
                continue
            except OSError as error:
                raise CameraFailed(kind=type(error).__name__) from None
            if not data:
                raise CameraMissing if self._picture or not self._film else CameraUnsuitable
            if pictures := self._splitter.feed(data):
                return pictures
        return []


def _opened(device: str) -> tuple[int, bool]:
    """The open file, and whether it is a film. Raises OSError, CameraUnsuitable."""
    kind = os.stat(device).st_mode  # noqa: PTH116
    if stat.S_ISSOCK(kind):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(device)
            connection.setblocking(False)
            return connection.detach(), False
    if not (stat.S_ISFIFO(kind) or stat.S_ISREG(kind)):
        raise CameraUnsuitable
    # Without waiting: opening a FIFO that nobody writes into would wait for a writer.
    return os.open(device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), stat.S_ISREG(kind)
