"""Errors of the ticket printer. `begun` in the data: something of the ticket may have come out; nothing is ever printed
again by itself, only on a person's request.
"""

from wire.errors import TiepDonError


class PrinterError(TiepDonError):
    """The ticket was not printed, or not seen to be."""

    code = "printer.unknown"


class PrinterOffline(PrinterError):
    """The printer cannot be reached, or says that it is off line (`begun`)."""

    code = "printer.offline"
    retriable = True


class PrinterPaperOut(PrinterError):
    """The printer says that its paper has run out (`begun`)."""

    code = "printer.paper_out"
    retriable = True


class PrinterCoverOpen(PrinterError):
    """The printer says that its cover is open (`begun`)."""

    code = "printer.cover_open"
    retriable = True


class PrinterNotAnswering(PrinterError):
    """The printer took nothing, or stopped answering, in the time it has (`begun`)."""

    code = "printer.not_answering"
    retriable = True


class PrinterBroken(PrinterError):
    """The printer reports an error of its own: cutter, head, voltage (`begun`)."""

    code = "printer.broken"


class PrinterRefused(PrinterError):
    """This user may not open the printer, or its queue takes no jobs."""

    code = "printer.refused"


class PrinterHeld(PrinterError):
    """Another program has the printer open, or too many tickets wait for it."""

    code = "printer.held"
    retriable = True


class PrinterAddress(PrinterError):
    """The setting does not name a printer of its kind (`kind`, `why`)."""

    code = "printer.address"


class CupsMissing(PrinterError):
    """The programs `lp` and `lpstat` are not installed."""

    code = "printer.no_cups"
