"""The asked-for look for the machine-readable lines: one at a time, each with exactly one end. Knows no camera."""

import threading
from collections.abc import Callable
from typing import Protocol

LinesRead = Callable[[str, tuple[str, ...]], None]  # presentation, lines
Ended = Callable[[str, str], None]  # presentation, code of why

NOT_FOUND = "mrz.not_found"


class Lines(Protocol):
    """What finds the lines in a camera's frames (`reader.optical.lines.LineReader`)."""

    def start(self, on_read: Callable[[tuple[str, ...]], None], seconds: float) -> None:
        """Look for at most so long; the lines of one document are handed over once, from another thread."""
        ...

    def stop(self) -> None:
        """Look no longer."""
        ...


class LineSearch:
    """Looks for one presentation at a time; every method may be called from any thread."""

    def __init__(self, lines: Lines, seconds: float, found: LinesRead, failed: Ended) -> None:
        self._lines = lines
        self._seconds = seconds
        self._found = found
        self._failed = failed
        self._lock = threading.Lock()
        self._running: _Run | None = None

    def begin(self, presentation: str) -> None:
        """Look for the lines; a look for somebody else ends unheard. Raises what `Lines.start` raises."""
        run = _Run(presentation)
        with self._lock:
            before, self._running = self._running, run
        if before is not None:
            before.end()
        try:
            self._lines.start(lambda lines: self._read(run, lines), self._seconds)
        except BaseException:
            run.end()
            raise
        threading.Thread(target=self._time_out, args=(run,), name="mrz-time", daemon=True).start()

    def stop(self, presentation: str) -> None:
        """Nobody waits for this look any more."""
        self._finish(presentation, None)

    def fail(self, code: str) -> None:
        """The look that runs, if any, cannot succeed any more."""
        self._finish(None, code)

    def close(self) -> None:
        """Look no longer, for whomever."""
        self._finish(None, None)

    def _finish(self, presentation: str | None, code: str | None) -> None:
        with self._lock:
            run = self._running
        if run is not None and presentation in (None, run.presentation) and run.end():
            self._lines.stop()
            if code is not None:
                self._failed(run.presentation, code)

    def _read(self, run: "_Run", lines: tuple[str, ...]) -> None:
        if run.end():
            self._found(run.presentation, lines)

    def _time_out(self, run: "_Run") -> None:
        if not run.ended.wait(self._seconds) and run.end():
            self._lines.stop()
            self._failed(run.presentation, NOT_FOUND)


class _Run:
    """One look."""

    def __init__(self, presentation: str) -> None:
        self.presentation = presentation
        self.ended = threading.Event()
        self._lock = threading.Lock()

    def end(self) -> bool:
        """End it; whether it was this call that did."""
        with self._lock:
            was_over = self.ended.is_set()
            self.ended.set()
            return not was_over
