"""A lane: one thread that does one kind of work in order, and something of its own in between.

Must not import Flask, a device library or a connector.
"""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from wire.request_id import carried, current, working_for

log = logging.getLogger(__name__)

T = TypeVar("T")

FAULT_SECONDS = 5.0  # until what failed by a fault of ours is tried again
PARTING_SECONDS = 1.0  # a job that takes longer is not waited for when the process ends


class Lane(Generic[T]):
    """Does `work` with each job, in order, under the name of the request that put it. While there is none, `between` is
    called every so many seconds as it says when it returns; None: not before the next job. Neither may raise anything
    but what is a fault of ours."""

    def __init__(self, name: str, work: Callable[[T], None], between: Callable[[], float | None]) -> None:
        self._work = work
        self._between = between
        self._jobs: queue.SimpleQueue[tuple[str, T] | None] = queue.SimpleQueue()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin. What was put before is done first."""
        self._thread.start()

    def put(self, job: T) -> None:
        """One more, behind those that wait."""
        self._jobs.put((current(), job))

    def stop(self) -> None:
        """End behind what was put before; returns when it has, or after PARTING_SECONDS."""
        self._ending = True
        self._jobs.put(None)
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(PARTING_SECONDS)

    def _run(self) -> None:
        while True:
            patience = self._spare() if self._jobs.empty() and not self._ending else 0.0
            try:
                job = self._jobs.get(block=patience != 0.0, timeout=patience)
            except queue.Empty:
                continue
            if job is None:
                return
            self._do(*job)

    def _spare(self) -> float | None:
        try:
            return self._between()
        except Exception as error:
            _log_fault(error)
            return FAULT_SECONDS

    def _do(self, request: str, job: T) -> None:
        with working_for(request):
            try:
                self._work(job)
            except Exception as error:
                _log_fault(error)


def submit(pool: ThreadPoolExecutor, work: Callable[..., object], *arguments: object) -> None:
    """Have a pool do it; a fault of ours is named in the log."""
    pool.submit(carried(work), *arguments).add_done_callback(_note_failure)


def _note_failure(done: Future[object]) -> None:
    """A fault of ours on a lane: the machine's limits cover for it, the log names it, without values."""
    if not done.cancelled() and (error := done.exception()) is not None:
        _log_fault(error)


def _log_fault(error: BaseException) -> None:
    """A fault of ours must not end a lane. Neither message nor values: they may be personal."""
    log.error("unforeseen: %s", type(error).__name__)
