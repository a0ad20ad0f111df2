"""The sandbox's camera: a Unix socket at which JPEG pictures come one after the other, as long as somebody listens.

A socket and not a FIFO: nothing waits in it for a product that is being started, so what is seen is what is shown now,
and two may look at once. Costs nothing while nobody looks, and next to nothing while nothing is held up.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.view import View, empty

RATE = 10  # pictures a second while something is held up
STILL_RATE = 5  # while nothing is
SEND_SECONDS = 5.0  # for a product that does not take a picture
ACCEPT_SECONDS = 0.2


class Camera:
    """A camera that sees what it is shown; made by `camera`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._view: View = empty()
        self._since = time.monotonic()
        self._closed = False

    def show(self, view: View) -> None:
        """Hold this up from now on."""
        with self._changed:
            self._view, self._since = view, time.monotonic()
            self._changed.notify_all()

    def clear(self) -> None:
        """Take it away."""
        self.show(empty())

    @property
    def view(self) -> View:
        """What it sees now."""
        return self._view

    def close(self) -> None:
        """End every stream."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def stream(self) -> Iterator[bytes]:
        """Pictures as they fall due, until the camera is closed."""
        while not self._closed:
            with self._changed:
                view, since = self._view, self._since
            yield view.jpeg(int((time.monotonic() - since) * RATE))
            with self._changed:
                if self._view is view and not self._closed:
                    self._changed.wait(1 / (STILL_RATE if view.still else RATE))


@contextmanager
def camera(place: Path) -> Iterator[Camera]:
    """A camera at this socket as long as the context lasts. Raises OSError."""
    made = Camera()
    place.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(place))
        place.chmod(0o600)
        listening.listen(4)
        listening.settimeout(ACCEPT_SECONDS)
        stop = threading.Event()
        accepting = threading.Thread(target=_accept, args=(listening, made, stop), name="camera", daemon=True)
        accepting.start()
        try:
            yield made
        finally:
            stop.set()
            made.close()
            accepting.join()
            place.unlink(missing_ok=True)


def _accept(listening: socket.socket, made: Camera, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            continue
        threading.Thread(target=_send, args=(connection, made), name="camera-stream", daemon=True).start()


def _send(connection: socket.socket, made: Camera) -> None:
    connection.settimeout(SEND_SECONDS)
    with connection, contextlib.suppress(OSError):  # whoever looked is gone
        for picture in made.stream():
            connection.sendall(picture)
