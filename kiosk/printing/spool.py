"""The ticket printer as the check-in knows it: its state, and one ticket printed once.

Called after the ticket is committed, never inside a transaction, and from a thread of its own: printing may take as
long as the settings' time-outs. Any thread may call; one job is done at a time.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from config.front import PrinterSettings
from kiosk.printing.cups_door import CupsDoor
from kiosk.printing.errors import PrinterError, PrinterHeld
from kiosk.printing.escpos_door import EscposDoor, error_of
from kiosk.printing.paper import Say, TicketPaper, ribbon
from kiosk.printing.typesetting import Fonts

MOST_WAITING = 8  # tickets; a queue so long means that the printer does not print
REMEMBERED = 1000  # jobs

PAPER_LOW = "printer.paper_low"
NO_STATUS = "printer.no_status"


@dataclass(frozen=True)
class PrinterStatus:
    """Whether a ticket would be printed now, and the code of what is to be said: why not, or (`ready`) what staff
    should know: PAPER_LOW, NO_STATUS."""

    ready: bool
    code: str | None = None


class Printer:
    """The printer of the settings (`kind` is not "none"). `words`: the words of a language."""

    def __init__(self, settings: PrinterSettings, words: Callable[[str], Say], fonts: Fonts) -> None:
        self._words = words
        self._fonts = fonts
        self._door = CupsDoor(settings) if settings.kind == "cups" else EscposDoor(settings)
        self._patience = settings.timeout_seconds * 2
        self._busy = threading.Lock()
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)
        self._outcomes: OrderedDict[str, PrinterError | None] = OrderedDict()

    def status(self) -> PrinterStatus:
        """How it is. Raises nothing: what is wrong is the status; PrinterHeld's code while a job takes long."""
        if not self._busy.acquire(timeout=self._patience):
            return PrinterStatus(ready=False, code=PrinterHeld.code)
        try:
            return self._look()
        except PrinterError as error:
            return PrinterStatus(ready=False, code=error.code)
        finally:
            self._busy.release()

    def print(self, paper: TicketPaper) -> None:
        """Print a ticket, once for each `paper.code`: the second call prints nothing and ends as the first did, unless
        nothing of that one can have come out. Raises PrinterError."""
        self._in_turn(paper, once=True)

    def reprint(self, paper: TicketPaper) -> None:
        """Print a second copy, marked as one, because a person asked for it. Raises PrinterError."""
        self._in_turn(replace(paper, reprint=True), once=False)

    def _in_turn(self, paper: TicketPaper, *, once: bool) -> None:
        if not self._waiting.acquire(blocking=False):
            raise PrinterHeld(waiting=MOST_WAITING)
        try:
            if not self._busy.acquire(timeout=self._patience):
                raise PrinterHeld
            try:
                if once and paper.code in self._outcomes:
                    outcome = self._outcomes[paper.code]
                    if outcome is not None:
                        raise type(outcome)(**outcome.data)
                    return
                self._do(paper)
            finally:
                self._busy.release()
        finally:
            self._waiting.release()

    def _do(self, paper: TicketPaper) -> None:
        try:
            self._put_on_paper(paper)
        except PrinterError as error:
            if error.data.get("begun"):
                self._remember(paper.code, error)
            raise
        except OSError as error:  # a font that cannot be read: the setting up is broken, not the printer
            raise PrinterError(why=type(error).__name__) from None
        self._remember(paper.code, None)

    def _put_on_paper(self, paper: TicketPaper) -> None:
        say = self._words(paper.language)
        if isinstance(self._door, CupsDoor):
            from kiosk.printing.pdf import page  # reportlab costs 9 MB, for sites with an office printer alone

            self._door.print(page(paper, say, self._fonts))
        else:
            self._door.print(ribbon(paper, say, self._fonts, self._door.dots))

    def _look(self) -> PrinterStatus:
        if isinstance(self._door, CupsDoor):
            return PrinterStatus(ready=True, code=PAPER_LOW if self._door.low() else None)
        found = self._door.condition()
        if (wrong := error_of(found)) is not None:
            return PrinterStatus(ready=False, code=wrong.code)
        if not found.told:
            return PrinterStatus(ready=True, code=NO_STATUS)
        return PrinterStatus(ready=True, code=PAPER_LOW if found.paper_low else None)

    def _remember(self, code: str, outcome: PrinterError | None) -> None:
        self._outcomes[code] = outcome
        while len(self._outcomes) > REMEMBERED:
            self._outcomes.popitem(last=False)
