"""Asked-for reading of the machine-readable lines by camera, in a worker process that lives as long as it is asked for.

Here is the parent's side: one worker a look, one picture at a time, and nothing the worker answers is believed before
its check digits were computed anew. Must not import OpenCV. Logs how looks end, never what was seen.
"""

import logging
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from reader.errors import CardBroken
from reader.lds.dg1 import parse_zone
from reader.optical.pictures import GreyImage
from reader.optical.zone.worker import HEADER, MOST_PIXELS

log = logging.getLogger(__name__)

WORKER = (sys.executable, "-m", "reader.optical.zone.worker")
MOST_WORKERS = 3  # in one look; one that died thrice would die again
ANSWER_SECONDS = 15.0  # for one picture on a slow machine, the loading included
_STEP_SECONDS = 0.05  # how often the time that is left is looked at
_CHUNK = 1 << 16
_LONGEST_ANSWER = 128  # bytes; two lines of 44 are the longest zone


class LineReader:
    """A FrameTap that looks for the machine-readable zone in a process of its own, when asked to and not longer.

    `clock` gives monotonic seconds. `worker`: the worker's command. All methods may be called from any thread.
    """

    def __init__(self, clock: Callable[[], float], worker: Sequence[str] = WORKER) -> None:
        self._clock = clock
        self._worker = tuple(worker)
        self._lock = threading.Lock()
        self._look: _Look | None = None

    def start(self, on_read: Callable[[tuple[str, ...]], None], seconds: float) -> None:
        """Look until the lines of one document were read (each as printed, every check digit right, handed to
        `on_read` from another thread), for at most `seconds`. Anew when already looking."""
        look = _Look(self._worker, on_read, self._clock, seconds)
        with self._lock:
            before, self._look = self._look, look
        if before is not None:
            before.end()
        look.begin()

    def stop(self) -> None:
        """Look no longer and end the worker. Nothing is handed to `on_read` after this, but a call that has begun may
        still run."""
        with self._lock:
            look, self._look = self._look, None
        if look is not None:
            look.end()

    @property
    def wanted(self) -> bool:
        """Whether it is looking."""
        look = self._look
        return look is not None and look.wanted

    def offer(self, picture: GreyImage) -> None:
        """Take the newest frame, or leave it while the worker is busy with another; never waits."""
        look = self._look
        if look is not None:
            look.offer(picture)


class _Look:
    """One time of looking: a thread that feeds one worker after the other until the end."""

    def __init__(
        self,
        worker: tuple[str, ...],
        on_read: Callable[[tuple[str, ...]], None],
        clock: Callable[[], float],
        seconds: float,
    ) -> None:
        self._worker = worker
        self._on_read = on_read
        self._clock = clock
        self._until = clock() + seconds
        self._changed = threading.Condition()
        self._picture: GreyImage | None = None
        self._idle = False  # whether a picture would be read at once
        self._over = False
        self._thread = threading.Thread(target=self._run, name="mrz-lines", daemon=True)

    @property
    def wanted(self) -> bool:
        return not self._over

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """No more; waits for the worker to be gone, unless called from `on_read`."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def offer(self, picture: GreyImage) -> None:
        if not self._idle or self._over or not 0 < picture.size <= MOST_PIXELS:
            return
        with self._changed:
            if self._idle and not self._over:
                self._picture = picture.copy()
                self._idle = False
                self._changed.notify_all()

    def _run(self) -> None:
        try:
            lines = self._looked()
        except OSError as error:  # no worker can be started
            log.warning("machine-readable lines: no worker: %s", type(error).__name__)
            lines = None
        with self._changed:
            stopped, self._over = self._over and lines is not None, True
            self._picture = None
        if lines is not None and not stopped:
            log.info("machine-readable lines: read")
            self._on_read(lines)

    def _looked(self) -> tuple[str, ...] | None:
        for _ in range(MOST_WORKERS):
            with _Worker(self._worker) as worker:
                lines = self._fed(worker)
            if lines is not None or not self._time_left():
                return lines
            log.warning("machine-readable lines: the worker died")
        return None

    def _fed(self, worker: "_Worker") -> tuple[str, ...] | None:
        """Feed the worker until it has read a zone, is dead, or time is up."""
        while (picture := self._next()) is not None:
            late = self._clock() + ANSWER_SECONDS
            answer = worker.ask(picture, lambda late=late: self._time_left() and self._clock() < late)  # type: ignore[misc]
            if answer is None:
                return None
            lines = _believed(answer)
            if lines is not None:
                return lines
        return None

    def _next(self) -> GreyImage | None:
        """The next picture offered; None when there is no time left."""
        with self._changed:
            self._idle = True
            while self._picture is None and self._time_left():
                self._changed.wait(_STEP_SECONDS)
            self._idle = False
            picture, self._picture = self._picture, None
            return picture if self._time_left() else None

    def _time_left(self) -> bool:
        return not self._over and self._clock() < self._until


class _Worker:
    """A worker process and its two pipes; killed on leaving: it has nothing to lose."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback might say what was seen
            # A second thread of numpy's would take the core that reads codes, and memory.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            bufsize=0,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError
        self._pictures, self._answers = self._process.stdin, self._process.stdout
        for pipe in (self._pictures, self._answers):
            os.set_blocking(pipe.fileno(), False)

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        for pipe in (self._pictures, self._answers):
            with suppress(OSError):
                pipe.close()
        self._process.wait()

    def ask(self, picture: GreyImage, go_on: Callable[[], bool]) -> bytes | None:
        """The worker's answer; None when it died, said nonsense without end, or `go_on` says it took too long."""
        left = memoryview(HEADER.pack(*picture.shape) + picture.tobytes())
        received = b""
        with selectors.DefaultSelector() as pipes:
            pipes.register(self._pictures, selectors.EVENT_WRITE)
            pipes.register(self._answers, selectors.EVENT_READ)
            while go_on():
                ready = [key.fileobj for key, _ in pipes.select(_STEP_SECONDS)]
                try:
                    if self._pictures in ready:
                        left = left[os.write(self._pictures.fileno(), left[:_CHUNK]) :]
                        if not left:
                            pipes.unregister(self._pictures)
                    if self._answers in ready:
                        received += (piece := os.read(self._answers.fileno(), _LONGEST_ANSWER + 1))
                        if not piece or len(received) > _LONGEST_ANSWER:
                            return None
                except BlockingIOError:
                    continue
                except OSError:
                    return None
                if received.endswith(b"\n"):
                    # An answer before the question was wholly heard is none.
                    return None if left else received[:-1]
        return None


def _believed(answer: bytes) -> tuple[str, ...] | None:
    """The lines of an answer that is a zone with every check digit right."""
    try:
        lines = tuple(answer.decode("ascii").split(" "))
        zone = parse_zone("".join(lines))
    except (UnicodeDecodeError, CardBroken):
        return None
    return lines if lines == zone.lines and not zone.faults else None
