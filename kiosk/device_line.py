"""What the check-in tells the reader process: open this chip, look for lines, stop. What it hears is in `reader_feed`.

Must not import Flask, a device library or a connector.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kiosk.events import Event, LookForLines, MrzFailed, OpenChip, ReadingFailed, StopChip, StopLooking, TellAgain
from kiosk.lanes import submit
from wire.client import Client
from wire.errors import TiepDonError

CHIP_CALL_SECONDS = 5.0
BUSY_PAUSE_SECONDS = 0.2  # a chip reading that was stopped ends with the command under way
BUSY_ATTEMPTS = 15


class DeviceLine:
    """One lane for the chip, one for the camera's look. `current`: the presentation on the screen now."""

    def __init__(
        self,
        reader: Client,
        dispatch: Callable[[Event], None],
        current: Callable[[], str],
        stopped: threading.Event,
    ) -> None:
        self._reader = reader
        self._dispatch = dispatch
        self._current = current
        self._stopped = stopped
        self._chip = ThreadPoolExecutor(1, "chip")
        self._lines = ThreadPoolExecutor(1, "lines")

    def carry_out(self, effect: OpenChip | StopChip | LookForLines | StopLooking | TellAgain) -> None:
        """Set it going; what becomes of it is dispatched."""
        match effect:
            case OpenChip():
                submit(self._chip, self._open_chip, effect)
            case StopChip(presentation):
                submit(self._chip, self._tell, "/v1/chip/cancel", {"presentation": presentation})
            case LookForLines(presentation):
                submit(self._lines, self._look_for_lines, presentation)
            case StopLooking(presentation):
                submit(self._lines, self._tell, "/v1/mrz/stop", {"presentation": presentation})
            case TellAgain():
                submit(self._lines, self._tell, "/v1/codes/again", {})

    def stop(self) -> None:
        """Let go of what has not begun."""
        for lane in (self._chip, self._lines):
            lane.shutdown(wait=False, cancel_futures=True)

    def _open_chip(self, effect: OpenChip) -> None:
        body: dict[str, Any] = {"presentation": effect.presentation, "can": effect.can}
        if effect.printed is not None:
            body["printed"] = effect.printed
        code: str | None = "reader.busy"
        for _ in range(BUSY_ATTEMPTS):
            if self._current() != effect.presentation or self._stopped.is_set():
                return
            code = self._tell("/v1/chip/open", body)
            if code != "reader.busy":
                break
            self._stopped.wait(BUSY_PAUSE_SECONDS)
        if code is not None:
            self._dispatch(ReadingFailed(effect.presentation, code))

    def _look_for_lines(self, presentation: str) -> None:
        code = self._tell("/v1/mrz/look", {"presentation": presentation})
        if code is not None:
            self._dispatch(MrzFailed(presentation, code))

    def _tell(self, path: str, body: dict[str, Any]) -> str | None:
        """Post to the reader; the code of what went wrong, None when all is well."""
        try:
            self._reader.post(path, body, dict[str, Any], timeout=CHIP_CALL_SECONDS)
        except TiepDonError as error:
            return error.code
        return None
