"""A receipt printer that speaks ESC/POS: asked how it is, given one ticket, asked again. Opened for each job alone.

What cannot be known is not claimed: a printer that answers no question is believed to print, and said to be such a one.
"""

import time
from collections.abc import Callable

from config.front import PrinterSettings
from kiosk.printing import escpos
from kiosk.printing.errors import (
    PrinterBroken,
    PrinterCoverOpen,
    PrinterError,
    PrinterNotAnswering,
    PrinterOffline,
    PrinterPaperOut,
)
from kiosk.printing.lines import Clock, Line, open_line
from kiosk.printing.paper import ROLL_DOTS, Ribbon

ANSWER_SECONDS = 1.0  # real-time requests are answered in milliseconds
DRY_SECONDS = 5.0  # a slow printer's longest ticket, 60 mm/s
LOOK_SECONDS = 0.5  # how often it is asked meanwhile

OpenLine = Callable[[], Line]


class EscposDoor:
    """The printer of the settings. Not for two threads at once: `spool.Printer` sees to that."""

    def __init__(self, settings: PrinterSettings, clock: Clock = time.monotonic, open_: OpenLine | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._open = open_ or (lambda: open_line(settings, clock))
        self._has_told = False  # a printer that answered before and no longer does is in trouble
        self._broke_off = True  # whoever printed before us may have been cut off in the middle

    @property
    def dots(self) -> int:
        """Printable width."""
        return ROLL_DOTS[self._settings.paper_mm]

    def condition(self) -> escpos.Condition:
        """How the printer says it is. Raises the errors of `lines.open_line`; PrinterNotAnswering: it fell silent."""
        with self._open() as line:
            return self._first_look(line)

    def print(self, ribbon: Ribbon) -> None:
        """Print one ticket, once. Raises PrinterError; with `begun` where some of it may have come out."""
        with self._open() as line:
            before = self._first_look(line)
            if (wrong := error_of(before)) is not None:
                raise wrong
            sent = line.sent
            try:
                self._hand_over(line, ribbon)
                self._see_it_out(line, before)
            except PrinterError as error:
                error.data["begun"] = line.sent > sent
                raise

    def _hand_over(self, line: Line, ribbon: Ribbon) -> None:
        data = escpos.job(ribbon, self.dots, self._settings.cut, recover=self._broke_off)
        self._broke_off = True
        line.send(data, self._settings.timeout_seconds)
        self._broke_off = False

    def _see_it_out(self, line: Line, before: escpos.Condition) -> None:
        """Wait until it says that it has printed, or says why not. Only of a printer that answers."""
        if not before.told:
            return
        until = self._clock() + min(DRY_SECONDS, self._settings.timeout_seconds)
        line.send(escpos.PAPER_REQUEST, self._settings.timeout_seconds)
        received = b""
        while not escpos.has_answered(received) and self._clock() < until:
            received = line.receive(min(until, self._clock() + LOOK_SECONDS))
            if not received:
                self._judge(self._ask(line))
        # Not every printer knows that request; how it is now is the last word.
        self._judge(self._ask(line))

    @staticmethod
    def _judge(now: escpos.Condition) -> None:
        if not now.told:
            raise PrinterNotAnswering
        if (wrong := error_of(now)) is not None:
            raise wrong

    def _first_look(self, line: Line) -> escpos.Condition:
        found = self._ask(line)
        if self._has_told and not found.told:
            # Not every printer hears a question while it waits for the rest of a picture that broke off.
            line.send(escpos.RECOVERY, min(ANSWER_SECONDS, self._settings.timeout_seconds))
            found = self._ask(line)
        if self._has_told and not found.told:
            raise PrinterNotAnswering
        self._has_told = found.told
        return found

    def _ask(self, line: Line) -> escpos.Condition:
        """All four questions, or none where the first is not answered."""
        answers: dict[int, int] = {}
        for which in (escpos.PRINTER, escpos.CAUSE, escpos.ERROR, escpos.PAPER):
            if not line.answers:
                break
            answer = self._answer(line, which)
            if answer is None:
                break
            answers[which] = answer
        return escpos.condition(answers)

    def _answer(self, line: Line, which: int) -> int | None:
        until = self._clock() + min(ANSWER_SECONDS, self._settings.timeout_seconds)
        while line.receive(self._clock()) and self._clock() < until:
            pass  # answers nobody waited for
        line.send(escpos.status_request(which), min(ANSWER_SECONDS, self._settings.timeout_seconds))
        received = b""
        while self._clock() < until and not escpos.is_garbage(received):
            received += line.receive(until)
            if (answer := escpos.status_answer(received)) is not None:
                return answer
        return None


def error_of(condition: escpos.Condition) -> PrinterError | None:
    """The error that a condition is, the one a person can mend first; None: it prints."""
    for wrong, error in (
        (condition.cover_open, PrinterCoverOpen),
        (condition.paper_out, PrinterPaperOut),
        (condition.broken, PrinterBroken),
        (condition.offline, PrinterOffline),
    ):
        if wrong:
            return error()
    return None
