"""Everything that goes to the ticket printer, one after the other on a thread of its own: tickets, copies, looks.

A ticket is committed long before it comes here; whatever the printer does, nothing of it is lost. Must not import
Flask, a device library or a connector.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from config.settings import Settings
from kiosk.clock import Clock
from kiosk.events import Event, PrintEnded, PrinterTold, PrintTicket
from kiosk.lanes import Lane
from kiosk.printing.errors import PrinterError
from kiosk.printing.paper import TicketPaper
from kiosk.printing.spool import PrinterStatus
from kiosk.reprints import Reprint, Reprints
from kiosk.ticket_paper import paper_of
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0  # how often the printer is asked how it is while nobody prints
ROUND_SECONDS = 2.0  # how soon a copy that the staff asked for is begun


class TicketPrinter(Protocol):
    """The ticket printer; in the product a `kiosk.printing.spool.Printer`."""

    def status(self) -> PrinterStatus:
        """How it is. Raises nothing."""
        ...

    def print(self, paper: TicketPaper) -> None:
        """Print one ticket, once. Raises PrinterError."""
        ...

    def reprint(self, paper: TicketPaper) -> None:
        """Print a second copy, marked as one. Raises PrinterError."""
        ...


class PaperLane:
    """`idle`: whether nobody is checking in, so that a look at the printer keeps nobody waiting for their ticket."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        printer: TicketPrinter,
        reprints: Reprints,
        dispatch: Callable[[Event], None],
        idle: Callable[[], bool],
        round_seconds: float = ROUND_SECONDS,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._printer = printer
        self._reprints = reprints
        self._dispatch = dispatch
        self._idle = idle
        self._round_seconds = round_seconds
        self._looked: float | None = None
        self._lane: Lane[PrintTicket] = Lane("paper", self._print, self._round)
        self.start, self.put, self.stop = self._lane.start, self._lane.put, self._lane.stop

    def _print(self, effect: PrintTicket) -> None:
        """One ticket; the machine always hears how it ended."""
        ticket = effect.ticket
        self._noted(lambda: self._reprints.begin_ticket(ticket.ticket_id, effect.language))
        paper = paper_of(self._settings, ticket, effect.language, effect.needs_counter, effect.wait)
        code = _code_of(lambda: (self._printer.reprint if effect.again else self._printer.print)(paper))
        self._noted(lambda: self._reprints.ticket_done(ticket.ticket_id, code))
        self._dispatch(PrintEnded(ticket.ticket_id, code))

    def _round(self) -> float | None:
        self._noted(self._copy)
        now = self._clock.monotonic()
        if self._idle() and (self._looked is None or now >= self._looked + LOOK_SECONDS):
            self._looked = now
            status = self._printer.status()
            self._dispatch(PrinterTold(None if status.ready else status.code or PrinterError.code))
        return self._round_seconds

    def _copy(self) -> None:
        """The copies that the staff asked for; between two of them nobody's own ticket waits longer than for one."""
        for one in self._reprints.open()[:1]:
            self._reprints.begin(one)
            code = self._print_copy(one)
            self._reprints.done(one, code)
            self._dispatch(PrinterTold(code))

    def _print_copy(self, one: Reprint) -> str | None:
        language = one.language or self._settings.kiosk.language
        paper = paper_of(self._settings, one.ticket, language, one.needs_counter)
        return _code_of(lambda: (self._printer.print if one.first else self._printer.reprint)(paper))

    @staticmethod
    def _noted(act: Callable[[], None]) -> None:
        """What cannot be noted is printed all the same: the person stands there."""
        try:
            act()
        except TiepDonError as error:
            log.warning("paper: %s", error.code)


def _code_of(printing: Callable[[], None]) -> str | None:
    """The code of why it did not come out; None: it did."""
    try:
        printing()
    except TiepDonError as error:
        log.warning("paper: %s", error.code)
        return error.code
    except Exception as error:
        # A fault of ours must not leave the person waiting for paper. Neither message nor values.
        log.error("paper: %s", type(error).__name__)
        return PrinterError.code
    return None
