"""gunicorn's arbiter, which tells systemd how it is: ready once its worker answers, alive as long as it does.

gunicorn itself says "ready" before there is a worker, and only looks whether a worker's main thread turns; one whose
threads wait for each other it would keep for ever. Asked from the arbiter's own loop, so that neither an arbiter that
hangs nor a worker that does stays unnoticed, and no thread stands beside a fork. Must not import Flask.
"""

import time
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from wire.systemd import Attendance, Manager, answers

QUESTION = "/health/live"


class AttendedArbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """An arbiter that looks after its own sign of life, once in every round of its loop (a second at most)."""

    def __init__(self, app: BaseApplication, attendance: Attendance) -> None:
        self._attendance = attendance
        super().__init__(app)

    def murder_workers(self) -> None:
        """What the loop does in every round."""
        super().murder_workers()
        self._attendance.look()

    def halt(self, *args: Any, **kwargs: Any) -> None:
        """The end, by a signal or because a worker cannot start."""
        self._attendance.leave()
        super().halt(*args, **kwargs)


def run_attended(app: BaseApplication, manager: Manager, socket: Path) -> None:
    """Serve until told to stop; ends the process. `socket`: where the worker answers on this machine."""
    AttendedArbiter(app, Attendance(manager, partial(answers, socket, QUESTION), time.monotonic)).run()
